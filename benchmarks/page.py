"""What the page costs, in real Chromium: opening, the first point of a curve, frames a second, drawing, Stop."""

import asyncio
import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from . import browser as real
from .table import Row

PICTURE = Path(__file__).parents[1] / "notebooks" / "lab.png"
# Voilà's usual page links an icon font elsewhere: let that fail at once rather than be waited for.
FLAGS = [*real.FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
ONE_SLIDER = {
    "cells": [
        {
            "cell_type": "code", "execution_count": None, "id": "one", "metadata": {}, "outputs": [],
            "source": "import ipywidgets\nipywidgets.IntSlider(description='One')",
        }
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@contextmanager
def serving(command, log):
    """Run a server (its port goes to the end of the command) until the block ends; gives its address."""
    address = f"http://127.0.0.1:{(port := real.free_port())}/"
    with real.server([*command, f"--port={port}"], address + "static/ready", log):
        yield address


def page_rows(data_dir=None, rounds=9):
    """Table rows of everything that is measured in the browser."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        slider = folder / "slider.ipynb"
        slider.write_text(json.dumps(ONE_SLIDER))
        browser = playwright.chromium.launch(executable_path=real.chromium_path(), args=FLAGS)
        lab = [sys.executable, "-m", "mnistlab", "app", "--no-browser"]
        voila = [sys.executable, "-m", "voila", str(slider), "--no-browser"]
        with serving(lab, folder / "lab.log") as ours, serving(voila, folder / "voila.log") as plain:
            opened = {ours: [], plain: []}
            for _ in range(rounds + 1):
                for address in opened:
                    opened[address].append(opening(browser, address))
            rows = [opening_row(opened[ours][1:], opened[plain][1:])]  # the first of each warms the disk cache
            rows += run_rows([one_run(browser, ours) for _ in range(rounds)])
            photograph(browser, ours)
        browser.close()
    return rows + [asyncio.run(drawing_row(data_dir))]


def opening(browser, address):
    """Seconds from asking for a page until its sliders are there."""
    page = browser.new_page()
    started = perf_counter()
    page.goto(address)
    page.get_by_role("slider").first.wait_for()
    seconds = perf_counter() - started
    page.close()
    return seconds


def opening_row(ours, plain):
    ratio = median(a / b for a, b in zip(ours, plain))
    return Row(
        "Opening the page", f"{median(ours):.2f} s", f"a Voilà page with one slider: {median(plain):.2f} s",
        f"{ratio:.2f}", "at most 1.5", ratio <= 1.5,
    )


# All times are taken within the page, from the click on.
MEASURE = """async () => {
  const button = (name) => [...document.querySelectorAll('button')].find((b) => b.textContent === name);
  const image = document.querySelector('.mnistlab-curves img');
  const status = document.querySelector('.mnistlab-status');
  const until = (element, test) => new Promise((resolve) => {
    const look = new MutationObserver(() => test() && (look.disconnect(), resolve(performance.now())));
    look.observe(element, {attributes: true, childList: true, subtree: true, characterData: true});
  });
  const frames = [];
  new MutationObserver(() => frames.push(performance.now())).observe(image, {attributes: true, attributeFilter: ['src']});
  const clicked = performance.now();
  button('Train').click();
  await until(image, () => frames.length >= 20);
  const stopping = performance.now();
  button('Stop').click();
  const stopped = await until(status, () => status.textContent.includes('Stopped'));
  return {first: frames[0] - clicked, rate: 19000 / (frames[19] - frames[0]), stop: stopped - stopping};
}"""


def one_run(browser, address):
    """Milliseconds to the first frame, frames a second and milliseconds to Stop of one long run."""
    page = browser.new_page()
    page.goto(address)
    for name in ("Epochs", "Hidden size"):
        handle = page.get_by_role("slider", name=name)
        handle.focus()
        handle.press("End")
    page.wait_for_function("document.querySelector('.mnistlab-curves img').naturalWidth > 100")
    result = page.evaluate(MEASURE)
    page.close()
    return result


def run_rows(runs):
    middle = {key: median(run[key] for run in runs) for key in runs[0]}
    worst = {key: max(run[key] for run in runs) for key in runs[0]}
    slowest = min(run["rate"] for run in runs)
    return [
        Row(
            "First point after the click on Train", f"{middle['first']:.0f} ms (at worst {worst['first']:.0f} ms)",
            must_reach="at most 300 ms", reached=middle["first"] <= 300,
        ),
        Row(
            "Frames a second in a long run", f"{middle['rate']:.1f} (at worst {slowest:.1f})",
            must_reach="at least 5", reached=middle["rate"] >= 5,
        ),
        Row(
            "Stop takes effect after", f"{middle['stop']:.0f} ms (at worst {worst['stop']:.0f} ms)",
            must_reach="at most 500 ms", reached=middle["stop"] <= 500,
        ),
    ]


def photograph(browser, address):
    """Take the README's picture: the page after a run."""
    page = browser.new_page(viewport={"width": 1100, "height": 1180})
    page.goto(address)
    handle = page.get_by_role("slider", name="Epochs")
    handle.focus()
    handle.press("PageUp")
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".mnistlab-status", has_text="Done").wait_for()
    page.get_by_role("button", name="Train", exact=True).blur()
    page.screenshot(path=PICTURE)
    page.close()


async def drawing_row(data_dir):
    """The share of a long run's time that goes into the curves, new axes included, within the kernel's own process."""
    from mnistlab.app import CurvesPanel, Lab

    lab = Lab("mnist", data_dir)
    curves = CurvesPanel(lab)
    await curves._warm_up()
    spent, draw = 0.0, curves._draw

    def timed_draw():
        nonlocal spent
        started = perf_counter()
        draw()
        spent += perf_counter() - started

    curves._draw = timed_draw
    lab.change("epochs", 20)
    started = perf_counter()
    lab.start()
    await lab.task
    share = spent / (perf_counter() - started)
    return Row(
        "Drawing the curves", f"{share:.1%} of the time of a run of 20 epochs on full MNIST",
        must_reach="at most 5%", reached=share <= 0.05,
    )
