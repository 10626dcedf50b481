"""Lesson 2's exercises: the right answers pass, and each typical mistake is told what it is."""

import numpy as np
import pytest

from mnistlab.lessons import OPEN, RIGHT, WRONG, check

NONSENSE = None, "abc", [1, 2, 3], {}, np.zeros((2, 2)), float("nan"), True


def kind(value):
    return type(value).__name__


def assert_hint(number, answer, words):
    verdict = check(number, answer)
    assert verdict.state == WRONG
    assert words in str(verdict)


@pytest.mark.parametrize("number", ["2.1", "2.2", "2.3"])
def test_three_dots_are_no_answer_yet(number):
    assert check(number, ...).state == OPEN


@pytest.mark.parametrize("number", ["2.2", "2.3"])
def test_a_function_that_is_not_written_yet_is_no_answer_yet(number):
    assert check(number, lambda first, second: ...).state == OPEN


@pytest.mark.parametrize("number", ["2.1", "2.2", "2.3"])
@pytest.mark.parametrize("answer", NONSENSE, ids=lambda value: type(value).__name__)
def test_nonsense_gets_a_sentence(number, answer):
    verdict = check(number, answer)
    assert verdict.state == WRONG and str(verdict).endswith((".", "?"))


@pytest.mark.parametrize("number", ["2.2", "2.3"])
@pytest.mark.parametrize("returned", [*NONSENSE, np.full(10, np.nan), np.full(100, np.inf)], ids=kind)
def test_a_function_that_returns_nonsense_gets_a_sentence(number, returned):
    verdict = check(number, lambda first, second: returned)
    assert verdict.state == WRONG and str(verdict).endswith((".", "?"))


@pytest.mark.parametrize("number", ["2.2", "2.3"])
def test_a_function_of_one_argument_is_told_so(number):
    assert_hint(number, lambda one: one, "takes 1 positional argument")


# 2.1, counting weights


@pytest.mark.parametrize("answer", [784 * 100 + 100 * 10, 79_400.0, np.int64(79_400), "79400"])
def test_the_weights_of_both_layers_are_right(answer):
    assert check("2.1", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (784 * 100, "first layer"), (1000, "second layer"), (79_510, "bias"), (894, "units, not weights"),
    (784_000, "multiplied all three"), (7840, "hidden units"), (5, "shapes"),
])
def test_typical_mistakes_in_counting_weights(answer, words):
    assert_hint("2.1", answer, words)


# 2.2, the slope of the loss


@pytest.mark.parametrize("answer", [
    lambda target, output: 2 * (output - target),
    lambda target, output: -2 * (target - output),
    lambda target, output: [2 * (y - t) for t, y in zip(target, output)],
])
def test_the_slope_of_the_squared_error_is_right(answer):
    assert check("2.2", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (lambda target, output: 2 * (target - output), "sign is wrong"),
    (lambda target, output: output - target, "Only the factor"),
    (lambda target, output: target - output, "delta_2"),
    (lambda target, output: (target - output) ** 2, "terms of the loss"),
    (lambda target, output: np.sum((target - output) ** 2), "the loss itself"),
    (lambda target, output: np.sum(2 * (output - target)), "Leave out the sum"),
    (lambda target, output: output, "For output 0 you say"),
    (np.zeros(10), "without calling it"),
])
def test_typical_mistakes_with_the_slope(answer, words):
    assert_hint("2.2", answer, words)


# 2.3, what goes back through ReLU and dropout


@pytest.mark.parametrize("answer", [
    lambda sums, mask: 2 * mask * (sums > 0),
    lambda sums, mask: np.where(sums > 0, 2 * mask, 0).tolist(),
    lambda sums, mask: (sums >= 0) * mask * 2.0,
])
def test_the_true_factor_is_right(answer):
    assert check("2.3", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (lambda sums, mask: mask, "what the tutorial does"),
    (lambda sums, mask: (np.maximum(sums, 0) >= 0) * mask, "what the tutorial does"),
    (lambda sums, mask: 2 * mask, "negative sum"),
    (lambda sums, mask: mask * (sums > 0), "multiplied by more than 1"),
    (lambda sums, mask: (sums > 0) & (mask == 1), "multiplied by more than 1"),
    (lambda sums, mask: sums > 0, "the mask is missing"),
    (lambda sums, mask: 2 * (sums > 0), "where is the mask"),
    (lambda sums, mask: 2 * mask * np.maximum(sums, 0), "its slope"),
    (lambda sums, mask: 2 * mask * (sums < 0), "wrong way round"),
    (lambda sums, mask: 4 * mask * (sums > 0), "positive sum"),
    (lambda sums, mask: 2 * mask * (sums > 0) + (mask == 0), "units that are dropped"),
    (lambda sums, mask: 2.0, "one number for each"),
    (np.zeros(100), "without calling it"),
])
def test_typical_mistakes_with_the_factor(answer, words):
    assert_hint("2.3", answer, words)


def test_a_check_leaves_no_room_to_change_what_it_compares_with():
    def careless(sums, mask):
        mask *= 2
        return mask * (sums > 0)

    assert check("2.3", careless).state == RIGHT
