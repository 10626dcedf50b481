"""The server itself, without a browser: where it listens and what it hands to a page's kernel; and how these tests
skip or fail where there is no browser."""

import os
import subprocess
import sys
import urllib.request
from urllib.parse import urlsplit

import psutil
import pytest

from .conftest import HOW_TO_GET_ONE, ROOT, app

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


@pytest.mark.parametrize("ci, status, outcome", [("true", 1, "1 error"), ("", 0, "1 skipped")])
def test_without_a_browser_these_tests_fail_in_ci_and_are_skipped_elsewhere(tmp_path, ci, status, outcome):
    environment = {**os.environ, "CI": ci, "PATH": str(tmp_path)}
    environment.pop("MNISTLAB_CHROMIUM", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/browser/test_voila.py", "-k", "leaving"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout
    assert outcome in done.stdout.splitlines()[-1] and HOW_TO_GET_ONE in done.stdout
