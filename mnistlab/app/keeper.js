// Keeps the run in the browser, offers it after a reload, and watches whether the session behind the page is alive;
// without "keeps" that last alone.

// Seconds are counted in milliseconds here. The session is asked every 4 s, and 12 s without a sign of it raise the
// alarm: late enough for a kernel that imports or loads something for 8 s, early enough to be said within 15 s.
const TICK = 1000;
const ASK = 4000;
const SILENCE = 12_000;
// A file on its way to the kernel fills a slow line, and questions queue up behind it: then so long.
const SENDING = 120_000;
// Between two attempts to connect anew: the second is for a connection that seems whole and brings nothing, as it may
// be whole at one end alone.
const [AGAIN, ANEW] = [10_000, 20_000];
// The countdown before a server ends an idle session.
const COUNTDOWN = 120_000;
// So many runs are kept for one notebook, each under 4 MB; the oldest goes first.
const SLOTS = 8;
// What jupyter_server does not count as activity (MappingKernelManager.untracked_message_types). Our question after the
// session's health is a kernel_info_request and so among them: to watch over a session must not keep it from ending.
const UNTRACKED = new Set([
  "comm_info_request", "comm_info_reply", "kernel_info_request", "kernel_info_reply", "shutdown_request",
  "shutdown_reply", "interrupt_request", "interrupt_reply", "debug_request", "debug_reply", "stream", "display_data",
  "update_display_data", "execute_input", "execute_result", "error", "status", "clear_output", "debug_event",
  "input_request", "input_reply",
]);

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
  // Each session has a slot of its own, so that two tabs never overwrite each other. In JupyterLab several windows may
  // show the same session: all of them keep the same there.
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

  async put(about, content) {
    const transaction = await this.transaction("readwrite");
    const [runs, contents] = [transaction.objectStore("runs"), transaction.objectStore("contents")];
    runs.put({ slot: this.slot, path: this.path, saved: Date.now(), about });
    contents.put(content, this.slot);
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
    return (await this.all()).find(({ slot }) => slot === this.slot);
  }

  // Those of earlier sessions, and not of tabs that are still open.
  async others() {
    const runs = await this.all();
    const open = new Set((await navigator.locks?.query())?.held.map(({ name }) => name));
    return this.newestFirst(runs).filter(({ slot }) => slot !== this.slot && !open.has(slot));
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

function make(tag, name, words = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = words;
  return element;
}

function button(words, onClick) {
  const made = make("button", "mnistlab-keeper-button", words);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

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

// A sentence and buttons that stay in sight, at the top or at the bottom of the window.
class Bar {
  constructor(name, role) {
    this.element = make("div", `mnistlab-bar-${name} mnistlab-keeper-bar`);
    this.element.setAttribute("role", role);
    this.element.hidden = true;
    document.body.append(this.element);
  }

  show(...children) {
    this.element.replaceChildren(...children);
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
    this.element.replaceChildren();
  }
}

// A page that is being left has no line any more: what it would still say is of no use to anybody.
function sendBy(model, message, buffers) {
  try {
    model.send(message, undefined, buffers);
  } catch {
    // the session is gone; if the page stays, the watch says so
  }
}

// --- The watch -----------------------------------------------------------------------------------------------------

// Calls onChange("well" | "lost" | "ended") when that changes. Returns {activity, stop}: when the server last saw
// something happen, in its own way of counting, and a function that ends the watch.
function watch(kernel, onChange) {
  const watching = { activity: Date.now(), stop: null };
  let state = "well";
  let heard = performance.now();
  let ticked = heard;
  let asked = 0;
  let anew = 0; // when it was last connected anew
  let born = null;

  const become = (next) => {
    if (next === state || state === "ended") return;
    state = next;
    onChange(state);
  };
  const onMessage = (_, { msg, direction }) => {
    if (direction !== "recv") return;
    if (msg.header.msg_type === "kernel_info_reply") {
      // A kernel that died is replaced by an empty one, which answers just as well; but it is not the same.
      born ??= msg.header.session;
      if (msg.header.session !== born) return become("ended");
    } else if (msg.header.msg_type === "status" && ["restarting", "dead"].includes(msg.content.execution_state)) {
      return become("ended"); // said by the server
    }
    heard = performance.now();
    become("well");
  };
  const onIopub = (_, msg) => {
    const counts = !UNTRACKED.has(msg.header.msg_type) || !UNTRACKED.has(msg.parent_header?.msg_type);
    if (counts) watching.activity = Date.now();
  };
  const onStatus = (_, status) => {
    if (["dead", "restarting", "autorestarting", "terminating"].includes(status)) become("ended");
  };

  // While nothing comes: is the session still known to the server? Voilà's own attempts to connect end after seven.
  async function inquire(now) {
    const { baseUrl, token } = kernel.serverSettings;
    const headers = token ? { Authorization: `token ${token}` } : {};
    let answer;
    try {
      // To watch over a session is no activity of the server either, which may end when nothing happens in it.
      const address = `${baseUrl}api/kernels/${kernel.id}?no_track_activity=1`;
      answer = await fetch(address, { headers, cache: "no-store" });
    } catch {
      return; // no way to the server
    }
    if (answer.status === 404) return become("ended");
    if (!answer.ok || state !== "lost") return;
    if (now - anew > (kernel.connectionStatus === "connected" ? ANEW : AGAIN)) {
      anew = now;
      kernel.reconnect().catch(() => {});
    }
  }

  const tick = () => {
    const now = performance.now();
    // The computer slept, or the browser let a hidden page rest: that nothing came meanwhile says nothing.
    if (now - ticked > 5 * TICK) heard = now;
    ticked = now;
    if (state === "ended") return;
    const sending = kernel.connectionStatus === "connected" && document.querySelector(".mnistlab-sending");
    if (state === "well" && now - heard > (sending ? SENDING : SILENCE)) {
      // A broken connection may be made anew at once; one that seems whole gets some more time.
      anew = kernel.connectionStatus === "connected" ? now : 0;
      become("lost");
    }
    if (now - asked < ASK) return;
    asked = now;
    if (kernel.connectionStatus === "connected") kernel.requestKernelInfo().catch(() => {});
    if (state === "lost") inquire(now);
  };

  kernel.anyMessage.connect(onMessage);
  kernel.iopubMessage.connect(onIopub);
  kernel.statusChanged.connect(onStatus);
  const timer = setInterval(tick, TICK);
  watching.stop = () => {
    clearInterval(timer);
    kernel.anyMessage.disconnect(onMessage);
    kernel.iopubMessage.disconnect(onIopub);
    kernel.statusChanged.disconnect(onStatus);
  };
  return watching;
}

// --- All of it together --------------------------------------------------------------------------------------------

function keep(model, views) {
  // JupyterLab says itself when a kernel dies, and it lives on there when the page is left.
  const inPage = "voila" in document.body.dataset;
  const shelf = new Shelf(model.get("key"));
  if (inPage && model.get("keeps")) shelf.hold(); // in JupyterLab the page outlives its sessions
  // Functions, as the page's language may arrive after the words are drawn.
  let line = () => t("Nothing is kept in this browser yet: a run is, after its first epoch.");
  let kept = null; // {about, content}: what this page has put on the shelf
  let [parts, about, size] = [[], null, 0]; // what has come so far of what the kernel sends
  let state = "well";
  let watching = null;
  const alarm = inPage ? new Bar("alarm", "alert") : null;
  const idle = inPage ? new Bar("idle", "alert") : null;
  const offer = inPage ? new Bar("offer", "region") : null;

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
        await shelf.put(what, content);
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

  // The offer of an earlier run.
  let offered = null;
  let restoring = null;
  let onRestored = () => {};
  async function offerNewest() {
    const [newest] = await shelf.others();
    if (!newest || model.get("running")) return hideOffer();
    offered = newest;
    drawOffer(newest);
  }

  function drawOffer(newest) {
    offer?.element.setAttribute("aria-label", t("Your last run is still in this browser."));
    const when = { time: time(newest.saved) };
    const words = make("p", "", t("Your last run is still in this browser. From {time}.", when));
    const problem = make("p", "mnistlab-keeper-problem");
    problem.setAttribute("role", "status");
    const restore = button(t("Restore your last run ({said})", { said: said(newest.about) }), async () => {
      if (restoring) return;
      restoring = newest.slot;
      restore.setAttribute("aria-disabled", "true");
      restore.classList.add("mnistlab-sending");
      onRestored = (whyNot) => {
        restoring = null;
        restore.removeAttribute("aria-disabled");
        restore.classList.remove("mnistlab-sending");
        if (!whyNot) return hideOffer();
        problem.textContent = whyNot;
      };
      try {
        const content = await shelf.content(newest.slot);
        sendBy(model, { is: "restore" }, [content]);
      } catch (error) {
        onRestored(String(error?.message ?? error));
      }
    });
    restore.classList.add("mnistlab-keeper-primary");
    const discard = button(t("Discard"), async () => {
      await shelf.forget(newest.slot);
      await offerNewest();
      offer?.element.querySelector("button")?.focus();
    });
    const children = [words, row(restore, discard, button(t("Not now"), hideOffer)), problem];
    if (offer) offer.show(...children);
    else views.at(0)?.offer.replaceChildren(...children);
  }

  function hideOffer() {
    offered = null;
    if (offer) offer.hide();
    else for (const view of views) view.offer.replaceChildren();
  }

  function row(...buttons) {
    const made = make("div", "mnistlab-keeper-buttons");
    made.append(...buttons);
    return made;
  }

  function keptNow(about) {
    if (about.kind === "network") return t("Kept in this browser: {run}.", { run: named(about) });
    return t(
      "Kept in this browser: settings and figures of {run}. Its network of {size} MB is too large for that: " +
      "download it.", { run: named(about), size: about.megabytes.toFixed(1) });
  }

  function whyEnded() {
    return idled
      ? t("Your session has ended, because nothing happened here for so long: nothing here works any more.")
      : t("Your session has ended: the program behind this page is gone, so nothing here works any more.");
  }

  function whyLost() {
    return t("The page cannot reach its session. If the connection comes back, everything goes on by itself.");
  }

  function whatIsSafe(ended) {
    if (!model.get("keeps")) return ended ? t("Reload the page to begin again.") : "";
    if (!kept) return ended ? t("No run was kept yet. Reload the page to begin again.") : "";
    const run = named(kept.about);
    return ended
      ? t("Kept in this browser: {run}. Reload the page, then choose Restore.", { run })
      : t("Kept in this browser, whatever happens: {run}.", { run });
  }

  // The session's health.
  let idled = null; // whether it ended because nothing happened
  function onState(next) {
    state = next;
    if (state === "well") return alarm.hide();
    const ended = state === "ended";
    if (ended) shelf.free();
    const limit = 1000 * model.get("idle_seconds");
    if (ended) idled ??= limit > 0 && Date.now() - watching.activity > limit - TICK;
    const buttons = [button(t("Reload the page"), () => {
      state = "leaving"; // on purpose: no further question
      location.reload();
    })];
    buttons[0].classList.add("mnistlab-keeper-primary");
    if (kept?.about.kind === "network") {
      buttons.push(button(t("Download the network"), () =>
        saveAs("mnistlab-network.npz", "application/octet-stream", kept.content)));
    }
    alarm.show(make("p", "", ended ? whyEnded() : whyLost()), make("p", "", whatIsSafe(ended)), row(...buttons));
    if (ended) {
      idle.hide();
      hideOffer();
    }
  }

  // The last two minutes before a server that ends idle sessions ends this one. Only the click below, or anything else
  // that a person does here, begins the time anew.
  let clock = null;
  function countdown() {
    const limit = 1000 * model.get("idle_seconds");
    const left = limit - (Date.now() - watching.activity);
    if (!limit || state !== "well" || left > Math.min(COUNTDOWN, limit / 2)) {
      if (clock) [clock] = [null, idle.hide()];
      return;
    }
    if (!clock) {
      clock = make("b");
      // Spoken once, as it appears; not every second.
      clock.setAttribute("aria-hidden", "true");
      // The clock stands within the sentence, where each language has it.
      const [before, after] = t(
        "Nothing has happened here for a while. This server ends idle sessions, and yours is next, in {time}").split(
        "{time}");
      const words = make("p", "", before);
      words.append(clock, after);
      const stay = button(t("Keep my session"), () => sendBy(model, { is: "stay" }));
      stay.classList.add("mnistlab-keeper-primary");
      idle.show(words, row(stay));
    }
    const seconds = Math.max(0, Math.ceil(left / 1000));
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  // Leaving in the middle of a run. Voilà must not hear of it before the page really goes; see the page's template.
  let [asked, held] = [false, false];
  function onLeave(event) {
    asked = !held && model.get("running") && state === "well";
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
    if (offered && !restoring) drawOffer(offered);
    if (["lost", "ended"].includes(state)) onState(state);
    if (clock) {
      clock = null;
      countdown();
    }
  }

  const onRunning = () => model.get("running") && hideOffer();
  model.on("msg:custom", onMessage);
  model.on("change:running", onRunning);
  let timer = null;
  const kernel = model.widget_manager?.kernel;
  if (inPage && kernel?.anyMessage) {
    watching = watch(kernel, onState);
    timer = setInterval(countdown, TICK);
    // Another template has no such place: no question.
    if (window.mnistlabLeaving && model.get("keeps")) window.mnistlabLeaving.ask = onLeave;
    window.addEventListener("pagehide", onGone);
  } else if (!inPage) {
    kernel?.statusChanged?.connect(onRestart);
  }
  window.addEventListener("mnistlab-language", redraw);
  sendBy(model, { is: "here", page: inPage });
  const begin = async () => {
    await offerNewest();
    const own = await shelf.own();
    if (own && !kept) tell(() => keptNow(own.about));
  };
  if (model.get("keeps")) begin().catch((error) => {
    console.warn("mnistlab: nothing can be kept in this browser.", error);
    cannotKeep();
  });

  return {
    show(view) {
      view.line.textContent = line();
      if (!offer) offerNewest().catch(() => {});
    },
    stop() {
      watching?.stop();
      clearInterval(timer);
      if (window.mnistlabLeaving?.ask === onLeave) window.mnistlabLeaving.ask = null;
      window.removeEventListener("pagehide", onGone);
      window.removeEventListener("mnistlab-language", redraw);
      kernel?.statusChanged?.disconnect(onRestart);
      model.off("msg:custom", onMessage);
      model.off("change:running", onRunning);
      for (const bar of [alarm, idle, offer]) bar?.element.remove();
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
