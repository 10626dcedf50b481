"""What the README says: its test command is the one that CI runs, and its program runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_app import fresh_widgets, in_a_loop  # noqa: F401 - the fixture works by being here

from mnistlab.reproduce import CLAIMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language, heading):
    """The code blocks of a language under a heading of the README."""
    sections = {part.split("\n")[0]: part for part in README.split("\n## ")}
    return re.findall(rf"^```{language}\n(.*?)^```", sections[heading], re.DOTALL | re.MULTILINE)


@pytest.fixture
def ci(tmp_path):
    """Runs .ci/run over a README, with stand-ins for the browser and for the shell that would run the command.

    Gives its exit status and the words that the shell was given, or None.
    """
    tools, given = tmp_path / "tools", tmp_path / "given"
    tools.mkdir()
    for name, program in {"chromium": "", "bash": f"printf '%s\\n' \"$@\" > '{given}'"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{program}\n")
        (tools / name).chmod(0o755)
    (tmp_path / "copy" / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / "copy" / ".ci")

    def run(readme):
        (tmp_path / "copy" / "README.md").write_text(readme, "utf-8")
        path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        script = tmp_path / "copy" / ".ci" / "run"
        done = subprocess.run(["/bin/bash", script], env={**os.environ, "PATH": path}, capture_output=True, timeout=60)
        return done.returncode, given.read_text() if given.is_file() else None

    return run


@pytest.mark.skipif(os.name != "posix", reason="CI runs a shell script")
def test_ci_runs_the_test_command_of_the_readme_as_it_stands(ci):
    (command,) = blocks("sh", "Test it")
    assert "-m pytest" in command and '".[test]"' in command
    assert ci(README) == (0, f"-euo\npipefail\n-c\n{command}")
    other = README.replace("-m pytest", "-m pytest --other")
    assert ci(other)[1].count("-m pytest --other") == 1


@pytest.mark.skipif(os.name != "posix", reason="CI runs a shell script")
def test_ci_fails_where_the_readme_has_no_test_command(ci):
    status, given = ci(README.replace("## Test it", "## Tests"))
    assert status != 0 and given is None


def test_no_line_of_prose_is_longer_than_120_characters():
    # Tables and badges cannot be wrapped.
    assert [line for line in README.splitlines() if len(line) > 120 and not line.startswith(("|", "[![", "!["))] == []


def test_every_program_of_the_readme_is_run_here():
    assert README.count("```python") == len(blocks("python", "What is on the page") + blocks("python", "The engine"))


@in_a_loop
async def test_the_cell_with_a_panel_shows_it_and_the_next_cell_shows_the_curves_of_its_run():
    (cell,) = blocks("python", "What is on the page")
    *statements, last = cell.rstrip().split("\n")
    (following,) = re.findall(r"(\w+\(lab\)) in the next", last)
    names = {}
    exec("\n".join(statements), names)
    lab, training, curves = names["lab"], eval(last, names), eval(following, names)
    for panel in (training, curves):
        assert "application/vnd.jupyter.widget-view+json" in panel._repr_mimebundle_()
    lab.change_all({"train_size": 600, "hidden_size": 16, "epochs": 2})
    training.train_button.click()
    await lab.task
    assert "Done: 2 epochs" in training.status.value and "After epoch 2" in curves.caption.value


def test_the_programs_under_the_engine_run_and_learn(capsys):
    train, own_layers, sweep = blocks("python", "The engine")
    names = {}

    def printed(program):
        exec(program, names)
        return capsys.readouterr().out.splitlines()

    *rows, accuracy = printed(train)
    assert len(rows) == names["settings"].epochs and float(accuracy) > 0.8

    assert printed(own_layers) == []
    run = names["mnistlab"].train(names["network"], names["training"], names["validation"], names["settings"])
    assert len(list(run)) and run.history.rows[-1].validation_accuracy > 0.8

    trials = [line.split() for line in printed(sweep)]
    assert [trial[:2] for trial in trials] == [[size, seed] for size in ("32", "128") for seed in "012"]
    assert all(float(accuracy) > 0.8 for *_, accuracy in trials)


def test_every_published_result_is_in_the_table():
    table = README.partition("<!-- results: start -->")[2].partition("<!-- results: end -->")[0]
    assert [line.split(" | ")[0].strip("| ") for line in table.strip().split("\n")[2:]] == list(CLAIMS)
