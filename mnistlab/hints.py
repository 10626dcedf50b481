"""Hints: small rules that look at a run and say, with their evidence, what seems to be wrong with it.

A rule is a pure function from a State, which is plain data, to a Hint or None. The limits in them are rules of thumb,
found by looking at some four hundred runs on the bundled sample: a healthy run gives no hint.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from .data import Batches
from .evaluation import CHUNK
from .language import t
from .layers import ReLU
from .settings import Settings

# Where a search for the learning rate best begins, by optimizer.
USUAL_RATE = {"sgd": 0.1, "momentum": 0.1, "nesterov": 0.1, "rmsprop": 0.001, "adam": 0.001}
DEAD = (
    "{share:.0%} of the units are dead, 0 for every validation image, and learn no more: steps were too large, so "
    "begin again with a learning rate below {rate:g}."
)
DEAD_IN_LAYER = (
    "{share:.0%} of the units in ReLU layer {layer} are dead, 0 for every validation image, and learn no more: steps "
    "were too large, so begin again with a learning rate below {rate:g}."
)
STEPS = 25  # the fewest steps after which a rule speaks of what they have brought


@dataclass(frozen=True)
class State:
    """A run as the rules see it.

    rows: the Rows of its History; step_losses: the loss of each step's batch (of both, after a setting was changed
    during the run, only what came since); baseline: the accuracy on the validation set of always answering the most
    frequent class, 0 to 1; classes: how many there are; validation_size: images in the validation set; dead_share: what
    `dead_units` gave after the last epoch; failure: the run's sentence, or None; over: whether the run has ended.
    """

    settings: Settings
    rows: tuple = ()
    step_losses: tuple = ()
    baseline: float = 0.0
    classes: int = 10
    validation_size: int = 0
    dead_share: tuple = ()
    failure: str | None = None
    over: bool = False


@dataclass(frozen=True)
class Hint:
    """name: the rule's; sentence: what is wrong and how it shows; change: settings that would mend it, may be empty."""

    name: str
    sentence: str
    change: dict = field(default_factory=dict)


def hints(state):
    """All that the rules have to say of a State: a list of Hints, the most important first."""
    return [hint for rule in RULES if (hint := rule(state))]


def learning_rate_too_high(state):
    """The loss was no longer a finite number, jumped far above that of guessing, or rose again instead of falling."""
    if state.failure:
        what = t("The loss was no longer a finite number")
    else:
        what = _jumped(state) or _rose(state)
    if what:
        return Hint("learning rate too high", t(
            "{what}: the learning rate, {rate:g}, is too high; begin again with a lower one.",
            what=what, rate=state.settings.learning_rate,
        ), _lower_rate(state.settings))


def _jumped(state):
    losses, rows, start = state.step_losses, state.rows, _start(state)
    if len(losses) < 5 or (highest := max(losses)) <= 2 * start:
        return None
    now = sum(losses[-20:]) / len(losses[-20:])
    if now > start / 4 or rows and rows[-1].validation_loss > start / 2:  # else it has recovered
        return t("The loss jumped to {highest:.3g}, when it is {start:.3g} for a network that knows nothing",
                 highest=highest, start=start)


def _rose(state):
    rows = state.rows
    if len(rows) < 3 or len(state.step_losses) < STEPS:
        return None
    best, now = min(rows[:-1], key=lambda row: row.train_loss), rows[-1]
    if now.train_loss > max(1.2 * best.train_loss, _start(state) / 5):
        return t(
            "The training loss rose from {best.train_loss:.3g} in epoch {best.epoch} to {now.train_loss:.3g} in epoch "
            "{now.epoch}", best=best, now=now,
        )


def dead_units_found(state):
    """At least half of a layer's units were 0 for every image: no gradient flows through them any more."""
    share = max(state.dead_share, default=0.0)
    if share >= 0.5 and not state.failure:
        layer, rate = state.dead_share.index(share) + 1, state.settings.learning_rate
        return Hint("dead units", t(
            DEAD if len(state.dead_share) == 1 else DEAD_IN_LAYER, share=share, layer=layer, rate=rate
        ), _lower_rate(state.settings))


def labels_look_shuffled(state):
    """The network learns its training images by heart, and that tells it nothing about others (Zhang et al. 2017)."""
    rows = state.rows
    # The last five epochs together: one alone may be lucky.
    reached = [row.validation_accuracy for row in rows[-5:]]
    if len(rows) < 2 or sum(reached) / len(reached) > _chance(state):
        return None
    now = rows[-1]
    if now.train_accuracy > _chance(state, 1000) + 0.03 and now.validation_loss > 0.99 * rows[0].validation_loss:
        return Hint("labels look shuffled", t(
            "Training accuracy has grown to {now.train_accuracy:.1%} while validation accuracy is "
            "{now.validation_accuracy:.1%}, about what always giving the most frequent label reaches ({baseline:.1%}): "
            "what was learned holds for no other images, so look whether the labels belong to the images.",
            now=now, baseline=state.baseline,
        ))


def learning_rate_too_low(state):
    """Both losses fall, evenly and slowly, and are still near where they began."""
    rate, rows, losses = state.settings.learning_rate, state.rows, state.step_losses
    usual = USUAL_RATE[state.settings.optimizer]
    if not rows or len(losses) < STEPS or rate >= usual / 2:
        return None
    now, before = rows[-1], min((row.validation_loss for row in rows[:-1]), default=losses[0])
    if now.train_loss > 0.6 * _start(state) and 0.8 * before < now.validation_loss < before:
        return Hint("learning rate too low", t(
            "After {steps} steps the training loss has only come from {first:.3g} to {now:.3g}, and it still falls "
            "evenly: the learning rate, {rate:g}, is too low.",
            steps=len(losses), first=losses[0], now=now.train_loss, rate=rate,
        ), {"learning_rate": min(_rounded(10 * rate), usual)})


def no_better_than_baseline(state):
    """Validation accuracy is what always giving the same answer would reach, give or take chance."""
    rows = state.rows
    if not rows or state.failure or (len(state.step_losses) < 2 * STEPS and not state.over):
        return None
    if rows[-1].validation_accuracy <= _chance(state) < 1:
        return Hint("no better than the baseline", t(
            "After epoch {now.epoch} validation accuracy is {now.validation_accuracy:.1%}, about what always giving "
            "the most frequent label reaches ({baseline:.1%}): the network has learned nothing yet that holds for "
            "other images.", now=rows[-1], baseline=state.baseline,
        ))


def overfitting(state):
    """Validation loss has risen for some epochs while training loss went on falling (Goodfellow et al. 2016, 7.8)."""
    rows = state.rows
    if state.settings.patience or len(rows) < 4:  # with patience the run itself goes back to its best weights
        return None
    lowest = min(range(len(rows)), key=lambda row: rows[row].validation_loss)
    best, since, now = rows[lowest], rows[lowest + 1 :], rows[-1]
    if len(since) < 3 or best.validation_accuracy <= _chance(state):
        return None
    # A mild rise is no fault: the network only grows surer of its few mistakes.
    risen = min(row.validation_loss for row in since[-3:]) > 1.25 * best.validation_loss
    # Every training image is known by heart, and for long nothing was learned that holds for others.
    by_heart = len(since) >= 8 and now.train_accuracy > 0.995 and now.validation_accuracy < now.train_accuracy - 0.08
    if (risen or by_heart) and now.train_loss < 0.5 * best.train_loss:
        return Hint("overfitting", t(
            "Since epoch {best.epoch} the validation loss has risen from {best.validation_loss:.3g} to "
            "{now.validation_loss:.3g} while the training loss fell from {best.train_loss:.3g} to "
            "{now.train_loss:.3g}: the network overfits; stop early, or use dropout, weight decay, augmentation or "
            "more images.", best=best, now=now,
        ), {"patience": 3})


def validation_set_too_small(state):
    """The standard error of a good accuracy p on so few images, sqrt(p (1 - p) / n), is above 2 percentage points."""
    size = state.validation_size
    if not state.rows or size < 1:
        return None
    best = max(row.validation_accuracy for row in state.rows)
    # In the middle it is larger: a network that has just begun shall not make a good set look bad.
    if (error := _standard_error(max(best, 0.85), size)) > 0.02:
        needed = math.ceil(20 * state.settings.validation_fraction * (error / 0.02) ** 2) / 20
        return Hint("validation set too small", t(
            "{size} validation images tell an accuracy of {best:.1%} only to about {error:.1f} percentage points, one "
            "standard error: runs that differ by less than twice that may be equally good.",
            size=size, best=best, error=100 * _standard_error(best, size),
        ), {"validation_fraction": needed} if needed <= 0.5 else {})


RULES = (
    learning_rate_too_high, dead_units_found, labels_look_shuffled, learning_rate_too_low, no_better_than_baseline,
    overfitting, validation_set_too_small,
)


def dead_units(network, dataset):
    """The share of units that are 0 for every image of `dataset`, for each ReLU layer in turn: a tuple, 0 to 1.

    A channel of a convolution counts as one unit. Other activations hardly ever stay at exactly 0: without a ReLU
    layer the tuple is empty.
    """
    batches, alive = Batches(dataset, min(CHUNK, len(dataset))), {}
    for start in range(0, len(dataset), CHUNK):
        x = batches.inputs(slice(start, start + CHUNK))
        for position, layer in enumerate(network.layers):
            with np.errstate(over="ignore", invalid="ignore"):  # the network may have diverged
                x = layer.forward(x)
            if isinstance(layer, ReLU):
                # Rows are (b, units); the images between convolutions (channels, height, width, b).
                now = (x > 0).any(axis=0 if x.ndim == 2 else (1, 2, 3))
                alive[position] = alive.get(position, False) | now
    return tuple(float(1 - units.mean()) for units in alive.values())


def _start(state):
    """The loss of a network that knows nothing: that of the first step, unless the network was trained before."""
    return max((math.log(max(2, state.classes)), *state.step_losses[:1]))


def _chance(state, images=None):
    """The accuracy that guessing reaches on so many images, with luck: two standard errors above the baseline."""
    p = state.baseline
    return p + 2 * math.sqrt(p * (1 - p) / (images or max(1, state.validation_size)))


def _standard_error(accuracy, images):
    """Of an accuracy on so many images. Two right and two wrong answers are added (Agresti and Coull 1998).

    Without them, a few images that all happen to be right would look like certainty.
    """
    share = (accuracy * images + 2) / (images + 4)
    return math.sqrt(share * (1 - share) / (images + 4))


def _lower_rate(settings):
    return {"learning_rate": max(1e-6, min(_rounded(settings.learning_rate / 10), USUAL_RATE[settings.optimizer]))}


def _rounded(rate):
    return float(f"{rate:.3g}")  # 0.003, not 0.0029999999999999996
