"""One epoch of training against PyTorch and scikit-learn, and against the matrix products alone.

Every contestant runs in a process of its own, so that their thread pools do not get into each other's way, and trains
one epoch whenever it is told to; they take turns, round by round. The peers may live in an environment of their own,
whose Python `--peers` names.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from .table import Row

ROOT = Path(__file__).parents[1]
HIDDEN, THREADS = (128, 256), 2
PEERS = {"torch": "PyTorch", "sklearn": "scikit-learn"}
INSTALL = '`pip install -e ".[benchmarks]"`'
SHARE_OF_PEER, SHARE_OF_PRODUCTS, MEGABYTES = 0.6, 0.6, 60


def epoch_rows(official, python=sys.executable, rounds=25):
    """Table rows: medians of one epoch on 60,000 images for each hidden size, beside each peer and the products."""
    with folder_of(official[0]) as folder:
        return [
            *(row for hidden in HIDDEN for row in _epoch_rows(hidden, folder, python, rounds)),
            _convolution_row(folder, python),
        ]


def memory_rows(official):
    """The table row of the memory that training on the full set adds."""
    with folder_of(official[0]) as folder, Contestant("memory", folder, hidden=256) as memory:
        added = memory.epoch()
    return [
        Row(
            "Memory that training 784-256-10 on the full set adds to the memory-mapped files", f"{added:.0f} MB",
            must_reach=f"at most {MEGABYTES} MB", reached=added <= MEGABYTES,
        )
    ]


def _epoch_rows(hidden, folder, python, rounds):
    with ExitStack() as stack:
        contestants = {
            name: stack.enter_context(Contestant(name, folder, python if name in PEERS else sys.executable, hidden))
            for name in ("mnistlab", "products", *PEERS)
        }
        seconds = by_turns([one for one in contestants.values() if one.version], rounds)
    work, ours = f"784-{hidden}-10, one epoch of 60,000 images", seconds["mnistlab"]
    for name, title in PEERS.items():
        row = Row(work, f"{ours:.3f} s", must_reach=f"at most {SHARE_OF_PEER}", reached=False)
        if name in seconds:
            ratio = ours / seconds[name]
            row.peer, row.ratio = f"{contestants[name].version}: {seconds[name]:.3f} s", f"{ratio:.2f}"
            row.reached = ratio <= SHARE_OF_PEER
        else:
            row.peer = f"{title} is not installed: {INSTALL}"
        yield row
    share = seconds["products"] / ours
    yield Row(
        work, f"{ours:.3f} s", f"its matrix products alone: {seconds['products']:.3f} s", f"{share:.0%}",
        f"at least {SHARE_OF_PRODUCTS:.0%}", share >= SHARE_OF_PRODUCTS,
    )


def _convolution_row(folder, python, rounds=3):
    """No goal: where a library of compiled convolutions is the better tool, the table says by how much."""
    with (
        Contestant("mnistlab_convolution", folder, hidden=128) as ours,
        Contestant("torch_convolution", folder, python, hidden=128) as theirs,
    ):
        present = [one for one in (ours, theirs) if one.version]
        seconds = by_turns(present, rounds)
    row = Row("Convolutions of 8 and 16 channels before 128 units, one epoch", f"{seconds[ours.name]:.1f} s")
    if theirs in present:
        row.peer = f"{theirs.version}: {seconds[theirs.name]:.1f} s"
        row.ratio = f"{seconds[ours.name] / seconds[theirs.name]:.2f}"
    return row


def by_turns(contestants, rounds):
    """{name: median seconds of an epoch}: one epoch of each contestant a round, each round begun by another of them.

    The first epoch of each, which fills caches, is not counted. Before each there is a pause, in which the threads of
    the one before, which wait for more work for a while, go to sleep and leave the cores to others.
    """
    seconds = {one.name: [] for one in contestants}
    for number in range(rounds + 1):
        first = number % len(contestants)
        for one in contestants[first:] + contestants[:first]:
            time.sleep(0.3)
            seconds[one.name].append(one.epoch())
    return {name: median(times[1:]) for name, times in seconds.items()}


@contextmanager
def folder_of(dataset):
    """A folder with images.npy and labels.npy, where contestants find a whole Dataset."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "images.npy", dataset.images)
        np.save(folder / "labels.npy", dataset.labels)
        yield folder


class Contestant:
    """A process that trains one epoch at each call of `epoch`: close it, or use it in a `with` block.

    version: the program's name and version, None where it is not installed.
    """

    def __init__(self, name, folder, python=sys.executable, hidden=0):
        self.name = name
        threads = {f"{kind}_NUM_THREADS": str(THREADS) for kind in ("OPENBLAS", "OMP", "MKL")}
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.contestant", name, str(hidden), str(folder)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **threads},
        )
        answer = self._process.stdout.readline()
        self.version = json.loads(answer) if answer else None

    def epoch(self):
        """What one more epoch took, in seconds (what it added, in megabytes, where the name is memory)."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
