"""The curves panel: loss and accuracy while the network learns."""

import asyncio
import importlib
import sys
from html import escape
from time import perf_counter

import ipywidgets
from PIL import Image

from ..evaluation import majority_baseline
from ..images import png
from .parts import Panel, text

# Six frames a second, and fewer where they would take more than this share of a run's time.
FRAME_EVERY = 0.15
DRAWING_SHARE = 0.05
# Slowest imports first to last; between two of them the page can be used.
SLOW_IMPORTS = ("matplotlib", "matplotlib.font_manager", "matplotlib.figure", "mnistlab.plots")
# Until there is something to show.
BLANK = png(Image.new("L", (1, 1), 255))


class CurvesPanel(Panel):
    """Live curves of the run in progress or the last. `lab`: the shared Lab; without one the panel makes its own."""

    def __init__(self, lab=None):
        super().__init__(lab)
        self.image = ipywidgets.Image(value=BLANK, format="png")
        self.caption = text(_caption("The curves appear here as soon as a run has begun."), "mnistlab-caption")
        self._curves = None
        self._epochs = None  # how many the axes are for, None when they are those of an earlier run
        self._drawn_at = self._spent = 0.0
        frame = ipywidgets.Box([self.image])
        frame.add_class("mnistlab-curves")
        lab = self.lab
        lab.observe(lab.guard(self._on_tick), ["tick", "epochs_seen"])
        lab.observe(lab.guard(self._on_phase), "phase")
        lab.browser.observe(lab.guard(self._on_ready), "ready")
        lab.browser.observe(lab.guard(self._on_resize), "narrow")
        self.show(frame, self.caption)

    def _on_ready(self, change):
        """The page is there: import what the first frame will need, a piece at a time, and show the empty axes."""
        if change["new"] and self.lab.loop:
            self.lab.start_task(self._warm_up())

    async def _warm_up(self):
        for name in SLOW_IMPORTS:
            importlib.import_module(name)
            await asyncio.sleep(0)
        if self.lab.run is None:
            self._draw()

    def _on_resize(self, change):
        self._curves = self._epochs = None
        if self.lab.run or "mnistlab.plots" in sys.modules:  # else `_warm_up` will draw, and import nothing at once
            self._draw()

    def _on_phase(self, change):
        if change["new"] == "running":
            self._spent = self._drawn_at = 0.0
            self._epochs = None
        elif self.lab.run and change["new"] != "stopping":
            self._draw()

    def _on_tick(self, change):
        now = perf_counter()
        affordable = self._spent <= DRAWING_SHARE * (now - self.lab.started)
        if now - self._drawn_at >= FRAME_EVERY and (affordable or self._drawn_at == 0):
            self._draw()

    def _draw(self):
        """One frame of the lab's run as it stands. Drawing changes nothing that was computed."""
        started = perf_counter()
        run = self.lab.run
        epochs = run.settings.epochs if run else self.lab.settings.epochs
        if epochs != self._epochs:
            self._begin(epochs)
            # Axes are made once a run; only frames count against the share of drawing.
            started = perf_counter()
        self.image.value = self._curves.frame(run.history if run else None, run.steps_per_epoch if run else 1)
        if run:
            self.caption.value = _caption(_summary(run))
        self._drawn_at = perf_counter()
        self._spent += self._drawn_at - started

    def _begin(self, epochs):
        """Empty axes for the lab's run, or for the next one where there is none yet."""
        from ..plots import LiveCurves

        lab, run = self.lab, self.lab.run
        # A run keeps its own images; the lab may have been given another dataset since.
        sets = (run.train_set, run.validation_set) if run else (lab.available, lab.validation_set)
        baseline = majority_baseline(*(images.labels_of() for images in sets))
        if self._curves is None:
            self._curves = LiveCurves(epochs, baseline, lab.browser.narrow)
        else:
            self._curves.begin(epochs, baseline)
        self._epochs = epochs


def _summary(run):
    """The newest figures in words, for those who cannot see the curves."""
    if not run.history.rows:
        steps = run.history.step_losses
        return f"First epoch: training loss {steps[-1]:.3f}." if steps else "Starting …"
    row = run.history.rows[-1]
    return (
        f"After epoch {row.epoch}: training loss {row.train_loss:.3f}, accuracy {row.train_accuracy:.1%}; "
        f"validation loss {row.validation_loss:.3f}, accuracy {row.validation_accuracy:.1%}."
    )


def _caption(sentence):
    return (
        f"<p>{escape(sentence)}</p><p class='mnistlab-small'>Training is measured on each batch while the network "
        "learns, validation after each epoch on images it does not learn from.</p>"
    )
