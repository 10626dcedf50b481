"""The label errors that people have validated in MNIST's own test set.

Northcutt, Athalye and Mueller (2021), "Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks",
arXiv 2103.14749, labelerrors.com: a program picked test images whose label looked wrong and guessed another one, and
five people chose for each between MNIST's label, the guess, both and neither. Here are the images for which fewer than
three of the five chose MNIST's label: 15.

The numbers are those of mturk/mnist_mturk.json in https://github.com/cleanlab/label-errors (GPL version 3 or later;
taken from there are these facts alone: which image, which labels, how many votes). The list need not be complete, and
says nothing of the training set.
"""

from typing import NamedTuple


class LabelError(NamedTuple):
    """What five people said of one image of the test set.

    given: MNIST's label; guess: the other label they could choose; for_given, for_guess, for_neither: how many of the
    five chose which.
    """

    given: int
    guess: int
    for_given: int
    for_guess: int
    for_neither: int

    @property
    def corrected(self):
        """The label that at least three of the five agreed on instead of MNIST's; None if there is none."""
        return self.guess if self.for_guess >= 3 else None


# By the number of the image in the official test set, from 0.
MNIST_TEST = {
    947: LabelError(8, 9, 0, 5, 0),
    1621: LabelError(0, 6, 2, 3, 0),
    1901: LabelError(9, 4, 2, 3, 0),
    2130: LabelError(4, 9, 2, 2, 1),
    2462: LabelError(2, 0, 0, 4, 1),
    2597: LabelError(5, 3, 0, 4, 1),
    2654: LabelError(6, 1, 0, 2, 3),
    3520: LabelError(6, 4, 2, 0, 3),
    3558: LabelError(5, 0, 1, 4, 0),
    5937: LabelError(5, 3, 1, 3, 1),
    6651: LabelError(0, 6, 0, 5, 0),
    6783: LabelError(1, 6, 2, 3, 0),
    8527: LabelError(4, 9, 2, 2, 1),
    9679: LabelError(6, 3, 2, 0, 3),
    9729: LabelError(5, 6, 2, 3, 0),
}
