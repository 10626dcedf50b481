"""Lesson 3's exercises: the right answers pass, and each typical mistake is told what it is."""

import math

import numpy as np
import pytest

from mnistlab.lessons import OPEN, RIGHT, WRONG, check

NONSENSE = None, "abc", [1, 2, 3], {}, np.zeros((2, 2)), float("nan"), True


def assert_hint(number, answer, words):
    verdict = check(number, answer)
    assert verdict.state == WRONG
    assert words in str(verdict)


@pytest.mark.parametrize("number", ["3.1", "3.2", "3.3"])
def test_three_dots_are_no_answer_yet(number):
    assert check(number, ...).state == OPEN


@pytest.mark.parametrize("number", ["3.1", "3.2", "3.3"])
@pytest.mark.parametrize("answer", [*NONSENSE, 1e300], ids=lambda value: type(value).__name__)
def test_nonsense_gets_a_sentence(number, answer):
    verdict = check(number, answer)
    assert verdict.state == WRONG and str(verdict).endswith((".", "?"))


# 3.1, a learning rate that learns


@pytest.mark.parametrize("answer", [0.003, "0.003", [0.002], np.float32(0.005)])
def test_a_learning_rate_that_learns_is_right(answer):
    assert check("3.1", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (0.0001, "too short"), (0.001, "too short"), (1, "too long"), (0.1, "too long"), (1000, "too long"),
    (0, "nothing moves"), (-0.01, "uphill"), (1e-9, "Stay between"), (1e4, "Stay between"),
])
def test_typical_mistakes_with_the_learning_rate(answer, words):
    assert_hint("3.1", answer, words)


# 3.2, the noise of a batch


@pytest.mark.parametrize("answer", [4, 4.0, "4", np.array(4)])
def test_four_times_the_batch_is_right(answer):
    assert check("3.2", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (2, "not by half"), (math.sqrt(2), "a square was needed"), (1.41, "a square was needed"),
    (0.5, "smaller batch"), (0.25, "smaller batch"), (16, "to a quarter"), (64, "one of the batch sizes"),
    (256, "one of the batch sizes"), (8, "two rows"),
])
def test_typical_mistakes_with_the_noise(answer, words):
    assert_hint("3.2", answer, words)


# 3.3, counting steps


@pytest.mark.parametrize("answer", [5 * math.ceil(3000 / 128), 120.0, "120"])
def test_the_steps_of_all_epochs_are_right(answer):
    assert check("3.3", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (5 * (3000 // 128), "the last batch"), (5 * 3000 / 128, "within each epoch"), (117, "within each epoch"),
    (118, "within each epoch"), (24, "one epoch"), (23, "one epoch"), (3000 / 128, "one epoch"),
    (15_000, "Those are images"), (640, "multiplies the batch size"), (7, "Count the batches"),
])
def test_typical_mistakes_in_counting_steps(answer, words):
    assert_hint("3.3", answer, words)
