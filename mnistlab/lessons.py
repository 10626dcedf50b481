"""What the lessons share: pictures of images and curves, a table of published and own results, checked exercises.

Everything here returns an object that shows itself as the last line of a cell.
"""

import base64
import io
import os
from html import escape
from importlib import import_module

import numpy as np

COLOURS = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#595959"
RIGHT, WRONG, OPEN = "right", "wrong", "open"
LESSONS = 10


class Html:
    """A piece of HTML that shows itself. `str` gives its words, for a test or a terminal."""

    def __init__(self, html, words=""):
        self.html, self.words = html, words

    def _repr_html_(self):
        return self.html

    def __str__(self):
        return self.words

    __repr__ = __str__


def drawn(figure, alt):
    """A matplotlib Figure as an image with alternative text: what a screen reader says in its place."""
    content = io.BytesIO()
    figure.savefig(content, format="png", bbox_inches="tight", facecolor="white")
    source = base64.b64encode(content.getvalue()).decode()
    return Html(f'<img style="max-width:100%" src="data:image/png;base64,{source}" alt="{escape(alt)}">', alt)


def show_images(images, titles=None, columns=10, alt="", scale=1.0):
    """Small grey images side by side.

    images: (n, rows, columns) or (n, pixels) of a square image, any numbers, black where they are lowest; titles: n
    strings; alt: what a screen reader says, by default how many there are with their titles; scale: 1 makes each about
    an inch wide.
    """
    from matplotlib.figure import Figure

    images = np.asarray(images)
    if images.ndim == 2:
        side = round(images.shape[1] ** 0.5)
        images = images.reshape(-1, side, side)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(scale * columns, scale * rows * (1.25 if titles is not None else 1)))
    for ax in (grid := figure.subplots(rows, columns, squeeze=False).ravel()):
        ax.set_axis_off()
    for k, image in enumerate(images):
        grid[k].imshow(image, cmap="gray")
        if titles is not None:
            grid[k].set_title(titles[k], fontsize=10)
    named = "" if titles is None else ": " + ", ".join(map(str, titles))
    return drawn(figure, alt or f"{len(images)} images{named}")


def show_lines(lines, x_label, y_label, alt="", x=None, log=()):
    """Lines in one chart, each with a colour and a dash pattern of its own.

    lines: {name: values} or {name: (x values, y values)}; x: of all lines that bring none, by default 1, 2, 3 …; log:
    which axes are logarithmic, "x", "y" or both; alt: what a screen reader says.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), dpi=110)
    ax = figure.subplots()
    for k, (name, values) in enumerate(lines.items()):
        own_x, y = values if isinstance(values, tuple) else (x if x is not None else range(1, len(values) + 1), values)
        style = ("-", "--", "-.", ":")[k // len(COLOURS) % 4 if len(lines) > 4 else k % 4]
        ax.plot(own_x, y, style, color=COLOURS[k % len(COLOURS)], marker="o", markersize=3, label=name)
    for axis in log:
        getattr(ax, f"set_{axis}scale")("log")
    _dress(ax, x_label, y_label)
    return drawn(figure, alt or f"{y_label} against {x_label}: {', '.join(map(str, lines))}")


def show_histories(histories, what="loss"):
    """Training (solid) and validation (dashed) by epoch. histories: {name: History}; what: "loss" or "accuracy"."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), dpi=110)
    ax = figure.subplots()
    said = []
    for k, (name, history) in enumerate(histories.items()):
        epochs = [row.epoch for row in history.rows]
        for part, style in (("train", "-"), ("validation", "--")):
            values = [getattr(row, f"{part}_{what}") for row in history.rows]
            label = f"{name}: {'training' if part == 'train' else part}"
            ax.plot(epochs, values, style, color=COLOURS[k % len(COLOURS)], marker="o", markersize=3, label=label)
            said.append(f"{label} ends at {values[-1]:.3f}" if values else f"{label} has no epoch")
    _dress(ax, "epoch", what)
    return drawn(figure, f"{what.capitalize()} by epoch. " + "; ".join(said))


def _dress(ax, x_label, y_label):
    from matplotlib.ticker import MaxNLocator

    if x_label == "epoch":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.grid(color="#DDDDDD", linewidth=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    if len(ax.lines) <= 4:
        ax.legend(frameon=False)
    else:  # so many names would lie on the lines
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def compared(source, *rows):
    """The table that ends a lesson: what the source says beside what you got.

    source: author and title; rows: (what, published, got), each anything that can be said; got may be a float.
    """
    cells = "".join(
        f'<tr><th scope="row">{escape(str(what))}</th><td>{escape(str(published))}</td>'
        f"<td>{escape(_said(got))}</td></tr>"
        for what, published, got in rows
    )
    head = f'<tr><td></td><th scope="col">{escape(source)}</th><th scope="col">you</th></tr>'
    words = "\n".join(f"{what}: {published} / {_said(got)}" for what, published, got in rows)
    return Html(f'<table class="mnistlab-compared">{head}{cells}</table>', words)


def _said(value):
    return f"{value:.3f}" if isinstance(value, (float, np.floating)) else str(value)


# Exercises


class Verdict(Html):
    """What a check says of an answer. state: "right", "wrong" or "open" (no answer yet).

    `paragraph` is its HTML for a place that a screen reader listens to already.
    """

    def __init__(self, state, sentence):
        colour = {RIGHT: "#1b8a6b", WRONG: "#d0661f", OPEN: "#808080"}[state]  # seen on white paper and on black
        mark = {RIGHT: "Right.", WRONG: "Not yet.", OPEN: "Your turn."}[state]
        self.paragraph = (
            f'<p style="border-left:4px solid {colour};padding-left:.6rem"><b>{mark}</b> {escape(sentence)}</p>'
        )
        super().__init__(f'<div role="status">{self.paragraph}</div>', f"{mark} {sentence}")
        self.state = state


def right(sentence):
    """The answer is right; the sentence says what it shows."""
    return Verdict(RIGHT, sentence)


def wrong(sentence):
    """The answer is wrong; the sentence says what is wrong with it, and not the answer."""
    return Verdict(WRONG, sentence)


EXERCISES = {}


def exercise(number):
    """Decorator: this function checks the answers to the exercise of that number, such as "3.2", with a Verdict."""

    def register(checks):
        EXERCISES[number] = checks
        return checks

    return register


def check(number, answer):
    """The Verdict on an answer; three dots are no answer yet. An answer that makes an error is told so in words.

    Raises ValueError for a number that no exercise has.
    """
    lesson = number.partition(".")[0]
    if lesson.isdecimal() and 1 <= int(lesson) <= LESSONS:
        import_module(f"mnistlab.exercises.lesson{int(lesson):02}")
    if number not in EXERCISES:
        raise ValueError(f"There is no exercise {number!r}. They are {', '.join(EXERCISES)}.")
    if answer is ...:
        verdict = Verdict(OPEN, "Replace the three dots by your answer and run the cell again.")
        return _where_it_is(verdict)
    try:
        return _where_it_is(EXERCISES[number](answer))
    except Exception as error:  # whatever a pupil may hand in, a sentence answers it
        return wrong(f"Your answer could not be checked, because trying it made an error: {error}.")


def _where_it_is(verdict):
    """The verdict; on a page, where no cell can be run, an open one says where it can be answered."""
    if verdict.state == OPEN and os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return Verdict(OPEN, "This is the lesson as a page: open it in JupyterLab to write your answer.")
    return verdict
