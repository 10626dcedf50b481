"""`python -m benchmarks.screenshots`: the README's pictures, of the real page in a real browser, after a run."""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from . import browser as real
from .page import serving

FOLDER = Path(__file__).parents[1] / "notebooks"


def take(browser, address):
    """Train on the page, draw a digit, and keep lab.png, mistakes.png and digit.png."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    handle = page.get_by_role("slider", name="Epochs")
    handle.focus()
    handle.press("PageUp")
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".mnistlab-status", has_text="Done").wait_for()
    page.get_by_role("button", name="Train", exact=True).blur()
    _keep("lab", page.screenshot())
    page.set_viewport_size({"width": 1100, "height": 1640})
    page.get_by_role("button", name="Confusion matrix, precision and recall").click()
    page.locator(".mnistlab-matrix button").first.wait_for()
    _keep("mistakes", page.locator(".mnistlab-panel-mistakes").screenshot())
    real.draw(page, real.SEVEN)
    page.locator(".mnistlab-drawn", has_text="says the network").wait_for()
    _keep("digit", page.locator(".mnistlab-panel-digit").screenshot())
    page.close()


def _keep(name, content):
    """As a palette image: a fraction of the size, and nobody sees it."""
    picture = Image.open(io.BytesIO(content)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(FOLDER / f"{name}.png", optimize=True)


def main():
    """Serve the page and take the pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=real.chromium_path(), args=real.FLAGS)
        command = [sys.executable, "-m", "mnistlab", "app", "--no-browser"]
        with serving(command, Path(folder) / "server.log") as address:
            take(chromium, address + "lab.ipynb")
        chromium.close()


if __name__ == "__main__":
    main()
