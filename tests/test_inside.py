"""The inside panel without a browser: each part and control, what is recorded, and a network left alone."""

import asyncio
import gc
import re

import ipywidgets
import numpy as np
import pytest
from test_app import clothes, fresh_widgets, in_a_loop  # noqa: F401 - fixtures work by being here

from mnistlab import evaluate
from mnistlab.app import InsidePanel, Lab
from mnistlab.app.inside import CHOOSE, FAILED, NOT_YET, PARTS
from mnistlab.app.inside_part import ANY, LINE, SHADES, coloured, over, shades, sheet
from mnistlab.inspection import first_filters, stages, through
from mnistlab.losses import softmax


async def trained(**values):
    lab = Lab()
    panel = InsidePanel(lab)
    lab.change_all({"train_size": 600, "hidden_size": 60, "epochs": 2, **values})
    lab.start()
    await lab.task
    return lab, panel


async def opened(panel, name):
    """The part of this name, opened and drawn."""
    panel.choice.value = name
    await panel.task
    return panel.part


async def after(panel, action):
    """Do something to a part and wait until it is drawn."""
    action()
    await panel.task


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def shown(part):
    return " ".join(widget.value for widget in part.widgets if isinstance(widget, ipywidgets.HTML))


# The frame


def test_the_panel_brings_five_models_until_a_part_is_opened():
    lab = Lab()
    ipywidgets.HTML(layout=lab.shared.setdefault(ipywidgets.Layout, ipywidgets.Layout()))
    before = len(ipywidgets.widgets.widget._instances)
    InsidePanel(lab)
    assert len(ipywidgets.widgets.widget._instances) - before <= 8  # itself, what chooses, two texts' worth, two styles


@in_a_loop
async def test_it_says_what_to_do_and_mends_itself():
    lab = Lab()
    panel = InsidePanel(lab)
    assert NOT_YET in words(panel.note.value)
    panel.choice.value = "Weights"
    assert NOT_YET in words(panel.note.value) and panel.body.children == ()
    lab.change_all({"train_size": 300, "epochs": 1})
    lab.start()
    await lab.task
    await panel.task
    assert PARTS["Weights"].about in words(panel.note.value) and "<img" in shown(panel.part)
    lab.reset()
    assert NOT_YET in words(panel.note.value) and panel.body.children == ()
    lab.start()
    await lab.task
    await panel.task
    assert panel.body.children == panel.part.widgets


@in_a_loop
async def test_with_a_network_and_no_part_it_asks_for_a_choice():
    _, panel = await trained()
    assert CHOOSE in words(panel.note.value) and panel.task is None


@in_a_loop
async def test_a_panel_made_after_a_run_shows_it_in_every_part():
    lab = Lab()
    lab.change_all({"train_size": 300, "epochs": 2})
    lab.start()
    await lab.task
    panel = InsidePanel(lab)
    for name in PARTS:
        await opened(panel, name)
        assert shown(panel.part) and "Something went wrong" not in lab.message, name
    assert [epoch for epoch, _ in panel.recorder.rows] == [2]


@in_a_loop
async def test_a_failed_run_is_said_and_the_next_one_shown():
    lab, panel = await trained()
    await opened(panel, "Pixels")
    lab.change_all({"learning_rate": 1000.0, "loss": "squared-error"})
    lab.start()
    await lab.task
    assert lab.phase == "failed" and FAILED in words(panel.note.value) and panel.body.children == ()
    lab.change_all({"learning_rate": 0.1, "loss": "cross-entropy"})
    lab.start()
    await lab.task
    await panel.task
    assert FAILED not in panel.note.value and "Something went wrong" not in lab.message


NETWORKS = {
    "plain": {}, "two layers": {"hidden_layers": 2, "batch_norm": True, "dropout_rate": 0.2},
    "none": {"hidden_layers": 0}, "convolution": {"convolution": True, "activation": "tanh"},
    "squared error": {"loss": "squared-error"},
}


@pytest.mark.parametrize("values", NETWORKS.values(), ids=NETWORKS)
@in_a_loop
async def test_every_part_shows_every_kind_of_network_and_changes_nothing(values):
    lab, panel = await trained(**values)
    network = lab.network
    before = network.parameters.copy(), network.state.copy(), network.gradient.copy()
    for name in PARTS:
        part = await opened(panel, name)
        assert len(words(shown(part))) > 60 or "hidden layer" in shown(part)
        for control in part.widgets + tuple(child for box in part.widgets for child in getattr(box, "children", ())):
            if isinstance(control, ipywidgets.Button):
                await after(panel, control.click)
    assert "Something went wrong" not in lab.message and lab.message.startswith("Done")
    for left, right in zip(before, (network.parameters, network.state, network.gradient)):
        np.testing.assert_array_equal(left, right)


@in_a_loop
async def test_a_run_watched_by_every_part_is_the_same_bit_for_bit():
    values = {"epochs": 5, "dropout_rate": 0.3, "batch_norm": True}
    alone, _ = await trained(**values)
    lab, panel = await trained(epochs=1)
    lab.change_all(values)
    lab.start()
    lab.pause()
    await lab.task
    for name in PARTS:
        lab.one_more("training")
        await opened(panel, name)
        await lab.task
    lab.resume()
    await lab.task
    assert lab.run.history.step_losses == alone.run.history.step_losses
    np.testing.assert_array_equal(lab.network.parameters, alone.network.parameters)


@in_a_loop
async def test_a_part_that_is_not_open_is_not_drawn():
    lab, panel = await trained()
    weights = await opened(panel, "Weights")
    await opened(panel, "Pixels")
    before = weights.sheet.value
    lab.start()
    await lab.task
    assert weights.sheet.value == before


@in_a_loop
async def test_weights_are_redrawn_while_a_run_goes_on():
    lab, panel = await trained()
    part = await opened(panel, "Weights")
    lab.change_all({"epochs": 30, "train_size": 4000})
    seen = set()
    part.sheet.observe(lambda change: seen.add(change["new"]), "value")
    lab.start()
    while not lab.task.done() and len(seen) < 2:
        panel._not_before = 0.0  # as if half a second had gone by
        await asyncio.sleep(0)
    assert lab.phase == "running" and len(seen) >= 2
    lab.stop()
    await lab.task


@in_a_loop
async def test_widgets_and_networks_do_not_pile_up():
    from mnistlab import Network

    others = [id(thing) for thing in gc.get_objects() if isinstance(thing, Network)]  # that other tests have kept
    lab, panel = await trained()
    for name in PARTS:
        await opened(panel, name)
    counts = set()
    for _ in range(3):
        for name in PARTS:
            await opened(panel, name)
        lab.start()
        await lab.task
        await panel.task
        counts.add(len(ipywidgets.widgets.widget._instances))
    gc.collect()
    assert len(counts) == 1
    networks = [thing for thing in gc.get_objects() if isinstance(thing, Network) and id(thing) not in others]
    assert len(networks) <= 2  # the run's and the copy


# The picked image


@in_a_loop
async def test_the_worst_image_is_picked_and_others_by_order_class_and_number():
    lab, panel = await trained()
    await opened(panel, "Pixels")
    evaluation, pick = lab.run.evaluation, panel.pick
    labels = evaluation.labels
    assert pick.row == evaluation.losses.argmax() and pick.number.value == pick.row + 1
    pick.label.value = 3
    rows = np.flatnonzero(labels == 3)
    assert pick.row == rows[evaluation.losses[rows].argmax()]
    place = list(rows).index(pick.row)
    pick.step(1)
    assert pick.row == rows[(place + 1) % len(rows)]
    pick.step(-1)
    pick.step(-1)
    assert pick.row == rows[place - 1]
    await panel.task
    assert f"validation image {pick.row + 1} " in panel.part.maps.value.lower()
    pick.label.value = ANY
    pick.number.value = len(labels)
    assert pick.row == len(labels) - 1
    pick.step(1)
    assert pick.row == 0
    pick.step(-1)
    assert pick.row == len(labels) - 1
    await panel.task
    assert pick.number.value == len(labels)


@in_a_loop
async def test_the_picked_image_stays_over_runs_and_goes_with_its_set():
    lab, panel = await trained()
    await opened(panel, "Pixels")
    await after(panel, lambda: panel.pick.take(7))
    lab.start()
    await lab.task
    await panel.task
    assert panel.pick.row == 7
    lab.change("seed", 1)  # another set
    lab.start()
    await lab.task
    await panel.task
    assert panel.pick.row == lab.run.evaluation.losses.argmax()


# Part by part


@in_a_loop
async def test_weights_start_blank_grow_and_come_in_pages():
    lab, panel = await trained()
    part = await opened(panel, "Weights")
    learned = float(re.search(r"Average size: (\d\.\d+)", part.sheet.value)[1])
    filters = first_filters(lab.network)
    np.testing.assert_allclose(learned, np.abs(filters - panel.recorder.first_weights).mean(), atol=1e-4)
    await after(panel, lambda: setattr(part.view, "value", "whole"))
    whole = float(re.search(r"Average size: (\d\.\d+)", part.sheet.value)[1])
    assert whole == pytest.approx(np.abs(filters).mean(), abs=1e-4)
    assert [name for name, _ in part.units.options] == ["1–48", "49–60"]
    await after(panel, lambda: setattr(part.units, "value", 48))
    assert "12 of 60 units" in part.sheet.value
    lab.change("hidden_size", 16)
    lab.start()
    await lab.task
    await panel.task
    assert part.units.value == 0 and "16 of 16 units" in part.sheet.value


@in_a_loop
async def test_activations_name_the_strongest_unit():
    lab, panel = await trained()
    part = await opened(panel, "Activations")
    x = lab.run.validation_set.image(panel.pick.row).reshape(1, -1).astype(np.float32) / np.float32(255)
    hidden = through(lab.network, x, 0, 2)[0]
    assert f"The strongest: unit {hidden.argmax() + 1} ({hidden.max():.2f})" in part.answer.value
    assert f"{(hidden > 0).sum()} of 60 units answer" in part.answer.value


@in_a_loop
async def test_pixels_can_be_asked_about_another_class():
    lab, panel = await trained()
    part = await opened(panel, "Pixels")
    assert part.maps.value.count("<img") == 4
    await after(panel, lambda: setattr(part.label, "value", 5))
    assert "Occlusion for 5" in part.maps.value and "the probability of 5 goes from" in part.maps.value


@in_a_loop
async def test_units_switched_off_move_the_accuracy_and_put_back_restore_it():
    lab, panel = await trained()
    part = await opened(panel, "Units")
    whole = f"{lab.run.evaluation.accuracy:.2%}"
    assert part.result.value.count(whole) == 2 and "Nothing is changed yet" in part.result.value
    part.unit.value = 60
    await after(panel, part._off_up_to)
    assert part.factor.value == 0 and "and 52 more" in part.result.value
    share = max(np.bincount(lab.run.evaluation.labels)) / len(lab.validation_set)
    now = float(re.findall(r"<td>([\d.]+)%</td>", part.result.value)[1]) / 100
    assert now <= share + 0.01 < lab.run.evaluation.accuracy  # all alike: one class is right
    assert evaluate(lab.network, lab.run.validation_set).accuracy == lab.run.evaluation.accuracy
    await after(panel, part._back)
    assert part.factor.value == 1 and part.result.value.count(whole) == 2


@in_a_loop
async def test_the_scale_belongs_to_the_unit_and_one_is_no_change():
    _, panel = await trained()
    part = await opened(panel, "Units")
    await after(panel, lambda: setattr(part.factor, "value", 2.0))
    assert "hidden layer 1: unit 1 × 2" in part.result.value
    await after(panel, lambda: setattr(part.unit, "value", 4))
    assert part.factor.value == 1.0
    await after(panel, part._off)
    assert part.factors == {(0, 0): 2.0, (0, 3): 0.0}
    await after(panel, lambda: setattr(part.unit, "value", 1))
    assert part.factor.value == 2.0
    await after(panel, lambda: setattr(part.factor, "value", 1.0))
    assert part.factors == {(0, 3): 0.0}


@in_a_loop
async def test_controls_of_hidden_units_are_there_where_the_network_has_such():
    lab, panel = await trained(hidden_layers=0)
    units, steps = await opened(panel, "Units"), await opened(panel, "Steps")
    controls = [units.buttons, units.sliders, steps.unit]
    assert all("mnistlab-hidden" in control._dom_classes for control in controls)
    assert "no hidden unit" in shown(units) and "mnistlab-hidden" not in steps.temperature._dom_classes
    lab.change("hidden_layers", 1)
    lab.start()
    await lab.task
    for name in ("Units", "Steps"):
        await opened(panel, name)
    assert not any("mnistlab-hidden" in control._dom_classes for control in controls)


@in_a_loop
async def test_changed_units_are_forgotten_with_their_network():
    lab, panel = await trained()
    part = await opened(panel, "Units")
    await after(panel, part._off)
    lab.change("hidden_size", 20)
    lab.start()
    await lab.task
    await panel.task
    assert part.factors == {} and part.unit.max == 20


@in_a_loop
async def test_the_map_has_every_layer_and_the_sheet_its_images():
    lab, panel = await trained(hidden_layers=2)
    part = await opened(panel, "Map")
    assert [name for name, _ in part.layer.options] == [stage.title for stage in stages(lab.network)]
    seen = []
    for _, place in part.layer.options:
        await after(panel, lambda: setattr(part.layer, "value", place))
        points = np.array(part.map.points)
        assert points.shape == (len(lab.validation_set), 2) and points.min() == 0 and points.max() == 1
        seen.append(points)
    assert all((left != right).any() for left, right in zip(seen, seen[1:]))
    assert part.map.labels == lab.validation_set.labels_of().tolist()
    assert part.map.answers == lab.run.evaluation.predictions.tolist()
    assert part.map.sheet[:4] == b"\x89PNG" and "<table>" in part.table.value
    part._on_message(None, {"pick": 5}, [])
    assert panel.pick.row == 5
    assert f"validation image {5 + 1} " in (await opened(panel, "Pixels")).maps.value.lower()


@in_a_loop
async def test_a_layer_of_one_unit_is_mapped_on_a_line():
    _, panel = await trained(hidden_size=1)
    part = await opened(panel, "Map")
    await after(panel, lambda: setattr(part.layer, "value", 1))
    assert {y for _, y in part.map.points} == {0.0} and "Hidden layer 1" in part.said.value


@in_a_loop
async def test_classes_with_long_names_get_letters_and_a_legend(clothes):
    lab = Lab("fashion-mnist")
    panel = InsidePanel(lab)
    lab.change_all({"train_size": 600, "epochs": 1})
    lab.start()
    await lab.task
    part = await opened(panel, "Map")
    assert part.map.marks == list("ABCDEFGHIJ") and "Signs: A T-shirt/top, B trouser" in part.said.value
    for name in PARTS:
        await opened(panel, name)
    assert "Something went wrong" not in lab.message


@in_a_loop
async def test_a_choice_that_comes_after_a_reset_does_nothing():
    lab, panel = await trained()
    part = await opened(panel, "Map")
    lab.reset()
    part._on_message(None, {"pick": 5}, [])
    assert panel.pick is None


@in_a_loop
async def test_the_way_between_two_images_begins_with_one_and_ends_with_the_other():
    lab, panel = await trained()
    part = await opened(panel, "Between")
    await after(panel, lambda: panel.pick.take(3))
    await after(panel, lambda: setattr(part.label, "value", 6))
    said = re.findall(r"(\d+)% of the way, (\w+): read as (\d)", part.lines.value)
    assert [share for share, _, _ in said] == ["0", "17", "33", "50", "67", "83", "100"] * 2
    predictions, labels = lab.run.evaluation.predictions, lab.run.evaluation.labels
    sixes = np.flatnonzero(labels == 6)
    for ends in (said[:7], said[7:]):
        assert int(ends[0][2]) == predictions[3] and int(ends[-1][2]) == predictions[sixes[sixes != 3][0]]
    before = part.lines.value
    await after(panel, part._another)
    assert part.lines.value != before


@in_a_loop
async def test_the_steps_end_in_the_networks_own_probabilities():
    lab, panel = await trained()
    part = await opened(panel, "Steps")
    row, evaluation = panel.pick.row, lab.run.evaluation
    text = words(part.sums.value)
    assert f"{evaluation.probabilities[row].max():.2%}" in text
    assert f"{evaluation.logits[row].max():.2f}" in text
    await after(panel, lambda: setattr(part.temperature, "value", 10.0))
    hot = softmax(evaluation.logits[row : row + 1] / np.float32(10))[0]
    assert f"{hot.max():.2%}" in words(part.sums.value) and "temperature 10.00" in part.sums.value
    await after(panel, lambda: setattr(part.unit, "value", 9))
    assert "unit 9: a sum of 784 products" in part.sums.value
    await after(panel, lambda: setattr(part.label, "value", 2))
    assert "class 2: a sum of 60 products" in part.sums.value


@in_a_loop
async def test_gradients_and_dead_units_are_recorded_from_the_beginning_of_each_run(monkeypatch):
    monkeypatch.setattr("mnistlab.app.inside_units.ALLOWED", float("inf"))  # every epoch, however slow the machine is
    lab, panel = await trained(epochs=3)
    recorder = panel.recorder
    assert [epoch for epoch, _ in recorder.rows][0] == 0 and recorder.rows[-1][0] == 3
    assert recorder.titles == ["Hidden layer 1", "Output layer"] and recorder.hidden == ["Hidden layer 1"]
    part = await opened(panel, "Gradients")
    assert "After epoch 3" in part.chart.value and part.table.value.count("<tr>") == len(recorder.rows) + 1
    lab.change("hidden_layers", 2)
    lab.one_more("epoch")
    await lab.task
    await panel.task
    assert lab.run.epoch == 4 and recorder.rows[-1][0] == 4  # the same run went on
    lab.start()
    await lab.task
    await panel.task
    assert len(recorder.titles) == 3 and recorder.rows[0][0] == 0 and recorder.rows[-1][0] == 3
    lab.browser.narrow = True
    await after(panel, panel.draw_soon)
    lab.reset()
    assert recorder.rows == [] and recorder.first_weights is None


# Numbers as colours


def test_colours_are_white_at_zero_and_alike_on_both_sides():
    values = np.array([[-2.0, -1, 0, 1, 2, np.nan, np.inf, -np.inf]])
    places = shades(values, 1.0)
    assert places.tolist() == [[0, 0, SHADES, 2 * SHADES, 2 * SHADES, SHADES, 2 * SHADES, 0]]
    colours = np.asarray(coloured(places).convert("RGB"))[0]
    assert colours[2].tolist() == [255, 255, 255] and colours[0].tolist() == [0, 114, 178]
    assert colours[4].tolist() == [213, 94, 0]
    assert (shades(np.zeros((2, 2)), 0.0) == SHADES).all()


def test_a_sheet_has_every_image_in_its_place_and_nothing_behind_the_last():
    images = np.arange(5, dtype=np.uint8)[:, None, None] + np.zeros((5, 2, 2), np.uint8)
    made = sheet(images, 3)
    assert made.shape == (5, 8)
    assert made[0, ::3].tolist() == [0, 1, 2] and made[3, :5:3].tolist() == [3, 4]
    assert (made[2] == LINE).all() and (made[3:, 6:] == SHADES).all()


def test_what_lies_over_an_image_is_strong_where_the_number_is_large():
    image = np.asarray(over(np.zeros((1, 3), np.uint8), np.array([[-1.0, 0, 1]])))[0]
    assert image.tolist() == [[0, 114, 178], [255, 255, 255], [213, 94, 0]]
    assert np.asarray(over(np.full((1, 1), 255, np.uint8), np.zeros((1, 1))))[0, 0].max() < 200
