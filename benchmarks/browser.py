"""A real server and a real Chromium, for the tests of the page and for measuring it."""

import os
import random
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]

SEVEN = ((0.28, 0.2), (0.72, 0.2), (0.45, 0.82))  # a stroke on the sheet, from 0 to 1, right and down


def chromium_path():
    """Where Chromium is: as MNISTLAB_CHROMIUM says, or on the path under one of its names; None where it is not."""
    names = (
        os.environ.get("MNISTLAB_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome",
        "chromium-headless-shell",  # the same engine without windows: a page costs it half the processor's time
    )
    return next((path for name in names if name and (path := shutil.which(name))), None)


def free_port():
    """A port that was free a moment ago, below those that systems hand out: no other program gets it by chance."""
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:  # it is in use
                continue


@contextmanager
def server(command, address, log, **options):
    """Run a server until the block ends; gives the process once `address` answers.

    log: the file that takes what it says; options: as for subprocess.Popen. Raises RuntimeError with what it said
    where it ends before it answers.
    """
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options
        )
    try:
        _wait_for(address, process, log)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(address, process, log):
    pause = threading.Event()
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=30).close()
            return
        except urllib.error.HTTPError:  # an answer, too
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(log.read_text("utf-8", "replace")) from None
            pause.wait(0.1)
    raise RuntimeError(f"No answer from {address}: {log.read_text('utf-8', 'replace')}")


def draw(page, *strokes):
    """Draw on the sheet with the mouse; points from 0 to 1, right and down."""
    sheet = page.locator(".mnistlab-sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=6)
        page.mouse.up()
