// The button that brings files: each is sent when the kernel has dealt with the one before. Large images are made
// smaller here; of a large file that the browser cannot show, only the beginning is sent, which is enough to say why.

const LARGEST = 512; // pixels of the longer side of an image that is sent
const SMALL = 200_000; // a file of so few bytes is sent as it is
const HEAD = 65_536;

// An image of at most LARGEST pixels a side, upright; null where the browser cannot read it.
async function shrunk(file) {
  let image;
  try {
    image = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  // WebP keeps what is transparent; a browser that cannot write it gives PNG.
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.9));
}

async function contentOf(file, images) {
  const image = images && file.size > SMALL ? await shrunk(file) : file;
  return (image ?? file.slice(0, HEAD)).arrayBuffer();
}

function render({ model, el }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-button";
  button.textContent = model.get("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "file", accept: model.get("accept"), multiple: true, hidden: true });
  let sending = false;

  const dealtWith = () =>
    new Promise((resolve) => {
      const heard = () => {
        model.off("msg:custom", heard);
        resolve();
      };
      model.on("msg:custom", heard);
    });

  async function send(file, place) {
    let { size } = file;
    let buffers = [];
    if (size > 0 && size <= model.get("max_bytes")) {
      try {
        buffers = [await contentOf(file, model.get("images"))];
      } catch {
        size = null; // moved, changed or locked since it was chosen
      }
    }
    const answer = dealtWith();
    model.send({ name: file.name, size, ...place }, undefined, buffers);
    await answer;
  }

  button.addEventListener("click", () => sending || input.click());
  const take = async (files) => {
    sending = true;
    el.classList.add("mnistlab-sending"); // watch.js is patient meanwhile
    try {
      for (const [i, file] of files.entries()) {
        await send(file, { first: i === 0, last: i === files.length - 1 });
      }
    } finally {
      sending = false;
      el.classList.remove("mnistlab-sending");
    }
  };
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    take(files);
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    el.addEventListener(kind, (event) => {
      event.preventDefault();
      el.classList.toggle("mnistlab-over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop" && !sending) take([...event.dataTransfer.files]);
    });
  }
  el.classList.add("mnistlab-upload");
  el.append(button, input, t("or drop files here"));
}

export default { render };
