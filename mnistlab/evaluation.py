"""Measures of a network on a dataset. The network runs once; everything else is a look-up on its logits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .data import Batches, known_labels
from .language import t
from .layers import whole
from .losses import make_loss, softmax

CHUNK = 512


def top_3_accuracy(logits, labels):
    """1 for each image whose label is among the three most probable classes, else 0: float64 (b,).

    logits: float (b, classes); labels: int (b,).
    """
    top = np.argsort(-logits, axis=1, kind="stable")[:, :3]  # of equals the first, as argmax takes it
    return (top == labels[:, None]).any(axis=1).astype(float)


def confidence(logits, labels):
    """The probability, 0 to 1, that the network gives its own prediction, for each image: float (b,).

    logits: float (b, classes); labels: int (b,), which play no part.
    """
    return softmax(logits).max(axis=1)


# What a run can be asked to measure besides loss and accuracy: functions of logits (b, classes) and labels (b,).
METRICS = {"top_3_accuracy": top_3_accuracy, "confidence": confidence}


@dataclass(frozen=True)
class Mistake:
    """One image and what the network makes of it.

    index: its row in the dataset; prediction, actual: labels; loss: its loss; probability: that of the prediction.
    """

    index: int
    prediction: int
    actual: int
    loss: float
    probability: float


class Evaluation:
    """What a network says of a dataset.

    logits: float (n, classes), the network's outputs; labels: int (n,); loss: the name of the loss that is measured.
    `losses`, float (n,), and `predictions`, int64 (n,), are those of each image. Raises ValueError for an unknown loss,
    and where there is not one label from 0 to classes - 1 for each row of logits.
    """

    def __init__(self, logits, labels, loss="cross-entropy"):
        if logits.ndim != 2:
            raise ValueError(f"Logits are (n, classes); got {logits.shape}.")
        self.logits, self.labels = logits, known_labels(np.asarray(labels), *logits.shape)
        with np.errstate(over="ignore", invalid="ignore"):  # as in `logits_in_chunks`
            self.losses = make_loss(loss).forward(logits, self.labels)
        self.predictions = logits.argmax(axis=1)

    @property
    def loss(self):
        """The mean loss over the images, from 0 up."""
        return float(self.losses.mean(dtype=np.float64))

    @property
    def accuracy(self):
        """The share of images whose most probable class is their label, 0 to 1."""
        return float((self.predictions == self.labels).mean())

    @cached_property
    def probabilities(self):
        """The softmax of the logits, float (n, classes), each row summing to 1."""
        return softmax(self.logits)

    @cached_property
    def confusion_matrix(self):
        """Counts, int (classes, classes): row = actual label, column = prediction."""
        classes = self.logits.shape[1]
        pairs = self.labels.astype(np.int64) * classes + self.predictions
        return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    @property
    def precision(self):
        """By class, float64 (classes,): of the images that were given this prediction, the share whose label it is.

        NaN for a class that was never predicted (precision and recall: Goodfellow et al. 2016, 11.1).
        """
        return _shares(self.confusion_matrix.diagonal(), self.confusion_matrix.sum(axis=0))

    @property
    def recall(self):
        """By class, float64 (classes,): of the images with this label, the share that was given it; NaN for none."""
        return _shares(self.confusion_matrix.diagonal(), self.confusion_matrix.sum(axis=1))

    def answered(self, threshold):
        """(coverage, accuracy) if the network may say "I don't know" (Goodfellow et al. 2016, 11.1), each 0 to 1.

        threshold: 0 to 1. Coverage is the share of images whose most probable class has at least the probability
        `threshold`, and accuracy that of right predictions among these: NaN if there are none. Only cross-entropy makes
        probabilities of the outputs; a network that learned with another loss is hardly ever sure of anything.
        """
        sure = self.probabilities.max(axis=1) >= threshold
        accuracy = (self.predictions == self.labels)[sure].mean() if sure.any() else np.nan
        return float(sure.mean()), float(accuracy)

    def top_losses(self, count, label=None):
        """The `count` images with the highest loss, worst first, as Mistakes (fast.ai, chapter 2).

        label: only images that have this label. Raises ValueError for a count that is no whole number from 0.
        """
        (count,) = whole("top_losses", 0, count=count)
        rows = np.arange(len(self.labels)) if label is None else np.flatnonzero(self.labels == label)
        return self.mistakes(self._worst_first(rows)[:count])

    def confused(self, actual, prediction):
        """The rows of the images in one cell of the confusion matrix, highest loss first: int64 (k,)."""
        return self._worst_first(np.flatnonzero((self.labels == actual) & (self.predictions == prediction)))

    def mistakes(self, rows):
        """The images of these rows, in their order, as Mistakes: also those that the network got right."""
        return [
            Mistake(int(i), int(k), int(self.labels[i]), float(self.losses[i]), float(self.probabilities[i, k]))
            for i, k in zip(rows, self.predictions[rows])
        ]

    def _worst_first(self, rows):
        return rows[np.argsort(-self.losses[rows], kind="stable")]


def _shares(parts, wholes):
    return np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=wholes > 0)


def logits_in_chunks(network, dataset, logits):
    """Fill logits, float (n, classes), chunk by chunk; yields the number of images done: a caller can breathe between.

    A network that has diverged gives infinities and NaNs without a warning: whoever measures it looks at the loss.
    """
    batches = Batches(dataset, min(CHUNK, len(dataset)))
    for start in range(0, len(dataset), CHUNK):
        rows = slice(start, start + CHUNK)
        with np.errstate(over="ignore", invalid="ignore"):
            logits[rows] = network.forward(batches.inputs(rows))
        yield min(start + CHUNK, len(dataset))


def fits(network, dataset):
    """Raises ValueError where the dataset has no images, or images or classes that the network is not made for.

    Images become float32: a network in float64, which is for gradient checks, is refused too.
    """
    if network.dtype != np.float32:
        raise ValueError(f"Images become float32; the network computes in {network.dtype}.")
    if len(dataset) == 0:
        raise ValueError(t("There are no images in this set; at least one is needed."))
    if dataset.inputs != network.inputs:
        raise ValueError(t(
            "The images have {pixels} pixels; the network expects {inputs}.", pixels=dataset.inputs,
            inputs=network.inputs,
        ))
    if len(dataset.class_names) > network.outputs:
        raise ValueError(t(
            "There are {classes} classes; the network knows {outputs}.", classes=len(dataset.class_names),
            outputs=network.outputs,
        ))


def evaluate(network, dataset, loss="cross-entropy"):
    """The Evaluation of `network` on all images of `dataset`, without dropout and augmentation.

    Raises ValueError for a dataset without images, for one whose images or classes the network does not fit, for a
    network in float64, and for an unknown loss.
    """
    fits(network, dataset)
    logits = np.empty((len(dataset), network.outputs), np.float32)
    for _ in logits_in_chunks(network, dataset, logits):
        pass
    return Evaluation(logits, dataset.labels_of(), loss)


def majority_baseline(training_labels, labels):
    """The accuracy on `labels` of always answering the most frequent of `training_labels`: what must be beaten.

    Both int (n,), from 0; a plain float from 0 to 1. Raises ValueError where one of them is empty.
    """
    if not len(training_labels) or not len(labels):
        raise ValueError(
            f"A baseline needs labels; there are {len(training_labels)} training labels and {len(labels)} to compare."
        )
    return float((labels == np.bincount(training_labels).argmax()).mean())
