"""The lab in a real browser: pause and step, mistakes and cleaning, drawing and teaching, a zip of one's own."""

import io
import re

import numpy as np
from PIL import Image
from playwright.sync_api import expect
from test_variations import zip_of

from .steps import (
    LONG, SEVEN, digit_picture, draw, open_lab, press, set_by_keyboard, set_many_epochs, status, train_to_the_end,
)




def test_a_run_is_stepped_paused_resumed_and_reset(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    press(page, "One more batch")
    expect(status(page)).to_contain_text("Paused after batch 1 of epoch 1")
    press(page, "One more epoch")
    expect(status(page)).to_contain_text("Paused after epoch 1")
    set_by_keyboard(page, "Learning rate", "ArrowLeft")
    press(page, "Resume")
    expect(status(page)).to_contain_text("Done: 4 epochs", timeout=LONG)
    set_many_epochs(page)
    press(page, "Train")
    press(page, "Pause")
    expect(status(page)).to_contain_text("Paused. Resume goes on from here")
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped")
    press(page, "Reset")
    expect(status(page)).to_contain_text("Ready. Press Train to begin")


def test_more_settings_make_another_network_and_its_drawing(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    press(page, "More settings")
    expect(page.get_by_role("img", name=re.compile("784 pixels → 256 units .* 203,530 parameters"))).to_be_visible()
    page.get_by_role("checkbox", name="Convolution").check()
    page.get_by_role("combobox", name="Optimizer").select_option("adam")
    expect(page.get_by_role("img", name=re.compile("8 images of 28 × 28"))).to_be_visible()
    set_by_keyboard(page, "Learning rate", "PageDown")
    set_by_keyboard(page, "Epochs", "Home")
    train_to_the_end(page)


def test_a_rate_of_one_gets_a_hint_and_apply_mends_it(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    set_by_keyboard(page, "Learning rate", "End")
    train_to_the_end(page)
    hint = page.locator(".mnistlab-hints").get_by_role("button", name=re.compile("Apply: learning rate 0.1"))
    hint.first.click()
    expect(page.get_by_role("slider", name="Learning rate")).to_have_attribute("aria-valuetext", "0.100")
    train_to_the_end(page)
    expect(page.locator(".mnistlab-hints button")).to_have_count(0)


def test_mistakes_are_found_by_cell_and_cleaned_and_set_side_by_side(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    page.get_by_role("combobox", name="Images of").first.select_option("Training")
    expect(page.locator(".mnistlab-top-losses")).to_contain_text("training images are read wrongly")
    press(page, "Confusion matrix, precision and recall")
    page.locator(".mnistlab-matrix button").first.click()
    expect(page.locator(".mnistlab-cell")).to_contain_text("0 read as 0")
    choices = page.locator(".mnistlab-top-losses select")
    choices.nth(0).select_option("delete")
    expect(page.locator(".mnistlab-changes")).to_contain_text("1 deleted, 0 with a new label")
    choices.nth(1).select_option("label 3")
    expect(page.locator(".mnistlab-changes")).to_contain_text("1 deleted, 1 with a new label")
    press(page, "I don't know")
    expect(page.locator(".mnistlab-answered")).to_contain_text("of these right")
    press(page, "Save or load the changes")
    link = page.get_by_role("link", name="Download the changes to the training set")
    assert link.get_attribute("href").startswith("data:application/json")
    press(page, "Train again on the cleaned set")
    expect(page.locator(".mnistlab-before-after")).to_contain_text("After cleaning", timeout=LONG)


def test_a_digit_is_drawn_read_taught_and_cleared(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    draw(page, SEVEN)
    answer = page.locator(".mnistlab-drawn")
    expect(answer).to_contain_text("says the network")
    press(page, "Teach it")
    page.get_by_role("combobox", name="It is").select_option("7")
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(answer).to_contain_text("This is 7, says the network", timeout=LONG)
    press(page, "Undo")
    expect(answer).to_contain_text("The answer follows your pen")
    draw(page, SEVEN)
    expect(answer).to_contain_text("says the network")
    press(page, "Clear")
    expect(answer).to_contain_text("The answer follows your pen")


def test_a_large_photo_is_made_small_in_the_browser(watched, voila, sample):
    page = watched()
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(len(frame))))
    open_lab(page, voila[0])
    train_to_the_end(page)
    _, held_out = sample
    rng = np.random.default_rng(0)
    digit = np.asarray(Image.open(io.BytesIO(digit_picture(held_out, 0, side=2400))).convert("L"), np.int16)
    photo = np.clip(digit + rng.integers(-12, 13, digit.shape), 0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(photo).save(content, "PNG")
    assert len(content.getvalue()) > 2_000_000
    page.locator("input[type=file]").first.set_input_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": content.getvalue()}
    )
    expect(page.locator(".mnistlab-prediction")).to_contain_text("says the network", timeout=LONG)
    assert max(sent) < 200_000


def test_the_data_can_be_looked_at_augmented_and_brought_along(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    press(page, "What the images look like")
    expect(page.get_by_role("img", name="Average image of 3")).to_be_visible()
    press(page, "Augmentation")
    set_by_keyboard(page, "Rotation", "End")
    expect(page.locator(".mnistlab-preview img")).to_have_count(16)
    press(page, "Change the labels")
    page.get_by_role("checkbox", name="Shuffled labels").check()
    press(page, "Your own images")
    expect(page.get_by_role("button", name="Upload a zip")).to_be_visible()
    page.locator("input[type=file]").last.set_input_files(
        {"name": "shapes.zip", "mimeType": "application/zip", "buffer": zip_of(30)}
    )
    expect(page.locator(".mnistlab-own")).to_contain_text("60 images are in use", timeout=LONG)
    train_to_the_end(page)
    expect(page.locator(".mnistlab-top-losses")).to_contain_text("circle")
