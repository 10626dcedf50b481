"""The exercises of lesson 8, its mistakes."""

import math

import numpy as np

from ..lessons import exercise, right, wrong
from .answers import NOT_WRITTEN, number_in

LOSS = 4.6


@exercise("8.1")
def _(recall):
    """A function for the recall of a class: (confusion matrix, class) -> share."""
    if not callable(recall):
        return wrong("A function is asked for: hand over my_recall itself, without brackets behind it.")
    matrix, k = np.array([[6, 1, 1], [0, 9, 3], [8, 2, 10]]), 0
    value = recall(matrix.copy(), k)
    if value is ...:
        return NOT_WRITTEN
    if value is None:
        return wrong("Your function returns nothing; end it with return and the share.")
    if np.ndim(value):
        return wrong("One number is expected, for the class that is asked for; an array came back.")
    hits, row, column = matrix[k, k], matrix[k].sum(), matrix[:, k].sum()
    typical = (
        (hits / column, "That is the precision: you divided by the column, all that was called so. Asked is the row."),
        (hits, "That is how many were found. Divide by how many there are to make a share of it."),
        (matrix.trace() / matrix.sum(), "That is the accuracy over all classes; only one class is asked for."),
        (hits / matrix.sum(), "You divided by all images. Divide by those that belong to the class."),
        (1 - hits / row, "That is the share that was missed. Recall is the share that was found."),
        (hits / (row - hits), "You divided by the missed ones alone; those that were found belong to it too."),
        (100 * hits / row, "That is in percent; a share from 0 to 1 is asked for."),
    )
    for other, hint in typical:
        if np.isclose(float(value), other):
            return wrong(hint)
    if not np.isclose(float(value), hits / row):
        return wrong(f"For class {k} of {matrix.tolist()} you got {float(value):g}. Which numbers are the class's own?")
    if not all(np.isclose(float(recall(matrix.copy(), j)), matrix[j, j] / matrix[j].sum()) for j in range(3)):
        return wrong("Right for class 0, wrong for another one: is the class written into your function?")
    return right("Of all that belong to the class, the share that was found.")


@exercise("8.2")
def _(answer):
    """The probability that a loss stands for."""
    p, number = math.exp(-LOSS), number_in(answer)
    if number is None:
        return wrong("The answer is one number.")

    def near(value, share=0.06):
        return abs(number - value) <= share * abs(value)

    if near(p):
        return right(f"exp(-{LOSS}) = {p:.4f}: it gave the right digit one chance in a hundred.")
    if near(1 - p, 0.003):
        return wrong("That is what is left for all other digits together. Asked is the share of the right one.")
    if near(100 * p):
        return wrong("That is in percent; a share from 0 to 1 is asked for.")
    if near(math.exp(LOSS)):
        return wrong("A probability cannot be above 1: look at the sign in front of the logarithm.")
    if near(10**-LOSS) or near(2**-LOSS):
        return wrong("That is another base: the loss is made with the natural logarithm, whose base is e.")
    if near(math.log(LOSS)) or near(-math.log(LOSS)):
        return wrong("You took the logarithm of the loss. The loss is a logarithm already; undo it.")
    if near(1 / LOSS):
        return wrong("One divided by the loss is something else. What undoes a logarithm?")
    if not 0 <= number <= 1:
        return wrong("A probability lies between 0 and 1.")
    loss = f"{-math.log(number):.2f}" if number > 0 else "infinite"
    return wrong(f"With a probability of {number:g} the loss would be {loss}. Solve loss = -log p for p.")


@exercise("8.3")
def _(suspects):
    """A function for the rows with the highest losses: (losses, count) -> rows, highest first."""
    if not callable(suspects):
        return wrong("A function is asked for: hand over suspects itself, without brackets behind it.")
    losses, count = np.array([0.3, 2.5, 0.1, 4.0, 0.7, 1.9, 0.2]), 3
    given = suspects(losses.copy(), count)
    if given is ...:
        return NOT_WRITTEN
    if given is None:
        return wrong("Your function returns nothing; end it with return and the rows.")
    found, order = np.ravel(given).astype(float).tolist(), np.argsort(-losses)
    typical = (
        (losses[order[:count]], "Those are the losses themselves; asked are the numbers of their rows."),
        (np.sort(losses)[:count], "Those are losses, and the lowest ones; asked are the rows of the highest."),
        (order[::-1][:count], "Those are the rows of the lowest losses: sorting begins with the smallest."),
        (order[:count][::-1], "The right rows, the wrong way round: the highest loss comes first."),
        (order, f"Those are all {len(losses)} rows; only the first {count} are asked for."),
        (order[::-1], f"Those are all {len(losses)} rows, lowest loss first; only the {count} highest are asked for."),
        (order[1 : count + 1], "The very highest loss is missing: where does your slice begin?"),
        (order[: count - 1], f"There are only {count - 1} rows; {count} were asked for: where does your slice end?"),
        (order[:1], f"There is one row only; {count} were asked for."),
        (np.sort(order[:count]), "The right rows, sorted by number. Sort them by their loss, the highest first."),
    )
    if found == order[:count].tolist():
        if np.ravel(suspects(losses[::-1].copy(), 2)).tolist() != np.argsort(-losses[::-1])[:2].tolist():
            return wrong("Right for one list of losses and wrong for another: is something written into your function?")
        return right("This is how the top losses were found, here and in the lab.")
    for other, hint in typical:
        if found == other.tolist():
            return wrong(hint)
    return wrong(f"For losses {losses.tolist()} and {count} you got {found}. np.argsort orders rows by a value.")
