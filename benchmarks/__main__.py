"""`python -m benchmarks [--readme] [--data-dir FOLDER] [--peers PYTHON]`: measure everything in one run, as a table.

With --readme the table also replaces the one in README.md, so that no figure there is typed by hand, and the pictures
notebooks/lab.png and benchmarks/scaling.png are made anew. Nothing else should be busy on the machine meanwhile.
"""

import argparse
import os
import platform
import sys
from pathlib import Path

import numpy as np

import mnistlab

from . import scaling
from .augmentation import augmentation_rows
from .engine import preset_rows, tutorial_rows
from .page import page_rows
from .peers import peer_rows

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- figures: start -->", "<!-- figures: end -->"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    parser.add_argument("--data-dir", help="folder of the official MNIST files")
    parser.add_argument("--peers", default=sys.executable, help="the Python that has PyTorch and scikit-learn")
    options = parser.parse_args()
    official = mnistlab.load("mnist", options.data_dir)
    rows = (
        peer_rows(official, options.peers) + preset_rows(official) + tutorial_rows(official)
        + augmentation_rows(official, options.peers) + page_rows(options.data_dir)
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    table = "\n".join(
        [
            "| work | measured | wanted |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows), "",
            f"Measured on {cores} cores ({platform.machine()}), Python {platform.python_version()}, "
            f"NumPy {np.__version__}, with `python -m benchmarks --readme`.",
        ]
    )
    print(table)
    scaling.chart(scaling.measure(official))
    if options.readme:
        text = README.read_text("utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        README.write_text(f"{before}{START}\n{table}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
