"""Checks of lesson 10: the triple of a prediction, figures by class, a day's letters."""

from numbers import Integral

import numpy as np

from ..export import Model
from ..layers import Dense
from ..lessons import exercise, right, wrong
from ..network import Network
from ..settings import Settings
from .answers import missing, number_in

LETTERS, DIGITS_OF_A_CODE, EACH = 1_000_000, 5, 0.98


class _Unfinished(Model):
    """A model whose own answer cannot be handed in."""

    def predict(self, pixels):
        """Raises ValueError: the pupil writes it."""
        raise ValueError("model.predict is what you are to write; use model.probabilities and model.class_names")


@exercise("10.1")
def _(answer):
    if not callable(answer):
        return wrong("Hand in the function itself, by its name and without brackets behind it.")
    rng = np.random.default_rng(10)
    # Classes that are no digits and pixels on another scale: what works by accident with MNIST does not here.
    names = "owl", "cat", "bear", "dog"
    model = _Unfinished(Network([Dense(784, len(names))], rng), Settings(), [], names, 0.5, 0.1)
    for pixels in rng.integers(0, 256, (4, 28, 28), np.uint8):
        probabilities = model.probabilities(pixels[None])[0]
        found = answer(model, pixels)
        if verdict := missing(found):
            return verdict
        if hint := _no_triple(found, probabilities, names):
            return wrong(hint)
    return right("Label, index, probabilities, with whatever classes the model has.")


def _no_triple(found, expected, names):
    """The sentence on a prediction that is not (name, index, probabilities), or ""."""
    if not isinstance(found, tuple | list) or len(found) != 3:
        return "It must return three things with commas between them: label, index, probabilities."
    label, index, probabilities = found
    best = int(expected.argmax())
    if not isinstance(label, str):
        if isinstance(label, Integral) and isinstance(index, str):
            return "Label and index have changed places: the name comes first."
        return "The first of the three must be the name of the class, a string out of model.class_names."
    if label not in names:
        return f"The label {label!r} is no class of this model; a position made into text is no name."
    probabilities = np.asarray(probabilities)
    if probabilities.shape == (1, len(names)):
        return "The probabilities still have the shape of a batch, (1, n). Take the one row that there is."
    if probabilities.shape != (len(names),):
        return "The third of the three must be the probabilities of all classes, one number a class."
    if not np.allclose(probabilities, expected, atol=1e-4):
        if abs(probabilities.sum() - 1) > 1e-3:
            return "The third does not add up to 1: these are not probabilities. model.probabilities gives them."
        return "The network was given other numbers than it learned from: model.probabilities scales pixels as it must."
    if isinstance(index, bool) or not isinstance(index, Integral):
        return "The index must be a whole number, the position of the class in model.class_names."
    if int(index) == int(expected.argmin()) != best:
        return "That is the class with the lowest probability."
    if int(index) != best:
        return "The index is not that of the most probable class."
    return "" if label == names[best] else "The label is not the name that belongs to the index."


@exercise("10.2")
def _(answer):
    if not callable(answer):
        return wrong("Hand in the function itself, by its name and without brackets behind it.")
    labels, predictions = _read()
    found = answer(labels.copy(), predictions.copy())
    if verdict := missing(found):
        return verdict
    if isinstance(found, dict):
        found = [found.get(digit, np.nan) for digit in range(10)]
    found = np.asarray(found, float)
    hit = labels == predictions
    if found.size == 1 and np.isclose(found, hit.mean()).all():
        return wrong("That is the accuracy of all images together, which is what hides the classes.")
    if found.shape != (10,):
        return wrong(f"Ten numbers are needed, one for each digit from 0 to 9; the answer has shape {found.shape}.")
    count, said = np.bincount(labels, minlength=10), np.bincount(predictions, minlength=10)
    hits = np.bincount(labels[hit], minlength=10)
    if np.allclose(found, hits / count):
        return right("These are the recalls: what somebody who writes this digit may expect.")
    for value, hint in (
        (hits / said, "These are precisions: of the images that were *given* this answer. Divide by those with this "
         "label instead."),
        (hits, "These are counts. A share says more: divide by how many images have the label."),
        (1 - hits / count, "These are the shares that were read wrong."),
        (hits / len(labels), "You divide by all images. Divide by the images of the class, or a rare one looks bad."),
        (count / len(labels), "That is how many images of each class there are; the predictions play no part."),
        (said / count, "You count how often a digit was predicted. Count only where the label is the same."),
    ):
        if np.allclose(found, value):
            return wrong(hint)
    if np.allclose(found / 100, hits / count):
        return right("In percent, and right: these are the recalls.")
    return wrong("For each digit: take the images with this label, and the share of them that was predicted so.")


def _read():
    """Labels and predictions, int64 (400,), of classes that are not equally many and not equally hard."""
    rng = np.random.default_rng(2)
    labels = np.concatenate([np.arange(10), rng.choice(10, 390, p=np.arange(1, 11) / 55)])
    slips = rng.random(400) < 0.1 + labels / 30
    return labels, np.where(slips, (labels + rng.integers(1, 10, 400)) % 10, labels)


@exercise("10.3")
def _(answer):
    value = number_in(answer)
    if value is None:
        return wrong("The answer is one number: letters a day.")
    arrives = EACH**DIGITS_OF_A_CODE
    astray = LETTERS * (1 - arrives)
    if abs(value - astray) <= 500:  # 96,000, too, is an answer
        return right(
            f"Only {arrives:.1%} of the codes are read whole: 98 % sounded better. Say to people what happens a day."
        )
    if abs(value - LETTERS * (1 - EACH)) <= 1:
        return wrong("That would be so if a code had one digit. All five must be right.")
    if abs(value - LETTERS * DIGITS_OF_A_CODE * (1 - EACH)) <= 1:
        return wrong("Nearly: adding up five times 2 % counts a letter with two wrong digits twice.")
    if abs(value - LETTERS * arrives) <= 500:
        return wrong("These arrive. The question is about the others.")
    if abs(value - LETTERS * (1 - EACH) ** DIGITS_OF_A_CODE) <= 0.001:
        return wrong("That is when all five digits are wrong at once. One wrong digit is enough.")
    if 0 < value < 1 or abs(value - 100 * (1 - arrives)) < 0.1:
        return wrong("That is a share. Say it in letters a day.")
    return wrong("How likely is it that the first digit is right, and the second, and all five? The others go astray.")
