"""The exercises of lesson 6, measuring honestly."""

import numpy as np

from ..data import Dataset
from ..lessons import exercise, right, wrong
from .answers import NOT_WRITTEN, number_in


@exercise("6.1")
def _(answer):
    """How many images give an accuracy of 0.9 a standard error of 0.01."""
    p, error = 0.9, 0.01
    images = p * (1 - p) / error**2
    number = number_in(answer)
    if number is None:
        return wrong("The answer is one number.")

    def near(value):
        return abs(number - value) <= 0.02 * value

    if near(images):
        return right(
            f"{p} x {1 - p:.1f} / {error}² = {images:.0f}. For half the error you need four times as many images."
        )
    if near(np.sqrt(images)):
        return wrong("The images stand under the root: whoever solves for n has to square both sides.")
    if near(p * (1 - p) / error):
        return wrong("You divided by the error itself. Under the root stands n, so the error is squared.")
    if near(4 * images) or near(1.96**2 * images):
        return wrong("That makes two standard errors one percentage point. Asked is one standard error.")
    if near(p / error**2) or near((1 - p) / error**2):
        return wrong("One of the two factors p and 1 - p is missing under the root.")
    if near(p * (1 - p)) or near(p * (1 - p) / 1**2):
        return wrong("One percentage point is 0.01, not 1: put the accuracy and the error in the same unit.")
    if near(0.25 / error**2):
        return wrong("That holds for an accuracy of one half, the worst case. Put in the accuracy that is given.")
    if near(0.85 * 0.15 / error**2):
        return wrong("That fits the slider's network, which is right less often. Put in 0.9.")
    return wrong(
        "Put p and the error into the formula, both as shares from 0 to 1, and solve it for n. "
        f"With {number:g} images the standard error would be "
        + (f"{np.sqrt(p * (1 - p) / number):.4f}." if number > 0 else "nothing that could be worked out.")
    )


@exercise("6.2")
def _(split):
    """A function that splits rows at random: (dataset, share, rng) -> (training rows, validation rows)."""
    if not callable(split):
        return wrong("A function is asked for: hand over my_split itself, without brackets behind it.")
    labels = np.repeat(np.arange(10), 20)
    dataset = Dataset(np.zeros((len(labels), 2, 2), np.uint8), labels)
    parts = split(dataset, 0.2, np.random.default_rng(1))
    if parts is ...:
        return NOT_WRITTEN
    if parts is None:
        return wrong("Your function returns nothing; end it with return and the two arrays.")
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        return wrong("Two arrays are expected: the rows to train on, then the rows to validate on.")
    if any(isinstance(part, Dataset) for part in parts):
        return wrong("You returned datasets; return the numbers of the rows instead.")
    training, validation = map(_rows, parts)
    if training is None or validation is None:
        return wrong("Row numbers are whole numbers from 0 on, in a flat array; something else came back.")
    return _judged(training, validation, labels) or _repeated(split, dataset, validation)


def _judged(training, validation, labels):
    """What is wrong with the two parts of a split, or None."""
    count, wanted = len(labels), round(0.2 * len(labels))
    both = np.concatenate([training, validation])
    if len(both) and not 0 <= both.min() <= both.max() < count:
        return wrong(f"Rows go from 0 to {count - 1} here, and yours from {both.min()} to {both.max()}.")
    if (len(training), len(validation)) == (wanted, count - wanted):
        return wrong("The two parts have changed places: the share is what validates, and it comes second.")
    if len(np.unique(training)) < len(training) or len(np.unique(validation)) < len(validation):
        return wrong("Some rows come more than once in one part: that is drawing with replacement, not a split.")
    if len(np.intersect1d(training, validation)):
        return wrong("Some rows are in both parts: the network would be asked what it was taught.")
    if len(both) < count:
        return wrong(f"{count - len(both)} of {count} rows are in neither part; a split uses every row.")
    if len(validation) != wanted:
        return wrong(f"Of {count} rows a share of 0.2 is {wanted}; your validation part has {len(validation)}.")
    classes = len(np.unique(labels[validation]))
    if classes < 5:
        return wrong(f"Your validation part has images of only {classes} of 10 classes: the rows were not shuffled.")


def _repeated(split, dataset, validation):
    """Whether another generator makes another split, and the same one the same."""
    again = _rows(split(dataset, 0.2, np.random.default_rng(1))[1])
    other = _rows(split(dataset, 0.2, np.random.default_rng(2))[1])
    if set(other) == set(validation):
        return wrong("Two different generators give the same split: it is not drawn by rng.")
    if set(again) != set(validation):
        return wrong("The same generator gives another split each time: use rng, so that others can repeat yours.")
    sizes = [len(_rows(part)) for part in split(dataset, 0.5, np.random.default_rng(1))]
    if sizes[0] != sizes[1]:
        return wrong(f"With a share of 0.5 your parts have {sizes[0]} and {sizes[1]} rows: the share is not followed.")
    return right("No row twice, none missing, every class on both sides, and the same seed gives the same split.")


def _rows(part):
    """Row numbers of whatever tells rows: int64 (n,), or None. A mask stands for the rows it marks."""
    rows = np.asarray(part)
    if rows.ndim != 1:
        return None
    if rows.dtype == bool:
        return np.flatnonzero(rows)
    if rows.dtype.kind == "f" and (rows == np.floor(rows)).all():
        rows = rows.astype(np.int64)
    return rows.astype(np.int64) if rows.dtype.kind in "iu" else None


@exercise("6.3")
def _(without):
    """A function that leaves out of a validation set what is in the training set: (training, validation) -> Dataset."""
    if not callable(without):
        return wrong("A function is asked for: hand over without_copies itself, without brackets behind it.")
    images = np.arange(12 * 4, dtype=np.uint8).reshape(12, 2, 2)
    images[9], images[11] = images[2], images[0]  # other files, the same pixels
    whole = Dataset(images, np.arange(12) % 10)
    training, validation = whole.select(np.arange(7)), whole.select(np.array([3, 7, 9, 8, 11, 10]))
    kept = without(training, validation)
    if kept is ...:
        return NOT_WRITTEN
    if kept is None:
        return wrong("Your function returns nothing; end it with return and the smaller validation set.")
    if not isinstance(kept, Dataset):
        rows = _rows(kept)
        if rows is None or not len(rows) or rows.max() >= len(validation):
            return wrong("A dataset is expected, such as validation.select(rows) makes.")
        kept = validation.select(rows)  # who returns rows of the validation set has understood
    return _judged_copies(kept.indices.tolist(), validation.indices.tolist())


def _judged_copies(kept, asked):
    copies = [3, 9, 11]
    if kept == [image for image in asked if image not in copies]:
        return right("What is left was never seen in training. Few images less, and a score that you may believe.")
    if kept == asked:
        return wrong("Nothing was left out: three of the six images are in the training set too.")
    if set(kept) == set(copies):
        return wrong("It is the other way round: you kept the copies and left out the rest.")
    if kept == [image for image in asked if image != 3]:
        return wrong("You compared the numbers of the images. Two files with other numbers can hold the same pixels.")
    if kept == [asked[row] for row in (1, 4, 5)]:
        return wrong("You took the rows of the first set. The second column tells the rows of the validation set.")
    if not set(kept) <= set(asked):
        return wrong("Images of the training set came back; only the validation set is to be made smaller.")
    if sorted(kept) == sorted(set(asked) - set(copies)):
        return right("What is left was never seen in training. (The order has changed; that does no harm.)")
    if set(kept) & set(copies):
        left = len(set(kept) & set(copies))
        return wrong(f"Some copies are still there: {left} of 3.")
    return wrong("More was left out than the copies: an image that only the validation set has must stay.")
