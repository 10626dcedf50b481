"""The panels without a browser: one state, guarded callbacks, nothing that piles up."""

import asyncio
import errno
import functools
import gc
import io
import logging
import re
import socket
from dataclasses import replace

import ipywidgets
import numpy as np
import pytest
from PIL import Image
from tornado.websocket import WebSocketClosedError
from zmq import ZMQError

from mnistlab import build, data, generators, server, train, training_split
from mnistlab.app import (
    CurvesPanel, DataPanel, DigitPanel, InsidePanel, KeepingPanel, Lab, MistakesPanel, TrainingPanel,
)
from mnistlab.app import lab as in_the_kernel

PANELS = (TrainingPanel, CurvesPanel, MistakesPanel, InsidePanel, DigitPanel, DataPanel, KeepingPanel)


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
def fresh_widgets(own_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # nothing that another test has downloaded
    ipywidgets.Widget.close_all()
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def clothes(monkeypatch):
    """Puts the sample under the names of clothes in the place of Fashion-MNIST, whose files are not at hand."""
    load = data.load

    def load_clothes(name, data_dir=None):
        if name != "fashion-mnist":
            return load(name, data_dir)
        return tuple(replace(part, class_names=data.CLOTHES) for part in load("sample"))

    monkeypatch.setattr(data, "load", load_clothes)


def send_files(panel, *files):
    """What the browser sends for files, (name, content) each."""
    for i, (name, content) in enumerate(files):
        message = {"name": name, "size": len(content), "first": i == 0, "last": i == len(files) - 1}
        panel.upload._handle_custom_msg(message, [memoryview(content)])


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
        assert panel.lab.message.startswith("Done: 1 epoch.")


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

    others = [id(thing) for thing in gc.get_objects() if isinstance(thing, Run)]  # that other tests have kept
    lab, _ = whole_page()
    lab.change("epochs", 2)
    for _ in range(3):
        lab.start()
        await lab.task
    gc.collect()
    assert sum(isinstance(thing, Run) and id(thing) not in others for thing in gc.get_objects()) == 1


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
    caplog.clear()
    logging.getLogger("mnistlab").addHandler(caplog.handler)
    try:
        lab.guard(lambda: lab.choose_dataset("letters"))()
    finally:
        logging.getLogger("mnistlab").removeHandler(caplog.handler)
    assert "letters" in panel.status.value
    assert re.fullmatch(r"WARNING .* Refused: .*letters.* \(data\.py:\d+\)\n", caplog.text), caplog.text
    caplog.clear()
    logging.getLogger("mnistlab").addHandler(caplog.handler)
    try:
        lab.guard(lambda: np.zeros(3) + np.zeros(4))()
    finally:
        logging.getLogger("mnistlab").removeHandler(caplog.handler)
    assert "broadcast" in panel.status.value and "Traceback" in caplog.text  # a bug, more likely than bad input
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
async def test_a_preset_chosen_during_a_run_changes_it_and_the_message_names_what_waits():
    lab = Lab()
    panel = TrainingPanel(lab)
    panel.preset.value = "too-small"
    lab.change("epochs", 50)
    lab.start()
    await asyncio.sleep(0)
    panel.preset.value = "quick"
    now = lab.run.settings
    assert (now.learning_rate, now.momentum, now.schedule) == (0.5, 0.8, "one-cycle")
    assert (now.epochs, now.hidden_size) == (50, 8)
    assert lab.message == "Epochs, Hidden size: used from the next run on."
    lab.stop()
    await lab.task


def test_a_preset_of_sliders_alone_is_ones_own_once_they_move():
    panel = TrainingPanel()
    panel.preset.value = "too-small"
    panel.sliders["epochs"].value = 3
    assert panel.preset.label == "Your own settings"


def test_another_preset_follows_a_changed_one_whole():
    panel = TrainingPanel()
    panel.preset.value = "quick"
    panel.sliders["hidden_size"].value = 64
    panel.preset.value = "too-high"
    assert panel.preset.label == "Too high a learning rate"
    settings = panel.lab.settings
    assert (settings.momentum, settings.schedule, settings.hidden_size, settings.epochs) == (0.9, "constant", 256, 10)


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
async def test_all_runs_are_drawn_on_one_chart_until_the_page_changes_its_width():
    lab = Lab()
    curves = CurvesPanel(lab)
    await curves._warm_up()
    chart = curves._curves
    lab.change("epochs", 1)
    for _ in range(3):
        lab.start()
        await lab.task
    assert curves._curves is chart
    lab.browser.narrow = True
    assert curves._curves is not chart


@in_a_loop
async def test_the_baseline_is_that_of_the_runs_own_images(clothes):
    lab = Lab()
    lab.change("train_size", 10)
    lab.change("epochs", 1)
    lab.start()
    run = lab.run
    lab.choose_dataset("fashion-mnist")  # in the middle of the run
    assert lab.message == "Fashion-MNIST: used from the next run on."
    lab.source = replace(lab.source, parts=(lab.available, lab.available.select(slice(0))))
    curves = CurvesPanel(lab)
    await lab.task
    most_frequent = np.bincount(run.train_set.labels_of()).argmax()
    expected = (run.validation_set.labels_of() == most_frequent).mean()
    assert curves._curves.baseline.get_ydata() == pytest.approx([expected] * 2)


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
        "[panel(lab) for panel in (TrainingPanel, CurvesPanel, MistakesPanel, InsidePanel, DigitPanel, DataPanel)]; "
        "print([name for name in ('matplotlib', 'requests', 'mnistlab.plots') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# The terminal


@pytest.mark.parametrize("error, lines", [(WebSocketClosedError, 0), (ValueError, 1)])
def test_a_page_that_closes_while_it_is_sent_something_leaves_no_traceback_in_the_terminal(error, lines, caplog):
    async def fail():
        raise error("the end")

    async def nobody_asks():
        failing = asyncio.ensure_future(fail())
        await asyncio.wait([failing])

    log = logging.getLogger("asyncio")
    log.addFilter(server._worth_a_line)
    try:
        asyncio.run(nobody_asks())
        gc.collect()
    finally:
        log.removeFilter(server._worth_a_line)
    assert [record.exc_info[0] for record in caplog.records] == [error] * lines


LEFT = "GET /api/kernels/1-2/channels?session_id=3 (127.0.0.1)"


def chained():
    try:
        try:
            None.kernel_ws_protocol  # noqa: B018 - as Jupyter does with a page that is gone
        except AttributeError:
            raise ValueError("no template for that")
    except ValueError as error:
        return error


@pytest.mark.parametrize("worth_a_line, name, message, error, kept", [
    (server._worth_a_line, "tornado.application", f"Uncaught exception {LEFT}", chained(), False),
    (server._worth_a_line, "tornado.application", f"Uncaught exception {LEFT}", ValueError("a bug"), True),
    (server._worth_a_line, "tornado.access", f"500 {LEFT} 100.08ms", None, False),
    (server._worth_a_line, "tornado.access", "500 GET /lab.ipynb (127.0.0.1) 100.08ms", None, True),
    (server._worth_a_line, "tornado.general", f"500 {LEFT}: Kernel did not start", None, True),
    (server._worth_a_line, "Pages", "while checking the idle duration of kernel f9: 'f9'", KeyError("f9"), False),
    (server._worth_a_line, "Pages", "while checking the idle duration of kernel f9: a bug", ValueError("a bug"), True),
    (server._worth_a_line, "tornado.general", "The websocket_ping_timeout (90000) cannot be longer", None, False),
    (in_the_kernel._worth_a_line, "IPKernelApp", "Exception in message handler:", ZMQError(errno.ENOTSOCK), False),
    (in_the_kernel._worth_a_line, "IPKernelApp", "Exception in message handler:", ZMQError(errno.EMFILE), True),
    (in_the_kernel._worth_a_line, "tornado.general", "Uncaught exception", ZMQError(errno.ENOTSOCK), False),
    (in_the_kernel._worth_a_line, "IPKernelApp", "A warning", None, True),
])
def test_what_a_page_that_was_left_brings_about_is_not_worth_a_line_and_all_else_is(
    worth_a_line, name, message, error, kept
):
    problem = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger(name).makeRecord(name, logging.ERROR, "somewhere", 1, message, (), problem)
    assert worth_a_line(record) == kept


# Uploads


@in_a_loop
async def test_a_file_that_cannot_be_read_gets_an_alert_in_its_own_panel_and_leaves_the_status_line(sample):
    lab = Lab()
    panel = DigitPanel(lab)
    before = lab.message
    send_files(panel, ("seven.txt", b"seven"), ("empty.png", b""))
    assert panel.results.value.count('role="alert"') == 2
    assert "seven.txt is not" in panel.results.value and "empty.png is empty" in panel.results.value
    assert lab.message == before
    lab.change("epochs", 1)
    lab.start()
    await lab.task
    assert "seven.txt is not" in panel.results.value and "alert" not in panel.results.value  # not spoken again


@in_a_loop
async def test_files_that_the_browser_keeps_back_get_a_sentence():
    panel = DigitPanel()
    panel.upload._handle_custom_msg({"name": "photo.jpg", "size": 34_200_000, "first": True, "last": False}, [])
    panel.upload._handle_custom_msg({"name": "gone.png", "size": None, "first": False, "last": True}, [])
    assert "photo.jpg is 34.2 MB; files up to 20 MB can be read." in panel.results.value
    assert "The browser could not read gone.png." in panel.results.value


@in_a_loop
async def test_files_chosen_later_take_the_place_of_earlier_ones():
    panel = DigitPanel()
    send_files(panel, ("one.txt", b"1"), ("two.txt", b"2"))
    send_files(panel, ("three.txt", b"3"))
    assert "three.txt" in panel.results.value and "one.txt" not in panel.results.value


@in_a_loop
async def test_of_several_digits_on_one_photo_it_is_said_that_one_was_read(sample):
    panel = DigitPanel()
    page = Image.new("L", (300, 160), 255)
    for place in (0, 150):
        page.paste(Image.fromarray(255 - sample[1].image(0)).resize((140, 140)), (place, 10))
    alone, both = io.BytesIO(), io.BytesIO()
    page.crop((0, 0, 150, 160)).save(alone, "PNG")
    page.save(both, "PNG")
    send_files(panel, ("alone.png", alone.getvalue()))
    assert "more than one shape" not in panel.results.value
    send_files(panel, ("both.png", both.getvalue()))
    assert "more than one shape" in panel.results.value


# What the page says


@in_a_loop
async def test_with_clothes_nothing_in_the_data_panel_speaks_of_digits_and_the_digit_panel_warns(clothes, sample):
    lab = Lab()
    panel, digit, worst = DataPanel(lab), DigitPanel(lab), MistakesPanel(lab)
    assert "digit" in panel.images.value.lower()
    panel.choice.value = "fashion-mnist"
    assert "ankle boot" in panel.images.value
    assert "digit" not in (panel.images.value + panel.note.value).lower()
    lab.change("epochs", 1)
    lab.start()
    await lab.task
    content = io.BytesIO()
    Image.fromarray(sample[1].image(0)).resize((140, 140)).save(content, "PNG")
    send_files(digit, ("digit.png", content.getvalue()))
    assert "nothing else: whatever" in digit.results.value and "says the network" in digit.results.value
    names = "|".join(map(re.escape, data.CLOTHES))
    caption = rf"read as <b>({names})</b>, labelled&nbsp;({names})<br>loss [\d.]+<br>\d+% sure"
    assert re.search(caption, worst.images.value)


def test_the_default_dataset_comes_first_and_the_numbers_of_images_add_up():
    panel = DataPanel()
    assert panel.choice.options[0] == ("Bundled sample", "sample")
    whole, *parts = (int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", panel.note.value))
    assert whole == sum(parts) == 5000 and len(parts) == 3


def test_a_switch_of_the_dataset_is_shown_once_whoever_makes_it(clothes, monkeypatch):
    lab = Lab()
    panel = DataPanel(lab)
    shown = []
    show = panel._show_dataset
    monkeypatch.setattr(panel, "_show_dataset", lambda: (shown.append(lab.dataset), show()))
    panel.choice.value = "fashion-mnist"
    lab.choose_dataset("sample")
    assert panel.choice.value == "sample"
    assert shown == ["fashion-mnist", "sample"]


def test_going_back_from_a_dataset_that_is_not_here_says_what_is_in_use(tmp_path):
    panel = DataPanel(Lab(data_dir=tmp_path))
    panel.choice.value = "mnist"
    assert "MNIST is not on this machine yet" in panel.note.value
    assert "until then: the bundled sample" in panel.note.value
    assert not panel.download_button.disabled
    panel.choice.value = "sample"
    assert "Bundled sample: 5,000 images." in panel.note.value
    assert panel.download_button.disabled


@in_a_loop
async def test_a_cancelled_download_says_so_and_keeps_the_dataset(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the request and never answers
        monkeypatch.setenv("MNISTLAB_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}")
        lab = Lab(data_dir=tmp_path)
        panel = DataPanel(lab)
        panel.choice.value = "mnist"
        panel.download_button.click()
        while panel._process is None:
            await asyncio.sleep(0)
        assert panel.download_button.description == "Cancel" and panel.choice.disabled
        panel.download_button.click()
        while panel._process:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
    assert panel.note.value == "<p>The download was stopped. Still in use: the bundled sample.</p>"
    assert panel.download_button.description == "Download" and not panel.choice.disabled
    assert lab.dataset == "sample"


# The split and the number of training images


@in_a_loop
async def test_the_same_settings_give_the_same_run_as_the_engine_whenever_they_were_set(sample):
    values = {"seed": 5, "validation_fraction": 0.2, "train_size": 300, "epochs": 1, "hidden_size": 16}
    early, late, linked = Lab(), Lab(), Lab()
    early.change_all(values)
    early.choose_dataset("sample")
    late.change_all(values)
    linked.browser.query = "?seed=5&validation_fraction=0.2&train_size=300&epochs=1&hidden=16&dataset=sample"
    settings = early.settings.copy()
    rngs = generators(5)
    sets = training_split(sample[0], settings, rngs.split)
    for _ in (run := train(build(settings, rngs.weights, 784, 10), *sets, settings)):
        pass
    for lab in (early, late, linked):
        lab.start()
        await lab.task
        assert np.array_equal(lab.run.validation_set.indices, sets[1].indices)
        assert lab.run.history.step_losses == run.history.step_losses


@in_a_loop
async def test_a_seed_moved_during_a_run_leaves_its_split_and_what_was_cleaned():
    lab = Lab()
    lab.change_all({"epochs": 1, "train_size": 300})
    lab.put_changes(lab.changes["training"].delete(int(lab.available.indices[0])))
    changes = lab.changes["training"]
    lab.start()
    before = lab.validation_set
    lab.change("seed", 9)
    assert lab.run.validation_set is lab.validation_set is before
    await lab.task
    assert lab.validation_set is before
    lab.start()
    assert not np.array_equal(lab.run.validation_set.indices, before.indices)
    assert lab.before is None and lab.changes["training"] is changes
    await lab.task


@in_a_loop
async def test_the_number_of_training_images_stays_as_wished_over_datasets_of_any_size():
    lab = Lab()
    panel = DataPanel(lab)
    wished = lab.settings.train_size
    small = data.load("sample")[0].select(slice(0, 100))
    for size in (wished, 2000):
        lab.change("train_size", size)
        lab.use_images("few", small)
        assert panel.size.value == panel.size.max < 100 and lab.settings.train_size == size
        lab.choose_dataset("sample")
        assert panel.size.value == min(size, panel.size.max) and lab.settings.train_size == size
    assert panel.size.min == 100 and panel.size.max == 3600 and not lab.message.startswith("Something")
    panel.size.value = 700
    assert lab.settings.train_size == 700
    panel.size.value = panel.size.max
    assert lab.settings.train_size == wished


def test_an_address_sets_locks_and_hides_the_number_of_images_and_the_dataset(sample):
    lab = Lab()
    panel = DataPanel(lab)
    lab.browser.query = "?train_size=500&lock=train_size,dataset"
    assert panel.size.value == lab.settings.train_size == 500
    assert panel.size.disabled and panel.choice.disabled
    with pytest.raises(ValueError, match="locks the dataset"):
        lab.use_images("mine", sample[0])
    lab.change("validation_fraction", 0.5)  # another range; it is still locked
    assert panel.size.max == 2000 and panel.size.disabled
    lab.browser.query = "?hide=train_size,dataset"
    assert not panel.size.disabled and not panel.choice.disabled
    for widget in (panel._size_box, panel._choice_box, panel.download_button):
        assert "mnistlab-hidden" in widget._dom_classes
