"""What all tests share: a clean environment and the two datasets."""

import os

# Two test processes share the cores: threads of both would only wait for each other. Before NumPy is imported.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import gzip
import http.server
import threading
from pathlib import Path

import pytest

import mnistlab
from mnistlab import data, files

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items):
    """The longest files first, so that in the end neither of two processes waits for the other."""
    items.sort(key=lambda item: item.path.name not in ("test_reproduce.py", "test_handwriting.py"))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test touches the user's own cache folder, whose name this gives, or sees a variable set by the user."""
    real = files.cache_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name in ("MNISTLAB_DATA", "MNISTLAB_DATASET", "MNISTLAB_MIRROR"):
            patch.delenv(name, raising=False)
        yield real


@pytest.fixture(scope="session")
def official_folder(own_cache, tmp_path_factory):
    """A folder with the four official MNIST files as .gz: MNISTLAB_TEST_MNIST, ../shared/mnist, or fetched once."""
    named = os.environ.get("MNISTLAB_TEST_MNIST")
    for folder in (Path(named) if named else None, ROOT.parent / "shared" / "mnist"):
        if folder and (folder / "train-images-idx3-ubyte.gz").is_file():
            return folder
    try:
        fetched = data.download("mnist", own_cache)  # into the user's own cache, where the next session finds it
    except (files.DownloadError, files.CannotWrite) as error:
        reason = f"The official MNIST files are not here: {error}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    packed = tmp_path_factory.mktemp("official")
    for file in files.SOURCES["mnist"].files:
        raw, there = fetched / file.name, fetched / f"{file.name}.gz"
        content = gzip.compress(raw.read_bytes(), 1) if raw.is_file() else there.read_bytes()
        (packed / there.name).write_bytes(content)
    return packed


@pytest.fixture(scope="session")
def official(official_folder):
    """(training set, test set) of the official MNIST files."""
    return mnistlab.load("mnist", official_folder)


@pytest.fixture(scope="session")
def sample(own_cache):
    """(training set, held-out part) of the bundled sample."""
    return mnistlab.load("sample")


@pytest.fixture
def mirror(official_folder):
    """The address of a loopback server that answers for any folder with the official files."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path):
            return str(official_folder / Path(path).name)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
