"""What the kernel knows of the browser, and what it mends there: one small widget, hidden in every panel."""

import secrets
from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


class Browser(anywidget.AnyWidget):
    """Names the controls for screen readers, brings the style sheet, and tells two things about the page.

    ready: true once the page is shown, the moment for slow imports; narrow: whether it is as wide as a phone; address:
    the page's own, without its query; query: the part of it from the "?" on; panel: set it to bring a panel into view.
    """

    # Read once as text: given as paths, anywidget would watch the files and keep every instance alive.
    _esm = (HERE / "browser.js").read_text("utf-8")
    _css = (HERE / "template" / "static" / "mnistlab.css").read_text("utf-8")
    ready = traitlets.Bool(False).tag(sync=True)
    narrow = traitlets.Bool(False).tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
    address = traitlets.Unicode().tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    panel = traitlets.Unicode().tag(sync=True)

    def __init__(self):
        super().__init__(key=secrets.token_hex(8))

    def on_act(self, name, callback):
        """callback(value, choice) whenever a button or a select with data-act=name is used in a panel's HTML.

        value: its data-value; choice: what was chosen in a select.
        """
        self.on_msg(
            lambda _, message, buffers: message.get("act") == name and callback(message["value"], message["choice"])
        )
