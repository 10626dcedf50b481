"""What several panels are made of: the frame, a control made from the settings table, an image within a page."""

import base64
import math
from html import escape

import ipywidgets
from PIL import Image

from ..images import png
from ..language import t
from ..settings import TABLE
from .lab import Lab


class Panel(ipywidgets.VBox):
    """A panel: a column of widgets that shows itself, with the lab's browser helper beside them.

    lab: the shared Lab; without one the panel makes its own. name: what an address calls it by.

    A panel makes its widgets in `build`, and again when the page's language turns out to be another one: the kernel may
    have begun before any page asked for it, and JupyterLab may show what goes on in it in another browser later.
    `stays` names the attributes whose widgets have their values set again then; what is open stays open.
    """

    name, stays = "", ()

    def __init__(self, lab=None):
        self.lab = lab or Lab()
        super().__init__(layout=shared(self.lab, ipywidgets.Layout))
        self.add_class("mnistlab")
        self.add_class(f"mnistlab-panel-{self.name}")
        self.lab.panels.append(self)
        self.build()

    def build(self):
        """Make the widgets and show them; observe the lab, which has forgotten every observer before it asks again."""
        raise NotImplementedError

    def rebuild(self):
        """Make the widgets anew; those before go, but for what the lab keeps for all."""
        before = list(_all(self))
        values = [getattr(self, name).value for name in self.stays]
        opened = [each.is_open for each in before if isinstance(each, Opening)]
        self.build()
        for name, value in zip(self.stays, values):
            getattr(self, name).value = value
        for opening, is_open in zip([each for each in _all(self) if isinstance(each, Opening)], opened, strict=True):
            opening.toggle.value = is_open
        keep = {*_all(self), *self.lab.shared.values()}
        for widget in before:
            if widget not in keep:
                widget.close()

    def show(self, *widgets):
        """Put these widgets into the panel, top to bottom."""
        self.children = (*widgets, self.lab.browser)


def _all(widget):
    """A widget, all within it, shown or not, and their layouts and styles."""
    yield widget
    for child in dict.fromkeys((*getattr(widget, "children", ()), *getattr(widget, "held", ()))):
        yield from _all(child)
    for name in ("layout", "style"):
        if widget.has_trait(name):
            yield getattr(widget, name)


def make(lab, kind, **options):
    """A widget of this kind with the layout and the style that all its like in a page share.

    Its own would be two more models for the page to load; looks come from the style sheet.
    """
    for name, klass in (("layout", ipywidgets.Layout), ("style", kind.class_traits()["style"].klass)):
        options[name] = shared(lab, klass)
    if kind.class_traits().get("tooltip"):
        options.setdefault("tooltip", "")  # of None, browsers would show the word "null" under the mouse
    return kind(**options)


def shared(lab, klass):
    """The one layout, or the one style of its class, that the widgets of a lab share."""
    if klass not in lab.shared:
        lab.shared[klass] = klass()
    return lab.shared[klass]


def text(html="", *classes, lab=None):
    """A widget of HTML that is changed later; classes name it for style sheets and tests. lab: as for `make`."""
    widget = make(lab, ipywidgets.HTML, value=html) if lab else ipywidgets.HTML(html)
    for name in classes:
        widget.add_class(name)
    return widget


def button(label, on_click, lab, primary=False):
    """A button whose click is guarded."""
    made = make(lab, ipywidgets.Button, description=label)
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

    label: the button's; contents: a function that returns the widgets; lab: guards it; refresh: called whenever it is
    opened, for what follows the lab only while it is open.
    """

    def __init__(self, label, contents, lab, refresh=None):
        self.toggle = make(lab, ipywidgets.ToggleButton, description=label)
        self.toggle.add_class("mnistlab-toggle")
        self._contents, self._refresh, self._made = contents, refresh, None
        super().__init__([self.toggle], layout=self.toggle.layout)
        self.add_class("mnistlab-opening")
        self.toggle.observe(lab.guard(self._on_toggle), "value")

    @property
    def is_open(self):
        return self.toggle.value

    @property
    def held(self):
        """The widgets that it shows when it is open, none before the first time."""
        return self._made or ()

    @property
    def is_made(self):
        """Whether it has ever been opened."""
        return self._made is not None

    def _on_toggle(self, change):
        if self._made is None:
            self._made = tuple(self._contents())
        if change["new"] and self._refresh:
            self._refresh()
        self.children = (self.toggle, *(self._made if change["new"] else ()))


def slider(lab, kind, **options):
    """A slider, as `make` makes it, that reads what is typed beside it."""
    made = make(lab, kind, **options)
    read_typed(lab, made)
    return made


def read_typed(lab, control, take=None):
    """Give each number that is typed beside a slider to take(number); without it, the slider takes the nearest it can.

    ipywidgets alone would make 0 of "0,05".
    """
    name = control.model_id  # what the page calls it by
    control.add_class(f"mnistlab-of-{name}")

    def on_typed(which, typed):
        if which == name:
            number = _typed_number(control.description, typed, isinstance(control, ipywidgets.IntSlider))
            if take:
                take(number)
            else:
                control.value = number

    lab.browser.on_act("typed", lab.guard(on_typed))


def set_range(control, box, low, high):
    """Give a slider in a box other ends. The page makes it anew, or its keys Home and End would go to the old ones."""
    if (control.min, control.max) != (low, high):
        control.min = min(control.min, low)  # at no time above the highest
        control.max = high
        control.min = low
        children, box.children = box.children, ()
        box.children = children


def _typed_number(title, typed, whole):
    """The number that was typed beside a slider as its reader writes it, 0,05 or 50 % or 1,000; an int where `whole`.

    title: of the slider, for the ValueError if it is none.
    """
    from ..exercises.answers import number_in

    number = number_in(typed)
    if number is None:
        raise ValueError(t(
            "{setting}: “{typed}” is not read as a number. Write one such as 0.05 or 1000.",
            setting=title, typed=typed[:30],
        ))
    if whole and not number.is_integer():
        raise ValueError(t("{setting}: “{typed}” is no whole number.", setting=title, typed=typed[:30]))
    return int(number) if whole else number


class Controls(ipywidgets.Box):
    """Controls for some settings, each as the settings table describes it, that follow the lab's settings.

    lab: the shared Lab; names: of the settings. `widgets` are the controls by name. They share one layout and one
    style, for each of those is a model that the page has to load.
    """

    def __init__(self, lab, names, *others):
        self.lab, self._following = lab, False
        self.widgets = {name: self._control(name) for name in names}
        self._boxes = {
            name: ipywidgets.VBox([widget, help_text(_help(name), lab)], layout=widget.layout)
            for name, widget in self.widgets.items()
        }
        super().__init__([*others, *self._boxes.values()])
        self.add_class("mnistlab-controls")
        lab.browser.on_act("typed", lab.guard(self._on_typed))
        lab.observe(lab.guard(lambda change: self._follow()), "settings_seen")
        lab.observe(lab.guard(lambda change: self._follow_link()), "link")
        self._follow_link()

    def _control(self, name):
        about, kind = TABLE[name].metadata, TABLE[name].type
        low, high = about["slider"]
        common = dict(description=t(about["label"]))
        if kind is bool:
            widget = make(self.lab, ipywidgets.Checkbox, indent=False, **common)
        elif kind is str:
            choices = [(t(choice), choice) for choice in about["choices"]]
            widget = make(self.lab, ipywidgets.Dropdown, options=choices, **common)
        elif name == "seed":
            widget = make(self.lab, ipywidgets.BoundedIntText, min=low, max=high, **common)
        else:
            widget = self._slider(kind, low, high, about["scale"], dict(continuous_update=False, **common))
        widget.add_class(f"mnistlab-of-{name}")
        self._set(name, widget)
        widget.observe(self.lab.guard(lambda change: self._on_value(name, change["new"])), "value")
        return widget

    def _slider(self, kind, low, high, scale, common):
        if scale == "log" and kind is float:
            low_exponent, high_exponent = _exponents(low, high)
            return make(
                self.lab, ipywidgets.FloatLogSlider, value=low, base=10, min=low_exponent, max=high_exponent, step=0.1,
                readout_format=".3g", **common,
            )
        if scale == "log":
            return make(self.lab, ipywidgets.SelectionSlider, options=_powers(low, high), **common)
        if kind is int:
            return make(self.lab, ipywidgets.IntSlider, min=low, max=high, **common)
        step = (high - low) / 100
        return make(self.lab, ipywidgets.FloatSlider, min=low, max=high, step=step, readout_format=".3g", **common)

    def _on_value(self, name, value):
        if not self._following:
            self.lab.change(name, value)

    def _on_typed(self, name, typed):
        """A number typed beside a slider, beyond its range too; ValueError for one that the setting cannot have."""
        if name in self.widgets:
            title, kind = t(TABLE[name].metadata["label"]), TABLE[name].type
            self.lab.change(name, _typed_number(title, typed, kind is int))

    def _follow_link(self):
        for name, widget in self.widgets.items():
            widget.disabled = name in self.lab.link.lock
            set_hidden(self._boxes[name], name in self.lab.link.hide)

    def _follow(self):
        """Show the settings as they are, whoever changed them: a preset, a hint, another panel."""
        self._following = True
        try:
            for name, widget in self.widgets.items():
                self._set(name, widget)
        finally:
            self._following = False

    def _set(self, name, widget):
        """Show the value. A control's range is narrower than the setting's: it is widened while it has to be."""
        value, ends = getattr(self.lab.settings, name), TABLE[name].metadata["slider"]
        with widget.hold_sync():  # the page is sent the end of it alone
            if isinstance(widget, ipywidgets.SelectionSlider):
                options = tuple(sorted({*_powers(*ends), value}))
                if widget.options != options:
                    widget.options = options
            elif hasattr(widget, "max"):
                low, high = min(ends[0], value), max(ends[1], value)
                if isinstance(widget, ipywidgets.FloatLogSlider):
                    low, high = _exponents(low, high)
                widget.min, widget.max = low, high
            if widget.value != value:
                widget.value = value


def _help(name):
    """The sentence of help of a setting, with the unit of what is not simply counted."""
    about = TABLE[name].metadata
    measured = about["unit"] and TABLE[name].type is float
    return t(" ").join([t(about["help"]), t("In {unit}.", unit=t(about["unit"]))] if measured else [t(about["help"])])


def _powers(low, high):
    """Every power of two from low to high: what a slider for whole numbers of all sizes stops at."""
    return [2**power for power in range(round(math.log2(low)), round(math.log2(high)) + 1)]


def _exponents(low, high):
    """The ends of a slider of powers of ten, rounded away from each other: low and high lie within."""
    return math.floor(1e6 * math.log10(low)) / 1e6, math.ceil(1e6 * math.log10(high)) / 1e6


def set_hidden(widget, hidden):
    """Take a widget out of the page, or put it back."""
    (widget.add_class if hidden else widget.remove_class)("mnistlab-hidden")


def help_text(sentence, lab=None):
    """A control's sentence of help. lab: as for `make`."""
    return text(f"<p>{escape(sentence)}</p>", "mnistlab-help", lab=lab)


def picture(pixels, alt, size):
    """An <img> of uint8 pixels (rows, columns) or of a PIL image, with alternative text, `size` CSS pixels wide."""
    if not isinstance(pixels, Image.Image):
        pixels = Image.fromarray(pixels)
    content = base64.b64encode(png(pixels)).decode()
    return f'<img src="data:image/png;base64,{content}" alt="{escape(alt)}" width="{size}">'
