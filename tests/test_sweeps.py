"""Sweeps: here, in a process pool, and on a cluster of two worker processes."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor

import pytest

from mnistlab import Settings
from mnistlab.sweeps import combinations, run_trial, sweep

# The second rate is so high that the run fails.
GRID = {
    "hidden_size": [8, 16], "learning_rate": [0.01, 1000.0], "loss": ["squared-error"], "epochs": [3],
    "train_size": [300],
}


def table(trials):
    """What was found, by what was tried: the losses of each epoch and the failure.

    Rounded, for sums come out a little different where the processor's cores share a matrix product.
    """
    return {
        (trial.settings.hidden_size, trial.settings.learning_rate): (
            [f"{row.train_loss:.4g} {row.validation_loss:.4g}" for row in trial.history.rows if not trial.failure],
            trial.failure,
        )
        for trial in trials
    }


@pytest.fixture(scope="module")
def here():
    return table(sweep(GRID))


def test_a_grid_spans_every_combination_and_leaves_the_rest_at_its_default():
    assert combinations({"seed": [0, 1], "l2": (0.0, 0.01)}) == [
        Settings(seed=0), Settings(seed=0, l2=0.01), Settings(seed=1), Settings(seed=1, l2=0.01),
    ]
    assert combinations({}) == [Settings()]


@pytest.mark.parametrize("grid, sentence", [
    ({"hidden": [8]}, "no setting 'hidden'; there are learning_rate, "),
    ({"optimizer": "adam"}, "optimizer is 'adam'; a grid holds a list of values"),
    ({"seed": 3}, "seed is 3; a grid holds a list"), ({"seed": []}, "seed is \\[\\]; a grid holds a list"),
    ({"epochs": [1, 0]}, "Epochs is 0; it must be a whole number from 1"),
])
def test_a_wrong_grid_is_refused_before_anything_is_trained(grid, sentence):
    with pytest.raises(ValueError, match=sentence):
        sweep(grid)


def test_every_combination_is_trained_and_a_failure_carries_its_settings_and_stops_nothing(here):
    assert set(here) == {(size, rate) for size in (8, 16) for rate in (0.01, 1000.0)}
    for (_, rate), (rows, failure) in here.items():
        assert (len(rows), failure) == (3, None) if rate == 0.01 else "learning rate (1000)" in failure


def test_trials_come_one_by_one_and_nothing_is_trained_that_nobody_asks_for(monkeypatch):
    begun = []
    monkeypatch.setattr("mnistlab.sweeps.run_trial", lambda settings, *_: begun.append(settings))
    trials = sweep({"seed": [0, 1, 2]})
    next(trials)
    assert [settings.seed for settings in begun] == [0]


def test_the_best_row_of_a_trial_is_the_one_with_the_lowest_validation_loss():
    trial = run_trial(Settings(epochs=3, hidden_size=8, train_size=300))
    assert trial.best.validation_loss == min(row.validation_loss for row in trial.history.rows)
    assert run_trial(Settings(learning_rate=1000.0, loss="squared-error")).best is None


def test_an_error_in_a_trial_is_its_failure(tmp_path):
    (trial,) = sweep({"seed": [7]}, dataset="fashion-mnist", data_dir=tmp_path)
    assert trial.settings.seed == 7 and trial.history.rows == []
    assert trial.failure.startswith("NotDownloaded: Fashion-MNIST is not on this machine yet")


@pytest.fixture(scope="module")
def pool(own_cache):
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        yield executor


def test_a_process_pool_finds_the_same(pool, here):
    assert table(sweep(GRID, pool)) == here


def test_a_sweep_that_nobody_follows_any_more_cancels_what_has_not_begun(pool):
    trials = sweep({"seed": list(range(40)), "epochs": [1], "train_size": [100], "hidden_size": [8]}, pool)
    next(trials)
    trials.close()
    # The pool is free again: something new is done before 39 old trials could be.
    assert len(list(sweep({"seed": [99], "epochs": [1], "train_size": [100]}, pool))) == 1


def test_trials_of_a_killed_process_carry_their_settings():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        process = executor.submit(os.getpid).result()
        trials = sweep({"seed": [0, 1], "epochs": [500]}, executor)
        os.kill(process, signal.SIGKILL)
        ended = list(trials)
    assert sorted(trial.settings.seed for trial in ended) == [0, 1]
    assert all("BrokenProcessPool" in trial.failure for trial in ended)


def test_a_cluster_of_two_worker_processes_finds_the_same(here):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        executor = client.get_executor()
        workers = set(client.run(os.getpid).values())
        assert len(workers) == 2 and executor.submit(os.getpid).result() in workers - {os.getpid()}
        assert table(sweep(GRID, executor)) == here
