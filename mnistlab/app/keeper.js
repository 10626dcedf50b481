// Keeps the run in the browser, offers it after a reload, and watches over the page.

// So many runs are kept for one notebook, each under 4 MB; the oldest goes first.
const SLOTS = 8;

// --- What is kept: IndexedDB, for localStorage ends at 5 MB --------------------------------------------------------

function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

async function open() {
  const request = indexedDB.open("mnistlab", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("runs", { keyPath: "slot" }); // what a run is, small
    request.result.createObjectStore("contents"); // its bytes, by slot
  };
  return answered(request);
}

// The notebook's address within its server, so that it is the same under another user's prefix on Binder.
function place() {
  let base = "/";
  try {
    base = JSON.parse(document.getElementById("jupyter-config-data").textContent).baseUrl ?? "/";
    base = new URL(base, location.href).pathname;
  } catch {
    // no Jupyter page: the whole path is as good
  }
  const path = location.pathname;
  return path.startsWith(base) ? path.slice(base.length) : path;
}

class Shelf {
  // Each session has a slot of its own, so that two tabs never overwrite each other; a run that is restored stays in
  // the one that it has, which is this session's from then on. In JupyterLab several windows may show the same session:
  // all of them keep the same there.
  constructor(slot) {
    this.path = place();
    this.slot = slot;
    this.base = null;
    this.free = () => {};
  }

  // Held until the page or its session is gone: so other pages know that the run is still somebody's. The browser gives
  // locks to safe addresses alone.
  hold() {
    navigator.locks?.request(this.slot, () => new Promise((free) => (this.free = free)));
  }

  async transaction(mode) {
    this.base ??= await open();
    return this.base.transaction(["runs", "contents"], mode);
  }

  async put(about, content, slot = this.slot) {
    const transaction = await this.transaction("readwrite");
    const [runs, contents] = [transaction.objectStore("runs"), transaction.objectStore("contents")];
    runs.put({ slot, session: this.slot, path: this.path, saved: Date.now(), about });
    contents.put(content, slot);
    const own = this.newestFirst(await answered(runs.getAll()));
    for (const { slot } of own.slice(SLOTS)) {
      runs.delete(slot);
      contents.delete(slot);
    }
    await finished(transaction);
  }

  newestFirst(runs) {
    return runs.filter((run) => run.path === this.path).sort((one, other) => other.saved - one.saved);
  }

  async all() {
    return answered((await this.transaction("readonly")).objectStore("runs").getAll());
  }

  // What another window of this session has kept, or this one before it was reloaded.
  async own() {
    return this.newestFirst(await this.all()).find(({ session }) => session === this.slot);
  }

  // Those of earlier sessions, and not of tabs that are still open.
  async others() {
    const runs = await this.all();
    const open = new Set((await navigator.locks?.query())?.held.map(({ name }) => name));
    return this.newestFirst(runs).filter(({ session }) => session !== this.slot && !open.has(session));
  }

  async content(slot) {
    return answered((await this.transaction("readonly")).objectStore("contents").get(slot));
  }

  async forget(slot) {
    const transaction = await this.transaction("readwrite");
    transaction.objectStore("runs").delete(slot);
    transaction.objectStore("contents").delete(slot);
    await finished(transaction);
  }
}

// --- Small parts of the page ---------------------------------------------------------------------------------------

// The name of a run in the page's language, where it is one that the lab gives; see run_title in lab.py.
function title(name) {
  const [, before, added] = name.match(/^(.+), (taught|restored|loaded)$/) ?? [];
  if (added === "taught") return t("{name}, taught", { name: title(before) });
  if (added === "restored") return t("{name}, restored", { name: title(before) });
  if (added === "loaded") return t("{name}, loaded", { name: title(before) });
  const [, number] = name.match(/^Run (\d+)$/) ?? [];
  return number ? t("Run {number}", { number }) : name;
}

function said({ epochs, accuracy }) {
  const count = epochs === 1 ? t("1 epoch") : t("{count} epochs", { count: epochs });
  return accuracy == null ? count : t("{count}, {share} %", { count, share: (100 * accuracy).toFixed(1) });
}

function named(about) {
  return t("{name} ({said})", { name: title(about.name), said: said(about) });
}

// A time as the page's language writes it; how English does is the browser's own affair.
function time(milliseconds) {
  const language = document.documentElement.lang.startsWith("zh") ? "zh-CN" : undefined;
  return new Date(milliseconds).toLocaleString(language);
}

function saveAs(name, kind, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: kind }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a browser may ask first where to save it
}

// --- All of it together --------------------------------------------------------------------------------------------

function keep(model, views) {
  const shelf = new Shelf(model.get("key"));
  if (inPage()) shelf.hold(); // in JupyterLab the page outlives its sessions
  // Functions, as the page's language may arrive after the words are drawn.
  const nothing = () => t("Nothing is kept in this browser yet: a run is, after its first epoch.");
  let earlier = null; // what is said of the newest of the runs from before
  const fromBefore = () => t("Kept in this browser from before: {run}. Each time the page is opened, it is offered.",
    { run: named(earlier) });
  let line = nothing;
  let kept = null; // {about, content}: what this page has put on the shelf
  let [parts, about, size] = [[], null, 0]; // what has come so far of what the kernel sends
  const offer = inPage() ? new Bar("mnistlab-bar-offer", "region") : null;

  const tell = (words) => {
    line = words;
    for (const view of views) view.line.textContent = words();
  };
  const cannotKeep = () => tell(() => t(
    "This browser keeps nothing here, perhaps because its window is a private one. Download what you need."));

  // What the kernel sends.
  async function onMessage(message, buffers) {
    if (message.do === "download") {
      saveAs(message.name, message.kind, buffers[0]);
    } else if (message.do === "keep") {
      if (message.about) [parts, about, size] = [[], message.about, 0];
      if (!about || message.start !== size) return; // the rest of something that began before this page
      parts.push(buffers[0]);
      size += buffers[0].byteLength;
      if (!message.last) return sendBy(model, { is: "got", number: message.number, start: message.start });
      const [whole, what] = [new Blob(parts), about]; // the next may begin to come before this one is put away
      [parts, about] = [[], null];
      try {
        const content = await whole.arrayBuffer();
        if (!/, restored$/.test(what.name)) home = undefined; // another run
        await shelf.put(what, content, home);
        kept = { about: what, content };
        tell(() => keptNow(kept.about));
        sendBy(model, { is: "kept", number: message.number });
      } catch (error) {
        console.warn("mnistlab: nothing can be kept in this browser.", error);
        cannotKeep();
        sendBy(model, { is: "refused", number: message.number });
      }
    } else if (message.do === "restored") {
      onRestored(message.why_not);
    }
  }

  // The offer of earlier runs: of the newest first, and of those before it where somebody asks for them.
  let offered = null; // {runs, at}
  let restoring = false;
  let home; // where the run that was restored comes from, and is kept as it goes on
  let onRestored = () => {};
  const offerAt = () => offer?.element ?? views.at(0)?.offer;
  async function offerRun(at = 0) {
    const runs = await shelf.others();
    earlier = runs[0]?.about;
    if ([nothing, fromBefore].includes(line)) tell(earlier ? fromBefore : nothing);
    if (!earlier || model.get("running")) return hideOffer();
    offered = { runs, at: at % runs.length };
    drawOffer();
  }

  function drawOffer() {
    const { runs, at } = offered;
    const { slot, saved, about: its } = runs[at];
    offer?.element.setAttribute("aria-label", t("Your last run is still in this browser."));
    const when = { time: time(saved) };
    const words = make("p", "", at === 0
      ? t("Your last run is still in this browser. From {time}.", when)
      : t("This run is still in this browser, too. From {time}.", when));
    const problem = make("p", "mnistlab-keeper-problem");
    problem.setAttribute("role", "status");
    const what = { said: said(its) };
    const name = at === 0 ? t("Restore your last run ({said})", what) : t("Restore this run ({said})", what);
    const restore = button(name, async () => {
      if (restoring) return;
      restoring = true;
      restore.setAttribute("aria-disabled", "true");
      restore.classList.add("mnistlab-sending");
      onRestored = (whyNot) => {
        restoring = false;
        if (whyNot) home = undefined;
        restore.removeAttribute("aria-disabled");
        restore.classList.remove("mnistlab-sending");
        if (!whyNot) return hideOffer();
        problem.textContent = whyNot;
      };
      try {
        const content = await shelf.content(slot);
        home = slot;
        sendBy(model, { is: "restore" }, [content]);
      } catch (error) {
        onRestored(String(error?.message ?? error));
      }
    });
    restore.classList.add("mnistlab-keeper-primary");
    const discard = button(t("Discard"), async () => {
      if (restoring) return;
      await shelf.forget(slot);
      await offerRun(at);
      offerAt()?.querySelector("button")?.focus();
    });
    const choices = [restore, discard, button(t("Not now"), () => restoring || hideOffer())];
    if (runs.length > 1) {
      const place = { place: at + 1, count: runs.length };
      const another = button(t("Show another ({place} of {count})", place), async () => {
        if (restoring) return;
        await offerRun(at + 1);
        (offerAt()?.querySelector(".mnistlab-keeper-another") ?? offerAt()?.querySelector("button"))?.focus();
      });
      another.classList.add("mnistlab-keeper-another");
      choices.splice(2, 0, another);
    }
    const children = [words, row(...choices), problem];
    if (offer) offer.show(...children);
    else offerAt()?.replaceChildren(...children);
  }

  function hideOffer() {
    offered = null;
    if (offer) offer.hide();
    else for (const view of views) view.offer.replaceChildren();
  }

  function keptNow(about) {
    if (about.kind === "network") return t("Kept in this browser: {run}.", { run: named(about) });
    return t(
      "Kept in this browser: settings and figures of {run}. Its network of {size} MB is too large for that: " +
      "download it.", { run: named(about), size: about.megabytes.toFixed(1) });
  }

  function whatIsSafe(ended) {
    if (!kept) return ended ? t("No run was kept yet. Reload the page to begin again.") : "";
    const run = named(kept.about);
    return ended
      ? t("Kept in this browser: {run}. Reload the page, then choose Restore.", { run })
      : t("Kept in this browser, whatever happens: {run}.", { run });
  }

  function buttons() {
    if (kept?.about.kind !== "network") return [];
    return [button(t("Download the network"), () =>
      saveAs("mnistlab-network.npz", "application/octet-stream", kept.content))];
  }

  function onEnded() {
    shelf.free();
    hideOffer();
  }

  // Leaving in the middle of a run. Voilà must not hear of it before the page really goes; see the page's template.
  let [asked, held] = [false, false];
  function onLeave(event) {
    asked = !held && model.get("running") && watching.state === "well";
    if (!asked) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    event.returnValue = true;
  }
  function onGone() {
    if (!asked) return; // then Voilà has heard it already
    held = true;
    window.dispatchEvent(new Event("beforeunload"));
  }

  // In JupyterLab, which says itself when a kernel dies: after a restart, too, nothing on the page answers any more.
  function onRestart(_, status) {
    if (!["restarting", "autorestarting"].includes(status)) return;
    hideOffer();
    tell(() => t("The session was restarted: run the cells of this page again."));
  }

  // What is drawn already, in the page's language, which has just arrived.
  function redraw() {
    tell(line);
    if (offered && !restoring) drawOffer();
  }

  const onRunning = () => model.get("running") && hideOffer();
  model.on("msg:custom", onMessage);
  model.on("change:running", onRunning);
  const kernel = model.widget_manager?.kernel;
  if (inPage()) {
    // Another template has no such place: no question.
    if (window.mnistlabLeaving) window.mnistlabLeaving.ask = onLeave;
    window.addEventListener("pagehide", onGone);
  } else {
    kernel?.statusChanged?.connect(onRestart);
  }
  const watching = watchOver(model, { whatIsSafe, buttons, onEnded });
  window.addEventListener("mnistlab-language", redraw);
  sendBy(model, { is: "here", page: inPage() });
  const begin = async () => {
    await offerRun();
    const own = await shelf.own();
    if (own && !kept) tell(() => keptNow(own.about));
  };
  begin().catch((error) => {
    console.warn("mnistlab: nothing can be kept in this browser.", error);
    cannotKeep();
  });

  return {
    show(view) {
      view.line.textContent = line();
      if (!offer) offerRun().catch(() => {});
    },
    stop() {
      watching.stop();
      if (window.mnistlabLeaving?.ask === onLeave) window.mnistlabLeaving.ask = null;
      window.removeEventListener("pagehide", onGone);
      window.removeEventListener("mnistlab-language", redraw);
      kernel?.statusChanged?.disconnect(onRestart);
      model.off("msg:custom", onMessage);
      model.off("change:running", onRunning);
      offer?.element.remove();
    },
  };
}

// A function, so that each widget has a `keeping` of its own for all its views.
export default () => {
  const views = [];
  let keeping;
  return {
    initialize({ model }) {
      keeping = keep(model, views);
      return keeping.stop;
    },
    render({ el }) {
      el.classList.add("mnistlab-keeper");
      const view = { line: make("p"), offer: make("div") };
      el.append(view.line, view.offer);
      views.push(view);
      keeping.show(view);
      return () => views.splice(views.indexOf(view), 1);
    },
  };
};
