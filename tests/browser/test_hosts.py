"""The same notebook in JupyterLab, and behind a prefix as a hub or Binder serves it."""

import re
import sys

import psutil
from playwright.sync_api import expect

from benchmarks.browser import free_port

from .conftest import server
from .steps import LONG, digit_picture, open_lab, press, set_by_keyboard, status, train_to_the_end, upload


def jupyter(serving, home, kind, prefix="/"):
    """Start a Jupyter server over the repository; gives its address and process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}{prefix}"
    options = [
        "--no-browser", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=",
        "--ServerApp.port_retries=0", "--allow-root", f"--ServerApp.base_url={prefix}",
    ]
    return address, serving(server([sys.executable, "-m", "jupyter", kind, *options], address + "api", home))


def test_jupyterlab_runs_the_notebook_with_the_same_controls(watched, serving, tmp_path, sample):
    address, _ = jupyter(serving, tmp_path, "lab")
    page = watched(viewport={"width": 1400, "height": 1000})
    page.goto(address + "lab/tree/notebooks/lab.ipynb?reset")
    expect(page.get_by_role("heading", name="A network learns to read digits").first).to_be_visible(timeout=2 * LONG)
    expect(page.locator(".jp-NotebookPanel-toolbar")).to_contain_text("Python 3")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=2 * LONG)
    set_by_keyboard(page, "Epochs", "End")
    press(page, "Train")
    expect(page.locator(".mnistlab-progress")).to_contain_text(re.compile(r"Epoch \d+ of 50"), timeout=LONG)
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
