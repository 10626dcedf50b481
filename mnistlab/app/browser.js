// Gives ipywidgets' controls the names that assistive technology needs, and tells the kernel about the page.

// A slider's handle has the role but no name; its label stands beside it. Its value is spoken as the readout shows it,
// since a logarithmic slider's own number is an exponent.
function nameSlider(slider) {
  const handle = slider.querySelector(".noUi-handle");
  const label = slider.querySelector(".widget-label");
  const readout = slider.querySelector(".widget-readout");
  if (!handle || !label) return;
  set(handle, "aria-label", label.textContent.trim());
  if (readout) set(handle, "aria-valuetext", readout.textContent.trim());
}

// The upload button counts its files in its name, and the count is always put back to nought.
function nameUpload(button) {
  const name = button.textContent.replace(/\s*\(\d+\)\s*$/, "");
  if (name !== button.textContent) button.textContent = name;
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function mend() {
  document.querySelectorAll(".mnistlab .widget-slider").forEach(nameSlider);
  document.querySelectorAll(".mnistlab .widget-upload").forEach(nameUpload);
  document.querySelectorAll(".mnistlab-status").forEach((status) => {
    set(status, "role", "status");
    set(status, "aria-live", "polite");
  });
  document.querySelectorAll(".mnistlab-curves img").forEach((image) => {
    set(image, "alt", "Curves of loss and accuracy, training and validation, by epoch");
  });
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

export default {
  initialize({ model }) {
    const observer = new MutationObserver(mendSoon);
    observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    const phone = window.matchMedia("(max-width: 640px)");
    const tell = () => {
      model.set("narrow", phone.matches);
      model.save_changes();
    };
    phone.addEventListener("change", tell);
    // What is chosen in HTML that a panel shows: <button data-act="cell" data-value="3 5">, <select data-act="clean" ...>.
    const act = (event) => {
      const chosen = event.target.closest?.(event.type === "click" ? "button[data-act]" : "select[data-act]");
      const own = chosen?.closest(".mnistlab")?.querySelector(":scope > .mnistlab-browser");
      if (own?.dataset.key !== model.get("key")) return; // another page's, in a window with several notebooks
      model.send({ act: chosen.dataset.act, value: chosen.dataset.value ?? "", choice: chosen.value ?? "" });
    };
    document.addEventListener("click", act);
    document.addEventListener("change", act);
    model.set("ready", true);
    tell();
    mendSoon();
    return () => {
      observer.disconnect();
      phone.removeEventListener("change", tell);
      document.removeEventListener("click", act);
      document.removeEventListener("change", act);
    };
  },
  render({ model, el }) {
    el.style.display = "none";
    el.classList.add("mnistlab-browser");
    el.dataset.key = model.get("key");
    mendSoon();
  },
};
