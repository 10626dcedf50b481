"""The part of the inside panel that does one image's sums, layer by layer, down to the softmax and its temperature."""

from html import escape

import ipywidgets
import numpy as np

from ..convolution import Conv2D, Flatten, MaxPool2D, Reshape
from ..inspection import tempered, through, weighted_sum
from ..layers import BatchNorm, Dense, Dropout, LeakyReLU, ReLU, Sigmoid, Tanh
from .inside_part import ANY, Choice, Part, figure
from .parts import make, row, text

TERMS = 3
RULES = {
    ReLU: "max(x, 0)", LeakyReLU: "x, or a little of it below 0", Sigmoid: "1 / (1 + exp(−x))", Tanh: "tanh(x)",
    BatchNorm: "minus the running mean, over the deviation, scaled and shifted",
    Dropout: "nothing: only while it learns",
    Flatten: "images become one row", Reshape: "one row becomes an image", MaxPool2D: "the largest of each square",
}


class Steps(Part):
    title, picks, often = "Step by step", True, True
    about = "Every sum from the pixels to the answer of the picked image. Follow a unit, a class, and the temperature."

    def make(self):
        lab = self.lab
        self.unit = make(lab, ipywidgets.IntSlider, description="Unit to follow", min=1, max=1)
        self.label = make(lab, Choice, description="Class to follow", options=[("the predicted class", ANY)])
        self.temperature = make(
            lab, ipywidgets.FloatLogSlider, description="Temperature", base=10, min=-1, max=1, step=0.05, value=1.0,
            readout_format=".2f",
        )
        self.sums = text("", "mnistlab-sums", lab=lab)
        self.on(self.unit, self.label, self.temperature)
        self.sliders = ipywidgets.Box([self.unit, self.temperature], layout=self.unit.layout)
        self.sliders.add_class("mnistlab-controls")
        return row(self.label), self.sliders, self.sums

    async def draw(self, look):
        self.reach(self.unit, self.sliders, min((stage.units for stage in look.hidden), default=1))
        self.label.offer([("the predicted class", ANY), *((name, k) for k, name in enumerate(look.names))])
        logits = through(look.network, look.x)
        label = int(logits.argmax()) if self.label.value == ANY else self.label.value
        words = f"is {escape(look.names[look.label])}"
        image = figure(look.dataset.image(look.row), look.said(look.row).capitalize(), words, 112)
        table = self._layers(look, label)
        classes = self._classes(logits, look.names)
        self.sums.value = f'<div class="mnistlab-look">{image}<div>{table}</div></div>{classes}'

    def _layers(self, look, label):
        """A line a layer: what it does, and the number that comes of it for the unit or class that is followed."""
        unit, x, last = self.unit.value - 1, look.x, look.stages[-1].weights
        lines = [_line("Pixels", f"{look.x.size} numbers, ink is large", f"the largest is {x.max():.2f}")]
        for place, layer in enumerate(look.network.layers):
            kind, given = type(layer), x
            x = through(look.network, x, place, place + 1)
            if kind in (Dense, Conv2D):
                one = label if place == last else unit
                found = weighted_sum(layer, given, one)
                what = f"class {escape(look.names[one])}" if place == last else f"unit {one + 1}"
                where = f", row {found.place[0] + 1}, column {found.place[1] + 1}" if found.place else ""
                rule = f"{what}{where}: a sum of {len(found.weights)} products and a bias"
                lines.append(_line(_said(layer, x), rule, _sum(found)))
                if place == last and given.ndim == 2 and unit < given.shape[1] and look.hidden:
                    share = _number(found.inputs[unit] * found.weights[unit], 3)
                    lines.append(_line("of that", f"from unit {unit + 1}", f"{_product(found, unit)} = <b>{share}</b>"))
            elif kind in (ReLU, LeakyReLU, Sigmoid, Tanh, BatchNorm) and x.ndim == 2 and unit < x.shape[1]:
                before, after = _number(given[0, unit], 3), _number(x[0, unit], 3)
                lines.append(_line(kind.__name__, RULES[kind], f"{before} becomes <b>{after}</b>"))
            elif kind in (ReLU, LeakyReLU, Sigmoid, Tanh, BatchNorm) and x.ndim == 4:
                largest = _number(x[unit].max(), 3)
                lines.append(_line(kind.__name__, RULES[kind], f"channel {unit + 1}: the largest is {largest}"))
            else:
                lines.append(_line(kind.__name__, RULES.get(kind, ""), f"{_size(x)}"))
        return (
            '<div class="mnistlab-wide"><table><caption>From the pixels to the logits</caption><tr>'
            '<th scope="col">layer</th><th scope="col">what it does</th><th scope="col">what comes of it</th></tr>'
            f'{"".join(lines)}</table></div>'
        )

    def _classes(self, logits, names):
        """From logits to probabilities: over the temperature, exponential, share of the sum."""
        temperature = float(self.temperature.value)
        z, p = logits[0].astype(float), tempered(logits, temperature)[0]
        powers = np.exp((z - z.max()) / temperature)
        best = int(z.argmax())
        lines = "".join(
            f'<tr{" class=mnistlab-best" if k == best else ""}><th scope="row">{escape(name)}</th>'
            f"<td>{_number(z[k], 2)}</td><td>{_number(z[k] / temperature, 2)}</td><td>{powers[k]:.4f}</td>"
            f'<td>{p[k]:.2%}</td><td class="mnistlab-bar"><span style="width:{100 * p[k]:.1f}%"></span></td></tr>'
            for k, name in enumerate(names)
        )
        return (
            '<div class="mnistlab-wide"><table class="mnistlab-softmax"><caption>From the logits to probabilities: '
            f"softmax at temperature {temperature:.2f}</caption>"
            '<tr><th scope="col">class</th><th scope="col">logit z</th><th scope="col">z / T</th>'
            '<th scope="col">exp(z / T − largest)</th><th scope="col">share of the sum</th><td></td></tr>'
            f'{lines}<tr><th scope="row">sum</th><td></td><td></td><td>{powers.sum():.4f}</td><td>{p.sum():.0%}</td>'
            "<td></td>"
            "</tr></table></div><p class='mnistlab-small'>At temperature 1 this is the network's own answer. A "
            "higher one makes it less sure and shows what else it finds likely, a lower one surer; the order of the "
            "classes never changes (Hinton et al. 2015). The largest is taken off first so that no exponential "
            "overflows.</p>"
        )


def _line(layer, rule, result):
    kind = ' class="mnistlab-sum"' if "(the rest)" in result else ""
    return f'<tr{kind}><th scope="row">{layer}</th><td>{rule}</td><td>{result}</td></tr>'


def _said(layer, x):
    return f"Dense, {layer.outputs}" if isinstance(layer, Dense) else f"Conv2D, {_size(x)}"


def _size(x):
    return f"{x.shape[1]} values" if x.ndim == 2 else "{} × {} × {}".format(*x.shape[:3])


def _sum(found):
    """The largest products of a weighted sum, what all others come to, and the result."""
    products = found.inputs * found.weights
    largest = np.argsort(-np.abs(products), kind="stable")[:TERMS]
    largest = largest[products[largest] != 0]
    words = " + ".join(_product(found, k) for k in largest)
    rest = float(products.sum() - products[largest].sum())
    return f"{words} {_signed(rest)} (the rest) {_signed(found.bias)} (bias) = <b>{_number(found.value, 3)}</b>"


def _product(found, k):
    """One term of a weighted sum: "0.98·(−0.21)"."""
    weight = _number(found.weights[k], 2)
    return f"{_number(found.inputs[k], 2)}·{f'({weight})' if weight.startswith('−') else weight}"


def _number(value, digits):
    """A number with a real minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def _signed(value):
    return f"{'+' if value >= 0 else '−'} {abs(value):.3f}"
