"""The inside panel: what the network does within, part by part. One is open at a time, made when first opened."""

import asyncio
from html import escape
from time import perf_counter

import ipywidgets
import numpy as np

from ..inspection import copy_of
from ..language import t
from .inside_map import Between, Map
from .inside_part import Look, Pick
from .inside_seeing import Activations, Pixels, Weights
from .inside_steps import Steps
from .inside_units import Gradients, Recorder, Units
from .parts import Panel, make, shared, text

PARTS = {kind.__name__: kind for kind in (Weights, Activations, Pixels, Units, Map, Between, Steps, Gradients)}
NOT_YET = "There is no network to look into yet: press Train, then choose here what to look at."
FAILED = "The last run failed and left no usable network: train again, and it can be looked into here."
CHOOSE = "Choose what to look at. Most of it can be watched while the network learns."
# While a run goes on a part is drawn again after so many seconds, and never for more than a tenth of the time.
EVERY, SHARE = 0.5, 0.1


class InsidePanel(Panel):
    """Looks into the network while it learns and after. `lab`: the shared Lab; without one the panel makes its own.

    `choice.value` names the open part, None at the beginning; `parts` are those that were made, by that name; `pick` is
    the picked image. The network itself is never touched: every part draws from a copy.
    """

    name, stays = "inside", ("choice",)
    recorder = None

    def build(self):
        lab = self.lab
        self.add_class("mnistlab-inside")
        names = [(t(kind.title), name) for name, kind in PARTS.items()]
        self.choice = make(lab, ipywidgets.ToggleButtons, options=names, value=None)
        self.note = text("", "mnistlab-inside-note", lab=lab)
        self.body = ipywidgets.VBox(layout=shared(lab, ipywidgets.Layout))
        self.recorder = self.recorder or Recorder(lab)  # what it has seen of a run stays
        self.recorder.follow()
        self.pick, self.parts, self.task = None, {}, None
        self._copy, self._wanted, self._not_before = None, False, 0.0
        self.choice.observe(lab.guard(self._on_choice), "value")
        lab.observe(lab.guard(self._on_tick), ["tick", "epochs_seen"])
        lab.observe(lab.guard(self._on_phase), "phase")
        self._arrange()
        self.show(self.choice, self.note, self.body)

    def rebuild(self):
        row = self.pick.row if self.pick and self.pick.chosen else None
        super().rebuild()
        if row is not None:
            self.choose(row)

    @property
    def held(self):
        """The widgets of every part that was made, and of the picked image."""
        made = [widget for part in self.parts.values() for widget in part.widgets]
        return [*made, self.pick.widget] if self.pick else made

    @property
    def part(self):
        """The open part, or None."""
        return self.parts.get(self.choice.value)

    def choose(self, row):
        """Make this row of the validation set the picked image."""
        if self.lab.run is None:
            return
        if self.pick is None:
            self.pick = Pick(self.lab, self.draw_soon)
        self.pick.follow(self.lab.run)
        self.pick.take(row)

    def _on_choice(self, change):
        name = change["new"]
        if name is not None and name not in self.parts:
            if PARTS[name].picks and self.pick is None:
                self.pick = Pick(self.lab, self.draw_soon)
            self.parts[name] = PARTS[name](self)
        self._arrange()
        self.draw_soon()

    def _on_tick(self, change):
        """Something new could be shown: a batch, an epoch, or, after a reset, nothing any more."""
        if self.lab.run is None:
            self.recorder.forget()
            self._copy = None
            for part in self.parts.values():
                part.drawn = False
            self._arrange()
        elif self.part and (self.part.often or change["name"] == "epochs_seen") and perf_counter() >= self._not_before:
            self.draw_soon()

    def _on_phase(self, change):
        self._arrange()
        if change["new"] != "stopping":
            self.draw_soon()

    def _unusable(self):
        """The sentence that says why there is nothing to look into, or None."""
        network = self.lab.network
        if network is None:
            return t(NOT_YET)
        return None if np.isfinite(network.parameters).all() else t(FAILED)

    def _arrange(self):
        """The open part's controls where there is a network to look into, and the one sentence above them."""
        part, why = self.part, self._unusable()
        self.note.value = f"<p>{escape(why or t(part.about if part else CHOOSE))}</p>"
        widgets = ()
        if part and part.drawn and not why:
            widgets = (*([self.pick.widget] if part.picks else []), *part.widgets)
        if self.body.children != widgets:
            self.body.children = widgets

    # Drawing: at most one at a time, and of many wishes meanwhile only the last

    def draw_soon(self):
        """Draw the open part as soon as the page has a moment."""
        self._wanted = True
        if self.part and (self.task is None or self.task.done()) and self.lab.network is not None:
            self.task = self.lab.start_task(self._draw())

    async def _draw(self):
        while self._wanted and self.part and not self._unusable():
            self._wanted = False
            started = perf_counter()
            part = self.part
            await part.draw(self._look(self.lab.run, part.picks))
            if not part.drawn:  # it appears with what it shows
                part.drawn = True
                self._arrange()
            ended = perf_counter()
            self._not_before = ended + max(EVERY, (ended - started) / SHARE)
            await asyncio.sleep(0)

    def _look(self, run, picks):
        self._copy = copy_of(run.network, self._copy)
        row = self.pick.follow(run) if picks else 0
        look = Look(run, self._copy, row, None)
        look.x = look.inputs(np.array([row]))
        return look
