"""A sheet to draw a digit on, in the browser."""

import anywidget
import traitlets

from .browser import script


class Sketch(anywidget.AnyWidget):
    """drawing: the sheet as PNG bytes, dark on white, empty while nothing is drawn. It follows the pen."""

    _esm = script("sketch.js")
    # A message brings the bytes as a view of its own memory.
    drawing = traitlets.Bytes(b"").tag(sync=True, from_json=lambda content, widget: bytes(content))
