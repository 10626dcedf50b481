"""The floors of the house: imports only point down, and importing mnistlab stays light."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mnistlab

PACKAGE = Path(mnistlab.__file__).parent
FLOORS = [
    ("language",),
    ("settings", "initialisers", "layers", "convolution", "losses", "optimizers", "schedules", "idx"),
    ("network", "data", "files", "images", "presets"),
    (
        "training", "tutorial", "evaluation", "augmentation", "experiments", "sweeps", "cleaning", "label_errors",
        "hints", "folders", "novelty", "inspection", "features",
    ),
    ("plots", "export", "diagram", "links", "reproduce", "lessons", "exercises"),
    ("app",),
    ("cli", "server", "__main__"),
]
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}

# Modules that stand side by side and yet know one another; the parts of the app are one house of their own.
BESIDE = {
    ("data", "files"), ("training", "evaluation"), ("training", "augmentation"), ("sweeps", "training"),
    ("sweeps", "experiments"), ("hints", "evaluation"), ("cli", "server"), ("exercises", "lessons"),
    ("__main__", "cli"),
    ("layers", "initialisers"), ("convolution", "initialisers"), ("convolution", "layers"),
    ("layers", "settings"), ("convolution", "settings"), ("losses", "settings"),
    ("exercises", "export"),
}

# What each module may import beyond Python's own library and NumPy.
OUTSIDE = {
    "files": {"requests", "urllib3", "platformdirs"},
    "images": {"PIL"},
    "folders": {"PIL"},
    "plots": {"matplotlib", "PIL"},
    "lessons": {"matplotlib"},
    "app": {"ipywidgets", "anywidget", "traitlets", "PIL"},
    "server": {"voila", "traitlets", "zmq", "jupyter_core"},
}
LONGEST_LINE = 120  # characters, so that two files fit side by side
HEAVY = {"matplotlib", "ipywidgets", "requests", "PIL", "platformdirs", "IPython", "anywidget", "traitlets", "voila"}


def sources():
    """(name, path) of every file: "training" for training.py, "app" for every file of app."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], path


SOURCES = list(sources())
IDS = [str(path.relative_to(PACKAGE)) for _, path in SOURCES]
every_file = pytest.mark.parametrize("name, path", SOURCES, ids=IDS)


def imports(path):
    """Full names of all that a file imports, within functions too: "mnistlab.data", "requests", ..."""
    package = ("mnistlab", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            start = ".".join((*above, *([node.module] if node.module else [])))
            # `from . import data` imports the module data; `from .data import load` a name of it.
            yield from (f"{start}.{alias.name}" for alias in node.names)


def own_imports(path):
    """The modules of mnistlab that a file imports, as FLOOR names them."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("mnistlab.")}


def test_every_module_has_a_floor():
    assert {name for name, _ in SOURCES} == set(FLOOR)


@every_file
def test_imports_point_down_or_to_a_listed_neighbour(name, path):
    for other in own_imports(path) - {name}:
        assert FLOOR[other] < FLOOR[name] or (name, other) in BESIDE, f"{path.name} imports {other}"


def test_every_listed_neighbour_is_really_imported():
    found = {(name, other) for name, path in SOURCES for other in own_imports(path)}
    assert BESIDE <= found


def test_the_package_reexports_floors_zero_to_two_only():
    reexported = own_imports(PACKAGE / "__init__.py")
    assert reexported and all(FLOOR[name] <= FLOOR["training"] for name in reexported)
    assert all(hasattr(mnistlab, name) for name in mnistlab.__all__)


@pytest.mark.parametrize("name", [name for name, floor in FLOOR.items() if floor <= FLOOR["diagram"]])
def test_no_exported_name_hides_a_module(name):
    assert importlib.import_module(f"mnistlab.{name}") is getattr(mnistlab, name)


@every_file
def test_only_the_listed_libraries_are_imported(name, path):
    outside = {full.split(".")[0] for full in imports(path)} - sys.stdlib_module_names - {"mnistlab", "numpy"}
    assert outside <= OUTSIDE.get(name, set())


@every_file
def test_pyplot_is_imported_nowhere(name, path):
    tree = ast.parse(path.read_text("utf-8"))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for full in (*imports(path), *strings):
        assert "matplotlib.pyplot" not in full and full != "pylab"


@every_file
def test_nothing_up_to_the_second_floor_prints(name, path):
    if FLOOR[name] > FLOOR["training"]:
        return
    tree = ast.parse(path.read_text("utf-8"))
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "print" not in called and not attributes & {"stdout", "stderr"}


@every_file
def test_threads_and_processes_are_no_business_of_the_engine(name, path):
    if FLOOR[name] <= FLOOR["plots"]:
        # A sweep waits for the executor that it was given; it makes none.
        own = {full.split(".")[0] for full in imports(path)} - ({"concurrent"} if name == "sweeps" else set())
        assert not own & {"asyncio", "threading", "multiprocessing", "subprocess", "socket", "concurrent"}


WRITTEN = (PACKAGE, Path(__file__).parent, PACKAGE.parent / "benchmarks")


@pytest.mark.parametrize("folder", WRITTEN, ids=lambda folder: folder.name)
def test_no_line_is_longer_than_120_characters(folder):
    too_long = [
        f"{path.relative_to(folder)}:{number}"
        for path in folder.rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > LONGEST_LINE
    ]
    assert not too_long


def public(body, prefix=""):
    """(name, node) of every public function and class among these statements, and of every public method."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{node.name}.")


@every_file
def test_every_public_function_class_and_method_below_the_app_says_what_it_does(name, path):
    if FLOOR[name] <= FLOOR["diagram"]:
        tree = ast.parse(path.read_text("utf-8"))
        assert ast.get_docstring(tree)
        assert [where for where, node in public(tree.body) if not ast.get_docstring(node)] == []


def loaded_by(statement):
    """The top-level modules, and matplotlib.pyplot, that a fresh process has loaded after a statement."""
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names = set(json.loads(done.stdout))
    return {name.split(".")[0] for name in names} | (names & {"matplotlib.pyplot"})


def test_importing_mnistlab_loads_numpy_and_nothing_heavier():
    loaded = loaded_by("import mnistlab")
    assert "numpy" in loaded
    assert not loaded & HEAVY


def test_training_on_the_sample_loads_nothing_heavier_than_numpy_and_platformdirs():
    loaded = loaded_by(
        "import mnistlab as m\n"
        "s = m.Settings(epochs=1, hidden_size=8, train_size=200)\n"
        "rngs = m.generators(0)\n"
        "parts = m.training_split(m.load('sample')[0], s, rngs.split)\n"
        "assert len(list(m.train(m.build(s, rngs.weights), *parts, s)))\n"
    )
    assert not loaded & HEAVY - {"platformdirs"}


def test_charts_and_the_app_do_not_load_pyplot():
    loaded = loaded_by("import mnistlab.app\nfrom mnistlab.plots import LiveCurves\nLiveCurves(3, 0.1).frame(None, 1)")
    assert "matplotlib" in loaded and "matplotlib.pyplot" not in loaded
