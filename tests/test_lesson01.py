"""Lesson 1's exercises: the right answers pass, and each typical mistake is told what it is."""

import struct

import numpy as np
import pytest

from mnistlab.data import class_counts
from mnistlab.lessons import OPEN, RIGHT, WRONG, check

NONSENSE = None, "abc", [1, 2, 3], {}, np.zeros((2, 2)), float("nan"), True


def assert_hint(number, answer, words):
    verdict = check(number, answer)
    assert verdict.state == WRONG
    assert words in str(verdict)


@pytest.mark.parametrize("number", ["1.1", "1.2", "1.3"])
def test_three_dots_are_no_answer_yet(number):
    assert check(number, ...).state == OPEN


@pytest.mark.parametrize("number", ["1.1", "1.2"])
def test_a_function_that_is_not_written_yet_is_no_answer_yet(number):
    assert check(number, lambda given: ...).state == OPEN


@pytest.mark.parametrize("number", ["1.1", "1.2", "1.3"])
@pytest.mark.parametrize("answer", NONSENSE, ids=lambda value: type(value).__name__)
def test_nonsense_gets_a_sentence(number, answer):
    verdict = check(number, answer)
    assert verdict.state == WRONG and str(verdict).endswith(".")


@pytest.mark.parametrize("number", ["1.1", "1.2"])
@pytest.mark.parametrize("returned", [*NONSENSE, "4000", b"\x00\x00"], ids=lambda value: type(value).__name__)
def test_a_function_that_returns_nonsense_gets_a_sentence(number, returned):
    verdict = check(number, lambda given: returned)
    assert verdict.state == WRONG and str(verdict).endswith(".")


def test_a_function_that_fails_is_told_so():
    assert_hint("1.1", lambda first_bytes: first_bytes.split(3), "made an error")


# 1.1, the header


def sizes_of(first_bytes, order="big", at=4, count=None):
    count = first_bytes[3] if count is None else count
    return tuple(int.from_bytes(first_bytes[at + 4 * k : at + 4 * k + 4], order) for k in range(count))


@pytest.mark.parametrize("answer", [
    sizes_of,
    lambda first_bytes: list(sizes_of(first_bytes)),
    lambda first_bytes: np.array(sizes_of(first_bytes)),
    lambda first_bytes: struct.unpack_from(f">{first_bytes[3]}I", first_bytes, 4),
    lambda first_bytes: np.frombuffer(first_bytes, ">u4", first_bytes[3], 4),
])
def test_sizes_of_any_dimensions_are_right(answer):
    assert check("1.1", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (lambda first: sizes_of(first, "little"), "from the wrong end"),
    (lambda first: sizes_of(first, count=3), "which byte says how many"),
    (lambda first: (4000, 28, 28), "which byte says how many"),
    (lambda first: sizes_of(first, at=0), "magic number"),
    (lambda first: sizes_of(first, at=0, count=4), "magic number"),
    (lambda first: list(first[4:]), "four bytes together"),
    (lambda first: sizes_of(first)[0], "single number"),
    (lambda first: sizes_of(first)[:1], "1 of 3 sizes"),
    (lambda first: first[4:].hex(" "), "whole numbers"),
    (sizes_of(bytes([0, 0, 8, 1, 0, 0, 15, 160])), "without calling it"),
])
def test_typical_mistakes_with_the_header(answer, words):
    assert_hint("1.1", answer, words)


# 1.2, one-hot labels


def one_hot(labels):
    return np.eye(10)[labels]


@pytest.mark.parametrize("answer", [
    one_hot,
    lambda labels: one_hot(labels).astype(int),
    lambda labels: one_hot(labels).astype(np.float32),
    lambda labels: one_hot(labels).tolist(),
    lambda labels: (labels[:, None] == np.arange(10)).astype(float),
])
def test_one_hot_rows_are_right(answer):
    assert check("1.2", answer).state == RIGHT


@pytest.mark.parametrize("answer, words", [
    (lambda labels: one_hot(labels).T, "changed places"),
    (lambda labels: np.eye(labels.max() + 1)[labels], "ten classes"),
    (lambda labels: np.eye(9)[np.minimum(labels, 8)], "9 columns"),
    (lambda labels: np.roll(one_hot(labels), -1, axis=1), "too far to the left"),
    (lambda labels: np.roll(one_hot(labels), 1, axis=1), "too far to the right"),
    (lambda labels: one_hot(9 - labels), "not all where"),
    (lambda labels: 1 - one_hot(labels), "wrong way round"),
    (lambda labels: (np.arange(10) <= labels[:, None]) * 1.0, "more than one number"),
    (lambda labels: one_hot(labels[0]), "a row for each"),
    (lambda labels: labels[:, None] == np.arange(10), "True and False"),
    (one_hot(np.array([5, 0, 4])), "without calling it"),
])
def test_typical_mistakes_with_one_hot_labels(answer, words):
    assert_hint("1.2", answer, words)


# 1.3, always the same answer


@pytest.fixture(scope="module")
def shares(sample):
    """(training, held out): each class's share of the images."""
    return [class_counts(part) / len(part) for part in sample]


def test_the_share_of_the_most_frequent_training_digit_is_right(shares):
    training, held_out = shares
    share = held_out[training.argmax()]
    for answer in share, float(share), f"{share:.3f}", [share]:
        assert check("1.3", answer).state == RIGHT


def test_typical_mistakes_with_the_lazy_program(shares):
    training, held_out = shares
    share = held_out[training.argmax()]
    assert_hint("1.3", held_out.max(), "has never seen those")
    assert_hint("1.3", training.max(), "share of the training images")
    assert_hint("1.3", 100 * share, "is a share")
    assert_hint("1.3", round(1000 * share), "is a share")
    assert_hint("1.3", 1 - share, "is wrong")
    assert_hint("1.3", 0.1, "equally frequent")
    assert_hint("1.3", 0.5, "largest count")
