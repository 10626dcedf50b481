"""The server itself, without a browser: where it listens and what it hands to a page's kernel; and how these tests
skip or fail where there is no browser."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from benchmarks.browser import free_port
from mnistlab.server import LONGEST_FOLDER

from .conftest import HOW_TO_GET_ONE, ROOT, app, server

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.mark.parametrize("options, variables, threads", [
    ([], {}, "1"),
    (["--threads", "2"], {"OPENBLAS_NUM_THREADS": "3"}, "2"),
    ([], dict.fromkeys(VARIABLES, "2"), "2"),
], ids=["by itself", "by the option", "by the variables"])
def test_a_pages_kernel_has_one_blas_thread_unless_told_otherwise(
    serving, tmp_path, monkeypatch, options, variables, threads
):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    address, process = serving(app(tmp_path, *options, **variables))
    with urllib.request.urlopen(address, timeout=120) as page:  # the answer ends when the notebook has run
        assert b"voila_finish" in page.read()
    (kernel,) = psutil.Process(process.pid).children()
    environment = kernel.environ()
    assert {environment[name] for name in VARIABLES} == {threads}


def test_the_app_listens_on_this_machine_alone(voila):
    address, process = voila
    listening = [
        connection.laddr for connection in psutil.Process(process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert urlsplit(address).port in {place.port for place in listening}
    assert {place.ip for place in listening} == {"127.0.0.1"}


@pytest.mark.parametrize("length, short", [(LONGEST_FOLDER, True), (LONGEST_FOLDER + 1, False)])
def test_a_page_and_its_kernel_talk_through_files_where_no_port_can_be_taken_from_them(
    serving, tmp_path_factory, length, short
):
    """Whatever the folder for temporary files is called; in one with too long a name there can be no such files."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="x" * (length - len("/tmp/") - 8)) as folder:
        assert len(folder) == length
        address, process = serving(app(tmp_path_factory.mktemp("home"), TMPDIR=folder))
        with urllib.request.urlopen(address, timeout=120) as page:
            assert b"voila_finish" in page.read()
        (kernel,) = psutil.Process(process.pid).children()
        files = {Path(line.laddr) for line in kernel.net_connections("unix") if "-ipc-" in line.laddr}
        assert {file.name[-1] for file in files} == set("12345")  # shell, iopub, stdin, control and heartbeat
        (place,) = {file.parent for file in files}
        assert place.is_relative_to(folder if short else "/tmp") and (short or not place.is_relative_to(folder))
        assert place.stat().st_mode & 0o077 == 0  # nobody else on a shared machine can listen in


def test_where_there_is_no_folder_for_such_files_the_page_opens_through_ports_and_nobody_can_listen_in(
    serving, tmp_path
):
    address = f"http://127.0.0.1:{(port := free_port())}/"
    begin = "from mnistlab import cli, server; server.LONGEST_FOLDER = 3; cli.main()"
    command = [sys.executable, "-c", begin, "app", "--no-browser", "--port", str(port)]
    serving(server(command, f"{address}static/ready", tmp_path, TMPDIR=str(tmp_path)))
    with urllib.request.urlopen(f"{address}lab.ipynb", timeout=120) as page:
        assert b"voila_finish" in page.read()
    (connection,) = tmp_path.glob("voila_*/kernel-*.json")
    assert {"transport": "tcp", "ip": "127.0.0.1"}.items() <= (info := json.loads(connection.read_text())).items()
    assert info["curve_secretkey"]


@pytest.mark.parametrize("ci, status, outcome", [("true", 1, "1 error"), ("", 0, "1 skipped")])
def test_without_a_browser_these_tests_fail_in_ci_and_are_skipped_elsewhere(tmp_path, ci, status, outcome):
    environment = {**os.environ, "CI": ci, "PATH": str(tmp_path)}
    environment.pop("MNISTLAB_CHROMIUM", None)
    tests = ["tests/browser/test_voila.py", "-k", "leaving", "-n", "0"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout
    assert outcome in done.stdout.splitlines()[-1] and HOW_TO_GET_ONE in done.stdout
