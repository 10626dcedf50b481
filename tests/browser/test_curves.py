"""The curves panel in Chromium: every control used, its effect seen."""

import csv
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from .steps import LONG, open_lab, press, set_by_keyboard, set_many_epochs, slider, status, train_to_the_end
from .test_voila import WATCH_LAYOUT


def chart(page):
    return page.locator(".mnistlab-curves img")


def chart_pixels(page):
    """The chart's pixels as they are shown, int (rows, columns, RGB)."""
    content = page.evaluate(
        """async () => {
          const blob = await (await fetch(document.querySelector('.mnistlab-curves img').src)).arrayBuffer();
          return Array.from(new Uint8Array(blob));
        }"""
    )
    return np.asarray(Image.open(io.BytesIO(bytes(content))).convert("RGB"), int)


def changed_by(page, action):
    """Do something and wait until the chart is another one."""
    before = chart(page).get_attribute("src")
    action()
    expect(chart(page)).not_to_have_attribute("src", before, timeout=LONG)


def open_part(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def choose(page, name, label):
    page.get_by_role("combobox", name=name, exact=True).select_option(label=label)


def runs(page):
    return page.get_by_role("region", name="Table of runs")


def two_runs(page, address):
    """A page with two finished runs of one epoch and two, and the earlier runs open."""
    open_lab(page, address)
    set_by_keyboard(page, "Epochs", "Home")
    train_to_the_end(page)
    set_by_keyboard(page, "Epochs", "ArrowRight")
    press(page, "Train")
    expect(status(page)).to_contain_text("Done: 2 epochs", timeout=LONG)
    open_part(page, "Earlier runs")
    expect(runs(page).get_by_role("row")).to_have_count(3)


def test_the_loss_can_be_shown_logarithmic_and_training_by_epoch(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    expect(page.locator(".mnistlab-caption")).to_contain_text(re.compile(r"Best so far: epoch \d, validation loss"))
    before = chart_pixels(page)
    for switch in ("Logarithmic loss", "Training by epoch"):
        box = page.get_by_role("checkbox", name=switch)
        changed_by(page, box.check)
        assert chart_pixels(page).shape == before.shape and (chart_pixels(page) != before).any()
        changed_by(page, box.uncheck)
        assert (chart_pixels(page) == before).all()


def test_a_change_during_a_run_is_marked_and_named_in_the_table(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    open_part(page, "Earlier runs")
    expect(page.locator(".mnistlab-runs")).to_contain_text("No run yet")
    set_by_keyboard(page, "Epochs", "End")
    press(page, "Train")
    expect(page.locator(".mnistlab-caption")).to_contain_text("After epoch", timeout=LONG)
    set_by_keyboard(page, "Learning rate", "ArrowLeft")
    rate = slider(page, "Learning rate").get_attribute("aria-valuetext")
    expect(page.locator(".mnistlab-caption")).to_contain_text(re.compile(r"After epoch ([5-9]|\d\d)"), timeout=LONG)
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped")
    expect(runs(page)).to_contain_text(re.compile(rf"learning rate {float(rate):.3g} at epoch \d"))
    assert dark_columns(chart_pixels(page)) == 2  # one line in each chart


def dark_columns(pixels):
    """How many thin vertical lines go through both halves of a chart's height; the two axes do not count."""
    columns = np.flatnonzero((pixels[40:260].max(axis=2) < 205).mean(axis=0) > 0.9)
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    return len(groups) - 2


def test_earlier_runs_stay_pale_and_a_new_run_moves_nothing(watched, voila):
    page = watched()
    two_runs(page, voila[0])
    page.evaluate(WATCH_LAYOUT)
    with_pale = chart_pixels(page)
    press(page, "Train")
    expect(runs(page).get_by_role("row")).to_have_count(4, timeout=LONG)
    expect(status(page)).to_contain_text("Done: 2 epochs")
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value("Run 2")  # what was chosen stays chosen
    expect(page.get_by_role("combobox", name="Compare", exact=True)).to_have_value("no run")
    assert page.evaluate("window.layout_shift") < 0.02
    names = runs(page).get_by_role("rowheader").all_inner_texts()
    assert names == ["Run 3", "Run 2", "Run 1"]
    # The sky blue that blue at a quarter of its strength makes: the pale training curve.
    assert count_near(with_pale, (191, 219, 236)) > 20


def count_near(pixels, colour):
    return int((np.abs(pixels - np.array(colour)).max(axis=2) < 20).sum())


def test_a_run_can_be_renamed_and_deleted(watched, voila):
    page = watched()
    two_runs(page, voila[0])
    choose(page, "Run", "Run 1")
    name = page.get_by_role("textbox", name="Name", exact=True)
    expect(name).to_have_value("Run 1")
    name.fill("One <b>epoch</b>")
    press(page, "Rename")
    said = page.locator(".mnistlab-said").first
    expect(said).to_contain_text("Run 1 is called One <b>epoch</b> now.")
    expect(said).to_have_attribute("aria-live", "polite")
    expect(runs(page).get_by_role("rowheader", name="One <b>epoch</b>")).to_be_visible()
    name.fill("Run 2")
    press(page, "Rename")
    expect(said).to_contain_text("Another run is called Run 2 already")
    name.fill(" ")
    press(page, "Rename")
    expect(said).to_contain_text("The name is empty")
    changed_by(page, lambda: press(page, "Delete"))  # its pale curve goes, too
    expect(said).to_contain_text("One <b>epoch</b> is deleted.")
    expect(runs(page).get_by_role("row")).to_have_count(2)


def test_two_runs_stand_side_by_side_until_a_new_run_begins(watched, voila):
    page = watched()
    two_runs(page, voila[0])
    green, purple = (0, 158, 115), (204, 121, 167)
    assert count_near(chart_pixels(page), green) == count_near(chart_pixels(page), purple) == 0
    choose(page, "Compare", "Run 1")
    choose(page, "with", "Run 1")
    table = page.locator(".mnistlab-differences")
    expect(table).to_contain_text("the same run")
    changed_by(page, lambda: choose(page, "with", "Run 2"))
    assert count_near(chart_pixels(page), green) > 30 and count_near(chart_pixels(page), purple) > 30
    expect(table.get_by_role("row", name="Epochs 1 2")).to_be_visible()
    for what in ("Validation loss", "Validation accuracy", "Seconds", "Images per second"):
        expect(table.get_by_role("rowheader", name=what, exact=True)).to_be_visible()
    expect(page.locator(".mnistlab-caption")).to_contain_text("Side by side: Run 1 (green")
    changed_by(page, lambda: press(page, "Train"))
    expect(page.get_by_role("combobox", name="Compare", exact=True)).to_have_value("no run")
    expect(status(page)).to_contain_text("Done: 2 epochs", timeout=LONG)
    assert count_near(chart_pixels(page), green) == 0
    expect(table).to_have_text("")


def test_figures_and_chart_can_be_taken_away(watched, voila):
    page = watched()
    two_runs(page, voila[0])
    press(page, "Download runs and curves")
    with page.expect_download() as download:
        page.get_by_role("link", name="Figures of 2 runs (CSV)").click()
    assert download.value.suggested_filename == "mnistlab-runs.csv"
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert [(line["run"], line["epoch"], line["epochs"]) for line in lines] == [
        ("Run 1", "1", "1"), ("Run 2", "1", "2"), ("Run 2", "2", "2")
    ]
    with page.expect_download() as download:
        page.get_by_role("link", name="Curves as they are (PNG)").click()
    assert download.value.suggested_filename == "mnistlab-curves.png"
    with Image.open(download.value.path()) as saved:
        assert (np.asarray(saved.convert("RGB"), int) == chart_pixels(page)).all()


def test_the_figures_of_each_epoch_are_a_table(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    open_part(page, "Figures by epoch")
    table = page.get_by_role("region", name="Table of epochs")
    expect(table.get_by_role("columnheader")).to_have_text(
        ["Epoch", "Training loss", "Training accuracy", "Validation loss", "Validation accuracy", "Seconds"]
    )
    expect(table.get_by_role("row")).to_have_count(5)
    last = table.get_by_role("row").last.inner_text().split()
    expect(page.locator(".mnistlab-caption")).to_contain_text(f"After epoch {last[0]}:")
    expect(page.locator(".mnistlab-caption")).to_contain_text(f"accuracy {last[4]}")
    press(page, "Reset")
    expect(page.locator(".mnistlab-epochs")).to_contain_text("The curves appear here")


def test_the_test_set_is_looked_at_by_one_button_that_counts(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    look = page.get_by_role("button", name="Evaluate once on the test set")
    note = page.locator(".mnistlab-last-look")
    expect(look).to_be_disabled()
    expect(note).to_contain_text("Not looked at yet")
    train_to_the_end(page)
    page.evaluate(WATCH_LAYOUT)
    look.click()
    expect(note).to_contain_text(re.compile(r"Run 1: test accuracy [89]\d\.\d%, loss 0\.\d{3}\."), timeout=LONG)
    expect(note).to_contain_text("Looked at once")
    look.click()
    expect(note).to_contain_text("Looked at 2 times. Each look is worth less")
    set_many_epochs(page)
    press(page, "Train")
    expect(look).to_be_disabled()
    press(page, "Stop")
    expect(look).to_be_enabled()
    press(page, "Reset")
    expect(look).to_be_disabled()
    assert page.evaluate("window.layout_shift") < 0.02


def test_on_a_phone_tables_scroll_and_nothing_sticks_out(watched, voila):
    page = watched(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    two_runs(page, voila[0])
    open_part(page, "Figures by epoch")
    choose(page, "Compare", "Run 1")
    choose(page, "with", "Run 2")
    expect(page.locator(".mnistlab-differences table")).to_be_visible()
    press(page, "Download runs and curves")
    expect(page.get_by_role("link", name="Figures of 2 runs (CSV)")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
