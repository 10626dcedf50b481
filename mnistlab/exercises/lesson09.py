"""Checks of lesson 9: a random split, a picture padded, a digit centred."""

import numpy as np

from ..lessons import exercise, right, wrong
from .answers import missing, number_in

ITEMS = tuple(f"{name}/{k:02}.jpg" for name in ("cat", "dog") for k in range(50))
SHARE = 0.2
WIDE, HIGH, SIDE = 200, 80, 28


@exercise("9.1")
def _(answer):
    if not callable(answer):
        return wrong("Hand in the function itself, by its name and without brackets behind it.")
    given = list(ITEMS)
    found = answer(given, SHARE, 3)
    if verdict := missing(found):
        return verdict
    if not isinstance(found, tuple | list) or len(found) != 2:
        return wrong("It must return two lists, training and validation items, with a comma between them.")
    if given != list(ITEMS):
        return wrong("It shuffles the list that it was given, and the caller still needs that: shuffle a copy.")
    training, validation = (list(part) for part in found)
    if all(isinstance(one, int | np.integer) for one in training + validation):
        return wrong("It returns positions. Use them to take the items themselves out of the list.")
    if hint := _what_is_lost(training, validation):
        return wrong(hint)
    if validation in (given[: len(validation)], given[-len(validation) :]):
        return wrong(
            "It cuts without shuffling. Items are sorted by folder, so whole classes would never be learned, or never "
            "be tested."
        )
    again, other = answer(list(ITEMS), SHARE, 3), answer(list(ITEMS), SHARE, 4)
    if set(again[1]) != set(validation):
        return wrong("The same seed gives another split each time: make the generator inside, from the seed.")
    if set(other[1]) == set(validation):
        return wrong("Every seed gives the same split: the generator does not use the seed it is given.")
    return right("Shuffled, whole, without overlap, and the same tomorrow.")


def _what_is_lost(training, validation):
    """The sentence on parts that overlap, are not whole or of the wrong size, or ""."""
    both = set(training) & set(validation)
    if both:
        return (
            f"{len(both)} items are in both parts, so the network would be tested on what it learned. Draw each item "
            "once: shuffle all, then cut."
        )
    if len(set(training)) < len(training) or len(set(validation)) < len(validation):
        return "Some items are drawn twice. Shuffle all positions once and cut, instead of drawing for each part."
    count = round(SHARE * len(ITEMS))
    if len(training) == count and len(validation) == len(ITEMS) - count:
        return "The two parts are the wrong way round: `share` is the part that validates, and training comes first."
    if len(training) + len(validation) < len(ITEMS):
        lost = len(ITEMS) - len(training) - len(validation)
        return f"{lost} of {len(ITEMS)} items are in neither part. Each item belongs to one of the two."
    if set(training) | set(validation) != set(ITEMS):
        return "There are items in the parts that were not in the list."
    if len(validation) != count:
        return f"Of {len(ITEMS)} items with a share of {SHARE:g}, {len(validation)} validate. Multiply and round."
    return ""


@exercise("9.2")
def _(answer):
    value = number_in(answer)
    if value is None:
        return wrong("The answer is one number of rows.")
    filled = SIDE * HIGH / WIDE
    empty = SIDE - filled
    if abs(value - empty) <= 0.3:
        return right(
            f"The longer side shrinks from {WIDE} to {SIDE}, so the shorter becomes {filled:.1f}; the other rows "
            "are paper that nobody photographed."
        )
    if abs(value - filled) <= 0.3:
        return wrong("So many rows the photo itself takes up. The question is about the others.")
    if abs(value - empty / 2) <= 0.6:
        return wrong("That is one side only. Pad adds paper above and below.")
    if value == 0:
        return wrong("So it is with squash and crop. Pad keeps proportions: a wide photo cannot fill the height.")
    if value == HIGH - SIDE or value == WIDE - HIGH:
        return wrong("These are pixels of the photo. Shrink it first, and count rows of the small image.")
    if abs(value - SIDE * SIDE * (1 - HIGH / WIDE)) <= 10:
        return wrong("These are pixels. The question asks for rows, of which there are 28.")
    return wrong(
        f"Pad scales both sides alike, by what brings the longer one to {SIDE}. How high is the photo then, and how "
        "many rows are left?"
    )


@exercise("9.3")
def _(answer):
    if not callable(answer):
        return wrong("Hand in the function itself, by its name and without brackets behind it.")
    for image in _digits():
        found = answer(image.copy())
        if verdict := missing(found):
            return verdict
        if hint := _misplaced(image, np.asarray(found)):
            return wrong(hint)
    return right("The centre of mass is in the middle, as in every image of MNIST.")


def _digits():
    """Images with far more ink at one end, so that the middle of their box is not their centre of mass."""
    one, other = np.zeros((2, SIDE, SIDE), np.uint8)
    one[3:20, 6:8], one[15:20, 6:20] = 255, 255
    other[6:9, 9:24], other[6:24, 20:24], other[18:24, 14:24] = 120, 255, 255
    return one, other


def _misplaced(image, found):
    """The sentence on an image that is not centred, or ""."""
    if found.shape != image.shape:
        return f"It returns an array of shape {found.shape}; an image of {image.shape} should come back."
    if int(found.sum(dtype=np.int64)) != int(image.sum(dtype=np.int64)):
        return "The ink has changed. Move the image, and leave the values of its pixels as they are."
    before, after, middle = _mass(image), _mass(found), np.array([SIDE / 2, SIDE / 2])
    # The middle of 28 pixels may be taken as 13.5 or 14, and moves are whole pixels, rounded or cut.
    if (np.abs(after - (middle - 0.25)) <= 1.25).all():
        return ""
    moved, needed = after - before, middle - before
    if np.abs(moved).max() < 0.5:
        return "The image comes back where it was. np.roll returns a new array: return that."
    if np.abs(moved + needed).max() <= 1.1:
        return "It moves the right distance the wrong way: a digit that is too high must go down."
    if np.abs(moved - needed[::-1]).max() <= 1.1:
        return "Rows and columns have changed places: axis 0 runs down, axis 1 to the right."
    if np.abs(_box_middle(found) - (middle - 0.5)).max() <= 1.1:
        return "It is the box around the digit that is in the middle. Weigh each row by how much ink it has instead."
    if np.abs(moved - needed).min() <= 1.1:
        return "One direction is right, the other is not. Each needs its own centre: one of rows, one of columns."
    row, column = after
    return f"The centre of mass of a test image comes to row {row:.1f}, column {column:.1f}."


def _mass(image):
    weights = image.astype(float)
    places = np.arange(SIDE)
    return np.array([weights.sum(1) @ places, weights.sum(0) @ places]) / weights.sum()


def _box_middle(image):
    return np.array([np.mean(np.flatnonzero(image.any(axis))[[0, -1]]) for axis in (1, 0)])
