"""The part of the inside panel that does one image's sums, layer by layer, down to the softmax and its temperature."""

from html import escape

import ipywidgets
import numpy as np

from ..convolution import Conv2D
from ..inspection import tempered, through, weighted_sum
from ..language import t
from ..layers import BatchNorm, Dense, LeakyReLU, ReLU, Sigmoid, Tanh
from .inside_part import ANY, Choice, Part, figure
from .parts import make, row, set_hidden, set_range, slider, text

TERMS = 3
# What a layer does, by the name of its class.
FORMULAS = {"ReLU": "max(x, 0)", "Sigmoid": "1 / (1 + exp(−x))", "Tanh": "tanh(x)"}
RULES = {
    "LeakyReLU": "x, or a little of it below 0",
    "BatchNorm": "minus the running mean, over the deviation, scaled and shifted",
    "Dropout": "nothing: only while it learns", "Flatten": "images become one row",
    "Reshape": "one row becomes an image", "MaxPool2D": "the largest of each square",
}
SUMS = {
    "class": "class {name}: a sum of {count} products and a bias",
    "unit": "unit {number}: a sum of {count} products and a bias",
    "place": "unit {number}, row {row}, column {column}: a sum of {count} products and a bias",
}
TEMPERATURE = (
    "At temperature 1 this is the network's own answer. A higher one makes it less sure and shows what else it finds "
    "likely, a lower one surer; the order of the classes never changes (Hinton et al. 2015). The largest is taken off "
    "first so that no exponential overflows."
)


class Steps(Part):
    title, picks, often = "Step by step", True, True
    about = (
        "Every sum from the pixels to the answer of the picked image. The last ones, a number for each class, are the "
        "logits; softmax makes probabilities of them. Follow a unit, a class, and the temperature."
    )

    def make(self):
        lab = self.lab
        self.unit = slider(lab, ipywidgets.IntSlider, description=t("Unit to follow"), min=1, max=1)
        options = [(t("the predicted class"), ANY)]
        self.label = make(lab, Choice, description=t("Class to follow"), options=options)
        self.temperature = slider(
            lab, ipywidgets.FloatLogSlider, description=t("Temperature"), base=10, min=-1, max=1, step=0.05, value=1.0,
            readout_format=".2f",
        )
        self.sums = text("", "mnistlab-sums", lab=lab)
        self.on(self.unit, self.label, self.temperature)
        self.sliders = ipywidgets.Box([self.unit, self.temperature], layout=self.unit.layout)
        self.sliders.add_class("mnistlab-controls")
        return row(self.label), self.sliders, self.sums

    async def draw(self, look):
        set_hidden(self.unit, not look.hidden)
        set_range(self.unit, self.sliders, 1, min((stage.units for stage in look.hidden), default=1))
        self.label.offer([(t("the predicted class"), ANY), *((name, k) for k, name in enumerate(look.names))])
        logits = through(look.network, look.x)
        label = int(logits.argmax()) if self.label.value == ANY else self.label.value
        words = t("is {label}", label=escape(look.names[look.label]))
        image = figure(look.dataset.image(look.row), look.said(look.row), words, 112)
        table = self._layers(look, label)
        classes = self._classes(logits, look.names)
        self.sums.value = f'<div class="mnistlab-look">{image}<div>{table}</div></div>{classes}'

    def _layers(self, look, label):
        """A line a layer: what it does, and the number that comes of it for the unit or class that is followed."""
        unit, x, last = self.unit.value - 1, look.x, look.stages[-1].weights
        lines = [
            _line(t("Pixels"), t("{count} numbers, ink is large", count=look.x.size),
                  t("the largest is {value:.2f}", value=x.max())),
        ]
        for place, layer in enumerate(look.network.layers):
            kind, given = type(layer), x
            x = through(look.network, x, place, place + 1)
            if kind in (Dense, Conv2D):
                one = label if place == last else unit
                found = weighted_sum(layer, given, one)
                sort = "class" if place == last else "place" if found.place else "unit"
                i, j = found.place or (0, 0)
                rule = t(SUMS[sort], name=escape(look.names[one]) if place == last else "", number=one + 1, row=i + 1,
                         column=j + 1, count=len(found.weights))
                lines.append(_line(_said(layer, x), rule, _sum(found), is_sum=True))
                if place == last and given.ndim == 2 and unit < given.shape[1] and look.hidden:
                    share = _number(found.inputs[unit] * found.weights[unit], 3)
                    which = t("from unit {number}", number=unit + 1)
                    lines.append(_line(t("of that"), which, f"{_product(found, unit)} = <b>{share}</b>"))
            elif kind in (ReLU, LeakyReLU, Sigmoid, Tanh, BatchNorm) and x.ndim == 2 and unit < x.shape[1]:
                before, after = _number(given[0, unit], 3), _number(x[0, unit], 3)
                became = t("{before} becomes <b>{after}</b>", before=before, after=after)
                lines.append(_line(kind.__name__, _rule(kind), became))
            elif kind in (ReLU, LeakyReLU, Sigmoid, Tanh, BatchNorm) and x.ndim == 4:
                largest = _number(x[unit].max(), 3)
                words = t("channel {number}: the largest is {value}", number=unit + 1, value=largest)
                lines.append(_line(kind.__name__, _rule(kind), words))
            else:
                lines.append(_line(kind.__name__, _rule(kind), _size(x)))
        heads = _heads(t("layer"), t("what it does"), t("what comes of it"))
        return (
            f'<div class="mnistlab-wide"><table><caption>{t("From the pixels to the logits")}</caption>'
            f'<tr>{heads}</tr>{"".join(lines)}</table></div>'
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
        caption = t("From the logits to probabilities: softmax at temperature {value:.2f}", value=temperature)
        heads = _heads(t("class"), t("logit z"), "z / T", t("exp(z / T − largest)"), t("share of the sum"))
        return (
            f'<div class="mnistlab-wide"><table class="mnistlab-softmax"><caption>{caption}</caption>'
            f'<tr>{heads}<td></td></tr>{lines}<tr><th scope="row">{t("sum")}</th><td></td><td></td>'
            f"<td>{powers.sum():.4f}</td><td>{p.sum():.0%}</td><td></td></tr></table></div>"
            f"<p class='mnistlab-small'>{t(TEMPERATURE)}</p>"
        )


def _heads(*words):
    return "".join(f'<th scope="col">{each}</th>' for each in words)


def _rule(kind):
    name = kind.__name__
    return t(RULES[name]) if name in RULES else FORMULAS.get(name, "")


def _line(layer, rule, result, is_sum=False):
    kind = ' class="mnistlab-sum"' if is_sum else ""
    return f'<tr{kind}><th scope="row">{layer}</th><td>{rule}</td><td>{result}</td></tr>'


def _said(layer, x):
    return f"Dense, {layer.outputs}" if isinstance(layer, Dense) else f"Conv2D, {_size(x)}"


def _size(x):
    return t("{count} values", count=x.shape[1]) if x.ndim == 2 else "{} × {} × {}".format(*x.shape[:3])


def _sum(found):
    """The largest products of a weighted sum, what all others come to, and the result."""
    products = found.inputs * found.weights
    largest = np.argsort(-np.abs(products), kind="stable")[:TERMS]
    largest = largest[products[largest] != 0]
    words = " + ".join(_product(found, k) for k in largest)
    rest = float(products.sum() - products[largest].sum())
    return t(
        "{terms} {rest} (the rest) {bias} (bias) = <b>{value}</b>", terms=words, rest=_signed(rest),
        bias=_signed(found.bias), value=_number(found.value, 3),
    )


def _product(found, k):
    """One term of a weighted sum: "0.98·(−0.21)"."""
    weight = _number(found.weights[k], 2)
    return f"{_number(found.inputs[k], 2)}·{f'({weight})' if weight.startswith('−') else weight}"


def _number(value, digits):
    """A number with a real minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def _signed(value):
    return f"{'+' if value >= 0 else '−'} {abs(value):.3f}"
