"""What Binder will do with the repository, asked of its own builder, and the scripts it will run, run."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What a checkout of the repository holds: the files that git knows, and new ones that it does not ignore."""
    if not (ROOT / ".git").exists():
        pytest.skip("Binder takes a git checkout, and this copy is none.")
    target = tmp_path_factory.mktemp("clone")
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    for name in listing.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def test_the_builders_plan_uses_every_binder_file(clone):
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--no-run", "--debug", str(clone)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    plan = done.stdout + done.stderr
    assert done.returncode == 0, plan
    assert "Building conda environment for python=3.12" in plan
    assert '--file "binder/environment.yml"' in plan
    assert "RUN ./binder/postBuild" in plan
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in plan


def test_the_environment_is_the_same_for_binder_and_conda_and_covers_the_package(clone):
    text = (clone / "environment.yml").read_text()
    assert (clone / "binder" / "environment.yml").read_text() == text
    import tomllib

    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    conda_names = {"matplotlib": "matplotlib-base"}
    for requirement in project["dependencies"]:
        name = requirement.split(">")[0].lower()
        assert f"- {conda_names.get(name, name)}{requirement[len(name):]}\n" in text, requirement


@pytest.fixture(scope="module")
def prefix(clone, tmp_path_factory):
    """An environment like Binder's: all dependencies, but not yet mnistlab."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    )
    # The dependencies lie where the tests' own do; mnistlab itself will be found here first.
    (Path(packages.stdout.strip()) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run_script(prefix, clone, home, *command, **variables):
    environment = {**os.environ, "PATH": f"{prefix / 'bin'}:{os.environ['PATH']}", "HOME": str(home), **variables}
    # The builder of the package lies with the dependencies too: pip need not ask the network for one. (0 means "no
    # isolation": the variable is the value of the option that --no-build-isolation turns off.)
    environment.update(XDG_CACHE_HOME=str(home / ".cache"), PIP_NO_BUILD_ISOLATION="0")
    environment.pop("PYTHONPATH", None)
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=280)


def test_post_build_installs_the_package_and_fetches_the_dataset(prefix, clone, tmp_path, mirror):
    done = run_script(prefix, clone, tmp_path, "binder/postBuild", MNISTLAB_MIRROR=mirror)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / ".cache" / "mnistlab" / "mnist"
    assert f"MNIST is in {folder}." in done.stdout and "WARNING" not in done.stderr
    assert (folder / "train-images-idx3-ubyte").stat().st_size == 47_040_016
    share = prefix / "share" / "jupyter" / "voila" / "templates" / "mnistlab"
    assert (share / "index.html.j2").is_file() and (share / "static" / "mnistlab.css").is_file()
    (package,) = prefix.glob("lib/python*/site-packages/mnistlab")
    assert json.loads((package / "notebooks" / "lab.ipynb").read_text())["cells"]
    assert (package / "sample" / "LICENSE.txt").is_file()
    assert (package / "fonts" / "chart.ttf").is_file()


def test_post_build_warns_and_goes_on_when_the_dataset_cannot_be_had(prefix, clone, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = run_script(prefix, clone, tmp_path, "binder/postBuild", MNISTLAB_DATA=str(tmp_path / "file" / "data"))
    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stderr and "WARNING: MNIST could not be fetched" in done.stderr


def test_start_sets_one_thread_and_passes_its_command_on(prefix, clone, tmp_path):
    done = run_script(prefix, clone, tmp_path, "binder/start", "env")
    assert "OPENBLAS_NUM_THREADS=1" in done.stdout.splitlines()
    passed_on = run_script(prefix, clone, tmp_path, "binder/start", "sh", "-c", 'echo "$#" "$1"', "sh", "a b")
    assert passed_on.stdout == "1 a b\n"
