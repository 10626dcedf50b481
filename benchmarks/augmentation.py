"""What augmentation costs: 60,000 images in batches of 128, beside the closest peer where it is installed.

`python -m benchmarks.augmentation [FOLDER]` prints it alone; FOLDER holds the official MNIST files.
"""

import sys
from statistics import median
from time import perf_counter

import numpy as np

import mnistlab
from mnistlab.augmentation import Augmenter
from mnistlab.data import Batches

from .peers import contestant

BATCH = 128
WORK = {
    "Shift (2 pixels) and rotation (12 degrees)": mnistlab.Settings(shift=2, rotate=12),
    "Elastic distortion (alpha 34, sigma 4)": mnistlab.Settings(elastic=34),
    "All seven kinds": mnistlab.Settings(
        shift=2, rotate=12, scale=0.1, shear=0.1, thickness=0.5, noise=0.1, elastic=34,
    ),
}
WANTED = dict(zip(WORK, ("at most 1.0 s", "at most 4 s")))


def epoch(dataset, settings, rng):
    """Seconds to augment every image of the dataset; drawing the batches from the dataset is not counted."""
    batches, augmenter = Batches(dataset, BATCH), Augmenter(settings)
    seconds = 0.0
    for start in range(0, len(dataset), BATCH):
        batch = batches.inputs(slice(start, start + BATCH))
        started = perf_counter()
        augmenter(batch, rng)
        seconds += perf_counter() - started
    return seconds


def augmentation_rows(official, python=sys.executable, rounds=5):
    """Table rows: seconds for all training images, everything in turn in each round, medians."""
    train_set, _ = official
    first = next(iter(WORK))
    seconds, others = {what: [] for what in WORK}, []
    with contestant("digits", train_set, python) as peer:
        for seed in range(rounds):
            for what, settings in WORK.items():
                seconds[what].append(epoch(train_set, settings, np.random.default_rng(seed)))
            if peer.version:
                others.append(peer.epoch())
    rows = {what: f"{median(times):.2f} s for {len(train_set):,} images" for what, times in seconds.items()}
    if peer.version:
        ours, theirs = median(seconds[first]), median(others)
        rows[first] += f"; neural-network-digits {peer.version} {theirs:.2f} s: {theirs / ours:.0f} times as fast"
    return [(what, measured, WANTED.get(what, "")) for what, measured in rows.items()]


if __name__ == "__main__":
    for row in augmentation_rows(mnistlab.load("mnist", *sys.argv[1:2])):
        print(": ".join(row))
