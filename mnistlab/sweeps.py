"""Sweeps: one run for every combination of settings, here or on as many processes and machines as there are."""

from dataclasses import dataclass, field
from itertools import product

from .data import known, load, training_split
from .experiments import with_other_labels
from .network import build
from .settings import TABLE, Settings, find, generators
from .training import History, train


@dataclass(frozen=True)
class Trial:
    """One combination of a sweep and what came of it.

    settings: the whole Settings of the run; history: its History, as far as it came; failure: a sentence if it failed,
    else None.
    """

    settings: Settings
    history: History = field(default_factory=History)
    failure: str | None = None

    @property
    def best(self):
        """The Row with the lowest validation loss, or None if no epoch was finished."""
        return self.history.best


def combinations(settings_grid):
    """A list of Settings, one for each combination of the values in a grid such as {"seed": [0, 1], "l2": [0, 1e-4]}.

    What is not in the grid keeps its default. Values come as any sequence: a list, a range, an array. Raises ValueError
    for anything but a dictionary of such, for an unknown setting and for a value out of its range.
    """
    if not isinstance(settings_grid, dict):
        raise ValueError(f"A grid is {settings_grid!r}; it must be a dictionary such as {{'seed': [0, 1]}}.")
    for name, values in settings_grid.items():
        find("setting", name, TABLE)
        if isinstance(values, str) or not hasattr(values, "__len__") or len(values) == 0:
            raise ValueError(f"{name} is {values!r}; a grid holds a list of values for each setting.")
    return [Settings(**dict(zip(settings_grid, values))) for values in product(*settings_grid.values())]


def sweep(settings_grid, executor=None, dataset="sample", data_dir=None):
    """Train every combination of a grid; yields a Trial for each as it ends. One that fails does not stop the rest.

    settings_grid: as for `combinations`; executor: None to train here, one after the other, or any
    concurrent.futures.Executor, such as a ProcessPoolExecutor or the `client.get_executor()` of a dask.distributed
    cluster; dataset, data_dir: as for `data.load`, which every process calls for itself, so that no images travel.
    Raises, before anything is trained, what `combinations` does, and ValueError for an unknown dataset.

    Processes of one machine share its cores: start them with the environment variable OPENBLAS_NUM_THREADS=1. A script
    that makes a process pool needs Python's usual guard, `if __name__ == "__main__":`, or every new process would begin
    the script again.
    """
    trials = combinations(settings_grid)
    known(dataset)
    if executor is None:
        return (run_trial(settings, dataset, data_dir) for settings in trials)
    return _as_they_end({executor.submit(run_trial, settings, dataset, data_dir): settings for settings in trials})


def _as_they_end(futures):
    from concurrent.futures import CancelledError, as_completed

    try:
        for future in as_completed(futures):
            # A process that was killed, or a trial that was called off, cannot make its own Trial.
            error = CancelledError("the trial was called off") if future.cancelled() else future.exception()
            yield Trial(futures[future], failure=_said(error)) if error else future.result()
    finally:  # whoever stops looking wants no more of them
        for future in futures:
            future.cancel()


def run_trial(settings, dataset="sample", data_dir=None):
    """The Trial of one Settings: load, split, build, train. An error in it becomes its failure."""
    run = None
    try:
        whole, _ = load(dataset, data_dir)
        rngs = generators(settings.seed)
        network = build(settings, rngs.weights, whole.inputs, len(whole.class_names))
        train_set, validation_set = training_split(whole, settings, rngs.split)
        run = train(network, with_other_labels(train_set, settings, rngs.labels), validation_set, settings)
        for _ in run:
            pass
        failure = run.failure
    except Exception as error:
        failure = _said(error)
    return Trial(settings, run.history if run else History(), failure)


def _said(error):
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
