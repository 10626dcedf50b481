"""Charts as PNG bytes, drawn by matplotlib without pyplot, which keeps every figure it ever made."""

from functools import cache
from pathlib import Path
from unicodedata import east_asian_width

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from PIL import Image

from .images import png
from .language import CHINESE, spoken, t
from .settings import Settings
from .training import History

TRAINING, VALIDATION, BASELINE, INK, GRID = "#0072B2", "#D55E00", "#595959", "#222222", "#DDDDDD"
# Runs side by side have a colour each, and a shape each for their validation points.
COMPARED = (("#009E73", "o"), ("#CC79A7", "s"))
# A run whose name cannot be written on the chart is called so there; the page writes it beside the chart.
COLOURS = ("green", "purple")
WIDE, NARROW = (960, 330), (720, 780)
POINTS = 250
PALE_RUNS, PALE = 5, 0.25
# The loss of guessing among ten classes is 2.3, so this shows a healthy run from its first step.
LOSS_TOP = 2.5
# A logarithmic axis begins here and goes down by decades; what is lower than the last of them lies on its edge.
LOG_BOTTOM, LOG_FLOOR = 0.1, 1e-6
TITLES = {"loss": "Loss", "accuracy": "Accuracy"}
PARTS = {"training": "training", "validation": "validation"}
# matplotlib's own font has no Chinese characters; ours has those of the words on the charts (tests/make_font.py).
FONT = Path(__file__).with_name("fonts") / "chart.ttf"
LATIN, FAMILY = "DejaVu Sans", "mnistlab chart"
# For what a reader writes: fonts with all Chinese characters, of which most machines have one.
OF_THE_MACHINE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "STHeiti", "Heiti TC",
    "Microsoft YaHei", "SimHei", "SimSun", "Arial Unicode MS",
)


class LiveCurves:
    """Loss and accuracy of a run, redrawn many times a second; `begin` makes the same charts ready for another run.

    epochs: how far the horizontal axis goes; baseline: the accuracy to beat, 0 to 1; narrow: two charts one above the
    other, for a phone. Axes, labels, legend and earlier runs are drawn once a run and kept as they are; a frame puts
    the lines on top of it (blitting). A whole drawing takes some ten times as long as a frame.

    What is called a run here is anything with a name, a history (a training.History), steps_per_epoch and a baseline.
    """

    def __init__(self, epochs, baseline, narrow=False):
        width, height = NARROW if narrow else WIDE
        self.figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.size = 19 if narrow else 12
        self.line_width = 3 if narrow else 2
        with in_its_fonts():
            self._furnish(narrow)
        self.begin(epochs, baseline)

    def _furnish(self, narrow):
        self.loss_axes, self.accuracy_axes = self.figure.subplots(2 if narrow else 1, 1 if narrow else 2)
        self.axes = {"loss": self.loss_axes, "accuracy": self.accuracy_axes}
        for name, ax in self.axes.items():
            self._dress(t(TITLES[name]), ax)
        # Each set of lines is {(chart, part): line}. What is pale belongs to the drawing underneath.
        self.pale = [self._lines(TRAINING, VALIDATION, pale=True) for _ in range(PALE_RUNS)]
        self.lines = self._lines(TRAINING, VALIDATION)
        self.compared = [self._lines(colour, colour, marker) for colour, marker in COMPARED]
        self.best = {name: self._best_mark(ax) for name, ax in self.axes.items()}
        self.accuracy_axes.set_ylim(0, 1)
        self.accuracy_axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        self.baseline = self.accuracy_axes.axhline(
            0, color=BASELINE, linestyle=":", linewidth=1.5, label=t("baseline")
        )
        shared = [self.best["accuracy"], self.baseline]
        self.compared_legend = self._legend([lines["accuracy", "training"] for lines in self.compared] + shared)
        styles = t("solid: training, dashed: validation")
        self.compared_legend.set_title(styles, {"size": self.size - 1})
        self.accuracy_axes.add_artist(self.compared_legend)  # or the next one would take its place
        self._show_points(False)
        self.legend = self._legend([self.lines["accuracy", part] for part in ("training", "validation")] + shared)
        self.loss_axes.set_ylim(0, 2e9)  # leaves room for the longest numbers that a loss out of hand can bring
        self._scale(False)
        self.figure.tight_layout(pad=0.6, w_pad=3)
        self.marks, self._marked = [], []

    def _dress(self, title, ax):
        ax.set_title(title, fontsize=self.size + 1, color=INK, loc="left")
        ax.set_xlabel(t("Epoch"), fontsize=self.size, color=INK)
        ax.tick_params(labelsize=self.size - 1, colors=INK)
        ax.grid(color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))

    def _lines(self, training, validation, marker="o", pale=False):
        lines = {}
        for name, ax in self.axes.items():
            for part, colour, style in (("training", training, "-"), ("validation", validation, "--")):
                (lines[name, part],) = ax.plot(
                    [], [], style, color=colour, marker="" if pale else marker, markersize=2.5 * self.line_width,
                    linewidth=self.line_width * (0.6 if pale else 1), label="" if pale else t(PARTS[part]),
                    animated=not pale, alpha=PALE if pale else None,
                    # The last point lies on the edge and should be seen whole; earlier runs may be longer than this.
                    clip_on=pale or part == "training", in_layout=False,
                )
        return lines

    def _best_mark(self, ax):
        (mark,) = ax.plot(
            [], [], linestyle="", marker="o", markersize=5 * self.line_width, markerfacecolor="none",
            markeredgecolor=INK, markeredgewidth=0.8 * self.line_width, label=t("best epoch"), animated=True,
            clip_on=False, in_layout=False,
        )
        return mark

    def _legend(self, handles):
        legend = self.accuracy_axes.legend(
            handles=handles, loc="lower right", bbox_to_anchor=(1, 0.14), fontsize=self.size - 1, frameon=False
        )
        legend.set_in_layout(False)  # it lies within the axes; the axes need no room for it
        return legend

    def begin(self, epochs, baseline, pale=(), log=False, per_epoch=False):
        """Empty axes for another run. A figure is a knot of references that is freed late, so one serves every run.

        pale: earlier runs, of which the last few stay as pale curves; log: a logarithmic axis for the loss; per_epoch:
        show training by its means over whole epochs, each in the middle of its epoch, and not step by step.
        """
        self._begin(epochs, baseline, log, per_epoch)
        for lines, run in zip(self.pale, tuple(pale)[-PALE_RUNS:]):
            self._put(lines, run.history, run.steps_per_epoch)
        self._draw_background()

    def _begin(self, epochs, baseline, log, per_epoch):
        self.log, self.per_epoch, self.epochs = log, per_epoch, epochs
        self.loss_top, self.loss_bottom = LOSS_TOP, LOG_BOTTOM if log else 0
        self._scale(log)
        for ax in self.axes.values():
            ax.set_xlim(0, epochs)
        self.baseline.set_ydata([baseline, baseline])
        self.baseline.set_visible(True)
        self.legend.set_visible(True)
        self.compared_legend.set_visible(False)
        self._show_points(per_epoch)
        for artist in self._marked:
            artist.remove()
        self.marks, self._marked = [], []
        for lines in self.pale:
            self._put(lines, History(), 1)

    def _show_points(self, per_epoch):
        """Training's points as well as its line where they are few: with one epoch done, a line shows nothing."""
        for lines in (self.lines, *self.compared):
            for name in self.axes:
                lines[name, "training"].set_marker(lines[name, "validation"].get_marker() if per_epoch else "")

    def _scale(self, log):
        ax = self.loss_axes
        ax.set_title(t("Loss, logarithmic" if log else "Loss"), fontsize=self.size + 1, color=INK, loc="left")
        ax.set_yscale("log" if log else "linear")
        # A new scale brings locators of its own.
        ax.yaxis.set_major_locator(LogLocator(numticks=7) if log else MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(_short)

    def _draw_background(self):
        self.loss_axes.set_ylim(self.loss_bottom, self.loss_top)
        self.canvas.draw()
        self._keep_background()

    def _keep_background(self):
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)

    def frame(self, history, steps_per_epoch):
        """The History so far as PNG bytes, the empty axes for None. Changes nothing in it."""
        history = history or History()
        self._put(self.lines, history, steps_per_epoch)
        self._put_best([history])
        self._fit([self.lines])
        self._mark(history.marks, steps_per_epoch)
        return self._as_png([self.lines])

    def compare(self, runs, log=False, per_epoch=False):
        """Two runs side by side, each in a colour of its own, as PNG bytes. The next run needs a new `begin`.

        The baseline is shown where it is that of both.
        """
        # A run that the browser kept as figures alone has epochs but no steps.
        epochs = max(max(len(run.history.step_losses) / run.steps_per_epoch, len(run.history.rows)) for run in runs)
        self._begin(max(1, int(np.ceil(epochs))), runs[0].baseline, log, per_epoch)
        self.legend.set_visible(False)
        self.compared_legend.set_visible(True)
        same = len({run.baseline for run in runs}) == 1
        legend = self.compared_legend
        for artist in (self.baseline, legend.get_texts()[-1], legend.legend_handles[-1]):
            artist.set_visible(same)
        for number, (lines, said, run) in enumerate(zip(self.compared, legend.get_texts(), runs)):
            self._put(lines, run.history, run.steps_per_epoch)
            said.set_parse_math(False)  # it is free text
            said.set_text(_cut(run.name, 28) if can_write(run.name) else t(COLOURS[number]))
        self._put_best([run.history for run in runs])
        self._fit(self.compared)
        self._draw_background()
        return self._as_png(self.compared)

    def _put(self, lines, history, steps_per_epoch):
        epochs = np.array([row.epoch for row in history.rows], float)
        for name, per_step in (("loss", history.step_losses), ("accuracy", history.step_accuracies)):
            if self.per_epoch:
                x, y = epochs - 0.5, [getattr(row, f"train_{name}") for row in history.rows]
            else:
                x, y = smoothed(per_step, max(1, steps_per_epoch // 25, len(per_step) // POINTS))
                x = x / steps_per_epoch
            lines[name, "training"].set_data(x, self._shown(name, y))
            y = [getattr(row, f"validation_{name}") for row in history.rows]
            lines[name, "validation"].set_data(epochs, self._shown(name, y))

    def _put_best(self, histories):
        """A ring around the validation points of each run's best epoch."""
        rows = [min(history.rows, key=lambda row: row.validation_loss) for history in histories if history.rows]
        for name, mark in self.best.items():
            y = [getattr(row, f"validation_{name}") for row in rows]
            mark.set_data([row.epoch for row in rows], self._shown(name, y))

    def _shown(self, name, y):
        """A loss of 0 has no logarithm: it is shown at the lowest edge."""
        return np.maximum(np.asarray(y, float), LOG_FLOOR) if name == "loss" and self.log else y

    def _fit(self, sets):
        """The loss axis made long enough for these lines; doubled or tenfold each time, so it seldom happens."""
        shown = [line.get_ydata() for lines in sets for (name, _), line in lines.items() if name == "loss"]
        values = np.concatenate([np.asarray(y, float) for y in shown])
        top, bottom = self.loss_top, self.loss_bottom
        highest = finite_max(values)
        if highest > top:
            top = LOSS_TOP * 2 ** np.ceil(np.log2(highest / LOSS_TOP))
        if self.log:
            lowest = np.min(values, where=np.isfinite(values), initial=bottom)
            if lowest < bottom:
                bottom = 10.0 ** np.floor(np.log10(lowest))
        if (top, bottom) != (self.loss_top, self.loss_bottom):
            self.loss_top, self.loss_bottom = top, bottom
            self._draw_background()

    def _mark(self, marks, steps_per_epoch):
        """New marks, (steps made, setting, value): a thin line each, and at the loss its label where there is room.

        They are put on the drawing underneath as they come, which costs a fiftieth of drawing it anew.
        """
        new = marks[len(self.marks) :]
        if not new:
            return
        self.canvas.restore_region(self.background)
        for made in dict.fromkeys(step for step, _, _ in new):
            said = [Settings(**{name: value}).said(name) for step, name, value in new if step == made]
            for artist in self._mark_at(made / steps_per_epoch, t(", ").join(said)):
                self._marked.append(artist)
                artist.axes.draw_artist(artist)
        self.marks = list(marks)
        self._keep_background()

    def _mark_at(self, x, label):
        for ax in self.axes.values():
            yield ax.axvline(x, color=BASELINE, linewidth=0.8, zorder=6)
        ax = self.loss_axes
        box, size = ax.get_window_extent(), 0.8 * self.size
        room = 2 * size * self.epochs / box.width
        length = int(box.height / (0.6 * size * self.figure.dpi / 72))  # a character is 0.6 as wide as it is high
        if all(abs(x - text.get_position()[0]) > room for text in ax.texts):
            with in_its_fonts():
                yield ax.text(
                    x, 0.98, f" {_cut(label, length)} ", transform=ax.get_xaxis_transform(), rotation=90, va="top",
                    ha="right" if x > self.epochs - room else "left", fontsize=size, color=INK, zorder=6,
                )

    def _as_png(self, sets):
        self.canvas.restore_region(self.background)
        for artist in (*(line for lines in sets for line in lines.values()), *self.best.values()):
            artist.axes.draw_artist(artist)
        width, height = self.canvas.get_width_height()
        return png(Image.frombuffer("RGBA", (width, height), self.canvas.buffer_rgba()))


def in_its_fonts():
    """A context in which matplotlib makes texts in fonts that can write the page's language.

    Latin letters and digits look the same in both. Elsewhere matplotlib's settings stay as they are.
    """
    return rc_context({"font.family": list(_families())} if spoken() == CHINESE else {})


@cache
def _families():
    """The fonts of a chart in Chinese; a character is drawn in the first of them that has it."""
    there = set(fontManager.get_font_names())
    if FAMILY not in there:
        fontManager.addfont(FONT)
    return (LATIN, FAMILY, *(name for name in OF_THE_MACHINE if name in there))


def can_write(words):
    """Whether the fonts of the charts have every character of a reader's own words."""
    families = _families() if spoken() == CHINESE else (FontProperties().get_family(),)
    fonts = [get_font(fontManager.findfont(FontProperties(family=family))) for family in families]
    return all(any(font.get_char_index(ord(each)) for font in fonts) for each in words)


def _cut(words, length):
    """So much of some words as is no longer than `length` letters; a Chinese character is as wide as two."""
    if _width(words) <= length:
        return words
    while _width(words) > length - 1:
        words = words[:-1]
    return words + "…"


def _width(words):
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in words)


def _short(value, _):
    return f"{value:,g}" if value < 1e5 else f"{value:.3g}".replace("e+", "e")


def smoothed(values, width):
    """(middles, means) of consecutive groups of `width` values; the last group may be short. Both float arrays."""
    values = np.asarray(values, float)
    if len(values) == 0:
        return np.empty(0), np.empty(0)
    starts = np.arange(0, len(values), width)
    sizes = np.diff(np.append(starts, len(values)))
    return starts + sizes / 2, np.add.reduceat(values, starts) / sizes


def finite_max(values):
    """The largest finite value, 0 where there is none."""
    values = np.asarray(values, float)
    return float(np.max(values, where=np.isfinite(values), initial=0.0))


# Lines of layers: a colour and a dash pattern each (Okabe and Ito), used again from the first after the last.
LAYERS = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"), ("#222222", (0, (5, 1, 1, 1))))


class LayerCurves:
    """Two charts with a line for each layer: the length of its gradient, and the share of its units that are dead.

    narrow: one chart above the other, for a phone. One figure serves every drawing (see `LiveCurves.begin`).
    """

    def __init__(self, narrow=False):
        self.narrow = narrow
        width, height = NARROW if narrow else WIDE
        self.figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.size = 19 if narrow else 12

    def draw(self, epochs, titles, norms, hidden, dead):
        """PNG bytes. epochs (n,); norms (layers, n) of the layers `titles`; dead (layers, n), 0 to 1, of `hidden`."""
        with in_its_fonts():
            self._draw(epochs, titles, norms, hidden, dead)
        self.canvas.draw()
        return png(Image.frombuffer("RGBA", self.canvas.get_width_height(), self.canvas.buffer_rgba()))

    def _draw(self, epochs, titles, norms, hidden, dead):
        self.figure.clear()
        axes = self.figure.subplots(2 if self.narrow else 1, 1 if self.narrow else 2)
        parts = (
            (t("Length of the gradient, logarithmic"), titles, norms), (t("Share of dead units"), hidden, dead),
        )
        for ax, (title, names, lines) in zip(axes, parts):
            ax.set_title(title, fontsize=self.size + 1, color=INK, loc="left")
            ax.set_xlabel(t("Epoch"), fontsize=self.size, color=INK)
            ax.tick_params(labelsize=self.size - 1, colors=INK)
            ax.grid(color=GRID, linewidth=0.8)
            ax.spines[["top", "right"]].set_visible(False)
            ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
            for k, (name, values) in enumerate(zip(names, lines)):
                again, number = divmod(k, len(LAYERS))  # of many layers, the colours come again with other dashes
                colour, dashes = LAYERS[number][0], LAYERS[(number + again) % len(LAYERS)][1]
                marker = "os^Dv"[again % 5]
                ax.plot(epochs, values, linestyle=dashes, color=colour, marker=marker, markersize=4, label=name)
            if len(names):
                ax.legend(fontsize=self.size - 1, frameon=False)
        norms = np.asarray(norms, float)
        if (np.isfinite(norms) & (norms > 0)).any():
            axes[0].set_yscale("log")
            # Gradients often stay within a decade, where powers of ten alone would leave the axis without numbers.
            axes[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes[0].yaxis.set_minor_locator(NullLocator())
            axes[0].yaxis.set_major_formatter(_short)
        axes[1].set_ylim(-0.02, 1.02)
        axes[1].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        self.figure.tight_layout(pad=0.6, w_pad=3)
