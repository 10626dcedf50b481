"""Charts as PNG bytes: what is on them after one run and the next, and that drawing changes nothing else."""

import copy
import gc
import io
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mnistlab.plots import NARROW, WIDE, LayerCurves, LiveCurves, finite_max, smoothed
from mnistlab.training import History, Row

STEPS = 10


def history(losses=(2.3, 1.0, 0.5), epochs=1):
    """A History of that many epochs: its steps go through `losses` again and again."""
    made = History()
    for epoch in range(1, epochs + 1):
        for step in range(STEPS):
            made.step_losses.append(losses[step % len(losses)])
            made.step_accuracies.append(step / STEPS)
        made.rows.append(Row(epoch, losses[-1], 0.8, losses[-1], 0.9, 0.1))
    return made


def opened(content):
    """The chart in PNG bytes, decoded to the last byte, float (rows, columns, RGB)."""
    chart = Image.open(io.BytesIO(content), formats=["PNG"])
    chart.load()
    return np.asarray(chart.convert("RGB"), float)


@pytest.mark.parametrize("narrow, size", [(False, WIDE), (True, NARROW)])
def test_every_frame_has_the_same_size_on_white_paper(narrow, size):
    curves = LiveCurves(4, 0.1, narrow)
    for content in (curves.frame(None, 1), curves.frame(history(), STEPS), curves.frame(history((900.0,)), STEPS)):
        pixels = opened(content)
        assert pixels.shape == (size[1], size[0], 3)
        assert (np.median(pixels, axis=(0, 1)) == 255).all()


def test_drawing_twice_gives_the_same_bytes_and_leaves_the_history_as_it_was():
    curves, told = LiveCurves(4, 0.1), history(epochs=3)
    before = copy.deepcopy(told)
    assert curves.frame(told, STEPS) == curves.frame(told, STEPS)
    assert told == before


def test_a_frame_shows_what_was_added_to_the_history():
    curves, told = LiveCurves(4, 0.1), history()
    first = curves.frame(told, STEPS)
    told.step_losses.append(0.1)
    told.step_accuracies.append(1.0)
    assert curves.frame(told, STEPS) != first


@pytest.mark.parametrize("highest, top", [(2.3, 2.5), (2.6, 5), (11, 20), (1e9, 2.5 * 2**29)])
def test_the_loss_axis_doubles_until_the_highest_loss_fits(highest, top):
    curves = LiveCurves(4, 0.1)
    curves.frame(history((highest, 0.5)), STEPS)
    assert curves.loss_axes.get_ylim() == (0, top)


def test_the_loss_axis_does_not_shrink_within_a_run():
    curves = LiveCurves(4, 0.1)
    curves.frame(history((30.0,)), STEPS)
    curves.frame(history((1.0,)), STEPS)
    assert curves.loss_axes.get_ylim() == (0, 40)


@pytest.mark.parametrize("highest", [3.0, 1.6, 1.6e4, 3e4, 1.6e9, 1.3e30, 2e30])
def test_no_number_of_the_loss_axis_is_cut_off(highest):
    curves = LiveCurves(4, 0.1)
    curves.frame(history((highest,)), STEPS)
    for ax in (curves.loss_axes, curves.accuracy_axes):
        box = ax.get_tightbbox(curves.canvas.get_renderer())
        assert 0 <= box.x0 and box.x1 <= WIDE[0] and 0 <= box.y0 and box.y1 <= WIDE[1]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_losses_that_are_no_numbers_are_left_out(wrong):
    curves = LiveCurves(4, 0.1)
    blank = opened(curves.frame(None, 1))
    left = opened(curves.frame(history((wrong,)), STEPS))[:, : WIDE[0] // 2]
    assert np.abs(left - blank[:, : WIDE[0] // 2]).max() < 40  # greys of another palette, and no curve
    told = history((1.0, 0.5))
    told.step_losses += [wrong] * 3
    told.step_accuracies += [0.1] * 3
    opened(curves.frame(told, STEPS))
    assert curves.loss_axes.get_ylim() == (0, 2.5)


def test_a_new_run_begins_on_the_axes_that_a_fresh_chart_has():
    used = LiveCurves(50, 0.5)
    used.frame(history((900.0,), epochs=5), STEPS)
    used.begin(3, 0.1)
    fresh = LiveCurves(3, 0.1)
    assert used.frame(None, 1) == fresh.frame(None, 1)
    assert used.frame(history(), STEPS) == fresh.frame(history(), STEPS)


def test_a_new_run_makes_no_figure():
    curves = LiveCurves(4, 0.1)
    gc.disable()  # a figure that has been let go of would stay until the collector comes
    try:
        before = sum(isinstance(thing, Figure) for thing in gc.get_objects())
        for epochs in range(1, 6):
            curves.begin(epochs, 0.1)
            curves.frame(history((900.0,)), STEPS)
        assert sum(isinstance(thing, Figure) for thing in gc.get_objects()) == before
    finally:
        gc.enable()


def test_the_baseline_lies_at_the_accuracy_to_beat():
    low, high = (opened(LiveCurves(4, baseline).frame(None, 1)) for baseline in (0.1, 0.9))
    rows = np.flatnonzero((low != high).any(axis=(1, 2)))
    assert rows.min() < WIDE[1] / 4 and rows.max() > WIDE[1] / 2


def test_smoothing_gives_the_middles_and_means_of_groups_and_the_last_may_be_short():
    middles, means = smoothed([1, 3, 5, 7, 9], 2)
    assert middles.tolist() == [1, 3, 4.5] and means.tolist() == [2, 6, 9]
    assert [part.size for part in smoothed([], 2)] == [0, 0]


def test_the_largest_finite_value_is_nought_where_there_is_none():
    assert finite_max([1, float("nan"), 4, float("inf")]) == 4
    assert finite_max([float("nan")]) == finite_max([]) == 0


def shown(lines, name, part):
    return [list(values) for values in lines[name, part].get_data()]


def a_run(name="Run 1", steps=STEPS, baseline=0.1, **options):
    return SimpleNamespace(name=name, history=history(**options), steps_per_epoch=steps, baseline=baseline)


def test_training_is_shown_step_by_step_or_by_epoch_in_the_middle_of_each():
    curves, told = LiveCurves(4, 0.1), history(epochs=2)
    curves.frame(told, STEPS)
    assert len(shown(curves.lines, "accuracy", "training")[0]) == 2 * STEPS
    curves.begin(4, 0.1, per_epoch=True)
    curves.frame(told, STEPS)
    assert shown(curves.lines, "accuracy", "training") == [[0.5, 1.5], [0.8, 0.8]]
    assert shown(curves.lines, "accuracy", "validation") == [[1, 2], [0.9, 0.9]]


def test_the_ring_lies_on_the_epoch_with_the_lowest_validation_loss():
    curves, told = LiveCurves(4, 0.1), history(epochs=3)
    told.rows = [Row(number + 1, 0, 0, loss, accuracy, 1) for number, (loss, accuracy) in enumerate(
        [(0.5, 0.8), (0.3, 0.85), (0.4, 0.9)]
    )]
    curves.frame(told, STEPS)
    assert [list(values) for values in curves.best["loss"].get_data()] == [[2], [0.3]]
    assert [list(values) for values in curves.best["accuracy"].get_data()] == [[2], [0.85]]


@pytest.mark.parametrize("lowest, bottom", [(0.5, 0.1), (0.02, 0.01), (0.0003, 1e-4), (0.0, 1e-6)])
def test_a_logarithmic_axis_goes_down_by_decades_and_nought_lies_on_its_edge(lowest, bottom):
    curves, told = LiveCurves(4, 0.1), history((2.0, lowest))
    curves.begin(4, 0.1, log=True)
    first = curves.frame(told, STEPS)
    assert curves.loss_axes.get_yscale() == "log"
    assert curves.loss_axes.get_ylim() == pytest.approx((bottom, 2.5))
    assert curves.frame(told, STEPS) == first
    curves.begin(4, 0.1)
    assert curves.frame(told, STEPS) == LiveCurves(4, 0.1).frame(told, STEPS)  # and back again


def test_the_last_five_runs_stay_as_pale_curves_under_the_lines():
    runs = [a_run(losses=(float(number), 0.1)) for number in range(1, 8)]
    curves = LiveCurves(4, 0.1)
    blank = opened(curves.frame(None, 1))
    curves.begin(4, 0.1, runs)
    pale = opened(curves.frame(None, 1))
    assert (pale != blank).any()
    assert [max(shown(lines, "loss", "training")[1]) for lines in curves.pale] == [3, 4, 5, 6, 7]
    curves.begin(4, 0.1, runs[:1])
    assert [len(shown(lines, "loss", "training")[1]) for lines in curves.pale] == [STEPS, 0, 0, 0, 0]
    curves.begin(4, 0.1)
    assert (opened(curves.frame(None, 1)) == blank).all()


def test_pale_curves_do_not_stretch_the_loss_axis():
    curves = LiveCurves(4, 0.1)
    curves.begin(4, 0.1, [a_run(losses=(900.0,))])
    curves.frame(history(), STEPS)
    assert curves.loss_axes.get_ylim() == (0, 2.5)


def test_a_change_is_a_line_in_both_charts_with_its_label_at_the_loss():
    curves, told = LiveCurves(4, 0.1), history(epochs=2)
    curves.frame(told, STEPS)
    told.marks.append((15, "learning_rate", 0.0123456))
    marked = curves.frame(told, STEPS)
    assert [text.get_text().strip() for text in curves.loss_axes.texts] == ["learning rate 0.0123"]
    assert curves.loss_axes.texts[0].get_position()[0] == 1.5
    assert curves.frame(told, STEPS) == marked  # a mark is drawn once
    fresh = LiveCurves(4, 0.1)
    assert fresh.frame(told, STEPS) == marked  # drawn as it came or afterwards, it is the same
    curves.begin(4, 0.1)
    assert not curves.loss_axes.texts and curves.frame(history(), STEPS) == LiveCurves(4, 0.1).frame(history(), STEPS)


def test_changes_of_one_step_share_a_label_and_close_ones_go_without():
    curves, told = LiveCurves(4, 0.1), history(epochs=4)
    told.marks = [(10, "l2", 0.5), (10, "momentum", 0.0), (11, "l1", 0.1), (39, "schedule", "cosine")]
    curves.frame(told, STEPS)
    labels = [text.get_text().strip() for text in curves.loss_axes.texts]
    assert len(labels) == 2 and labels[0].startswith("weight decay (l2) 0.5, m") and labels[0].endswith("…")
    assert labels[1] == "schedule cosine"


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("setting, value", [("elastic_sigma", 4.25), ("schedule", "one-cycle"), ("l2", 0.00123)])
@pytest.mark.parametrize("step", [0, 20, 40])
def test_the_label_of_a_change_lies_within_the_chart(narrow, setting, value, step):
    curves, told = LiveCurves(4, 0.1, narrow), history(epochs=4)
    told.marks = [(step, setting, value)]
    curves.frame(told, STEPS)
    box = curves.loss_axes.texts[0].get_window_extent()
    axes = curves.loss_axes.get_window_extent()
    assert axes.x0 <= box.x0 and box.x1 <= axes.x1 + 1 and axes.y0 <= box.y0


def test_marks_survive_a_loss_axis_that_grows():
    curves, told = LiveCurves(4, 0.1), history()
    told.marks = [(5, "momentum", 0.5)]
    curves.frame(told, STEPS)
    told.step_losses.append(30.0)
    grown = curves.frame(told, STEPS)
    assert grown == LiveCurves(4, 0.1).frame(told, STEPS)


def test_two_runs_are_compared_on_axes_that_hold_both_and_named_in_the_legend():
    curves = LiveCurves(4, 0.1)
    pair = [a_run("First", epochs=2), a_run("A name that is longer than what fits in", losses=(9.0, 1.0), epochs=7)]
    before = copy.deepcopy(pair)
    content = curves.compare(pair)
    assert content == curves.compare(pair) and pair == before
    assert curves.loss_axes.get_xlim() == (0, 7) and curves.loss_axes.get_ylim() == (0, 10)
    names = [text.get_text() for text in curves.compared_legend.get_texts()][:2]
    assert names == ["First", "A name that is longer than …"]
    assert opened(content).shape == (WIDE[1], WIDE[0], 3)
    colours = {lines["loss", "training"].get_color() for lines in curves.compared}
    assert len(colours) == 2
    for lines in curves.compared:
        assert lines["loss", "training"].get_color() == lines["loss", "validation"].get_color()
        assert (lines["loss", "training"].get_linestyle(), lines["loss", "validation"].get_linestyle()) == ("-", "--")


def test_a_comparison_leaves_nothing_behind():
    curves = LiveCurves(4, 0.1)
    curves.compare([a_run(), a_run(losses=(900.0,), baseline=0.3)], log=True, per_epoch=True)
    curves.begin(4, 0.1)
    assert curves.frame(history(), STEPS) == LiveCurves(4, 0.1).frame(history(), STEPS)


def test_a_comparison_shows_the_baseline_only_where_it_is_that_of_both():
    curves = LiveCurves(4, 0.1)
    curves.compare([a_run(baseline=0.2), a_run(baseline=0.2)])
    assert curves.baseline.get_visible() and list(curves.baseline.get_ydata()) == [0.2, 0.2]
    curves.compare([a_run(baseline=0.2), a_run(baseline=0.3)])
    assert not curves.baseline.get_visible()


def test_a_run_stopped_before_its_first_epoch_can_be_pale_and_compared():
    stopped = a_run()
    stopped.history.rows.clear()
    del stopped.history.step_losses[3:], stopped.history.step_accuracies[3:]
    curves = LiveCurves(4, 0.1)
    curves.begin(4, 0.1, [stopped], per_epoch=True)
    curves.frame(None, 1)
    curves.compare([stopped, a_run()])
    curves.compare([stopped, stopped])
    assert curves.loss_axes.get_xlim() == (0, 1)


def test_a_run_without_its_steps_is_compared_on_axes_that_hold_its_epochs():
    figures = a_run(epochs=7)
    figures.history.step_losses.clear()
    figures.history.step_accuracies.clear()
    curves = LiveCurves(4, 0.1)
    curves.compare([figures, a_run(epochs=2)])
    assert curves.loss_axes.get_xlim() == (0, 7)


def test_earlier_runs_marks_and_comparisons_make_no_artist_that_stays():
    curves, told = LiveCurves(4, 0.1), history()
    told.marks = [(3, "momentum", 0.5), (8, "l2", 0.1)]
    counts = []
    for _ in range(4):
        curves.begin(4, 0.1, [a_run()] * 5)
        curves.frame(told, STEPS)
        curves.compare([a_run(), a_run()])
        counts.append(sum(len(ax.get_children()) for ax in curves.axes.values()))
    assert len(set(counts)) == 1


# Curves of layers


def colours_in(content):
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    return {tuple(pixel) for pixel in np.asarray(picture).reshape(-1, 3).tolist()}


@pytest.mark.parametrize("narrow", [False, True])
def test_curves_of_layers_have_a_line_each_and_can_be_drawn_again(narrow):
    curves = LayerCurves(narrow)
    one = curves.draw([0], ["Output layer"], np.array([[0.0]]), [], np.empty((0, 1)))  # no hidden layer, no gradient
    names = [f"Hidden layer {k}" for k in range(1, 7)]
    many = curves.draw([0, 1, 2], names, np.full((6, 3), [1, 0.5, np.inf]), names, np.full((6, 3), 0.5))
    assert Image.open(io.BytesIO(many)).size == Image.open(io.BytesIO(one)).size == (NARROW if narrow else WIDE)
    assert len(colours_in(many)) > len(colours_in(one))
    # The sixth has the first one's colour, and is another line all the same.
    assert len({(line.get_color(), line.get_marker()) for line in curves.figure.axes[0].lines}) == 6
    assert curves.draw([0], ["Output layer"], np.array([[0.0]]), [], np.empty((0, 1))) == one
