"""Real servers and a real headless Chromium for the browser tests."""

import os
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from benchmarks import browser as real
from mnistlab import language

ROOT = Path(__file__).parents[2]
HOW_TO_GET_ONE = "There is no Chromium: install one (Debian: apt-get install chromium) or name it in MNISTLAB_CHROMIUM."


@pytest.fixture(scope="package")
def chromium():
    """The browser, one for all tests."""
    found = real.chromium_path()
    if found is None:
        pytest.fail(HOW_TO_GET_ONE) if os.environ.get("CI") == "true" else pytest.skip(HOW_TO_GET_ONE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=real.FLAGS)
        yield browser
        browser.close()


@contextmanager
def server(command, address, home, **variables):
    """Run a server in an empty home folder until the block ends; waits until `address` answers."""
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), **variables}
    for name in (
        "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_NO_CONFIG", "JUPYTER_PLATFORM_DIRS",
        "IPYTHONDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME",
    ):
        environment.pop(name, None)
    log = Path(home) / "server.log"
    with real.server(command, address, log, env=environment, cwd=ROOT) as process:
        process.log = log
        yield process


@contextmanager
def app(home, *options, **variables):
    """`mnistlab app` in an empty home folder; gives (the address of the lab, its process)."""
    port = real.free_port()
    address = f"http://127.0.0.1:{port}/lab.ipynb"
    command = [sys.executable, "-m", "mnistlab", "app", "--no-browser", "--port", str(port), *options]
    with server(command, f"http://127.0.0.1:{port}/static/ready", home, **variables) as process:
        yield address, process


@pytest.fixture(scope="package")
def voila(tmp_path_factory):
    """(address, process) of the lab served by stand-alone Voilà."""
    with app(tmp_path_factory.mktemp("home")) as running:
        yield running


class Watched:
    """A browser page that keeps what went wrong: console errors, script errors, requests to other hosts."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.outside, self.errors = [], []
        self.page.on("request", self._on_request)
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_request(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.outside.append(request.url)


@pytest.fixture
def serving():
    """Starts servers that run until the test has ended and its pages are closed."""
    with ExitStack() as stack:
        yield stack.enter_context


@pytest.fixture
def watched(chromium, serving):
    """Makes Watched pages; at the end none may have logged an error or asked another host for anything."""
    made = []

    def open_page(**options):
        made.append(Watched(chromium, **{"viewport": {"width": 1280, "height": 900}, **options}))
        return made[-1].page

    yield open_page
    for one in made:
        one.context.close()
    assert [url for one in made for url in one.outside] == []
    assert [error for one in made for error in one.errors] == []


@pytest.fixture
def opened(chromium):
    """Makes pages that may log errors, as they do when a server is gone; those of the scripts fail the test."""
    contexts, errors = [], []

    def open_page(**options):
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}, **options))
        contexts[-1].on("weberror", lambda error: errors.append(str(error.error)))  # of every page in it
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def spoken():
    """Makes `t` speak a language until the test has ended."""
    yield language.speak
    language.speak(language.ENGLISH)
