"""The data panel's openings and the digit panel without a browser: looking, spoiling, augmenting, teaching."""

import asyncio
import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from test_app import fresh_widgets, in_a_loop  # noqa: F401 - the fixture works by being here

from mnistlab.app import DataPanel, DigitPanel, Lab, MistakesPanel


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
    assert facts.count("Average image of") == 10 and "0 images are in the training and in the validation set" in facts
    panel.variations.label.value = 3
    assert panel.variations.shown.value.count("A training image of 3") == 24
    assert lab.dataset == "sample"


@in_a_loop
async def test_augmentation_is_previewed_on_the_same_images_as_it_is_changed():
    panel = DataPanel(lab := Lab())
    panel.variations.augment.toggle.value = True
    before = panel.variations.preview.value
    lab.change("rotate", 40)
    after = panel.variations.preview.value
    assert before != after and before.split("As an epoch")[0] == after.split("As an epoch")[0]


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
