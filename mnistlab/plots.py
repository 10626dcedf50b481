"""Charts as PNG bytes, drawn by matplotlib without pyplot, which keeps every figure it ever made."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from .images import png
from .training import History

TRAINING, VALIDATION, BASELINE, INK, GRID = "#0072B2", "#D55E00", "#595959", "#222222", "#DDDDDD"
WIDE, NARROW = (960, 330), (720, 780)
POINTS = 250
# The loss of guessing among ten classes is 2.3, so this shows a healthy run from its first step.
LOSS_TOP = 2.5


class LiveCurves:
    """Loss and accuracy of a run, redrawn many times a second; `begin` makes the same charts ready for another run.

    epochs: how far the horizontal axis goes; baseline: the accuracy to beat, 0 to 1; narrow: two charts one above the
    other, for a phone. Axes, labels and legend are drawn once a run and kept as a picture; a frame puts the lines on
    top of it (blitting). A whole drawing takes some ten times as long as a frame.
    """

    def __init__(self, epochs, baseline, narrow=False):
        width, height = NARROW if narrow else WIDE
        self.figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        axes = self.figure.subplots(2 if narrow else 1, 1 if narrow else 2)
        size = 19 if narrow else 12
        self.loss_axes, self.accuracy_axes = axes
        self.lines = {}
        for name, ax in (("loss", axes[0]), ("accuracy", axes[1])):
            ax.set_title(name.capitalize(), fontsize=size + 1, color=INK, loc="left")
            ax.set_xlabel("Epoch", fontsize=size, color=INK)
            ax.tick_params(labelsize=size - 1, colors=INK)
            ax.grid(color=GRID, linewidth=0.8)
            ax.set_axisbelow(True)
            ax.spines[["top", "right"]].set_visible(False)
            ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
            width = 3 if narrow else 2
            # Points as well as a line: with one epoch done, a line alone shows nothing.
            for part, colour, style, marker in (("training", TRAINING, "-", ""), ("validation", VALIDATION, "--", "o")):
                (line,) = ax.plot(
                    [], [], style, color=colour, marker=marker, markersize=2.5 * width, linewidth=width, label=part,
                    animated=True,
                )
                self.lines[name, part] = line
        self.accuracy_axes.set_ylim(0, 1)
        self.accuracy_axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        self.baseline = self.accuracy_axes.axhline(0, color=BASELINE, linestyle=":", linewidth=1.5, label="baseline")
        self.accuracy_axes.legend(loc="lower right", bbox_to_anchor=(1, 0.14), fontsize=size - 1, frameon=False)
        self.loss_axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        self.loss_axes.yaxis.set_major_formatter(_short)
        self.loss_axes.set_ylim(0, 2e9)  # leaves room for the longest numbers that a loss out of hand can bring
        self.figure.tight_layout(pad=0.6, w_pad=3)
        for name in ("loss", "accuracy"):  # the last point lies on the edge and should be seen whole
            self.lines[name, "validation"].set_clip_on(False)
        self.begin(epochs, baseline)

    def begin(self, epochs, baseline):
        """Empty axes for another run. A figure is a knot of references that is freed late, so one serves every run."""
        self.loss_top = LOSS_TOP
        for ax in (self.loss_axes, self.accuracy_axes):
            ax.set_xlim(0, epochs)
        self.baseline.set_ydata([baseline, baseline])
        self._draw_background()

    def _draw_background(self):
        self.loss_axes.set_ylim(0, self.loss_top)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)

    def frame(self, history, steps_per_epoch):
        """The History so far as PNG bytes, the empty axes for None. Changes nothing in it."""
        history = history or History()
        epochs = [row.epoch for row in history.rows]
        for name, per_step in (("loss", history.step_losses), ("accuracy", history.step_accuracies)):
            x, y = smoothed(per_step, max(1, steps_per_epoch // 25, len(per_step) // POINTS))
            self.lines[name, "training"].set_data(x / steps_per_epoch, y)
            measured = [getattr(row, f"validation_{name}") for row in history.rows]
            self.lines[name, "validation"].set_data(epochs, measured)
        highest = max((finite_max(line.get_ydata()) for (name, _), line in self.lines.items() if name == "loss"))
        if highest > self.loss_top:
            self.loss_top = LOSS_TOP * 2 ** np.ceil(np.log2(highest / LOSS_TOP))  # doubled, so it seldom happens
            self._draw_background()
        self.canvas.restore_region(self.background)
        for line in self.lines.values():
            line.axes.draw_artist(line)
        width, height = self.canvas.get_width_height()
        return png(Image.frombuffer("RGBA", (width, height), self.canvas.buffer_rgba()))


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
