"""Checks of lesson 5, what makes it generalise: the loss of knowing nothing, a blend of images, a feature by hand."""

import numpy as np

from ..features import INK
from ..lessons import exercise, right, wrong
from .answers import missing, number_in

CLASSES = 10


@exercise("5.1")
def _(answer):
    given = number_in(answer)
    if given is None:
        return wrong("The loss is one number, made with the natural logarithm: ln on a calculator, np.log here.")
    hints = (
        (-np.log(1 - 1 / CLASSES), "You took the probability of all the wrong classes. Take that of the right one."),
        (1 / CLASSES, "That is the probability that it gives to the right class. The loss is minus its logarithm."),
        (1 - 1 / CLASSES, "That is the share of wrong answers. The loss asks for the probability of the right class."),
        (-np.log(CLASSES), "The logarithm of a tenth is negative, and the loss has a minus before it."),
        (np.log10(CLASSES), "That is the logarithm to base 10. The loss uses the natural one, np.log."),
        (np.log2(CLASSES), "That is the logarithm to base 2. The loss uses the natural one, np.log."),
        (0, "A loss of 0 would mean a probability of 1 for the right class, each time."),
        (
            CLASSES * np.log(CLASSES),
            "You added up all the classes. Only the probability of the right class counts.",
        ),
    )
    if abs(given - np.log(CLASSES)) < 0.006:
        return right("A validation loss above that is worse than knowing nothing: the network is wrong and sure of it.")
    for value, hint in hints:
        if abs(given - value) < 0.003:
            return wrong(hint)
    return wrong("Take the loss of one image, minus the logarithm of the probability p of the right class; what is p?")


@exercise("5.2")
def _(answer):
    if not callable(answer):
        return wrong("Hand in the function itself, blend without brackets: it will be tried on several images.")
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 256, (2, 28, 28), np.uint8)
    shares = 0.0, 0.25, 1.0
    given = [answer(a.copy(), b.copy(), share) for share in shares]
    for value in given:
        if verdict := missing(value):
            return verdict
    given = [np.asarray(value, float) for value in given]
    if any(value.shape != a.shape for value in given):
        return wrong(f"A blend of two images is an image again, {a.shape}; yours has the shape {given[0].shape}.")
    first, second = a.astype(float), b.astype(float)

    def like(recipe):
        return all(np.abs(value - recipe(share)).max() <= 1 for value, share in zip(given, shares))

    slips = (
        (lambda s: s * first + (1 - s) * second, "It runs the other way: share 0 should give a, share 1 b."),
        (lambda s: first + s * second, "You add b to all of a. At share 1 nothing should be left of a."),
        (lambda s: (first + second) / 2, "It is the same halfway image for every share."),
        (lambda s: first + s * (a - b), "The step should lead from a to b, so it is b less a. Mind the bytes, too."),
        (lambda s: first + s * (first - second), "The step should lead from a to b, so it is b less a."),
        (
            lambda s: first + s * (b - a),
            "Bytes have no negative numbers: 10 - 20 becomes 246. Turn the images into floats before you subtract.",
        ),
        (lambda s: s * first + s * second, "Both have the same share. What one gains the other must lose."),
    )
    if like(lambda s: (1 - s) * first + s * second):
        return right("On this line every point is an image, but hardly any of them is a digit.")
    for recipe, hint in slips:
        if like(recipe):
            return wrong(hint)
    if max(value.max() for value in given) <= 1:
        return wrong("Greys go from 0 to 255 here, and your blend has none above 1.")
    if np.abs(given[0] - first).max() > 1:
        return wrong("At share 0 your blend should be a itself, and it is not.")
    if np.abs(given[-1] - second).max() > 1:
        return wrong("At share 1 your blend should be b itself, and it is not.")
    return wrong("The ends are right, but a quarter of the way there the image should be three quarters a.")


def strokes(line):
    """How many runs of ink a line of greys has."""
    inked = np.asarray(line) >= INK
    return int(inked[0]) + int((inked[1:] & ~inked[:-1]).sum())


# Rows with two strokes, one wide stroke, none, a stroke that begins at the left edge, one that ends at the right edge,
# and faint grey.
LINES = np.array(
    [
        [0, 200, 255, 0, 0, 180, 0, 0, 0, 0],
        [0, 0, 255, 255, 255, 255, 255, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [255, 255, 0, 0, 255, 0, 0, 220, 0, 0],
        [0, 0, 0, 150, 0, 0, 0, 0, 255, 255],
        [0, 60, 40, 0, 250, 30, 0, 50, 0, 0],
    ],
    np.uint8,
)


@exercise("5.3")
def _(answer):
    if not callable(answer):
        return wrong("Hand in the function itself, strokes without brackets: it will be tried on several rows.")
    found = [answer(line.copy()) for line in LINES]
    if verdict := missing(found[0]):
        return verdict
    given = [number_in(value) for value in found]
    if any(value is None for value in given):
        return wrong("Your function should give back one whole number for a row of greys.")
    expected = [strokes(line) for line in LINES]
    inked = LINES >= INK
    edges = (inked[:, 1:] != inked[:, :-1]).sum(axis=1)
    slips = (
        (inked.sum(axis=1), "You count pixels of ink. A stroke is several of them beside each other and counts once."),
        (edges, "You count both edges of a stroke: the one where ink begins and the one where it ends."),
        (edges / 2, "Half the edges: a stroke that touches the border of the image has only one edge inside."),
        (edges // 2, "Half the edges: a stroke that touches the border of the image has only one edge inside."),
        (
            (inked[:, 1:] & ~inked[:, :-1]).sum(axis=1),
            "A stroke that begins at the very first pixel is missing: there is no background before it.",
        ),
        (
            (inked[:, :-1] & ~inked[:, 1:]).sum(axis=1),
            "A stroke that reaches the very last pixel is missing: there is no background behind it.",
        ),
        (
            [int(line[0] > 0) + int(((line[1:] > 0) & (line[:-1] == 0)).sum()) for line in LINES],
            f"You count every grey above 0. Ink begins at {INK}; fainter pixels are the soft edges of a stroke.",
        ),
        (
            [int(line[0] > 0) + int(np.sum((line[1:] >= INK) & (line[:-1] == 0))) for line in LINES],
            f"A pixel is ink from {INK} on: ask the same of the pixel before it.",
        ),
        (inked.any(axis=1), "You say whether there is any ink. Asked is how many separate strokes."),
    )
    if given == expected:
        return right("A 0 has two strokes in its middle row, a 1 has one: a feature that a line of code finds.")
    for slip, hint in slips:
        if np.array_equal(given, np.asarray(slip, float)):
            return wrong(hint)
    k = next(k for k, count in enumerate(expected) if given[k] != count)
    return wrong(f"For the row {LINES[k].tolist()} your function says {given[k]:g}; count its strokes by eye.")
