// A sheet to draw on with mouse, finger or pen, and a button and a place to drop files on.

const SIDE = 336; // pixels of the sheet
const BRUSH = SIDE / 12;
const EVERY = 120; // milliseconds between two states of a drawing that are sent
const LARGEST = 512; // pixels of the longer side of a photo that is sent
const SMALL = 200_000; // a file of so few bytes is sent as it is
const HEAD = 65_536; // of a file that is no image, the beginning is enough to say so

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function sheet(model) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, className: "mnistlab-sheet" });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Sheet to draw a digit on with mouse, finger or pen");
  const pen = canvas.getContext("2d");
  let strokes = [];
  let timer = null;

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
    if (strokes.length === 0) {
      model.set("drawing", new DataView(new ArrayBuffer(0)));
      model.save_changes();
      return;
    }
    canvas.toBlob(async (blob) => {
      model.set("drawing", new DataView(await blob.arrayBuffer()));
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
    for (const each of event.getCoalescedEvents?.() ?? [event]) strokes.at(-1).push(place(each));
    changed();
  });
  const undo = element("button", { type: "button", textContent: "Undo", className: "mnistlab-plain" });
  const clear = element("button", { type: "button", textContent: "Clear", className: "mnistlab-plain" });
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

// An image of at most LARGEST pixels a side, upright; null where the browser cannot read it.
async function shrunk(file) {
  let image;
  try {
    image = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
  const canvas = element("canvas", {
    width: Math.max(1, Math.round(image.width * scale)),
    height: Math.max(1, Math.round(image.height * scale)),
  });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  // WebP keeps what is transparent; where a browser cannot write it, it gives PNG.
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.9));
}

async function sendFile(model, file) {
  const image = file.size > SMALL ? await shrunk(file) : file;
  const content = await (image ?? file.slice(0, HEAD)).arrayBuffer();
  model.send({ name: file.name, size: file.size }, undefined, [content]);
}

function uploads(model) {
  const input = element("input", { type: "file", accept: "image/*", multiple: true, hidden: true });
  const button = element("button", { type: "button", textContent: "Upload a digit", className: "mnistlab-plain" });
  const zone = element("div", { className: "mnistlab-drop" }, button, input, "or drop images here");
  const take = async (files) => {
    for (const file of files) await sendFile(model, file);
  };
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    await take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.toggle("mnistlab-over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") take([...event.dataTransfer.files]);
    });
  }
  return zone;
}

export default {
  render({ model, el }) {
    el.append(sheet(model), uploads(model));
  },
};
