"""The README's "One hour with mnistlab": each thing done as it is written there, from a fresh page."""

import re

import pytest
from playwright.sync_api import expect

from .steps import LONG, draw, open_lab, press, set_by_keyboard, slider, status, train_to_the_end

SEVEN = ((0.28, 0.2), (0.72, 0.2), (0.45, 0.82))
HOUSE = (
    ((0.15, 0.5), (0.5, 0.15), (0.85, 0.5)), ((0.22, 0.5), (0.22, 0.88), (0.78, 0.88), (0.78, 0.5)),
    ((0.45, 0.88), (0.45, 0.68), (0.58, 0.68), (0.58, 0.88)),
)


@pytest.fixture
def page(watched, voila):
    opened = watched()
    open_lab(opened, voila[0])
    return opened


def choose(page, preset):
    page.get_by_role("combobox", name="Preset").select_option(label=preset)


def accuracy(page):
    """The validation accuracy of the status line, in percent."""
    return float(re.search(r"Validation accuracy ([\d.]+)%", status(page).inner_text())[1])


def test_1_train(page):
    train_to_the_end(page)
    assert accuracy(page) > 85
    expect(page.locator(".mnistlab-caption")).to_contain_text("After epoch 4: training loss 0.")
    images = page.locator(".mnistlab-top-losses img")
    expect(images).to_have_count(12)
    press(page, "One more epoch")
    expect(status(page)).to_contain_text("Done: 5 epochs")


def test_2_break_it_with_the_learning_rate(page):
    choose(page, "Too high a learning rate")
    train_to_the_end(page)
    assert accuracy(page) < 60
    hints = page.locator(".mnistlab-hints")
    expect(hints).to_contain_text("the learning rate, 1, is too high")
    hints.get_by_role("button", name=re.compile("Apply: learning rate 0.1")).first.click()
    train_to_the_end(page)
    assert accuracy(page) > 85
    press(page, "Earlier runs")
    expect(page.locator(".mnistlab-runs tbody tr")).to_have_count(2)


def test_3_overfit_it(page):
    number = page.get_by_role("textbox", name="Training images value")
    number.fill("1000")
    number.press("Enter")
    expect(slider(page, "Training images")).to_have_attribute("aria-valuetext", "1000")
    choose(page, "Too big")
    train_to_the_end(page)
    caption = page.locator(".mnistlab-caption").inner_text()
    training, validation = (float(share) for share in re.findall(r"accuracy ([\d.]+)%", caption)[:2])
    assert training == 100 and validation < 93
    expect(page.locator(".mnistlab-hints")).to_contain_text("the network overfits")
    set_by_keyboard(page, "Training images", "End")
    train_to_the_end(page)
    more = float(re.findall(r"accuracy ([\d.]+)%", page.locator(".mnistlab-caption").inner_text())[1])
    assert more > validation


def test_4_find_its_mistakes_and_clean_them(page):
    press(page, "Change the labels")
    set_by_keyboard(page, "Label noise", *["ArrowRight"] * 5)
    expect(slider(page, "Label noise")).to_have_attribute("aria-valuetext", "0.0500")
    train_to_the_end(page)
    page.get_by_role("combobox", name="Images of").first.select_option("Training")
    expect(page.locator(".mnistlab-top-losses")).to_contain_text("training images are read wrongly")
    choices = page.locator(".mnistlab-top-losses select")
    for number in range(12):
        choices.nth(number).select_option("delete")
        expect(page.locator(".mnistlab-changes")).to_contain_text(f"{number + 1} deleted")
    press(page, "Train again on the cleaned set")
    expect(page.locator(".mnistlab-before-after")).to_contain_text("After cleaning", timeout=LONG)


def test_5_fool_it_with_a_drawing(page):
    train_to_the_end(page)
    answer = page.locator(".mnistlab-drawn")
    draw(page, SEVEN)
    expect(answer).to_contain_text("This is 7, says the network")
    press(page, "Clear")
    expect(answer).to_contain_text("The answer follows your pen")
    draw(page, *HOUSE)
    expect(answer).to_contain_text("Not like the training images")
    expect(answer).to_contain_text("says the network")
