"""What the page costs, in real Chromium: opening, the first point of a curve, frames a second, drawing, Stop."""

import asyncio
import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from mnistlab.server import front_page

from . import browser as real
from .table import Row

# Voilà's usual page links an icon font elsewhere: let that fail at once rather than be waited for.
FLAGS = [*real.FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
# So many kernels wait for a page, and so many seconds until they do: a server tells nobody when its pool is full.
PREHEATED, PREHEATING = 5, 40
# The panels come in English, and are made anew where the reader's language is another: what a row says of it, and how
# an address asks for it.
LANGUAGES = {"": "", " in Chinese": "?lang=zh"}
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


def page_rows(data_dir=None, rounds=9, openings=15):
    """Table rows of everything that is measured in the browser."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        slider = folder / "slider.ipynb"
        slider.write_text(json.dumps(ONE_SLIDER))
        browser = playwright.chromium.launch(executable_path=real.chromium_path(), args=FLAGS)
        lab = [sys.executable, "-m", "mnistlab", "app", "--no-browser"]
        voila = [sys.executable, "-m", "voila", "--no-browser"]
        with serving(lab, folder / "lab.log") as root, serving([*voila, str(slider)], folder / "voila.log") as plain:
            ours = root + "lab.ipynb"
            rows = [
                opening_row("Opening the page" + what, *opened(browser, ours + query, plain, openings))
                for what, query in LANGUAGES.items()
            ]
            rows += run_rows([one_run(browser, ours) for _ in range(rounds)])
            rows += interaction_rows(browser, ours)
        voila += ["--preheat_kernel=True", f"--pool_size={PREHEATED + 1}"]
        for what, query in LANGUAGES.items():
            with (
                serving([*voila, str(front_page().with_name("lab.ipynb"))], folder / "warm.log") as ours,
                serving([*voila, str(slider)], folder / "slider.log") as plain,
            ):
                sleep(PREHEATING)
                seconds = opened(browser, ours + query, plain, PREHEATED)
                rows.append(opening_row(f"Opening the page{what}, preheated", *seconds))
        browser.close()
    return rows + [asyncio.run(drawing_row(data_dir))]


def opened(browser, ours, plain, rounds):
    """Seconds that it took to open each of two pages, by turns; the first, which warms the disk, is left out."""
    seconds = [(opening(browser, ours), opening(browser, plain)) for _ in range(rounds + 1)]
    return zip(*seconds[1:])


def opening(browser, address):
    """Seconds from asking for a page until its sliders are there."""
    page = browser.new_page()
    started = perf_counter()
    page.goto(address)
    page.get_by_role("slider").first.wait_for()
    seconds = perf_counter() - started
    page.close()
    return seconds


def opening_row(what, ours, plain):
    ratio = median(a / b for a, b in zip(ours, plain))
    return Row(
        what, f"{median(ours):.2f} s", f"a Voilà page with one slider: {median(plain):.2f} s",
        f"{ratio:.2f}", "at most 1.3", ratio <= 1.3,
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
  const frame = new MutationObserver(() => frames.push(performance.now()));
  frame.observe(image, {attributes: true, attributeFilter: ['src']});
  const clicked = performance.now();
  button('Train').click();
  await until(image, () => frames.length >= 10);
  const stopping = performance.now();
  button('Stop').click();
  const stopped = await until(status, () => status.textContent.includes('Stopped'));
  return {first: frames[0] - clicked, rate: 9000 / (frames[9] - frames[0]), stop: stopped - stopping};
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


# What Chromium reports of every interaction: from key or click to the next paint, in milliseconds.
WATCH = """() => {
  window.slowest = [0, ''];
  window.layout_shift = 0;
  const seen = (list) => {
    for (const entry of list.getEntries()) {
      if (!entry.interactionId || entry.duration <= window.slowest[0]) continue;
      window.slowest = [entry.duration, `${entry.name} on ${entry.target?.textContent.slice(0, 30) || 'a control'}`];
    }
  };
  new PerformanceObserver(seen).observe({type: 'event', durationThreshold: 16});
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layout_shift += entry.value;
  }).observe({type: 'layout-shift'});
}"""


def interaction_rows(browser, address):
    """Every control used once, at rest and during a run: the slowest answer, and how far the page moved by itself."""
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("slider", name="Training images").wait_for()
    page.evaluate(WATCH)
    for toggle in page.locator("button.mnistlab-toggle").all():
        toggle.click()
    _use_all(page)
    page.get_by_role("slider", name="Epochs", exact=True).press("End")
    page.get_by_role("button", name="Train", exact=True).click()
    _use_all(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".mnistlab-status", has_text="Stopped").wait_for()
    (slowest, what), shift = page.evaluate("[window.slowest, window.layout_shift]")
    page.close()
    return [
        Row(
            "Slowest control, from key or click to next paint", f"{slowest:.0f} ms ({what})",
            must_reach="at most 200 ms", reached=slowest <= 200,
        ),
        Row(
            "Layout shift with every control used and a run (CLS)", f"{shift:.3f}",
            must_reach="below 0.1", reached=shift < 0.1,
        ),
    ]


def _use_all(page):
    """A key on every slider, drop-down and check box that can be used."""
    for role, key in (("slider", "ArrowRight"), ("combobox", "ArrowDown"), ("checkbox", "Space")):
        for control in page.get_by_role(role).all():
            if control.is_visible() and control.is_enabled():
                control.focus()
                page.keyboard.press(key)
                page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


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
