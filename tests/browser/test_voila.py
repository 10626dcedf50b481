"""The lab as a student meets it: stand-alone Voilà in Chromium."""

import re
import socket
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from playwright.sync_api import expect

from mnistlab.app.inside import PARTS
from mnistlab.language import t

from .conftest import app
from .steps import (
    LONG, digit_picture, open_lab, press, problems, set_by_keyboard, set_many_epochs, slider, status, train_to_the_end,
    type_beside, upload, wait_for_lab,
)

# Each new frame of the curves is counted where it arrives.
COUNT_FRAMES = """() => {
  const image = document.querySelector('.mnistlab-curves img');
  window.frames_seen = new Set([image.src]);
  new MutationObserver(() => window.frames_seen.add(image.src)).observe(image, {attributes: true});
}"""
WATCH_LAYOUT = """() => {
  window.layout_shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layout_shift += entry.value;
  }).observe({type: 'layout-shift', buffered: false});
}"""


def test_the_page_has_a_title_a_language_one_main_and_one_heading(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    expect(page).to_have_title("mnistlab: a network learns to read digits")
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_text("What you draw and upload stays in this session")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("from mnistlab.app import")  # sources are stripped


def test_the_page_opens_twenty_times_without_hanging(watched, voila):
    tabs = watched(), watched()
    for _ in range(10):  # two at a time: while one kernel starts, the other's page is drawn
        for page in tabs:
            page.goto(voila[0], wait_until="commit")
        for page in tabs:
            wait_for_lab(page)


def test_leaving_the_page_ends_its_kernel(watched, serving, tmp_path):
    address, process = serving(app(tmp_path))
    page = watched()
    open_lab(page, address)
    (kernel,) = psutil.Process(process.pid).children()
    page.goto("about:blank")
    kernel.wait(30)
    assert not kernel.is_running()


def test_sliders_have_names_ranges_and_move_by_keyboard(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    ranges = ("Learning rate", "0.000100", "1.00"), ("Epochs", "1", "50"), ("Hidden size", "8", "512")
    for name, lowest, highest in ranges:
        set_by_keyboard(page, name, "Home")
        expect(slider(page, name)).to_have_attribute("aria-valuetext", lowest)
        set_by_keyboard(page, name, "End")
        expect(slider(page, name)).to_have_attribute("aria-valuetext", highest)
        set_by_keyboard(page, name, "ArrowLeft")


def test_numbers_typed_beside_a_slider_are_read_as_they_are_written(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    problem = page.locator(".mnistlab-problem")
    for name, typed, key, shown in (
        ("Learning rate", "0,05", "Enter", "0.0500"), ("Dropout rate", "50 %", "Enter", "0.500"),
        ("Epochs", "100", "Enter", "100"), ("Hidden size", "1,000", "Enter", "1000"),
        ("Training images", "1,000", "Enter", "1000"), ("Training images", "50", "Enter", "50"),
        ("Epochs", "7", "Tab", "7"), ("Epochs", "many", "Enter", "7"), ("Epochs", "8", "Enter", "8"),
        ("Epochs", "2.5", "Enter", "8"),
    ):
        readout = page.get_by_role("textbox", name=f"{name} value", exact=True)
        type_beside(page, name, typed, key)
        expect(readout).to_have_text(shown)
        if typed in ("many", "2.5"):
            expect(problem).to_contain_text(f"Epochs: “{typed}” is no")
        else:
            expect(problem).to_have_count(0)
        if typed == "50":
            expect(readout).to_be_focused()  # though the slider was made anew
    set_by_keyboard(page, "Hidden size", "ArrowLeft")  # whoever goes on has read what was wrong
    expect(problem).to_have_count(0)
    type_beside(page, "Epochs", "fifty", key=None)
    button = page.get_by_role("button", name="Reset", exact=True)
    button.hover()
    page.mouse.down()  # which ends the typing
    expect(problem).to_contain_text("Epochs: “fifty” is no")
    page.mouse.up()
    expect(button).to_be_focused()
    expect(problem).to_contain_text("Epochs: “fifty” is no")
    button.click()
    expect(problem).to_have_count(0)
    type_beside(page, "Epochs", "fifty", key=None)
    preset = page.get_by_role("combobox", name="Preset", exact=True)
    preset.hover()
    page.mouse.down()
    expect(problem).to_contain_text("Epochs: “fifty” is no")
    page.mouse.up()
    preset.select_option("Quick")
    expect(problem).to_contain_text("Epochs: “fifty” is no")
    page.get_by_role("button", name="Train", exact=True).press("ArrowDown")
    expect(problem).to_contain_text("Epochs: “fifty” is no")
    press_without_beginning = "button => button.click()"  # as assistive technology does
    button.evaluate(press_without_beginning)
    expect(problem).to_have_count(0)
    type_beside(page, "Epochs", "fifty", key=None)
    button.click()
    expect(problem).to_contain_text("Epochs: “fifty” is no")  # that click had begun before it came
    button.evaluate(press_without_beginning)
    expect(problem).to_have_count(0)
    set_by_keyboard(page, "Training images", "End")
    expect(slider(page, "Training images")).to_have_attribute("aria-valuetext", "3600")
    set_by_keyboard(page, "Training images", "Home")
    expect(slider(page, "Training images")).to_have_attribute("aria-valuetext", "100")


def test_a_run_draws_live_curves_and_shows_the_worst_images(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    set_by_keyboard(page, "Epochs", "End")
    page.evaluate(COUNT_FRAMES)
    page.evaluate(WATCH_LAYOUT)
    press(page, "Train")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    words = re.compile(r"Epoch \d+ of 50 · [\d,]+ images/s · .* left")
    expect(page.locator(".mnistlab-progress")).to_contain_text(words)
    page.wait_for_function("window.frames_seen.size >= 4", timeout=LONG)
    expect(status(page)).to_contain_text("Training")  # so those frames came while it ran
    expect(status(page)).to_contain_text("Done: 50 epochs. Validation accuracy 9", timeout=4 * LONG)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
    assert page.evaluate("window.layout_shift") < 0.02
    expect(page.locator(".mnistlab-curves img")).to_have_attribute("alt", re.compile("Curves of loss"))
    expect(page.locator(".mnistlab-caption")).to_contain_text("After epoch 50: training loss 0.0")
    images = page.locator(".mnistlab-top-losses img")
    expect(images).to_have_count(12)
    alternatives = images.evaluate_all("images => images.map(image => image.alt)")
    assert all(re.fullmatch(r"Validation image \d+: read as \d, labelled \d", text) for text in alternatives)
    captions = page.locator(".mnistlab-top-losses figcaption").all_inner_texts()
    found = [re.fullmatch(r"read as (\d), labelled\s(\d)\nloss ([\d.]+)\n(\d+)% sure", caption) for caption in captions]
    losses = [float(match[3]) for match in found]
    assert losses == sorted(losses, reverse=True) and losses[0] > 1


def test_stop_ends_a_run_and_keeps_what_it_learned(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    set_many_epochs(page)
    set_by_keyboard(page, "Hidden size", "End")
    press(page, "Train")
    expect(page.locator(".mnistlab-top-losses img")).to_have_count(12, timeout=LONG)
    press(page, "Stop")
    expect(status(page)).to_contain_text(re.compile(r"Stopped after \d+ of 10000 epochs\. Validation accuracy \d"))
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()


def test_the_learning_rate_can_be_ruined_during_a_run(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    set_many_epochs(page)
    press(page, "Train")
    caption = page.locator(".mnistlab-caption")
    expect(caption).to_contain_text("training loss 0.0", timeout=LONG)
    set_by_keyboard(page, "Learning rate", "End")
    expect(caption).to_contain_text(re.compile(r"training loss (0\.[2-9]|[1-9])"), timeout=LONG)
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped")


def test_a_double_click_on_train_starts_one_run(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    set_many_epochs(page)
    page.get_by_role("button", name="Train", exact=True).dblclick()
    expect(page.locator(".mnistlab-progress")).to_contain_text("of 10000 ·", timeout=LONG)
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped")
    expect(page.locator(".mnistlab-progress")).not_to_contain_text("left")


def test_a_preset_moves_the_sliders_and_says_what_to_watch(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    page.get_by_role("combobox", name="Preset").select_option(label="Too high a learning rate")
    expect(slider(page, "Learning rate")).to_have_attribute("aria-valuetext", "2.00")
    expect(slider(page, "Epochs")).to_have_attribute("aria-valuetext", "10")
    expect(page.get_by_text("Watch: The loss jumps up")).to_be_visible()
    set_by_keyboard(page, "Learning rate", "ArrowLeft")
    preset = page.get_by_role("combobox", name="Preset")
    expect(preset).to_have_value("Your own settings")
    preset.select_option(label="Quick")
    expect(slider(page, "Learning rate")).to_have_attribute("aria-valuetext", "0.500")
    set_by_keyboard(page, "Hidden size", "Home")
    expect(preset).to_have_value("Your own settings")
    unusual = "Other than usual: learning rate 0.5, hidden size 8 units, momentum 0.8, schedule one-cycle."
    expect(page.get_by_text(unusual)).to_be_visible()


def test_an_uploaded_digit_is_read_and_read_again_after_another_run(watched, voila, sample):
    page = watched()
    open_lab(page, voila[0])
    _, held_out = sample
    seven = next(row for row in range(len(held_out)) if held_out.labels_of([row])[0] == 7)
    answer = page.locator(".mnistlab-prediction")
    upload(page, ("seven.png", digit_picture(held_out, seven)))
    expect(answer).to_contain_text("no trained network yet")
    train_to_the_end(page)
    expect(answer).to_contain_text("This is 7, says the network")
    expect(answer.get_by_role("img", name="centred")).to_have_count(1)
    expect(answer.get_by_role("row")).to_have_count(10)
    upload(page, ("seven.png", digit_picture(held_out, seven)), ("again.png", digit_picture(held_out, seven, 90)))
    expect(answer.get_by_text("This is 7, says the network")).to_have_count(2)


def test_a_file_of_nearly_twenty_megabytes_arrives(watched, voila, sample):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    _, held_out = sample
    content = digit_picture(held_out, 0, side=2560, kind="BMP")
    assert 19_000_000 < len(content) < 20_000_000
    upload(page, ("large.bmp", content))
    expect(page.locator(".mnistlab-prediction")).to_contain_text(f"This is {held_out.labels_of([0])[0]}", timeout=LONG)


def test_a_bad_file_gets_a_sentence_and_the_page_goes_on(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    for name, content, sentence in (
        ("notes.txt", b"seven", "notes.txt is not an image that can be read here"),
        ("empty.png", b"", "empty.png is empty"),
        ("large.bmp", bytes(25_000_000), "large.bmp is 25.0 MB; files up to 20 MB can be read"),
    ):
        upload(page, (name, content))
        expect(page.locator(".mnistlab-prediction").get_by_role("alert")).to_contain_text(sentence, timeout=LONG)
        expect(status(page)).to_contain_text("Ready")
        expect(page.locator("body")).not_to_contain_text("Traceback")
    train_to_the_end(page)


def test_files_of_more_than_a_hundred_megabytes_together_arrive(watched, voila, sample, tmp_path):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    content = digit_picture(sample[1], 0, side=2560, kind="BMP")
    files = [tmp_path / f"{k}.bmp" for k in range(6)]
    for file in files:
        file.write_bytes(content)
    huge = tmp_path / "huge.jpg"
    with open(huge, "wb") as sparse:
        sparse.truncate(300_000_000)
    assert len(content) * len(files) > 100_000_000
    upload(page, *map(str, (*files[:3], huge, *files[3:])))
    answer = page.locator(".mnistlab-prediction")
    expect(answer.get_by_text("says the network")).to_have_count(6, timeout=2 * LONG)
    expect(answer.get_by_role("alert")).to_contain_text("huge.jpg is 300.0 MB")
    train_to_the_end(page)  # the connection is still there


def test_train_hands_the_focus_to_stop_and_gets_it_back(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train, stop = (page.get_by_role("button", name=name, exact=True) for name in ("Train", "Stop"))
    set_many_epochs(page)
    train.focus()
    page.keyboard.press("Enter")
    expect(stop).to_be_focused()
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("Stopped")
    expect(train).to_be_focused()
    set_by_keyboard(page, "Epochs", "Home")
    train.focus()
    page.keyboard.press("Space")
    expect(status(page)).to_contain_text("Done")
    expect(train).to_be_focused()


def test_a_button_that_is_pressed_and_then_disabled_leaves_the_focus_near_it(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    look = page.get_by_role("button", name="Evaluate once on the test set")
    expect(look).to_be_enabled()
    look.press("Enter")  # for a moment it is disabled, which may be too short to be seen
    expect(page.locator(".mnistlab-last-look")).to_contain_text("test accuracy")
    expect(page.get_by_role("checkbox", name="Logarithmic loss").or_(look).and_(page.locator(":focus"))).to_be_visible()
    images = page.get_by_role("combobox", name="Images of").first
    images.select_option("Training")
    expect(page.locator(".mnistlab-top-losses")).to_contain_text("training images are read wrongly")
    page.locator(".mnistlab-top-losses select").first.select_option("delete")
    again = page.get_by_role("button", name="Train again on the cleaned set")
    expect(again).to_be_enabled()
    again.press("Enter")  # all of the row before is disabled then, too
    expect(page.locator(".mnistlab-before-after")).to_contain_text("After cleaning", timeout=LONG)
    expect(page.locator(".mnistlab-panel-mistakes :focus")).to_be_visible()


def test_a_key_that_is_held_down_moves_on_from_button_to_button(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    page.get_by_role("button", name="Train", exact=True).focus()
    for _ in range(15):
        page.keyboard.down("Tab")
    page.keyboard.up("Tab")
    assert page.evaluate("document.activeElement.closest('.mnistlab-running')") is None


def test_the_focus_stays_where_a_student_has_put_it(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    set_by_keyboard(page, "Epochs", "End")
    train = page.get_by_role("button", name="Train", exact=True)
    train.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    slider(page, "Learning rate").focus()
    expect(status(page)).to_contain_text("Done", timeout=4 * LONG)
    expect(train).to_be_enabled()
    expect(slider(page, "Learning rate")).to_be_focused()


def test_whatever_the_tab_key_reaches_has_a_role_and_a_name(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    expect(page.get_by_role("textbox", name="Learning rate value")).to_have_text("0.100")
    nameless = page.locator(".mnistlab").locator("[tabindex='0'], button, select, input:visible").evaluate_all(
        """elements => elements.filter((element) =>
          !element.matches(':is(button, select, input, [role=slider], [role=textbox])')
          || !(element.ariaLabel || element.textContent.trim() || element.labels?.length)
        ).map((element) => element.outerHTML)"""
    )
    assert nameless == []


def test_the_caption_describes_the_curves(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    image = page.get_by_role("img", name=re.compile("Curves of loss"))
    expect(image).to_have_accessible_description(re.compile("After epoch 4: training loss 0"))


# Where everything on the page begins, in CSS pixels from its top.
PLACES = """() => [...document.querySelectorAll('h1, h2, .mnistlab, .mnistlab-controls, .mnistlab-buttons,'
  + ' .mnistlab-progress, .mnistlab-status, .mnistlab-curves, .mnistlab-caption, .mnistlab-grid')].map(
  (element) => `${element.className || element.textContent}: ${element.getBoundingClientRect().top + scrollY}`)"""


# What was anywhere else in any frame since: some of what is said in a run stands there for a tenth of a second.
WATCH_PLACES = f"""before => {{
  window.moved = [];
  const look = () => {{
    moved.push(...({PLACES})().filter((place, number) => place !== before[number]));
    if (moved.length < 20) requestAnimationFrame(look);
  }};
  look();
}}"""


@pytest.mark.parametrize("width", [1280, 820, 390])
def test_nothing_moves_from_before_a_run_until_after_it(watched, voila, width):
    # Where curves and buttons follow the window, a high one: they would move with every scroll that a click brings.
    page = watched(viewport={"width": width, "height": 1800 if width == 1280 else 900})
    open_lab(page, voila[0])
    set_by_keyboard(page, "Epochs", "End")
    page.wait_for_function("document.querySelector('.mnistlab-curves img').naturalWidth > 100")
    before = page.evaluate(PLACES)
    assert len(before) > 15
    page.evaluate(WATCH_PLACES, before)
    press(page, "Train")
    expect(page.locator(".mnistlab-top-losses img")).to_have_count(12, timeout=LONG)
    expect(page.locator(".mnistlab-progress")).to_contain_text("left")
    set_by_keyboard(page, "Hidden size", "Home")  # brings another sentence
    expect(status(page)).to_contain_text("next run")
    expect(status(page)).to_contain_text("Done", timeout=4 * LONG)
    assert page.evaluate("window.moved") == [] and page.evaluate(PLACES) == before
    for label in ("Quick", "Too high a learning rate", "Too small"):
        page.get_by_role("combobox", name="Preset").select_option(label=label)
        expect(page.get_by_text("Watch:")).to_be_visible()
    set_by_keyboard(page, "Epochs", "Home")
    train_to_the_end(page)
    assert page.evaluate("window.moved") == [] and page.evaluate(PLACES) == before


# What lies on top of the middle of a control, other than itself or what it is part of.
COVERED = """element => {
  const box = element.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return !element.contains(top) && !top?.contains(element);
}"""


@pytest.mark.parametrize("height", [768, 650])  # a school's laptop: all of its screen, and what a browser leaves of it
def test_on_a_wide_window_what_is_set_and_what_comes_of_it_are_in_sight_together(watched, voila, height):
    page = watched(viewport={"width": 1366, "height": height})
    open_lab(page, voila[0])
    train, curves = page.locator(".mnistlab-train"), page.locator(".mnistlab-curves")
    page.wait_for_function("document.querySelector('.mnistlab-curves img').naturalWidth > 100")
    for each in slider(page, "Learning rate"), train, curves, status(page):
        expect(each).to_be_in_viewport(ratio=1)
    before = [each.bounding_box() for each in (train, curves)]
    page.get_by_role("combobox", name="Preset").select_option(label="Too high a learning rate")
    expect(slider(page, "Learning rate")).to_have_attribute("aria-valuetext", "2.00")
    page.evaluate(WATCH_PLACES, page.evaluate(PLACES))
    train_to_the_end(page)
    assert page.evaluate("window.moved") == []
    expect(page.get_by_role("button", name="Apply: learning rate 0.1")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0
    assert [each.bounding_box() for each in (train, curves)] == before
    assert page.locator(".mnistlab-hints p").count() == 2  # above the buttons, where they hide what is behind them
    assert not slider(page, "Learning rate").evaluate(COVERED)
    # Not by `press`, which brings into sight what it clicks on: that the page makes room is what is looked at.
    more = page.get_by_role("button", name="More settings", exact=True)
    more.evaluate("button => button.click()")
    expect(slider(page, "Batch size")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") > 0 and not slider(page, "Batch size").evaluate(COVERED)
    controls = page.locator(".mnistlab-panel-train").locator("[role=slider], select, input").all()
    assert len(controls) > 15
    for control in controls:
        control.focus()
        assert not control.evaluate(COVERED), control.evaluate("element => element.outerHTML")
        expect(curves).to_be_in_viewport(ratio=1)
        expect(train).to_be_in_viewport(ratio=1)
    press(page, "Earlier runs")
    press(page, "Figures by epoch")
    slider(page, "Gradient clipping").focus()
    expect(page.get_by_role("button", name="Evaluate once")).to_be_in_viewport(ratio=1)  # the end of what is too high
    page.set_viewport_size({"width": 1100, "height": 768})  # one below the other, as in a notebook
    panels = page.locator(".mnistlab-panel-train").bounding_box(), page.locator(".mnistlab-panel-curves").bounding_box()
    assert panels[0]["x"] == panels[1]["x"] and panels[0]["y"] + panels[0]["height"] < panels[1]["y"]


def test_everything_can_be_moved_while_a_run_goes_on(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    set_by_keyboard(page, "Epochs", "End")
    press(page, "Train")
    set_by_keyboard(page, "Hidden size", "Home")
    expect(status(page)).to_contain_text("Hidden size: used from the next run on.")
    set_by_keyboard(page, "Training images", "Home")
    page.get_by_role("combobox", name="Preset").select_option(label="Too small")
    expect(status(page)).to_contain_text("Done: 50 epochs", timeout=4 * LONG)


def test_a_phone_sees_one_column_and_nothing_sticks_out(watched, voila):
    page = watched(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_lab(page, voila[0])
    page.evaluate(WATCH_LAYOUT)
    train_to_the_end(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shape = page.locator(".mnistlab-curves img").evaluate("image => image.naturalHeight / image.naturalWidth")
    assert shape > 1  # one chart above the other
    assert page.evaluate("window.layout_shift") < 0.02


def test_twenty_runs_leave_the_kernel_as_large_as_it_was(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    sizes = []
    set_by_keyboard(page, "Hidden size", "End")
    for pair in range(10):
        train_to_the_end(page)
        press(page, "Train")  # a run begun at once shows that the finished one is over
        press(page, "Stop")
        expect(status(page)).to_contain_text("Stopped")
        if pair in (2, 9):
            sizes.append(_kernels_memory(voila[1]))
    # One network of this size, with what trains it, kept from each pair of runs would be 30 MB and more.
    assert sizes[1] - sizes[0] < 10_000_000, f"grew from {sizes[0]:,} to {sizes[1]:,} bytes"


def _kernels_memory(process):
    """Bytes held by the newest kernel of a server, shared pages not counted."""
    kernels = psutil.Process(process.pid).children()
    return max(kernels, key=lambda kernel: kernel.create_time()).memory_full_info().uss


def test_the_full_set_is_downloaded_with_progress_and_then_used(watched, serving, tmp_path, mirror):
    address, _ = serving(app(tmp_path, MNISTLAB_MIRROR=mirror))
    page = watched()
    open_lab(page, address)
    page.get_by_role("combobox", name="Dataset").select_option(label="MNIST")
    note = page.locator(".mnistlab-data-note")
    expect(note).to_contain_text("MNIST is not on this machine yet. Press Download")
    press(page, "Download")
    expect(note).to_contain_text("MNIST: 70,000 images. 54,000 to learn from (training)", timeout=LONG)
    expect(slider(page, "Training images")).to_have_attribute("aria-valuetext", "54000")
    set_by_keyboard(page, "Epochs", "Home")
    train_to_the_end(page)
    expect(page.locator(".mnistlab-caption")).to_contain_text(re.compile(r"validation loss .* accuracy 9\d"))


def test_without_a_network_the_page_says_so_and_stays_with_the_sample(watched, serving, tmp_path):
    closed = "http://127.0.0.1:9"
    nowhere = {"MNISTLAB_MIRROR": closed, "http_proxy": closed, "https_proxy": closed}
    address, process = serving(app(tmp_path, "--dataset", "mnist", **nowhere))
    assert "Starting with the bundled sample" in process.log.read_text()
    page = watched()
    open_lab(page, address)
    page.get_by_role("combobox", name="Dataset").select_option(label="Fashion-MNIST")
    press(page, "Download")
    expect(page.locator(".mnistlab-data-note")).to_contain_text("could not be downloaded", timeout=LONG)
    train_to_the_end(page)


def leave_while_it_connects(address):
    """What a student does who closes a page at once: its connection ends while the server is still making it."""
    session = requests.Session()
    kernel = re.search(r'"kernelId": *"([^"]+)"', session.get(address, timeout=60).text)[1]
    host = urlsplit(address).netloc
    headers = {
        "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "bW5pc3RsYWIgbW5pc3RsYQ==",
        "Cookie": "; ".join(f"{name}={value}" for name, value in session.cookies.items()),
    }
    lines = [f"GET /api/kernels/{kernel}/channels HTTP/1.1", *(f"{key}: {text}" for key, text in headers.items())]
    with socket.create_connection(host.split(":")) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())


def test_the_terminal_of_the_app_says_where_the_page_is_and_shows_no_traceback(watched, voila):
    for _ in range(2):  # one in five or so is left too late; their kernels end with the server
        leave_while_it_connects(voila[0])
    open_lab(watched(), voila[0])  # by then the server has done with them
    text = voila[1].log.read_text()
    assert text.startswith(f"The lab is at {voila[0]}")
    assert not re.search("Traceback|500 GET|ping", text), text


def test_a_home_that_cannot_be_written_does_not_keep_the_lab_from_opening(watched, serving, tmp_path):
    (tmp_path / "home").write_text("a file, where folders would have to be made")
    address, process = serving(app(tmp_path, HOME=str(tmp_path / "home")))
    open_lab(watched(), address)
    assert not re.search("Traceback|500 GET", process.log.read_text()), process.log.read_text()


@pytest.mark.parametrize("code", ["en", "zh"])
def test_axe_finds_nothing_on_any_panel_closed_or_open_in_both_themes(watched, voila, spoken, code):
    page = watched()
    spoken(code)
    open_lab(page, f"{voila[0]}?lang={code}")
    assert problems(page) == []
    train_to_the_end(page)
    toggles = page.locator("button.mnistlab-toggle")
    for toggle in toggles.all():
        toggle.click()
        expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("img", name=t("Average image of {name}", name="9"))).to_be_visible()
    remade = {"Units": "Unit", "Steps": "Unit to follow"}  # sliders that are made anew for the units that there are
    for name, part in PARTS.items():
        press(page, t(part.title))
        expect(page.locator(".mnistlab-inside-note")).to_have_text(t(part.about))
        expect(page.locator(".mnistlab-inside > .widget-vbox > *").first).to_be_visible()  # it has been drawn
        if name in remade:
            expect(slider(page, t(remade[name]))).to_have_attribute("aria-valuemax", "256.0")
        page.wait_for_function(  # a new slider gets its name with the next frame
            "[...document.querySelectorAll('.mnistlab .noUi-handle')].every(handle => handle.ariaLabel)"
        )
        assert problems(page, ".mnistlab-inside") == [], part.title
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert problems(page) == []


def test_on_paper_stands_what_was_set_and_what_came_of_it(watched, voila):
    page = watched(color_scheme="dark")
    open_lab(page, voila[0])
    train_to_the_end(page)
    expect(page.locator(".mnistlab-top-losses img")).to_have_count(12)
    press(page, "Confusion matrix, precision and recall")
    cells = page.locator(".mnistlab-matrix button")
    right = int(cells.first.inner_text())  # so many are a 0 and read as one
    page.emulate_media(media="print")
    assert int(cells.first.inner_text()) == right > 0 and cells.first.is_visible()
    for kept in ("Done: 4 epochs", "After epoch 4", "Hidden size", "read as"):
        expect(page.get_by_text(kept).first).to_be_visible()
    expect(page.locator(".mnistlab-curves img")).to_be_visible()
    assert page.locator("button:visible:not([data-act=cell])").count() == 0
    expect(page.get_by_role("heading", name="Your own digit")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('.mnistlab-status')).color") == "rgb(34, 34, 34)"
