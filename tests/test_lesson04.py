"""Lesson 4's exercises: right answers pass, typical wrong ones get the hint meant for them, nonsense a sentence."""

import numpy as np
import pytest

from mnistlab.exercises.lesson04 import NETWORKS, order_of, three_runs
from mnistlab.lessons import OPEN, RIGHT, WRONG, check
from mnistlab.network import build
from mnistlab.settings import Settings, generators


def kind(value):
    return type(value).__name__


def hinted(number, answer, words):
    verdict = check(number, answer)
    return verdict.state == WRONG and words in str(verdict)


@pytest.mark.parametrize("number", ["4.1", "4.2", "4.3"])
def test_three_dots_are_no_answer_yet(number):
    assert check(number, ...).state == OPEN


def test_a_function_that_is_not_written_yet_is_open_and_one_without_return_is_told_so():
    assert check("4.2", lambda losses: ...).state == OPEN
    assert hinted("4.2", lambda losses: None, "returns nothing")
    assert hinted("4.2", lambda losses: "abc", "one number")


@pytest.mark.parametrize("number", ["4.1", "4.2", "4.3"])
@pytest.mark.parametrize("nonsense", [None, "abc", "", -1, np.zeros((2, 3)), [], {}, object()], ids=kind)
def test_nonsense_gets_a_sentence(number, nonsense):
    verdict = check(number, nonsense)
    assert verdict.state == WRONG and str(verdict).endswith(".") and len(str(verdict)) > 30


def test_the_number_of_parameters_is_that_of_the_network():
    network = build(Settings(hidden_layers=2, hidden_size=96), generators(0).weights)
    count = len(network.parameters)
    for answer in count, float(count), np.int64(count), np.array([count]), f"{count:,}":
        assert check("4.1", answer).state == RIGHT


@pytest.mark.parametrize(
    "answer, words",
    [
        (784 * 96 + 96 * 96 + 96 * 10, "weights alone"),
        (784 * 96 + 96 * 96 + 96 * 10 + 784 + 96 + 96 + 10, "pixels have no biases"),
        (784 * 96 + 96 * 96 + 96 * 10 + 3, "one bias"),
        (784 * 96 + 96 + 96 * 10 + 10, "two hidden layers is missing"),
        (784 + 96 + 96 + 10, "on the lines"),
        (96 + 96 + 10, "on the lines"),
        (784 * 96 * 96 * 10, "multiplied"),
        (28 * 96 + 96 + 96 * 96 + 96 + 96 * 10 + 10, "28 rows"),
        (1000, "layer by layer"),
    ],
)
def test_typical_wrong_counts_are_told_what_is_wrong(answer, words):
    assert hinted("4.1", answer, words)


def by_hand(losses):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
    return best + 1


@pytest.mark.parametrize(
    "function",
    [lambda losses: losses.index(min(losses)) + 1, lambda losses: losses.argmin() + 1, by_hand],
    ids=["list", "array", "loop"],
)
def test_the_best_epoch_may_be_found_in_any_way(function):
    assert check("4.2", function).state == RIGHT


def first_rise(losses):
    for epoch in range(1, len(losses)):
        if losses[epoch] > losses[epoch - 1]:
            return epoch
    return len(losses)


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda losses: int(np.argmin(losses)), "counts from 0"),
        (lambda losses: int(np.argmin(losses)) + 2, "after the best"),
        (min, "lowest loss"),
        (len, "last epoch"),
        (lambda losses: int(np.argmax(losses)) + 1, "highest"),
        (first_rise, "first time"),
        (print, "return"),
        (lambda losses: 1, "look for the lowest"),
        (lambda losses: losses[99], "could not be checked"),
        (3, "function itself"),
    ],
)
def test_typical_wrong_functions_are_told_what_is_wrong(function, words):
    assert hinted("4.2", function, words)


def test_the_three_runs_are_what_they_are_meant_to_be():
    histories = three_runs()
    assert [NETWORKS[letter] for letter in order_of(histories)] == [(1, 4), (1, 40), (3, 256)]
    small, fitting, big = (histories[letter].rows for letter in order_of(histories))
    # So clear that nobody can be in doubt: its training loss, the end of its validation loss, how far that has risen.
    assert small[-1].train_loss > 3 * fitting[-1].train_loss
    assert small[-1].validation_loss > 1.5 * fitting[-1].validation_loss
    assert big[-1].validation_loss > 1.2 * min(row.validation_loss for row in big)
    assert fitting[-1].validation_loss < 1.1 * min(row.validation_loss for row in fitting)


def test_the_order_may_be_written_in_any_way():
    letters = order_of(three_runs())
    for answer in letters, letters.lower(), ", ".join(letters), list(letters), tuple(letters):
        assert check("4.3", answer).state == RIGHT


def test_typical_wrong_orders_are_told_what_is_wrong():
    small, fitting, big = order_of(three_runs())
    assert hinted("4.3", big + fitting + small, "even fit")
    assert hinted("4.3", small + big + fitting, "lowest training loss")
    assert hinted("4.3", fitting + small + big, "high training loss")
    assert hinted("4.3", fitting + big + small, "No letter")
    assert hinted("4.3", "AAB", "each once")
