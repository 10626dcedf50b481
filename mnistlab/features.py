"""Hand-made features: a digit as a few numbers that a person thought of, such as how many holes it has.

This is how programs read digits before networks found features of their own (Chollet, Deep Learning with Python,
5.4.2). Images are uint8 (n, rows, columns), bright strokes on black; each feature is an array (n,), one number an
image, and an image without any ink has harmless ones.
"""

import numpy as np

from .data import Dataset

INK = 100  # from this grey on a pixel is ink: low enough that thin strokes do not break


def flooded(seeds, room):
    """Flood fill: what of `room` can be reached from `seeds` by steps up, down, left and right within it.

    Both bool (n, rows, columns), and so is the answer.
    """
    reached = seeds & room
    while True:
        grown = reached.copy()
        grown[:, 1:] |= reached[:, :-1]
        grown[:, :-1] |= reached[:, 1:]
        grown[:, :, 1:] |= reached[:, :, :-1]
        grown[:, :, :-1] |= reached[:, :, 1:]
        grown &= room
        if (grown == reached).all():
            return reached
        reached = grown


def holes(images):
    """How many holes there are, places without ink that strokes enclose: 0 in a 1, 1 in a 0, 2 in an 8."""
    room = np.pad(images < INK, ((0, 0), (1, 1), (1, 1)), constant_values=True)  # a way around the outside
    outside = np.zeros_like(room)
    outside[:, 0, 0] = True
    left, count = room & ~flooded(outside, room), np.zeros(len(images), int)
    while left.any():
        # One pixel of a hole is filled from, and with it the whole hole is gone.
        seeds = np.zeros_like(left)
        flat = left.reshape(len(left), -1)
        seeds.reshape(flat.shape)[np.arange(len(flat)), flat.argmax(axis=1)] = True
        count += flat.any(axis=1)
        left &= ~flooded(seeds, left)
    return count


def ink(images):
    """The mean grey, 0 to 1."""
    return images.mean(axis=(1, 2)) / 255


def height(images):
    """How many rows the digit reaches over."""
    top, bottom = _ends(images, 1)
    return bottom - top


def width(images):
    """How many columns the digit reaches over."""
    left, right = _ends(images, 2)
    return right - left


def _ends(images, axis):
    """(first, one past the last) row (axis 1) or column (axis 2) with ink, int (n,) each; 0 and all without ink."""
    inked = (images >= INK).any(axis=3 - axis)
    return inked.argmax(axis=1), inked.shape[1] - inked[:, ::-1].argmax(axis=1)


def weight_down(images):
    """Where the middle of the ink is between the top of the digit (0) and its bottom (1): further down in a 6."""
    top, bottom = _ends(images, 1)
    return (_middle(images, 1) - top) / (bottom - top)


def weight_right(images):
    """Where the middle of the ink is between the left end of the digit (0) and its right end (1)."""
    left, right = _ends(images, 2)
    return (_middle(images, 2) - left) / (right - left)


def _middle(images, axis):
    """The mean row (axis 1) or column (axis 2) of the ink, float64 (n,)."""
    mass = images.sum(axis=3 - axis, dtype=float)
    return mass @ np.arange(mass.shape[1]) / np.maximum(mass.sum(axis=1), 1)


def slant(images):
    """How many columns the digit leans to the right for each row up: moments of the second order."""
    rows = np.arange(images.shape[1]) - _middle(images, 1)[:, None]
    columns = np.arange(images.shape[2]) - _middle(images, 2)[:, None]
    both = np.einsum("nrc,nr,nc->n", images, rows, columns)
    return -both / np.maximum(np.einsum("nrc,nr->n", images, rows**2), 1)


def strokes_across(images, share):
    """How many strokes a row crosses, `share` of the way down the digit (0 its top, 1 its bottom)."""
    top, bottom = _ends(images, 1)
    rows = top + (share * (bottom - top - 1)).astype(int)
    line = images[np.arange(len(images)), rows] >= INK
    begins = np.diff(line, axis=1, prepend=False) & line  # ink where there was none before
    return begins.sum(axis=1)


def strokes_down(images, share):
    """How many strokes a column crosses, `share` of the way from the left of the digit to its right."""
    return strokes_across(images.swapaxes(1, 2), share)


def bays(images):
    """Where there is no ink, but there is some on all sides, or on all sides but one: bool (5, n, rows, columns).

    Those open to the left (as in a 3), to the right, at the top (as in a 4), at the bottom, and closed ones.
    """
    inked = images >= INK
    seen = [
        np.flip(np.logical_or.accumulate(np.flip(inked, axis), axis), axis) if ahead else
        np.logical_or.accumulate(inked, axis)
        for axis, ahead in ((2, False), (2, True), (1, False), (1, True))  # left, right, up, down
    ]
    closed = ~inked & np.all(seen, axis=0)
    ones = [~inked & ~seen[k] & np.all(seen[:k] + seen[k + 1 :], axis=0) for k in range(4)]
    return np.stack([*ones, closed])


def bay_areas(images):
    """The share of the digit's box that each kind of bay takes, in its upper and its lower half: float64 (n, 10)."""
    (top, bottom), (left, right) = _ends(images, 1), _ends(images, 2)
    by_row = bays(images).sum(axis=3)
    upper = np.arange(images.shape[1]) < ((top + bottom) / 2)[:, None]
    halves = np.stack([(by_row * upper).sum(axis=2), (by_row * ~upper).sum(axis=2)], axis=1)  # (5, 2, n)
    return halves.reshape(10, -1).T / ((bottom - top) * (right - left))[:, None]


SINGLE = {
    "holes": holes,
    "ink": ink,
    "height": height,
    "width": width,
    "weight down": weight_down,
    "weight right": weight_right,
    "slant": slant,
    "strokes across, upper": lambda images: strokes_across(images, 0.2),
    "strokes across, middle": lambda images: strokes_across(images, 0.5),
    "strokes across, lower": lambda images: strokes_across(images, 0.8),
    "strokes down, middle": lambda images: strokes_down(images, 0.5),
}
BAYS = "open to the left", "open to the right", "open at the top", "open at the bottom", "closed"
NAMES = (*SINGLE, *(f"bay {kind}, {half}" for kind in BAYS for half in ("upper", "lower")))


def measured(images):
    """All features of images: float64 (n, 21), a column for each of NAMES."""
    single = [feature(images).astype(float) for feature in SINGLE.values()]
    return np.column_stack([*single, bay_areas(images)])


def as_datasets(training_set, *others):
    """Datasets whose images are rows of features instead of pixels, in a list: what `train` and `build` take as it is.

    Each feature is stretched so that 0 and 255 are its least and greatest value in the training set; what others have
    beyond is cut off. The networks for them have `len(NAMES)` inputs. Raises ValueError for a training set without
    images.
    """
    if len(training_set) == 0:
        raise ValueError("A training set without images has no least and greatest values.")
    tables = [measured(dataset.images[dataset.indices]) for dataset in (training_set, *others)]
    low, span = tables[0].min(axis=0), np.maximum(np.ptp(tables[0], axis=0), 1e-9)
    stretched = [np.rint(255 * np.clip((table - low) / span, 0, 1)).astype(np.uint8) for table in tables]
    return [
        Dataset(rows[:, None, :], dataset.labels_of(), dataset.class_names)
        for rows, dataset in zip(stretched, (training_set, *others))
    ]
