"""Lesson 7, fighting overfitting: the right answer passes, and a wrong one is told what is wrong with it."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistlab.exercises import lesson07
from mnistlab.lessons import check

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "07-fighting-overfitting.ipynb"


@pytest.mark.parametrize("answer", [(7, 5), [7, 5], np.array([7, 5]), (7.0, 5.0)])
def test_when_a_run_stops_early(answer):
    assert check("7.1", answer).state == "right"


@pytest.mark.parametrize("answer, hint", [
    ((5, 7), "other order"),
    ((6, 4), "from 0"),
    ((7, 7), "last weights"),
    ((9, 9), "lowest loss of all"),
    ((4, 3), "first rise"),
    ((8, 5), "one epoch too many"),
    ((7, 3), "the end is right"),
    ((6, 5), "the weights are right"),
    ((2, 2), "one by one"),
    (7, "two numbers"),
    ((7, 5, 5), "two numbers"),
])
def test_a_wrong_end_is_told_what_is_wrong(answer, hint):
    told = check("7.1", answer)
    assert told.state == "wrong" and hint in str(told).lower()


def test_the_lesson_and_its_checks_speak_of_the_same_losses_and_of_the_same_network():
    source = "\n".join("".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text())["cells"])
    assert "losses = [{}]".format(", ".join(f"{loss:.2f}" for loss in lesson07.LOSSES)) in source
    begin = source.index("PATIENT = {") + len("PATIENT = ")
    assert eval(source[begin : source.index("}", begin) + 1]) == lesson07.PATIENT


def inverted(x, rate, rng):
    return x * (rng.random(x.shape) >= rate) / (1 - rate)


def test_inverted_dropout_is_right():
    assert check("7.2", inverted).state == "right"
    assert check("7.2", lambda x, rate, rng: np.where(rng.random(x.shape) < rate, 0, x / (1 - rate))).state == "right"
    assert check("7.2", lambda x, rate, rng: x * rng.binomial(1, 1 - rate, x.shape) / (1 - rate)).state == "right"


def in_place(x, rate, rng):
    x *= rng.random(x.shape) >= rate
    x /= 1 - rate
    return x


@pytest.mark.parametrize("function, hint", [
    (lambda x, rate, rng: x * (rng.random(x.shape) >= rate), "division lacks"),
    (lambda x, rate, rng: x * (rng.random(x.shape) >= rate) * (1 - rate), "multiplied by 1 - rate"),
    (lambda x, rate, rng: x * (rng.random(x.shape) >= rate) / rate, "divided by the rate"),
    (lambda x, rate, rng: x * (rng.random(x.shape) < rate) / (1 - rate), "changed places"),
    (lambda x, rate, rng: x * (rng.random(x.shape) >= rate) * 3, "does not stay the same"),
    (lambda x, rate, rng: x * (rng.random(x.shape) >= 0.5) / 0.5, "a fifth"),
    (lambda x, rate, rng: x * (rng.random((1, x.shape[-1])) >= rate) / (1 - rate), "whole rows or columns"),
    (lambda x, rate, rng: x * (rng.random((len(x), 1)) >= rate) / (1 - rate), "whole rows or columns"),
    (in_place, "changed the array"),
    (lambda x, rate, rng: x / (1 - rate), "no value was switched off"),
    (lambda x, rate, rng: 0 * x, "every value was switched off"),
    (lambda x, rate, rng: x * rng.random(x.shape) * (rng.random(x.shape) >= rate), "different from each other"),
    (lambda x, rate, rng: inverted(x, rate, np.random.default_rng(5)), "another generator"),
    (lambda x, rate, rng: inverted(x, rate, np.random.default_rng()), "the same generator"),
    (lambda x, rate, rng: 2 * (rng.random(x.shape) >= rate) / (1 - rate), "other values than equal ones"),
    (lambda x, rate, rng: x[0], "must be the same"),
    (lambda x, rate, rng: None, "returns nothing"),
    (3, "a function is asked for"),
])
def test_wrong_dropout_is_told_what_is_wrong(function, hint):
    told = check("7.2", function)
    assert told.state == "wrong" and hint in str(told).lower()


def test_a_medicine_that_helps_is_right():
    assert check("7.3", {"rotate": 10, "shift": 1}).state == "right"
    assert check("7.3", {"shift": 2, "rotate": 12, "scale": 0.1}).state == "right"  # the lesson's own best


@pytest.mark.parametrize("medicine, hint", [
    ({}, "empty"),
    ({"l2": 0.1}, "underfits"),
    ({"l2": 0.00001}, "without any medicine|not enough"),
    ({"patience": 3}, "early stopping alone"),
    ({"hidden_size": 16}, "another patient"),
    ({"epochs": 10}, "another patient"),
    ({"dropout": 0.5}, "no medicine 'dropout'"),
    ({3: 4}, "no medicine 3"),
    ({"dropout_rate": 2}, "from 0 to 0.95"),
    ({"l2": "much"}, "'much'"),
    (["l2", 0.01], "names with values"),
])
def test_a_medicine_that_does_not_help_is_told_why(medicine, hint):
    told = check("7.3", medicine)
    assert told.state == "wrong" and any(part in str(told).lower() for part in hint.split("|"))


def test_each_outcome_of_a_treatment_has_a_sentence_of_its_own():
    plain, early = (0.55, 0.85, 1.0), (0.49, 0.86, 0.99)
    judged = {own: str(lesson07._judged_treatment(own, plain, early)) for own in [
        (0.40, 0.88, 0.99), early, (0.60, 0.80, 0.90), (0.60, 0.85, 1.0), (0.52, 0.85, 1.0), (0.48, 0.84, 1.0),
    ]}
    hints = "Right.", "to be beaten", "underfits", "no better than before", "not enough", "so is the accuracy"
    assert all(hint in told for hint, told in zip(hints, judged.values()))


@pytest.mark.parametrize("number", ["7.1", "7.2", "7.3"])
def test_no_answer_is_open_and_nonsense_gets_a_sentence(number):
    assert check(number, ...).state == "open"
    for nonsense in (None, "abc", [], {}, np.zeros((2, 3)), float("nan")):
        told = check(number, nonsense)
        assert told.state == "wrong" and str(told).endswith(".")


def test_dropout_that_is_not_written_yet_is_open():
    assert check("7.2", lambda *_: ...).state == "open"
