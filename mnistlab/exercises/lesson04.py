"""Checks of lesson 4, too small, too big: parameters counted, the best epoch found, three networks told apart."""

from functools import cache

import numpy as np

from ..data import load
from ..lessons import exercise, right, wrong
from ..network import build, parameter_count
from ..settings import Settings, generators
from ..training import train
from .answers import missing, number_in

SIZES = 784, 96, 96, 10


@exercise("4.1")
def _(answer):
    given = number_in(answer)
    if given is None:
        return wrong("The number of parameters is one whole number.")
    weights = [a * b for a, b in zip(SIZES, SIZES[1:])]
    biases = SIZES[1:]
    hints = {
        sum(weights): "These are the weights alone. Each unit also adds one number of its own to its sum.",
        sum(weights) + sum(SIZES): "The pixels have no biases: only hidden units and logits make sums.",
        sum(weights) + len(biases): "You gave each layer one bias. Each unit of a layer has its own.",
        weights[0] + weights[2] + biases[0] + biases[2]: "One of the two hidden layers is missing.",
        weights[0] + weights[2]: "One of the two hidden layers is missing, and so are the biases.",
        sum(SIZES): "That counts inputs and units. Parameters are on the lines between them: one for each pair.",
        sum(SIZES[1:]): "That counts the units. Parameters are on the lines between them: one for each pair.",
        int(np.prod(SIZES)): "You multiplied all the sizes. Only neighbouring layers are joined; their counts add up.",
        28 * 96 + sum(weights[1:]) + sum(biases): "An image has 28 rows of 28 pixels, and each pixel is an input.",
    }
    if given == parameter_count([["Dense", a, b] for a, b in zip(SIZES, SIZES[1:])]):
        return right(f"{weights[0]:,} of them are the weights of the first layer alone, because it sees every pixel.")
    return wrong(
        hints.get(given)
        or "Take it layer by layer: inputs times units are the weights, then one bias for each unit, and add up."
    )


# Validation losses as runs have them: a plain valley, a bump on the way down, still falling, never as low as at first.
LOSSES = (
    [0.9, 0.5, 0.3, 0.4, 0.6, 0.8], [0.9, 0.6, 0.7, 0.5, 0.4, 0.45, 0.6], [0.8, 0.6, 0.5, 0.45], [0.4, 0.5, 0.7],
)


@exercise("4.2")
def _(answer):
    if not callable(answer):
        return wrong("Hand in the function itself, best_epoch without brackets: it will be tried on several runs.")
    found = [_tried(answer, losses) for losses in LOSSES]
    if verdict := missing(found[0]):
        return verdict
    given = [number_in(value) for value in found]
    if any(value is None for value in given):
        return wrong("Your function should give back one number, the epoch.")
    expected = [int(np.argmin(losses)) + 1 for losses in LOSSES]
    slips = (
        ([epoch - 1 for epoch in expected], "Python counts from 0, but the first epoch is epoch 1."),
        ([epoch + 1 for epoch in expected], "That is the epoch after the best one."),
        ([min(losses) for losses in LOSSES], "That is the lowest loss. Asked is in which epoch it was reached."),
        ([len(losses) for losses in LOSSES], "That is the last epoch. The last is seldom the best."),
        ([int(np.argmax(losses)) + 1 for losses in LOSSES], "That is where the loss is highest. Low is good."),
        (
            [_first_bump(losses) for losses in LOSSES],
            "You stop where the loss rises for the first time. It is noisy: one rise is not the end of the valley.",
        ),
    )
    if given == expected:
        return right("Stopping there and keeping the weights of that epoch is called early stopping (lesson 7).")
    for slip, hint in slips:
        if np.allclose(given, slip):
            return wrong(hint)
    k = next(k for k, epoch in enumerate(expected) if given[k] != epoch)
    return wrong(f"For the losses {LOSSES[k]} your function says {given[k]:g}; look for the lowest by hand.")


def _tried(function, losses):
    try:
        return function(list(losses))
    except (AttributeError, TypeError):  # some write losses.argmin(), which lists do not have
        return function(np.array(losses))


def _first_bump(losses):
    rises = [epoch for epoch, (one, following) in enumerate(zip(losses, losses[1:]), 1) if following > one]
    return rises[0] if rises else len(losses)


# What stands behind each letter: hidden layers and hidden size.
NETWORKS = {"A": (3, 256), "B": (1, 4), "C": (1, 40)}


@cache
def three_runs():
    """{letter: History} of three networks that learned from the same 800 images for 15 epochs.

    One is too small, one is right, one is too big; see exercise 4.3. Takes a second or two the first time.
    """
    images, _ = load("sample")
    training, validation = images.select(slice(800, 1_600)), images.select(slice(3_200, None))
    histories = {}
    for letter, (layers, size) in NETWORKS.items():
        settings = Settings(
            optimizer="rmsprop", learning_rate=0.001, epochs=15, batch_size=32, initialiser="glorot",
            hidden_layers=layers, hidden_size=size,
        )
        run = train(build(settings, generators(0).weights), training, validation, settings)
        for _ in run:
            pass
        histories[letter] = run.history
    return histories


def order_of(histories):
    """The letters in the order too small, right, too big, as the curves tell."""
    last = {letter: history.rows[-1].train_loss for letter, history in histories.items()}
    small = max(last, key=last.get)
    rise = {
        letter: history.rows[-1].validation_loss / min(row.validation_loss for row in history.rows)
        for letter, history in histories.items()
        if letter != small
    }
    big = max(rise, key=rise.get)
    return "".join((small, *(set(last) - {small, big}), big))


@exercise("4.3")
def _(answer):
    letters = answer if isinstance(answer, str) else "".join(map(str, answer))
    letters = "".join(letter for letter in letters.upper() if letter.isalpha())
    if sorted(letters) != ["A", "B", "C"]:
        return wrong("The answer is the three letters A, B and C, each once, in your order, such as \"ABC\".")
    small, fitting, big = order_of(three_runs())
    hints = {
        big + fitting + small: "You took the smallest for the biggest. A network that is too small cannot even fit "
        "the training images: its solid line stays high.",
        small + big + fitting: "The lowest training loss is no sign of the right size. Look whether the dashed lines "
        "rise at their end.",
        fitting + small + big: "One network ends with a high training loss, and training and validation are close "
        "together there: which of your two does that describe?",
    }
    if letters == small + fitting + big:
        return right(
            "Too small: both lines stay high. Too big: the solid line reaches zero while the dashed one turns upwards."
        )
    return wrong(
        hints.get(letters)
        or "No letter is in its place yet. Begin with the solid lines: the one that stays highest is too small."
    )
