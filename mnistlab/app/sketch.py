"""A sheet to draw a digit on, in the browser."""

from pathlib import Path

import anywidget
import traitlets


class Sketch(anywidget.AnyWidget):
    """drawing: the sheet as PNG bytes, dark on white, empty while nothing is drawn. It follows the pen."""

    _esm = (Path(__file__).parent / "sketch.js").read_text("utf-8")  # as text: see Browser
    # A message brings the bytes as a view of its own memory.
    drawing = traitlets.Bytes(b"").tag(sync=True, from_json=lambda content, widget: bytes(content))
