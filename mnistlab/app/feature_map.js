// A map of images as signs: mouse, finger and arrow keys show the image behind each; Enter or a click picks it.

const WIDE = 640, HIGH = 420, EDGE = 14;
// Okabe and Ito's and some more, dark enough to be read on white; the signs tell the classes apart without them.
const COLOURS = [
  "#222222", "#0072b2", "#b34700", "#00704f", "#a6428a", "#8a6100", "#2e7196", "#595959", "#7a2a0a", "#5b3fa8",
];
const SVG = "http://www.w3.org/2000/svg";

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const place = ([x, y]) => [EDGE + x * (WIDE - 2 * EDGE), EDGE + y * (HIGH - 2 * EDGE)];

function render({ model, el }) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" });
  const map = element("div", { className: "mnistlab-map-points", tabIndex: 0 });
  map.setAttribute("role", "application");
  map.append(svg);
  const canvas = element("canvas", { className: "mnistlab-map-image", width: 112, height: 112 });
  canvas.setAttribute("aria-hidden", "true");
  const words = element("p", {
    textContent: t("Point at a sign to see its image. A click or Enter picks it for the other parts."),
  });
  words.setAttribute("aria-live", "polite");
  const card = element("div", { className: "mnistlab-map-card" }, canvas, words);
  el.classList.add("mnistlab-map");
  el.append(map, card);

  const sheet = new Image();
  const ring = shape("circle", { r: 11, fill: "none", stroke: "#0b5fa5", "stroke-width": 3, visibility: "hidden" });
  let signs = [];
  let at = null;

  function paint() {
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    const columns = model.get("columns");
    const side = sheet.naturalWidth / columns;
    if (at === null || !side) return;
    pen.drawImage(sheet, (at % columns) * side, Math.floor(at / columns) * side, side, side, 0, 0, 112, 112);
  }

  function show(number) {
    at = number;
    const point = model.get("points")[at];
    if (!point) return;
    const [x, y] = place(point);
    ring.style.transform = `translate(${x}px, ${y}px)`;
    ring.setAttribute("visibility", "visible");
    const names = model.get("names"), label = names[model.get("labels")[at]], answer = names[model.get("answers")[at]];
    words.textContent = t("Validation image {number}: a {label}, read as {answer}.", {
      number: model.get("numbers")[at] + 1, label, answer,
    });
    words.classList.toggle("mnistlab-alarm", label !== answer);
    paint();
  }

  // Signs are made once for a set of images; when a layer or an epoch brings new points they move there.
  function make() {
    const marks = model.get("marks"), labels = model.get("labels");
    svg.replaceChildren();
    signs = labels.map((label) => {
      const sign = shape("g", {});
      const mark = shape("text", { "text-anchor": "middle", dy: "0.36em", fill: COLOURS[label % COLOURS.length] });
      mark.textContent = marks[label];
      sign.append(shape("circle", { r: 8, fill: "none", stroke: "#b3261e", "stroke-width": 1.5 }), mark);
      return sign;
    });
    svg.append(...signs, ring);
    at = null;
    ring.setAttribute("visibility", "hidden");
    move();
  }

  function move() {
    const points = model.get("points"), answers = model.get("answers"), labels = model.get("labels");
    if (points.length !== signs.length) return; // the rest of a change is on its way
    signs.forEach((sign, i) => {
      const [x, y] = place(points[i]);
      sign.style.transform = `translate(${x}px, ${y}px)`;
      sign.firstChild.setAttribute("visibility", answers[i] === labels[i] ? "hidden" : "visible");
    });
    map.setAttribute(
      "aria-label",
      t("Map of {count} images. Arrow keys go to the next one that way, Enter picks it. A table follows.", {
        count: signs.length,
      }),
    );
    if (at !== null) show(at);
  }

  function nearest(event) {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDE, y = ((event.clientY - box.top) / box.height) * HIGH;
    let best = null, least = 30 ** 2;
    model.get("points").forEach((point, i) => {
      const [px, py] = place(point), distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    });
    return best;
  }

  // The nearest point in a direction, those straight ahead first.
  function ahead(dx, dy) {
    const points = model.get("points").map(place);
    const [x, y] = points[at];
    let best = at, least = Infinity;
    points.forEach(([px, py], i) => {
      const along = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if (along > 0 && along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
    });
    return best;
  }

  function pick() {
    if (at === null) return;
    show(at);
    words.textContent += ` ${t("Picked for the other parts.")}`;
    model.send({ pick: model.get("numbers")[at] });
  }
  const point = (event) => {
    const found = nearest(event);
    if (found !== null && found !== at) show(found);
    return found;
  };
  map.addEventListener("pointermove", point);
  map.addEventListener("click", (event) => point(event) !== null && pick());
  map.addEventListener("focus", () => at === null && signs.length && map.matches(":focus-visible") && show(0));
  map.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (way) show(at === null ? 0 : ahead(...way));
    else if (event.key === "Enter" || event.key === " ") pick();
    else return;
    event.preventDefault();
  });

  sheet.onload = paint;
  const load = () => {
    const bytes = model.get("sheet");
    if (!bytes.byteLength) return;
    const reader = new FileReader();
    reader.onload = () => { sheet.src = reader.result; };
    reader.readAsDataURL(new Blob([bytes], { type: "image/png" }));
  };
  const listeners = { "change:sheet": load, "change:labels": make, "change:points": move, "change:answers": move };
  for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
  load();
  make();
  return () => {
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
  };
}

export default { render };
