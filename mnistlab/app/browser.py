"""What the kernel knows of the browser, and what it mends there: one small widget, hidden in every panel."""

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


class Browser(anywidget.AnyWidget):
    """Names the controls for screen readers, brings the style sheet, and tells two things about the page.

    ready: true once the page is shown, the moment for slow imports; narrow: whether it is as wide as a phone.
    """

    # Read once as text: given as paths, anywidget would watch the files and keep every instance alive.
    _esm = (HERE / "browser.js").read_text("utf-8")
    _css = (HERE / "template" / "static" / "mnistlab.css").read_text("utf-8")
    ready = traitlets.Bool(False).tag(sync=True)
    narrow = traitlets.Bool(False).tag(sync=True)
