"""Datasets: images and labels as they lie on disk, how they are split, and how batches are drawn from them.

Images stay uint8 and memory-mapped. Only one batch at a time becomes floats, in a buffer that is used again.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import files
from .language import t
from .layers import share, whole
from .settings import known_generator, known_settings, of_kind

NAMES = tuple(files.SOURCES)
TITLES = {"sample": "Bundled sample", "mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}
DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)
SAMPLE_TRAINING = 4_000


class NotDownloaded(Exception):
    """The dataset's files are not on this machine; the message says how to get them."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels, or a selection of them.

    images: uint8 (m, rows, columns), shared by all selections; labels: uint8 or other whole numbers (m,), from 0 to
    classes - 1; class_names: one name a label; indices: which of the m images belong to this selection, int64 (n,), in
    order; mean, deviation: what is taken from each pixel (0 to 1) of a batch, and what the rest is divided by. Raises
    ValueError for arrays of another type or shape, a label that is no class, an index that is no image, and a mean or
    deviation that is not finite or not above 0.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple = DIGITS
    indices: np.ndarray | None = None
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self):
        for what in ("images", "labels", *(["indices"] if self.indices is not None else [])):
            of_kind(np.ndarray, getattr(self, what), f"The {what} are an array, such as np.array([...], np.uint8)")
        if self.images.ndim != 3 or self.images.dtype != np.uint8:
            raise ValueError(f"Images must be uint8 (n, rows, columns); got {self.images.dtype} {self.images.shape}.")
        known_labels(self.labels, len(self.images), len(self.class_names))
        if self.indices is None:
            object.__setattr__(self, "indices", np.arange(len(self.images)))
        elif self.indices.ndim != 1 or self.indices.dtype.kind not in "iu":
            raise ValueError(f"Indices must be whole numbers (n,); got {self.indices.dtype} {self.indices.shape}.")
        elif len(self.indices) and not 0 <= self.indices.min() <= self.indices.max() < len(self.images):
            raise ValueError(
                f"Indices go from {self.indices.min()} to {self.indices.max()}; there are {len(self.images)} images."
            )
        if not np.isfinite(self.mean) or not 0 < self.deviation < np.inf:
            raise ValueError(
                f"The mean is {self.mean} and the deviation {self.deviation}; both must be finite, the second above 0."
            )

    def __len__(self):
        return len(self.indices)

    @property
    def inputs(self):
        """The number of pixels of an image."""
        return self.images.shape[1] * self.images.shape[2]

    def select(self, rows):
        """The Dataset of these rows (int array or slice) of this one, without copying an image.

        Raises IndexError for a row that is not there.
        """
        return replace(self, indices=self.indices[rows])

    def labels_of(self, rows=slice(None)):
        """The labels of these rows (int array or slice; all by default), int64 (b,)."""
        return self.labels[self.indices[rows]].astype(np.int64)

    def image(self, row):
        """One image, uint8 (rows, columns)."""
        return self.images[self.indices[row]]


def known_labels(labels, count, classes):
    """labels, where they are a whole number from 0 to classes - 1 for each of `count` images, else ValueError."""
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(f"{count} images need a label each, a whole number; got {labels.dtype} {labels.shape}.")
    if count and not 0 <= labels.min() <= labels.max() < classes:
        place = np.flatnonzero((labels < 0) | (labels >= classes))[0]
        raise ValueError(f"Image {place} has the label {labels[place]}; {classes} classes go from 0 to {classes - 1}.")
    return labels


class Batches:
    """Turns rows of a Dataset into network inputs, float32 (b, pixels), in buffers made once.

    They go from 0 to 1, or are (pixel / 255 - mean) / deviation where the dataset has other than 0 and 1. size: the
    largest batch that will be asked for.
    """

    def __init__(self, dataset, size):
        self.dataset = dataset
        self._flat = dataset.images.reshape(len(dataset.images), -1)
        self._bytes = np.empty((size, self._flat.shape[1]), np.uint8)
        self._floats = np.empty((size, self._flat.shape[1]), np.float32)

    def inputs(self, rows, change=None):
        """The images of `rows` (int array or slice) as a batch, float32 (b, pixels), overwritten by the next call.

        change: a function from floats 0 to 1 to a new batch of them, such as an augmentation.
        """
        chosen = self.dataset.indices[rows]
        raw, x = self._bytes[: len(chosen)], self._floats[: len(chosen)]
        # mode="clip" lets take write straight into `raw`; the default copies once more to be able to raise.
        np.take(self._flat, chosen, axis=0, out=raw, mode="clip")
        x[:] = raw  # first floats, then the product: quicker than both at once
        x *= np.float32(1 / 255)
        if change is not None:
            x = change(x)
        if (self.dataset.mean, self.dataset.deviation) == (0, 1):
            return x
        np.subtract(x, np.float32(self.dataset.mean), out=x)
        return np.divide(x, np.float32(self.dataset.deviation), out=x)


def split(dataset, fraction, rng):
    """(rest, held out): `fraction` of the images at random, as many of each class as its share. Both keep the order.

    Stratified (Kohavi 1995). fraction: between 0 and 1; rng: a numpy Generator. Raises ValueError for another, and
    where one of the two parts would be empty.
    """
    known_generator(rng)
    fraction = share("split", "fraction", fraction)
    labels = dataset.labels_of()
    exact = fraction * np.bincount(labels, minlength=len(dataset.class_names))
    counts = np.floor(exact).astype(int)
    # Rounding down leaves a few images over: they go to the classes that lost most by it.
    left_over = round(fraction * len(dataset)) - counts.sum()
    counts[np.argsort(counts - exact, kind="stable")[:left_over]] += 1
    held_out = np.zeros(len(dataset), bool)
    for label, count in enumerate(counts):
        held_out[rng.permutation(np.flatnonzero(labels == label))[:count]] = True
    if not 0 < counts.sum() < len(dataset):
        raise ValueError(t(
            "{count} images cannot be split with a share of {fraction:g} held out.", count=len(dataset),
            fraction=fraction,
        ))
    return dataset.select(np.flatnonzero(~held_out)), dataset.select(np.flatnonzero(held_out))


def training_split(dataset, settings, rng):
    """(training set, validation set) of a run: the validation set does not depend on how many images train.

    The training set is the first `settings.train_size` of the images that are not held out; the share held out is
    `settings.validation_fraction`. rng and errors as for `split`.
    """
    rest, validation = split(dataset, known_settings(settings).validation_fraction, rng)
    return rest.select(slice(0, settings.train_size)), validation


def class_counts(dataset):
    """How many images each class has, int64 (classes,)."""
    return np.bincount(dataset.labels_of(), minlength=len(dataset.class_names))


def class_averages(dataset):
    """The average image of each class, uint8 (classes, rows, columns); black for a class without images."""
    labels = dataset.labels_of()
    averages = np.zeros((len(dataset.class_names), *dataset.images.shape[1:]), np.uint8)
    for label in np.unique(labels):
        averages[label] = np.rint(dataset.images[dataset.indices[labels == label]].mean(axis=0))
    return averages


def examples(dataset, label, count, rng=None):
    """Rows of `count` images of a class, or of all it has: the first ones, or with rng random ones. int64, in order.

    Raises ValueError for a count that is no whole number from 0, and for an rng that is no numpy Generator.
    """
    (count,) = whole("examples", 0, count=count)
    rows = np.flatnonzero(dataset.labels_of() == label)
    return rows[:count] if rng is None else np.sort(known_generator(rng).permutation(rows)[:count])


def load(name, data_dir=None):
    """(training set, test set) of the dataset `name`, memory-mapped, without any network.

    "sample" is always there: training images 0-3,999 of MNIST, and 1,000 others of its training part held out in
    place of a test set. The full datasets are looked for in data_dir (or as `files.data_folder` says) and in the
    user's cache folder. Raises ValueError for an unknown name, NotDownloaded where the files are not there.
    """
    source = files.SOURCES[known(name)]
    folders = _places(name, data_dir)
    unpack_to = (files.cache_folder() / name, files.data_folder(data_dir) / name)
    arrays = [files.read(file, folders, unpack_to) for file in source.files]
    absent = [file.name for file, array in zip(source.files, arrays) if array is None]
    if absent:
        raise NotDownloaded(t(
            "{dataset} is not on this machine yet (no whole {files} in {folder}). Get it with: mnistlab download "
            "{name}", dataset=title(name), files=t(", ").join(absent), folder=folders[0], name=name,
        ))
    if name == "sample":
        sample = Dataset(*arrays)
        return sample.select(slice(0, SAMPLE_TRAINING)), sample.select(slice(SAMPLE_TRAINING, None))
    names = CLOTHES if name == "fashion-mnist" else DIGITS
    return Dataset(arrays[0], arrays[1], names), Dataset(arrays[2], arrays[3], names)


def download(name, data_dir=None, progress=None, **options):
    """Make sure that the data folder holds the dataset; fetch it if not. Returns the folder that the files are in.

    The data folder is data_dir, or as `files.data_folder` says; copies elsewhere do not count. The variable
    MNISTLAB_MIRROR names a server to ask first, such as a school's own: its folders `mnist` and `fashion-mnist` hold
    the four .gz files. progress and options: as for `files.download`, which also names what is raised.
    """
    source = files.SOURCES[known(name)]
    places = _places(name, data_dir)[:2]  # the data folder alone: the third is the cache
    for folder in places:
        if not files.missing(source, folder):
            return folder
    if own := os.environ.get("MNISTLAB_MIRROR"):
        source = replace(source, mirrors=(f"{own.rstrip('/')}/{name}/", *source.mirrors))
    files.download(source, places[0], progress, **options)
    return places[0]


def known(name):
    """name itself; raises ValueError with the names there are."""
    if name not in NAMES:
        names = t(", ").join(NAMES)
        raise ValueError(t("There is no dataset {name!r}. The datasets are {names}.", name=name, names=names))
    return name


def title(name):
    """What a dataset is called on the page, in its language. name: its own, or its title; others stay as they are."""
    english = TITLES.get(name, name)
    return t(english) if english in TITLES.values() else english


def class_titles(class_names):
    """What classes are called on the page, in its language; those of images of one's own stay as they are."""
    return tuple(map(t, class_names)) if class_names == CLOTHES else class_names


def _places(name, data_dir):
    if name == "sample":
        return (Path(__file__).parent / "sample",)
    chosen = files.data_folder(data_dir)
    return (chosen / name, chosen, files.cache_folder() / name)
