"""`python -m benchmarks [--readme] [--data-dir FOLDER] [--peers PYTHON] [--only PART...]`: one run, one table.

With --readme the table also replaces the one in README.md, so that no figure there is typed by hand, and the README's
pictures are made anew. Nothing else should be busy on the machine meanwhile: two
programs that both want all cores slow each other down far more than by half.
"""

import argparse
import os
import platform
import sys
from pathlib import Path

import numpy as np

import mnistlab
from mnistlab.reproduce import reproduce

from . import scaling, screenshots
from .augmentation import augmentation_rows
from .engine import preset_rows, tutorial_rows
from .handwriting import handwriting_rows
from .page import page_rows
from .peers import epoch_rows, memory_rows
from .table import table

README = Path(__file__).parents[1] / "README.md"
PARTS = {
    "epochs": lambda official, options: epoch_rows(official, options.peers),
    "memory": lambda official, options: memory_rows(official),
    "presets": lambda official, options: preset_rows(official),
    "tutorial": lambda official, options: tutorial_rows(official),
    "augmentation": lambda official, options: augmentation_rows(official, options.peers),
    "handwriting": lambda official, options: handwriting_rows(official),
    "page": lambda official, options: page_rows(options.data_dir),
}
START, END = "<!-- {}: start -->", "<!-- {}: end -->"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    parser.add_argument("--data-dir", help="folder of the official MNIST files")
    parser.add_argument("--peers", default=sys.executable, help="the Python that has PyTorch and scikit-learn")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"some of {', '.join(PARTS)}")
    options = parser.parse_args()
    if options.only and options.readme:
        parser.error("The README has the whole table: leave out --only or --readme.")
    official = mnistlab.load("mnist", options.data_dir)
    rows = [row for part in options.only or PARTS for row in PARTS[part](official, options)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = (
        f"{table(rows)}\n\nMeasured on {cores} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"NumPy {np.__version__}, with `python -m benchmarks --readme`."
    )
    print(text)
    if options.readme:
        put_in_readme("figures", text)
        put_in_readme("results", results_table(reproduce(*official)))
        scaling.chart(scaling.measure(official))
        screenshots.main()


def results_table(outcomes):
    """Outcomes of `reproduce` as a Markdown table."""
    lines = [
        f"| {one.name} | {one.published} | {one.got} | {one.verdict} | {one.seconds:.1f} |" for one in outcomes
    ]
    return "\n".join(["| result | published | got | verdict | seconds |", "|---|---|---|---|---|", *lines])


def put_in_readme(part, text):
    """Replace what stands between the marks of `part`."""
    readme = README.read_text("utf-8")
    start, end = START.format(part), END.format(part)
    before, after = readme.split(start)[0], readme.split(end)[1]
    README.write_text(f"{before}{start}\n{text}\n{end}{after}", "utf-8")


if __name__ == "__main__":
    main()
