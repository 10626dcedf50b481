"""What the kernel knows of the browser, and what it mends there: one small widget, hidden in every panel."""

import secrets
from pathlib import Path

import anywidget
import traitlets

from ..language import ENGLISH

HERE = Path(__file__).parent


def script(*names):
    """The text of a script of the app, of one file or several, with what all of them share before it.

    It is read once, as text: given as a path, anywidget would watch the file and keep every instance alive.
    """
    return "".join((HERE / each).read_text("utf-8") for each in ("say.js", *names))


class Browser(anywidget.AnyWidget):
    """Names the controls for screen readers, brings the style sheet, and tells of the page and its reader.

    ready: true once the page is shown, the moment for slow imports; narrow: whether it is as wide as a phone; address:
    the page's own, without its query; query: the part of it from the "?" on; languages: those that the reader prefers,
    such as "zh-CN"; panel: set it to bring a panel into view; language and words: those of the page, for its scripts;
    shown: the language that its panels have come in.
    """

    _esm = script("browser.js")
    _css = (HERE / "template" / "static" / "mnistlab.css").read_text("utf-8")
    ready = traitlets.Bool(False).tag(sync=True)
    narrow = traitlets.Bool(False).tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
    address = traitlets.Unicode().tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    languages = traitlets.List(traitlets.Unicode()).tag(sync=True)
    language = traitlets.Unicode(ENGLISH).tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    shown = traitlets.Unicode(ENGLISH).tag(sync=True)
    panel = traitlets.Unicode().tag(sync=True)

    def __init__(self):
        super().__init__(key=secrets.token_hex(8))
        self._acts = []
        self.on_msg(self._receive)

    def on_act(self, name, callback):
        """callback(value, choice) whenever a button or a select with data-act=name is used in a panel's HTML.

        value: its data-value; choice: what was chosen in a select. The name "typed" is for what was typed beside a
        slider: value is what the slider is called by, see `read_typed`, choice the words.
        """
        self._acts.append((name, callback))

    def forget_acts(self):
        """No callback is called any more."""
        self._acts = []

    def speak(self, language, words):
        """Let the page's headings and scripts use these words, {English: translated}."""
        with self.hold_sync():
            self.words, self.language = words, language

    def _receive(self, _, message, buffers):
        for name, callback in tuple(self._acts):
            if message.get("act") == name:
                callback(message["value"], message["choice"])
