"""What the parts of the inside panel have in common: what they look at, the picked image, numbers as colours."""

from dataclasses import dataclass
from html import escape
from math import ceil

import ipywidgets
import numpy as np
from PIL import Image

from ..data import Batches, class_titles
from ..inspection import stages, through
from ..language import t
from ..losses import softmax
from .parts import button, make, picture, shared

# From blue for what is below 0 over white to vermilion, Okabe and Ito's two ends; so many shades to each side.
BELOW, ABOVE, SHADES = (0, 114, 178), (213, 94, 0), 16
# The places in the palette of nothing and of the lines between images; what a drop-down gives for "all" and the like,
# since ipywidgets shows nothing at all for None.
NOTHING, LINE, ANY = SHADES, 2 * SHADES + 1, -1
# Images that go through the network at once: a slice of work after which the page can be used again.
SLICE = 128


@dataclass
class Look:
    """What a part draws: a run, a copy of its network, the picked row of its validation set and its input (1, n)."""

    run: object
    network: object
    row: int
    x: np.ndarray

    def __post_init__(self):
        self.stages = stages(self.network)
        self.hidden = [stage for stage in self.stages if stage.hidden]
        self.names = class_titles(self.run.train_set.class_names)
        self.dataset = self.run.validation_set
        self.shape = self.dataset.images.shape[1:]

    @property
    def label(self):
        return int(self.dataset.labels_of(self.row))

    @property
    def probabilities(self):
        return softmax(through(self.network, self.x))[0]

    def inputs(self, rows):
        """Rows of the validation set as the network reads them, a new array (b, n)."""
        return Batches(self.dataset, len(rows)).inputs(rows).copy()

    def black(self):
        """What a black pixel is to the network."""
        return np.float32(-self.dataset.mean / self.dataset.deviation)

    def slices(self, count):
        """The first `count` rows in slices."""
        return [np.arange(start, min(start + SLICE, count)) for start in range(0, count, SLICE)]

    def said(self, row):
        """One image in words."""
        number, label = int(self.dataset.indices[row]), int(self.dataset.labels_of(row))
        return t(
            "Validation image {row} (number {number} of the dataset), a {label}", row=row + 1, number=number,
            label=self.names[label],
        )


class Part:
    """One thing to look at. `widgets` are made when it is first opened; `draw(look)` fills them.

    picks: whether it looks at the picked image; often: whether it follows a run batch by batch, else epoch by epoch.
    """

    title, about, picks, often = "", "", False, False

    def __init__(self, panel):
        self.panel, self.lab, self.drawn = panel, panel.lab, False
        self.widgets = tuple(self.make())

    def on(self, *controls):
        """Draw again whenever one of these controls is moved."""
        for control in controls:
            control.observe(self.lab.guard(lambda change: self.panel.draw_soon()), "value")

    def show_table(self, widget, table):
        """Fill a widget with a table behind a button; it rests while a run goes on, or it would close again at once."""
        if not widget.value or self.lab.phase not in ("running", "stopping"):
            widget.value = f"<details><summary>{t('As a table')}</summary>{table}</details>"


class Choice(ipywidgets.Dropdown):
    """A drop-down whose options may change; it keeps its value where that is still among them, else takes the first."""

    def offer(self, options):
        options = tuple(options)
        if self.options != options:
            values, kept = [value for _, value in options], self.value
            self.options = options
            self.value = kept if kept in values else values[0] if values else None


class Pick:
    """Which image is looked at: the worst, the one before or after, of one class, or by number. Calls on_change()."""

    def __init__(self, lab, on_change):
        self.lab, self._on_change = lab, on_change
        self.row, self._set, self.chosen, self._following = 0, None, False, False
        self.label = make(lab, Choice, description=t("Class"), options=[(t("all"), ANY)])
        self.number = make(lab, ipywidgets.BoundedIntText, description=t("Image"), min=1, max=1)
        self.label.observe(lab.guard(self._on_label), "value")
        self.number.observe(lab.guard(self._on_number), "value")
        buttons = [
            button(t("Worst"), self.worst, lab), button(t("Previous"), lambda: self.step(-1), lab),
            button(t("Next"), lambda: self.step(1), lab),
        ]
        self.widget = ipywidgets.HBox([*buttons, self.label, self.number], layout=shared(lab, ipywidgets.Layout))
        self.widget.add_class("mnistlab-buttons")
        self.widget.add_class("mnistlab-pick")

    def follow(self, run):
        """The picked row of this run's validation set; the worst image until somebody has chosen another."""
        if run.validation_set is not self._set:
            self._set, self.chosen, self.row = run.validation_set, False, 0
        self._following = True
        try:
            names = class_titles(run.train_set.class_names)
            self.label.offer([(t("all"), ANY), *((name, k) for k, name in enumerate(names))])
            if not self.chosen and run.evaluation is not None:
                self.row, self.chosen = self._worst(), True
            self.number.max = len(run.validation_set)
            self.number.value = self.row + 1
        finally:
            self._following = False
        return self.row

    def take(self, row):
        """Look at this row, or at the last one."""
        self.row, self.chosen = min(int(row), len(self._set) - 1), True
        self._on_change()

    def worst(self):
        if self._followed:
            self.take(self._worst())

    def step(self, by):
        """The next row of the class, round the end."""
        rows = self._rows() if self._followed else ()
        if len(rows):
            place = np.searchsorted(rows, self.row, "right" if by > 0 else "left")
            self.take(rows[(place - (by < 0)) % len(rows)])

    @property
    def _followed(self):
        """Whether the row is one of the lab's run, and not of an earlier one with another set."""
        return self.lab.run is not None and self.lab.run.validation_set is self._set

    def _rows(self):
        labels = self._set.labels_of()
        return np.arange(len(labels)) if self.label.value == ANY else np.flatnonzero(labels == self.label.value)

    def _worst(self):
        rows = self._rows()
        evaluation = self.lab.run.evaluation
        if evaluation is None or not len(rows):
            return int(rows[0]) if len(rows) else self.row
        return int(rows[evaluation.losses[rows].argmax()])

    def _on_label(self, change):
        if not self._following:
            self.worst()

    def _on_number(self, change):
        if not self._following:
            self.take(change["new"] - 1)


# Numbers as colours


def palette():
    """The colours of `coloured`, uint8 (2 SHADES + 2, 3): from below over white to above, and the grey of lines."""
    shares = np.linspace(0, 1, SHADES + 1)[:, None]
    below, above = (255 + shares * (np.array(end) - 255) for end in (BELOW, ABOVE))
    return np.rint(np.concatenate([below[:0:-1], above, [[213, 217, 222]]])).astype(np.uint8)


def shades(values, scale):
    """Numbers as places in the palette, uint8: -scale and below is its first colour, 0 its middle, scale its last."""
    share = np.nan_to_num(values / (scale or 1), nan=0.0, posinf=1, neginf=-1)
    return np.rint(SHADES * (1 + np.clip(share, -1, 1))).astype(np.uint8)


def coloured(places):
    """A palette image of `shades`, (rows, columns). A palette takes a third of the bytes of true colours."""
    made = Image.fromarray(places, "P")
    made.putpalette(palette().tobytes())
    return made


def sheet(places, columns, gap=1):
    """Many small images (n, rows, columns) of `shades` beside and below each other, with lines between them."""
    n, high, wide = places.shape
    lines = ceil(n / columns)
    made = np.full((lines * (high + gap) - gap, columns * (wide + gap) - gap), LINE, np.uint8)
    made[(lines - 1) * (high + gap) :, (n - (lines - 1) * columns) * (wide + gap) :] = NOTHING
    for k, one in enumerate(places):
        i, j = k // columns * (high + gap), k % columns * (wide + gap)
        made[i : i + high, j : j + wide] = one
    return made


def over(pixels, values, scale=None):
    """An image, uint8 (rows, columns), as a pale ground with numbers of its shape in colour over it: a PIL image."""
    scale = scale or np.abs(values).max() or 1
    strength = np.clip(np.abs(values) / scale, 0, 1)[..., None]
    ground = 255 - 0.35 * pixels[..., None].astype(float)
    ends = np.where((values < 0)[..., None], BELOW, ABOVE)
    return Image.fromarray(np.rint(ground * (1 - strength) + ends * strength).astype(np.uint8))


def figure(image, alt, caption, size):
    """A <figure>: a picture with alternative text and a caption, which is HTML."""
    return f"<figure>{picture(image, alt, size)}<figcaption>{caption}</figcaption></figure>"


def read_as(probabilities, names):
    """The most probable class in words, as HTML: "3 (98.1%)"."""
    best = int(np.argmax(probabilities))
    return f"<b>{escape(names[best])}</b> ({probabilities[best]:.1%})"
