"""The one state that the panels share: settings, datasets, the run that goes on, and what happened last."""

import asyncio
import functools
import itertools
import logging
import operator
import os
import re
import sys
import threading
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import traitlets

from .. import data, language, links
from ..cleaning import Changes
from ..evaluation import majority_baseline
from ..export import origin_of
from ..language import t
from ..network import build
from ..settings import TABLE, Settings, generators
from ..training import train
from .browser import Browser
from .source import Source, no_changes, parts_of, split_of, training_set

TRAINING = "Training …"
READY = "Ready. Press Train to begin."
PAUSED = "Paused. Resume goes on from here."
STOPPING = "Stopping …"
# Runs are called so where they are kept, and shown in the page's language: see `run_title`.
RUN = "Run {number}"
ADDED = {"taught": "{name}, taught", "restored": "{name}, restored", "loaded": "{name}, loaded"}
# How a run came here from where it was kept: to go on, or to rest.
STANDS = {
    "restored": "The run is restored: it stands after {place}. Resume goes on from here.",
    "loaded": "The run is loaded: it stands after {place}. Resume goes on from here.",
}
RESTS = {
    "restored": "The run is restored. {summary} One more epoch trains it further.",
    "loaded": "The run is loaded. {summary} One more epoch trains it further.",
}
# It rests for good: its patience is over.
ENDED = {"restored": "The run is restored. {summary}", "loaded": "The run is loaded. {summary}"}
PATIENCE_IS_OVER = (
    "This run has ended for good: the validation loss fell no further, and its patience ({patience}) is used up. "
    "Train begins a new one."
)
# Work goes on for this long before clicks and slider moves are looked at again, in seconds.
SLICE = 0.03
# In slow motion, so long from one batch to the next.
SLOW = 0.4
# So many known images go with what is taught.
MIX = 1000
LOCKED = "Left as it was, because the address of this page locks it: {settings}."
PACKAGE = Path(__file__).parents[1]
# So many runs are kept in the table; the oldest goes first.
RECORDS = 12

# The kernel's own standard error reaches the server's terminal; sys.stderr would reach the page.
log = logging.getLogger("mnistlab")
log.addHandler(logging.StreamHandler(sys.__stderr__))
log.propagate = False


def _worth_a_line(record):
    """A filter of log records: a kernel that ends with its page cannot read or answer what it was sent just before."""
    error = record.exc_info[1] if record.exc_info else None
    return "Socket operation on non-socket" not in str(error)


for name in ("IPKernelApp", "tornado.general"):
    logging.getLogger(name).addFilter(_worth_a_line)


@dataclass
class Record:
    """What is remembered of a run when it is over or another one begins: plain data, no weights.

    name: may be changed; settings: those of its beginning; baseline: the accuracy of always guessing the most frequent
    class; images: how many it has seen; cleaned: whether the changes made in the mistakes panel were applied.
    """

    name: str
    dataset: str
    settings: dict
    history: object
    steps_per_epoch: int
    baseline: float
    seconds: float
    images: int
    cleaned: bool

    @property
    def best(self):
        """The Row with the lowest validation loss, or None."""
        return self.history.best

    @property
    def title(self):
        """The name as the page shows it."""
        return run_title(self.name)


def run_title(name):
    """The name of a run in the page's language, where it is one that the lab gives: "Run 3, taught". Others stay."""
    before, _, added = name.rpartition(", ")
    if before and added in ADDED:
        return t(ADDED[added], name=run_title(before))
    given = re.fullmatch(r"Run (\d+)", name)
    return t(RUN, number=given[1]) if given else name


class Lab(traitlets.HasTraits):
    """What is going on in one page. Panels read it, call its verbs, and observe its traits.

    phase: "idle", "running", "paused", "stopping" or "failed" (the last run ended by an error); message: the status
    line; tick: counts the moments of a run at which something new could be shown; epochs_seen: counts finished epochs
    over all runs; dataset: the name of the one in use; slow: slow motion, batch by batch; records_seen: counts the
    changes of `records`, a list of what earlier runs came to, oldest first; settings_seen: those of `settings`;
    changes_seen: those of `changes`, which the mistakes panel makes; looks_seen: those of `test_looks`; wanted: the
    dataset that was asked for and has to be downloaded first, "" for none; link: what the page's address asks for;
    panels: those that there are.

    The run in progress or the last one is `run`, its network `network`; `before` are the logits that the network before
    it gave to the validation set, None if it had another one. `source` is the dataset in use, as its last run split it.

    Everything happens on the kernel's main loop, and training in one task at a time: `guard` brings callbacks there,
    because JupyterLab delivers them on another thread. Where no loop runs (a plain script), the verbs work but nothing
    trains.
    """

    phase = traitlets.Enum(("idle", "running", "paused", "stopping", "failed"), "idle")
    message = traitlets.Unicode()
    tick = traitlets.Int()
    epochs_seen = traitlets.Int()
    records_seen = traitlets.Int()
    settings_seen = traitlets.Int()
    changes_seen = traitlets.Int()
    looks_seen = traitlets.Int()
    wanted = traitlets.Unicode()
    slow = traitlets.Bool(False)
    dataset = traitlets.Unicode()
    link = traitlets.Instance(links.Link, ({},))

    def __init__(self, dataset=None, data_dir=None):
        super().__init__()
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None
        self._main_thread = threading.get_ident()
        self.data_dir = data_dir
        self.settings = Settings()
        self.browser = Browser()
        language.speak(_first_language())
        self._language = language.spoken()
        self.browser.speak(self._language, language.words())
        self.browser.shown = self._language
        self.browser.observe(self.guard(self._follow_page), ["query", "languages"])
        self.panels = []
        self.shared = {}  # layouts and styles of the panels' widgets, by class
        self.run = self.task = self.progress = self.record = self.origin = None
        self._listed = None  # the record that came into the table last
        self._own = {}  # the datasets that were brought here, by name
        self._changes = {}  # what is to be changed in datasets that were in use before, by name
        self.taught = []  # images and labels that the present network was taught since its training
        self.records, self._runs_begun = [], 0
        self.before_settings, self.before_was = {}, ""
        self.test_looks = {}  # how often each dataset's test set was looked at, by the dataset's name
        self.source, self._other_parts = None, {}
        self.known = None  # the training set of the present network, without what it was taught since
        self._problem = ""  # what the status line said of the last error
        self._missing = ""  # the dataset that was wanted first and is not here
        wanted = dataset or os.environ.get("MNISTLAB_DATASET", "sample")
        try:
            self.choose_dataset(wanted)
        except (data.NotDownloaded, ValueError):
            self.choose_dataset("sample")
            self._missing = wanted
        self.message = self._standing()

    # What callbacks are wrapped in

    def guard(self, callback):
        """callback, so that it runs on the main loop and an error in it becomes a sentence, not a broken page."""

        @functools.wraps(callback)
        def guarded(*arguments):
            if self.loop is None or threading.get_ident() == self._main_thread:
                self._call(callback, *arguments)
            else:
                self.loop.call_soon_threadsafe(self._call, callback, *arguments)

        return guarded

    def _call(self, callback, *arguments):
        try:
            callback(*arguments)
        except Exception as error:
            self.report(error)

    def report(self, error):
        """Show an error as one sentence, which it returns."""
        self._problem = self.message = sentence_of(error)
        self.browser.send({"problem": self.message})
        return self.message

    def start_task(self, coroutine):
        """Run a coroutine on the main loop, with the same guard."""
        if self.loop is None:
            coroutine.close()
            raise RuntimeError("There is no running event loop: build the Lab in a notebook cell.")

        async def guarded():
            try:
                await coroutine
            except Exception as error:
                self.report(error)

        return self.loop.create_task(guarded())

    # Settings and data

    def change(self, name, value):
        """Set one setting; a run that goes on takes it at its next step if it can, else the next run does."""
        self.change_all({name: value})

    def change_all(self, values):
        """Set several settings, {name: value}, as `change` does; one message names those that wait for the next run.

        Returns the sentence that names those that stay, because the page's address locks them; "" if there are none.
        """
        waiting, locked = [], []
        for name, value in values.items():
            before = getattr(self.settings, name)
            if name in self.link.lock and value != before:
                locked.append(name)
                continue
            setattr(self.settings, name, value)
            if self.phase not in ("running", "paused") or getattr(self.settings, name) == before:
                continue
            if TABLE[name].metadata["live"]:
                setattr(self.run.settings, name, value)
            else:
                waiting.append(t(TABLE[name].metadata["label"]))
        self.settings_seen += 1
        if self.message == self._problem:  # whatever was wrong before, this was right
            self.message = self._standing()
        if waiting:
            self.message = t("{what}: used from the next run on.", what=t(", ").join(waiting))
        if locked:
            self.message = _locked(locked)
        return _locked(locked)

    def _follow_page(self, change):
        """What the browser tells: the languages that its reader prefers, and the page's address."""
        self.speak(links.language(self.browser.query, self.browser.languages))
        if change["name"] == "query":
            self._follow_address(change["new"])

    def speak(self, code):
        """Use another language, a key of language.LANGUAGES: the panels are made anew in it."""
        if code == self._language:
            return
        self._language = code
        language.speak(code)
        self.browser.speak(code, language.words())
        self.unobserve_all()
        for name in ("ready", "narrow"):
            self.browser.unobserve_all(name)
        self.browser.forget_acts()
        self.message = self._standing()
        for panel in self.panels:
            panel.rebuild()
        self.browser.shown = code

    def _standing(self):
        """The status line as things stand."""
        if self.phase == "idle":
            return self._summary(self.run) if self.run else self._first_words()
        if self.phase == "failed":
            return self.run.failure or t("The run ended by an error.")
        return {"running": t(TRAINING), "paused": t(PAUSED), "stopping": t(STOPPING)}[self.phase]

    def _first_words(self):
        """What to do, after why the dataset is another one than was wanted."""
        try:
            if self._missing:
                data.load(self._missing, self.data_dir)
        except (data.NotDownloaded, ValueError) as error:
            return t("{why} Until then the bundled sample is used.", why=error)
        return t(READY)

    def _follow_address(self, query):
        """Take over what the page's address asks for; the status line says what it cannot have."""
        link = links.read(query, list(dict.fromkeys(panel.name for panel in self.panels)))
        problems = list(link.problems)
        self.change_all(link.values)
        self.link = link
        if link.dataset:
            try:
                self.choose_dataset(link.dataset)
            except data.NotDownloaded as error:
                problems.append(
                    t("{dataset} is not on this machine yet. Press Download under The data to fetch it.",
                      dataset=data.title(link.dataset)) if self.want(link.dataset)
                    else sentence_of(error)
                )
            except ValueError as error:
                problems.append(sentence_of(error))
        self.browser.panel = link.panel
        if problems:
            said, more = t(" ").join(problems[:3]), len(problems) - 3
            self.message = (
                t("The address of this page: {problems} (And {more} more.)", problems=said, more=more) if more > 0
                else t("The address of this page: {problems}", problems=said)
            )

    def choose_dataset(self, name):
        """Use another dataset from the next run on. Raises ValueError or data.NotDownloaded and changes nothing."""
        if name != self.dataset:
            self._use(name, *self._load(name))

    def want(self, name):
        """Have a dataset that is not here chosen where it can be downloaded. False where the page has no such place."""
        if "dataset" in self.link.hide:
            return False
        self.wanted = ""  # panels follow a change, and it may have been wanted before
        self.wanted = name
        return any(panel.name == "data" for panel in self.panels)

    def _load(self, name):
        return self._own[name] if name in self._own else data.load(name, self.data_dir)

    def _check_dataset(self, name):
        """Raises ValueError where the page's address locks the dataset and this is another; None: one's own images."""
        if "dataset" in self.link.lock and name != self.dataset:
            raise ValueError(t("The address of this page locks the dataset, so other images cannot take its place."))

    def use_images(self, name, whole):
        """Use a Dataset of one's own from the next run on; a tenth of it is kept for the end. Returns its name.

        Where another dataset has that name already, it gets one of its own, such as "pets 2". Raises ValueError, and
        changes nothing, where it has too few images for three parts or the page's address locks the dataset.
        """
        self._check_dataset(None)
        rest, test_set = data.split(whole, 0.1, generators(self.settings.seed).split)
        name = self._free_name(name)
        self._own[name] = rest, test_set
        try:
            self._use(name, rest, test_set)
        except ValueError:
            del self._own[name]
            raise
        return name

    @property
    def own(self):
        """The names of the datasets that were brought here, oldest first."""
        return tuple(self._own)

    def _free_name(self, name):
        """`name`, or with something added to it, so that no other dataset is called the same."""
        taken = {each.casefold() for each in (*data.NAMES, *data.TITLES.values(), *self._own)}
        name = name.strip() or "images"
        if name.casefold() in {each.casefold() for each in (*data.NAMES, *data.TITLES.values())}:
            name = t("{name} (yours)", name=name)
        names = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
        return next(each for each in names if each.casefold() not in taken)

    def _use(self, name, whole, test_set):
        self.wanted = ""
        split = split_of(self.settings)
        changes = self._changes.get(name, no_changes(name))
        self._put(Source(name, whole, test_set, split, parts_of(whole, split), changes))
        if self.phase in ("running", "paused"):
            self.message = t("{what}: used from the next run on.", what=data.title(name))

    def _put(self, source):
        """Make this Source the lab's own: the next runs have it as well."""
        here, self.source = self.source, replace(source, cleaned=False, known=True)
        if here is None or source.parts is not here.parts:
            self.before = None
        if here and source.dataset != here.dataset:
            self._changes[here.dataset] = here.changes
        if here is None or source.whole is not here.whole:
            self._other_parts = {}
            self.dataset = source.dataset
        if here is None or source.changes is not here.changes:
            self.changes_seen += 1

    @property
    def available(self):
        """The images to learn from, as `source` has them: label noise and changes come with a run."""
        return self.source.parts[0]

    @property
    def validation_set(self):
        """The images to watch, as `source` has them."""
        return self.source.parts[1]

    @property
    def test_set(self):
        """That of the dataset in use."""
        return self.source.test_set

    @property
    def changes(self):
        """What is to be changed in the dataset in use: {"training" and "validation": Changes}."""
        return self.source.changes

    def next_parts(self):
        """(images to learn from, validation set) of the next run: the dataset, split as the settings say now.

        Raises ValueError where one of the two would be empty.
        """
        return self._parted(split_of(self.settings))

    def _parted(self, split):
        """The dataset in use, split in this way; the last other way is remembered, for it is asked for often."""
        if split == self.source.split:
            return self.source.parts
        if split not in self._other_parts:
            self._other_parts = {split: parts_of(self.source.whole, split)}
        return self._other_parts[split]

    def next_sets(self):
        """(training set, validation set) of the next run, with the labels that it will see."""
        return self._next_source(self.settings, False).sets(self.settings)

    def _next_source(self, settings, cleaned):
        """The Source of a run with these Settings on the dataset in use."""
        split = split_of(settings)
        return replace(self.source, split=split, parts=self._parted(split), cleaned=cleaned)

    @property
    def network(self):
        """The network of the run in progress or of the last one, or None."""
        return self.run and self.run.network

    @property
    def learned_other(self):
        """The title of the dataset that the network has learned, where another one is in use now; else ""."""
        learned = self.record.dataset if self.record else ""
        return "" if learned == data.TITLES.get(self.dataset, self.dataset) else data.title(learned)

    @property
    def peculiar(self):
        """In words, why the present run is not one whole training, to be set beside another; "" if it is."""
        run, asked = self.run, self.record.settings["epochs"]
        if self.taught:
            return t("a network that was taught more")
        if run.history.marks:
            return t("a run whose settings were changed on the way")
        if run.epoch > asked or run.epoch < asked and not run.is_over:
            return t("a run of {epochs} epochs where {asked} were set", epochs=run.epoch, asked=asked)
        return ""

    # The run

    def put_changes(self, changes):
        """Replace the Changes of their split."""
        self.source = replace(self.source, changes=self.changes | {changes.split: changes})
        self.changes_seen += 1

    def count_look(self, dataset):
        """The test set of the dataset of this name, which the network has learned, was looked at once more."""
        self.test_looks[dataset] = self.origin["test_looks"] = self.test_looks.get(dataset, 0) + 1
        self.looks_seen += 1

    def forget_changes(self):
        """No image is to be changed any more."""
        self.source = replace(self.source, changes=no_changes(self.dataset))
        self.changes_seen += 1

    def start(self, cleaned=False):
        """Begin a run with a fresh network and pull it to its end. Does nothing while one goes on.

        cleaned: with the changes that were made in the mistakes panel.
        """
        if self.phase in ("running", "stopping"):
            return
        self._begin(cleaned)
        self._go()

    def _begin(self, cleaned=False):
        """Make the next run; once it is there, the one before is let go of."""
        if self.loop is None:
            raise ValueError("There is no running event loop: build the Lab in a cell of a notebook.")
        settings = self.settings.copy()
        source = self._next_source(settings, cleaned)
        train_set, validation_set = source.sets(settings)
        weights_rng = generators(settings.seed).weights
        network = build(settings, weights_rng, train_set.inputs, len(train_set.class_names))
        run = train(network, train_set, validation_set, settings)
        self.stop()  # a paused one
        self._put(source)
        if self.run:
            self.run.close()
            # Whatever a cleaned run was compared with, the next one is compared with as well.
            if not self.record.cleaned:
                same = self.run.evaluation and self.run.validation_set is self.validation_set
                self.before = self.run.evaluation.logits if same else None
                self.before_settings, self.before_was = self.record.settings, self.peculiar
        self.taught = []
        self._record(run, settings, cleaned)

    def noise(self):
        """The images whose labels noise changed in the run's training set, before cleaning: {number: right label}."""
        if self.run is None or self.learned_other or not self.record.settings["label_noise"]:
            return {}
        available, _ = self._parted(tuple(self.origin["split"]))  # the dataset may have been split anew since
        images, right = training_set(available, Settings(**self.record.settings)), available.labels
        changed = images.indices[images.labels_of() != right[images.indices]]
        return dict(zip(changed.tolist(), right[changed].tolist()))

    def _record(self, run, settings, cleaned):
        """Make this the run of the lab, and begin to remember it."""
        self.run = run
        if not self.taught:
            self.known = run.train_set
        self.origin = origin_of(
            self.dataset, self.source.split, taught=len(self.taught), cleaned=cleaned,
            changes=[changes.to_json() for changes in self.changes.values()] if cleaned else [],
            test_looks=self.test_looks.get(self.dataset, 0),
        )
        train_set, validation_set = run.train_set, run.validation_set
        self._runs_begun += 1
        self.record = Record(
            f"Run {self._runs_begun}", data.TITLES.get(self.dataset, self.dataset), settings.as_dict(), run.history,
            run.steps_per_epoch, majority_baseline(train_set.labels_of(), validation_set.labels_of()), 0.0, 0, cleaned,
        )
        self.progress = None

    def source_of(self, settings, origin):
        """The Source of a run with these Settings, by what `origin` was then, else the dataset in use. Changes nothing.

        Raises ValueError or data.NotDownloaded where there is no such dataset, the page's address locks another one, or
        its changes do not fit.
        """
        if not origin or not origin.get("dataset"):
            return replace(self._next_source(settings, False), known=False)
        try:
            name, wanted = origin["dataset"], settings.copy()
            wanted.seed, wanted.validation_fraction = origin["split"][0], origin["split"][1]
            self._check_dataset(name)
            if name not in self._own and name not in data.NAMES:
                raise ValueError(t(
                    "This network learned from your images “{name}”, which are not here. Bring them again under The "
                    "data, Your own images, then try once more.", name=name,
                ))
            here, split = self.source, split_of(wanted)
            whole, test_set = (here.whole, here.test_set) if name == here.dataset else self._load(name)
            parts = self._parted(split) if whole is here.whole else parts_of(whole, split)
            cleaned = bool(origin["cleaned"])
            changes = [Changes.from_json(text, name, parts[0]) for text in origin["changes"]]
            changes = {each.split: each for each in changes}
            marked = here.changes if name == here.dataset else self._changes.get(name, no_changes(name))
            before = no_changes(name) if cleaned else marked
            looks = operator.index(origin.get("test_looks", 0))
            return Source(name, whole, test_set, split, parts, before | changes, cleaned, looks=looks)
        except (LookupError, TypeError, AttributeError):
            raise ValueError(t("What the file says of its images is damaged.")) from None

    def take_up(self, run, source, words):
        """Make a run that was kept the one of the lab, with its settings: paused where epochs are left, else at rest.

        Settings that the page's address locks stay as they are, and hold for the rest of this run if it can take them.
        source: where its images come from. On the dataset in use, what the mistakes panel was told stays, unless the
        run is a cleaned one and brings its own. words: how it came here, "restored" or "loaded".
        """
        if self.phase in ("running", "stopping"):
            raise ValueError(t("A run goes on. Stop it first, or let it come to its end."))
        self.stop()  # a paused one
        if self.run:
            self.run.close()
        if run.is_over:
            for _ in run:  # kept in the moment before, it has its best weights still to get back
                pass
        self.taught, self.task = [], None
        here, self.settings = self.settings.as_dict(), run.settings.copy()
        if source.whole is self.source.whole and not source.cleaned:
            source = replace(source, changes=self.changes)
        self._put(source)
        self.before = None
        self.test_looks[self.dataset] = max(source.looks, self.test_looks.get(self.dataset, 0))
        self._record(run, run.settings, source.cleaned)
        if not source.known:
            self.origin["dataset"] = ""
        locked = [name for name in self.link.lock if name in here and here[name] != getattr(self.settings, name)]
        for name in locked:
            setattr(self.settings, name, here[name])
            if TABLE[name].metadata["live"]:
                setattr(run.settings, name, here[name])
        self.settings_seen += 1
        self.record.name += f", {words}"
        self.progress = run.progress
        self._remember()
        self.epochs_seen += 1
        self.phase = "paused"
        if not run.is_over:
            self.message = t(STANDS[words], place=_place(self.progress))
        else:
            self.phase = "idle"  # by way of "paused": panels follow a change, and it may have been "idle" before
            summary, ended = self._summary(run), run.patience_is_over
            self.message = t(ENDED[words], summary=summary) if ended else t(RESTS[words], summary=summary)
        if locked:
            as_trained = t("The network itself stays as it was trained.")
            self.message = t(" ").join([self.message, _locked(locked), as_trained])

    def remember(self, record):
        """Put a Record of another session into the table."""
        self.records = [*self.records, record][-RECORDS:]
        self.records_seen += 1

    def _go(self, until=None):
        """Pull the run: to its end, or until Progress is of phase `until`."""
        self.phase, self.message = "running", t(TRAINING)
        self.task = self.start_task(self._pull(self.run, until))

    def teach(self, pixels, label):
        """Let the network go on learning, with one more image, uint8 (rows, columns), and its right label.

        What was taught before comes along, and of the images it learned from MIX at random, so that they are not
        forgotten. The next `start` begins with a fresh network, which knows nothing of what was taught.
        Raises ValueError where there is no network that is at rest, and for an image of another size.
        """
        run = self.run
        if run is None or run.failure or self.phase not in ("idle", "paused"):
            raise ValueError(
                t("There is no trained network that could be taught: train one first, and let it come to rest.")
            )
        if self.learned_other:
            raise ValueError(t(
                "The network has learned {dataset}: choose that again to teach it more.", dataset=self.learned_other
            ))
        if pixels.shape != (learned := run.train_set.images.shape[1:]):
            raise ValueError(
                t("The image is {given}; the network learned from {learned}.", given=pixels.shape, learned=learned)
            )
        # Those of the run, whatever the sliders say by now. Small steps: what was learned shall bend, not break.
        settings = run.settings.copy()
        settings.epochs, settings.schedule = 3, "constant"
        if not self.taught:
            settings.learning_rate /= 5
        taught = [*self.taught, (pixels, label)]
        known, images, labels = self.known, *zip(*taught)
        rows = np.sort(generators(settings.seed).order.permutation(len(known))[:MIX])
        # Behind the others, so that every other image keeps its number; each often enough to count beside them.
        new = np.arange(len(known.images), len(known.images) + len(images))
        mixed = replace(
            known, images=np.concatenate([known.images, images]), labels=np.concatenate([known.labels, labels]),
            indices=np.concatenate([known.indices[rows], np.repeat(new, MIX // 50)]),
        )
        following = train(run.network, mixed, run.validation_set, settings)
        self.stop()  # a paused one
        run.close()
        origin, self.taught = {**self.origin, "taught": len(taught)}, taught
        self._record(following, settings, self.record.cleaned)
        self.origin = origin
        self.record.name += ", taught"
        self._go()

    def pause(self):
        """Hold the run within a slice; it can go on at any time."""
        if self.phase == "running":
            self.phase, self.message = "paused", t(PAUSED)

    def resume(self):
        """Go on with a paused run."""
        if self.phase != "paused":
            return
        if self.task is None or self.task.done():
            self._go()
        else:  # it has not noticed the pause yet
            self.phase, self.message = "running", t(TRAINING)

    def one_more(self, what):
        """Pull the run, or a new one, on by one batch (what: "training") or one epoch ("epoch"), then pause.

        A run whose epochs are used up gets one more; one that patience has ended says so.
        """
        if self.phase in ("running", "stopping") or (self.task and not self.task.done()):
            return
        if self.run is None or self.run.failure:
            self._begin()
        elif self.run.patience_is_over and self.run.has_ended:
            self.message = t(PATIENCE_IS_OVER, patience=self.record.settings["patience"])
            return
        else:
            if self.run.epoch >= self.run.settings.epochs:
                self.run.settings.epochs += 1
            if self.phase == "idle" and not self.taught:  # what was moved since it came to rest counts, as in a pause
                for name, item in TABLE.items():
                    if item.metadata["live"]:
                        setattr(self.run.settings, name, getattr(self.settings, name))
        self._go(what)

    def stop(self):
        """End the run that goes on, within a slice; what it has learned is kept."""
        if self.phase == "paused":
            self.phase = "stopping"
            self._end("idle", self._summary(self.run))
        elif self.phase == "running":
            self.phase, self.message = "stopping", t(STOPPING)

    def reset(self):
        """Forget the run and its network; settings and earlier runs stay."""
        if self.phase in ("running", "stopping"):
            return
        self.stop()  # a paused one
        if self.run:
            self.run.close()
        self.run = self.progress = self.record = self.known = None
        self.taught = []
        self.phase, self.message = "idle", t(READY)
        self.tick += 1

    async def _pull(self, run, until):
        """Pull the run a slice at a time, so that the page can be used meanwhile."""
        phase, message = "failed", t("The run ended by an error.")
        try:
            since = perf_counter()
            for progress in run:
                self.progress = progress
                if progress.phase == "epoch":
                    self.epochs_seen += 1
                if self.slow and progress.phase == "training":
                    self.tick += 1
                    since = perf_counter()
                    while self.run is run and self.phase == "running" and perf_counter() - since < SLOW:
                        await asyncio.sleep(SLICE)  # and not at once: whoever presses Pause may press the next button
                elif perf_counter() - since > SLICE:
                    self.tick += 1
                    await asyncio.sleep(0)
                    since = perf_counter()
                if self.run is not run:
                    break
                if run.is_over and not run.position:  # nothing is left to hold; its best weights may have to come back
                    continue
                if progress.phase == until and self.phase == "running":
                    self.phase = "paused"
                    self.message = t("Paused after {place}. Resume goes on from here.", place=_place(progress))
                if self.phase != "running":
                    break
            phase = "failed" if run.failure else "idle"
            message = run.failure or self._summary(run)
        finally:
            if self.phase == "paused" and (run.position or not run.is_over):
                self._remember()
            elif self.run is run:
                self._end(phase, message)

    def _end(self, phase, message):
        self._remember()
        self.phase = phase
        self.message = message  # after the phase: whoever reads "Done" may leave at once, and is not asked

    def _remember(self):
        """Bring the run's Record up to date, and into the table once: one that was deleted stays away."""
        record, run = self.record, self.run
        record.seconds, record.images = run.seconds, self.progress.images if self.progress else 0
        if record is not self._listed and run.history.step_losses:
            self._listed = record
            self.remember(record)
        else:
            self.records_seen += 1

    def rename(self, record, name):
        """Call a run something else. Raises ValueError for a name that is empty or another run's."""
        name = name.strip()
        if not name:
            raise ValueError(t("The name is empty. Write one, then press Rename."))
        if any(name in (each.name, each.title) for each in self.records if each is not record):
            raise ValueError(t("Another run is called {name} already. Write a different name.", name=name))
        if name != record.title:
            record.name = name
        self.records_seen += 1

    def forget(self, record):
        """Take a Record out of the table."""
        self.records = [each for each in self.records if each is not record]
        self.records_seen += 1

    def _summary(self, run):
        rows, epochs = run.history.rows, run.settings.epochs
        if not rows:
            return t("Stopped before the first epoch was over.")
        count, row = len(rows), rows[-1]
        if run.settings.patience and run.is_over and run.is_at_best:
            row = run.history.best
            what = (
                t("Done: 1 epoch; the weights are those of epoch 1, the best.") if count == 1
                else t("Done: {count} epochs; the weights are those of epoch {best}, the best.",
                       count=count, best=row.epoch)
            )
        elif count < epochs:
            what = t("Stopped after {count} of {epochs} epochs.", count=count, epochs=epochs)
        else:
            what = t("Done: 1 epoch.") if count == 1 else t("Done: {count} epochs.", count=count)
        return t("{what} Validation accuracy {accuracy:.1%}, loss {loss:.3f}.",
                 what=what, accuracy=row.validation_accuracy, loss=row.validation_loss)


def sentence_of(error):
    """An error as one sentence. The log has it whole, or as a line with the place where this package itself refused.

    A ValueError from elsewhere, a library or a cell of the notebook, may be a bug: then its traceback is needed.
    """
    expected = isinstance(error, ValueError | data.NotDownloaded | OSError) and str(error)
    place = next(reversed(traceback.extract_tb(error.__traceback__)), None)
    if expected and place and Path(place.filename).is_relative_to(PACKAGE):
        log.warning("Refused: %s (%s:%d)", " ".join(str(error).split()), Path(place.filename).name, place.lineno)
    else:
        log.error("An action failed.", exc_info=error)
    if expected:
        return str(error)
    return t("Something went wrong ({kind}). You can go on; the details are in the log.", kind=type(error).__name__)


def _first_language():
    """That of the page for which a server of Voilà's began this kernel, so that no panel is made twice.

    A kernel that began before any page asked for it hears of the language from the browser, as JupyterLab's do.
    """
    preferred = os.environ.get("HTTP_ACCEPT_LANGUAGE", "").split(",")
    languages = [each.split(";")[0].strip() for each in preferred]
    return links.language(os.environ.get("QUERY_STRING", ""), [*languages, language.spoken()])


def _locked(names):
    """The sentence that says which settings the page's address keeps as they are, "" for none."""
    return t(LOCKED, settings=t(", ").join(t(TABLE[name].metadata["label"]) for name in names)) if names else ""


def _place(progress):
    if progress.phase == "epoch":
        return t("epoch {epoch}", epoch=progress.epoch)
    return t("batch {step} of epoch {epoch}", step=progress.step, epoch=progress.epoch)
