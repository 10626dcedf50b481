"""The same notebook in JupyterLab, and behind a prefix as a hub or Binder serves it."""

import re
import sys
from contextlib import ExitStack
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import expect
from test_lessons import cells

from benchmarks.browser import free_port
from benchmarks.front_page import NOTEBOOKS

from .conftest import server
from .steps import (
    LONG, digit_picture, open_lab, press, set_by_keyboard, set_many_epochs, status, train_to_the_end, upload,
)


def jupyter(serving, home, kind, prefix="/", *more):
    """Start a Jupyter server over the repository; gives its address and process. more: options of the server."""
    port = free_port()
    address = f"http://127.0.0.1:{port}{prefix}"
    options = [
        "--no-browser", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=",
        "--ServerApp.port_retries=0", "--allow-root", f"--ServerApp.base_url={prefix}", *more,
    ]
    return address, serving(server([sys.executable, "-m", "jupyter", kind, *options], address + "api", home))


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory):
    """The address of a JupyterLab, one for all tests of this file."""
    with ExitStack() as stack:
        yield jupyter(stack.enter_context, tmp_path_factory.mktemp("home"), "lab")[0]


def open_notebook(page, address, notebook, heading):
    """Open a notebook in JupyterLab and run it."""
    page.goto(f"{address}lab/tree/notebooks/{notebook}?reset")
    expect(page.get_by_role("heading", name=heading).first).to_be_visible(timeout=2 * LONG)
    run_all_cells(page)


def run_all_cells(page):
    """Run the notebook that JupyterLab shows."""
    # The toolbar names the kernel before it answers, and JupyterLab forgets what it is told to run until then.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle", timeout=LONG)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def test_jupyterlab_runs_the_notebook_with_the_same_controls(watched, jupyterlab, sample):
    page = watched(viewport={"width": 1400, "height": 1000})
    open_notebook(page, jupyterlab, "lab.ipynb", "A network learns to read digits")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=2 * LONG)
    set_many_epochs(page)
    press(page, "Train")
    expect(page.locator(".mnistlab-progress")).to_contain_text(re.compile(r"Epoch \d+ of 10000"), timeout=LONG)
    set_by_keyboard(page, "Learning rate", "ArrowLeft")
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped")
    set_by_keyboard(page, "Epochs", "Home", "PageUp")
    train_to_the_end(page)
    expect(page.locator(".mnistlab-top-losses img")).to_have_count(12)
    _, held_out = sample
    upload(page, ("digit.png", digit_picture(held_out, 0)), ("notes.txt", b"seven"), ("large.bmp", bytes(25_000_000)))
    answer = page.locator(".mnistlab-prediction")
    expect(answer).to_contain_text(f"This is {held_out.labels_of([0])[0]}, says the network")
    expect(answer).to_contain_text("notes.txt is not an image")
    expect(answer).to_contain_text("large.bmp is 25.0 MB")


def test_a_lesson_in_jupyterlab_without_the_internet(watched, jupyterlab):
    # Tall enough for the whole lesson: JupyterLab draws the cells that are in sight.
    page = watched(viewport={"width": 1400, "height": 20_000})
    page.route(lambda url: urlsplit(url).hostname != "127.0.0.1", lambda route: route.abort())
    open_notebook(page, jupyterlab, "08-its-mistakes.ipynb", "8. Its mistakes")
    field = page.get_by_role("textbox", name="Its probability", exact=True)
    expect(field).to_be_visible(timeout=2 * LONG)
    expect(page.locator(".mnistlab-compared").last).to_be_visible(timeout=2 * LONG)
    lesson = page.locator(".jp-NotebookPanel")
    equations = "".join(cells(NOTEBOOKS / "08-its-mistakes.ipynb", "markdown"))
    expect(lesson.locator("mjx-container")).to_have_count(len(re.findall(r"\$\$?[^$]+\$\$?", equations)))
    expect(lesson.locator(".jp-RenderedMarkdown").filter(has_text="$")).to_have_count(0)
    live = lesson.locator(".mnistlab-panel-live").first
    shown = live.locator(".mnistlab-shown")
    before = shown.inner_html()
    live.locator("[role=slider], select, input").first.press("ArrowRight")
    expect(shown).not_to_have_js_property("innerHTML", before, timeout=LONG)
    expect(live.locator(".mnistlab-alarm").filter(visible=True)).to_have_count(0)
    said = lesson.locator(".mnistlab-panel-answer").get_by_role("status")
    field.fill("99.5")
    field.press("Enter")
    expect(said).to_contain_text("Not yet. A probability cannot be above 1")
    field.fill("0,01")
    field.press("Enter")
    expect(said).to_contain_text("Right. exp(-4.6) = 0.0101")


def test_the_page_works_behind_a_prefix_as_binder_serves_it(watched, serving, tmp_path, sample):
    address, process = jupyter(serving, tmp_path, "server", "/user/a-b/")
    page = watched()
    open_lab(page, address + "voila/render/notebooks/lab.ipynb")
    train_to_the_end(page)
    expect(page.locator(".mnistlab-top-losses img")).to_have_count(12)
    _, held_out = sample
    content = digit_picture(held_out, 0, side=2560, kind="BMP")  # over Jupyter's own limit of 10 MB
    upload(page, ("large.bmp", content))
    expect(page.locator(".mnistlab-prediction")).to_contain_text(f"This is {held_out.labels_of([0])[0]}", timeout=LONG)
    (kernel,) = psutil.Process(process.pid).children()
    page.goto("about:blank")
    kernel.wait(30)
