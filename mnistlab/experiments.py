"""Datasets for experiments: less data, wrong labels, noise instead of digits, other scales, other ways to split.

Each function leaves the dataset given as it is, and a new one shares its images wherever they are the same. Those with
other pixels keep its mean and deviation: standardise last. An rng that is no numpy Generator is refused (ValueError).
"Chollet" is his "Deep Learning with Python", 2nd edition.
"""

from dataclasses import replace

import numpy as np

from .data import DIGITS, Dataset, split
from .layers import share, whole
from .settings import checked, known_generator, known_settings


def from_floats(images, labels, class_names=DIGITS):
    """A Dataset of images given as floats from 0 to 1, (n, rows, columns), kept as the nearest of 256 greys.

    labels: int (n,). Raises ValueError for a NaN or another value that is not from 0 to 1, and for labels that are
    not whole numbers or not among the classes, each with its place.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    wrong = np.argwhere(~((images >= 0) & (images <= 1)))  # a NaN fails both comparisons
    if len(wrong):
        place = tuple(map(int, wrong[0]))
        raise ValueError(f"A pixel is {images[place]} at {place}; images given as floats must hold 0 to 1 only.")
    return Dataset(np.rint(images * 255.0).astype(np.uint8), labels, class_names)


def subset(dataset, size, rng=None):
    """A Dataset of `size` of the images: the first ones, or with rng random ones, as many of each class as its share.

    size: a whole number of images; rng: a numpy Generator. Raises ValueError for a size that is not from 1 to the
    number of images.
    """
    (size,) = whole("subset", 1, len(dataset), size=size)
    if rng is None or size == len(dataset):
        return dataset.select(slice(0, size))
    return split(dataset, size / len(dataset), rng)[1]


def shuffled_labels(dataset, rng):
    """The Dataset with the labels of its images exchanged at random: as many of each class, but nothing to learn.

    A network can still learn them by heart (Zhang et al. 2017, "Understanding deep learning requires rethinking
    generalization").
    """
    images = np.unique(dataset.indices)
    return _relabelled(dataset, images, known_generator(rng).permutation(dataset.labels[images]))


def noisy_labels(dataset, rate, rng):
    """The Dataset with round(rate * n) of its n images, drawn at random, given one of the other classes' labels.

    rate: 0 to 1; at 0 all labels stay; rng: a numpy Generator (classification noise: Angluin and Laird 1988). Raises
    ValueError for another rate, and where there is only one class.
    """
    rate = checked("label_noise", rate)
    classes = len(dataset.class_names)
    if classes < 2:
        names = ", ".join(dataset.class_names)
        raise ValueError(f"Label noise needs another class to choose; the classes are {names}.")
    images = np.unique(dataset.indices)
    chosen = known_generator(rng).choice(images, round(rate * len(images)), replace=False)
    # A step of 1 to classes - 1 around the circle of classes never comes back to where it began.
    steps = rng.integers(1, classes, len(chosen))
    return _relabelled(dataset, chosen, (dataset.labels[chosen] + steps) % classes)


def with_other_labels(dataset, settings, rng):
    """The Dataset with the labels that settings ask for: `shuffled_labels`, `label_noise`, or those it has.

    rng: a numpy Generator. Raises as `noisy_labels`.
    """
    if known_settings(settings).shuffled_labels:
        dataset = shuffled_labels(dataset, rng)
    return noisy_labels(dataset, settings.label_noise, rng) if settings.label_noise else dataset


def white_noise(dataset, rng):
    """A Dataset of as many images of the same size and with the same labels, but every pixel is random, 0 to 255.

    What a network gets right on the validation part of it is luck (Zhang et al. 2017). rng: a numpy Generator.
    """
    images = known_generator(rng).integers(0, 256, (len(dataset), *dataset.images.shape[1:]), np.uint8)
    return replace(dataset, images=images, labels=dataset.labels[dataset.indices], indices=None)


def with_noise(dataset, rng):
    """A Dataset of the same images, each with as many pixels of white noise below it: (n, 2 * rows, columns).

    The noise tells nothing of the label, and a network finds chance relations in it all the same (Chollet, 5.1.1).
    rng: a numpy Generator.
    """
    noise = known_generator(rng).integers(0, 256, (len(dataset), *dataset.images.shape[1:]), np.uint8)
    return _with_below(dataset, noise)


def with_zeros(dataset):
    """A Dataset of the same images, each with as many black pixels below it: what `with_noise` is compared with."""
    return _with_below(dataset, np.zeros((len(dataset), *dataset.images.shape[1:]), np.uint8))


def standardised(training_set, *others):
    """The Datasets, in a list, with inputs of mean 0 and deviation 1 as the pixels of the training set have them.

    x <- (x - mean) / deviation (LeCun et al. 1998, "Efficient BackProp", section 4.3). Others are measured with the
    training set's mean and deviation, never with their own (Chollet, chapter 4). Images stay bytes; `Batches`
    does the arithmetic. Raises ValueError where all pixels are the same or there is no image.
    """
    if len(training_set) == 0:
        raise ValueError("A training set without images has no mean and deviation.")
    counts = np.zeros(256)
    for start in range(0, len(training_set), 1024):  # counting greys needs no copy of the images as floats
        chunk = training_set.images[training_set.indices[start : start + 1024]]
        counts += np.bincount(chunk.reshape(-1), minlength=256)
    greys, weights = np.arange(256) / 255, counts / counts.sum()
    mean = float(greys @ weights)
    deviation = float(np.sqrt((greys - mean) ** 2 @ weights))
    if deviation < 1e-6:
        raise ValueError(f"All pixels are {mean:g}; inputs of one value cannot be brought to deviation 1.")
    return [replace(dataset, mean=mean, deviation=deviation) for dataset in (training_set, *others)]


def hold_out(dataset, fraction, rng):
    """(training rows, validation rows) of one split at random: int64 arrays without a common row.

    Simple hold-out validation (Chollet, chapter 5). fraction: the share of validation rows, between 0 and 1; rng: a
    numpy Generator. Raises ValueError for another fraction, and where one of the two parts would be empty.
    """
    fraction = share("hold_out", "fraction", fraction)
    count = round(fraction * len(dataset))
    if not 0 < count < len(dataset):
        raise ValueError(
            f"Of {len(dataset)} images a share of {fraction:g} is {count}; both parts of a split need at least one."
        )
    order = known_generator(rng).permutation(len(dataset))
    return order[count:], order[:count]


def k_fold(dataset, k, rng=None):
    """k pairs (training rows, validation rows), one after the other: every row is in exactly one validation part.

    K-fold cross-validation (Stone 1974; Chollet, chapter 5). Parts are int64 arrays and differ by one row at most. rng,
    a numpy Generator, shuffles the rows first; without it they stay in order. Raises ValueError for a k that is not
    from 2 to the number of images.
    """
    (k,) = whole("k_fold", 2, len(dataset), k=k)
    order = np.arange(len(dataset)) if rng is None else known_generator(rng).permutation(len(dataset))
    ends = np.arange(k + 1) * len(order) // k
    return ((np.delete(order, slice(a, b)), order[a:b]) for a, b in zip(ends[:-1], ends[1:]))


def iterated_k_fold(dataset, k, iterations, rng):
    """The pairs of `iterations` times k_fold, the rows shuffled anew each time (Chollet, chapter 5): iterations * k.

    Raises ValueError as k_fold does, and for a number of iterations that is no whole number from 1.
    """
    (iterations,) = whole("iterated_k_fold", iterations=iterations)
    whole("iterated_k_fold", 2, len(dataset), k=k)
    known_generator(rng)
    return (pair for _ in range(iterations) for pair in k_fold(dataset, k, rng))


def duplicates(first, second):
    """Which images of two Datasets are the same in every pixel: int64 (d, 2), the row in the first and in the second.

    A test image that the network was trained on tells nothing about new ones. Sorted by the first row, then the
    second. Raises ValueError where the images are not of one size.
    """
    sizes = first.images.shape[1:], second.images.shape[1:]
    if sizes[0] != sizes[1]:
        raise ValueError(f"Images of {sizes[0]} and of {sizes[1]} pixels cannot be the same; both must be of one size.")
    rows_of = {}
    for row in range(len(second)):
        rows_of.setdefault(second.image(row).tobytes(), []).append(row)
    pairs = [(row, other) for row in range(len(first)) for other in rows_of.get(first.image(row).tobytes(), ())]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _with_below(dataset, others):
    images = np.concatenate([dataset.images[dataset.indices], others], axis=1)
    return replace(dataset, images=images, labels=dataset.labels[dataset.indices], indices=None)


def _relabelled(dataset, images, labels):
    """The Dataset with these labels for these of its images (indices of images, not rows)."""
    changed = dataset.labels.copy()
    changed[images] = labels
    return replace(dataset, labels=changed)
