"""Lesson 3, The learning rate, the batch, the epochs: a rate that learns, the noise of a batch, counting steps."""

import math
from functools import cache

from ..data import load
from ..lessons import exercise, right, wrong
from ..network import build
from ..settings import TABLE, Settings, generators
from ..training import train
from .answers import about, number_in

WANTED = 0.85


@cache
def _run(rate):
    """The finished run of the lesson's slider with RMSprop: 64 units, 3 epochs, batches of 50, 1,000 images."""
    settings = Settings(
        hidden_size=64, batch_size=50, epochs=3, initialiser="glorot", optimizer="rmsprop", learning_rate=rate
    )
    whole, _ = load("sample")
    network = build(settings, generators(settings.seed).weights)
    run = train(network, whole.select(slice(0, 1000)), whole.select(slice(3200, None)), settings)
    for _ in run:
        pass
    return run


@exercise("3.1")
def _(answer):
    rate = number_in(answer)
    if rate is None:
        return wrong("The answer is one number, a learning rate.")
    if rate <= 0:
        return wrong("With a rate of 0 nothing moves, and with a negative one every step goes uphill.")
    low, high = TABLE["learning_rate"].metadata["low"], TABLE["learning_rate"].metadata["high"]
    if not low <= rate <= high:
        return wrong(f"Stay between {low:g} and {high:g}: what lies outside is of no use to any network.")
    run = _run(rate)
    accuracy = run.history.rows[-1].validation_accuracy if run.history.rows else 0
    if run.failure is None and accuracy >= WANTED:
        return right(f"With {rate:g} it reads {accuracy:.1%}. With sgd the same rate would be far from the best.")
    if run.failure or _wild(run.history.step_losses):
        return wrong(
            f"With {rate:g} it reads {accuracy:.0%}. The loss jumps and does not settle: the steps are too long."
        )
    return wrong(
        f"With {rate:g} it reads {accuracy:.0%}. The loss falls smoothly, but it has not come far: the steps are too "
        "short."
    )


def _wild(losses):
    """Whether some loss was far above the first one, which no network exceeds that learns in steps of a good size."""
    return max(losses) > 1.5 * losses[0]


@exercise("3.2")
def _(answer):
    factor = number_in(answer)
    if factor is None:
        return wrong("The answer is one number: how many times as large the batch must be.")
    if about(factor, 4, 0.01):
        return right("The error falls with the root of the batch size: half of it costs four times the images.")
    if about(factor, 2, 0.01):
        return wrong("Twice as many images make the error smaller, but not by half. Look at the measured numbers.")
    if about(factor, math.sqrt(2), 0.01):
        return wrong("You took the root where a square was needed: by how much does such a batch lower the error?")
    if factor in (0.25, 0.5):
        return wrong("That makes the batch smaller. Is the gradient of a smaller batch a better guess?")
    if about(factor, 16, 0.01):
        return wrong("That lowers the error to a quarter: more than was asked for.")
    if factor in (64, 256):
        return wrong("That is one of the batch sizes. The factor is what a batch size has to be multiplied by.")
    return wrong(
        "Take two rows of the measured numbers in which one error is about half of the other, and compare the sizes."
    )


IMAGES, BATCH, EPOCHS = 3_000, 128, 5


@exercise("3.3")
def _(answer):
    steps = number_in(answer)
    if steps is None:
        return wrong("The answer is one whole number of steps.")
    an_epoch = math.ceil(IMAGES / BATCH)
    if steps == EPOCHS * an_epoch:
        return right(f"{an_epoch} steps an epoch; the last one has only {IMAGES % BATCH} images.")
    if steps == EPOCHS * (IMAGES // BATCH):
        return wrong("You left out the last batch of each epoch. It is short, but its images are learned from too.")
    if about(steps, EPOCHS * IMAGES / BATCH, 0.5) or steps == math.ceil(EPOCHS * IMAGES / BATCH):
        return wrong("Round up within each epoch, not at the end: no batch goes on into the next epoch.")
    if steps in (an_epoch, IMAGES // BATCH) or about(steps, IMAGES / BATCH, 0.05):
        return wrong("That is about one epoch.")
    if steps in (IMAGES * EPOCHS, IMAGES):
        return wrong("Those are images. A step takes a whole batch of them.")
    if steps == BATCH * EPOCHS:
        return wrong("That multiplies the batch size by the epochs. How many batches do the images fill?")
    return wrong("Count the batches that the images fill in one epoch, then all epochs.")
