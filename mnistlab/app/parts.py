"""What several panels are made of: the frame, a control made from the settings table, a picture within a page."""

import base64
import math
from html import escape

import ipywidgets
from PIL import Image

from ..images import png
from ..settings import TABLE
from .lab import Lab


class Panel(ipywidgets.VBox):
    """A panel: a column of widgets that shows itself, with the lab's browser helper beside them."""

    def __init__(self, lab=None):
        self.lab = lab or Lab()
        super().__init__()
        self.add_class("mnistlab")

    def show(self, *widgets):
        """Put these widgets into the panel, top to bottom."""
        self.children = (*widgets, self.lab.browser)


def text(html="", *classes):
    """A widget of HTML that is changed later; classes name it for style sheets and tests."""
    widget = ipywidgets.HTML(html)
    for name in classes:
        widget.add_class(name)
    return widget


def button(label, on_click, lab, primary=False):
    """A button whose click is guarded."""
    made = ipywidgets.Button(description=label)
    made.add_class("mnistlab-primary" if primary else "mnistlab-plain")
    made.on_click(lab.guard(lambda _: on_click()))
    return made


def help_text(sentence):
    """A control's sentence of help."""
    return text(f"<p>{escape(sentence)}</p>", "mnistlab-help")


def setting_slider(lab, name):
    """(slider, slider with its help): a slider for one setting, as the settings table describes it."""
    about = TABLE[name].metadata
    low, high = about["slider"]
    common = dict(description=about["label"], continuous_update=False)
    value = min(max(getattr(lab.settings, name), low), high)
    if about["scale"] == "log" and TABLE[name].type is float:
        exponents = [round(math.log10(bound), 6) for bound in (low, high)]
        slider = ipywidgets.FloatLogSlider(
            value, base=10, min=exponents[0], max=exponents[1], step=0.1, readout_format=".3g", **common
        )
    else:
        kind = ipywidgets.IntSlider if TABLE[name].type is int else ipywidgets.FloatSlider
        slider = kind(value, min=low, max=high, **common)
    slider.observe(lab.guard(lambda change: lab.change(name, change["new"])), "value")
    return slider, ipywidgets.VBox([slider, help_text(about["help"])])


def picture(pixels, alt, size):
    """An <img> of uint8 pixels (rows, columns) or of a PIL picture, with alternative text, `size` CSS pixels wide."""
    if not isinstance(pixels, Image.Image):
        pixels = Image.fromarray(pixels)
    content = base64.b64encode(png(pixels)).decode()
    return f'<img src="data:image/png;base64,{content}" alt="{escape(alt)}" width="{size}">'
