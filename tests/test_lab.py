"""The lab's verbs without a browser: pause, resume, step, stop, reset, and what is remembered of earlier runs."""

import asyncio
import re
from html import unescape

import ipywidgets
import pytest
from test_app import fresh_widgets, in_a_loop  # noqa: F401 - the fixture works by being here

from mnistlab.app import DataPanel, InsidePanel, Lab, Live, MistakesPanel, TrainingPanel
from mnistlab.app.keeper import watch
from mnistlab.app.lab import RECORDS
from mnistlab.presets import PRESETS


def lab_of(**values):
    lab = Lab()
    lab.change_all({"train_size": 600, "hidden_size": 16, "epochs": 3, **values})
    return lab


def losses(lab):
    return lab.run.history.step_losses


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


@in_a_loop
async def test_a_paused_run_stands_still_and_ends_as_if_never_paused():
    whole = lab_of(epochs=50)
    whole.start()
    await whole.task
    lab = lab_of(epochs=50)
    lab.start()
    await turns(2)
    lab.pause()
    await lab.task
    assert lab.phase == "paused" and 0 < len(losses(lab)) < len(losses(whole))
    before = len(losses(lab))
    await turns(20)
    assert len(losses(lab)) == before
    lab.resume()
    await lab.task
    assert lab.phase == "idle" and losses(lab) == losses(whole)


@pytest.mark.parametrize("values, word, phase", [
    ({}, "Done: 3 epochs", "idle"), ({"learning_rate": 1000.0, "loss": "squared-error"}, "The loss", "failed"),
])
@in_a_loop
async def test_the_last_word_on_a_run_comes_when_it_is_over(values, word, phase):
    """Who reads it may leave the page and is not asked; a failure's is shown as an alarm at once."""
    lab, phases = lab_of(**values), []
    lab.observe(lambda change: phases.append(lab.phase) if change["new"].startswith(word) else None, "message")
    lab.start()
    await lab.task
    assert phases == [phase]


@in_a_loop
async def test_pause_and_resume_in_one_breath_leave_one_task_at_work():
    lab = lab_of(epochs=50)
    lab.start()
    await turns(2)
    task = lab.task
    lab.pause()
    lab.resume()
    assert lab.task is task
    await task
    assert lab.phase == "idle" and lab.run.epoch == 50


@in_a_loop
async def test_one_more_batch_and_one_more_epoch_begin_a_run_and_hold_it():
    lab = lab_of()
    lab.one_more("training")
    await lab.task
    assert lab.phase == "paused" and len(losses(lab)) == 1
    assert lab.message == "Paused after batch 1 of epoch 1. Resume goes on from here."
    lab.one_more("epoch")
    await lab.task
    assert lab.phase == "paused" and lab.run.epoch == 1 and len(losses(lab)) == lab.run.steps_per_epoch
    lab.resume()
    await lab.task
    assert lab.phase == "idle" and lab.run.epoch == 3


@in_a_loop
async def test_a_run_whose_patience_ends_with_one_more_epoch_is_done_and_not_paused():
    lab = lab_of(patience=1, epochs=30, learning_rate=1.0)
    for _ in range(30):
        lab.one_more("epoch")
        await lab.task
        if lab.phase == "idle":
            break
    assert lab.run.patience_is_over and lab.run.epoch < 30 and lab.message.startswith("Done:")


@pytest.mark.parametrize("hold", [Lab.pause, Lab.stop, lambda lab: (lab.pause(), lab.stop())])
@in_a_loop
async def test_nothing_holds_a_run_that_is_over_before_it_has_its_best_weights_back(hold):
    lab = lab_of(patience=1, epochs=30, learning_rate=1.0)
    lab.observe(lambda change: lab.run.patience_is_over and hold(lab), "epochs_seen")
    lab.start()
    await lab.task
    assert lab.phase == "idle" and lab.run.is_at_best and lab.message.startswith("Done:")


@in_a_loop
async def test_a_run_whose_epochs_are_lowered_on_the_way_can_be_held_within_its_last():
    lab = lab_of(epochs=3)
    lab.one_more("epoch")
    await lab.task
    lab.slow = True
    lab.resume()
    while lab.progress.step != 1:
        await asyncio.sleep(0)
    lab.run.settings.epochs = 1
    lab.pause()
    await lab.task
    assert lab.phase == "paused" and lab.run.position == lab.run.batch_size
    lab.slow = False
    lab.resume()
    await lab.task
    assert lab.phase == "idle" and lab.run.epoch == 2


@pytest.mark.parametrize("replace_it", [Lab.start, Lab.reset, lambda lab: lab.teach(lab.run.train_set.image(0), 3)])
@in_a_loop
async def test_a_run_that_is_replaced_before_it_has_noticed_its_pause_is_in_the_table(replace_it):
    lab = lab_of(epochs=3)
    lab.slow = True
    lab.start()
    while lab.progress is None:
        await asyncio.sleep(0)
    old, task = lab.run, lab.task
    lab.pause()
    replace_it(lab)
    assert [record.name for record in lab.records] == ["Run 1"]
    steps = len(old.history.step_losses)
    await task
    assert len(old.history.step_losses) == steps
    lab.stop()
    if lab.task:
        await lab.task


@in_a_loop
async def test_a_run_that_is_over_gets_one_more_epoch_with_the_same_network():
    lab = lab_of()
    lab.start()
    await lab.task
    network = lab.network
    lab.one_more("epoch")
    await lab.task
    assert lab.network is network and lab.run.epoch == 4 and lab.phase == "idle"
    assert len(lab.records) == 1


@in_a_loop
async def test_a_paused_run_can_be_stopped_and_what_it_learned_is_kept():
    lab = lab_of()
    lab.one_more("epoch")
    await lab.task
    lab.stop()
    assert lab.phase == "idle" and lab.message.startswith("Stopped after 1 of 3 epochs")
    assert lab.network is not None


@in_a_loop
async def test_train_while_paused_begins_afresh_and_the_paused_run_stays_in_the_table():
    lab = lab_of()
    lab.one_more("epoch")
    await lab.task
    lab.start()
    await lab.task
    assert [len(record.history.rows) for record in lab.records] == [1, 3]


@in_a_loop
async def test_train_right_after_pause_leaves_no_old_task_pulling():
    lab = lab_of(epochs=50)
    lab.start()
    await turns(2)
    old, task = lab.run, lab.task
    lab.pause()
    lab.start()
    seen = len(old.history.step_losses)
    await lab.task
    await task
    assert len(old.history.step_losses) == seen
    assert lab.run is not old and lab.run.epoch == 50 and lab.phase == "idle"


@in_a_loop
async def test_reset_forgets_the_network_and_keeps_settings_and_records():
    lab = lab_of()
    lab.start()
    await lab.task
    lab.reset()
    assert (lab.run, lab.network, lab.progress, lab.phase) == (None, None, None, "idle")
    assert lab.settings.hidden_size == 16 and len(lab.records) == 1


@in_a_loop
async def test_a_run_that_cannot_begin_leaves_the_one_before_as_it_was():
    lab = lab_of(epochs=4, label_noise=0.2)
    lab.one_more("epoch")
    await lab.task
    run, record, noise, validation_set = lab.run, lab.record, lab.noise(), lab.validation_set
    lab.change_all({"seed": 1, "label_noise": 0.0, "batch_norm": True, "batch_size": 1})
    with pytest.raises(ValueError, match="at least 2"):
        lab.start()
    assert (lab.run, lab.record, lab.phase) == (run, record, "paused")
    assert lab.noise() == noise != {} and lab.validation_set is validation_set is run.validation_set
    lab.resume()
    await lab.task
    assert run.epoch == 4 and lab.message.startswith("Done: 4 epochs")


@in_a_loop
async def test_slow_motion_shows_every_batch(monkeypatch):
    monkeypatch.setattr("mnistlab.app.lab.SLOW", 0)
    lab = lab_of(epochs=1)
    lab.slow = True
    ticks = []
    lab.observe(lambda change: ticks.append(len(losses(lab))), "tick")
    lab.start()
    await lab.task
    assert ticks[: lab.run.steps_per_epoch] == list(range(1, lab.run.steps_per_epoch + 1))


@in_a_loop
async def test_a_record_says_what_a_run_was_and_came_to():
    lab = lab_of(learning_rate=0.05)
    lab.start()
    await lab.task
    (record,) = lab.records
    assert (record.name, record.dataset, record.settings["learning_rate"]) == ("Run 1", "Bundled sample", 0.05)
    assert record.images == 3 * 600 and 0 < record.seconds == lab.run.seconds
    assert record.best.validation_loss == min(row.validation_loss for row in lab.run.history.rows)
    assert 0.05 < record.baseline < 0.2


@in_a_loop
async def test_the_table_keeps_so_many_runs_and_one_can_be_taken_out():
    lab = lab_of(epochs=1, train_size=100)
    for _ in range(RECORDS + 2):
        lab.start()
        await lab.task
    assert [record.name for record in lab.records] == [f"Run {k}" for k in range(3, RECORDS + 3)]
    lab.forget(lab.records[1])
    assert [record.name for record in lab.records][:2] == ["Run 3", "Run 5"]


@in_a_loop
async def test_a_deleted_run_stays_deleted_when_it_goes_on_and_the_next_one_is_listed():
    lab = lab_of()
    lab.one_more("epoch")
    await lab.task
    lab.forget(lab.record)
    lab.resume()
    await lab.task
    assert lab.run.epoch == 3 and lab.records == []
    lab.one_more("epoch")
    await lab.task
    assert lab.run.epoch == 4 and lab.records == []
    lab.start()
    await lab.task
    assert [record.name for record in lab.records] == ["Run 2"]


@in_a_loop
async def test_a_change_during_a_pause_counts_when_the_run_goes_on():
    lab = lab_of()
    lab.one_more("training")
    await lab.task
    lab.change("learning_rate", 0.001)
    lab.resume()
    await lab.task
    assert lab.run.history.marks == [(1, "learning_rate", 0.001)]


@in_a_loop
async def test_shuffled_labels_are_those_of_training_alone():
    lab = lab_of(shuffled_labels=True)
    lab.start()
    await lab.task
    assert (lab.run.train_set.labels_of() != lab.available.labels_of(slice(0, 600))).mean() > 0.8
    assert (lab.run.validation_set.labels_of() == lab.validation_set.labels_of()).all()


# The panel


@pytest.mark.parametrize("phase, enabled", [
    ("idle", {"Train", "One more batch", "One more epoch", "Reset"}), ("running", {"Pause", "Stop"}),
    ("paused", {"Train", "Resume", "Stop", "One more batch", "One more epoch", "Reset"}), ("stopping", set()),
    ("failed", {"Train", "One more batch", "One more epoch", "Reset"}),
])
def test_which_buttons_work_is_a_function_of_the_phase(phase, enabled):
    lab = Lab()
    panel = TrainingPanel(lab)
    lab.phase = phase
    buttons = (
        panel.train_button, panel.pause_button, panel.stop_button, panel.batch_button, panel.epoch_button,
        panel.reset_button,
    )
    assert {button.description for button in buttons if not button.disabled} == enabled


@in_a_loop
async def test_every_preset_can_be_chosen_and_is_recognised_whoever_sets_it():
    lab = Lab()
    panel = TrainingPanel(lab)
    panel.more.toggle.value = True
    for key, preset in PRESETS.items():
        panel.preset.value = key
        for name, value in preset.values.items():
            assert getattr(lab.settings, name) == value
        assert preset.watch.split()[0] in panel.watch.value
        assert panel.preset.value == key
    lab.change("learning_rate", 0.3)
    assert panel.preset.value == "" and "learning rate 0.3" in panel.watch.value


@in_a_loop
async def test_controls_follow_settings_that_others_change_and_change_none_by_it():
    lab = Lab()
    panel = TrainingPanel(lab)
    panel.more.toggle.value = True
    rate, epochs, more = panel.sliders["learning_rate"], panel.sliders["epochs"], panel.more.children[1].widgets
    ends, stops = (rate.min, rate.max, epochs.max), more["batch_size"].options
    lab.change_all(
        {"learning_rate": 5.0, "epochs": 300, "batch_size": 100, "optimizer": "adam", "batch_norm": True}
    )
    assert lab.settings.learning_rate == 5.0 and lab.settings.batch_size == 100 and lab.settings.epochs == 300
    # A slider that ends before the value reads it all the same, and is as it was once it may be.
    assert (rate.value, epochs.value) == (5.0, 300) and 5 <= 10**rate.max < 5.0001
    assert (more["batch_size"].value, more["optimizer"].value, more["batch_norm"].value) == (100, "adam", True)
    lab.change_all({"learning_rate": 1e-6, "epochs": 3, "batch_size": 64})
    assert (rate.value, epochs.value, more["batch_size"].value) == (1e-6, 3, 64)
    lab.change("learning_rate", 0.1)
    assert (rate.min, rate.max, epochs.max) == ends and more["batch_size"].options == stops
    assert lab.settings.learning_rate == 0.1


@in_a_loop
async def test_a_slider_that_was_widened_is_moved_back_by_hand_and_nothing_between_becomes_a_setting():
    lab, seen = Lab(), []
    panel = TrainingPanel(lab)
    panel.more.toggle.value = True
    rate, size = panel.sliders["learning_rate"], panel.more.children[1].widgets["batch_size"]
    lab.observe(lambda change: seen.append((lab.settings.learning_rate, lab.settings.batch_size)), "settings_seen")
    lab.change_all({"learning_rate": 5.0, "batch_size": 100})
    rate.set_state({"value": 3.98})  # as the page sends it
    rate.set_state({"value": 0.5})
    size.set_state({"index": size.options.index(64)})
    assert (rate.value, rate.max, size.value) == (0.5, 0, 64) and 100 not in size.options
    assert [pair for number, pair in enumerate(seen) if pair not in seen[:number]] == [
        (5.0, 100), (3.98, 100), (0.5, 100), (0.5, 64),
    ]


@pytest.mark.parametrize("name, typed, value", [
    ("learning_rate", "0,05", 0.05), ("learning_rate", "1/10", 0.1), ("learning_rate", "1e-3", 0.001),
    ("learning_rate", "5", 5.0), ("dropout_rate", "50 %", 0.5), ("epochs", "100", 100), ("epochs", "7 epochs", 7),
    ("hidden_size", "1,000", 1000), ("hidden_size", "１２８", 128),
])
def test_a_number_typed_beside_a_slider_is_read_as_it_is_written(name, typed, value):
    lab = Lab()
    panel = TrainingPanel(lab)
    lab.browser._receive(None, {"act": "typed", "value": name, "choice": typed}, [])
    assert getattr(lab.settings, name) == value
    assert panel.basic.widgets[name].value == pytest.approx(value)


@pytest.mark.parametrize("name, typed, sentence", [
    ("learning_rate", "fast", "Learning rate: “fast” is not read as a number. Write one such as 0.05 or 1000."),
    ("epochs", "2.5", "Epochs: “2.5” is no whole number."),
    ("epochs", "20000", "Epochs is 20000; it must be a whole number from 1 to 10000."),
    ("learning_rate", "-1", "Learning rate is -1.0; it must be a number from 1e-06 to 1000."),
    ("epochs", "", "Epochs: “” is not read as a number."),
])
def test_what_is_typed_beside_a_slider_and_cannot_be_gets_a_sentence_and_changes_nothing(name, typed, sentence):
    lab = Lab()
    TrainingPanel(lab)
    before = lab.settings.as_dict()
    lab.browser._receive(None, {"act": "typed", "value": name, "choice": typed}, [])
    assert lab.settings.as_dict() == before and lab.message.startswith(sentence)


def threshold(panel):
    """The slider of what the network does not know, with its part of the panel opened."""
    panel.threshold.toggle.value = True
    return panel.slider


def inside(panel, name):
    """The named part of the panel Inside, made."""
    panel.choice.value = name
    return panel.part


def type_beside(slider, typed, lab):
    """What the page sends when this is typed beside a slider."""
    (name,) = (each.removeprefix("mnistlab-of-") for each in slider._dom_classes if each.startswith("mnistlab-of-"))
    lab.browser._receive(None, {"act": "typed", "value": name, "choice": typed}, [])


@pytest.mark.parametrize("panel, find, typed, value", [
    (DataPanel, lambda panel: panel.size, "1,000", 1000),
    (DataPanel, lambda panel: panel.size, "50 %", None),
    (DataPanel, lambda panel: panel.size, "2.5", None),
    (MistakesPanel, threshold, "85 %", 0.85),
    (MistakesPanel, threshold, "0,5", 0.5),
    (MistakesPanel, threshold, "2", 0.99),
    (InsidePanel, lambda panel: inside(panel, "Steps").temperature, "0,5", 0.5),
    (InsidePanel, lambda panel: inside(panel, "Steps").unit, "3", 3),
    (InsidePanel, lambda panel: inside(panel, "Steps").unit, "100", 5),
    (InsidePanel, lambda panel: inside(panel, "Steps").unit, "unit 2", None),
    (InsidePanel, lambda panel: inside(panel, "Units").factor, "1,5", 1.5),
    (InsidePanel, lambda panel: inside(panel, "Units").unit, "4", 4),
])
@in_a_loop
async def test_other_sliders_read_what_is_typed_too_and_take_the_nearest_they_can(panel, find, typed, value):
    lab = lab_of(hidden_size=5, epochs=1)
    lab.start()
    await lab.task
    slider = find(made := panel(lab))
    if panel is InsidePanel:
        await made.task  # it has drawn
    before = slider.value
    type_beside(slider, typed, lab)
    assert before != value and slider.value == (before if value is None else pytest.approx(value))
    refused = "Write one such as 0.05 or 1000." in lab.message or "is no whole number." in lab.message
    assert refused == (value is None)


@pytest.mark.parametrize("typed, size, shown, ends", [
    ("50", 50, 50, (50, 3600)), ("10", 10, 10, (10, 3600)), ("700", 700, 700, (100, 3600)),
    ("3,550", 3550, 3550, (100, 3600)), ("3,610", 3610, 3600, (100, 3600)),
    ("50000", 50000, 3600, (100, 3600)), ("1", 60000, 3600, (100, 3600)),
])
def test_a_typed_number_of_images_is_the_setting_whatever_the_slider_can_show(typed, size, shown, ends):
    lab = Lab()
    panel = DataPanel(lab)
    type_beside(panel.size, typed, lab)
    assert lab.settings.train_size == size and panel.size.value == shown and (panel.size.min, panel.size.max) == ends
    assert ("it must be a whole number from 10 to 60000" in lab.message) == (typed == "1")
    for value in (100, 3600):
        panel.size.value = value
    assert lab.settings.train_size == 60000 and panel.size.min == 100


def test_the_right_end_of_the_number_of_images_is_all_of_them_even_where_they_make_no_full_hundred():
    lab = Lab()
    panel = DataPanel(lab)
    lab.change("validation_fraction", 0.12)
    type_beside(panel.size, "3,510", lab)
    assert lab.settings.train_size == panel.size.value == 3510 and panel.size.max == 3520
    panel.size.value = 3520
    assert lab.settings.train_size == 60000 and (panel.size.value, panel.size.max) == (3500, 3500)


def test_the_sliders_of_a_live_picture_read_what_is_typed_and_the_page_is_watched_over_once():
    watch.cache_clear()
    size, rate = ipywidgets.IntSlider(20, 20, 3000, 20, description="Images"), ipywidgets.FloatLogSlider(1, min=-3)
    both = ipywidgets.IntRangeSlider()  # two numbers: ipywidgets reads them
    first = Live(lambda size, rate, both: f"<p>{size} {rate:.2f}</p>", size=size, rate=rate, both=both)
    Live(lambda draw: "", lab=first.lab, draw=ipywidgets.SelectionSlider(options=[1, 2]))
    assert watch.cache_info().misses == 1
    assert not any(name.startswith("mnistlab-of-") for name in both._dom_classes)
    type_beside(size, "1,000", first.lab)
    type_beside(rate, "0,05", first.lab)
    assert first.shown.value == "<p>1000 0.05</p>"
    type_beside(size, "many", first.lab)
    assert first.shown.value == "<p>1000 0.05</p>" and first.lab.message.startswith("Images: “many” is not read")


@in_a_loop
async def test_the_drawing_follows_the_controls_and_counts_parameters():
    lab = Lab()
    panel = TrainingPanel(lab)
    assert panel.diagram.value == ""
    panel.more.toggle.value = True
    assert "203,530 parameters" in panel.diagram.value
    panel.sliders["hidden_size"].value = 100
    assert "79,510 parameters" in panel.diagram.value
    lab.change("convolution", True)
    assert "8 images of 28 × 28" in panel.diagram.value


@in_a_loop
async def test_a_healthy_run_gets_no_hint_and_a_broken_one_gets_one_that_can_be_applied():
    lab = Lab()
    panel = TrainingPanel(lab)
    lab.start()
    await lab.task
    assert "button" not in panel.hints.value
    lab.change("learning_rate", 1.0)
    lab.start()
    await lab.task
    assert "learning rate" in panel.hints.value and "data-act" in panel.hints.value
    value = unescape(re.search('data-act="hint" data-value="(.*?)"', panel.hints.value)[1])
    panel._apply_hint(value, "")
    assert lab.settings.learning_rate == 0.1
    lab.start()
    await lab.task
    assert "button" not in panel.hints.value


@in_a_loop
async def test_what_came_before_a_change_is_not_blamed_on_the_new_setting():
    lab = lab_of(learning_rate=1.0, epochs=3)
    panel = TrainingPanel(lab)
    lab.one_more("epoch")
    await lab.task
    lab.change("learning_rate", 0.0001)
    lab.one_more("training")
    await lab.task
    assert "0.0001, is too high" not in panel.hints.value
