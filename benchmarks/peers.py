"""One epoch of training against PyTorch and scikit-learn, and against the matrix products alone.

Every contestant runs in a process of its own, so that their thread pools do not get into each other's way, and trains
one epoch whenever it is told to; they take turns, round by round. PyTorch and scikit-learn may live in an environment
of their own, whose Python `--peers` names: `pip install torch==2.13.0 scikit-learn==1.9.1 neural-network-digits==1.2.2`.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).parents[1]
BATCH, THREADS = 128, 2
NAMES = {"mnistlab": "mnistlab", "products": "its matrix products alone", "torch": "PyTorch", "sklearn": "scikit-learn"}
HIDDEN = (128, 256)


def peer_rows(official, python=sys.executable, rounds=7):
    """Table rows: medians of one epoch on 60,000 images for each hidden size, with ratios, and the memory it adds."""
    train_set, _ = official
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "images.npy", train_set.images)
        np.save(folder / "labels.npy", train_set.labels)
        for hidden in HIDDEN:
            rows += _epoch_rows(hidden, folder, python, rounds)
    with contestant("memory", train_set, sys.executable, 256) as memory:
        rows.append((
            "Memory that training on the full set adds", f"{memory.epoch():.0f} MB beyond the memory-mapped files",
            "at most 60 MB",
        ))
    return rows


def _epoch_rows(hidden, folder, python, rounds):
    contestants = [
        Contestant(name, hidden, folder, python if name in ("torch", "sklearn") else sys.executable) for name in NAMES
    ]
    try:
        present = [one for one in contestants if one.version]
        for one in present:
            one.epoch()  # the first is for caches and clocks
        seconds = {one.name: [] for one in present}
        for _ in range(rounds):
            for one in present:
                seconds[one.name].append(one.epoch())
        return _lines(hidden, {name: median(times) for name, times in seconds.items()}, contestants)
    finally:
        for one in contestants:
            one.close()


def _lines(hidden, seconds, contestants):
    ours, work = seconds["mnistlab"], f"One epoch of 784-{hidden}-10, batch {BATCH}, momentum"
    rows = []
    for one in contestants:
        if one.name in ("torch", "sklearn"):
            if one.name in seconds:
                theirs = seconds[one.name]
                said = f"{ours:.2f} s; {NAMES[one.name]} {one.version} {theirs:.2f} s: {ours / theirs:.2f} of its time"
            else:
                said = f"{ours:.2f} s; {NAMES[one.name]} is not installed here"
            rows.append((work, said, "at most 0.6, aim 0.5"))
    share = seconds["products"] / ours
    return [*rows, (work, f"{share:.0%} of it are the matrix products themselves", "at least 60%")]


@contextmanager
def contestant(name, train_set, python, hidden=0):
    """A Contestant that finds these images in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "images.npy", train_set.images)
        np.save(Path(folder) / "labels.npy", train_set.labels)
        made = Contestant(name, hidden, folder, python)
        try:
            yield made
        finally:
            made.close()


class Contestant:
    """A process that trains one epoch at each call of `epoch`. version: what it runs, None if that is not installed."""

    def __init__(self, name, hidden, folder, python):
        self.name = name
        threads = {f"{kind}_NUM_THREADS": str(THREADS) for kind in ("OPENBLAS", "OMP", "MKL")}
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.contestant", name, str(hidden), str(folder)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **threads, "PYTHONPATH": str(ROOT)},
        )
        answer = self.process.stdout.readline()
        self.version = json.loads(answer) if answer else None

    def epoch(self):
        """What one more epoch took, in seconds."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()