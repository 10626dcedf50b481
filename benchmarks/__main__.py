"""`python -m benchmarks [--readme] [--data-dir FOLDER] [--peers PYTHON] [--only PART...]`: everything, measured.

With --readme the rows go into figures.json, by part, and from there into README.md, so that no figure there is typed by
hand; the README's pictures are made anew. Nothing else should be busy on the machine meanwhile: two programs that both
want all cores slow each other down far more than by half.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np

import mnistlab
from mnistlab.reproduce import reproduce

from . import scaling, screenshots
from .augmentation import augmentation_rows
from .engine import preset_row, tutorial_rows
from .handwriting import handwriting_rows
from .page import page_rows
from .peers import epoch_rows, memory_rows
from .table import put_in_readme, table

FIGURES = Path(__file__).with_name("figures.json")
PARTS = {
    "epochs": lambda official, options: epoch_rows(official, options.peers),
    "memory": lambda official, options: memory_rows(official),
    "quick": lambda official, options: [preset_row(official, "quick", 5, 0.98, 3)],
    "best": lambda official, options: [preset_row(official, "best", 3, 0.992, 180)],
    "tutorial": lambda official, options: tutorial_rows(official),
    "augmentation": lambda official, options: augmentation_rows(official, options.peers),
    "handwriting": lambda official, options: handwriting_rows(official),
    "page": lambda official, options: page_rows(options.data_dir),
}
FILES = {
    "results": lambda official: put_in_readme("results", results_table(reproduce(*official))),
    "scaling": lambda official: scaling.chart(scaling.measure(official)),
    "screenshots": lambda official: screenshots.main(),
}


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    parser.add_argument("--data-dir", help="folder of the official MNIST files")
    parser.add_argument("--peers", default=sys.executable, help="the Python that has PyTorch and scikit-learn")
    parts = [*PARTS, *FILES]
    parser.add_argument("--only", nargs="+", choices=parts, metavar="PART", help=f"some of {', '.join(parts)}")
    options = parser.parse_args()
    official, chosen = mnistlab.load("mnist", options.data_dir), options.only or parts
    figures = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    for part in chosen:
        if part in PARTS:
            figures[part] = [str(row) for row in PARTS[part](official, options)]
            print(table(figures[part]), flush=True)
            if options.readme:  # at once: a part may take minutes
                FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if not options.readme:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    put_in_readme("figures", (
        f"{table(row for part in PARTS for row in figures.get(part, ()))}\n\nMeasured on {cores} cores "
        f"({platform.machine()}), Python {platform.python_version()}, NumPy {np.__version__}, with "
        "`python -m benchmarks --readme`."
    ))
    for part in chosen:
        if part in FILES:
            FILES[part](official)


def results_table(outcomes):
    """Outcomes of `reproduce` as a Markdown table."""
    lines = [
        f"| {one.name} | {one.published} | {one.got} | {one.verdict} | {one.seconds:.1f} |" for one in outcomes
    ]
    return "\n".join(["| result | published | got | verdict | seconds |", "|---|---|---|---|---|", *lines])


if __name__ == "__main__":
    main()
