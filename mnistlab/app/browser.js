// Gives ipywidgets' controls the names that assistive technology needs, and tells the kernel about the page.

// A slider's handle has the role but no name; its label stands beside it. Its value is spoken as the readout shows it,
// since a logarithmic slider's own number is an exponent.
function nameSlider(slider) {
  const handle = slider.querySelector(".noUi-handle");
  const label = slider.querySelector(".widget-label");
  const readout = slider.querySelector(".widget-readout");
  if (!handle || !label) return;
  const name = label.textContent.trim();
  set(handle, "aria-label", name);
  set(handle, "aria-disabled", String(slider.querySelector(".noUi-target").hasAttribute("disabled")));
  if (!readout) return;
  set(handle, "aria-valuetext", readout.textContent.trim());
  set(readout, "role", "textbox"); // the value can be typed there
  set(readout, "aria-label", t("{name} value", { name }));
}

// The same words for everyone: the chart of the curves is described by the caption under it.
function describeCurves(image) {
  set(image, "alt", t("Curves of loss and accuracy, training and validation, by epoch"));
  const caption = image.closest(".mnistlab").querySelector(".mnistlab-caption");
  if (!caption) return;
  caption.id ||= `mnistlab-caption-${Math.random().toString(36).slice(2)}`;
  set(image, "aria-describedby", caption.id);
}

// A button that is pressed by keyboard and then disabled would take the focus with it, to the top of the page: Train
// hands it to Stop, and Stop gives it back; others hand it to the nearest row before them that can take it.
let focused = null;
let sliderFocus = null;
function onFocus(event) {
  if (!event.target.closest) return; // Firefox tells the page as a whole, too
  focused = event.target;
  const [name] = focused.closest("[class*='mnistlab-of-']")?.className.match(/mnistlab-of-\w+/) ?? [];
  if (!name) return (sliderFocus = null);
  const place = `.${name} [role='${focused.getAttribute("role")}']`;
  sliderFocus = { element: focused, panel: focused.closest(".mnistlab"), place };
}
function onBlur(event) {
  if (event.target === focused && !focused.disabled) focused = null; // left on purpose
}
function focusIsLost() {
  return [document.body, null].includes(document.activeElement);
}
function keepFocus() {
  if (!focused || !(focusIsLost() || document.activeElement === focused)) return;
  if (!focused.disabled && focusIsLost() && focused.closest(".mnistlab")) focused.focus({ preventScroll: true });
  if (!focused.disabled) return; // it was for a moment, if at all
  const own = focused.closest(".mnistlab-buttons");
  const pair = [...(own?.querySelectorAll(".mnistlab-train, .mnistlab-stop") ?? [])];
  const rows = [...(focused.closest(".mnistlab")?.querySelectorAll(".mnistlab-buttons") ?? [])].filter((row) =>
    row !== own && focused.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_PRECEDING);
  const before = rows.reverse().flatMap((row) => [...row.querySelectorAll("button, select, input")]);
  const next = pair.length ? pair : before; // of Train and Stop one can be pressed in a moment
  next.find((control) => !control.disabled && control.getClientRects().length)?.focus({ preventScroll: true });
}
// A slider that gets other ends is made anew: what had the focus in it gets it again.
function keepSliderFocus() {
  if (!sliderFocus || sliderFocus.element.isConnected || !focusIsLost()) return;
  sliderFocus.panel.querySelector(sliderFocus.place)?.focus({ preventScroll: true });
}
// A key that is held down presses a button once, or Train would be followed by Stop.
function onKey(event) {
  forgetOpened();
  if (!event.repeat) begin(event.target);
  if (event.target.matches(".noUi-handle, .mnistlab-map-points") && MOVES.test(event.key)) goOn();
  const presses = ["Enter", " "].includes(event.key);
  if (event.repeat && presses && event.target.matches(".mnistlab-buttons button")) event.preventDefault();
}

// What is typed beside a slider: ipywidgets would make 0 of "0,05", and the slider's end of what lies beyond it. So the
// kernel is given the words themselves, and the readout shows the value that comes of them.
const TYPING = ["beforeinput", "keydown", "blur"];
const TYPED_IN = "[class*='mnistlab-of-'] .widget-readout[contenteditable='true']";
function typed(event) {
  const shown = event.target.dataset;
  if (event.type === "beforeinput") shown.before ??= event.target.textContent;
  if (event.type !== "blur" && event.key !== "Enter") return null;
  event.stopImmediatePropagation();
  if (event.type === "keydown") event.preventDefault();
  const [words, before] = [event.target.textContent.trim(), shown.before];
  delete shown.before;
  if (before === undefined) return null; // only looked at
  event.target.textContent = before;
  return words === before.trim() ? null : words;
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function mend() {
  document.querySelectorAll(".mnistlab-toggle").forEach((toggle) => {
    set(toggle, "aria-expanded", String(toggle.classList.contains("mod-active")));
    toggle.removeAttribute("title"); // ipywidgets writes "null" there
  });
  document.querySelectorAll(".mnistlab .widget-slider").forEach(nameSlider);
  document.querySelectorAll(".mnistlab-status, .mnistlab-said").forEach((status) => {
    set(status, "role", "status");
    set(status, "aria-live", "polite");
  });
  document.querySelectorAll(".mnistlab .mnistlab-curves img").forEach(describeCurves);
  document.querySelectorAll(".mnistlab .widget-toggle-buttons button").forEach((button) => {
    set(button, "aria-pressed", String(button.classList.contains("mod-active")));
  });
  keepFocus();
  keepSliderFocus();
  keepOpened();
}

// To the heading that stands above the panel in the notebook, or to the panel where there is none; the focus goes to
// the first of its controls that takes it. A panel that comes in another language is made anew and loses it: until the
// reader does something, it is given again.
let opened = "";
function bringIntoView(name) {
  opened = name;
  const panel = name && document.querySelector(`.mnistlab-panel-${CSS.escape(name)}`);
  if (!panel) return;
  const headings = [...document.querySelectorAll("h2")].filter((heading) => before(heading, panel));
  (headings.at(-1) ?? panel).scrollIntoView();
  [...panel.querySelectorAll("button, input, select, [tabindex='0']")].find((control) => {
    control.focus({ preventScroll: true });
    return control === document.activeElement;
  });
}
function forgetOpened() {
  opened = "";
}
function keepOpened() {
  if (opened && focusIsLost()) bringIntoView(opened);
}
function before(one, other) {
  return one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
}

// What went wrong is said where the student is, whichever panel that may be, until something else is done: a slider
// moved, a stroke begun, a button pressed, something chosen. The beginning of a press or a choice may end the typing
// beside a slider: what that leads to is said after it, and stays. Assistive technology clicks without a beginning.
const BEGUN = ".mnistlab :is(.noUi-target, .mnistlab-sheet)";
const DONE = { click: ".mnistlab :is(button, summary, .mnistlab-map-points)", change: ".mnistlab *" };
const MOVES = /^(Arrow.*|Page.*|Home|End|Enter| )$/;
let begun = {};
function standing() {
  return document.querySelector(".mnistlab-problem");
}
function begin(target) {
  begun = { control: controlOf(target), problem: standing() };
}
function controlOf(target) {
  return target.closest?.("label, button") ?? target; // a checkbox is clicked by its label
}
function onPress(event) {
  forgetOpened();
  if (!sliderFocus?.element.contains(event.target)) sliderFocus = null; // the focus goes where the mouse is
  begin(event.target);
  if (event.target.closest?.(BEGUN)) goOn();
}
function onDone(event) {
  if (!event.target.closest?.(DONE[event.type])) return;
  const { control, problem } = begun;
  if (controlOf(event.target) !== control) return goOn();
  begun = {};
  goOn(problem);
}
// On a wide window, what More settings is about to open below shall be seen: the style says, by a scroll margin, how
// much room that needs.
function makeRoom({ target }) {
  target.closest?.(".mnistlab-panel-train .mnistlab-toggle:not(.mod-active)")?.scrollIntoView({ block: "nearest" });
}
function goOn(problem = standing()) {
  problem?.remove();
}
function sayProblem(sentence) {
  goOn();
  const said = document.body.appendChild(document.createElement("div"));
  said.className = "mnistlab mnistlab-problem";
  said.setAttribute("role", "alert");
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: t("Close") });
  close.addEventListener("click", () => said.remove());
  said.replaceChildren(Object.assign(document.createElement("p"), { textContent: sentence }), close);
}

// The clipboard is only open to pages that came over https or from this machine: else the address is marked, to copy.
async function copy(button) {
  const field = button.parentElement.querySelector("input");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = t("Copied");
  } catch {
    button.textContent = t("Press Ctrl+C to copy");
  }
}

// An image may be shown twice, among the worst and in a cell of the matrix.
function chooseAlike(select) {
  const all = select.closest(".mnistlab").querySelectorAll("select[data-act='clean']");
  for (const each of all) if (each.dataset.value === select.dataset.value) each.value = select.value;
}

// The notebook's own words, beside the panels. The table says what a paragraph becomes; <b> in it is ours.
function translate(model) {
  window.mnistlabWords = model.get("words");
  document.querySelectorAll(".jp-RenderedMarkdown :is(h1, h2, h3, p)").forEach((place) => {
    place.mnistlabEnglish ??= place.innerHTML;
    place.dataset.english ??= [...place.childNodes].map((node) =>
      node.classList?.contains("anchor-link") ? "" : node.textContent).join("").replace(/\s+/g, " ").trim();
    place.innerHTML = window.mnistlabWords[place.dataset.english] ?? place.mnistlabEnglish;
  });
  // A lesson's own text stays English, and says so to a screen reader.
  const heading = document.querySelector("h1")?.dataset.english;
  if (languageOf(model) === "en" || heading in window.mnistlabWords) {
    set(document.documentElement, "lang", languageOf(model));
  }
  document.title = t((document.documentElement.dataset.title ??= document.title));
  window.dispatchEvent(new Event("mnistlab-language"));
}

function languageOf(model) {
  return { zh: "zh-CN" }[model.get("language")] ?? model.get("language");
}

// The panels have come in the reader's language.
function reveal(model) {
  document.querySelectorAll(".mnistlab").forEach((panel) => set(panel, "lang", languageOf(model)));
  document.documentElement.classList.remove("mnistlab-other-language");
  mendSoon();
}

let waiting = false;
function mendSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    mend();
  });
}

// A kernel may have begun before any page asked for it, so it learns of the address from the page. What the kernel
// answers is lost on any widget whose code is still on its way: so not before this one is drawn for the first time, in a
// panel, which has brought the code that all of them need.
let told = false;
function tellOfPage(model) {
  told = true;
  model.set("address", location.origin + location.pathname);
  model.set("query", location.search);
  model.set("languages", [...navigator.languages]);
  model.set("ready", true);
  tellWidth(model);
}

const phone = window.matchMedia("(max-width: 640px)");
function tellWidth(model) {
  model.set("narrow", phone.matches);
  model.save_changes();
}

export default {
  initialize({ model }) {
    const observer = new MutationObserver(mendSoon);
    observer.observe(document.body, {
      childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["disabled"],
    });
    const listeners = {
      focusin: onFocus, focusout: onBlur, keydown: onKey, pointerdown: onPress, wheel: forgetOpened,
      touchstart: forgetOpened, click: onDone, change: onDone, drop: () => goOn(),
    };
    for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener, true);
    const tell = () => tellWidth(model);
    phone.addEventListener("change", tell);
    // What is chosen in HTML that a panel shows: <button data-act="cell" data-value="3 5">, <select data-act="clean">.
    const act = (event) => {
      forgetOpened();
      mendSoon(); // a toggle button has been pressed, perhaps
      const chosen = event.target.closest?.(event.type === "click" ? "button[data-act]" : "select[data-act]");
      const own = chosen?.closest(".mnistlab")?.querySelector(":scope > .mnistlab-browser");
      if (own?.dataset.key !== model.get("key")) return; // another page's, in a window with several notebooks
      if (chosen.dataset.act === "copy") copy(chosen);
      if (chosen.dataset.act === "clean") chooseAlike(chosen);
      model.send({ act: chosen.dataset.act, value: chosen.dataset.value ?? "", choice: chosen.value ?? "" });
    };
    document.addEventListener("click", act);
    document.addEventListener("click", makeRoom, true); // before the toggle says that it is open
    document.addEventListener("change", act);
    const type = (event) => {
      if (!event.target.matches?.(TYPED_IN)) return;
      const own = event.target.closest(".mnistlab").querySelector(":scope > .mnistlab-browser");
      const words = own?.dataset.key === model.get("key") && typed(event);
      const [, name] = event.target.closest("[class*='mnistlab-of-']").className.match(/mnistlab-of-(\w+)/);
      if (!words) return;
      goOn();
      model.send({ act: "typed", value: name, choice: words });
    };
    for (const name of TYPING) document.addEventListener(name, type, true);
    model.on("change:words", () => translate(model));
    model.on("change:shown", () => reveal(model));
    if (model.get("language") !== "en") { // a cell that was run again
      translate(model);
      reveal(model);
    }
    model.on("msg:custom", (message) => message.problem && sayProblem(message.problem));
    model.on("change:panel", () => bringIntoView(model.get("panel")));
    mendSoon();
    return () => {
      observer.disconnect();
      for (const [name, listener] of Object.entries(listeners)) document.removeEventListener(name, listener, true);
      phone.removeEventListener("change", tell);
      document.removeEventListener("click", act);
      document.removeEventListener("click", makeRoom, true);
      document.removeEventListener("change", act);
      for (const name of TYPING) document.removeEventListener(name, type, true);
    };
  },
  render({ model, el }) {
    el.style.display = "none";
    el.classList.add("mnistlab-browser");
    el.dataset.key = model.get("key");
    mendSoon();
    if (!told) tellOfPage(model);
  },
};
