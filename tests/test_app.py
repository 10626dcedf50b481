"""The panels without a browser: one state, guarded callbacks, nothing that piles up."""

import asyncio
import functools
import gc
import logging

import ipywidgets
import pytest

from mnistlab.app import CurvesPanel, DataPanel, DigitPanel, Lab, MistakesPanel, TrainingPanel

PANELS = (TrainingPanel, CurvesPanel, MistakesPanel, DigitPanel, DataPanel)


def in_a_loop(test):
    """Run an async test function on an event loop, as a notebook's cells are."""

    @functools.wraps(test)
    def run(*arguments, **options):
        asyncio.run(test(*arguments, **options))

    return run


def whole_page():
    lab = Lab()
    return lab, [panel(lab) for panel in PANELS]


@pytest.fixture(autouse=True)
def fresh_widgets(own_cache):
    ipywidgets.Widget.close_all()
    yield
    ipywidgets.Widget.close_all()


@in_a_loop
async def test_a_page_has_fewer_widgets_than_the_budget():
    whole_page()
    assert 40 < len(ipywidgets.widgets.widget._instances) <= 150


@in_a_loop
async def test_each_panel_works_alone():
    for kind in PANELS:
        panel = kind()
        panel.lab.change("epochs", 1)
        panel.lab.start()
        await panel.lab.task
        assert panel.lab.message.startswith("Done: 1 epochs")


@in_a_loop
async def test_widgets_stay_as_many_over_twenty_runs():
    lab, _ = whole_page()
    lab.change("epochs", 2)
    counts = []
    for _ in range(20):
        lab.start()
        await lab.task
        counts.append(len(ipywidgets.widgets.widget._instances))
    assert len(set(counts)) == 1


@in_a_loop
async def test_a_finished_run_leaves_no_older_run_behind():
    from mnistlab.training import Run

    lab, _ = whole_page()
    lab.change("epochs", 2)
    for _ in range(3):
        lab.start()
        await lab.task
    gc.collect()
    assert sum(isinstance(thing, Run) for thing in gc.get_objects()) == 1


@in_a_loop
async def test_start_while_a_run_goes_on_keeps_that_run():
    lab = Lab()
    lab.start()
    first, task = lab.run, lab.task
    lab.start()
    assert lab.run is first and lab.task is task
    await task


@in_a_loop
async def test_buttons_follow_the_phase():
    lab = Lab()
    panel = TrainingPanel(lab)
    assert (panel.train_button.disabled, panel.stop_button.disabled) == (False, True)
    lab.start()
    assert (panel.train_button.disabled, panel.stop_button.disabled) == (True, False)
    lab.stop()
    assert (panel.train_button.disabled, panel.stop_button.disabled) == (True, True)
    await lab.task
    assert (panel.train_button.disabled, panel.stop_button.disabled) == (False, True)


@in_a_loop
async def test_an_error_in_a_callback_is_a_sentence_on_the_page_and_a_traceback_in_the_log(caplog):
    lab = Lab()
    panel = TrainingPanel(lab)

    def broken():
        raise KeyError("secret detail")

    logging.getLogger("mnistlab").addHandler(caplog.handler)
    try:
        lab.guard(broken)()
    finally:
        logging.getLogger("mnistlab").removeHandler(caplog.handler)
    assert "Something went wrong (KeyError)" in panel.status.value and "secret" not in panel.status.value
    assert "secret detail" in caplog.text and "Traceback" in caplog.text
    lab.change("epochs", 1)
    lab.start()
    await lab.task
    assert lab.message.startswith("Done")


@in_a_loop
async def test_an_error_within_a_run_ends_it_with_a_sentence_and_the_next_run_works():
    lab = Lab()
    lab.change("epochs", 50)
    lab.start()
    lab.run.optimizer.velocity = None  # something breaks in the middle
    await lab.task
    assert lab.phase == "failed" and "Something went wrong" in lab.message
    lab.change("epochs", 1)
    lab.start()
    await lab.task
    assert lab.phase == "idle"


@in_a_loop
async def test_a_loss_that_is_no_number_ends_the_run_and_the_status_names_the_learning_rate():
    lab = Lab()
    panel = TrainingPanel(lab)
    lab.change("loss", "squared-error")
    lab.change("learning_rate", 1000)
    lab.start()
    await lab.task
    assert lab.phase == "failed"
    assert "The learning rate (1000) is most likely too high" in panel.status.value
    assert len(lab.run.history.step_losses) > 0


@in_a_loop
async def test_a_live_setting_reaches_the_run_and_another_waits_for_the_next():
    lab = Lab()
    lab.change("epochs", 50)
    lab.start()
    await asyncio.sleep(0)
    lab.change("learning_rate", 0.01)
    lab.change("hidden_size", 16)
    assert lab.run.settings.learning_rate == 0.01 and lab.run.settings.hidden_size == 256
    assert lab.message == "Hidden size: used from the next run on."
    lab.stop()
    await lab.task
    lab.start()
    assert lab.run.settings.hidden_size == 16
    lab.stop()
    await lab.task


@in_a_loop
async def test_callbacks_from_another_thread_come_to_the_main_loop():
    import threading

    lab = Lab()
    where = []
    done = asyncio.Event()

    def note():
        where.append(threading.get_ident())
        done.set()

    await asyncio.to_thread(lab.guard(note))
    await done.wait()
    assert where == [threading.get_ident()]


@in_a_loop
async def test_drawing_twice_changes_nothing():
    lab = Lab()
    curves = CurvesPanel(lab)
    lab.change("epochs", 2)
    lab.start()
    await lab.task
    before = (list(lab.run.history.rows), list(lab.run.history.step_losses), lab.run.network.parameters.copy())
    curves._draw()
    first = curves.image.value
    curves._draw()
    assert curves.image.value == first
    assert (before[0], before[1]) == (lab.run.history.rows, lab.run.history.step_losses)
    assert (before[2] == lab.run.network.parameters).all()


@in_a_loop
async def test_the_number_of_training_images_does_not_change_the_validation_images():
    lab = Lab()
    before = lab.validation_set.indices.copy()
    lab.change("train_size", 200)
    lab.change("epochs", 1)
    lab.start()
    await lab.task
    assert len(lab.run.train_set) == 200
    assert (lab.run.validation_set.indices == before).all()


@in_a_loop
async def test_an_unknown_dataset_in_the_environment_leaves_the_sample_in_use(monkeypatch):
    monkeypatch.setenv("MNISTLAB_DATASET", "cats")
    lab = Lab()
    assert lab.dataset == "sample" and "There is no dataset 'cats'" in lab.message


def test_the_page_can_be_built_before_matplotlib_is_there():
    import subprocess
    import sys

    code = (
        "import sys; from mnistlab.app import *; lab = Lab(); "
        "[panel(lab) for panel in (TrainingPanel, CurvesPanel, MistakesPanel, DigitPanel, DataPanel)]; "
        "print([name for name in ('matplotlib', 'requests', 'mnistlab.plots') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
