"""The data panel's openings and the digit panel without a browser: looking, spoiling, augmenting, teaching."""

import asyncio
import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from test_app import fresh_widgets, in_a_loop  # noqa: F401 - the fixture works by being here

from mnistlab.app import DataPanel, DigitPanel, Lab, MistakesPanel
from mnistlab.app.variations import _in_both
from mnistlab.folders import MAX_ZIP
from mnistlab.server import WEBSOCKET_LIMIT


def zip_of(count, classes=("circle", "square")):
    """A zip with `count` small PNGs a class and one file that is no image."""
    content = io.BytesIO()
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(content, "w") as folder:
        for name in classes:
            for number in range(count):
                image = io.BytesIO()
                Image.fromarray(rng.integers(0, 255, (30, 40), np.uint8)).save(image, "PNG")
                folder.writestr(f"{name}/{number}.png", image.getvalue())
        folder.writestr("circle/broken.png", b"no image")
    return content.getvalue()


def png_of(dataset, row):
    content = io.BytesIO()
    Image.fromarray(255 - dataset.image(row)).resize((140, 140)).save(content, "PNG")
    return content.getvalue()


@in_a_loop
async def test_a_closer_look_counts_averages_and_finds_what_is_in_both_sets():
    panel = DataPanel(lab := Lab())
    panel.variations.look.toggle.value = True
    facts = panel.variations.facts.value
    assert facts.count("Average image of") == 10 and "No image is in both" in facts
    panel.variations.label.value = 3
    assert panel.variations.shown.value.count("A training image labelled 3") == 24
    assert lab.dataset == "sample"


@in_a_loop
async def test_augmentation_is_previewed_on_the_same_images_as_it_is_changed():
    panel = DataPanel(lab := Lab())
    panel.variations.augment.toggle.value = True
    before = panel.variations.preview.value
    lab.change("rotate", 40)
    after = panel.variations.preview.value
    assert before.startswith("<p>As they are") and before != after
    assert before.split("As an epoch")[0] == after.split("As an epoch")[0]


@in_a_loop
async def test_a_zip_of_folders_becomes_the_dataset_and_says_what_was_left_out():
    lab = Lab()
    panel, mistakes = DataPanel(lab), MistakesPanel(lab)
    panel.variations.own.toggle.value = True
    await panel.variations._read("shapes.zip", zip_of(40))
    assert lab.dataset == "shapes" and lab.available.class_names == ("circle", "square")
    assert "80 images are in use" in panel.variations.said.value and "broken.png" in panel.variations.said.value
    assert panel.choice.value == "shapes" and len(lab.test_set) == 8
    lab.change_all({"epochs": 1, "hidden_size": 8})
    lab.start()
    await lab.task
    assert lab.message.startswith("Done") and "circle" in mistakes.images.value
    lab.choose_dataset("sample")
    lab.choose_dataset("shapes")
    assert lab.available.class_names == ("circle", "square")


@in_a_loop
async def test_other_images_under_the_same_name_get_one_of_their_own_and_are_shown_everywhere():
    lab = Lab()
    panel, mistakes = DataPanel(lab), MistakesPanel(lab)
    for toggle in (panel.variations.own.toggle, panel.variations.look.toggle):
        toggle.value = True
    for title, classes in (("shapes", ("circle", "square")), ("shapes 2", ("circle", "star"))):
        await panel.variations._read("shapes.zip", zip_of(40, classes))
        assert lab.dataset == panel.choice.value == title
        for html in (panel.images.value, panel.variations.facts.value, str(mistakes.label.options)):
            assert all(name in html for name in classes)


@in_a_loop
async def test_ones_own_images_take_no_other_datasets_place_and_all_stay_in_the_list(sample):
    panel = DataPanel(lab := Lab())
    panel.variations.own.toggle.value = True
    for name in ("mnist.zip", "sample.zip", "pets.zip", "Pets.zip", "MNIST.zip", ".zip"):
        await panel.variations._read(name, zip_of(40))
    names = ("mnist (yours)", "sample (yours)", "pets", "Pets 2", "MNIST (yours) 2", "images")
    assert lab.own == names and lab.dataset == "images"
    again = DataPanel(lab)  # its cell was run once more
    assert [panel.name for panel in lab.panels] == ["data", "data"] and again.choice.value == "images"
    for each in (panel, again):
        assert tuple(value for _, value in each.choice.options)[-6:] == names
    panel.choice.value = "pets"
    assert lab.dataset == again.choice.value == "pets"
    panel.choice.value = "sample"
    assert len(lab.available) + len(lab.validation_set) == len(sample[0])


def test_a_zip_that_does_not_arrive_is_too_large_or_could_not_be_read():
    variations = DataPanel().variations
    variations.own.toggle.value = True
    said = []
    for size in (95_000_000, None):
        variations.upload._handle_custom_msg({"name": "a.zip", "size": size, "first": True, "last": True}, [])
        said.append(variations.said.value)
    assert "a.zip is 95 MB; up to 90 MB can be read" in said[0]
    assert "could not read a.zip" in said[1] and "MB" not in said[1]
    assert MAX_ZIP < 0.95 * WEBSOCKET_LIMIT


@in_a_loop
async def test_a_closer_look_shows_the_labels_and_images_that_the_next_run_learns_from():
    panel = DataPanel(lab := Lab())
    panel.variations.look.toggle.value = True
    panel.variations.label.value = 3
    assert ", was " not in panel.variations.shown.value
    lab.change_all({"train_size": 500, "label_noise": 0.5, "seed": 4, "epochs": 1})
    facts, shown = panel.variations.facts.value, panel.variations.shown.value
    counts = [int(each) for each in re.findall(r"<td>(\d+)</td></tr>", facts)]
    changed = re.findall(r"<figcaption>labelled 3, was (\d)</figcaption>", shown)
    assert sum(counts) == 500 and changed and "3" not in changed
    lab.start()
    assert counts == np.bincount(lab.run.train_set.labels_of()).tolist()
    lab.stop()
    await lab.task


def test_images_in_both_sets_are_counted_in_words():
    said = [_in_both(count).split(" in both")[0] for count in (0, 1, 2)]
    assert said == ["No image is", "1 image is", "2 images are"]


@in_a_loop
async def test_the_validation_share_is_a_control_and_what_is_said_follows():
    panel = DataPanel(lab := Lab())
    panel.variations.watched.toggle.value = True
    panel.variations.watched.children[1].widgets["validation_fraction"].value = 0.5
    assert "2,000 to learn from (training), 2,000 to watch" in panel.note.value
    assert panel.size.max == 2000 and lab.settings.train_size == 60_000
    lab.change("epochs", 1)
    lab.start()
    await lab.task
    assert len(lab.run.validation_set) == len(lab.run.train_set) == 2000


@pytest.mark.parametrize("content", [b"", b"no zip", zip_of(1)])
@in_a_loop
async def test_what_is_no_usable_zip_gets_a_sentence_and_changes_nothing(content):
    panel = DataPanel(lab := Lab())
    panel.variations.own.toggle.value = True
    await panel.variations._read("x.zip", content)
    assert "role='alert'" in panel.variations.said.value and lab.dataset == "sample"


@in_a_loop
async def test_a_drawing_is_read_with_every_step_and_a_runner_up(sample):
    lab = Lab()
    panel = DigitPanel(lab)
    panel.sheet.drawing = png_of(sample[1], 0)
    assert "press Train" in panel.answer.value
    lab.start()
    await lab.task
    label = sample[1].labels_of([0])[0]
    assert f"This is <b>{label}</b>" in panel.answer.value and "; if not, " in panel.answer.value
    assert panel.answer.value.count("<figure>") >= 4
    panel.sheet.drawing = b""
    assert "follows your pen" in panel.answer.value


@in_a_loop
async def test_what_is_no_digit_is_called_unlike_the_training_images_with_the_rate_of_false_alarms():
    lab = Lab()
    panel = DigitPanel(lab)
    lab.start()
    await lab.task
    noise = np.random.default_rng(0).integers(0, 255, (28, 28), np.uint8)
    warning = panel._warning(noise)
    assert "Not like the training images" in warning and "validation images" in warning
    assert panel._warning(lab.available.image(5)) == ""


@in_a_loop
async def test_teaching_brings_the_answer_round_and_forgets_little(sample):
    lab = Lab()
    panel = DigitPanel(lab)
    lab.start()
    await lab.task
    before = lab.run.evaluation.accuracy
    panel.sheet.drawing = png_of(sample[1], 0)
    panel.teach.toggle.value = True
    wrong = (int(sample[1].labels_of([0])[0]) + 5) % 10
    panel.right.value = wrong
    panel._teach()
    await lab.task
    assert f"This is <b>{wrong}</b>" in panel.answer.value
    assert lab.run.evaluation.accuracy > before - 0.08
    assert lab.records[-1].name.endswith(", taught")


@in_a_loop
async def test_teaching_without_an_image_or_a_network_says_what_is_missing():
    lab = Lab()
    panel = DigitPanel(lab)
    panel.teach.toggle.value = True
    with pytest.raises(ValueError, match="draw a digit or upload one first"):
        panel._teach()
    with pytest.raises(ValueError, match="no trained network"):
        lab.teach(np.zeros((28, 28), np.uint8), 1)
    await asyncio.sleep(0)
