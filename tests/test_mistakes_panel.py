"""The mistakes panel, teaching and the warning of the digit panel, without a browser."""

import asyncio
import re
from dataclasses import replace

import numpy as np
import pytest
from test_app import clothes, fresh_widgets, in_a_loop, send_files  # noqa: F401 - the fixtures work by being here
from test_keeping import at_rest
from test_lab import lab_of
from test_variations import png_of
from toys import toy_set

from mnistlab.app import DigitPanel, MistakesPanel, TrainingPanel
from mnistlab.app.last_look import LastLook
from mnistlab.images import Prepared


def digit_prepared(lab):
    pixels = lab.available.image(0)
    return Prepared(pixels, pixels, ())


async def trained(lab):
    lab.start()
    await lab.task
    return lab


async def shown(panel):
    """Wait until the images of the chosen set are there."""
    for _ in range(1000):
        if f"{panel.set.value} images are read" in panel.images.value:
            return
        await asyncio.sleep(0)
    raise AssertionError(panel.images.value[:300])


# Teaching


@in_a_loop
async def test_after_teaching_a_choice_hits_the_image_that_is_shown():
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    panel.set.value = "training"
    taught = 255 - lab.available.image(0)
    lab.teach(taught, 3)
    await lab.task
    mixed = lab.run.train_set
    own = mixed.indices >= len(lab.available.images)
    assert own.sum() == 20 and (mixed.images[mixed.indices[own]] == taught).all()
    for number in mixed.indices[~own][:50]:
        assert (mixed.images[number] == lab.available.images[number]).all()
        assert mixed.labels[number] == lab.available.labels[number]


@in_a_loop
async def test_a_taught_image_is_called_so_and_cannot_be_cleaned():
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    lab.teach(np.zeros((28, 28), np.uint8), 3)
    await lab.task
    evaluation = lab.run.evaluation
    panel.set.value = "training"
    await shown(panel)
    row = int(np.flatnonzero(lab.run.train_set.indices >= len(lab.available.images))[0])
    (mistake,) = evaluation.mistakes(np.array([0]))
    taught = panel._figure(replace(mistake, index=row))
    assert "Taught image: read as" in taught and "<select" not in taught
    assert "<select" in panel._figure(mistake)


@in_a_loop
async def test_teaching_mixes_from_the_images_and_labels_that_the_network_learned_from():
    lab = await trained(lab_of(train_size=300, label_noise=0.3))
    learned = lab.run.train_set
    for label in (3, 4):
        lab.change("hidden_size", 64)  # for the next run; this one goes on as it began
        lab.teach(np.zeros((28, 28), np.uint8), label)
        await lab.task
        mixed = lab.run.train_set
        own = mixed.indices >= len(lab.available.images)
        assert sorted(mixed.indices[~own]) == sorted(learned.indices)
        assert (mixed.labels_of(np.flatnonzero(~own)) == learned.labels_of()).all()
        assert lab.record.settings["hidden_size"] == 16 and lab.record.settings["learning_rate"] == 0.1 / 5
    assert own.sum() == 40 and lab.run.validation_set is lab.validation_set


@in_a_loop
async def test_what_an_image_can_be_said_to_be_are_the_classes_that_the_network_knows(sample):
    lab = lab_of()
    panel = DigitPanel(lab)
    panel.teach.toggle.value = True
    assert [name for name, _ in panel.right.options] == ["…", *"0123456789"] and panel.right.index == 0
    panel.right.value = 3
    lab.use_images("letters", replace(sample[0], class_names=tuple("abcdefghij")))
    await trained(lab)
    assert [name for name, _ in panel.right.options] == ["…", *"abcdefghij"]
    assert panel.right.index == 0  # the d is no 3, so it is asked anew
    panel.right.value = 3
    animals = replace(toy_set(60, side=28), class_names=("cat", "dog", "owl"))
    lab.use_images("animals", animals)
    await trained(lab)
    assert [name for name, _ in panel.right.options] == ["…", "cat", "dog", "owl"]
    assert panel.right.index == 0
    with pytest.raises(ValueError, match="has the label 9; 3 classes go from 0 to 2"):
        lab.teach(animals.image(0), 9)
    assert lab.taught == []
    lab.teach(animals.image(0), 1)
    await lab.task
    assert lab.record.name.endswith(", taught") and lab.phase == "idle"


@in_a_loop
async def test_teaching_says_what_the_answer_was_and_is_until_a_fresh_network_comes():
    lab = await trained(lab_of(train_size=2000))
    panel = DigitPanel(lab)
    panel._drawing = digit_prepared(lab)
    panel.teach.toggle.value = True
    assert "Train begins with a fresh network" in panel.teach.children[1].value and panel.said.value == ""
    with pytest.raises(ValueError, match="Choose first what it is"):
        panel._teach()
    assert lab.taught == []
    before = panel._verdict(panel._drawing.pixels)
    panel.right.value = (int(lab.available.labels_of([0])[0]) + 5) % 10
    panel._teach()
    await lab.task
    now = panel._verdict(panel._drawing.pixels)
    assert panel.said.value == f"<p>Before: {before}, now: {now}.</p>" and now.startswith(str(panel.right.value))
    await trained(lab)
    assert panel.said.value == "" and lab.taught == []
    panel._teach()
    await lab.task
    lab.reset()
    assert panel.said.value == "" and lab.message.startswith("Ready")


@in_a_loop
async def test_what_is_taught_is_what_came_last_and_it_is_asked_anew_what_that_is():
    lab = await trained(lab_of())
    panel = DigitPanel(lab)
    panel.teach.toggle.value = True
    photo, other = (png_of(lab.available, row) for row in (0, 1))

    async def teach(label):
        panel.right.value = label
        panel._teach()
        await lab.task
        return lab.taught[-1]

    panel.sheet.drawing = photo
    drawn, label = await teach(3)
    assert label == 3 and panel.right.value == 3  # it may need to be taught again
    send_files(panel, ("other.png", other))
    assert panel.right.index == 0
    with pytest.raises(ValueError, match="Choose first what it is"):
        panel._teach()
    uploaded, label = await teach(7)
    panel.sheet.drawing = other_drawing = png_of(lab.available, 2)
    assert panel.right.index == 0 and panel.sheet.drawing == other_drawing
    send_files(panel, ("other.png", other))
    panel.right.value = 7
    assert label == 7 and (uploaded == panel._outcomes[-1][1].pixels).all() and (uploaded != drawn).any()
    panel.sheet.drawing = b""
    assert panel.right.index == 0
    panel.right.value = 5  # what somebody is going to draw
    panel.sheet.drawing = photo
    assert panel.right.value == 5
    again, _ = await teach(5)
    assert (again == drawn).all()


@in_a_loop
async def test_the_yardstick_of_novelty_is_that_of_the_images_whatever_is_taught_or_trained_anew():
    lab = await trained(lab_of(train_size=2000))
    panel = DigitPanel(lab)
    noise = np.random.default_rng(0).integers(0, 255, (28, 28), np.uint8)
    warning = panel._warning(noise)
    novelty = panel._novelty
    assert "the most similar training image, labelled" in warning and warning.count("<img") == 1
    lab.teach(noise, 3)
    await lab.task
    assert panel._warning(noise) == warning and panel._novelty is novelty
    lab.change("label_noise", 0.1)
    await trained(lab)
    assert "Not like" in panel._warning(noise) and panel._novelty is novelty
    lab.change("train_size", 1000)
    await trained(lab)
    assert "Not like" in panel._warning(noise) and panel._novelty is not novelty


# What the panel shows, and when


@in_a_loop
async def test_when_another_dataset_is_in_use_the_images_stay_but_nothing_can_be_changed(clothes):  # noqa: F811
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    for name in ("validation", "training"):
        panel.set.value = name
        await shown(panel)
        assert panel.images.value.count("<select") == 12
        lab.choose_dataset("fashion-mnist")
        assert panel.images.value.count("<img") == 12 and "<select" not in panel.images.value
        assert "They are of Bundled sample, which the network has learned" in panel.images.value
        assert panel.delete_button.disabled and [words for words, _ in panel.label.options][1] == "0"
        panel._on_clean(f"{name} 5", "delete")  # of a page that has not yet heard of it
        panel._delete_all()
        assert not any(map(len, lab.changes.values()))
        lab.choose_dataset("sample")
        assert panel.images.value.count("<select") == 12
    lab.choose_dataset("fashion-mnist")
    await trained(lab)
    assert "ankle boot" in dict(panel.label.options)


@in_a_loop
async def test_reset_takes_images_matrix_hints_and_answers_away():
    lab = lab_of(learning_rate=1.0)
    training, panel, digit = TrainingPanel(lab), MistakesPanel(lab), DigitPanel(lab)
    panel.matrix.toggle.value = True
    digit._drawing = digit_prepared(lab)
    lab.change("label_noise", 0.3)
    await trained(lab)
    assert 'data-act="hint"' in training.hints.value and "<button" in panel.table.value
    assert "This is" in digit.answer.value and "that noise changed" in panel.note.value
    lab.reset()
    assert "data-act" not in training.hints.value + panel.images.value + panel.table.value
    assert "press Train" in digit.answer.value and "that noise changed" not in panel.note.value
    assert panel.delete_button.disabled and panel.more_button.disabled
    panel._on_cell("0 0", "")  # a press that was on its way
    assert "<button" not in panel.table.value and panel.cell.value == ""


@in_a_loop
async def test_the_next_twelve_follow_by_loss_and_after_the_last_come_the_first():
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    panel.label.value = 7
    pages = -(-int((lab.validation_set.labels_of() == 7).sum()) // 12)
    seen = []
    for _ in range(pages):
        seen += re.findall(r'alt="Validation image (\d+)', panel.images.value)
        panel.more_button.click()
    assert sorted(map(int, seen)) == sorted(lab.validation_set.indices[lab.validation_set.labels_of() == 7])
    assert re.findall(r'alt="Validation image (\d+)', panel.images.value) == seen[:12]
    panel.more_button.click()
    assert "numbers 13 to 24 by loss" in panel.images.value
    panel.label.value = 3
    assert "These have the highest loss" in panel.images.value


@in_a_loop
async def test_all_that_is_shown_is_deleted_at_once_and_noise_says_how_much_of_it_is_gone():
    lab = lab_of(label_noise=0.2, train_size=600, epochs=5)
    panel = MistakesPanel(lab)
    await trained(lab)
    noise = lab.noise()
    assert 90 < len(noise) <= 120
    for number, right in noise.items():
        assert lab.run.train_set.labels[number] != right == lab.available.labels[number]
    assert f"Of the {len(noise)} labels that noise changed, 0 are gone." in panel.note.value
    panel.set.value = "training"
    await shown(panel)
    panel.delete_button.click()
    panel.more_button.click()
    panel.delete_button.click()
    deleted = lab.changes["training"].deleted
    found = len(noise.keys() & set(deleted))
    assert len(deleted) == 24 and found > 12 and f"changed, {found} are gone." in panel.note.value
    assert panel.images.value.count('value="delete" selected') == 12
    left = next(number for number in noise if number not in deleted)
    panel._on_clean(f"training {left}", str((noise[left] + 1) % 10))  # wrong still
    assert f"changed, {found} are gone." in panel.note.value
    panel._on_clean(f"training {left}", str(noise[left]))
    assert f"changed, {found + 1} are gone." in panel.note.value
    lab.start(cleaned=True)
    await lab.task
    assert len(lab.run.train_set) == 576 and lab.noise() == noise
    assert f"changed, {found + 1} are gone." in panel.note.value


@in_a_loop
async def test_test_images_are_shown_after_a_look_at_the_test_set():
    lab = lab_of()
    panel, look = MistakesPanel(lab), LastLook(lab)
    await trained(lab)
    panel.set.value = "test"
    assert "Evaluate once on the test set" in panel.images.value and "<img" not in panel.images.value
    look.button.click()
    await shown(panel)
    assert lab.test_looks == {"sample": 1} and "test images are read wrongly" in panel.images.value
    assert "<select" not in panel.images.value and panel.delete_button.disabled


@in_a_loop
async def test_a_double_click_looks_at_the_test_set_once_and_a_click_that_comes_late_not_at_all():
    lab = lab_of()
    look = LastLook(lab)
    await trained(lab)
    look.button.click()
    look.button.click()
    await at_rest(lab)
    assert lab.test_looks == {"sample": 1}
    lab.reset()
    look.button.click()
    assert look.lab.message.startswith("Ready")


@in_a_loop
async def test_images_of_a_set_that_takes_the_place_of_the_looked_at_one_stay_closed(clothes):
    lab = lab_of()
    panel, look = MistakesPanel(lab), LastLook(lab)
    await trained(lab)
    panel.set.value = "test"
    look.button.click()
    await shown(panel)
    lab.one_more("epoch")
    await lab.task
    lab.choose_dataset("fashion-mnist")  # while the network looks at the digits again
    await at_rest(lab)
    assert "<img" not in panel.images.value and "learned" in panel.images.value


@in_a_loop
async def test_the_frame_of_the_matrix_can_be_scrolled_by_keyboard_and_its_caption_stays():
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    panel.matrix.toggle.value = True
    frame = '<div class="mnistlab-wide" role="region" aria-label="Confusion matrix" tabindex="0">'
    caption = "Label by row, prediction by column"
    assert 0 < panel.table.value.index(caption) < panel.table.value.index(frame)
    assert "<caption" not in panel.table.value


# Before and after cleaning


async def cleaned(lab):
    lab.put_changes(lab.changes["training"].delete(int(lab.available.indices[0])))
    lab.start(cleaned=True)
    await lab.task


@in_a_loop
async def test_two_whole_runs_of_the_same_settings_are_the_same_training():
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    await cleaned(lab)
    assert "<caption>The same training, before and after cleaning</caption>" in panel.sides.value
    lab.reset()
    assert panel.sides.value == ""


@in_a_loop
@pytest.mark.parametrize("count", [600, 4444])
async def test_another_dataset_ends_the_comparison_whatever_the_size_of_its_validation_set(count):
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    await cleaned(lab)
    assert "before and after cleaning" in panel.sides.value
    lab.use_images("mine", toy_set(count, side=28))
    assert (len(lab.validation_set) == 400) == (count == 4444)
    assert panel.sides.value == "" and lab.message.startswith("Done")


@in_a_loop
async def test_a_run_that_patience_ended_is_a_whole_one():
    lab = await trained(lab_of(epochs=50, patience=1))
    assert lab.run.epoch < 50 and lab.peculiar == ""


@in_a_loop
@pytest.mark.parametrize("what, words", [
    ("stopped", "before cleaning it was a run of 1 epochs where 3 were set"),
    ("longer", "before cleaning it was a run of 4 epochs where 3 were set"),
    ("taught", "before cleaning it was a network that was taught more"),
    ("changed", "before cleaning it was a run whose settings were changed on the way"),
])
async def test_what_was_no_whole_training_is_not_called_the_same(what, words):
    lab = lab_of()
    panel = MistakesPanel(lab)
    if what == "stopped":
        lab.one_more("epoch")
        await lab.task
        lab.stop()
    elif what == "changed":
        lab.one_more("epoch")
        await lab.task
        lab.change("learning_rate", 0.05)
        lab.resume()
        await lab.task
    else:
        await trained(lab)
        lab.teach(lab.available.image(0), 3) if what == "taught" else lab.one_more("epoch")
        await lab.task
    await cleaned(lab)
    assert "The same training" not in panel.sides.value and words in panel.sides.value
