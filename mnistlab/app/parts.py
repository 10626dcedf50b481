"""What several panels are made of: the frame, a control made from the settings table, an image within a page."""

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


def row(*widgets):
    """Buttons and what goes with them, side by side where there is room."""
    made = ipywidgets.HBox(widgets)
    made.add_class("mnistlab-buttons")
    return made


class Opening(ipywidgets.VBox):
    """A button and what it opens, which is made when it is first opened: a page starts with few widgets.

    label: the button's; make: a function that returns the widgets; lab: guards it.
    """

    def __init__(self, label, make, lab):
        self.toggle = ipywidgets.ToggleButton(description=label)
        self.toggle.add_class("mnistlab-toggle")
        self._make, self._made = make, None
        super().__init__([self.toggle])
        self.toggle.observe(lab.guard(self._on_toggle), "value")

    @property
    def is_open(self):
        return self.toggle.value

    def _on_toggle(self, change):
        if self._made is None:
            self._made = tuple(self._make())
        self.children = (self.toggle, *(self._made if change["new"] else ()))


class Controls(ipywidgets.Box):
    """Controls for some settings, each as the settings table describes it, that follow the lab's settings.

    lab: the shared Lab; names: of the settings. `widgets` are the controls by name. They share one layout and one
    style, for each of those is a model that the page has to load.
    """

    def __init__(self, lab, names, *others):
        self.lab, self._following = lab, False
        self._layout, self._style = ipywidgets.Layout(), {}
        self.widgets = {name: self._control(name) for name in names}
        boxes = [
            ipywidgets.VBox([widget, self._help(TABLE[name].metadata["help"])], layout=self._layout)
            for name, widget in self.widgets.items()
        ]
        super().__init__([*others, *boxes])
        self.add_class("mnistlab-controls")
        lab.observe(lab.guard(lambda change: self._follow()), "settings_seen")

    def _control(self, name):
        about, kind = TABLE[name].metadata, TABLE[name].type
        low, high = about["slider"]
        common = dict(description=about["label"], layout=self._layout)
        if kind is bool:
            widget = ipywidgets.Checkbox(indent=False, **common)
        elif kind is str:
            widget = ipywidgets.Dropdown(options=about["choices"], **common)
        elif name == "seed":
            widget = ipywidgets.BoundedIntText(min=low, max=high, **common)
        elif about["scale"] == "log" and kind is float:
            ends = [round(math.log10(bound), 6) for bound in (low, high)]
            widget = ipywidgets.FloatLogSlider(
                value=low, base=10, min=ends[0], max=ends[1], step=0.1, readout_format=".3g", continuous_update=False,
                **common,
            )
        elif about["scale"] == "log":  # whole numbers: every power of two
            powers = [2**power for power in range(round(math.log2(low)), round(math.log2(high)) + 1)]
            widget = ipywidgets.SelectionSlider(options=powers, continuous_update=False, **common)
        elif kind is int:
            widget = ipywidgets.IntSlider(min=low, max=high, continuous_update=False, **common)
        else:
            widget = ipywidgets.FloatSlider(
                min=low, max=high, step=(high - low) / 100, readout_format=".3g", continuous_update=False, **common
            )
        widget.style = self._style.setdefault(type(widget.style), widget.style)
        self._set(name, widget)
        widget.observe(self.lab.guard(lambda change: self._on_value(name, change["new"])), "value")
        return widget

    def _help(self, sentence):
        made = ipywidgets.HTML(f"<p>{escape(sentence)}</p>", layout=self._layout)
        made.style = self._style.setdefault(type(made.style), made.style)
        made.add_class("mnistlab-help")
        return made

    def _on_value(self, name, value):
        if not self._following:
            self.lab.change(name, value)

    def _follow(self):
        """Show the settings as they are, whoever changed them: a preset, a hint, another panel."""
        self._following = True
        try:
            for name, widget in self.widgets.items():
                self._set(name, widget)
        finally:
            self._following = False

    def _set(self, name, widget):
        """The nearest that the control can show; a slider's range is narrower than the setting's."""
        value = getattr(self.lab.settings, name)
        if isinstance(widget, ipywidgets.SelectionSlider):
            value = min(widget.options, key=lambda option: abs(option - value))
        elif hasattr(widget, "max") and not isinstance(widget, ipywidgets.FloatLogSlider):
            value = min(max(value, widget.min), widget.max)
        elif hasattr(widget, "max"):
            value = min(max(value, widget.base**widget.min), widget.base**widget.max)
        if widget.value != value:
            widget.value = value


def help_text(sentence):
    """A control's sentence of help."""
    return text(f"<p>{escape(sentence)}</p>", "mnistlab-help")


def picture(pixels, alt, size):
    """An <img> of uint8 pixels (rows, columns) or of a PIL image, with alternative text, `size` CSS pixels wide."""
    if not isinstance(pixels, Image.Image):
        pixels = Image.fromarray(pixels)
    content = base64.b64encode(png(pixels)).decode()
    return f'<img src="data:image/png;base64,{content}" alt="{escape(alt)}" width="{size}">'
