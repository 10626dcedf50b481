"""The training loop: shuffle, draw a batch, forward, loss, backward, step; evaluate after each epoch.

A run is pulled, one step at a time, by whoever wants it: a script with `for`, the app between two clicks. It prints
nothing and draws nothing.

What it takes from elsewhere: `data.Batches` turns rows of a dataset into inputs, `augmentation.Augmenter` changes them,
`evaluation` measures; in `settings`, TABLE describes each setting (`live`: whether a run follows a change of it),
`generators` makes the sources of chance and `find` looks up a name; `language.t` says a sentence in the reader's
language.
"""

import copy
import hashlib
import math
import time
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np

from .augmentation import Augmenter
from .data import Batches
from .evaluation import METRICS, Evaluation, fits, logits_in_chunks
from .language import t
from .layers import Dropout, share
from .losses import PENALTIES, make_loss
from .optimizers import OPTIMIZERS, clip_by_norm
from .schedules import SCHEDULES
from .settings import TABLE, find, generators, known_settings

DIVERGED = (
    "The loss is no longer a finite number in epoch {epoch}, step {step}: the run has ended. The learning rate "
    "({rate:g}) is most likely too high; try a tenth of it."
)


@dataclass(frozen=True)
class Row:
    """One epoch of a History.

    epoch: from 1; train_loss, train_accuracy: means over the epoch's batches while the network was learning, dropout
    and augmentation included; validation_loss, validation_accuracy: after the epoch, without either; seconds: of
    its steps and its validation; metrics: means of what else was asked for, such as train_confidence and
    validation_confidence.

    Both losses are what the run makes small, the L1 and L2 penalties included, as in Keras: so the two curves can be
    compared, and the loss of `evaluate` and of an Evaluation, which is that of the images alone, is lower.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    metrics: dict = field(default_factory=dict)


@dataclass
class History:
    """All a run leaves behind for curves: a Row an epoch, and the loss, accuracy and metrics of every step's batch.

    marks: what was changed while the run went on: (steps made until then, setting, new value).
    """

    rows: list = field(default_factory=list)
    step_losses: list = field(default_factory=list)
    step_accuracies: list = field(default_factory=list)
    step_metrics: dict = field(default_factory=dict)
    marks: list = field(default_factory=list)

    @property
    def best(self):
        """The Row with the lowest validation loss, the first of equals, or None before the first epoch is over."""
        return min(self.rows, key=lambda row: row.validation_loss, default=None)

    def as_dicts(self):
        """The rows as flat dictionaries, a metric such as "confidence" as train_confidence, validation_confidence."""
        rows = [asdict(row) for row in self.rows]
        for row in rows:
            row |= row.pop("metrics")
        return rows

    @classmethod
    def from_dicts(cls, rows):
        """The History whose `as_dicts` these are; steps and marks are not in them. Raises ValueError for other rows."""
        try:
            return cls([_row(dict(row)) for row in rows])
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError):
            raise ValueError(t(
                "The history is damaged: an epoch lacks its number, losses or accuracies, or has something else."
            )) from None


class Progress(NamedTuple):
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
    run had to end because the loss was no longer a finite number, else None. `best_epoch` is the one with the lowest
    validation loss so far (0 before the first). With `settings.patience`, a run that has been pulled to its end leaves
    network and evaluation as they were after that epoch (early stopping: Prechelt 1998). What is given and raised: as
    for `train`.
    """

    def __init__(self, network, train_set, validation_set, settings, metrics=()):
        if len(train_set) == 0 or len(validation_set) == 0:
            raise ValueError(t("A run needs images: {training} to train, {validation} to validate.",
                               training=len(train_set), validation=len(validation_set)))
        fits(network, train_set)
        fits(network, validation_set)
        scales = [(part.mean, part.deviation) for part in (train_set, validation_set)]
        if scales[0] != scales[1]:
            raise ValueError(
                f"The training set's mean and deviation are {scales[0]}, the validation set's {scales[1]}: give both "
                "the same scale, as standardised(train_set, validation_set) does."
            )
        self.network, self.settings = network, known_settings(settings)
        self.train_set, self.validation_set = train_set, validation_set
        names = [metrics] if isinstance(metrics, str) else metrics
        self.metrics = {name: find("metric", name, METRICS) for name in names}
        self.batch_size = settings.batch_size
        self.loss = make_loss(settings.loss)
        self.optimizer = OPTIMIZERS[settings.optimizer](len(network.parameters))
        self.generators = generators(settings.seed)
        self.augmenter = Augmenter(settings)
        # What a step last used of the live settings; a network of one's own may have other dropout rates to begin with.
        self._live = {name: getattr(settings, name) for name, item in TABLE.items() if item.metadata["live"]}
        # The others are those of the beginning, whatever becomes of `settings`; only `epochs` is followed.
        self._fixed = {name: getattr(settings, name) for name in TABLE if name not in self._live and name != "epochs"}
        self.history = History(step_metrics={name: [] for name in self.metrics})
        self.evaluation = self.failure = None
        # With patience: parameters, state and logits of the best epoch; parameters and state that they have replaced.
        self._best = self._last = None
        # Of the epoch that goes on: the images seen, the sums over them, and the seconds spent.
        self.position, self._sums, self._seconds = 0, np.zeros(2 + len(self.metrics)), 0.0
        self._order_state = self.generators.order.bit_generator.state
        self._steps = self._walk()

    @property
    def epoch(self):
        """How many epochs are over."""
        return len(self.history.rows)

    @property
    def best_epoch(self):
        """The epoch with the lowest validation loss so far; 0 before the first is over."""
        return self.history.best.epoch if self.history.rows else 0

    @property
    def is_at_best(self):
        """Whether the network is as it was after `best_epoch`: brought back, or by its loss on the validation set."""
        if self._last:
            return True
        if not self.history.rows or not self.evaluation or self.position:
            return False
        return math.isclose(self.evaluation.loss + self._penalty(), self.history.best.validation_loss, rel_tol=1e-6)

    @property
    def steps_per_epoch(self):
        """How many steps an epoch has: images by batch size, rounded up; the last batch may be short."""
        return math.ceil(len(self.train_set) / self.batch_size)

    @property
    def seconds(self):
        """The seconds that steps and validation have taken so far, without what the caller did between them."""
        return sum(row.seconds for row in self.history.rows) + self._seconds

    @property
    def progress(self):
        """Where the run is: after its last step, or at the end of its last epoch."""
        return self._progress("training" if self.position or not self.epoch else "epoch")

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return next(self._steps)
        except BaseException:  # it is over, or was interrupted: what is left, if anything, is for a new generator
            self._steps = self._walk()
            raise

    def close(self):
        """Let go of a run that will not be pulled any more, so that its memory is freed at once."""
        self._steps.close()

    def _walk(self):
        if self._last and not self.is_over:
            self.network.parameters[:], self.network.state[:] = self._last
            self._last = None
        while not self.is_over:
            # The clock stands still while the caller has the turn: a pause is no training.
            clock = time.perf_counter()
            for progress in self._learn():
                self._seconds += time.perf_counter() - clock
                yield progress
                clock = time.perf_counter()
            self._seconds += time.perf_counter() - clock
            if not self.failure:
                self._end_epoch()
                yield self._progress("epoch")
        if not self.has_ended:
            self._take_back_best()

    @property
    def is_over(self):
        """Whether no epoch is left: all have been, or `patience` or a failure has ended the run."""
        return bool(self.failure) or self.epoch >= self.settings.epochs or self.patience_is_over

    @property
    def patience_is_over(self):
        """Whether `patience` epochs have gone by since the best one; never with a patience of 0."""
        return 0 < self._fixed["patience"] <= self.epoch - self.best_epoch

    @property
    def has_ended(self):
        """Whether pulling it changes nothing any more: it is over, and the best weights, where kept, are back."""
        return self.is_over and (self._best is None or self._last is not None)

    def _learn(self):
        """One epoch of steps, or what is left of it, in an order drawn anew; then its validation."""
        labels, size = self.train_set.labels_of(), self.batch_size
        batches = Batches(self.train_set, min(size, len(self.train_set)))
        self.generators.order.bit_generator.state = self._order_state  # the same again for the rest of an epoch
        order = self.generators.order.permutation(len(self.train_set))
        for start in range(self.position, len(order), size):
            rows = order[start : start + size]
            sums = self._step(batches.inputs(rows, self._augment if self.augmenter.on else None), labels[rows])
            self.position = start + len(rows)
            for values, total in zip(self._per_step(), sums):
                values.append(total / len(rows))
            if not math.isfinite(sums[0]):
                self.failure = self._blame()
                return
            # Sums, not means of means: the last batch of an epoch may be short and counts for what it is.
            self._sums += sums
            yield self._progress("training")
        yield from self._validate()

    def _augment(self, x):
        return self.augmenter(x, self.generators.augmentation)

    def _per_step(self):
        """The lists of the history that grow by one value a step, in the order of `_step`'s sums."""
        return self.history.step_losses, self.history.step_accuracies, *self.history.step_metrics.values()

    def _validate(self):
        logits = np.empty((len(self.validation_set), self.network.outputs), np.float32)
        for _ in logits_in_chunks(self.network, self.validation_set, logits):
            yield self._progress("validating")
        evaluation = self._evaluation(logits)
        if math.isfinite(evaluation.loss + self._penalty()):
            self.evaluation = evaluation
        else:
            self.failure = self._blame()

    def _evaluation(self, logits):
        return Evaluation(logits, self.validation_set.labels_of(), self.loss.name)

    def _end_epoch(self):
        """The epoch's Row; the weights are kept if they are the best so far and `patience` may want them back."""
        loss, accuracy, *metrics = (float(total) / len(self.train_set) for total in self._sums)
        evaluation = self.evaluation
        measured = {f"train_{name}": value for name, value in zip(self.metrics, metrics)}
        validation = self._measured(evaluation.logits, evaluation.labels)
        measured |= {f"validation_{name}": value for name, value in validation.items()}
        validation_loss = evaluation.loss + self._penalty()
        row = Row(self.epoch + 1, loss, accuracy, validation_loss, evaluation.accuracy, self._seconds, measured)
        best, order_state = self.history.best, self.generators.order.bit_generator.state
        if best is None or row.validation_loss < best.validation_loss:
            self.keep_best()
        self._order_state, self.position, self._seconds, self._sums = order_state, 0, 0.0, np.zeros_like(self._sums)
        self.history.rows.append(row)

    def keep_best(self):
        """With patience, take the network as it is, and its evaluation, for the best so far, to be brought back."""
        if self._fixed["patience"]:
            self._best = self.network.parameters.copy(), self.network.state.copy(), self.evaluation.logits

    def _measured(self, logits, labels, reduce=np.mean):
        return {name: float(reduce(metric(logits, labels))) for name, metric in self.metrics.items()}

    def _take_back_best(self):
        self._last = self.network.parameters.copy(), self.network.state.copy()
        self.network.parameters[:], self.network.state[:], logits = self._best
        self.evaluation = self._evaluation(logits)

    def _step(self, x, labels):
        """One step of gradient descent on a batch. Returns sums over it: losses, right predictions, each metric.

        The penalty counts once an image, so that means stay means.
        """
        network, settings = self.network, self.settings
        self._follow_changes()
        # A rate that is too high overflows on its way to infinity; `_learn` says so in words.
        with np.errstate(over="ignore", invalid="ignore"):
            logits = network.forward(x, self.generators.dropout)
            losses = self.loss.forward(logits, labels)
            hits = np.count_nonzero(logits.argmax(axis=1) == labels)
            metrics = self._measured(logits, labels, np.sum)
            network.backward(self.loss.backward())
            penalty = self._penalty(network.gradient)
            if settings.clip_norm:
                clip_by_norm(network.gradient, settings.clip_norm)
            # At most 1: somebody may have lowered the number of epochs meanwhile.
            made = min(1.0, len(self.history.step_losses) / (self.steps_per_epoch * settings.epochs))
            rate = SCHEDULES[settings.schedule](settings.learning_rate, made)
            self.optimizer.update(network.parameters, network.gradient, rate, settings.momentum)
        return float(losses.sum(dtype=np.float64)) + penalty * len(labels), hits, *metrics.values()

    def _follow_changes(self):
        """Settings that were changed since the last step: each is marked, and dropout's is handed to its layers."""
        for name, old in self._live.items():
            new = getattr(self.settings, name)
            if new != old:
                self._live[name] = new
                self.history.marks.append((len(self.history.step_losses), name, new))
                for layer in self._dropouts() if name == "dropout_rate" else ():
                    layer.rate = new

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
        steps, images = self.steps_per_epoch, self.epoch * len(self.train_set) + self.position
        if phase == "epoch":
            return Progress(phase, self.epoch, steps, steps, images)
        return Progress(phase, self.epoch + 1, math.ceil(self.position / self.batch_size), steps, images)

    def _blame(self):
        step = math.ceil(self.position / self.batch_size)
        return t(DIVERGED, epoch=self.epoch + 1, step=step, rate=self.settings.learning_rate)

    def checkpoint(self):
        """What a run needs to go on from here: plain data and copies of arrays, which later steps leave as they are."""
        network, evaluation = self.network, self.evaluation
        return copy.deepcopy({
            "run": self._identity(), "settings": {**self.settings.as_dict(), **self._fixed}, "live": self._live,
            "dropout rates": [layer.rate for layer in self._dropouts()],
            "parameters": network.parameters, "state": network.state, "optimizer": self.optimizer.state,
            # The order is drawn at the beginning of an epoch: from there its generator draws the same one again.
            "order": self._order_state,
            **{name: getattr(self.generators, name).bit_generator.state for name in ("dropout", "augmentation")},
            "position": self.position, "sums": self._sums, "seconds": self._seconds,
            "history": {**vars(self.history), "rows": [asdict(row) for row in self.history.rows]},
            "logits": evaluation and evaluation.logits, "failure": self.failure,
            "best": self._best, "last": self._last,
        })

    def restore(self, checkpoint):
        """Go on, bit for bit, where the run was that this is a `checkpoint` of.

        This run needs the same network, sets and settings; only live settings and `epochs` may be others, and its own
        count: the next step uses them, and marks what is not as it was. Raises ValueError, and changes nothing, for a
        checkpoint of another run and for one that cannot be taken up.
        """
        before = self.checkpoint()
        if not isinstance(checkpoint, dict) or checkpoint.keys() != before.keys():
            raise ValueError("This is no checkpoint; Run.checkpoint() makes one.")
        for what, value in before["run"].items():
            other = checkpoint["run"].get(what) if isinstance(checkpoint["run"], dict) else None
            if other != value:
                raise ValueError(f"The checkpoint is one of another run: its {what} is {other}, this run's is {value}.")
        history, evaluation = self.history, self.evaluation
        try:
            self._take_up(checkpoint)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            self._take_up(before)
            self.history, self.evaluation = history, evaluation  # others may hold these very objects
            raise ValueError(f"The checkpoint is damaged: {type(error).__name__}, {error}") from None

    def _take_up(self, checkpoint):
        kept, network = copy.deepcopy(checkpoint), self.network
        self.optimizer.restore(kept["optimizer"])
        for own, array in (
            (network.parameters, kept["parameters"]), (network.state, kept["state"]), (self._sums, kept["sums"]),
        ):
            own[:] = np.reshape(array, own.shape)  # else one number would do for all
        self._live = {name: kept["live"][name] for name in self._live}
        for layer, rate in zip(self._dropouts(), kept["dropout rates"], strict=True):
            layer.rate = share("Dropout", "rate", rate)
        for name in ("order", "dropout", "augmentation"):
            getattr(self.generators, name).bit_generator.state = kept[name]
        self._order_state = kept["order"]
        self.position, self._seconds, self.failure = kept["position"], float(kept["seconds"]), kept["failure"]
        if type(self.position) is not int or not 0 <= self.position <= len(self.train_set):
            raise ValueError(f"of {len(self.train_set)} images {self.position} have been seen")
        if self.failure is not None and not isinstance(self.failure, str) or not math.isfinite(self._seconds):
            raise ValueError("its failure is no sentence, or its seconds are not finite")
        self.history = History(**{**kept["history"], "rows": [Row(**row) for row in kept["history"]["rows"]]})
        if len({len(values) for values in self._per_step()}) != 1:
            raise ValueError("its figures are not as many for each step")
        self.evaluation = None if kept["logits"] is None else self._evaluation(kept["logits"])
        self._best, self._last = kept["best"], kept["last"]
        shapes = network.parameters.shape, network.state.shape, (len(self.validation_set), network.outputs)
        for arrays, expected in (self._best, shapes), (self._last, shapes[:2]):
            if arrays is not None and tuple(map(np.shape, arrays)) != expected:
                raise ValueError("the best or the last weights are not this network's")
        self._steps = self._walk()

    def _dropouts(self):
        return [layer for layer in self.network.layers if isinstance(layer, Dropout)]

    def _identity(self):
        """What two runs must share for one to go on with the other's checkpoint."""
        fixed = {TABLE[name].metadata["label"].lower(): value for name, value in self._fixed.items()}
        return {
            # The rate of dropout is live.
            "network": [layer[:1] if layer[0] == "Dropout" else layer for layer in self.network.describe()],
            "list of metrics": list(self.metrics), **fixed,
            "number of training images": len(self.train_set),
            "number of validation images": len(self.validation_set),
            "data": [_fingerprint(images) for images in (self.train_set, self.validation_set)],
        }


def _row(values):
    """The Row of a flat dictionary; what is neither of its names is a metric, such as train_confidence."""
    figures = {name: float(values.pop(name)) for name in list(values) if name != "epoch"}
    if not all(map(math.isfinite, figures.values())):
        raise ValueError("A figure is not finite.")
    own = {name: figures.pop(name) for name in Row.__dataclass_fields__ if name in figures}
    if not all(name.startswith(("train_", "validation_")) for name in figures):
        raise ValueError("A figure is neither of training nor of validation.")
    return Row(int(values["epoch"]), **own, metrics=figures)


def _fingerprint(dataset):
    """Text that is another one for another set: its rows, labels, classes, scale, and the pixels of some 64 images."""
    digest = hashlib.sha256(dataset.indices.tobytes() + dataset.labels_of().tobytes())
    digest.update(dataset.images[dataset.indices[:: max(1, len(dataset) // 64)]].tobytes())
    digest.update(repr((dataset.class_names, dataset.mean, dataset.deviation)).encode())
    return digest.hexdigest()[:16]


def train(network, train_set, validation_set, settings, metrics=()):
    """Begin a run and return it; nothing is computed before it is iterated.

    network: changed in place; train_set, validation_set: Datasets; settings: those marked live in the table may be
    changed while the run goes on, and the next step uses the new value; metrics: names from `evaluation.METRICS` that
    each step and each epoch measure besides loss and accuracy. The same settings, seed included, give the same History
    apart from its seconds. Raises ValueError when the images or classes do not fit the network, a set is empty, the
    two sets are not of one scale, or there is no such metric.

        for progress in (run := train(network, train_set, validation_set, settings)):
            ...
    """
    return Run(network, train_set, validation_set, settings, metrics)
