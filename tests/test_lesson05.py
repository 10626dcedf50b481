"""Lesson 5's exercises: right answers pass, typical wrong ones get the hint meant for them, nonsense a sentence."""

import math

import numpy as np
import pytest

from mnistlab.lessons import OPEN, RIGHT, WRONG, check


def kind(value):
    return type(value).__name__


def hinted(number, answer, words):
    verdict = check(number, answer)
    return verdict.state == WRONG and words in str(verdict)


@pytest.mark.parametrize("number", ["5.1", "5.2", "5.3"])
def test_three_dots_are_no_answer_yet(number):
    assert check(number, ...).state == OPEN


@pytest.mark.parametrize("number", ["5.1", "5.2", "5.3"])
@pytest.mark.parametrize("nonsense", [None, "abc", "", -1, np.zeros((2, 3)), [], {}, lambda: 1], ids=kind)
def test_nonsense_gets_a_sentence(number, nonsense):
    verdict = check(number, nonsense)
    assert verdict.state == WRONG and str(verdict)[-1] in ".?" and len(str(verdict)) > 30


@pytest.mark.parametrize("answer", [math.log(10), -np.log(0.1), 2.3, "2.303", [2.3026]])
def test_the_loss_of_knowing_nothing(answer):
    assert check("5.1", answer).state == RIGHT


@pytest.mark.parametrize(
    "answer, words",
    [
        (0.1, "probability that it gives"),
        (0.9, "share of wrong"),
        (math.log(0.1), "negative"),
        (1, "base 10"),
        (math.log2(10), "base 2"),
        (-math.log(0.9), "wrong classes"),
        (0, "probability of 1"),
        (10 * math.log(10), "added up"),
        (5, "what is p"),
    ],
)
def test_typical_wrong_losses_are_told_what_is_wrong(answer, words):
    assert hinted("5.1", answer, words)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, share: (1 - share) * a + share * b,
        lambda a, b, share: a + share * (b.astype(float) - a),
        lambda a, b, share: ((1 - share) * a + share * b).astype(np.uint8),
        lambda a, b, share: ((1 - share) * a + share * b).round().astype(int).tolist(),
    ],
)
def test_a_blend_may_be_made_in_any_way(function):
    assert check("5.2", function).state == RIGHT


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda a, b, share: share * a + (1 - share) * b, "other way"),
        (lambda a, b, share: a + share * b, "nothing should be left of a"),
        (lambda a, b, share: (a.astype(float) + b) / 2, "every share"),
        (lambda a, b, share: a + share * (b - a), "Bytes"),
        (lambda a, b, share: a + share * (a.astype(float) - b), "b less a"),
        (lambda a, b, share: share * a + share * b, "same share"),
        (lambda a, b, share: (1 - share) * (a / 255) + share * (b / 255), "above 1"),
        (lambda a, b, share: (1 - share**2) * a + share**2 * b, "three quarters"),
        (lambda a, b, share: 0.5 * a, "be a itself"),
        (lambda a, b, share: a, "be b itself"),
        (lambda a, b, share: share, "shape"),
        (lambda a, b, share: None, "returns nothing"),
        (0.5, "function itself"),
    ],
)
def test_typical_wrong_blends_are_told_what_is_wrong(function, words):
    assert hinted("5.2", function, words)


def by_hand(line):
    count, before = 0, False
    for grey in line:
        if grey >= 100 and not before:
            count += 1
        before = grey >= 100
    return count


def by_array(line):
    inked = np.concatenate([[False], line >= 100])
    return (inked[1:] & ~inked[:-1]).sum()


@pytest.mark.parametrize("function", [by_hand, by_array])
def test_strokes_may_be_counted_in_any_way(function):
    assert check("5.3", function).state == RIGHT


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda line: (line >= 100).sum(), "pixels of ink"),
        (lambda line: np.abs(np.diff((line >= 100).astype(int))).sum(), "both edges"),
        (lambda line: np.abs(np.diff((line >= 100).astype(int))).sum() // 2, "Half the edges"),
        (lambda line: np.abs(np.diff((line >= 100).astype(int))).sum() / 2, "Half the edges"),
        (lambda line: (np.diff((line >= 100).astype(int)) == 1).sum(), "very first pixel"),
        (lambda line: (np.diff((line >= 100).astype(int)) == -1).sum(), "very last pixel"),
        (lambda line: (np.diff((line > 0).astype(int), prepend=0) == 1).sum(), "above 0"),
        (lambda line: int((line >= 100).any()), "separate"),
        (lambda line: 7, "by eye"),
        (lambda line: "abc", "give back"),
        (lambda line: None, "returns nothing"),
        (2, "function itself"),
    ],
)
def test_typical_wrong_counts_of_strokes_are_told_what_is_wrong(function, words):
    assert hinted("5.3", function, words)


@pytest.mark.parametrize("number", ["5.2", "5.3"])
def test_a_function_that_is_not_written_yet_is_open(number):
    assert check(number, lambda *_: ...).state == OPEN
