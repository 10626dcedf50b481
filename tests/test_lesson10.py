"""The exercises of lesson 10: right answers pass, wrong ones are told what is wrong with them."""

import numpy as np
import pytest

from mnistlab.images import as_inputs
from mnistlab.lessons import OPEN, check
from mnistlab.losses import softmax

NONSENSE = (None, "abc", [], [1, 2, 3], {"a": 1}, np.zeros((2, 2)), float("nan"), object())


@pytest.mark.parametrize("number", ["10.1", "10.2", "10.3"])
@pytest.mark.parametrize("answer", NONSENSE, ids=lambda value: type(value).__name__)
def test_nonsense_gets_a_sentence(number, answer):
    verdict = check(number, answer)
    assert verdict.state == "wrong" and str(verdict)[-1] in ".?"


@pytest.mark.parametrize("number", ["10.1", "10.2", "10.3"])
def test_three_dots_are_no_answer_yet(number):
    assert check(number, ...).state == OPEN


@pytest.mark.parametrize("number", ["10.1", "10.2"])
def test_a_function_that_is_not_written_yet_is_no_answer_yet_and_one_that_fails_is_told_so(number):
    assert check(number, lambda *given: ...).state == OPEN
    assert "returns nothing" in str(check(number, lambda *given: None))
    assert check(number, lambda *given: "abc").state == "wrong"
    assert "division by zero" in str(check(number, lambda *given: 1 / 0))


def predict(model, pixels):
    probabilities = model.probabilities(pixels[None])[0]
    index = int(probabilities.argmax())
    return model.class_names[index], index, probabilities


def predict_with_numpy_numbers(model, pixels):
    probabilities = model.probabilities(pixels.reshape(1, 28, 28))[0]
    return [model.class_names[np.argmax(probabilities)], np.argmax(probabilities), probabilities.tolist()]


@pytest.mark.parametrize("answer", [predict, predict_with_numpy_numbers])
def test_10_1_right(answer):
    assert check("10.1", answer).state == "right"


def unscaled(model, pixels):
    probabilities = softmax(model.network.forward(as_inputs(pixels[None])))[0]
    index = int(probabilities.argmax())
    return model.class_names[index], index, probabilities


def logits(model, pixels):
    name, index, _ = predict(model, pixels)
    inputs = (as_inputs(pixels[None]) - np.float32(model.mean)) / np.float32(model.deviation)
    return name, index, model.network.forward(inputs)[0]


def second_best(model, pixels):
    probabilities = model.probabilities(pixels[None])[0]
    index = int(probabilities.argsort()[-2])
    return model.class_names[index], index, probabilities


def least(model, pixels):
    probabilities = model.probabilities(pixels[None])[0]
    index = int(probabilities.argmin())
    return model.class_names[index], index, probabilities


@pytest.mark.parametrize("answer, word", [
    (lambda model, pixels: predict(model, pixels)[1:2] + predict(model, pixels)[1:], "name of the class"),
    (lambda model, pixels: (str(predict(model, pixels)[1]), *predict(model, pixels)[1:]), "position made into text"),
    (lambda model, pixels: (*predict(model, pixels)[1::-1], predict(model, pixels)[2]), "changed places"),
    (lambda model, pixels: (*predict(model, pixels)[:2], model.probabilities(pixels[None])), "batch"),
    (lambda model, pixels: (*predict(model, pixels)[:2], predict(model, pixels)[2].max()), "all classes"),
    (lambda model, pixels: predict(model, pixels)[:2], "three things"),
    (lambda model, pixels: (predict(model, pixels)[0], 0.5, predict(model, pixels)[2]), "whole number"),
    (second_best, "most probable"),
    (unscaled, "scales"), (logits, "add up to 1"), (least, "lowest"),
])
def test_10_1_typical_mistakes(answer, word):
    verdict = check("10.1", answer)
    assert verdict.state == "wrong" and word in str(verdict)


def recall(labels, predictions):
    return [(predictions[labels == digit] == digit).mean() for digit in range(10)]


@pytest.mark.parametrize("answer", [
    recall, lambda labels, predictions: np.array(recall(labels, predictions)),
    lambda labels, predictions: dict(enumerate(recall(labels, predictions))),
    lambda labels, predictions: 100 * np.array(recall(labels, predictions)),
])
def test_10_2_right(answer):
    assert check("10.2", answer).state == "right"


def per_class(measure):
    return lambda labels, predictions: [measure(labels == k, predictions == k) for k in range(10)]


@pytest.mark.parametrize("answer, word", [
    (lambda labels, predictions: (labels == predictions).mean(), "all images together"),
    (per_class(lambda label, said: label[said].mean()), "precisions"),
    (per_class(lambda label, said: (label & said).sum()), "counts"),
    (per_class(lambda label, said: 1 - said[label].mean()), "read wrong"),
    (per_class(lambda label, said: (label & said).mean()), "divide by all images"),
    (per_class(lambda label, said: label.mean()), "play no part"),
    (per_class(lambda label, said: said.sum() / label.sum()), "how often a digit was predicted"),
    (lambda labels, predictions: recall(labels, predictions)[1:], "Ten numbers"),
    (per_class(lambda label, said: 0.5), "For each digit"),
])
def test_10_2_typical_mistakes(answer, word):
    verdict = check("10.2", answer)
    assert verdict.state == "wrong" and word in str(verdict)


@pytest.mark.parametrize("answer", [1_000_000 * (1 - 0.98**5), 96_000, 96_079, 96_080, "96,080", np.array(96_079.2)])
def test_10_3_right(answer):
    assert check("10.3", answer).state == "right"


@pytest.mark.parametrize("answer, word", [
    (20_000, "one digit"), (100_000, "twice"), (1_000_000 * 0.98**5, "These arrive"), (903_921, "These arrive"),
    (95_000, "How likely"),
    (0.0961, "share"), (9.61, "share"), (0.0032, "wrong at once"), (50, "How likely"),
])
def test_10_3_typical_mistakes(answer, word):
    verdict = check("10.3", answer)
    assert verdict.state == "wrong" and word in str(verdict)
