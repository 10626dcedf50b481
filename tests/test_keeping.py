"""What is kept of a run, and how it comes back: files, the browser's copy, and what is refused with a sentence."""

import asyncio
import io
import json
import math
import os
import pickle

import numpy as np
import pytest
from test_app import clothes, fresh_widgets, in_a_loop  # noqa: F401 - the fixtures work by being here
from test_variations import zip_of

from mnistlab import Settings, data
from mnistlab.app import CurvesPanel, DigitPanel, KeepingPanel, Lab, MistakesPanel
from mnistlab.app import keeping
from mnistlab.app.keeping import LARGEST, content_of, read_record
from mnistlab.export import (
    FORMAT, ModelFileError, SettingsFileError, load_model, model_bytes, read_model, read_settings, save_model,
    settings_json,
)
from mnistlab.folders import ZipReading
from mnistlab.settings import TABLE
from mnistlab.training import History

SMALL = {"train_size": 600, "hidden_size": 16, "epochs": 4}


class Browser:
    """Stands where the browser is: takes what a panel's keeper sends, and answers as keeper.js does."""

    def __init__(self, panel, page=True):
        self.keeper, self.kept, self.downloads, self.answers, self.silent = panel.keeper, [], {}, [], False
        self.windows = 1  # in JupyterLab several may show the same kernel, and each answers
        self._parts = []
        self.keeper.send = self._receive
        self.say({"is": "here", "page": page})

    def say(self, message, *buffers):
        self.keeper._handle_custom_msg(message, [memoryview(content) for content in buffers])

    def _receive(self, message, buffers=()):
        if message["do"] == "download":
            self.downloads[message["name"]] = bytes(buffers[0])
        elif message["do"] == "restored":
            self.answers.append(message["why_not"])
        elif not self.silent:
            self._take_part(message, bytes(buffers[0]))

    def _take_part(self, message, part):
        if "about" in message:
            self._parts, self.about = [], message["about"]
        if message["start"] != sum(map(len, self._parts)):
            return
        self._parts.append(part)
        if message["last"]:
            self.kept.append((self.about, b"".join(self._parts)))
        answer = {"is": "kept"} if message["last"] else {"is": "got", "start": message["start"]}
        for _ in range(self.windows):
            self.say(answer | {"number": message["number"]})


def page_of(**values):
    lab = Lab()
    lab.change_all(SMALL | values)
    panel = KeepingPanel(lab)
    return lab, panel, Browser(panel)


async def at_rest(lab):
    """Until every task that was begun is over."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


async def restored(content, **values):
    """(lab, browser) of another page, with these settings, after it has restored what was kept."""
    lab, _, browser = page_of(**values)
    browser.say({"is": "restore"}, content)
    await at_rest(lab)
    return lab, browser


def refused(content, name="model.npz"):
    with pytest.raises(ModelFileError) as caught:
        read_model(content, name)
    return str(caught.value)


# The browser's copy

@pytest.mark.parametrize("values", [
    {}, {"optimizer": "adam", "dropout_rate": 0.2, "batch_norm": True}, {"patience": 1, "epochs": 8}, {"rotate": 10.0},
    {"shuffled_labels": True, "seed": 5}, {"convolution": True, "schedule": "cosine"},
], ids=lambda values: " ".join(values) or "plain")
@in_a_loop
async def test_a_run_that_the_browser_kept_goes_on_in_another_session_bit_for_bit(values):
    lab, _, browser = page_of(**values)
    lab.one_more("epoch")
    await lab.task
    lab.one_more("training")
    await lab.task
    about, content = browser.kept[-1]
    assert (about["kind"], about["epochs"]) == ("network", 1) and len(content) <= LARGEST
    lab.resume()
    await lab.task
    other, second = await restored(content)
    assert second.answers == [""] and other.phase == "paused" and other.settings == lab.settings
    assert other.message == "The run is restored: it stands after batch 1 of epoch 2. Resume goes on from here."
    other.resume()
    await other.task
    assert other.run.history.step_losses == lab.run.history.step_losses
    assert np.array_equal(other.network.parameters, lab.network.parameters)
    assert other.message == lab.message
    # What is restored is kept again, by its new page.
    assert second.kept[-1][0]["epochs"] == lab.run.epoch


@in_a_loop
async def test_a_run_keeps_itself_after_its_first_epoch_and_at_its_end():
    lab, _, browser = page_of(epochs=6)
    lab.start()
    await lab.task
    assert [about["epochs"] for about, _ in browser.kept] == [1, 6]  # they took less than four seconds
    assert browser.about["accuracy"] == lab.run.history.rows[-1].validation_accuracy
    assert len(read_model(browser.kept[-1][1], "kept").history) == 6


@in_a_loop
async def test_curves_mistakes_and_digits_follow_the_restored_run():
    lab, _, browser = page_of(epochs=2)
    lab.start()
    await lab.task
    other, _, second = page_of()
    curves, mistakes, digit = CurvesPanel(other), MistakesPanel(other), DigitPanel(other)
    second.say({"is": "restore"}, browser.kept[-1][1])
    await at_rest(other)
    assert "After epoch 2" in curves.caption.value
    assert mistakes.images.value.count("<img") == 12
    assert "follows your pen" in digit.answer.value
    assert [record.name for record in other.records] == ["Run 1, restored"]
    assert other.message.startswith("The run is restored. Done: 2 epochs.")
    other.one_more("epoch")
    await other.task
    assert other.run.epoch == 3


@in_a_loop
async def test_the_same_images_come_back_whatever_the_seed_was_when_they_were_split():
    lab, _, browser = page_of(seed=7, validation_fraction=0.3)  # after the split, which has seed 0 and 0.1
    lab.start()
    await lab.task
    lab.choose_dataset("sample")
    lab.one_more("epoch")  # goes on with the run of before
    await lab.task
    other, _ = await restored(browser.kept[-1][1], seed=9)
    assert np.array_equal(other.run.validation_set.indices, lab.run.validation_set.indices)
    assert other.run.history.step_losses == lab.run.history.step_losses


@in_a_loop
async def test_a_cleaned_run_comes_back_with_its_changes():
    lab, _, browser = page_of(epochs=2)
    numbers = lab.available.indices[:3].tolist()
    lab.put_changes(lab.changes["training"].delete(numbers[0]).relabel(numbers[1], 3))
    lab.start(cleaned=True)
    await lab.task
    other, _ = await restored(browser.kept[-1][1])
    assert other.record.cleaned and len(other.run.train_set) == 599
    assert other.changes["training"].labels == lab.changes["training"].labels
    assert other.run.history.step_losses == lab.run.history.step_losses


@in_a_loop
async def test_a_network_that_is_refused_in_the_end_leaves_images_and_changes_as_they_are():
    brought, _, _ = page_of(epochs=2, seed=5)
    brought.start()
    await brought.task
    run = brought.run
    content = model_bytes(run.network, run.settings, run.history, run.train_set)  # as the command line saves it
    lab, _, browser = page_of(epochs=5000, label_noise=0.1)
    lab.one_more("epoch")
    await lab.task
    lab.put_changes(lab.changes["training"].delete(int(lab.available.indices[0])))
    changes, noise = lab.changes, lab.noise()
    assert lab.phase == "paused" and noise
    browser.say({"is": "restore"}, content)
    lab.resume()
    while not browser.answers:
        await asyncio.sleep(0)
    assert browser.answers[-1].startswith("A run goes on. Stop it first")
    lab.stop()
    await at_rest(lab)
    spoilt = {**lab.origin, "split": [5, 0.2], "changes": ["{"], "cleaned": True}
    browser.say({"is": "restore"}, model_bytes(run.network, run.settings, run.history, run.train_set, None, spoilt))
    await at_rest(lab)
    assert browser.answers[-1].startswith("This file does not hold changes to a dataset")
    spoilt = {**lab.origin, "split": [5]}
    browser.say({"is": "restore"}, model_bytes(run.network, run.settings, run.history, run.train_set, None, spoilt))
    await at_rest(lab)
    assert browser.answers[-1] == "What the file says of its images is damaged."
    assert lab.changes is changes and lab.noise() == noise and lab.validation_set is lab.run.validation_set
    browser.say({"is": "restore"}, content)
    await at_rest(lab)
    assert browser.answers[-1] == "" and lab.run.epoch == 2 and lab.validation_set is lab.run.validation_set
    assert lab.changes is changes  # they go by image, and the dataset is the same
    assert np.array_equal(lab.validation_set.indices, run.validation_set.indices)


@in_a_loop
async def test_the_next_run_is_compared_with_one_that_was_restored():
    lab, _, browser = page_of(epochs=2)
    lab.start()
    await lab.task
    other, _ = await restored(browser.kept[-1][1])
    assert other.run.validation_set is other.validation_set
    other.start(cleaned=True)
    await other.task
    assert np.array_equal(other.before, lab.run.evaluation.logits)


@in_a_loop
async def test_noise_is_that_of_the_run_however_its_dataset_was_split_since():
    lab, _, _ = page_of(epochs=1, label_noise=0.2)
    lab.start()
    await lab.task
    noise = lab.noise()
    lab.change("seed", 7)
    lab.choose_dataset("sample")
    assert noise and lab.noise() == noise and set(noise) <= set(lab.run.train_set.indices.tolist())


@in_a_loop
async def test_a_taught_network_comes_back_and_learns_on_without_the_images_that_it_was_taught():
    lab, _, browser = page_of(epochs=2)
    lab.start()
    await lab.task
    lab.teach(lab.available.image(0), 3)
    await lab.task
    model = read_model(browser.kept[-1][1], "kept")
    assert model.checkpoint is None  # it would need those images
    other, _ = await restored(browser.kept[-1][1])
    assert np.array_equal(other.network.parameters, lab.network.parameters) and other.run.epoch == 3
    other.one_more("epoch")
    await other.task
    assert other.run.epoch == 4


@in_a_loop
async def test_a_network_of_ones_own_images_waits_for_them():
    lab, _, browser = page_of(epochs=2)
    reading = ZipReading(zip_of(30))
    list(reading)
    lab.use_images("shapes", reading.dataset)
    lab.start()
    await lab.task
    other, _, second = page_of()
    content = browser.kept[-1][1]
    second.say({"is": "restore"}, content)
    await at_rest(other)
    assert "your images “shapes”, which are not here. Bring them again" in second.answers[-1]
    assert other.run is None and other.settings.train_size == SMALL["train_size"]
    other.use_images("shapes", reading.dataset)
    second.say({"is": "restore"}, content)
    await at_rest(other)
    assert second.answers[-1] == "" and other.run.history.step_losses == lab.run.history.step_losses


@in_a_loop
async def test_what_is_too_large_is_kept_without_the_optimizers_memory_or_without_the_network(monkeypatch):
    lab, panel, browser = page_of()
    lab.start()
    await lab.task
    sizes = [len(content_of(lab, go_on)) for go_on in (True, False)]
    assert sizes[0] > sizes[1] + 10_000
    monkeypatch.setattr(keeping, "LARGEST", sizes[1] + 4000)  # another epoch takes some more text
    lab.one_more("epoch")
    await lab.task
    about, content = browser.kept[-1]
    assert about["kind"] == "network" and read_model(content, "kept").checkpoint is None
    monkeypatch.setattr(keeping, "LARGEST", sizes[1] // 2)
    lab.one_more("epoch")
    await lab.task
    about, content = browser.kept[-1]
    assert (about["kind"], about["epochs"]) == ("figures", 6) and about["megabytes"] > 0.04
    other, _, second = page_of(hidden_size=64)
    second.say({"is": "restore"}, content)
    assert second.answers == [""] and other.settings.hidden_size == 16 and other.run is None
    (record,) = other.records
    assert record.name == "Run 1, restored"
    assert [row.validation_loss for row in record.history.rows] == [row.validation_loss for row in lab.run.history.rows]
    assert "too large to be kept" in other.message


def test_the_largest_network_of_the_sliders_is_kept_whole_and_nothing_is_over_the_limit():
    """784-512-10 with momentum: weights and their memory, as float32."""
    assert 2 * 4 * (784 * 512 + 512 + 512 * 10 + 10) < 0.9 * LARGEST < 4_000_000


@pytest.mark.parametrize("content, words", [
    (b"", "was not written by mnistlab"), (b"PK\x03\x04 and no more", "was not written by mnistlab"),
    (b"{}", "is damaged"), (b'{"format": 2}', "has format 2, and this version of mnistlab reads format 1"),
    (b'{"format": 1, "record": {"settings": {"epochs": -1}}}', "is damaged"), (b"{" * 100_000, "is damaged"),
])
@in_a_loop
async def test_a_copy_that_cannot_be_read_gets_a_sentence_and_changes_nothing(content, words):
    lab, _, browser = page_of()
    browser.say({"is": "restore"}, content)
    (sentence,) = browser.answers
    assert sentence.startswith("What the browser kept") and words in sentence
    assert lab.run is None and lab.phase == "idle"


@in_a_loop
async def test_nothing_is_restored_into_a_run_that_goes_on():
    lab, _, browser = page_of(epochs=50)
    lab.one_more("epoch")
    await lab.task
    lab.resume()
    run = lab.run
    browser.say({"is": "restore"}, browser.kept[-1][1])
    assert "A run goes on" in browser.answers[-1] and lab.run is run
    lab.stop()
    await lab.task


@in_a_loop
async def test_a_failed_run_is_not_kept_and_the_last_good_one_stays():
    lab, _, browser = page_of()
    lab.start()
    await lab.task
    count = len(browser.kept)
    lab.change_all({"learning_rate": 1000.0, "loss": "squared-error"})
    lab.start()
    await lab.task
    assert lab.phase == "failed" and len(browser.kept) == count


@in_a_loop
async def test_without_a_browser_or_where_it_refuses_nothing_is_sent():
    lab = Lab()
    lab.change_all(SMALL)
    panel = KeepingPanel(lab)
    panel.keeper.send = lambda *message: pytest.fail("something was sent")
    lab.start()
    await lab.task
    browser = Browser(panel)
    browser.silent = True
    lab.one_more("epoch")
    await lab.task
    assert panel.keeper.busy
    browser.say({"is": "refused", "number": 1})
    lab.one_more("epoch")
    await lab.task
    assert not panel.keeper.busy and browser.kept == []


async def run_unanswered():
    """What `page_of` gives, after a run of which the browser has answered nothing; from now on it does."""
    lab, panel, browser = page_of()
    browser.silent = True
    lab.start()
    await lab.task
    assert panel.keeper.busy
    browser.silent = False
    return lab, panel, browser


@in_a_loop
async def test_a_run_that_ends_while_an_earlier_state_is_on_its_way_is_kept_next():
    _, _, browser = await run_unanswered()
    browser.kept.append(None)
    browser.say({"is": "kept", "number": 1})
    assert browser.kept[-1][0]["epochs"] == SMALL["epochs"]


@in_a_loop
async def test_two_windows_of_one_kernel_are_sent_each_part_once():
    lab, panel, browser = page_of(hidden_size=128, epochs=1)
    browser.windows = 2
    lab.start()
    await lab.task
    assert browser.kept and not panel.keeper.busy
    for _, content in browser.kept:
        assert len(read_model(content, "kept").network.parameters) == 784 * 128 + 128 * 10 + 138


@in_a_loop
async def test_what_a_reload_cuts_off_is_sent_to_the_new_page():
    _, panel, browser = await run_unanswered()
    browser.say({"is": "here", "page": True})
    assert browser.kept[-1][0]["epochs"] == SMALL["epochs"] and not panel.keeper.busy


@in_a_loop
async def test_an_error_that_nobody_expected_is_answered_too(monkeypatch):
    _, _, browser = page_of()
    monkeypatch.setattr(keeping, "read_model", lambda content, name: [][0])
    browser.say({"is": "restore"}, b"seven")
    assert browser.answers == ["Something went wrong (IndexError). You can go on; the details are in the log."]
    monkeypatch.undo()
    lab, panel, browser = page_of()
    lab.start()
    await lab.task
    second, _, other = page_of()
    monkeypatch.setattr(second, "take_up", lambda *arguments: [][0])
    other.say({"is": "restore"}, browser.kept[-1][1])
    await at_rest(second)
    assert other.answers == ["Something went wrong (IndexError). You can go on; the details are in the log."]


@pytest.mark.parametrize("page, phase", [(True, "paused"), (False, "idle")], ids=["page", "JupyterLab"])
@in_a_loop
async def test_a_run_that_nobody_watches_any_more_is_paused_in_a_page_of_its_own(monkeypatch, page, phase):
    monkeypatch.setattr(keeping, "GONE", 0.0)
    lab, panel, browser = page_of(epochs=8)
    browser.say({"is": "here", "page": page})
    browser.silent = True
    lab.start()
    await lab.task
    assert lab.phase == phase
    assert lab.message.startswith("Paused: the page was out of reach" if page else "Done: 8 epochs")


@in_a_loop
async def test_the_page_knows_that_a_run_goes_on_and_when_the_server_ends_idle_sessions(monkeypatch):
    monkeypatch.setenv("MNISTLAB_IDLE_SECONDS", "600")
    lab, panel, _ = page_of()
    assert panel.keeper.idle_seconds == 600 and not panel.keeper.running
    lab.start()
    assert panel.keeper.running
    await lab.task
    assert not panel.keeper.running
    for wrong in ("", "ten minutes", "-5"):
        monkeypatch.setenv("MNISTLAB_IDLE_SECONDS", wrong)
        assert KeepingPanel().keeper.idle_seconds == 0


@pytest.mark.parametrize("connected, timeout, told", [(True, 600, "600"), (False, 600, None), (True, 0, None)])
def test_a_server_tells_its_kernels_when_it_ends_idle_sessions(monkeypatch, connected, timeout, told):
    from jupyter_server.services.kernels.kernelmanager import MappingKernelManager

    from mnistlab import server

    class Jupyter:
        kernel_manager = MappingKernelManager(cull_connected=connected, cull_idle_timeout=timeout)
        web_app = type("WebApp", (), {"settings": {}})

    monkeypatch.setenv("MNISTLAB_IDLE_SECONDS", "")
    monkeypatch.delenv("MNISTLAB_IDLE_SECONDS")
    server._load_jupyter_server_extension(Jupyter)
    assert os.environ.get("MNISTLAB_IDLE_SECONDS") == told


def test_questions_after_the_sessions_health_are_no_activity_for_the_server():
    """watch.js counts as the server counts, and its own question must be among what does not count."""
    import re

    from jupyter_server.services.kernels.kernelmanager import MappingKernelManager

    from mnistlab.app.keeper import Watch

    listed = re.search(r"const UNTRACKED = new Set\(\[(.*?)\]\)", Watch._esm, re.DOTALL)[1]
    assert re.findall(r'"(\w+)"', listed) == MappingKernelManager().untracked_message_types
    assert "kernel_info_request" in listed


# Files


async def trained(**values):
    lab, panel, browser = page_of(**values)
    panel.files.toggle.value = True
    lab.start()
    await lab.task
    for button in ("network", "settings", "figures (CSV)"):
        click(panel, f"Download the {button}")
    return lab, panel, browser


def click(panel, words):
    (found,) = [each for row in panel.files.children for each in getattr(row, "children", ()) if
                getattr(each, "description", "") == words]
    found.click()


def choose(upload, name, content):
    message = {"name": name, "size": len(content), "first": True, "last": True}
    upload._handle_custom_msg(message, [memoryview(content)])


@in_a_loop
async def test_a_downloaded_network_is_read_by_the_command_line_and_goes_on_elsewhere(tmp_path):
    lab, panel, browser = await trained(seed=3)
    content = browser.downloads["mnistlab-network.npz"]
    (tmp_path / "model.npz").write_bytes(content)
    model = load_model(tmp_path / "model.npz")
    assert model.settings == lab.settings and model.history == lab.run.history.as_dicts()
    assert np.array_equal(model.network.parameters, lab.network.parameters)
    other, panel, _ = page_of()
    panel.files.toggle.value = True
    choose(panel.model_file, "mine.npz", content)
    await at_rest(other)
    assert "mine.npz is loaded." in panel.said.value and other.settings == lab.settings
    for each in (lab, other):
        each.one_more("epoch")
        await each.task
    assert other.run.history.step_losses == lab.run.history.step_losses


@in_a_loop
async def test_a_network_from_the_command_line_is_loaded_and_trained_further(tmp_path):
    from mnistlab.cli import main

    path = tmp_path / "model.npz"
    assert main(["train", "--epochs", "2", "--train-size", "600", "--hidden-size", "16", "--save", str(path)]) == 0
    lab, panel, _ = page_of()
    panel.files.toggle.value = True
    mistakes = MistakesPanel(lab)
    choose(panel.model_file, "model.npz", path.read_bytes())
    await at_rest(lab)
    assert lab.message.startswith("The run is loaded. Done: 2 epochs.") and mistakes.images.value.count("<img") == 12
    assert len(lab.run.history.step_losses) == 2 * lab.run.steps_per_epoch  # the means of the epochs stand for them
    assert lab.run.evaluation.accuracy == pytest.approx(lab.run.history.rows[-1].validation_accuracy)
    lab.one_more("epoch")
    await lab.task
    assert lab.run.epoch == 3 and lab.run.history.rows[-1].train_loss < lab.run.history.rows[0].train_loss


@in_a_loop
async def test_a_network_of_other_classes_is_refused_with_both_ways_out(clothes, tmp_path):
    from mnistlab.cli import main

    path = tmp_path / "model.npz"
    options = ["--dataset", "fashion-mnist", "--epochs", "1", "--train-size", "600", "--save", str(path)]
    assert main(["train", *options]) == 0
    model, (images, _) = load_model(path), data.load("fashion-mnist")
    save_model(path, model.network, model.settings, History.from_dicts(model.history), images)  # of nobody knows what
    lab, panel, _ = page_of()
    panel.files.toggle.value = True
    choose(panel.model_file, "model.npz", path.read_bytes())
    await at_rest(lab)
    assert "tells apart T-shirt" in panel.said.value and "Choose the dataset that it learned from" in panel.said.value
    assert lab.run is None and lab.phase == "idle"
    lab.choose_dataset("fashion-mnist")
    choose(panel.model_file, "model.npz", path.read_bytes())
    await at_rest(lab)
    assert lab.run is not None


@in_a_loop
async def test_files_that_are_no_network_get_a_sentence_each():
    lab, panel, browser = await trained()
    run, good = lab.run, browser.downloads["mnistlab-network.npz"]
    pickled = io.BytesIO()
    np.savez(pickled, format=np.array([{}], object), about=np.str_("{}"), parameters=np.zeros(1, np.float32))
    with np.load(io.BytesIO(good)) as arrays:
        future = io.BytesIO()
        np.savez(future, **{**arrays, "format": np.int64(FORMAT + 1)})
    damaged = "it is damaged, or was not written by mnistlab"
    for content, words in (
        (b"seven", damaged), (pickle.dumps({}), damaged), (good[:-200], damaged),
        (pickled.getvalue(), "it holds pickled objects"),
        (future.getvalue(), "model format 2; this version of mnistlab reads format 1"),
    ):
        choose(panel.model_file, "bad.npz", content)
        await at_rest(lab)
        assert words in panel.said.value and "bad.npz" in panel.said.value and lab.run is run
    panel.model_file._handle_custom_msg({"name": "film.npz", "size": 10**9, "first": True, "last": True}, [])
    assert "film.npz is 1000.0 MB; at most 60.0 MB" in panel.said.value
    panel.model_file._handle_custom_msg({"name": "gone.npz", "size": None, "first": True, "last": True}, [])
    assert "The browser could not read gone.npz" in panel.said.value


@in_a_loop
async def test_a_damaged_checkpoint_leaves_a_good_network():
    lab, panel, browser = await trained()
    with np.load(io.BytesIO(browser.downloads["mnistlab-network.npz"])) as arrays:
        arrays = dict(arrays)
    flat = json.loads(str(arrays["checkpoint"]))
    wrong_ones = ("order", 5), ("epoch", "four"), ("history", None), ("optimizer", ["dict", {}]), ("settings", 3)
    for name, wrong in wrong_ones:
        changed = ["dict", {**flat[1], name: wrong}]
        spoilt = io.BytesIO()
        np.savez(spoilt, **{**arrays, "checkpoint": np.str_(json.dumps(changed))})
        choose(panel.model_file, "spoilt.npz", spoilt.getvalue())
        await at_rest(lab)
        assert lab.run.epoch == 4 and np.array_equal(lab.network.parameters, arrays["parameters"]), name
        lab.one_more("epoch")
        await lab.task
        assert lab.run.epoch == 5, name
    spoilt = io.BytesIO()
    np.savez(spoilt, **{**arrays, "checkpoint": np.str_('["dict", {"sums": ["array", 99]}]')})
    assert "was not written by mnistlab" in refused(spoilt.getvalue())


async def load_without_checkpoint(lab, panel, browser):
    """Load the network that was downloaded last, without its checkpoint; gives the arrays of the file."""
    with np.load(io.BytesIO(browser.downloads["mnistlab-network.npz"])) as arrays:
        arrays = {**arrays, "checkpoint": np.str_('["dict", {}]')}
    content = io.BytesIO()
    np.savez(content, **arrays)
    choose(panel.model_file, "spoilt.npz", content.getvalue())
    await at_rest(lab)
    return arrays


@in_a_loop
async def test_without_patience_a_file_without_its_checkpoint_keeps_what_it_learns_from_then_on():
    lab, panel, browser = await trained()
    arrays = await load_without_checkpoint(lab, panel, browser)
    assert lab.run.is_at_best and lab.run.best_epoch == 4
    lab.one_more("epoch")
    await lab.task
    assert not np.array_equal(lab.network.parameters, arrays["parameters"])
    assert lab.run.evaluation.accuracy == lab.run.history.rows[-1].validation_accuracy


@in_a_loop
async def test_a_run_that_patience_has_ended_comes_back_as_one_that_has_ended():
    lab, panel, browser = page_of(patience=1, epochs=30, learning_rate=1.0)
    lab.start()
    await lab.task
    epochs, summary = lab.run.epoch, lab.message
    assert epochs < 30 and "weights are those of epoch" in summary
    panel.files.toggle.value = True
    click(panel, "Download the network")
    choose(panel.model_file, "patient.npz", browser.downloads["mnistlab-network.npz"])
    await at_rest(lab)
    assert lab.phase == "idle" and lab.message == f"The run is loaded. {summary}"
    lab.one_more("epoch")
    assert lab.phase == "idle" and lab.run.epoch == epochs and lab.run.settings.epochs == 30
    assert lab.message.startswith("This run has ended for good: the validation loss fell no further")


@in_a_loop
async def test_where_patience_is_over_and_no_best_weights_are_kept_one_more_epoch_says_that_it_has_ended():
    lab, panel, browser = page_of(patience=1, epochs=30, learning_rate=1.0)
    lab.one_more("epoch")
    await lab.task
    while not lab.run.patience_is_over:
        next(lab.run)
    assert not lab.run.is_at_best  # it has not been pulled to its end, where the best weights come back
    panel.files.toggle.value = True
    click(panel, "Download the network")
    await load_without_checkpoint(lab, panel, browser)
    assert lab.phase == "idle" and not lab.run.is_at_best
    lab.one_more("epoch")
    assert lab.phase == "idle" and lab.message.startswith("This run has ended for good")


@pytest.mark.parametrize("values", [{"patience": 1, "epochs": 30}, {"patience": 9}], ids=["ended", "epochs used up"])
@in_a_loop
async def test_what_the_browser_keeps_in_the_end_has_the_best_weights(values):
    lab, panel, browser = page_of(learning_rate=1.0, **values)
    while lab.run is None or not lab.run.is_over:
        panel._kept_at = -math.inf  # as if every epoch took so long that it is kept
        lab.one_more("epoch")
        await lab.task
    assert lab.message.startswith("Done:") and lab.run.best_epoch < lab.run.epoch
    assert np.array_equal(read_model(browser.kept[-1][1], "kept").network.parameters, lab.network.parameters)
    other, _ = await restored(browser.kept[-1][1])
    assert other.phase == "idle" and lab.message in other.message and other.run.is_at_best


@in_a_loop
async def test_a_page_that_is_gone_in_the_moment_before_the_best_weights_are_back_gets_them_when_it_returns():
    lab, panel, browser = page_of(patience=1, epochs=30, learning_rate=1.0)

    def go_away(change):
        panel._kept_at = -math.inf  # as if every epoch took so long that it is kept
        browser.silent = lab.run.patience_is_over

    lab.observe(go_away, "epochs_seen")
    lab.start()
    await lab.task
    other, _ = await restored(browser.kept[-1][1])
    assert other.phase == "idle" and other.run.evaluation.loss == other.run.history.best.validation_loss
    assert other.message == f"The run is restored. {lab.message}"


@pytest.mark.parametrize("at_best", [True, False])
@in_a_loop
async def test_without_its_checkpoint_a_file_brings_back_the_best_weights_only_where_it_has_them(at_best):
    lab, panel, browser = page_of(patience=9, learning_rate=1.0)
    panel.files.toggle.value = True
    for _ in range(4 if at_best else 3):  # at the end of its 4 epochs the best weights come back
        lab.one_more("epoch")
        await lab.task
    click(panel, "Download the network")
    assert 1 == lab.run.best_epoch and lab.run.is_at_best == at_best
    arrays = await load_without_checkpoint(lab, panel, browser)
    assert np.array_equal(lab.network.parameters, arrays["parameters"])
    lab.change("learning_rate", 10.0)  # nothing better comes
    while lab.run.epoch < 5:
        lab.one_more("epoch")
        await lab.task
    lowest = min(row.validation_loss for row in lab.run.history.rows)
    assert (lab.run.evaluation.loss == pytest.approx(lowest, rel=1e-6)) == at_best
    assert ("the weights are those of epoch 1, the best" in lab.message) == at_best


def test_a_file_that_would_unpack_to_more_than_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr("mnistlab.export.LARGEST", 1_000_000)
    bomb = io.BytesIO()
    np.savez_compressed(bomb, format=np.int64(1), about=np.str_("{}"), parameters=np.zeros(10**6, np.float32))
    assert len(bomb.getvalue()) < 10_000
    assert "unpacked it would take 4 MB" in refused(bomb.getvalue())


@in_a_loop
async def test_settings_travel_as_json():
    lab, panel, browser = await trained(seed=3, optimizer="adam", rotate=12.5)
    content = browser.downloads["mnistlab-settings.json"]
    assert json.loads(content)["settings"]["rotate"] == 12.5
    other, panel, _ = page_of()
    panel.files.toggle.value = True
    choose(panel.settings_file, "class.json", content)
    assert other.settings == lab.settings and "The settings are those of class.json now." in panel.said.value
    before = other.settings.copy()
    choose(panel.settings_file, "class.json", b'{"format": 1, "settings": {"epochs": 0}}')
    assert "class.json cannot be used: Epochs is 0; it must be" in panel.said.value and other.settings == before
    panel.settings_file._handle_custom_msg({"name": "x.json", "size": 10**6, "first": True, "last": True}, [])
    assert "x.json is 1.0 MB; at most 0.1 MB" in panel.said.value


@in_a_loop
async def test_settings_that_the_address_locks_stay_and_the_panel_says_so():
    lab, panel, browser = await trained(seed=3, epochs=2)
    content = browser.downloads["mnistlab-settings.json"]
    other, panel, _ = page_of()
    other.browser.query = "?lock=seed"
    panel.files.toggle.value = True
    choose(panel.settings_file, "class.json", content)
    assert other.settings.seed == 0 and other.settings.epochs == 2
    assert "the address of this page locks it: Seed." in panel.said.value


async def bring(way, panel, browser, content):
    """Bring a network to a page, as a file or from what its browser kept."""
    if way == "file":
        panel.files.toggle.value = True
        choose(panel.model_file, "class.npz", content)
    else:
        browser.say({"is": "restore"}, content)
    await at_rest(panel.lab)


@pytest.mark.parametrize("way", ["file", "browser"])
@in_a_loop
async def test_a_lock_of_the_address_holds_whatever_network_is_brought(way):
    lab, panel, browser = page_of()
    lab.one_more("epoch")
    await lab.task
    content = browser.kept[-1][1]
    other, panel, browser = page_of()
    other.browser.query = "?lr=0.5&hidden=8&seed=5&epochs=2&lock=lr,hidden,seed,epochs"
    await bring(way, panel, browser, content)
    assert other.network.parameters.size == lab.network.parameters.size and other.phase == "paused"
    here = other.settings
    assert (here.learning_rate, here.hidden_size, here.seed, here.epochs) == (0.5, 8, 5, 2)
    assert here.train_size == SMALL["train_size"]
    assert other.message.endswith(
        "Left as it was, because the address of this page locks it: Learning rate, Hidden size, Seed, Epochs. The "
        "network itself stays as it was trained."
    )
    assert other.record.settings["learning_rate"] == 0.1
    other.resume()
    await other.task
    # What can change in a run is as the lock has it for the rest of this one, everything else for the next.
    assert other.run.history.marks == [(other.run.steps_per_epoch, "learning_rate", 0.5)]
    assert other.run.epoch == 4
    other.start()
    await other.task
    assert other.run.settings == here and other.network.parameters.size < lab.network.parameters.size


@pytest.mark.parametrize("way", ["file", "browser"])
@in_a_loop
async def test_a_locked_dataset_is_not_replaced_by_that_of_a_network(way, clothes):  # noqa: F811
    lab, _, browser = page_of()
    lab.start()
    await lab.task
    other, panel, second = page_of()
    other.browser.query = "?dataset=fashion-mnist&lock=dataset"
    await bring(way, panel, second, browser.kept[-1][1])
    assert other.dataset == "fashion-mnist" and other.run is None
    said = panel.said.value if way == "file" else second.answers[-1]
    assert "The address of this page locks the dataset, so other images cannot take its place." in said


@in_a_loop
async def test_figures_without_a_network_do_not_open_a_lock_either():
    lab, _, _ = page_of()
    lab.start()
    await lab.task
    other, _, browser = page_of()
    other.browser.query = "?epochs=2&lock=epochs"
    browser.say({"is": "restore"}, keeping.record_bytes(lab.record))
    assert other.settings.epochs == 2 and browser.answers == [""]
    assert other.message == (
        "Settings and figures are restored; the network was too large to be kept. "
        "Left as it was, because the address of this page locks it: Epochs."
    )


@pytest.mark.parametrize("content, words", [
    (b"", "does not hold settings"), (b"\xff\xfe\x00", "does not hold settings"), (b"[1, 2]", "does not hold settings"),
    (b'{"learning_rate": 1}', "does not hold settings"), (b"{" * 100_000, "does not hold settings"),
    (b"[" * 100_000, "does not hold settings"), (b'{"format": 1, "settings": 5}', "does not hold settings"),
    (b'{"format": 2, "settings": {}}', "has settings format 2; this version of mnistlab reads format 1"),
    (b'{"format": 1, "settings": {"magic": 1}}', "a setting that there is not, 'magic'"),
    (b'{"format": 1, "settings": {"epochs": "4"}}', "Epochs is '4'; it must be a whole number"),
    (b'{"format": 1, "settings": {"learning_rate": NaN}}', "Learning rate is nan"),
    (b'{"format": 1, "settings": {"learning_rate": 1e999}}', "Learning rate is inf"),
    (b'{"format": 1, "settings": {"seed": true}}', "Seed is True"),
    (b'{"format": 1, "settings": {"optimizer": ["sgd"]}}', "Optimizer is ['sgd']"),
])
def test_a_file_that_holds_no_settings_gets_a_sentence(content, words):
    with pytest.raises(SettingsFileError) as caught:
        read_settings(content, "class.json")
    assert str(caught.value).startswith("class.json ") and words in str(caught.value)


def test_a_file_of_settings_may_name_a_few_of_them():
    assert read_settings(b'\xef\xbb\xbf{"format": 1, "settings": {"epochs": 7}}', "x") == Settings(epochs=7)
    assert read_settings(settings_json(Settings(seed=2**32 - 1)).encode(), "x") == Settings(seed=2**32 - 1)


@in_a_loop
async def test_figures_come_as_csv_with_a_run_that_is_still_going_on():
    lab, panel, browser = await trained()
    lines = browser.downloads["mnistlab-history.csv"].decode().splitlines()
    assert len(lines) == 5 and set(TABLE) < set(lines[0].split(","))
    lab.change("epochs", 50)
    lab.start()
    while lab.run.epoch < 1:
        await asyncio.sleep(0)
    click(panel, "Download the figures (CSV)")
    assert len(browser.downloads["mnistlab-history.csv"].decode().splitlines()) > 5
    lab.stop()
    await lab.task


@in_a_loop
async def test_before_there_is_anything_to_download_a_sentence_says_so():
    lab, panel, browser = page_of()
    panel.files.toggle.value = True
    click(panel, "Download the network")
    assert "There is no network yet" in panel.said.value
    click(panel, "Download the figures (CSV)")
    assert "There are no figures yet" in panel.said.value and browser.downloads == {}


FIGURES = {"train_loss": 1, "train_accuracy": 1, "validation_loss": 1, "validation_accuracy": 1, "seconds": 1}


@pytest.mark.parametrize("rows", [
    [{"epoch": 1, **FIGURES, "colour": 1}], [{"epoch": 2}], [5], [{}], "text", [{"epoch": 1, "train_loss": "x"}],
    [{"epoch": 1, **FIGURES, "train_loss": float("nan")}],
])
def test_a_history_that_is_none_is_refused(rows):
    assert History.from_dicts([{"epoch": 1, **FIGURES}]).rows[0].epoch == 1
    with pytest.raises(ValueError, match="The history is damaged: an epoch lacks .* or has something else"):
        History.from_dicts(rows)


def test_a_record_comes_back_with_its_rows():
    with pytest.raises(ValueError, match="is damaged: it cannot be restored"):
        read_record(b'{"format": 1, "record": {"settings": {}, "history": []}}')
