"""Lesson 6, measuring honestly: each exercise takes the right answer and says of a wrong one what is wrong with it."""

import numpy as np
import pytest

from mnistlab.experiments import duplicates
from mnistlab.lessons import check


@pytest.mark.parametrize("answer", [900, 900.0, 899, "900", np.float32(900), np.array([900])])
def test_the_number_of_images_for_a_standard_error_of_one_point(answer):
    assert check("6.1", answer).state == "right"


@pytest.mark.parametrize("answer, hint", [
    (30, "square both sides"),
    (9, "divided by the error itself"),
    (3600, "two standard errors"),
    (3457, "two standard errors"),
    (9000, "one of the two factors"),
    (0.09, "0.01, not 1"),
    (2500, "one half"),
    (1275, "put in 0.9"),
    ("many", "one number"),
    (100, "0.0300"),
    (-5, "nothing that could be worked out"),
    (0, "nothing that could be worked out"),
])
def test_a_wrong_number_of_images_is_told_what_is_wrong(answer, hint):
    told = check("6.1", answer)
    assert told.state == "wrong" and hint in str(told).lower()
    assert "900" not in str(told)


def shuffled(dataset, share, rng):
    order = rng.permutation(len(dataset))
    count = round(share * len(dataset))
    return order[count:], order[:count]


def as_mask(dataset, share, rng):
    mask = np.zeros(len(dataset), bool)
    mask[rng.choice(len(dataset), round(share * len(dataset)), replace=False)] = True
    return np.flatnonzero(~mask).tolist(), mask


@pytest.mark.parametrize("split", [shuffled, as_mask])
def test_a_split_at_random_is_right(split):
    assert check("6.2", split).state == "right"


def in_order(dataset, share, rng):
    first = round((1 - share) * len(dataset))
    return np.arange(first), np.arange(first, len(dataset))


def swapped(dataset, share, rng):
    return shuffled(dataset, share, rng)[::-1]


def with_replacement(dataset, share, rng):
    count = round(share * len(dataset))
    return rng.integers(0, len(dataset), len(dataset) - count), rng.integers(0, len(dataset), count)


def overlapping(dataset, share, rng):
    return np.arange(len(dataset)), rng.permutation(len(dataset))[: round(share * len(dataset))]


def incomplete(dataset, share, rng):
    training, validation = shuffled(dataset, share, rng)
    return training[1:], validation


def half(dataset, share, rng):
    return shuffled(dataset, 0.5, rng)


def always_a_fifth(dataset, share, rng):
    return shuffled(dataset, 0.2, rng)


def own_seed(dataset, share, rng):
    return shuffled(dataset, share, np.random.default_rng(0))


def every_fifth(dataset, share, rng):
    rows = np.arange(len(dataset))
    return rows[rows % 5 > 0], rows[rows % 5 == 0]


def never_the_same(dataset, share, rng):
    return shuffled(dataset, share, np.random.default_rng())


def datasets(dataset, share, rng):
    return tuple(map(dataset.select, shuffled(dataset, share, rng)))


def too_far(dataset, share, rng):
    training, validation = shuffled(dataset, share, rng)
    return training + 1, validation


@pytest.mark.parametrize("split, hint", [
    (in_order, "not shuffled"),
    (swapped, "changed places"),
    (with_replacement, "with replacement"),
    (overlapping, "in both parts"),
    (incomplete, "neither part"),
    (half, "share of 0.2"),
    (always_a_fifth, "share is not followed"),
    (own_seed, "not drawn by rng"),
    (every_fifth, "not drawn by rng"),
    (never_the_same, "use rng"),
    (datasets, "numbers of the rows"),
    (too_far, "rows go from 0"),
    (lambda dataset, share, rng: None, "returns nothing"),
    (lambda dataset, share, rng: 3, "two arrays"),
    (lambda dataset, share, rng: ("a", "b"), "row numbers"),
    (lambda dataset, share, rng: (np.zeros((2, 2)), np.zeros(3)), "row numbers"),
    (lambda dataset, share, rng: 1 / 0, "made an error"),
    (5, "a function is asked for"),
])
def test_a_wrong_split_is_told_what_is_wrong(split, hint):
    told = check("6.2", split)
    assert told.state == "wrong" and hint in str(told).lower()


def without(training, validation):
    copied = duplicates(training, validation)[:, 1]
    return validation.select(np.delete(np.arange(len(validation)), np.unique(copied)))


def test_a_validation_set_without_copies_is_right_as_a_dataset_as_rows_and_in_another_order():
    assert check("6.3", without).state == "right"
    assert check("6.3", lambda training, validation: [1, 3, 5]).state == "right"
    assert check("6.3", lambda training, validation: without(training, validation).select([2, 0, 1])).state == "right"


def by_number(training, validation):
    return validation.select(~np.isin(validation.indices, training.indices))


def wrong_column(training, validation):
    rows = duplicates(training, validation)[:, 0]
    return validation.select(np.delete(np.arange(len(validation)), rows))


def only_copies(training, validation):
    return validation.select(np.unique(duplicates(training, validation)[:, 1]))


@pytest.mark.parametrize("function, hint", [
    (by_number, "numbers of the images"),
    (wrong_column, "second column"),
    (only_copies, "other way round"),
    (lambda training, validation: validation, "nothing was left out"),
    (lambda training, validation: training, "of the training set"),
    (lambda training, validation: validation.select([1, 3]), "must stay"),
    (lambda training, validation: validation.select([1, 2, 3, 5]), "still there: 1 of 3"),
    (lambda training, validation: None, "returns nothing"),
    (lambda training, validation: "abc", "a dataset is expected"),
    (lambda training, validation: [99], "a dataset is expected"),
    ("abc", "a function is asked for"),
])
def test_copies_that_stay_are_told_why(function, hint):
    told = check("6.3", function)
    assert told.state == "wrong" and hint in str(told).lower()


@pytest.mark.parametrize("number", ["6.1", "6.2", "6.3"])
def test_no_answer_is_open_and_nonsense_gets_a_sentence(number):
    assert check(number, ...).state == "open"
    for nonsense in (None, "abc", [], {}, np.zeros((2, 3)), float("nan")):
        told = check(number, nonsense)
        assert told.state == "wrong" and str(told).endswith(".")


@pytest.mark.parametrize("number", ["6.2", "6.3"])
def test_a_function_that_is_not_written_yet_is_open(number):
    assert check(number, lambda *_: ...).state == "open"
