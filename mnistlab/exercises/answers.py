"""What checks have in common: reading a number that a pupil typed, and asking a function that a pupil wrote."""

import math

import numpy as np

from ..lessons import OPEN, Verdict, wrong

NOTHING = "Your function returns nothing. Is there a return at its end?"
NOT_WRITTEN = Verdict(OPEN, "Replace the three dots in the function by your own code and run the cell again.")


def missing(found):
    """The Verdict on what a pupil's function gave back where that is no answer, three dots or nothing; else None."""
    if found is ...:
        return NOT_WRITTEN
    return wrong(NOTHING) if found is None else None


def number_in(answer):
    """The finite number that an answer is, as a float, or None: also "1,000" in quotes, or alone in a list or array."""
    if isinstance(answer, str):
        answer = answer.replace(",", "").replace(" ", "")
    try:
        (value,) = np.ravel(np.asarray(answer, dtype=object))
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool | np.bool_) else None


def about(number, expected, tolerance):
    """Whether two numbers are the same, give or take `tolerance`, which is as far as rounding goes."""
    return abs(number - expected) <= tolerance * (1 + 1e-9)


def is_same(given, expected):
    """Whether what a function returned is this array: the same shape and numbers, give or take one in 10,000."""
    given = numbers_in(given)
    return given is not None and given.shape == expected.shape and np.allclose(given, expected, rtol=1e-4, atol=1e-6)


def numbers_in(given):
    """A list or an array as an array of numbers, truth values as 0 and 1; None for anything else."""
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        return None
    return array.astype(float) if array.dtype.kind in "biuf" else None
