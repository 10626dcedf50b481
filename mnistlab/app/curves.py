"""The curves panel: loss and accuracy while the network learns, earlier runs, and one look at the test set."""

import asyncio
import importlib
import sys
from dataclasses import replace
from html import escape
from time import perf_counter

import ipywidgets
from PIL import Image

from ..evaluation import majority_baseline
from ..images import png
from ..language import t
from .last_look import LastLook
from .parts import Opening, Panel, make, row, text
from .runs import EarlierRuns, epochs_table

# Six frames a second, and fewer where they would take more than this share of a run's time.
FRAME_EVERY = 0.17
DRAWING_SHARE = 0.05
# Slowest imports first to last; between two of them the page can be used.
SLOW_IMPORTS = ("matplotlib", "matplotlib.font_manager", "matplotlib.figure", "mnistlab.plots")
# Until there is something to show.
BLANK = png(Image.new("L", (1, 1), 255))
NOTHING = "The curves appear here as soon as a run has begun."
ABOUT = (
    "Training is measured on each batch while the network learns, dropout included; validation after each epoch, "
    "without dropout, on images it does not learn from. Pale: the last five runs. The ring: the epoch with the lowest "
    "validation loss."
)


class CurvesPanel(Panel):
    """Live curves of the run in progress or the last one. lab: the shared Lab; without one the panel makes its own."""

    name, stays = "curves", ("log_scale", "by_epoch")

    def build(self):
        lab = self.lab
        self.log_scale = make(lab, ipywidgets.Checkbox, description=t("Logarithmic loss"), indent=False)
        self.by_epoch = make(lab, ipywidgets.Checkbox, description=t("Training by epoch"), indent=False)
        self.image = ipywidgets.Image(value=BLANK, format="png", layout=self.log_scale.layout)
        self.caption = text("", "mnistlab-caption", lab=lab)
        self.caption.value = _caption(t(NOTHING))
        self.earlier = Opening(t("Earlier runs"), self._make_runs, lab)
        self.figures = Opening(t("Figures by epoch"), self._make_figures, lab)
        self.last_look = LastLook(lab)
        self.runs = self._curves = self._record = self._table = None
        self._background = None  # what the drawing under the lines was made for
        self._drawn_at = self._spent = 0.0
        frame = ipywidgets.Box([self.image], layout=self.log_scale.layout)
        frame.add_class("mnistlab-curves")
        lab.observe(lab.guard(self._on_tick), ["tick", "epochs_seen"])
        lab.observe(lab.guard(self._on_phase), "phase")
        lab.observe(lab.guard(self._on_records), "records_seen")
        lab.browser.observe(lab.guard(lambda change: self._on_ready()), "ready")
        lab.browser.observe(lab.guard(self._on_resize), "narrow")
        for switch in (self.log_scale, self.by_epoch):
            switch.observe(lab.guard(self._on_switch), "value")
        switches = row(self.log_scale, self.by_epoch)
        self.show(frame, switches, self.caption, self.earlier, self.figures, *self.last_look.widgets)
        if lab.run:
            self._draw()
        self._on_ready()

    def _make_runs(self):
        self.runs = EarlierRuns(self.lab, lambda: self.image.value, self._draw)
        return self.runs.widgets

    def _make_figures(self):
        self._table = text("", "mnistlab-epochs", lab=self.lab)
        self._show_figures()
        return (self._table,)

    def _show_figures(self):
        """The curves as a table. It rests while a run goes on: nobody can read, or listen to, what changes so fast."""
        if self._table:
            record = self.lab.record
            self._table.value = epochs_table(record) if record else f"<p>{t(NOTHING)}</p>"

    def _on_ready(self):
        """The page is there: import what the first frame will need, a piece at a time, and show the empty axes."""
        if self.lab.browser.ready and self.lab.loop:
            self.lab.start_task(self._warm_up())

    async def _warm_up(self):
        for name in SLOW_IMPORTS:
            importlib.import_module(name)
            await asyncio.sleep(0)
        if not self._drawn_at:
            self._draw()

    def _on_resize(self, change):
        self._curves = self._background = None
        self._redraw()

    def _on_switch(self, change):
        self._redraw()

    def _redraw(self):
        if self.lab.run or "mnistlab.plots" in sys.modules:  # else `_warm_up` will draw, and import nothing at once
            self._draw()

    def _on_phase(self, change):
        lab = self.lab
        if lab.run and lab.record is not self._record:  # a new run
            self._record, self._spent, self._drawn_at = lab.record, 0.0, 0.0
            self._background = None  # axes and marks of its own, also where nothing else is new
            if self.runs:
                self.runs.end_comparison()
        if lab.run and change["new"] not in ("running", "stopping"):
            self._draw()

    def _on_records(self, change):
        """A run was added to those that stay, or taken away. The one that goes on is drawn by its ticks."""
        self._show_figures()
        if self.lab.phase != "running":
            self._redraw()

    def _on_tick(self, change):
        if self.lab.run is None:  # a reset
            self._record = None
            self._show_figures()
            self._redraw()
            return
        now = perf_counter()
        # Slow motion is made of waiting, which leaves all the time there is for drawing.
        affordable = self.lab.slow or self._spent <= DRAWING_SHARE * self.lab.run.seconds
        if now - self._drawn_at >= FRAME_EVERY and (affordable or self._drawn_at == 0) and not self._compared:
            self._draw()

    @property
    def _compared(self):
        return self.runs.compared if self.runs else ()

    def _draw(self):
        """One frame of the lab's run as it stands, or two earlier ones. Drawing changes nothing that was computed."""
        run = self.lab.run
        if self._curves is None:
            from ..plots import LiveCurves

            self._curves = LiveCurves(1, 0, self.lab.browser.narrow)
        if self._compared:
            named = [replace(record, name=record.title) for record in self._compared]
            self.image.value = self._curves.compare(named, self.log_scale.value, self.by_epoch.value)
            self.caption.value = _caption(_compared_said(*self._compared))
            self._background = None
            return
        background = self._wanted_background()
        if background != self._background:
            self._curves.begin(*background)
            self._background = background
        # Axes are made once a run; only frames count against the share of drawing.
        started = perf_counter()
        self.image.value = self._curves.frame(run.history if run else None, run.steps_per_epoch if run else 1)
        self.caption.value = _caption(_summary(run) if run else t(NOTHING))
        self._drawn_at = perf_counter()
        if self.lab.phase == "running":
            self._spent += self._drawn_at - started

    def _wanted_background(self):
        """The arguments of `begin` for the lab's run, or for the next one where there is none yet."""
        lab, run = self.lab, self.lab.run
        if run:
            epochs, baseline = run.settings.epochs, lab.record.baseline
        else:
            epochs = lab.settings.epochs
            baseline = majority_baseline(*(images.labels_of() for images in (lab.available, lab.validation_set)))
        pale = [record for record in lab.records if record is not lab.record]
        return epochs, baseline, pale, self.log_scale.value, self.by_epoch.value


def _summary(run):
    """The newest figures in words, for those who cannot see the curves."""
    rows = run.history.rows
    if not rows:
        steps = run.history.step_losses
        return t("First epoch: training loss {loss:.3f}.", loss=steps[-1]) if steps else t("Starting …")
    newest, best = rows[-1], run.history.best
    return t(
        "After epoch {newest.epoch}: training loss {newest.train_loss:.3f}, accuracy {newest.train_accuracy:.1%}; "
        "validation loss {newest.validation_loss:.3f}, accuracy {newest.validation_accuracy:.1%}. "
        "Best so far: epoch {best.epoch}, validation loss {best.validation_loss:.3f}.", newest=newest, best=best,
    )


def _compared_said(first, second):
    return t(
        "Side by side: {first} (green, round points) and {second} (purple, square points). "
        "The table under Earlier runs says what differs. A new run ends the comparison.",
        first=first.title, second=second.title,
    )


def _caption(sentence):
    return f"<p>{escape(sentence)}</p><p class='mnistlab-small'>{t(ABOUT)}</p>"
