"""A button that brings files from the browser, one message a file, so that only a single file has to fit through."""

import anywidget
import traitlets

from .browser import script


class UploadButton(anywidget.AnyWidget):
    """Choose files, or drop them on it. label: its text; max_bytes: of larger files only the size is told.

    images: whether large images are made smaller in the browser; accept: the kinds of file that it offers.

    on_file(name, size, content, first, last) is called for each file in turn, through the Lab's guard: content is its
    bytes, or None where it is too large or the browser could not read it; size is its length, None where it could not
    be read; first, last: whether it is the first or the last of those chosen together.
    """

    # ipywidgets' own FileUpload sends all files in one message of any size, on which the server closes the connection.
    _esm = script("upload.js")
    label = traitlets.Unicode().tag(sync=True)
    max_bytes = traitlets.Int().tag(sync=True)
    images = traitlets.Bool(True).tag(sync=True)
    accept = traitlets.Unicode("image/*").tag(sync=True)

    def __init__(self, label, max_bytes, on_file, lab, **options):
        super().__init__(label=label, max_bytes=max_bytes, **options)
        self._on_file = on_file
        self.on_msg(lab.guard(self._receive))

    def _receive(self, _, message, buffers):
        size, content = message["size"], None
        if size is not None and size <= self.max_bytes:
            content = bytes(buffers[0]) if buffers else b""
        try:
            self._on_file(message["name"], size, content, message["first"], message["last"])
        finally:
            self.send("next")
