"""Parts of the inside panel that show what the network looks for and what it sees in one image."""

from html import escape

import ipywidgets
import numpy as np

from ..inspection import as_rows, first_filters, gradient_times_input, occlusion, through
from ..language import t
from ..losses import softmax
from .inside_part import ANY, Choice, Part, coloured, figure, over, read_as, shades, sheet
from .parts import make, picture, row, text

# Units on one sheet, and how many stand beside each other on a wide page and on a phone.
UNITS, WIDE, NARROW = 48, 12, 6
STRONGEST = 5
# What a layer answers, by what it has: units, or the channels of a convolution.
NAMED = {"unit": "unit {number} ({answer:.2f})", "channel": "channel {number} ({answer:.2f})"}
ANSWERS = {
    "unit": "{layer}: the answers of its {count} units; the strongest are {strongest}",
    "channel": "{layer}: the answers of its {count} channels; the strongest are {strongest}",
}
AWAKE = {
    "unit": "{awake} of {count} units answer with more than 0. The strongest: {strongest}.",
    "channel": "{awake} of {count} channels answer with more than 0. The strongest: {strongest}.",
}
MAPS = (
    "Gradient × input: how the logit of {label}, its number before the softmax, would change with each pixel, times "
    "the pixel (Simonyan 2013, Shrikumar 2016). Occlusion: how far the probability falls when a black square of 6 × 6 "
    "hides the pixel (Zeiler and Fergus 2014). The gradient alone also shows where ink is missed. Each map has a scale "
    "of its own."
)


class Weights(Part):
    title, often = "First weights", True
    about = (
        "What each unit of the first layer looks for: its weights, drawn as an image. Orange: ink here excites the "
        "unit; blue: it calms it. Watch them grow while the network learns."
    )

    def make(self):
        views = [(t("only what was learned"), "learned"), (t("as they are"), "whole")]
        self.view = make(self.lab, ipywidgets.Dropdown, description=t("Weights"), options=views)
        self.units = make(self.lab, Choice, description=t("Units"), options=[("1", 0)])
        self.sheet = text("", "mnistlab-weights", lab=self.lab)
        self.on(self.view, self.units)
        return row(self.view, self.units), self.sheet

    async def draw(self, look):
        filters = first_filters(look.network)
        count = len(filters)
        first = self.panel.recorder.first_weights
        spread = 3 * float((filters if first is None else first).std())  # of what a run begins with
        if self.view.value == "learned" and first is not None and first.shape == filters.shape:
            filters = filters - first
        self.units.offer((f"{at + 1}–{min(at + UNITS, count)}", at) for at in range(0, count, UNITS))
        # One scale for all units, which only grows: so what is learned is seen to grow.
        scale = max(spread, float(np.quantile(np.abs(filters), 0.999)))
        shown = filters[self.units.value : self.units.value + UNITS]
        columns = min(len(shown), NARROW if self.lab.browser.narrow else WIDE)
        side = filters.shape[1]
        width = columns * (58 if side > 5 else 72)
        said = t(
            "Weights of {shown} of the {count} units of the first layer, one small image each", shown=len(shown),
            count=count,
        )
        image = picture(coloured(sheet(shades(shown, scale), columns)), said, width)
        words = t(
            "{shown} of {count} filters, {side} × {side} weights each." if side <= 5
            else "{shown} of {count} units, {side} × {side} weights each.",
            shown=len(shown), count=count, side=side,
        )
        scales = t(
            "Full blue is −{scale:.2g}, white 0, full orange +{scale:.2g}. Average size: {size:.4f}.",
            scale=scale, size=np.abs(filters).mean(),
        )
        self.sheet.value = f"<div>{image}</div><p class='mnistlab-small'>{words} {scales}</p>"


class Activations(Part):
    title, picks, often = "Activations", True, True
    about = (
        "What every hidden unit answers to the picked image: the darker, the stronger. Behind a ReLU most say nothing "
        "to most images."
    )

    def make(self):
        self.answer = text("", "mnistlab-activations", lab=self.lab)
        return (self.answer,)

    async def draw(self, look):
        parts, x, start = [], look.x, 0
        for stage in look.hidden:
            x, start = through(look.network, x, start, stage.stop), stage.stop
            parts.append(_layer(look, stage, x))
        image = figure(
            look.dataset.image(look.row), look.said(look.row),
            t("is {label}, read as {answer}", label=escape(look.names[look.label]),
              answer=read_as(look.probabilities, look.names)), 112,
        )
        if not parts:
            words = t("This network has no hidden layer: its pixels lead straight to the classes.")
            parts = [f"<p>{words}</p>"]
        self.answer.value = f'<div class="mnistlab-look">{image}<div>{"".join(parts)}</div></div>'


def _layer(look, stage, features):
    """One hidden layer's answers, as a picture and in words."""
    channels = features.ndim > 2
    values = features[..., 0] if channels else features[0]
    scale = float(np.abs(values).max())
    if channels:
        places = sheet(shades(values, scale), 8, 2)
        strengths, width = values.max(axis=(1, 2)), min(8, len(values)) * 60
    else:
        columns = min(32, len(values))
        places = sheet(np.kron(shades(values[:, None, None], scale), np.ones((1, 8, 8), np.uint8)), columns)
        strengths, width = values, columns * 18
    most = np.argsort(-strengths)[:STRONGEST]
    kind = "channel" if channels else "unit"
    strongest = t(", ").join(t(NAMED[kind], number=unit + 1, answer=strengths[unit]) for unit in most)
    said = t(ANSWERS[kind], layer=stage.title, count=len(values), strongest=strongest)
    summary = t(AWAKE[kind], awake=int((strengths > 0).sum()), count=len(values), strongest=strongest)
    weights = ""
    if stage == look.hidden[0] and not channels:
        filters = first_filters(look.network)[most]
        size, image = float(np.abs(filters).max()), look.dataset.image(look.row)
        weights = "".join(
            figure(
                over(image, values, size), t("Weights of unit {number}", number=unit + 1),
                t("unit {number}", number=unit + 1), 56,
            )
            for unit, values in zip(most, filters)
        )
        words = t("What the strongest look for, over the image:")
        weights = f"<p>{words}</p><div class='mnistlab-steps'>{weights}</div>"
    return (
        f"<h3>{stage.title}</h3>{picture(coloured(places), said, width)}<p class='mnistlab-small'>{summary}</p>"
        f"{weights}"
    )


class Pixels(Part):
    title, picks, often = "Which pixels matter", True, True
    about = (
        "Two ways to ask which pixels speak for a class. Orange speaks for it, blue against it. They need not agree: "
        "one follows the formula, the other really hides parts of the image."
    )

    def make(self):
        options = [(t("the predicted class"), ANY)]
        self.label = make(self.lab, Choice, description=t("Evidence for"), options=options)
        self.maps = text("", "mnistlab-pixels", lab=self.lab)
        self.on(self.label)
        return row(self.label), self.maps

    async def draw(self, look):
        options = [(t("the predicted class"), ANY), *((name, k) for k, name in enumerate(look.names))]
        self.label.offer(options)
        probabilities, pixels = look.probabilities, look.dataset.image(look.row)
        label = int(probabilities.argmax()) if self.label.value == ANY else self.label.value
        name = look.names[label]
        gradient, product = (each.reshape(look.shape) for each in gradient_times_input(look.network, look.x, [label]))
        hidden = occlusion(look.network, look.x[0], label, look.shape, min(6, *look.shape), 2, look.black())
        answer = t("read as {answer}", answer=read_as(probabilities, look.names))
        figures = (
            (pixels, look.said(look.row), answer),
            (over(pixels, product), t("Gradient times input for {label}", label=name), t("gradient × input")),
            (over(pixels, hidden), t("Occlusion for {label}", label=name), t("occlusion")),
            (over(pixels, gradient), t("The gradient alone, for {label}", label=name), t("the gradient alone")),
        )
        self.maps.value = (
            f'<div class="mnistlab-maps">{"".join(figure(*each, 196) for each in figures)}</div>'
            f"<p>{self._most(look, hidden, label, probabilities)}</p>"
            f"<p class='mnistlab-small'>{t(MAPS, label=escape(name))}</p>"
        )

    def _most(self, look, hidden, label, probabilities):
        """What the strongest place of the occlusion map means, tried out."""
        i, j = (int(place) for place in np.unravel_index(hidden.argmax(), hidden.shape))
        covered = look.x.reshape(look.shape).copy()
        covered[max(0, i - 3) : i + 3, max(0, j - 3) : j + 3] = look.black()
        left = softmax(as_rows(through(look.network, covered.reshape(1, -1))))[0]
        return t(
            "The place that matters most is around row {row}, column {column}: hide it, and the probability of {label} "
            "goes from {before:.1%} to {after:.1%}; the answer is then {answer}.",
            row=i + 1, column=j + 1, label=escape(look.names[label]), before=probabilities[label], after=left[label],
            answer=read_as(left, look.names),
        )
