"""Charts as PNG bytes: what is on them after one run and the next, and that drawing changes nothing but the picture."""

import copy
import gc
import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mnistlab.plots import NARROW, WIDE, LiveCurves, finite_max, smoothed
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
    """The picture in PNG bytes, decoded to the last byte, float (rows, columns, RGB)."""
    picture = Image.open(io.BytesIO(content), formats=["PNG"])
    picture.load()
    return np.asarray(picture.convert("RGB"), float)


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
    assert (opened(curves.frame(history((wrong,)), STEPS))[:, : WIDE[0] // 2] == blank[:, : WIDE[0] // 2]).all()
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
