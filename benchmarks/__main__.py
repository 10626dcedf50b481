"""`python -m benchmarks [--readme] [--data-dir FOLDER]`: measure everything in one run and print it as a table.

With --readme the table also replaces the one in README.md, so that no figure there is typed by hand.
"""

import argparse
import os
import platform
from pathlib import Path

import numpy as np

import mnistlab

from .augmentation import augmentation_rows
from .engine import quick_rows, tutorial_rows
from .page import page_rows

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- figures: start -->", "<!-- figures: end -->"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    parser.add_argument("--data-dir", help="folder of the official MNIST files")
    options = parser.parse_args()
    official = mnistlab.load("mnist", options.data_dir)
    rows = tutorial_rows(official) + quick_rows(official) + augmentation_rows(official) + page_rows(options.data_dir)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    table = "\n".join(
        [
            "| what | measured |", "|---|---|", *(f"| {what} | {measured} |" for what, measured in rows), "",
            f"Measured on {cores} cores ({platform.machine()}), Python {platform.python_version()}, "
            f"NumPy {np.__version__}, with `python -m benchmarks --readme`.",
        ]
    )
    print(table)
    if options.readme:
        text = README.read_text("utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        README.write_text(f"{before}{START}\n{table}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
