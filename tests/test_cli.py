"""The command line: what it prints where, its exit status, and its sentences for what cannot be done."""

import io
import json
import math
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mnistlab import cli, server
from mnistlab.presets import PRESETS

EPOCH = {"epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds"}
TUTORIAL_EPOCH = {"epoch", "training_error", "training_accuracy", "test_error", "test_accuracy"}
QUICKLY = ("--train-size", "500", "--hidden-size", "32", "--epochs", "2")
DIVERGING = ("--loss", "squared-error", "--learning-rate", "1000", "--epochs", "3")


def command(*arguments, cwd=None, **variables):
    """Run `python -m mnistlab` in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-m", "mnistlab", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=cwd, env={**os.environ, **variables},
    )
    assert "Traceback" not in process.stdout + process.stderr
    assert "Warning" not in process.stderr
    return process


@pytest.fixture
def run(capsys):
    """Runs a command in this process: (exit status, standard output, standard error)."""

    def call(*arguments):
        try:
            status = cli.main(list(map(str, arguments)))
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return call


def only_json(text):
    """The one JSON value that makes up the text, on one line; NaN and Infinity are not JSON."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    assert text.count("\n") == 1 and text.endswith("\n")
    return json.loads(text, parse_constant=refuse)


def sentence(text):
    """The last line of standard error, after what a progress bar drew and wiped."""
    return text.split("\r")[-1].strip().splitlines()[-1]


@pytest.fixture(scope="module")
def model(tmp_path_factory, own_cache):
    """The path of a model trained for two epochs on the sample."""
    path = tmp_path_factory.mktemp("model") / "model.npz"
    process = command("train", "--epochs", 2, "--hidden-size", 64, "--save", path)
    assert process.returncode == 0 and path.is_file(), process.stderr
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, sample):
    """Paths of held-out digits as PNG, one a class, their names being their labels."""
    folder, part = tmp_path_factory.mktemp("pictures"), sample[1]
    for row, label in enumerate(part.labels_of()):
        path = folder / f"{label}.png"
        if not path.exists():
            Image.fromarray(255 - part.image(row)).resize((140, 140)).save(path)
    return sorted(folder.iterdir())


# --json


def test_train_prints_one_object_with_the_documented_keys():
    process = command("train", *QUICKLY, "--json")
    result = only_json(process.stdout)
    assert process.returncode == 0
    assert set(result) == {"epochs", "test_loss", "test_accuracy", "train_seconds"}
    assert [row["epoch"] for row in result["epochs"]] == [1, 2]
    assert all(set(row) == EPOCH for row in result["epochs"])
    assert 0.5 < result["test_accuracy"] <= 1 and result["test_loss"] > 0
    assert result["train_seconds"] == pytest.approx(sum(row["seconds"] for row in result["epochs"]))


def test_tutorial_prints_one_object_with_the_documented_keys_and_the_published_first_rows(official_folder):
    process = command("tutorial", "--json", "--epochs", 2, "--data-dir", official_folder)
    result = only_json(process.stdout)
    assert process.returncode == 0
    assert set(result) == {"epochs", "seconds"} and result["seconds"] > 0
    assert all(set(row) == TUTORIAL_EPOCH for row in result["epochs"])
    first = result["epochs"][0]
    assert [first["epoch"], *(round(first[key], 3) for key in (
        "training_error", "training_accuracy", "test_error", "test_accuracy"
    ))] == [0, 0.898, 0.397, 0.680, 0.582]


def test_predict_prints_one_list_with_the_documented_keys(model, pictures):
    process = command("predict", "--model", model, *pictures, "--json")
    result = only_json(process.stdout)
    assert process.returncode == 0 and process.stderr == ""
    assert [item["file"] for item in result] == [str(path) for path in pictures]
    for item in result:
        assert set(item) == {"file", "label", "probabilities"}
        assert len(item["probabilities"]) == 10 and sum(item["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert item["label"] == np.argmax(item["probabilities"])
    assert np.mean([item["label"] == int(path.stem) for item, path in zip(result, pictures)]) >= 0.8


def test_download_prints_one_object_with_the_dataset_and_its_folder(official_folder):
    process = command("download", "--json", "--data-dir", official_folder)
    assert process.returncode == 0
    assert only_json(process.stdout) == {"dataset": "mnist", "folder": str(official_folder)}


def test_download_says_in_which_folder_the_files_are(official_folder, run):
    assert run("download", "--data-dir", official_folder) == (0, f"MNIST is in {official_folder}.\n", "")


def test_progress_bars_go_to_standard_error():
    process = command("train", *QUICKLY)
    assert "Training [###" in process.stderr and "100 %" in process.stderr
    assert "[#" not in process.stdout and "\r" not in process.stdout
    assert "test accuracy" in process.stdout


def test_a_number_that_is_not_finite_is_null_in_json():
    row = {"epoch": 1, "loss": math.nan, "more": [math.inf, -math.inf, 0.5, None, "text"]}
    assert json.loads(cli._json([row])) == [{"epoch": 1, "loss": None, "more": [None, None, 0.5, None, "text"]}]


# Training


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(run):
    def figures(seed):
        result = only_json(run("train", *QUICKLY, "--seed", seed, "--json")[1])
        del result["train_seconds"]
        for row in result["epochs"]:
            del row["seconds"]
        return result

    first = figures(3)
    assert figures(3) == first != figures(4)


def as_options(values):
    return [text for name, value in values.items() for text in (f"--{name.replace('_', '-')}", str(value))]


def test_a_preset_sets_what_options_do_not():
    values, rows = PRESETS["quick"].values, {}
    for name, arguments in {
        "preset": ["--preset", "quick"],
        "by hand": as_options(values),
        "overridden": ["--preset", "quick", "--learning-rate", "0.05"],
        "overridden by hand": as_options({**values, "learning_rate": 0.05}),
    }.items():
        result = only_json(command("train", *QUICKLY, "--json", *arguments).stdout)
        rows[name] = [row["train_loss"] for row in result["epochs"]]
    assert rows["preset"] == rows["by hand"] != rows["overridden"] == rows["overridden by hand"]


def test_a_preset_runs_its_own_epochs_and_an_option_overrides_them(run):
    few = ("--train-size", "50", "--json")
    assert len(only_json(run("train", "--preset", "too-small", *few)[1])["epochs"]) == 20
    assert len(only_json(run("train", "--preset", "too-small", "--epochs", 3, *few)[1])["epochs"]) == 3


def test_every_option_of_train_changes_the_run(run):
    base = ("train", *QUICKLY, "--json")

    def losses(*more):
        return [row["train_loss"] for row in only_json(run(*base, *more)[1])["epochs"]]

    usual = losses()
    for option in (
        ("--hidden-size", 33), ("--epochs", 3), ("--batch-size", 50), ("--learning-rate", 0.05), ("--momentum", 0.5),
        ("--dropout-rate", 0.3), ("--schedule", "one-cycle"), ("--loss", "squared-error"), ("--train-size", 400),
        ("--seed", 1), ("--optimizer", "nesterov"), ("--l1", 0.001), ("--l2", 0.01), ("--clip-norm", 0.5),
    ):
        assert losses(*option) != usual, option


def test_a_run_that_diverges_prints_the_epochs_so_far_and_no_test_figures(tmp_path):
    process = command("train", *DIVERGING, "--json", "--save", tmp_path / "model.npz")
    result = only_json(process.stdout)
    assert process.returncode == 1
    assert set(result) == {"epochs", "test_loss", "test_accuracy", "train_seconds"}
    assert result["test_loss"] is None and result["test_accuracy"] is None
    assert len(result["epochs"]) < 3
    assert sentence(process.stderr).startswith("mnistlab: The loss ")
    assert "learning rate (1000) is most likely too high" in sentence(process.stderr)
    assert not (tmp_path / "model.npz").exists()


def test_a_tutorial_that_diverges_prints_the_epochs_so_far_and_the_sentence():
    process = command("tutorial", "--dataset", "sample", "--learning-rate", 1, "--epochs", 2, "--json")
    assert process.returncode == 1 and only_json(process.stdout)["epochs"] == []
    assert "learning rate (1) is most likely too high" in sentence(process.stderr)


def test_the_tutorials_options_reach_it(run):
    base = ("tutorial", "--dataset", "sample", "--epochs", 2, "--train-size", 200, "--hidden-size", 20, "--json")

    def rows(*more):
        return only_json(run(*base, *more)[1])["epochs"]

    usual = rows()
    assert len(usual) == 2 and rows() == usual
    for option in (
        ["--epochs", 3], ["--train-size", 100], ["--hidden-size", 21], ["--learning-rate", 0.01], ["--seed", 1],
        ["--exact-gradients"],
    ):
        assert rows(*option) != usual, option


def test_a_tutorial_without_the_official_files_uses_the_sample_and_says_so(tmp_path):
    process = command("tutorial", "--epochs", 1, "--json", XDG_CACHE_HOME=str(tmp_path))
    assert process.returncode == 0 and len(only_json(process.stdout)["epochs"]) == 1
    assert "MNIST is not on this machine, so the bundled sample is used" in process.stderr
    assert "mnistlab download mnist" in process.stderr


def test_a_tutorial_on_a_dataset_that_is_not_here_says_how_to_get_it(tmp_path):
    process = command("tutorial", "--dataset", "mnist", XDG_CACHE_HOME=str(tmp_path))
    assert process.returncode == 1 and process.stdout == ""
    assert sentence(process.stderr).endswith("Get it with: mnistlab download mnist")


# Predicting


def test_predict_without_json_prints_a_line_a_picture(model, pictures, run):
    status, out, err = run("predict", "--model", model, *pictures[:2])
    assert status == 0 and err == ""
    lines = out.splitlines()
    assert len(lines) == 2 and all(line.startswith(f"{path}: ") for line, path in zip(lines, pictures))
    assert all(line.endswith("%)") for line in lines)


def test_of_two_digits_on_one_picture_the_one_that_was_read_is_told(model, pictures, tmp_path, run):
    page = Image.new("L", (320, 160), 255)
    for place, path in enumerate(pictures[2:4]):
        page.paste(Image.open(path), (160 * place, 10))
    page.save(tmp_path / "two.png")
    status, out, err = run("predict", "--model", model, tmp_path / "two.png")
    assert status == 0 and out.count("%") == 1
    assert err == f"mnistlab: {tmp_path / 'two.png'}: of several shapes on it the one with the most ink was read.\n"


def test_one_bad_picture_does_not_keep_the_others_from_being_answered(model, pictures, tmp_path):
    (tmp_path / "notes.txt").write_text("Dear diary")
    (tmp_path / "empty.png").write_bytes(b"")
    Image.new("L", (100, 100), 255).save(tmp_path / "blank.png")
    missing = [tmp_path / "nowhere.png", tmp_path]
    bad = [*missing, tmp_path / "notes.txt", tmp_path / "empty.png", tmp_path / "blank.png"]
    process = command("predict", "--model", model, pictures[0], *bad, pictures[1], "--json")
    result = only_json(process.stdout)
    assert process.returncode == 1
    assert [item["file"] for item in result] == [str(path) for path in (pictures[0], *bad, pictures[1])]
    assert all(item["label"] is not None for item in (result[0], result[-1]))
    assert all(item["label"] is item["probabilities"] is None and item["error"] for item in result[1:-1])
    reasons = [line.removeprefix("mnistlab: ") for line in process.stderr.splitlines()]
    assert reasons == [
        f"{bad[0]}: No such file or directory.",
        f"{bad[1]}: Is a directory.",
        f"{bad[2]} is not an image that can be read here. Choose a PNG, JPEG, WEBP, GIF or BMP file.",
        f"{bad[3]} is empty. Choose an image of a digit.",
        f"{bad[4]} looks blank: there is no digit on it to read. Try one with darker, thicker strokes.",
    ]


def pickled():
    content = io.BytesIO()
    np.savez(content, format=np.int64(1), about=np.array([{}], object), parameters=np.zeros(3, np.float32))
    return content.getvalue()


@pytest.mark.parametrize(
    "content, reason",
    [(b"", "not written by mnistlab"), (b"not a model", "not written by mnistlab"), (pickled(), "pickled objects")],
    ids=["empty", "text", "pickled"],
)
def test_a_file_that_is_not_a_model_is_refused_in_one_sentence(tmp_path, pictures, content, reason):
    (tmp_path / "model.npz").write_bytes(content)
    process = command("predict", "--model", tmp_path / "model.npz", pictures[0], "--json")
    assert process.returncode == 1 and process.stdout == ""
    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("mnistlab: model.npz cannot be used as a model: ") and reason in process.stderr


def test_a_model_that_is_not_there_is_named(run, pictures):
    status, out, err = run("predict", "--model", "nowhere.npz", pictures[0])
    assert (status, out, err) == (1, "", "mnistlab: nowhere.npz: No such file or directory.\n")


# Commands that cannot be carried out


@pytest.mark.parametrize("arguments, reason", [
    (["train", "--learning-rate", "5000"], "Learning rate is 5000.0; it must be a number from 1e-06 to 1000."),
    (["train", "--learning-rate", "nan"], "Learning rate is nan; it must be a number from 1e-06 to 1000."),
    (["train", "--hidden-size", "0"], "Hidden size is 0; it must be a whole number from 1 to 8192."),
    (["train", "--epochs", "-1"], "Epochs is -1; it must be a whole number from 1 to 10000."),
    (["train", "--seed", "-1"], "Seed is -1; it must be a whole number from 0 to "),
    (["train", "--save", "no/such/folder/model.npz"], "There is no folder "),
    (["train", "--save", "."], ". is a folder; --save needs the name of a file, such as model.npz."),
    (["tutorial", "--dataset", "sample", "--epochs", "0"], "Epochs is 0; it must be a whole number from 1 to "),
    (["tutorial", "--dataset", "sample", "--train-size", "5000"],
     "The tutorial was given train_size=5000; it must be a whole number from 1 to 4000."),
    (["tutorial", "--dataset", "sample", "--hidden-size", "0"],
     "Hidden size is 0; it must be a whole number from 1 to "),
    (["tutorial", "--dataset", "sample", "--seed", "-1"],
     "Seed is -1; it must be a whole number from 0 to 4294967295."),
    (["tutorial", "--dataset", "sample", "--learning-rate", "nan"],
     "Learning rate is nan; it must be a number from 1e-06 to 1000."),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_cannot_be_done_is_said_in_one_sentence_before_anything_is_printed(run, arguments, reason):
    status, out, err = run(*arguments, "--json")
    assert (status, out) == (1, "")
    assert err.startswith(f"mnistlab: {reason}") and err.count("\n") == 1


@pytest.mark.parametrize("arguments, reason", [
    ([], "the following arguments are required: COMMAND"),
    (["guess"], "invalid choice: 'guess'"),
    (["download", "emnist"], "invalid choice: 'emnist'"),
    (["train", "--dataset", "emnist"], "invalid choice: 'emnist'"),
    (["train", "--preset", "slow"], "invalid choice: 'slow'"),
    (["train", "--epochs", "many"], "invalid int value: 'many'"),
    (["train", "--schedule", "none"], "invalid choice: 'none'"),
    (["predict", "--model", "model.npz"], "the following arguments are required: IMAGE"),
    (["predict", "digit.png"], "the following arguments are required: --model"),
    (["app", "--port", "none"], "invalid int value: 'none'"),
], ids=" ".join)
def test_a_wrong_command_ends_with_status_2_and_the_reason(run, arguments, reason):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and reason in err


@pytest.mark.parametrize("name", ["app", "download", "tutorial", "train", "predict"])
def test_every_command_has_help_and_takes_a_data_folder(run, name):
    status, out, err = run(name, "--help")
    assert status == 0 and "--data-dir" in out and err == ""


# Downloading


@pytest.fixture
def closed():
    """The address of a port that nobody answers on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def test_without_a_network_download_says_so_in_one_sentence(tmp_path, closed):
    process = command(
        "download", "--json", "--data-dir", tmp_path / "data", XDG_CACHE_HOME=str(tmp_path / "cache"),
        MNISTLAB_MIRROR=closed, http_proxy=closed, https_proxy=closed, HTTP_PROXY=closed, HTTPS_PROXY=closed,
        no_proxy="", NO_PROXY="",
    )
    assert process.returncode == 1 and process.stdout == ""
    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("mnistlab: The files could not be downloaded. Tried ")
    assert f"Tried {closed}/mnist/: no connection; https://" in process.stderr
    assert process.stderr.count("no connection") == 4
    assert process.stderr.endswith("Check the connection and try again; the bundled sample works without one.\n")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_data_folder_that_cannot_be_written_is_said_with_the_option(tmp_path, closed):
    (tmp_path / "wall").write_text("")
    process = command(
        "download", "--data-dir", tmp_path / "wall", XDG_CACHE_HOME=str(tmp_path), MNISTLAB_MIRROR=closed
    )
    assert process.returncode == 1 and process.stdout == ""
    assert len(process.stderr.splitlines()) == 1
    assert "wall/mnist cannot be written (Not a directory). Choose another with --data-dir" in process.stderr


def test_training_uses_files_in_the_cache_though_a_folder_is_named(official_folder, tmp_path, monkeypatch, run):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cli, "_fetch", lambda *_: pytest.fail("all files are on this machine"))
    for folder in (official_folder, tmp_path / "empty"):  # the first run unpacks into the cache
        assert run("train", "--dataset", "mnist", *QUICKLY, "--data-dir", folder)[0] == 0


# The app


def test_the_app_is_at_127_0_0_1_port_8866_unless_told_otherwise():
    assert cli._parser().parse_args(["app"]).port == 8866 and server.ADDRESS == "127.0.0.1"


def test_a_busy_port_is_said_with_the_option_that_chooses_another():
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        process = command("app", "--no-browser", "--port", port)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == (
        f"mnistlab: Port {port} cannot be used (Address already in use). "
        f"Choose another with --port, such as --port {port % 65535 + 1}.\n"
    )


def test_importing_the_command_line_loads_no_pillow_and_no_requests():
    code = "import sys, mnistlab.cli; print({'requests', 'PIL', 'matplotlib', 'ipywidgets'} & set(sys.modules))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout == "set()\n"


def test_reproduce_prints_a_verdict_for_each_result_and_fails_where_one_is_missed(official_folder, tmp_path):
    process = command("reproduce", "--only", "shapes", "baseline", "--json", "--data-dir", official_folder)
    outcomes = json.loads(process.stdout)
    assert [outcome["name"] for outcome in outcomes] == ["shapes", "baseline"]
    assert [outcome["verdict"] for outcome in outcomes] == ["holds", "holds"] and process.returncode == 0
    assert set(outcomes[0]) == {"name", "source", "published", "got", "verdict", "seconds", "tolerance"}
    words = command("reproduce", "--only", "baseline", "--data-dir", official_folder).stdout
    assert words.startswith("baseline: holds (") and "published: always the same answer" in words
    absent = command("reproduce", XDG_CACHE_HOME=str(tmp_path))
    assert absent.returncode == 1 and "mnistlab download mnist" in absent.stderr and absent.stdout == ""
