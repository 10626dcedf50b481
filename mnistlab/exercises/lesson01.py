"""Lesson 1, The data: the header of an IDX file, one-hot labels, the accuracy of always the same answer."""

import numpy as np

from ..data import class_counts, load
from ..evaluation import majority_baseline
from ..idx import header
from ..lessons import exercise, right, wrong
from .answers import NOT_WRITTEN, about, is_same, number_in, numbers_in

# Files of images, of labels, and of tables: one to three dimensions. What follows a header shorter than 16 bytes is
# content already.
SHAPES = (4000, 28, 28), (4000,), (60_000, 28, 28), (10_000,), (7, 300)
CONTENT = bytes([5, 0, 4, 1, 9, 2, 1, 3])


@exercise("1.1")
def _(sizes_of):
    if not callable(sizes_of):
        return wrong("Hand in the function itself, without calling it: check(\"1.1\", sizes_of).")
    for shape in SHAPES:
        first_bytes = (header(shape) + CONTENT)[:16]
        given = sizes_of(first_bytes)
        if given is ...:
            return NOT_WRITTEN
        if isinstance(given, bytes | str) or (given := numbers_in(given)) is None:
            return wrong("The sizes must be whole numbers, in a tuple or a list. int.from_bytes makes one of 4 bytes.")
        if given.shape != (len(shape),) or tuple(given) != shape:
            return wrong(_wrong_sizes(given, shape, first_bytes))
    return right("It reads files of one, two and three dimensions: what the bytes mean, the fourth one says.")


def _wrong_sizes(given, shape, first_bytes):
    file = f"the header of a file of shape {shape}"
    backwards = [int.from_bytes(first_bytes[4 + 4 * k : 8 + 4 * k], "little") for k in range(3)]
    if given.ndim == 0:
        return f"For {file} there are {len(shape)} sizes to return, as a tuple or a list; yours is a single number."
    if given.size and given[0] == int.from_bytes(first_bytes[:4], "big"):
        return "You began at the first byte. The first four are the magic number and hold no size."
    if given.size and given[0] == backwards[0]:
        return "These sizes are far too large: you read the four bytes from the wrong end."
    if given.size == len(first_bytes) - 4 or given.size == 4 * len(shape):
        return f"For {file} you returned {given.size} numbers. A size takes four bytes together, not one."
    if len(given) > len(shape):
        return (
            f"For {file} you returned {len(given)} sizes. The rest is content already: which byte says how many "
            "dimensions there are?"
        )
    if len(given) < len(shape):
        return f"For {file} you returned {len(given)} of {len(shape)} sizes."
    return f"For {file} you returned {tuple(int(size) for size in given)}."


LABELS = (5, 0, 4, 9), (1, 0, 1), (3,)


@exercise("1.2")
def _(one_hot):
    if not callable(one_hot):
        return wrong("Hand in the function itself, without calling it: check(\"1.2\", my_one_hot).")
    for labels in LABELS:
        expected = np.eye(10)[list(labels)]
        given = one_hot(np.array(labels, np.uint8))
        if given is ...:
            return NOT_WRITTEN
        if (array := numbers_in(given)) is None:
            return wrong("It must return an array of numbers, a row for each label.")
        if not is_same(array, expected):
            return wrong(_wrong_rows(array, expected, labels))
        if np.asarray(given).dtype == bool:
            return wrong("The places are right, but these are True and False: make numbers of them, 1 and 0.")
    return right("Each row has a single 1, in the column of its label.")


def _wrong_rows(given, expected, labels):
    shape, wanted = given.shape, expected.shape
    if shape == wanted[::-1]:
        return f"For {len(labels)} labels your array has the shape {shape}: rows and columns have changed places."
    if given.ndim == 2 and len(given) == wanted[0]:
        if shape[1] != 10 and shape[1] == max(labels) + 1:
            return (
                f"For the labels {labels} your rows have {shape[1]} columns. There are ten classes, also where not "
                "every digit occurs among the labels."
            )
        if shape[1] != 10:
            return f"Your rows have {shape[1]} columns; each needs one for every digit from 0 to 9."
        if (given.sum(axis=1) == 1).all() and is_same(given[:, :-1], expected[:, 1:]):
            return "Your 1s are one place too far to the left: the first column belongs to the digit 0."
        if (given.sum(axis=1) == 1).all() and is_same(given[:, 1:], expected[:, :-1]):
            return "Your 1s are one place too far to the right: the first column belongs to the digit 0."
        if is_same(given, 1 - expected):
            return "It is the wrong way round: 1 marks the label, 0 all the others."
        if ((given != 0).sum(axis=1) > 1).any():
            return "One row has more than one number that is not 0. Only the column of the label gets a 1."
        return f"For the labels {labels} the shape is right, but the 1s are not all where the labels say."
    if given.ndim == 1:
        return f"For {len(labels)} labels it returns one row of {len(given)} numbers; it must return a row for each."
    return f"For {len(labels)} labels the shape must be {wanted}; yours is {shape}."


@exercise("1.3")
def _(answer):
    share = number_in(answer)
    if share is None:
        return wrong("The answer is one number, a share from 0 to 1.")
    training, held_out = load("sample")
    counts = [class_counts(part) for part in (training, held_out)]
    expected = majority_baseline(training.labels_of(), held_out.labels_of())
    if about(share, expected, 0.0005):
        return right(
            "Less than one in ten, although it is the most frequent digit: among the held-out images it is rare. "
            "Compare with what you took for granted."
        )
    if about(share, 100 * expected, 0.05) or about(share, len(held_out) * expected, 0.5):
        return wrong("The right images, but the answer is a share: between 0, for none of them, and 1, for all.")
    if about(share, 1 - expected, 0.0005):
        return wrong("That is how often this program is wrong.")
    if about(share, counts[1].max() / len(held_out), 0.0005):
        return wrong(
            "That is the most frequent digit of the held-out images. The program has never seen those: it knows the "
            "training images alone."
        )
    if about(share, counts[0].max() / len(training), 0.0005):
        return wrong("That is its share of the training images. How many of the held-out ones have that label?")
    if about(share, 0.1, 0.0005):
        return wrong("One in ten would be right if all digits were equally frequent. Look at the counts above.")
    return wrong(
        "First find the digit with the largest count in the training images, then its share of the held-out images."
    )
