"""The curves panel without a browser: what is drawn when, earlier runs, files, and the look at the test set."""

import asyncio
import base64
import csv
import gc
import io
import re

import ipywidgets
import numpy as np
import pytest
from PIL import Image
from test_app import fresh_widgets, in_a_loop  # noqa: F401 - the fixture works by being here

from mnistlab import evaluate
from mnistlab.app import CurvesPanel, Lab
from mnistlab.app.lab import Record
from mnistlab.app.runs import EPOCHS_SHOWN, differences_table, epochs_table, runs_csv, runs_table
from mnistlab.settings import TABLE, Settings
from mnistlab.training import History, Row


def record(name="Run 1", losses=(0.5, 0.3, 0.4), dataset="MNIST", cleaned=False, marks=(), **settings):
    """A Record of two steps an epoch, without a run behind it."""
    history = History(marks=list(marks))
    for epoch, loss in enumerate(losses, 1):
        history.rows.append(Row(epoch, 0.6, 0.7, loss, 1 - loss, 0.25))
        history.step_losses += [0.7, 0.5]
        history.step_accuracies += [0.6, 0.8]
    return Record(name, dataset, Settings(**settings).as_dict(), history, 2, 0.1, 2.0, 5000, cleaned)


def panel_of(**values):
    lab = Lab()
    lab.change_all({"train_size": 600, "hidden_size": 16, "epochs": 2, **values})
    return lab, CurvesPanel(lab)


async def trained(lab, **values):
    lab.change_all(values)
    lab.start()
    await lab.task


def opened(panel, runs=True):
    (panel.earlier if runs else panel.figures).toggle.value = True
    return panel.runs


def cells(table):
    """The rows of an HTML table, each a list of its cells' words."""
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


# Tables and files, which are functions of plain data


def test_the_table_has_the_settings_that_differ_and_no_others():
    table = runs_table([record("Second", epochs=9), record("First", learning_rate=0.01, epochs=3)])
    assert cells(table) == [
        ["Run", "Learning rate", "Epochs", "Best epoch", "Validation loss", "Validation accuracy", "Seconds",
         "Images per second"],
        ["Second", "0.1", "9", "2", "0.3", "70.0%", "2.0", "2,500"],
        ["First", "0.01", "3", "2", "0.3", "70.0%", "2.0", "2,500"],
    ]
    assert table.count('scope="col"') == 8 and table.count('scope="row"') == 2 and "<caption>" in table


def test_the_table_tells_other_data_and_changes_on_the_way():
    rows = cells(runs_table([record(dataset="Fashion-MNIST", cleaned=True), record(marks=[(3, "momentum", 0.5)])]))
    assert rows[0][1:3] == ["Dataset", "Cleaned"] and rows[1][1:3] == ["Fashion-MNIST", "yes"]
    assert rows[0][-1] == "Changed on the way" and rows[2][-1] == "momentum 0.5 at epoch 1.5"


def test_every_setting_can_differ_and_be_said():
    for name, item in TABLE.items():
        about = item.metadata
        other = about["choices"][1] if item.type is str else not item.default if item.type is bool else about["high"]
        head, first, second = cells(runs_table([record(**{name: other}), record()]))
        if other != item.default:
            assert head[1] == about["label"] and first[1] != second[1]


def test_the_slider_at_its_end_stands_for_all_images_whatever_their_number():
    head, first, second = cells(runs_table([record(train_size=1000), record()]))
    assert (head[1], first[1], second[1]) == ("Training images", "1000", "all")


def test_a_run_without_an_epoch_has_a_row_without_figures():
    stopped = record(losses=())
    assert cells(runs_table([stopped]))[1][1:4] == ["none", "", ""]
    assert "No epoch is over" in epochs_table(stopped)
    assert len(runs_csv([stopped]).splitlines()) == 1
    assert "none" in differences_table(stopped, record())


@pytest.mark.parametrize("make", [lambda one: runs_table([one]), epochs_table, lambda one: differences_table(one, one)])
def test_a_name_is_text_and_no_markup(make):
    table = make(record("<script>x</script>"))
    assert "<script>" not in table and "&lt;script&gt;" in table


def test_two_runs_differ_in_settings_figures_and_baseline():
    second = record("B", losses=(0.2,), hidden_size=8)
    second.baseline = 0.25
    rows = {row[0]: row[1:] for row in cells(differences_table(record("A"), second))[1:]}
    assert rows == {
        "Hidden size": ["256", "8"], "Best epoch": ["2", "1"], "Validation loss": ["0.3", "0.2"],
        "Validation accuracy": ["70.0%", "80.0%"], "Seconds": ["2.0", "2.0"], "Images per second": ["2,500", "2,500"],
        "Baseline": ["10.0%", "25.0%"],
    }


def test_the_table_of_epochs_is_cut_to_the_last_ones():
    assert len(cells(epochs_table(record()))) == 1 + 3
    long = cells(epochs_table(record(losses=[0.5] * 300)))
    assert len(long) == 1 + EPOCHS_SHOWN and long[-1][0] == "300"


def test_the_file_has_a_line_an_epoch_with_name_figures_settings_and_changes():
    runs = [record('A "b", c', marks=[(2, "momentum", 0.5), (3, "l2", 0.1)]), record("B", losses=(0.2,), epochs=7)]
    lines = list(csv.DictReader(io.StringIO(runs_csv(runs))))
    named = [(line["run"], line["epoch"]) for line in lines]
    assert named == [('A "b", c', "1"), ('A "b", c', "2"), ('A "b", c', "3"), ("B", "1")]
    assert [line["changes"] for line in lines] == ["", "momentum=0.5 l2=0.1", "", ""]
    assert float(lines[1]["validation_loss"]) == 0.3 and float(lines[1]["train_accuracy"]) == 0.7
    assert lines[3]["epochs"] == "7" and set(TABLE) <= set(lines[0])


# The chart


# A frame of 20 ms may come after every 0.4 s of training; its own time comes on top.
@pytest.mark.parametrize("cost, every", [(0.001, 0.18), (0.02, 0.42)])
@in_a_loop
async def test_frames_are_as_frequent_as_their_cost_allows(monkeypatch, cost, every):
    from mnistlab.app import curves

    lab, panel = panel_of(epochs=50)
    lab.one_more("training")
    await lab.task
    now, drawn = [panel._drawn_at], []

    def frame(*_):
        drawn.append(now[0])
        now[0] += cost
        return panel.image.value

    monkeypatch.setattr(curves, "perf_counter", lambda: now[0])
    monkeypatch.setattr(panel._curves, "frame", frame)
    lab.run._seconds = panel._spent = 0.0
    lab.phase = "running"
    for _ in range(2000):  # twenty seconds of a run, as this clock shows them
        now[0] += 0.01
        lab.run._seconds += 0.01
        lab.tick += 1
    lab.phase = "paused"
    gaps = np.diff(drawn[1:-1])  # the first may come at once, and the last shows how it ended
    assert gaps.min() >= curves.FRAME_EVERY and gaps.mean() == pytest.approx(every, abs=0.02)
    assert len(drawn) * cost <= curves.DRAWING_SHARE * lab.run.seconds + 2 * cost


@in_a_loop
async def test_a_new_background_is_drawn_for_a_run_a_switch_or_a_record_and_not_for_a_frame():
    lab, panel = panel_of()
    await trained(lab)
    begun = []
    begin = panel._curves.begin
    panel._curves.begin = lambda *arguments: (begun.append(arguments), begin(*arguments))
    for _ in range(3):
        panel._draw()
    assert begun == []
    panel.log_scale.value = True
    panel.by_epoch.value = True
    assert len(begun) == 2 and begun[-1][-2:] == (True, True)
    await trained(lab)
    assert len(begun) == 3 and begun[-1][2] == lab.records[:1]
    lab.forget(lab.records[0])
    assert len(begun) == 4 and begun[-1][2] == []


@in_a_loop
async def test_more_of_the_same_run_keeps_its_axes_until_they_are_too_short():
    lab, panel = panel_of()
    lab.one_more("training")
    await lab.task
    figure, background = panel._curves.figure, panel._background
    lab.one_more("training")
    await lab.task
    assert panel._background is background
    lab.resume()
    await lab.task
    lab.one_more("epoch")
    await lab.task
    assert panel._curves.epochs == 3 and panel._curves.figure is figure


@in_a_loop
async def test_a_change_while_a_run_goes_on_is_marked_on_its_curves():
    lab, panel = panel_of(epochs=50)
    lab.one_more("training")
    await lab.task
    lab.change("learning_rate", 0.01)
    lab.one_more("training")
    await lab.task
    assert [text.get_text().strip() for text in panel._curves.loss_axes.texts] == ["learning rate 0.01"]
    lab.stop()
    lab.start()
    lab.stop()
    await lab.task
    assert not panel._curves.loss_axes.texts


@in_a_loop
async def test_drawing_in_any_way_changes_nothing_that_was_computed():
    lab, panel = panel_of()
    await trained(lab)
    await trained(lab, seed=1)
    before = [[list(run.history.rows), list(run.history.step_losses), list(run.history.marks)] for run in lab.records]
    weights, first = lab.run.network.parameters.copy(), panel.image.value
    panel._draw()
    assert panel.image.value == first
    panel.log_scale.value = panel.by_epoch.value = True
    runs = opened(panel)
    runs.first.value, runs.second.value = [value for _, value in runs.run.options]
    side_by_side = panel.image.value
    panel._draw()
    assert panel.image.value == side_by_side != first
    runs.end_comparison()
    panel.log_scale.value = panel.by_epoch.value = False
    assert panel.image.value == first
    assert before == [[run.history.rows, run.history.step_losses, run.history.marks] for run in lab.records]
    assert (weights == lab.run.network.parameters).all()


@in_a_loop
async def test_reset_shows_empty_axes_with_the_earlier_run_pale():
    lab, panel = panel_of()
    opened(panel, runs=False)
    await trained(lab)
    assert len(cells(panel._table.value)) == 3
    lab.reset()
    assert "The curves appear here" in panel.caption.value and "The curves appear here" in panel._table.value
    assert panel._background[2] == lab.records and len(lab.records) == 1


@in_a_loop
async def test_the_caption_says_the_newest_figures_the_best_epoch_and_how_training_is_measured():
    lab, panel = panel_of()
    assert "The curves appear here" in panel.caption.value
    await trained(lab)
    last, best = lab.run.history.rows[-1], lab.run.history.rows[lab.run.best_epoch - 1]
    assert f"After epoch 2: training loss {last.train_loss:.3f}" in panel.caption.value
    assert f"Best so far: epoch {best.epoch}, validation loss {best.validation_loss:.3f}" in panel.caption.value
    assert "dropout included" in panel.caption.value


@in_a_loop
async def test_one_figure_and_as_many_widgets_serve_twenty_runs():
    from matplotlib.figure import Figure

    lab, panel = panel_of(epochs=1)
    opened(panel), opened(panel, runs=False)
    await trained(lab)
    gc.collect()
    gc.disable()  # a figure that has been let go of would stay until the collector comes
    try:
        before = sum(isinstance(thing, Figure) for thing in gc.get_objects())
        widgets = set()
        for _ in range(20):
            await trained(lab)
            widgets.add(len(ipywidgets.widgets.widget._instances))
        assert len(widgets) == 1
        assert sum(isinstance(thing, Figure) for thing in gc.get_objects()) == before
    finally:
        gc.enable()


# Earlier runs


@in_a_loop
async def test_earlier_runs_are_built_when_opened_and_follow_the_lab():
    lab, panel = panel_of()
    assert panel.runs is None
    runs = opened(panel)
    assert "No run yet" in runs.table.value and runs.delete_button.disabled and runs.name.disabled
    await trained(lab)
    await trained(lab, hidden_size=8)
    assert [row[:2] for row in cells(runs.table.value)] == [["Run", "Hidden size"], ["Run 2", "8"], ["Run 1", "16"]]
    assert [name for name, _ in runs.run.options] == ["Run 2", "Run 1"]
    assert [name for name, _ in runs.first.options] == ["no run", "Run 2", "Run 1"]
    assert runs.run.label == runs.name.value == "Run 1" and not runs.rename_button.disabled
    assert runs.first.label == runs.second.label == "no run"


@in_a_loop
async def test_rename_and_delete():
    lab, panel = panel_of()
    runs = opened(panel)
    await trained(lab)
    await trained(lab)
    runs.run.value = id(lab.records[0])
    runs.name.value = " slow "
    runs.rename_button.click()
    assert lab.records[0].name == "slow" and "Run 1 is called slow now." in runs.said.value
    assert runs.run.label == "slow" and cells(runs.table.value)[2][0] == "slow"
    for name, sentence in (("Run 2", "Another run is called Run 2 already"), ("  ", "The name is empty")):
        runs.name.value = name
        runs.rename_button.click()
        assert lab.records[0].name == "slow" and sentence in runs.said.value
    runs.delete_button.click()
    assert [each.name for each in lab.records] == ["Run 2"] and "slow is deleted." in runs.said.value
    assert runs.run.value is None and runs.name.value == "" and runs.delete_button.disabled
    runs.delete_button.click()  # the second half of a double click
    runs.rename_button.click()
    assert [each.name for each in lab.records] == ["Run 2"]
    runs.run.value = id(lab.records[0])
    assert runs.run.label == runs.name.value == "Run 2"
    runs.delete_button.click()
    assert lab.records == [] and runs.run.value is None and runs.delete_button.disabled and runs.name.value == ""


@in_a_loop
async def test_a_comparison_begins_with_two_runs_and_ends_with_a_new_one_or_a_deleted_one():
    lab, panel = panel_of()
    runs = opened(panel)
    await trained(lab)
    await trained(lab, hidden_size=8)
    first, second = lab.records
    alone = panel.image.value
    runs.first.value = id(first)
    assert runs.compared == () and panel.image.value == alone
    runs.second.value = id(first)
    assert runs.compared == () and "the same run" in runs.differences.value
    runs.second.value = id(second)
    assert runs.compared == (first, second) and panel.image.value != alone
    assert ["Hidden size", "16", "8"] in cells(runs.differences.value)
    assert "Side by side: Run 1 (green" in panel.caption.value
    await trained(lab)
    assert runs.compared == () and runs.first.value is None and runs.differences.value == ""
    assert "After epoch 2" in panel.caption.value
    runs.first.value, runs.second.value = id(second), id(first)
    lab.forget(first)
    assert runs.compared == () and runs.first.label == "Run 2" and runs.second.label == "no run"
    assert "After epoch 2" in panel.caption.value


@in_a_loop
async def test_a_comparison_chosen_while_a_run_goes_on_stays_until_it_is_undone():
    lab, panel = panel_of()
    runs = opened(panel)
    await trained(lab)
    await trained(lab)
    lab.change("epochs", 50)
    lab.start()
    await asyncio.sleep(0)
    runs.first.value, runs.second.value = [id(each) for each in lab.records[:2]]
    side_by_side = panel.image.value
    await lab.task
    assert runs.compared == tuple(lab.records[:2]) and panel.image.value == side_by_side
    runs.second.value = None
    assert "After epoch 50" in panel.caption.value and panel.image.value != side_by_side


@in_a_loop
async def test_files_hold_the_runs_and_the_chart_and_are_never_old():
    lab, panel = panel_of()
    runs = opened(panel)
    await trained(lab)
    runs.files_button.click()
    names = re.findall(r'download="([^"]+)"', runs.files.value)
    assert names == ["mnistlab-runs.csv", "mnistlab-curves.png"] and "Figures of 1 run (CSV)" in runs.files.value
    text, chart = (base64.b64decode(part) for part in re.findall(r"base64,([^\"]+)", runs.files.value))
    assert text.decode() == runs_csv(lab.records) and chart == panel.image.value
    assert Image.open(io.BytesIO(chart)).format == "PNG"
    await trained(lab)
    assert runs.files.value == ""


# The test set


@in_a_loop
async def test_the_look_at_the_test_set_measures_all_of_it_and_is_counted():
    lab, panel = panel_of()
    look = panel.last_look
    assert look.button.disabled and "Not looked at yet: the 1,000 test images" in look.note.value
    await trained(lab)
    assert not look.button.disabled
    for looks, words in ((1, "Looked at once"), (2, "Looked at 2 times"), (3, "Looked at 3 times")):
        look.button.click()
        assert look.button.disabled
        await until(lambda: not look.button.disabled)
        assert lab.test_looks == {"sample": looks} and words in look.note.value
    expected = evaluate(lab.network, lab.test_set)
    assert f"Run 1: test accuracy {expected.accuracy:.1%}, loss {expected.loss:.3f}." in look.note.value


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("It never came.")


@in_a_loop
async def test_the_look_waits_while_a_run_goes_on_and_without_a_network():
    lab, panel = panel_of(epochs=50)
    look = panel.last_look
    lab.start()
    assert look.button.disabled
    await asyncio.sleep(0)
    lab.pause()
    assert look.button.disabled
    await lab.task
    lab.stop()
    assert not look.button.disabled
    lab.reset()
    assert look.button.disabled


@in_a_loop
async def test_a_run_that_begins_meanwhile_makes_the_look_void():
    lab, panel = panel_of()
    await trained(lab)
    panel.last_look.button.click()
    await asyncio.sleep(0)
    lab.start()
    await lab.task
    await until(lambda: not panel.last_look.button.disabled)
    assert lab.test_looks == {} and "does not count" in panel.last_look.note.value


@in_a_loop
async def test_a_network_is_not_measured_on_the_test_set_of_another_dataset(tmp_path):
    lab, panel = panel_of()
    await trained(lab)
    lab.record.dataset = "Fashion-MNIST"
    lab.tick += 1
    assert panel.last_look.button.disabled
    assert "The network has learned Fashion-MNIST, and the dataset is Bundled sample now." in panel.last_look.note.value


@in_a_loop
async def test_a_network_whose_loss_is_no_number_is_not_measured():
    lab, panel = panel_of(loss="squared-error", learning_rate=1000)
    await trained(lab)
    assert lab.phase == "failed" and panel.last_look.button.disabled


@in_a_loop
async def test_the_panel_has_few_widgets_until_it_is_opened():
    lab = Lab()
    before = len(ipywidgets.widgets.widget._instances)
    panel = CurvesPanel(lab)
    assert len(ipywidgets.widgets.widget._instances) - before <= 35  # alone, with what panels share
    opened(panel)
    assert np.all([isinstance(widget, ipywidgets.Widget) for widget in panel.runs.widgets])
