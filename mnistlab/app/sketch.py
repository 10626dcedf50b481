"""A sheet to draw a digit on and a place to drop photos: one small widget, which works in the browser.

Drawings and photos are made small there, so that little travels to the kernel.
"""

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


class Sketch(anywidget.AnyWidget):
    """Sends what was drawn and what was uploaded.

    drawing: the sheet as PNG bytes, empty while nothing is drawn; it follows the pen. Uploaded files come one by one to
    the function given to `on_file`.
    """

    # As text, not as a path: anywidget would watch the file and keep every instance alive.
    _esm = (HERE / "sketch.js").read_text("utf-8")
    drawing = traitlets.Bytes(b"").tag(sync=True)

    def on_file(self, callback):
        """callback(name, content, sent): name and size in bytes of a file that was chosen or dropped, and its bytes.

        Large images come made smaller; of a large file that the browser cannot show, only the beginning comes.
        """
        self.on_msg(
            lambda _, message, buffers: callback(message["name"], message["size"], bytes(buffers[0]))
        )
