// The button that brings files: each is sent when the kernel has dealt with the one before.

function render({ model, el }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-button";
  button.textContent = model.get("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "file", accept: "image/*", multiple: true, hidden: true });
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
        buffers = [await file.arrayBuffer()];
      } catch {
        size = null; // moved, changed or locked since it was chosen
      }
    }
    const answer = dealtWith();
    model.send({ name: file.name, size, ...place }, undefined, buffers);
    await answer;
  }

  button.addEventListener("click", () => sending || input.click());
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    sending = true;
    try {
      for (const [i, file] of files.entries()) {
        await send(file, { first: i === 0, last: i === files.length - 1 });
      }
    } finally {
      sending = false;
    }
  });
  el.classList.add("mnistlab-upload");
  el.append(button, input);
}

export default { render };
