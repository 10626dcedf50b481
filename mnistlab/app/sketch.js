// A sheet to draw on with mouse, finger or pen.

const SIDE = 336; // pixels of the sheet
const BRUSH = SIDE / 12;
const EVERY = 120; // milliseconds between two states of a drawing that are sent

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function sheet(model) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, className: "mnistlab-sheet" });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("Sheet to draw a digit on with mouse, finger or pen"));
  const pen = canvas.getContext("2d");
  let strokes = [];
  let timer = null;
  let sends = 0;

  function redraw() {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, SIDE, SIDE);
    pen.lineWidth = BRUSH;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = "black";
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const point of stroke) pen.lineTo(...point);
      pen.stroke();
    }
  }

  function send() {
    timer = null;
    const own = ++sends;
    if (strokes.length === 0) {
      model.set("drawing", new DataView(new ArrayBuffer(0)));
      model.save_changes();
      return;
    }
    canvas.toBlob(async (blob) => {
      const content = await blob.arrayBuffer();
      if (own !== sends) return; // what was cleared meanwhile must not come back
      model.set("drawing", new DataView(content));
      model.save_changes();
    });
  }

  function changed() {
    redraw();
    timer ??= setTimeout(send, EVERY);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    strokes.push([place(event)]);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const between = event.getCoalescedEvents?.() ?? []; // some browsers have none
    for (const each of between.length ? between : [event]) strokes.at(-1).push(place(each));
    changed();
  });
  const undo = element("button", { type: "button", textContent: t("Undo"), className: "jupyter-button" });
  const clear = element("button", { type: "button", textContent: t("Clear"), className: "jupyter-button" });
  undo.addEventListener("click", () => {
    strokes.pop();
    changed();
  });
  clear.addEventListener("click", () => {
    strokes = [];
    changed();
  });
  redraw();
  return element("div", { className: "mnistlab-draw" }, canvas, element("div", {}, undo, clear));
}

export default {
  render({ model, el }) {
    el.append(sheet(model));
  },
};
