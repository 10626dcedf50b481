"""What the browser keeps of a run, and how a page notices that its session is gone: two small widgets."""

import functools
import os
import secrets
from pathlib import Path
from time import perf_counter

import anywidget
import traitlets

from .browser import script

HERE = Path(__file__).parent
# Bytes of a message at first. A line of 1 Mbit/s, as Binder's, carries it in half a second, so that curves and answers
# fit in between; where it is answered sooner than QUICK seconds, the next is twice as long, else half as long.
PART, LONGEST, QUICK = 65_536, 2_000_000, 0.4


class Watch(anywidget.AnyWidget):
    """Watches over a page: it says when the session behind it is gone, and counts down before the server ends it.

    idle_seconds: after how long without any activity the server does that, 0 for never.
    """

    _esm = script("watch.js", "watch_alone.js")
    _css = (HERE / "keeper.css").read_text("utf-8")
    idle_seconds = traitlets.Int(0).tag(sync=True)

    def __init__(self, **options):
        super().__init__(idle_seconds=_idle_seconds(), **options)


@functools.cache
def watch():
    """The Watch over a page without the panel that keeps runs: one for all of it, a lesson has many a panel."""
    return Watch()


class Keeper(Watch):
    """Brings files to the browser, to be kept there or downloaded, and watches over the page; shows what is kept.

    running: whether a run goes on, of which leaving the page would lose something; key: what its run is kept under.
    `in_page`: whether it stands in a page of its own, not in JupyterLab; `there`: whether a browser has shown it at
    all.

    on_restore(content) is called through the Lab's guard with what is to be restored; it answers with `restored`.
    on_kept(): when what was sent is kept, or cannot be; on_kept(False) where a page that opened has cut it off.
    """

    _esm = script("watch.js", "keeper.js")
    running = traitlets.Bool(False).tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)

    def __init__(self, on_restore, on_kept, lab, **options):
        super().__init__(key=secrets.token_hex(8), **options)
        self._on_restore, self._on_kept = on_restore, on_kept
        self.in_page = self.there = self.refuses = False
        self._content, self._about, self._number, self._size = b"", {}, 0, PART
        self._start = self._sent = 0  # where the part that was sent last begins, and where it ends
        self._began = self._heard = self.seconds = 0.0
        self.on_msg(lab.guard(self._receive))

    @property
    def busy(self):
        """Whether something is on its way to the browser."""
        return bool(self._content)

    @property
    def silence(self):
        """The seconds since the browser should have answered, 0 where no answer is due."""
        return perf_counter() - self._heard if self.busy else 0.0

    def keep(self, content, about):
        """Send bytes to be kept in the browser, a part at a time: the next when it has answered. about: plain data."""
        self._content, self._about, self._sent, self._number = memoryview(content), about, 0, self._number + 1
        self._began = perf_counter()
        self._send_part()

    def download(self, name, kind, content):
        """Let the browser save bytes as a file. kind: such as "text/csv"."""
        self.send({"do": "download", "name": name, "kind": kind}, [content])

    def restored(self, why_not=""):
        """Tell the browser that what it sent is restored, or a sentence that says why not."""
        self.send({"do": "restored", "why_not": why_not})

    def _send_part(self):
        self._start, part = self._sent, self._content[self._sent : self._sent + self._size]
        self._sent += len(part)
        last = self._sent == len(self._content)
        message = {"do": "keep", "number": self._number, "start": self._start, "last": last}
        if self._start == 0:
            message["about"] = self._about
        self._heard = perf_counter()
        self.send(message, [part])

    def _receive(self, _, message, buffers):
        kind = message.get("is")
        if kind == "here":  # a page that has just opened; whatever an earlier one was being told is void
            cut_off = self.busy
            self.there, self.in_page, self.refuses, self._content = True, bool(message.get("page")), False, b""
            if cut_off:
                self._on_kept(False)
        elif kind == "restore":
            self._on_restore(bytes(buffers[0]) if buffers else b"")
        elif not self.busy or message.get("number") != self._number:
            return  # "stay" needs no answer: that it came is what counts for the server
        elif kind == "got" and message.get("start") == self._start:  # in JupyterLab, each of several windows says so
            quick = perf_counter() - self._heard < QUICK
            self._size = min(2 * self._size, LONGEST) if quick else max(self._size // 2, PART)
            self._send_part()
        elif kind in ("kept", "refused"):
            self._content, self.seconds = b"", perf_counter() - self._began
            self.refuses = kind == "refused"  # a private window, a full disk: every further try would fail too
            self._on_kept()


def _idle_seconds():
    """What the server said when it started this session; see server.py."""
    try:
        return max(0, int(os.environ.get("MNISTLAB_IDLE_SECONDS", "0")))
    except ValueError:
        return 0
