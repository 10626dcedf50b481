// Watches whether the session behind a page is alive, and says so in the page when it is not.

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

// What jupyter_server does not count as activity (MappingKernelManager.untracked_message_types). Our question after the
// session's health is a kernel_info_request and so among them: to watch over a session must not keep it from ending.
const UNTRACKED = new Set([
  "comm_info_request", "comm_info_reply", "kernel_info_request", "kernel_info_reply", "shutdown_request",
  "shutdown_reply", "interrupt_request", "interrupt_reply", "debug_request", "debug_reply", "stream", "display_data",
  "update_display_data", "execute_input", "execute_result", "error", "status", "clear_output", "debug_event",
  "input_request", "input_reply",
]);

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

function row(...buttons) {
  const made = make("div", "mnistlab-keeper-buttons");
  made.append(...buttons);
  return made;
}

// A sentence and buttons that stay in sight, at the top or at the bottom of the window.
class Bar {
  constructor(names, role) {
    this.element = make("div", `${names} mnistlab-keeper-bar`);
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

// JupyterLab says itself when a kernel dies, and it lives on there when the page is left.
function inPage() {
  return "voila" in document.body.dataset;
}

// --- The session's health ------------------------------------------------------------------------------------------

// Calls onChange("well" | "lost" | "ended") when that changes. Returns {activity, stop}: when the server last saw
// something happen, in its own way of counting, and a function that ends the listening.
function listen(kernel, onChange) {
  const listening = { activity: Date.now(), stop: null };
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
    if (counts) listening.activity = Date.now();
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
  listening.stop = () => {
    clearInterval(timer);
    kernel.anyMessage.disconnect(onMessage);
    kernel.iopubMessage.disconnect(onIopub);
    kernel.statusChanged.disconnect(onStatus);
  };
  return listening;
}

// Says in bars when the session is gone, and counts down before the server ends it; in JupyterLab nothing.
// keeper: what keeps runs on this page, {whatIsSafe(ended), buttons(), onEnded()}, or null where nothing does.
// Returns {state, stop()}; state: as above, or "leaving".
function watchOver(model, keeper) {
  const watching = { state: "well", stop() {} };
  const kernel = model.widget_manager?.kernel;
  if (!inPage() || !kernel?.anyMessage) return watching;
  const alone = keeper ? "" : " mnistlab-bar-alone"; // hidden where a keeper says the same
  const alarm = new Bar(`mnistlab-bar-alarm${alone}`, "alert");
  const idle = new Bar(`mnistlab-bar-idle${alone}`, "alert");

  function whyEnded() {
    return idled
      ? t("Your session has ended, because nothing happened here for so long: nothing here works any more.")
      : t("Your session has ended: the program behind this page is gone, so nothing here works any more.");
  }

  function whyLost() {
    return t("The page cannot reach its session. If the connection comes back, everything goes on by itself.");
  }

  function whatIsSafe(ended) {
    return keeper?.whatIsSafe(ended) ?? (ended ? t("Reload the page to begin again.") : "");
  }

  let idled = null; // whether it ended because nothing happened
  function onState(next) {
    watching.state = next;
    if (next === "well") return alarm.hide();
    const ended = next === "ended";
    const limit = 1000 * model.get("idle_seconds");
    if (ended) idled ??= limit > 0 && Date.now() - listening.activity > limit - TICK;
    const reload = button(t("Reload the page"), () => {
      watching.state = "leaving"; // on purpose: no further question
      location.reload();
    });
    reload.classList.add("mnistlab-keeper-primary");
    alarm.show(
      make("p", "", ended ? whyEnded() : whyLost()), make("p", "", whatIsSafe(ended)),
      row(reload, ...(keeper?.buttons() ?? [])),
    );
    if (ended) {
      idle.hide();
      keeper?.onEnded();
    }
  }

  // The last two minutes before a server that ends idle sessions ends this one. Only the click below, or anything else
  // that a person does here, begins the time anew.
  let clock = null;
  function countdown() {
    const limit = 1000 * model.get("idle_seconds");
    const left = limit - (Date.now() - listening.activity);
    if (!limit || watching.state !== "well" || left > Math.min(COUNTDOWN, limit / 2)) {
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

  // What is drawn already, in the page's language, which has just arrived.
  function redraw() {
    if (["lost", "ended"].includes(watching.state)) onState(watching.state);
    if (clock) {
      clock = null;
      countdown();
    }
  }
  const listening = listen(kernel, onState);
  const timer = setInterval(countdown, TICK);
  window.addEventListener("mnistlab-language", redraw);
  watching.stop = () => {
    listening.stop();
    clearInterval(timer);
    window.removeEventListener("mnistlab-language", redraw);
    for (const bar of [alarm, idle]) bar.element.remove();
  };
  return watching;
}
