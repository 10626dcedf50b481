"""What augmentation costs: 60,000 images in batches of 128, beside the closest peer where it is installed."""

import sys
from statistics import median
from time import perf_counter

import numpy as np

import mnistlab
from mnistlab.augmentation import Augmenter
from mnistlab.data import Batches

from .peers import INSTALL, Contestant, folder_of
from .table import Row

BATCH = 128
WORK = {
    "Shift (2 pixels) and rotation (12 degrees)": mnistlab.Settings(shift=2, rotate=12),
    "Elastic distortion (alpha 34, sigma 4)": mnistlab.Settings(elastic=34),
    "All seven kinds": mnistlab.Settings(
        shift=2, rotate=12, scale=0.1, shear=0.1, thickness=0.5, noise=0.1, elastic=34,
    ),
}
MOST = dict(zip(WORK, (1.0, 4.0)))  # seconds


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
    with folder_of(train_set) as folder, Contestant("digits", folder, python) as peer:
        for seed in range(rounds):
            for what, settings in WORK.items():
                seconds[what].append(epoch(train_set, settings, np.random.default_rng(seed)))
            if peer.version:
                others.append(peer.epoch())
    rows = []
    for what, times in seconds.items():
        ours, most = median(times), MOST.get(what)
        row = Row(f"{what}, {len(train_set):,} images", f"{ours:.2f} s")
        if most:
            row.must_reach, row.reached = f"at most {most} s", ours <= most
        if what == first and peer.version:
            row.peer, row.ratio = f"{peer.version}: {median(others):.2f} s", f"{ours / median(others):.2f}"
        elif what == first:
            row.peer = f"neural-network-digits is not installed: {INSTALL}"
        rows.append(row)
    return rows
