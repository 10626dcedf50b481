"""The exercises of lesson 7, fighting overfitting."""

import re
from functools import cache

import numpy as np

from ..data import load
from ..evaluation import evaluate
from ..lessons import exercise, right, wrong
from ..network import build
from ..settings import Settings, generators
from ..training import train
from .answers import NOT_WRITTEN, named_numbers, number_in

LOSSES, PATIENCE = (0.90, 0.60, 0.50, 0.55, 0.48, 0.49, 0.52, 0.41, 0.40), 2
# The network that overfits in the lesson, and what may be prescribed to it.
PATIENT = {
    "hidden_layers": 2, "hidden_size": 96, "optimizer": "rmsprop", "learning_rate": 0.001, "initialiser": "glorot",
    "batch_size": 128, "epochs": 30,
}
MEDICINES = (
    "patience", "l1", "l2", "dropout_rate", "batch_norm", "shift", "rotate", "scale", "shear", "thickness", "noise",
    "elastic", "elastic_sigma",
)


def stopped(losses, patience):
    """(the epoch after which a run with this patience ends, the epoch of the lowest loss until then), from 1."""
    for epoch in range(1, len(losses) + 1):
        best = 1 + int(np.argmin(losses[:epoch]))
        if epoch - best >= patience:
            break
    return epoch, best


@exercise("7.1")
def _(answer):
    """When a run stops early, and what it keeps."""
    if isinstance(answer, str):  # also "ends after 2, keeps 1"
        answer = [number_in(each) for each in re.findall(r"-?\d[\d.]*", answer)]
    pair = tuple(np.ravel(answer).tolist())
    if len(pair) != 2:
        return wrong("Two numbers are expected: the epoch after which it ends, and that whose weights it keeps.")
    ends, best = stopped(LOSSES, PATIENCE)
    if pair == (ends, best):
        return right(
            f"Epochs {best + 1} to {ends} were no better than epoch {best}. The lower losses of later epochs "
            "are never seen: that is the price of little patience."
        )
    if pair == (best, ends):
        return wrong("Both numbers are there, in the other order: first when it ends, then whose weights it keeps.")
    if pair == (ends - 1, best - 1):
        return wrong("You counted epochs from 0; the lesson counts them from 1.")
    if pair == (ends, ends):
        return wrong("It does not keep the last weights: early stopping takes those of the lowest loss back.")
    if pair[1] == 1 + int(np.argmin(LOSSES)):
        return wrong("That epoch has the lowest loss of all, but the run ends before it comes there.")
    if pair[0] in (3, 4):
        return wrong("You stopped at the first rise. With a patience of 2, one worse epoch is forgiven.")
    if pair == (ends + 1, best):
        return wrong("One epoch too many: it ends as soon as two epochs in a row were no better than the best.")
    if pair[0] == ends:
        return wrong("The end is right. Now look for the lowest loss among the epochs until then.")
    if pair[1] == best:
        return wrong("The weights are right. Count the epochs after that one until patience is over.")
    return wrong("Go through the losses one by one, and note the lowest so far and how many epochs ago it was.")


@exercise("7.2")
def _(dropout):
    """Inverted dropout as a function: (x, rate, rng) -> new array."""
    if not callable(dropout):
        return wrong("A function is asked for: hand over my_dropout itself, without brackets behind it.")
    rate, shape = 0.2, (200, 300)
    x = np.full(shape, 2.0)
    y = dropout(x, rate, np.random.default_rng(0))
    if y is ...:
        return NOT_WRITTEN
    if y is None:
        return wrong("Your function returns nothing; end it with return and the new array.")
    if np.shape(y) != shape:
        return wrong(f"An array of the shape {shape} went in, and one of {np.shape(y)} came out; it must be the same.")
    if not (x == 2).all():
        return wrong("Your function changed the array that it was given; make a new one and leave x as it was.")
    return _judged_values(np.asarray(y, float), x, rate) or _drawn_anew(dropout, x, rate, y)


def _judged_values(y, x, rate):
    """What is wrong with the values that dropout made of an array of equal ones, or None."""
    off, kept = (y == 0).mean(), np.unique(y[y != 0])
    if off == 0:
        return wrong("No value was switched off.")
    if off == 1:
        return wrong("Every value was switched off.")
    if abs(off - (1 - rate)) < 0.02:
        return wrong(f"With a rate of {rate} your function switches off {off:.0%}: keep and drop have changed places.")
    if len(kept) > 1:
        return wrong("The values that stay came out different from each other, although all were the same before.")
    if any(y.any(axis=axis).mean() < 1 for axis in (0, 1)):
        return wrong("Whole rows or columns are off together: draw a number for each value, in the shape of x.")
    if abs(off - rate) > 0.02:
        return wrong(f"With a rate of {rate} a fifth of the values should be off; yours switches off {off:.0%}.")
    if np.allclose(kept, x[0, 0]):
        return wrong("The values that stay are as large as before, so the mean has become smaller: the division lacks.")
    if np.allclose(kept, x[0, 0] * (1 - rate)):
        return wrong("You multiplied by 1 - rate, so the mean became smaller still. It must stay the same.")
    if np.allclose(kept, x[0, 0] / rate):
        return wrong("You divided by the rate. What is the chance that a value survives?")
    if not np.allclose(kept, x[0, 0] / (1 - rate)):
        return wrong(f"A value of {x[0, 0]:g} that stays became {kept[0]:g}; so the mean does not stay the same.")


def _drawn_anew(dropout, x, rate, y):
    if np.array_equal(y, dropout(x, rate, np.random.default_rng(1))):
        return wrong("Another generator switches off the same values: draw from the rng that is given.")
    if not np.array_equal(y, dropout(x, rate, np.random.default_rng(0))):
        return wrong("The same generator switches off other values each time: draw from the rng that is given.")
    line = np.arange(1.0, 7.0)
    if np.shape(flat := dropout(line, 0.5, np.random.default_rng(3))) != line.shape:
        return wrong(f"An array of the shape {line.shape} came back as {np.shape(flat)}; any shape must do.")
    if not np.all((np.asarray(flat) == 0) | np.isclose(flat, 2 * line)):
        return wrong("With other values than equal ones the result is wrong: each must stay itself or become 0.")
    return right(f"The mean was {x.mean():g} and is {np.mean(y):.3f}: as before, but for the luck of the draw.")


@exercise("7.3")
def _(medicine):
    """Settings that treat the overfitting network better than early stopping alone."""
    if isinstance(medicine, str):
        medicine = named_numbers(medicine)
    if not isinstance(medicine, dict):
        return wrong("A prescription has names with values, such as l2: 0.01, shift: 1.")
    if not medicine:
        return wrong("Your prescription is empty: that is the patient as it is.")
    others = [name for name in medicine if name not in MEDICINES]
    if any(name in Settings.__dataclass_fields__ for name in others):
        return wrong(f"{', '.join(map(str, others))}: that makes another patient; only medicines may be given.")
    if others:
        return wrong(f"There is no medicine {others[0]!r}. There are {', '.join(MEDICINES)}.")
    try:
        Settings(**medicine)
    except ValueError as error:
        return wrong(str(error))
    plain, early = _treated(), _treated(("patience", 3))
    own = _treated(*sorted(medicine.items()))
    if own is None:
        return wrong("The run broke off, as its loss was no longer a finite number: much less of it would be better.")
    return _judged_treatment(own, plain, early)


def _judged_treatment(own, plain, early):
    loss, accuracy, inside = own
    got = f"validation loss {loss:.3f}, accuracy {accuracy:.1%}"
    aim = f"early stopping alone has {early[0]:.3f} and {early[1]:.1%}"
    if loss <= 0.98 * early[0] and accuracy > early[1] - 0.0105:  # a point of 1,000 images is within chance
        return right(f"{got}; {aim}.")
    if own == early:
        return wrong(f"{got}: that is early stopping alone, which is to be beaten.")
    if inside < 0.97:
        return wrong(
            f"{got}; {aim}. Too strong: it does not even get its training images right ({inside:.1%}), the network now "
            "underfits. Give less of it."
        )
    if loss >= plain[0]:
        return wrong(f"{got}; without any medicine the loss is {plain[0]:.3f}. That is no better than before.")
    if loss > 0.98 * early[0]:
        return wrong(f"{got}; {aim}. It helps, but not enough: change the dose, or add another one.")
    return wrong(f"{got}; {aim}. The loss is lower, but so is the accuracy: try another mixture.")


@cache
def _treated(*medicine):
    """(validation loss, validation accuracy, training accuracy) of the patient, or None for a run that broke off."""
    images, _ = load("sample")
    training, validation = images.select(slice(0, 500)), images.select(slice(3000, None))
    settings = Settings(**PATIENT | dict(medicine))
    run = train(build(settings, generators(settings.seed).weights), training, validation, settings)
    for _ in run:
        pass
    if run.failure:
        return None
    return run.evaluation.loss, run.evaluation.accuracy, evaluate(run.network, training).accuracy
