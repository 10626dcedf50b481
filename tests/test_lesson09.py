"""The exercises of lesson 9: right answers pass, wrong ones are told what is wrong with them."""

import numpy as np
import pytest

from mnistlab import load
from mnistlab.lessons import OPEN, check

NONSENSE = (None, "abc", [], [1, 2, 3], {"a": 1}, np.zeros((2, 2)), float("nan"), object())


@pytest.mark.parametrize("number", ["9.1", "9.2", "9.3"])
@pytest.mark.parametrize("answer", NONSENSE, ids=lambda value: type(value).__name__)
def test_nonsense_gets_a_sentence(number, answer):
    verdict = check(number, answer)
    assert verdict.state == "wrong" and str(verdict)[-1] in ".?"


@pytest.mark.parametrize("number", ["9.1", "9.2", "9.3"])
def test_three_dots_are_no_answer_yet(number):
    assert check(number, ...).state == OPEN


@pytest.mark.parametrize("number", ["9.1", "9.3"])
def test_a_function_that_is_not_written_yet_is_no_answer_yet_and_one_that_fails_is_told_so(number):
    assert check(number, lambda *given: ...).state == OPEN
    assert check(number, lambda *given: None).state == "wrong"
    assert "returns nothing" in str(check(number, lambda *given: None))
    assert "division by zero" in str(check(number, lambda *given: 1 / 0))


def shuffled_and_cut(items, share, seed):
    order = np.random.default_rng(seed).permutation(len(items))
    count = round(share * len(items))
    return [items[k] for k in order[count:]], [items[k] for k in order[:count]]


def shuffled_by_the_standard_library(items, share, seed):
    import random

    copy = list(items)
    random.Random(seed).shuffle(copy)
    cut = len(copy) - int(len(copy) * share)
    return copy[:cut], copy[cut:]


@pytest.mark.parametrize("answer", [shuffled_and_cut, shuffled_by_the_standard_library])
def test_9_1_right(answer):
    assert check("9.1", answer).state == "right"


def in_place(items, share, seed):
    np.random.default_rng(seed).shuffle(items)
    return items[20:], items[:20]


def unseeded(items, share, seed):
    return shuffled_and_cut(items, share, None)


def always_the_same(items, share, seed):
    return shuffled_and_cut(items, share, 42)


def drawn_twice(items, share, seed):
    rng = np.random.default_rng(seed)
    return list(rng.choice(items, 80, replace=False)), list(rng.choice(items, 20, replace=False))


def with_gaps(items, share, seed):
    training, validation = shuffled_and_cut(items, share, seed)
    return training[1:], validation


@pytest.mark.parametrize("answer, word", [
    (lambda items, share, seed: (items[20:], items[:20]), "without shuffling"),
    (lambda items, share, seed: (items[:80], items[80:]), "without shuffling"),
    (lambda items, share, seed: shuffled_and_cut(items, share, seed)[::-1], "the wrong way round"),
    (lambda items, share, seed: shuffled_and_cut(items, 0.3, seed), "validate"),
    (lambda items, share, seed: shuffled_and_cut(range(len(items)), share, seed), "positions"),
    (lambda items, share, seed: items, "two lists"),
    (in_place, "shuffle a copy"), (unseeded, "each time"), (always_the_same, "Every seed"),
    (drawn_twice, "both parts"), (with_gaps, "neither"),
    (lambda items, share, seed: (["cow"] * 80, ["hen"] * 20), "drawn twice"),
])
def test_9_1_typical_mistakes(answer, word):
    verdict = check("9.1", answer)
    assert verdict.state == "wrong" and word in str(verdict)


@pytest.mark.parametrize("answer", [17, 16.8, "17", np.array([17])])
def test_9_2_right(answer):
    assert check("9.2", answer).state == "right"


@pytest.mark.parametrize("answer, word", [
    (11, "others"), (11.2, "others"), (8, "one side"), (8.4, "one side"), (0, "proportions"), (120, "Shrink"),
    (470, "rows"), (476, "rows"), (3, "longer"), (28, "longer"),
])
def test_9_2_typical_mistakes(answer, word):
    verdict = check("9.2", answer)
    assert verdict.state == "wrong" and word in str(verdict)


def mass(image):
    weights = image.astype(float)
    places = np.arange(28)
    return np.array([weights.sum(1) @ places, weights.sum(0) @ places]) / weights.sum()


def centred(image):
    down, right = np.rint(14 - mass(image)).astype(int)
    return np.roll(image, (down, right), axis=(0, 1))


def box_centred(image):
    down, right = (14 - round(np.mean(np.flatnonzero(image.any(axis))[[0, -1]])) for axis in (1, 0))
    return np.roll(image, (down, right), axis=(0, 1))


def moved(image, by):
    return np.roll(image, tuple(np.rint(by).astype(int)), axis=(0, 1))


@pytest.mark.parametrize("answer", [
    centred, lambda image: moved(image, 13.5 - mass(image)), lambda image: moved(image, np.trunc(14 - mass(image))),
    lambda image: centred(image).tolist(),
])
def test_9_3_right(answer):
    assert check("9.3", answer).state == "right"


def test_9_3_leaves_images_of_mnist_where_they_are():
    images = load("sample")[0]
    for row in range(20):
        assert np.abs(mass(centred(images.image(row))) - mass(images.image(row))).max() < 1.01


@pytest.mark.parametrize("answer, word", [
    (lambda image: image, "where it was"), (lambda image: moved(image, mass(image) - 14), "wrong way"),
    (lambda image: moved(image, (14 - mass(image))[::-1]), "changed places"), (box_centred, "box"),
    (lambda image: moved(image, (14 - mass(image)) * [1, 0]), "One direction"),
    (lambda image: centred(image) // 2, "ink"), (lambda image: centred(image).ravel(), "shape"),
    (lambda image: moved(image, (-3, 9)), "comes to row"),
])
def test_9_3_typical_mistakes(answer, word):
    verdict = check("9.3", answer)
    assert verdict.state == "wrong" and word in str(verdict)
