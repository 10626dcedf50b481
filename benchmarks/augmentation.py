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

BATCH = 128
WORK = {
    "Shift (2 pixels) and rotation (12 degrees)": mnistlab.Settings(shift=2, rotate=12),
    "Elastic distortion (alpha 34, sigma 4)": mnistlab.Settings(elastic=34),
    "All seven kinds": mnistlab.Settings(
        shift=2, rotate=12, scale=0.1, shear=0.1, thickness=0.5, noise=0.1, elastic=34,
    ),
}


def peer():
    """The function (images uint8 (n, 28, 28), rng) of neural-network-digits that shifts and rotates, or None."""
    try:
        from nn_digits.neural_net.data import augment
    except ImportError:
        return None
    return lambda images, rng: augment(images, rng, rotation=12, shift=2)


def epoch(dataset, parameters, rng):
    """Seconds to augment every image of the dataset; drawing the batches from the dataset is not counted."""
    batches, augmenter = Batches(dataset, BATCH), Augmenter(parameters)
    seconds = 0.0
    for start in range(0, len(dataset), BATCH):
        batch = batches.inputs(slice(start, start + BATCH))
        started = perf_counter()
        augmenter(batch, rng)
        seconds += perf_counter() - started
    return seconds


def peer_epoch(dataset, augment, rng):
    """The same for the peer, with batches of bytes, which it asks for."""
    seconds = 0.0
    for start in range(0, len(dataset), BATCH):
        images = np.array(dataset.images[dataset.indices[start : start + BATCH]])
        started = perf_counter()
        augment(images, rng)
        seconds += perf_counter() - started
    return seconds


def augmentation_rows(official, rounds=5):
    """Table rows: seconds for all training images, everything in turn in each round, medians."""
    train_set, _ = official
    other, first = peer(), next(iter(WORK))
    seconds, others = {what: [] for what in WORK}, []
    for seed in range(rounds):
        for what, parameters in WORK.items():
            seconds[what].append(epoch(train_set, parameters, np.random.default_rng(seed)))
        if other:
            others.append(peer_epoch(train_set, other, np.random.default_rng(seed)))
    rows = {what: f"{median(times):.2f} s for {len(train_set):,} images" for what, times in seconds.items()}
    if other:
        ours, theirs = median(seconds[first]), median(others)
        rows[first] += f"; neural-network-digits {theirs:.2f} s: {theirs / ours:.0f} times as fast"
    return list(rows.items())


if __name__ == "__main__":
    for what, measured in augmentation_rows(mnistlab.load("mnist", *sys.argv[1:2])):
        print(f"{what}: {measured}")
