"""The one state that the panels share: settings, datasets, the run that goes on, and what happened last."""

import asyncio
import functools
import logging
import os
import sys
import threading
from time import perf_counter

import traitlets

from .. import data
from ..network import build
from ..settings import TABLE, Settings, generators
from ..training import train
from .browser import Browser

# Work goes on for this long before clicks and slider moves are looked at again, in seconds.
SLICE = 0.03

# The kernel's own standard error reaches the server's terminal; sys.stderr would reach the page.
log = logging.getLogger("mnistlab")
log.addHandler(logging.StreamHandler(sys.__stderr__))
log.propagate = False


class Lab(traitlets.HasTraits):
    """What is going on in one page. Panels read it, call its verbs, and observe its traits.

    phase: "idle", "running", "stopping" or "failed" (the last run ended by an error); message: the status line;
    tick: counts the moments of a run at which something new could be shown; epochs_seen: counts finished epochs over
    all runs; dataset: the name of the one in use. The run in progress or the last one is `run`, its network `network`.

    Everything happens on the kernel's main loop, in one task at a time: `guard` brings callbacks there, because
    JupyterLab delivers them on another thread. Where no loop runs (a plain script), the verbs work but nothing trains.
    """

    phase = traitlets.Enum(("idle", "running", "stopping", "failed"), "idle")
    message = traitlets.Unicode()
    tick = traitlets.Int()
    epochs_seen = traitlets.Int()
    dataset = traitlets.Unicode()

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
        self.run = self.task = None
        self.train_set = self.validation_set = self.test_set = None
        self.message = "Ready. Press Train to begin."
        wanted = dataset or os.environ.get("MNISTLAB_DATASET", "sample")
        try:
            self.choose_dataset(wanted)
        except (data.NotDownloaded, ValueError) as error:
            self.choose_dataset("sample")
            self.message = f"{error} Until then the bundled sample is used."

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
        """Show an error as one sentence; the whole of it goes to the log."""
        log.error("An action failed.", exc_info=error)
        expected = isinstance(error, ValueError | data.NotDownloaded | OSError)
        why = str(error) if expected and str(error) else f"Something went wrong ({type(error).__name__})."
        self.message = f"{why} You can go on; the details are in the log."

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
        """Set several settings, {name: value}, as `change` does; one message names those that wait for the next run."""
        waiting = []
        for name, value in values.items():
            before = getattr(self.settings, name)
            setattr(self.settings, name, value)
            if self.phase != "running" or getattr(self.settings, name) == before:
                continue
            if TABLE[name].metadata["live"]:
                setattr(self.run.settings, name, value)
            else:
                waiting.append(TABLE[name].metadata["label"])
        if waiting:
            self.message = f"{', '.join(waiting)}: used from the next run on."

    def choose_dataset(self, name):
        """Use another dataset from the next run on. Raises ValueError or data.NotDownloaded and changes nothing."""
        whole, test_set = data.load(name, self.data_dir)
        split_rng = generators(self.settings.seed).split
        self.available, self.validation_set = data.split(whole, self.settings.validation_fraction, split_rng)
        self.test_set = test_set
        self.dataset = name
        if self.phase == "running":
            self.message = f"{data.TITLES[name]}: used from the next run on."

    @property
    def network(self):
        """The network of the run in progress or of the last one, or None."""
        return self.run and self.run.network

    # The run

    def start(self):
        """Begin a run with a fresh network. Does nothing while one goes on."""
        if self.phase in ("running", "stopping"):
            return
        if self.run:
            self.run.close()
        if self.loop is None:
            raise ValueError("There is no running event loop: build the Lab in a cell of a notebook.")
        settings = self.settings.copy()
        train_set = self.available.select(slice(0, settings.train_size))
        classes = len(train_set.class_names)
        network = build(settings, generators(settings.seed).weights, train_set.inputs, classes)
        self.run = train(network, train_set, self.validation_set, settings)
        self.started = perf_counter()
        self.progress = None
        self.phase, self.message = "running", "Training …"
        self.task = self.start_task(self._pull(self.run))

    def stop(self):
        """End the run that goes on, within a slice; what it has learned is kept."""
        if self.phase == "running":
            self.phase, self.message = "stopping", "Stopping …"

    async def _pull(self, run):
        """Pull the run a slice at a time, so that the page can be used meanwhile."""
        ended = "failed"
        try:
            since = perf_counter()
            for progress in run:
                self.progress = progress
                if progress.phase == "epoch":
                    self.epochs_seen += 1
                if perf_counter() - since > SLICE:
                    self.tick += 1
                    await asyncio.sleep(0)
                    since = perf_counter()
                if self.phase == "stopping":
                    break
            self.message = run.failure or self._summary(run)
            ended = "failed" if run.failure else "idle"
        finally:
            self.phase = ended

    def _summary(self, run):
        stopped = self.phase == "stopping"
        rows = run.history.rows
        if not rows:
            return "Stopped before the first epoch was over."
        first = f"Stopped after {len(rows)} of {run.settings.epochs} epochs" if stopped else f"Done: {len(rows)} epochs"
        return f"{first}. Validation accuracy {rows[-1].validation_accuracy:.1%}, loss {rows[-1].validation_loss:.3f}."
