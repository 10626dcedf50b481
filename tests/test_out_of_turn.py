"""What is clicked while something else is going on, or after it: the panels without a browser."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from test_app import clothes, fresh_widgets, in_a_loop  # noqa: F401 - the fixtures work by being here
from test_keeping import at_rest, choose, page_of, restored
from test_lab import lab_of, turns
from test_mistakes_panel import shown, trained
from toys import toy_set

from mnistlab import language
from mnistlab.app import CurvesPanel, DataPanel, MistakesPanel, TrainingPanel
from mnistlab.cli import main
from mnistlab.export import load_model, model_bytes, save_model
from mnistlab.training import History

ANIMALS = replace(toy_set(60, side=28), class_names=("cat", "dog", "owl"))


def animals():
    """A dataset of one's own whose numbers of images and of classes are not those of the sample."""
    return "animals", ANIMALS


# Mistakes


@in_a_loop
async def test_training_images_are_not_shown_while_a_run_goes_on_and_no_others_in_their_place():
    lab = lab_of(epochs=10_000)
    panel = MistakesPanel(lab)
    lab.start()
    while not lab.run.epoch:
        await asyncio.sleep(0)
    panel.set.value = "training"
    assert "These images are measured when the run is over or paused." in panel.images.value
    assert panel.more_button.disabled and panel.delete_button.disabled
    lab.pause()
    await lab.task
    await shown(panel)
    assert not panel.more_button.disabled
    lab.resume()  # of this very run: they stay
    assert "training images are read wrongly" in panel.images.value and panel.delete_button.disabled
    lab.stop()
    await lab.task


@pytest.mark.parametrize("chosen", ["training", "validation"])
@in_a_loop
async def test_the_next_twelve_are_of_the_images_that_are_shown_whatever_the_next_run_learns_from(chosen):
    lab = lab_of()
    panel = MistakesPanel(lab)
    await trained(lab)
    panel.set.value = chosen
    await shown(panel)
    panel.matrix.toggle.value = panel.threshold.toggle.value = True
    lab.use_images(*animals())
    lab.change("epochs", 10_000)
    lab.start()
    panel.more_button.click()
    panel._on_cell("9 9", None)
    panel.slider.value = 0.5
    assert lab.message == "Training …"
    if chosen == "validation":
        assert "labelled 9" in panel.cell.value.replace("&nbsp;", " ")  # those of the run before, until there are newer
    else:
        assert "These images are measured when" in panel.images.value and not panel.cell.value
    lab.stop()
    await lab.task


@in_a_loop
async def test_what_is_opened_again_shows_how_things_stand():
    lab = lab_of()
    panel, look = MistakesPanel(lab), DataPanel(lab).variations
    await trained(lab)
    openings = panel.matrix, panel.threshold, panel.file, look.look, look.augment
    for opening in openings:
        opening.toggle.value = True
    before = panel.table.value, panel.answered.value, panel.link.value, look.facts.value, look.preview.value
    for opening in openings:
        opening.toggle.value = False
    lab.change_all({"hidden_size": 8, "epochs": 1, "rotate": 40.0, "train_size": 300})
    await trained(lab)
    lab.put_changes(lab.changes["training"].delete(1))
    for opening in openings:
        opening.toggle.value = True
    after = panel.table.value, panel.answered.value, panel.link.value, look.facts.value, look.preview.value
    assert all(one != other for one, other in zip(before, after, strict=True))


@in_a_loop
async def test_the_classes_to_choose_from_are_those_of_a_network_that_is_brought_back(tmp_path):
    lab, _, browser = page_of(epochs=1)
    lab.use_images(*animals())
    await trained(lab)
    kept, name = browser.kept[-1][1], lab.dataset
    lab.choose_dataset("sample")
    panel, training = MistakesPanel(lab), TrainingPanel(lab)
    await trained(lab)
    panel.label.value = 9
    browser.say({"is": "restore"}, kept)
    await at_rest(lab)
    assert lab.dataset == name and [word for word, _ in panel.label.options] == ["all", "cat", "dog", "owl"]
    try:
        lab.speak("zh")
        lab.change("epochs", 7)
        assert training.sliders["epochs"].value == 7  # panels follow the lab in any language
    finally:
        lab.speak("en")


@in_a_loop
async def test_changes_wait_while_another_dataset_is_looked_at():
    lab = lab_of()
    MistakesPanel(lab)
    await trained(lab)
    lab.put_changes(lab.changes["validation"].delete(int(lab.validation_set.indices[0])))
    changes = lab.changes
    name = lab.use_images(*animals())
    assert not any(map(len, lab.changes.values()))
    lab.put_changes(lab.changes["training"].delete(3))
    lab.choose_dataset("sample")
    assert lab.changes == changes
    lab.choose_dataset(name)
    assert lab.changes["training"].deleted == [3]


@in_a_loop
async def test_an_image_that_was_deleted_is_gone_from_whichever_set_another_seed_brings_it_into():
    lab = lab_of(train_size=60_000, epochs=1)
    panel = MistakesPanel(lab)
    await trained(lab)
    panel._delete_all()
    gone = lab.changes["validation"].deleted
    assert len(gone) == 12
    lab.change("seed", 1)
    lab.start(cleaned=True)
    await lab.task
    learned, watched = lab.run.train_set.indices, lab.run.validation_set.indices
    assert not np.isin(gone, learned).any() and not np.isin(gone, watched).any()
    assert len(learned) + len(watched) == 4000 - 12
    number = next(image for image in gone if image in lab.available.indices)
    panel.set.value = "training"
    await shown(panel)
    assert '"delete" selected' in panel._choice(number, "0123456789")
    panel._on_clean(f"training {number}", "3")  # the newest word on it counts, and is the only one
    assert lab.changes["training"].relabelled == {number: 3} and number not in lab.changes["validation"].labels
    panel._on_clean(f"validation {number}", "keep")
    assert not len(lab.changes["training"]) and len(lab.changes["validation"]) == 11


# Runs


@in_a_loop
async def test_one_more_epoch_takes_what_was_moved_since_the_run_came_to_rest():
    lab = await trained(lab_of())
    lab.change_all({"learning_rate": 0.001, "optimizer": "sgd"})
    assert lab.run.settings.learning_rate == 0.1  # of the run as it was
    lab.one_more("epoch")
    await lab.task
    assert lab.run.settings.learning_rate == 0.001 and lab.run.settings.optimizer == "momentum"
    assert [mark[1:] for mark in lab.run.history.marks] == [("learning_rate", 0.001)]


@in_a_loop
async def test_in_slow_motion_the_button_after_pause_works_at_once(monkeypatch):
    monkeypatch.setattr("mnistlab.app.lab.SLOW", 60.0)
    lab = lab_of(epochs=10_000)
    lab.slow = True
    lab.start()
    await turns(5)
    lab.pause()
    await asyncio.wait_for(lab.task, 20)  # well before the minute is over
    made = len(lab.run.history.step_losses)
    lab.one_more("training")
    await turns(5)
    assert len(lab.run.history.step_losses) == made + 1
    lab.stop()
    await lab.task


@in_a_loop
async def test_what_is_said_fits_the_moment():
    lab = lab_of(epochs=10_000)
    panel = TrainingPanel(lab)
    lab.start()
    panel._apply_hint('{"learning_rate": 0.01}', None)
    assert lab.message == "Set: learning rate 0.01. Press Stop, then Train, to begin again with it."
    lab.pause()
    name = lab.use_images(*animals())
    assert lab.message == f"{name}: used from the next run on."
    lab.stop()
    await lab.task
    panel._apply_hint('{"learning_rate": 0.02}', None)
    assert lab.message == "Set: learning rate 0.02. Press Train to begin again with it."


@in_a_loop
async def test_an_error_goes_from_the_status_line_when_a_right_value_comes():
    lab = await trained(lab_of())
    done = lab.message
    for name, wrong, right in (("learning_rate", 9999.0, 0.3), ("epochs", 0, 5)):
        lab.guard(lab.change)(name, wrong)
        assert "must be a" in lab.message
        lab.change(name, right)
        assert lab.message == done


@in_a_loop
async def test_an_epoch_in_which_something_was_changed_is_no_yardstick_for_those_after_it():
    """Augmentation and dropout make the training loss rise: that is not the learning rate's doing."""
    lab = lab_of(epochs=10, train_size=60_000)
    panel = TrainingPanel(lab)
    await trained(lab)
    for _ in range(20):
        lab.one_more("training")
        await lab.task
    lab.change_all({"elastic": 60.0, "dropout_rate": 0.8})
    for _ in range(3):
        lab.one_more("epoch")
        await lab.task
    losses = [row.train_loss for row in lab.run.history.rows]
    assert losses[-1] > 1.3 * losses[-3] and "is too high" not in panel.hints.value


@in_a_loop
async def test_what_is_shown_of_a_class_and_what_was_learned_from_changes_is_said():
    lab = lab_of(train_size=60_000)
    panel = MistakesPanel(lab)
    await trained(lab)
    panel.label.value = 2
    assert "Only those with the label 2 are shown." in panel.images.value
    panel._delete_all()
    assert "12 deleted" in panel.note.value and "so changed" not in panel.note.value
    lab.start(cleaned=True)
    await lab.task
    assert "12 deleted" in panel.note.value and "The network has learned from the set so changed." in panel.note.value
    panel._delete_all()
    assert "so changed" not in panel.note.value


@in_a_loop
async def test_a_run_has_axes_of_its_own_also_where_the_one_before_is_deleted():
    lab = lab_of(epochs=2)
    panel = CurvesPanel(lab)
    begun = []
    await trained(lab)
    begin = panel._curves.begin
    panel._curves.begin = lambda *arguments: (begun.append(arguments), begin(*arguments))
    lab.forget(lab.records[0])
    begun.clear()
    await trained(lab)
    assert len(begun) == 1


@in_a_loop
async def test_only_a_figure_that_is_there_is_called_honest():
    lab = lab_of()
    look = CurvesPanel(lab).last_look
    await trained(lab)
    look.button.click()
    while "this figure is an honest one" not in look.note.value:
        await asyncio.sleep(0)
    look.button.click()
    await asyncio.sleep(0)
    await trained(lab)  # meanwhile
    assert "nothing was measured" in look.note.value and "that figure was an honest one" in look.note.value


@in_a_loop
async def test_a_reset_during_a_look_at_the_test_set_says_that_it_was_one():
    lab = lab_of()
    panel = CurvesPanel(lab)
    await trained(lab)
    panel.last_look.button.click()
    await asyncio.sleep(0)
    lab.reset()
    while "does not count" not in panel.last_look.note.value:
        await asyncio.sleep(0)
    assert "The network was reset meanwhile" in panel.last_look.note.value and lab.test_looks == {}


# What a network brings along


@in_a_loop
async def test_looks_at_the_test_set_are_kept_with_the_network():
    lab, _, browser = page_of(epochs=1)
    panel = CurvesPanel(lab)
    await trained(lab)
    kept = len(browser.kept)
    panel.last_look.button.click()
    while "test accuracy" not in panel.last_look.note.value:
        await asyncio.sleep(0)
    assert len(browser.kept) == kept + 1  # the browser hears of it
    assert "this figure is an honest one" in panel.last_look.note.value
    other, _ = await restored(browser.kept[-1][1])
    assert other.test_looks == {"sample": 1}
    assert "that figure was an honest one" in CurvesPanel(other).last_look.note.value  # which is not seen here
    damaged = model_bytes(
        lab.network, lab.run.settings, lab.run.history, lab.run.train_set, None, {**lab.origin, "test_looks": "many"}
    )
    browser.say({"is": "restore"}, damaged)
    await at_rest(lab)
    assert browser.answers[-1] == "What the file says of its images is damaged."


@in_a_loop
async def test_a_network_of_the_command_line_comes_with_its_images(clothes, tmp_path, capsys):  # noqa: F811
    path = tmp_path / "model.npz"
    options = ["--dataset", "fashion-mnist", "--epochs", "1", "--train-size", "600", "--seed", "3", "--json"]
    assert main(["train", *options, "--save", str(path)]) == 0
    lab, panel, _ = page_of()
    panel.files.toggle.value = True
    choose(panel.model_file, "model.npz", path.read_bytes())
    await at_rest(lab)
    said = capsys.readouterr().out
    assert lab.dataset == "fashion-mnist" and not lab.learned_other and lab.test_looks == {"fashion-mnist": 1}
    assert f'"validation_accuracy": {lab.run.evaluation.accuracy}' in said  # the very same validation images


@in_a_loop
async def test_without_a_word_on_its_images_no_network_gets_an_honest_figure(tmp_path):
    run = (await trained(lab_of())).run
    save_model(tmp_path / "model.npz", run.network, run.settings, run.history, run.train_set)
    for _ in range(2):  # what it is not known of stays so in a file of the page
        lab, panel, browser = page_of()
        curves = CurvesPanel(lab)
        panel.files.toggle.value = True
        choose(panel.model_file, "model.npz", (tmp_path / "model.npz").read_bytes())
        await at_rest(lab)
        assert curves.last_look.button.disabled and "does not say which images" in curves.last_look.note.value
        mistakes, lab.test_looks["sample"] = MistakesPanel(lab), 1  # of another network
        mistakes.set.value = "test"
        assert "does not say which images" in mistakes.images.value
        mistakes.set.value = "validation"
        assert "it may know some of these images" in mistakes.images.value
        again = load_model(tmp_path / "model.npz")
        save_model(
            tmp_path / "model.npz", again.network, again.settings, History.from_dicts(again.history),
            lab.run.train_set, lab.origin,
        )
    await trained(lab)
    assert not curves.last_look.button.disabled and "Looked at once" in curves.last_look.note.value


# Addresses


@in_a_loop
async def test_a_dataset_that_an_address_asks_for_is_offered_where_it_is_not_here(monkeypatch, tmp_path):
    for name in ("MNISTLAB_DATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    lab = lab_of()
    panel = DataPanel(lab)
    lab.browser.query = "?dataset=mnist&lock=dataset"
    assert lab.message == (
        "The address of this page: MNIST is not on this machine yet. Press Download under The data to fetch it."
    )
    assert panel.choice.value == "mnist" and panel.choice.disabled and not panel.download_button.disabled
    assert "Press Download to fetch it; until then: the bundled sample." in panel.note.value


@in_a_loop
async def test_a_network_whose_dataset_is_not_here_says_where_to_fetch_it(clothes, monkeypatch, tmp_path):  # noqa: F811
    lab, _, browser = page_of(epochs=1)
    lab.choose_dataset("fashion-mnist")
    await trained(lab)
    kept = browser.kept[-1][1]
    monkeypatch.undo()  # and with it the clothes are gone
    for name in ("MNISTLAB_DATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    other, browser = await restored(kept)
    assert "mnistlab download" in browser.answers[-1]  # no panel to do it with
    panel = DataPanel(other)
    for _ in range(2):
        browser.say({"is": "restore"}, kept)
        await at_rest(other)
        assert browser.answers[-1] == (
            "This network learned from Fashion-MNIST, which is not on this machine yet. Press Download under The data "
            "to fetch it, then try once more."
        )
        assert panel.choice.value == "fashion-mnist" and not panel.download_button.disabled
        panel.choice.value = "sample"
        assert DataPanel(other).choice.value == "sample"  # nobody wants the clothes any more
    other.browser.query = "?hide=dataset"
    browser.say({"is": "restore"}, kept)
    await at_rest(other)
    assert "mnistlab download" in browser.answers[-1] and panel.choice.value == "sample"


@in_a_loop
async def test_a_panel_made_anew_leaves_the_dataset_that_came_after_the_address():
    lab = lab_of()
    DataPanel(lab)
    lab.browser.query = "?dataset=sample"
    lab.use_images(*animals())
    assert DataPanel(lab).choice.value == lab.dataset == "animals"


@in_a_loop
async def test_what_an_address_hides_is_not_said_above_the_sliders():
    lab = lab_of()
    panel = TrainingPanel(lab)
    lab.browser.query = "?optimizer=adam&lr=0.5&batch=32&hide=optimizer,learning_rate"
    said = panel.watch.value.lower()
    assert "batch size 32" in said and "adam" not in said and "learning rate" not in said
    assert language.spoken() == "en"
