"""`python -m benchmarks.front_page`: makes notebooks/index.ipynb from what the lessons say of themselves.

A lesson's metadata has its question, minutes and level; the output of the code cell whose metadata says "picture"
becomes its picture. Run it after a change of a lesson.
"""

import base64
import io
import json
import os
import re
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from .table import put_in_readme

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PICTURES = NOTEBOOKS / "pictures"
WIDTH = 240
BEGINNING = """# mnistlab

A lab and ten lessons on one small neural network, written in plain NumPy, that learns to read handwritten digits. Begin
with the lab: press *Train* and watch. Each lesson then answers one question; as a page you can read it, move its
controls and answer its questions, and in JupyterLab you can change every line of it and write functions of your own."""
END = """Teachers find plans for 50 and 90 minutes, links into the lab and the answers on
[their own page](teachers.ipynb)."""
LAB = (
    "What happens when the learning rate is 1? What does the network get wrong? Can it read your own handwriting? "
    "Sliders, live curves, its mistakes, a look inside.",
    "as long as you like", "no knowledge needed",
)


def lessons():
    """Paths of the lessons in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))


def index():
    """The front page as a notebook, from the lessons' metadata: plain data."""
    rows = [_row("lab", "The lab", *LAB)]
    for path in lessons():
        title, about = _about(path)
        rows.append(_row(path.stem, title, about["question"], f"{about['minutes']} minutes", about["level"]))
    table = "\n".join(["| picture | lesson |", "|---|---|", *rows])
    cells = [
        {"cell_type": "markdown", "id": f"index-{k}", "metadata": {}, "source": text.splitlines(keepends=True)}
        for k, text in enumerate((BEGINNING, table, END), 1)
    ]
    metadata = json.loads((NOTEBOOKS / "lab.ipynb").read_text("utf-8"))["metadata"]
    metadata["title"] = "mnistlab: a lab and ten lessons"
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def readme_table():
    """The lessons as the README lists them."""
    lines = ["| lesson | question | time |", "|---|---|---|"]
    for path in lessons():
        title, about = _about(path)
        lines.append(f"| [{title}](notebooks/{path.name}) | {about['question']} | {about['minutes']} minutes |")
    return "\n".join(lines)


def _about(path):
    notebook = json.loads(path.read_text("utf-8"))
    title = "".join(notebook["cells"][0]["source"]).splitlines()[0].removeprefix("# ")
    return title, notebook["metadata"]["mnistlab"]


def _row(name, title, question, time, level):
    picture = f"[![{title}](pictures/{name}.png)]({name}.ipynb)"
    return f"| {picture} | **[{title}]({name}.ipynb)**<br>{question}<br>*{time} · {level}* |"


def picture(path):
    """Run a lesson on the bundled sample and keep the picture that its marked cell shows."""
    notebook = nbformat.read(path, 4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}})
    # Whoever has the full data gets the same pictures as everybody else: it is looked for where nothing is.
    with tempfile.TemporaryDirectory() as empty:
        client.execute(env=os.environ | {"MNISTLAB_DATA": empty, "XDG_CACHE_HOME": empty})
    shown = [cell for cell in notebook.cells if cell.metadata.get("picture")]
    html = "".join(output["data"].get("text/html", "") for output in shown[0].outputs if "data" in output)
    _small(base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]), path.stem)


def _small(content, name):
    image = Image.open(io.BytesIO(content)).convert("RGB")
    image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    PICTURES.mkdir(exist_ok=True)
    image.quantize(128, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


def main():
    """Everything of the front page."""
    for path in lessons():
        picture(path)
    _small((NOTEBOOKS / "lab.png").read_bytes(), "lab")
    (NOTEBOOKS / "index.ipynb").write_text(json.dumps(index(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    put_in_readme("lessons", readme_table())


if __name__ == "__main__":
    main()
