"""A picture that follows its controls: what the lessons use where a whole panel would be too much."""

from html import escape

import ipywidgets

from ..language import t
from .keeper import watch
from .lab import sentence_of
from .parts import Panel, read_typed, text


class Live(Panel):
    """Calls a function again whenever a control moves, and shows what it returns.

    function: takes the controls' values by name, returns something with `_repr_html_`, or HTML; it may take a second
    or two, not more, for nothing else happens meanwhile. controls: ipywidgets by name; their descriptions are labels.
    `shown` is what was shown last. Errors become a sentence below the controls. A slider takes the nearest that it can
    to a number that is typed beside it.
    """

    name = "live"

    def __init__(self, function, lab=None, **controls):
        self._function, self._controls = function, controls
        super().__init__(lab)
        watch()
        for widget in controls.values():
            if widget.has_trait("continuous_update"):
                widget.continuous_update = False
            widget.observe(self.lab.guard(lambda change: self._show()), "value")

    def build(self):
        for widget in self._controls.values():
            if isinstance(widget, ipywidgets.IntSlider | ipywidgets.FloatSlider | ipywidgets.FloatLogSlider):
                read_typed(self.lab, widget)
        self.shown = text("", "mnistlab-shown")
        box = ipywidgets.Box(list(self._controls.values()))
        box.add_class("mnistlab-controls")
        self.status = text("", "mnistlab-said")
        self.show(box, self.status, self.shown)
        self._show()

    def _show(self):
        self.status.value = f"<p>{t('Working …')}</p>"
        try:
            made = self._function(**{name: widget.value for name, widget in self._controls.items()})
        except ValueError as error:
            self.status.value = f'<p class="mnistlab-message mnistlab-alarm">{escape(sentence_of(error))}</p>'
            return
        self.shown.value = made if isinstance(made, str) else made._repr_html_()
        self.status.value = ""
