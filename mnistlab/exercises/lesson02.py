"""Lesson 2, A network from scratch: counting weights, the slope of the loss, and what goes back through ReLU."""

import numpy as np

from ..lessons import exercise, right, wrong
from .answers import NOT_WRITTEN, is_same, number_in, numbers_in

PIXELS, HIDDEN, CLASSES = 784, 100, 10


@exercise("2.1")
def _(answer):
    count = number_in(answer)
    hints = {
        PIXELS * HIDDEN: "Those are the weights of the first layer. The outputs have weights too.",
        HIDDEN * CLASSES: "Those are the weights of the second layer. The hidden units have weights too.",
        (PIXELS + 1) * HIDDEN + (HIDDEN + 1) * CLASSES: "That counts a bias for each unit. This network has none.",
        PIXELS + HIDDEN + CLASSES: "Those are units, not weights. A weight joins two units: how many pairs are there?",
        PIXELS * HIDDEN * CLASSES: "You multiplied all three. A weight joins a unit to one of the next layer.",
        PIXELS * CLASSES: "No pixel is joined to an output: between them are the hidden units.",
    }
    if count is None:
        return wrong("The answer is one whole number.")
    if count == PIXELS * HIDDEN + HIDDEN * CLASSES:
        return right("Nearly all of them are in the first layer, which is why a step there takes the time.")
    return wrong(hints.get(count, "Count the entries of first_1 and of first_2: what are their shapes?"))


def _slopes(function, at, epsilon=1e-6):
    """The slope of function, which returns a number or an array, along each number of `at`, by finite differences."""
    moves = epsilon * np.eye(len(at))
    return np.array([(function(at + move) - function(at - move)) / (2 * epsilon) for move in moves])


@exercise("2.2")
def _(slope):
    if not callable(slope):
        return wrong("Hand in the function itself, without calling it: check(\"2.2\", slope).")
    rng = np.random.default_rng(0)
    target, output = np.eye(CLASSES)[3], rng.normal(size=CLASSES)
    expected = _slopes(lambda moved: np.sum((target - moved) ** 2), output)
    given = slope(target.copy(), output.copy())
    if given is ...:
        return NOT_WRITTEN
    given = numbers_in(given)
    if given is None:
        return wrong("It must return an array of ten numbers.")
    if is_same(given, expected):
        return right("It agrees with finite differences: each output was moved a little, up and down.")
    hints = [
        (-expected, "The sign is wrong: where an output is above its target, raising it makes the loss grow."),
        (expected / 2, "Only the factor is wrong: what does the derivative of a square bring with it?"),
        (-expected / 2, "That is delta_2. The sign and a factor are still to come: which way does the loss grow?"),
        ((target - output) ** 2, "Those are the ten terms of the loss itself. How does each change with its output?"),
        (expected.sum(), "Leave out the sum: each output has a slope of its own."),
        (np.sum((target - output) ** 2), "That is the loss itself. How does it change with each output?"),
    ]
    for mistaken, sentence in hints:
        if is_same(given, mistaken):
            return wrong(sentence)
    if given.shape != expected.shape:
        return wrong(f"There are ten outputs, so ten slopes. Yours has the shape {given.shape}.")
    first = next(k for k in range(CLASSES) if not np.isclose(given[k], expected[k], rtol=1e-4, atol=1e-6))
    return wrong(
        f"For output {first} you say {given[first]:.3f}, but when it is moved a little up and down, the loss changes "
        "at another rate. Take one term of the sum, and its derivative."
    )


@exercise("2.3")
def _(gate):
    if not callable(gate):
        return wrong("Hand in the function itself, without calling it: check(\"2.3\", gate).")
    rng = np.random.default_rng(0)
    sums, mask = rng.normal(size=HIDDEN), rng.integers(0, 2, HIDDEN)
    # What a unit hands on, and its slope along the unit's own sum: every other unit stands still.
    expected = _slopes(lambda moved: np.maximum(moved, 0) * mask * 2, sums).diagonal()
    given = gate(sums.copy(), mask.copy())
    if given is ...:
        return NOT_WRITTEN
    given = numbers_in(given)
    if given is None or given.shape != expected.shape:
        return wrong(f"It must return one number for each of the {HIDDEN} hidden units, as an array.")
    if is_same(given, expected):
        return right("It agrees with finite differences, for units kept and dropped, positive and negative.")
    positive, kept = sums > 0, mask == 1
    hints = [
        (mask, "That is what the tutorial does. It lets the blame through to units whose sum was negative."),
        (2 * mask, "The factor of kept units is right, but some of them had a negative sum and handed on 0."),
        (positive & kept, "The right units, but going forward they were multiplied by more than 1."),
        (positive, "Dropped units handed on 0 too: the mask is missing, and how much it multiplies."),
        (2 * positive, "Dropped units handed on 0 too: where is the mask?"),
        (2 * mask * np.maximum(sums, 0), "That is what the units hand on. What is asked for is its slope."),
        (2 * mask * (sums < 0), "The wrong way round: ReLU hands on positive sums."),
    ]
    for mistaken, sentence in hints:
        if is_same(given, np.asarray(mistaken, float)):
            return wrong(sentence)
    off = ~np.isclose(given, expected, rtol=1e-4, atol=1e-6)
    for units, name in (
        (kept & positive, "kept and have a positive sum"), (kept & ~positive, "kept and have a negative sum"),
        (~kept, "dropped"),
    ):
        if off[units].any():
            return wrong(f"It is not yet right for units that are {name}. What do they hand on if their sum grows?")
