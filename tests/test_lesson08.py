"""Lesson 8, its mistakes: each exercise takes the right answer and says of a wrong one what is wrong with it."""

import numpy as np
import pytest

from mnistlab.lessons import check


def test_recall_is_right():
    assert check("8.1", lambda matrix, k: matrix[k, k] / matrix[k].sum()).state == "right"
    assert check("8.1", lambda matrix, k: (matrix.diagonal() / matrix.sum(axis=1))[k]).state == "right"


@pytest.mark.parametrize("recall, hint", [
    (lambda matrix, k: matrix[k, k] / matrix[:, k].sum(), "precision"),
    (lambda matrix, k: matrix[k, k], "make a share"),
    (lambda matrix, k: matrix.trace() / matrix.sum(), "accuracy over all"),
    (lambda matrix, k: matrix[k, k] / matrix.sum(), "divided by all images"),
    (lambda matrix, k: 1 - matrix[k, k] / matrix[k].sum(), "was missed"),
    (lambda matrix, k: matrix[k, k] / (matrix[k].sum() - matrix[k, k]), "missed ones alone"),
    (lambda matrix, k: 100 * matrix[k, k] / matrix[k].sum(), "percent"),
    (lambda matrix, k: matrix[0, 0] / matrix[0].sum(), "another one"),
    (lambda matrix, k: matrix.diagonal() / matrix.sum(axis=1), "an array came back"),
    (lambda matrix, k: 0.123, "0.123"),
    (lambda matrix, k: None, "returns nothing"),
    (0.75, "a function is asked for"),
])
def test_wrong_recall_is_told_what_is_wrong(recall, hint):
    told = check("8.1", recall)
    assert told.state == "wrong" and hint in str(told).lower()


@pytest.mark.parametrize("answer", [np.exp(-4.6), 0.01, 0.0101, "0.01", np.float32(0.01), [0.01]])
def test_the_probability_behind_a_loss(answer):
    assert check("8.2", answer).state == "right"


@pytest.mark.parametrize("answer, hint", [
    (0.99, "all other digits"),
    (1.0, "percent"),
    (99.5, "sign"),
    (10**-4.6, "another base"),
    (2**-4.6, "another base"),
    (np.log(4.6), "the loss is a logarithm already"),
    (1 / 4.6, "undoes a logarithm"),
    (4.6, "between 0 and 1"),
    (-3, "between 0 and 1"),
    (0.5, "the loss would be 0.69"),
    (0, "infinite"),
    ("low", "one number"),
])
def test_a_wrong_probability_is_told_what_is_wrong(answer, hint):
    told = check("8.2", answer)
    assert told.state == "wrong" and hint in str(told).lower()


def highest(losses, count):
    return np.argsort(-losses)[:count]


def test_the_rows_of_the_highest_losses_are_right():
    assert check("8.3", highest).state == "right"
    by_hand = check("8.3", lambda losses, count: sorted(range(len(losses)), key=lambda k: -losses[k])[:count])
    assert by_hand.state == "right"


@pytest.mark.parametrize("suspects, hint", [
    (lambda losses, count: np.argsort(losses)[:count], "lowest losses"),
    (lambda losses, count: np.argsort(losses)[-count:], "wrong way round"),
    (lambda losses, count: np.sort(losses)[::-1][:count], "losses themselves; asked"),
    (lambda losses, count: np.sort(losses)[:count], "the lowest ones"),
    (lambda losses, count: np.argsort(-losses), "only the first 3"),
    (lambda losses, count: np.argsort(losses), "lowest loss first"),
    (lambda losses, count: np.argsort(-losses)[1 : count + 1], "very highest"),
    (lambda losses, count: np.argsort(-losses)[: count - 1], "only 2 rows"),
    (lambda losses, count: losses.argmax(), "one row only"),
    (lambda losses, count: np.sort(np.argsort(-losses)[:count]), "sorted by number"),
    (lambda losses, count: [3, 1, 5], "written into"),
    (lambda losses, count: [0, 0, 0], "np.argsort"),
    (lambda losses, count: None, "returns nothing"),
    ([3, 1, 5], "a function is asked for"),
])
def test_wrong_suspects_are_told_what_is_wrong(suspects, hint):
    told = check("8.3", suspects)
    assert told.state == "wrong" and hint in str(told).lower()


@pytest.mark.parametrize("number", ["8.1", "8.2", "8.3"])
def test_no_answer_is_open_and_nonsense_gets_a_sentence(number):
    assert check(number, ...).state == "open"
    for nonsense in (None, "abc", [], {}, np.zeros((2, 3)), float("nan")):
        told = check(number, nonsense)
        assert told.state == "wrong" and str(told).endswith(".")


@pytest.mark.parametrize("number", ["8.1", "8.3"])
def test_a_function_that_is_not_written_yet_is_open(number):
    assert check(number, lambda *_: ...).state == "open"
