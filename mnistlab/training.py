"""The training loop: shuffle, draw a batch, forward, loss, backward, step; evaluate after each epoch.

A run is pulled, one step at a time, by whoever wants it: a script with `for`, the app between two clicks. It prints
nothing and draws nothing.
"""

import math
import time
from dataclasses import asdict, dataclass, field

import numpy as np

from .data import Batches
from .evaluation import Evaluation, logits_in_chunks
from .losses import PENALTIES, make_loss
from .optimizers import clip_by_norm, make_optimizer
from .schedules import scheduled
from .settings import generators


@dataclass(frozen=True)
class Row:
    """One epoch of a History.

    epoch: from 1; train_loss, train_accuracy: means over the epoch's batches while the network was learning;
    validation_loss, validation_accuracy: after the epoch, without dropout; seconds: the epoch's, validation included.

    Both losses are what the run makes small, the L1 and L2 penalties included, as in Keras: so the two curves can be
    compared, and the loss of `evaluate` and of an Evaluation, which is that of the images alone, is lower.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass
class History:
    """All a run leaves behind for curves: a Row an epoch, and the loss and accuracy of every step's batch."""

    rows: list = field(default_factory=list)
    step_losses: list = field(default_factory=list)
    step_accuracies: list = field(default_factory=list)

    def as_dicts(self):
        """The rows as plain dictionaries."""
        return [asdict(row) for row in self.rows]


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    phase: "training" after a step, "validating" within a validation pass, "epoch" when an epoch has ended;
    epoch: from 1; step: steps made in this epoch, of `steps`; images: training images seen since the run began.
    """

    phase: str
    epoch: int
    step: int
    steps: int
    images: int


class Run:
    """A training run that is being pulled: iterate it for Progress.

    `history` grows as it goes; `evaluation` is the last one on the validation set; `failure` is a sentence when the
    run had to end because the loss was no longer a number, else None.
    """

    def __init__(self, network, train_set, validation_set, settings):
        for images in (train_set, validation_set):
            if images.inputs != network.inputs:
                raise ValueError(f"The images have {images.inputs} pixels; the network expects {network.inputs}.")
        if len(train_set) == 0 or len(validation_set) == 0:
            raise ValueError(f"A run needs images: {len(train_set)} to train, {len(validation_set)} to validate.")
        self.network, self.settings = network, settings
        self.train_set, self.validation_set = train_set, validation_set
        self.batch_size = settings.batch_size
        self.loss = make_loss(settings.loss)
        self.optimizer = make_optimizer(settings.optimizer, len(network.parameters), network.dtype)
        _, self.order_rng, self.noise_rng, _ = generators(settings.seed)
        self.history, self.evaluation, self.failure = History(), None, None
        self.epoch = self.position = 0
        self._steps = self._walk()

    @property
    def steps_per_epoch(self):
        return math.ceil(len(self.train_set) / self.batch_size)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._steps)

    def close(self):
        """Let go of a run that will not be pulled any more, so that its memory is freed at once."""
        self._steps.close()

    def _walk(self):
        labels = self.train_set.labels_of()
        size = self.batch_size
        batches = Batches(self.train_set, min(size, len(self.train_set)))
        while self.epoch < self.settings.epochs:
            started = time.perf_counter()
            order = self.order_rng.permutation(len(self.train_set))
            loss_sum = correct = 0.0
            for self.position in range(0, len(order), size):
                rows = order[self.position : self.position + size]
                losses, hits = self._step(batches.inputs(rows), labels[rows])
                batch_loss = losses / len(rows)
                self.history.step_losses.append(batch_loss)
                self.history.step_accuracies.append(hits / len(rows))
                if not math.isfinite(batch_loss):
                    self.failure = self._blame(batch_loss)
                    return
                # Sums, not means of means: the last batch of an epoch may be short and counts for what it is.
                loss_sum += losses
                correct += hits
                yield self._progress("training")
            logits = np.empty((len(self.validation_set), self.network.outputs), self.network.dtype)
            for _ in logits_in_chunks(self.network, self.validation_set, logits):
                yield self._progress("validating")
            evaluation = Evaluation(logits, self.validation_set.labels_of(), self.loss.name)
            validation_loss = evaluation.loss + self._penalty()
            if not math.isfinite(validation_loss):
                self.failure = self._blame(validation_loss)
                return
            self.evaluation = evaluation
            self.epoch += 1
            self.history.rows.append(
                Row(
                    self.epoch, loss_sum / len(order), correct / len(order),
                    validation_loss, evaluation.accuracy, time.perf_counter() - started,
                )
            )
            yield self._progress("epoch")

    def _step(self, x, labels):
        """One step of gradient descent on a batch. Returns (sum of its losses, number of right predictions).

        The penalty counts once an image, so that means stay means.
        """
        network, settings = self.network, self.settings
        # A rate that is too high overflows on its way to infinity; `_walk` says so in words.
        with np.errstate(over="ignore", invalid="ignore"):
            logits = network.forward(x, self.noise_rng)
            losses = self.loss.forward(logits, labels)
            hits = int((logits.argmax(axis=1) == labels).sum())
            network.backward(self.loss.backward())
            penalty = self._penalty(network.gradient)
            if settings.clip_norm:
                clip_by_norm(network.gradient, settings.clip_norm)
            # At most 1: somebody may have lowered the number of epochs meanwhile.
            made = min(1.0, len(self.history.step_losses) / (self.steps_per_epoch * settings.epochs))
            rate = scheduled(settings.schedule, settings.learning_rate, made)
            self.optimizer.update(network.parameters, network.gradient, rate, settings.momentum)
        return float(losses.sum(dtype=np.float64)) + penalty * len(labels), hits

    def _penalty(self, gradient=None):
        """The penalties on the weights as they are now; their gradient is added to `gradient` where one is given."""
        total = 0.0
        for name, penalty in PENALTIES.items():
            rate = getattr(self.settings, name)
            for part in self.network.weight_slices if rate else ():
                weights = self.network.parameters[part]
                total += penalty.forward(weights, rate)
                if gradient is not None:
                    penalty.backward(weights, rate, gradient[part])
        return total

    def _progress(self, phase):
        steps = self.steps_per_epoch
        ended = phase == "epoch"
        step = steps if phase != "training" else self.position // self.batch_size + 1
        seen = min(step * self.batch_size, len(self.train_set))
        done = self.epoch - 1 if ended else self.epoch
        return Progress(phase, done + 1, step, steps, done * len(self.train_set) + seen)

    def _blame(self, value):
        what = "is no longer a number" if math.isnan(value) else "became infinite"
        step = self.position // self.batch_size + 1
        return (
            f"The loss {what} in epoch {self.epoch + 1}, step {step}: the run has ended. The learning rate "
            f"({self.settings.learning_rate:g}) is most likely too high; try a tenth of it."
        )


def train(network, train_set, validation_set, settings):
    """Begin a run and return it; nothing is computed before it is iterated.

    network: changed in place; train_set, validation_set: Datasets; settings: may be changed while the run goes on,
    and the next step uses the new learning rate, momentum, schedule, penalties and clipping. The same settings, seed
    included, give the same History apart from its seconds. Raises ValueError when the images do not fit the network or
    a set is empty.

        for progress in (run := train(network, train_set, validation_set, settings)):
            ...
    """
    return Run(network, train_set, validation_set, settings)
