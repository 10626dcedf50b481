"""What the README says: its test command is the one that CI runs, and its program runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_the_program_under_the_engine_runs_and_learns(capsys):
    (program,) = blocks("python", "The engine")
    exec(program, {})
    assert float(capsys.readouterr().out.split()[-1]) > 0.8
