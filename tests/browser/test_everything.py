"""The controls of the page that no other test uses, in Chromium: each used, its effect seen."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from mnistlab.presets import PRESETS

from .steps import LONG, SEVEN, draw, open_lab, press, set_by_keyboard, slider, status, train_to_the_end
from .test_curves import runs
from .test_voila import COUNT_FRAMES


def choose(page, name, label):
    page.get_by_role("combobox", name=name, exact=True).select_option(label=label)


def check(page, name):
    page.get_by_role("checkbox", name=name, exact=True).check()


def few_images(page):
    """600 images to learn from: five batches of the usual size, so that a run takes no time."""
    field = page.get_by_role("textbox", name="Training images value")
    field.fill("600")
    field.press("Enter")
    expect(slider(page, "Training images")).to_have_attribute("aria-valuetext", "600")


def figures(page):
    """What a run from the beginning comes to, as the status line says it."""
    press(page, "Reset")
    expect(status(page)).to_contain_text("Ready")
    train_to_the_end(page)
    return status(page).inner_text()


def test_every_preset_says_what_to_watch_and_makes_a_network_that_learns(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    press(page, "More settings")
    drawing = page.locator(".mnistlab-network [role=img]")
    drawings = set()
    for preset in PRESETS.values():
        choose(page, "Preset", preset.title)
        expect(page.locator(".mnistlab-watch")).to_contain_text(f"Watch: {preset.watch}")
        epochs = str(preset.values.get("epochs", 4))
        expect(slider(page, "Epochs")).to_have_attribute("aria-valuetext", epochs)
        press(page, "One more batch")
        expect(status(page)).to_contain_text("Paused after batch 1 of epoch 1", timeout=LONG)
        expect(page.locator(".mnistlab-progress")).to_contain_text(f"Epoch 1 of {epochs}")
        expect(page.locator(".mnistlab-caption")).to_contain_text("First epoch: training loss")
        drawings.add(drawing.get_attribute("aria-label"))
        press(page, "Reset")
        expect(status(page)).to_contain_text("Ready")
    assert len(drawings) >= 4  # 100, 256, 512 and 8 units, and those of three layers
    set_by_keyboard(page, "Hidden size", "Home")
    expect(page.get_by_role("combobox", name="Preset")).to_have_value("Your own settings")
    expect(page.locator(".mnistlab-watch")).to_contain_text("Other than usual: epochs 40, hidden size 8 units.")


# What is done to a setting; all else stays as the preset "Quick" has it.
SLIDERS = {
    "Learning rate": "ArrowLeft", "Hidden size": "ArrowLeft", "Hidden layers": "Home", "Dropout rate": "PageUp",
    "Batch size": "ArrowLeft", "Momentum": "Home", "L1": "End", "Weight decay (L2)": "End",
    "Gradient clipping": "ArrowRight", "Patience": "ArrowRight", "Shift": "End", "Rotation": "End", "Scale": "End",
    "Shear": "End", "Stroke thickness": "End", "Noise": "End", "Elastic distortion": "End", "Label noise": "End",
    "Epochs": "ArrowRight",
}
CHOICES = {
    "Activation": "tanh", "Optimizer": "sgd", "Schedule": "cosine", "Initialiser": "glorot", "Loss": "squared-error",
}
SWITCHES = ("Batch normalisation", "Convolution", "Shuffled labels")


def test_every_setting_makes_another_run_and_the_preset_puts_it_back(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    few_images(page)
    for name in ("More settings", "Change the labels", "Augmentation"):
        press(page, name)
    choose(page, "Preset", "Quick")
    plain = figures(page)
    results = {}

    def tried(name, change):
        change()
        results[name] = figures(page)
        choose(page, "Preset", "Quick")
        expect(page.locator(".mnistlab-watch")).to_contain_text("The loss falls steeply")

    for name, key in SLIDERS.items():
        before = slider(page, name).get_attribute("aria-valuetext")
        tried(name, lambda name=name, key=key: set_by_keyboard(page, name, key))
        expect(slider(page, name)).to_have_attribute("aria-valuetext", before)
    for name, label in CHOICES.items():
        tried(name, lambda name=name, label=label: choose(page, name, label))
        expect(page.get_by_role("combobox", name=name, exact=True)).not_to_have_value(label)
    for name in SWITCHES:
        tried(name, lambda name=name: check(page, name))
        expect(page.get_by_role("checkbox", name=name, exact=True)).not_to_be_checked()

    def smoother():
        set_by_keyboard(page, "Elastic distortion", "End")
        set_by_keyboard(page, "Elastic smoothness", "End")

    tried("Elastic smoothness", smoother)
    assert figures(page) == plain
    page.get_by_role("spinbutton", name="Seed").fill("7")
    page.get_by_role("spinbutton", name="Seed").press("Enter")
    results["Seed"] = figures(page)
    assert [name for name, result in results.items() if result == plain] == []
    assert results["Elastic smoothness"] != results["Elastic distortion"]
    assert "Done: 5 epochs" in results["Epochs"] and "the best" in results["Patience"]


def test_what_can_change_during_a_run_counts_from_the_next_batch_and_is_marked(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    few_images(page)
    for name in ("More settings", "Augmentation", "Earlier runs"):
        press(page, name)
    press(page, "One more batch")
    expect(status(page)).to_contain_text("Paused after batch 1 of epoch 1")
    live = [
        "Dropout rate", "Momentum", "L1", "Weight decay (L2)", "Gradient clipping", "Shift", "Rotation", "Scale",
        "Shear",
        "Stroke thickness", "Noise", "Elastic distortion", "Elastic smoothness",
    ]
    for name in live:
        set_by_keyboard(page, name, "ArrowLeft" if name == "Momentum" else "ArrowRight")
    choose(page, "Schedule", "cosine")
    press(page, "One more batch")
    expect(status(page)).to_contain_text("Paused after batch 2 of epoch 1")
    expect(runs(page)).to_contain_text(re.compile(r"momentum 0\.8\d+ at epoch 0\.2"))
    text = runs(page).inner_text()
    assert [name for name in [*live, "Schedule"] if f"{name.lower()} " not in text] == []


def test_slow_motion_shows_every_batch_until_it_is_switched_off(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    few_images(page)
    page.evaluate(COUNT_FRAMES)
    check(page, "Slow motion")
    press(page, "Train")
    page.wait_for_function("window.frames_seen.size >= 8", timeout=LONG)  # at full speed there is time for one or two
    page.get_by_role("checkbox", name="Slow motion").uncheck()
    expect(status(page)).to_contain_text("Done: 4 epochs", timeout=LONG)


def test_mistakes_are_filtered_by_set_and_class_and_changes_travel_as_a_file(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    grid = page.locator(".mnistlab-top-losses")
    images = grid.locator("img")
    expect(images).to_have_count(12)
    choose(page, "Class", "7")
    expect(images.first).to_have_attribute("alt", re.compile("labelled 7$"))
    assert all(text.endswith("labelled 7") for text in images.evaluate_all("all => all.map(image => image.alt)"))
    page.get_by_role("combobox", name="Images of").first.select_option("Test")
    expect(grid).to_contain_text("Test images are shown here after a look at the test set")
    press(page, "Evaluate once on the test set")
    expect(grid).to_contain_text("test images are read wrongly")
    expect(grid.locator("select")).to_have_count(0)  # the test set stays as it is
    assert all(re.fullmatch(r"Test image \d+: read as \d, labelled 7", text)
               for text in images.evaluate_all("all => all.map(image => image.alt)"))
    page.get_by_role("combobox", name="Images of").first.select_option("Validation")
    expect(grid).to_contain_text("validation images are read wrongly")
    choose(page, "Class", "all")
    expect(grid).not_to_have_text(re.compile("^(?!.*labelled.[0-68-9]).*$", re.S))

    press(page, "I don't know")
    answered = page.locator(".mnistlab-answered")
    shares = []
    for key in ("Home", "End"):
        before = answered.inner_text()
        set_by_keyboard(page, "Confidence threshold", key)
        expect(answered).not_to_have_text(before)
        shares.append([float(part) for part in re.findall(r"([\d.]+)%", answered.inner_text())[:2]])
    assert shares[0][0] == 100 and shares[1][0] < 90 and shares[1][1] > shares[0][1]

    press(page, "Save or load the changes")
    changes = page.locator(".mnistlab-changes")
    undo = page.get_by_role("button", name="Undo all changes")
    expect(undo).to_be_disabled()
    for place, choice in enumerate(("delete", "label 3", "delete")):
        grid.locator("select").nth(place).select_option(choice)
        expect(grid.locator("select")).to_have_count(12)
    expect(changes).to_contain_text("2 deleted, 1 with a new label")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the changes to the validation set").click()
    assert download.value.suggested_filename == "sample-validation-changes.json"
    content = Path(download.value.path()).read_bytes()
    assert json.loads(content)["split"] == "validation"
    undo.press("Enter")
    expect(changes).to_contain_text("Choose Delete or a new label")
    expect(page.get_by_role("button", name="12 more")).to_be_focused()  # in the row before
    expect(page.locator(".mnistlab-link")).to_contain_text("There are no changes to download yet")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Load changes")).click()
    chooser.value.set_files({"name": "changes.json", "mimeType": "application/json", "buffer": content})
    expect(changes).to_contain_text("2 deleted, 1 with a new label")
    expect(status(page)).to_contain_text("Loaded: 3 changes to the validation set.")
    expect(grid.locator("select").first).to_have_value("delete")
    grid.locator("select").first.select_option("keep")
    expect(changes).to_contain_text("1 deleted, 1 with a new label")


def wide_pictures(count=20):
    """A zip of two classes of wide pictures, a bar at the left and a bar in the middle; many are the same."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as folder:
        for name, place in (("left", 2), ("middle", 28)):
            for number in range(count):
                values = np.full((30, 60), 255, np.uint8)
                values[5:25, place : place + 4] = 10 * (number % 3)
                picture = io.BytesIO()
                Image.fromarray(values).save(picture, "PNG")
                folder.writestr(f"{name}/{number}.png", picture.getvalue())
    return content.getvalue()


def test_ones_own_images_are_fitted_counted_and_those_in_both_sets_are_shown(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    press(page, "What the images look like")
    facts = page.locator(".mnistlab-facts")
    expect(facts.get_by_role("row")).to_have_count(10)
    counts = [int(row.split()[-1].replace(",", "")) for row in facts.get_by_role("row").all_inner_texts()]
    assert sum(counts) == int(slider(page, "Training images").get_attribute("aria-valuetext"))
    widths = facts.locator(".mnistlab-bar span").evaluate_all("all => all.map(bar => bar.offsetWidth)")
    assert np.argmax(widths) == np.argmax(counts) and 20 < min(widths) < max(widths)
    examples = page.locator(".mnistlab-class-images img")
    page.get_by_role("combobox", name="Images of").last.select_option("5")
    expect(examples.first).to_have_attribute("alt", "A training image labelled 5")
    expect(examples).to_have_count(24)
    press(page, "Your own images")
    average = page.get_by_role("img", name="Average image of left")
    seen = []
    for fit in ("pad", "crop", "squash"):
        choose(page, "Fit by", fit)
        before = average.get_attribute("src") if seen else None
        page.locator(".mnistlab-panel-data input[type=file]").set_input_files(
            {"name": "bars.zip", "mimeType": "application/zip", "buffer": wide_pictures()}
        )
        expect(average).to_be_visible(timeout=LONG)
        if before:
            expect(average).not_to_have_attribute("src", before, timeout=LONG)
        seen.append(average.get_attribute("src"))
    assert len(set(seen)) == 3
    expect(facts).to_contain_text(re.compile(r"[1-9]\d* images are in both the training and the validation set"))
    both = facts.get_by_role("img", name="An image that is in both the training and the validation set")
    expect(both.first).to_be_visible()
    expect(page.locator(".mnistlab-data-note")).to_contain_text("bars 3: 40 images")
    choose(page, "Dataset", "Bundled sample")
    expect(facts.get_by_role("row")).to_have_count(10)


def test_augmentation_is_previewed_on_the_same_eight_images(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    press(page, "Augmentation")
    preview = page.locator(".mnistlab-preview img")

    def sources():
        expect(preview).to_have_count(16)
        found = preview.evaluate_all("all => all.map(image => image.src)")
        return found[:8], found[8:]

    plain, shown = sources()
    assert plain == shown and len(set(plain)) == 8
    names = (
        "Shift", "Rotation", "Scale", "Shear", "Stroke thickness", "Noise", "Elastic distortion", "Elastic smoothness",
    )
    for name in names:
        last = preview.last.get_attribute("src")
        set_by_keyboard(page, name, "End")
        expect(preview.last).not_to_have_attribute("src", last)
        before, now = sources()
        assert before == plain and not set(now) & set(shown)
        shown = now


def test_a_run_of_fifty_epochs_goes_on_while_everything_is_clicked(watched, voila):
    address, process = voila
    page = watched()
    open_lab(page, address)
    said_before = len(process.log.read_bytes())
    draw(page, SEVEN)
    set_by_keyboard(page, "Epochs", "End")
    press(page, "One more epoch")
    expect(page.locator(".mnistlab-caption")).to_contain_text("After epoch", timeout=LONG)
    check(page, "Slow motion")  # or the run would be over before all is clicked
    press(page, "Resume")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_enabled()
    openings = (
        "More settings", "Share this experiment", "Earlier runs", "Figures by epoch",
        "Confusion matrix, precision and recall", "I don't know", "Save or load the changes", "Teach it",
        "What the images look like", "Change the labels",
        "Augmentation", "Your own images",
    )
    for name in openings:
        press(page, name)
    expect(page.get_by_role("button", name="Upload a zip")).to_be_visible(timeout=LONG)
    for one in page.get_by_role("slider").all():
        one.focus()
        one.press("ArrowLeft")
        one.press("ArrowRight")
    for box in page.locator("input[type=checkbox]").all():
        if box.get_attribute("aria-label") != "Slow motion":
            box.click()
            box.click()
    for preset in PRESETS.values():
        choose(page, "Preset", preset.title)
    for choice in page.locator("select:not([multiple]):not([data-act])").all():
        count = choice.locator("option").count()
        if choice.is_enabled() and count:
            choice.select_option(index=count - 1)
            choice.select_option(index=0)
    press(page, "Pause")
    press(page, "Resume")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_enabled()
    page.get_by_role("checkbox", name="Slow motion").uncheck()
    page.get_by_role("button", name="Clear").click()
    draw(page, SEVEN)
    expect(page.locator(".mnistlab-drawn")).to_contain_text("says the network", timeout=LONG)
    for name in openings:
        press(page, name)
    expect(status(page)).to_contain_text("Done: 50 epochs", timeout=4 * LONG)
    choose(page, "Preset", "Quick")
    expect(page.locator(".mnistlab-watch")).to_contain_text("The loss falls steeply")
    press(page, "Reset")
    expect(status(page)).to_contain_text("Ready")
    train_to_the_end(page)
    expect(status(page)).to_contain_text("Validation accuracy 9")
    new = process.log.read_bytes()[said_before:].decode()
    assert not re.search("Traceback|An action failed|Refused", new), new
    expect(page.locator(".mnistlab-problem")).to_have_count(0)


def test_a_digit_is_drawn_with_a_finger(watched, voila):
    page = watched(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_lab(page, voila[0])
    train_to_the_end(page)
    sheet = page.locator(".mnistlab-sheet")
    sheet.scroll_into_view_if_needed()
    scrolled, box = page.evaluate("scrollY"), sheet.bounding_box()
    finger = page.context.new_cdp_session(page)

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    corners = [np.array([box["x"] + x * box["width"], box["y"] + y * box["height"]]) for x, y in SEVEN]
    touch("touchStart", corners[0].tolist())
    for start, end in zip(corners, corners[1:]):
        for share in np.linspace(0.1, 1, 10):
            touch("touchMove", (start + share * (end - start)).tolist())
    for _ in range(12):  # the finger rests before it leaves: else the browser takes its next tap for the end of a swipe
        page.evaluate("() => new Promise(requestAnimationFrame)")
        touch("touchMove", corners[-1].tolist())
    touch("touchEnd")
    answer = page.locator(".mnistlab-drawn")
    expect(answer).to_contain_text("This is 7, says the network")
    assert page.evaluate("scrollY") == scrolled  # the finger drew, and did not move the page
    page.get_by_role("button", name="Undo", exact=True).tap()
    expect(answer).to_contain_text("The answer follows your pen")  # one touch was one stroke
    page.get_by_role("button", name="Undo", exact=True).tap()
    expect(answer).to_contain_text("The answer follows your pen")


def test_a_scribble_is_answered_all_the_same_and_called_unlike_the_training_images(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    zigzag = [(0.05 + 0.9 * (k % 2), 0.05 + 0.9 * k / 12) for k in range(13)]
    draw(page, zigzag)
    answer = page.locator(".mnistlab-drawn")
    expect(answer).to_contain_text("Not like the training images")
    expect(answer).to_contain_text("says the network")
