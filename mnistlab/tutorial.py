"""The network of the NumPy tutorial "Deep learning on MNIST", reproduced to the last printed digit, and faster.

784-100-10 without biases, ReLU, dropout by a mask of 0 and 1 that is doubled, squared error summed over the classes,
and one image at a time (NumPy tutorials, https://numpy.org/numpy-tutorials/tutorial-deep-learning-on-mnist/).
"""

from dataclasses import dataclass

import numpy as np

from .layers import whole
from .settings import Settings

BLOCK = 40


@dataclass(frozen=True)
class TutorialRow:
    """One epoch as the tutorial prints it. epoch: from 0; errors: mean squared error; accuracies: 0 to 1.

    The training figures are taken while learning, with dropout on; the test figures after the epoch, without.
    """

    epoch: int
    training_error: float
    training_accuracy: float
    test_error: float
    test_accuracy: float


def train_tutorial(
    train_set, test_set, *, train_size=1000, test_size=1000, hidden_size=100, learning_rate=0.005, epochs=20,
    seed=884736743, exact_gradients=False,
):
    """Train the tutorial's network on the first images of two Datasets; a generator of a TutorialRow an epoch.

    The update is W <- W + rate * outer(input, delta), with delta_2 = t - y and delta_1 = (W_2 delta_2) * gate. The
    published gate has two slips: it is `output >= 0` of an output that is never negative, so it lets everything
    through, and it forgets that the mask was doubled. exact_gradients=True uses the true one, 2 where the unit was
    kept and positive, else 0. (Both leave out the 2 of the derivative of the square, as part of the rate.)

    train_size, test_size: whole numbers from 1; hidden_size, learning_rate, epochs, seed: what Settings take. Raises
    ValueError for another number, when a set has fewer images than asked for, and for sets of different images.
    """
    (train_size,) = whole("The tutorial", 1, len(train_set), train_size=train_size)
    (test_size,) = whole("The tutorial", 1, len(test_set), test_size=test_size)
    settings = Settings(hidden_size=hidden_size, learning_rate=learning_rate, epochs=epochs, seed=seed)
    if train_set.inputs != test_set.inputs or len(train_set.class_names) != len(test_set.class_names):
        raise ValueError(
            f"The training images have {train_set.inputs} pixels and {len(train_set.class_names)} classes, the test "
            f"images {test_set.inputs} and {len(test_set.class_names)}; they must have as many."
        )
    training, test = _floats(train_set, train_size), _floats(test_set, test_size)
    return _epochs(training, test, settings, exact_gradients)


def _floats(dataset, size):
    """(pixels in [0, 1], one-hot labels, labels) of the first images, in float64 as the tutorial has them."""
    part = dataset.select(slice(0, size))
    labels = part.labels_of()
    pixels = part.images[part.indices].reshape(size, -1) / 255
    return pixels, np.eye(len(part.class_names))[labels], labels


def _epochs(training, test, settings, exact_gradients):
    (x, t, labels), (test_x, test_t, test_labels) = training, test
    rng, rate = np.random.default_rng(settings.seed), settings.learning_rate
    weights_1 = 0.2 * rng.random((x.shape[1], settings.hidden_size)) - 0.1
    weights_2 = 0.2 * rng.random((settings.hidden_size, t.shape[1])) - 0.1
    count = len(x)
    blocks = [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
    products = [rate * (x[block] @ x[block].T) for block in blocks]
    # The test images' pixels that are zero in all of them add nothing: leave their columns out.
    inked = np.flatnonzero(test_x.any(axis=0))
    test_inked = np.ascontiguousarray(test_x[:, inked])
    outputs = np.empty_like(t)
    for epoch in range(settings.epochs):
        keep = rng.integers(0, 2, size=(count, settings.hidden_size))
        # A rate that is too high shows as an error of infinity or no number, which is the lesson: no warnings.
        with np.errstate(over="ignore", invalid="ignore"):
            for block, product in zip(blocks, products):
                outputs[block] = learn(
                    x[block], t[block], keep[block], product, weights_1, weights_2, rate, exact_gradients
                )
            test_outputs = np.maximum(test_inked @ weights_1[inked], 0) @ weights_2
            row = TutorialRow(
                epoch, *_error_and_accuracy(outputs, t, labels), *_error_and_accuracy(test_outputs, test_t, test_labels)
            )
        yield row


def learn(x, t, keep, products, weights_1, weights_2, learning_rate, exact_gradients):
    """Learn a block of images one after the other, changing both weights in place; returns the outputs (b, classes).

    x: float64 (b, pixels), 0 to 1; t: one-hot labels, float64 (b, classes); keep: the dropout mask of 0 and 1, int64
    (b, hidden size); products: learning_rate * x x^T, float64 (b, b); weights_1, weights_2: float64 (pixels, hidden
    size) and (hidden size, classes); each output is that of the moment when its image was learned.
    """
    # Writing 78,400 first-layer weights after every image is what makes the plain loop slow. They are needed only to
    # compute x_i W_1, and W_1 has changed by rate * sum_j outer(x_j, delta_j) over the images j since it was written,
    # so x_i W_1 = x_i (old W_1) + rate * sum_j (x_i . x_j) delta_j. The products x_i . x_j never change: they are
    # computed once, a block of images shares one old W_1, and W_1 is written once a block.
    doubled = 2.0 * keep
    gates = doubled.copy() if exact_gradients else keep.astype(float)
    hidden, outputs = x @ weights_1, np.empty_like(t)
    deltas = np.zeros_like(hidden)
    for i, (h, mask, gate, target, y) in enumerate(zip(hidden, doubled, gates, t, outputs)):
        h += products[i, :i] @ deltas[:i]
        np.maximum(h, 0, out=h)
        if exact_gradients:
            gate *= h > 0
        h *= mask
        np.dot(h, weights_2, out=y)
        delta_2 = target - y
        np.dot(weights_2, delta_2, out=deltas[i])
        deltas[i] *= gate
        delta_2 *= learning_rate
        weights_2 += np.multiply.outer(h, delta_2)
    weights_1 += learning_rate * (x.T @ deltas)
    return outputs


def _error_and_accuracy(outputs, t, labels):
    return float(np.square(t - outputs).sum() / len(t)), float((outputs.argmax(axis=1) == labels).mean())
