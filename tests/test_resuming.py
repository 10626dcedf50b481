"""Checkpoints, early stopping, metrics and augmentation within a run."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from toys import finished, toy_run, toy_set

from mnistlab import Dense, Dropout, Network, Settings, build, evaluate, generators, train
from mnistlab.evaluation import METRICS
from mnistlab.optimizers import OPTIMIZERS

# As much as possible at once: what draws at random, what remembers, what keeps the best.
FULL = dict(
    epochs=4, dropout_rate=0.3, batch_norm=True, optimizer="adam", learning_rate=0.01, schedule="one-cycle", l2=0.001,
    shift=1.0, noise=0.1, patience=3,
)
EVERYTHING = pytest.mark.parametrize(
    "values",
    [FULL, {}, {"convolution": True}, *({"optimizer": name, "learning_rate": 0.01} for name in OPTIMIZERS)],
    ids=["full", "default", "convolution", *OPTIMIZERS],
)


def made(**values):
    return toy_run(toy_set(50), toy_set(20, seed=1), **values)


def outcome(run):
    """All that a run has come to, apart from its seconds."""
    rows = [replace(row, seconds=0) for row in run.history.rows]
    steps = run.history.step_losses, run.history.step_accuracies, run.history.step_metrics
    arrays = run.network.parameters, run.network.state, run.evaluation.logits
    return rows, steps, run.best_epoch, [array.tobytes() for array in arrays]


# Checkpoints


@EVERYTHING
def test_a_run_restored_after_any_moment_ends_as_if_never_interrupted(values):
    whole = outcome(finished(made(**values)))
    moments = sum(1 for _ in made(**values))
    for moment in range(0, moments + 1, 3):
        first = made(**values)
        for _ in range(moment):
            next(first)
        state = first.checkpoint()
        finished(first)  # later steps leave the checkpoint as it is
        second = made(**values)
        second.restore(state)
        assert outcome(finished(second)) == whole, moment


def test_one_checkpoint_serves_many_times_and_is_left_as_it_is():
    first = made(**FULL)
    for _ in range(10):
        next(first)
    state = first.checkpoint()
    kept = copy.deepcopy(state)
    ends = []
    for _ in range(2):
        run = made(**FULL)
        run.restore(state)
        ends.append(outcome(finished(run)))
    assert ends[0] == ends[1]
    np.testing.assert_equal(state, kept)


def test_a_run_that_is_over_can_go_on_with_more_epochs():
    short = finished(made(epochs=2))
    longer = made(epochs=5)
    longer.restore(short.checkpoint())
    assert outcome(finished(longer)) == outcome(finished(made(epochs=5)))


def test_a_run_can_be_put_back_to_an_earlier_moment_of_its_own():
    run = made(**FULL)
    next(run)
    state = run.checkpoint()
    once = outcome(finished(run))
    run.restore(state)
    assert outcome(finished(run)) == once


def test_a_failed_run_stays_failed_when_it_is_restored():
    run = finished(made(learning_rate=1000.0, loss="squared-error"))
    assert run.failure
    other = made(learning_rate=1000.0, loss="squared-error")
    other.restore(run.checkpoint())
    assert list(other) == [] and other.failure == run.failure


def test_the_seconds_of_an_interrupted_epoch_go_on_from_those_before():
    run = made()
    next(run)
    state = run.checkpoint()
    state["seconds"] = 1000.0
    other = made()
    other.restore(state)
    assert finished(other).history.rows[0].seconds > 1000


@pytest.mark.parametrize("other, what", [
    (dict(hidden_size=7), "network is"), (dict(activation="tanh"), "network is"),
    (dict(batch_size=9), "batch size is 8"), (dict(optimizer="adam"), "optimizer is momentum"),
    (dict(seed=1), "seed is 0"), (dict(loss="squared-error"), "loss is cross-entropy"),
])
def test_a_checkpoint_of_another_run_is_refused_and_nothing_changes(other, what):
    run = made(**other)
    next(run)
    before = run.checkpoint()
    with pytest.raises(ValueError, match=f"another run: its {what}.*, this run's is"):
        run.restore(finished(made()).checkpoint())
    np.testing.assert_equal(run.checkpoint(), before)


def test_a_checkpoint_of_a_run_with_other_sets_is_refused():
    state = made().checkpoint()
    with pytest.raises(ValueError, match="number of training images is 50, this run's is 40"):
        toy_run(toy_set(40), toy_set(20, seed=1)).restore(state)
    with pytest.raises(ValueError, match="number of validation images is 20, this run's is 10"):
        toy_run(toy_set(50), toy_set(10, seed=1)).restore(state)


@pytest.mark.parametrize("nonsense", [None, {}, [], "state", {"run": None}, {"run": {"network": []}}])
def test_what_is_no_checkpoint_is_refused(nonsense):
    with pytest.raises(ValueError, match="This is no checkpoint"):
        made().restore(nonsense)


# Interruptions


@EVERYTHING
@pytest.mark.parametrize("moment", [0, 3, 7, 9])
def test_a_run_interrupted_within_a_step_goes_on_as_if_it_had_not_been(values, moment):
    values = {**values, "dropout_rate": 0.0, "shift": 0.0, "noise": 0.0}  # what the step has drawn is gone
    whole, run = outcome(finished(made(**values))), made(**values)
    for _ in range(moment):
        next(run)
    forward = run.network.forward

    def interrupted(x, rng=None):
        raise KeyboardInterrupt

    run.network.forward = interrupted
    with pytest.raises(KeyboardInterrupt):
        finished(run)
    run.network.forward = forward
    state = run.checkpoint()
    assert outcome(finished(run)) == whole
    other = made(**values)
    other.restore(state)
    assert outcome(finished(other)) == whole


# Early stopping


def overfitting(**values):
    """A run whose validation loss rises sooner or later: few images, half of them with a wrong label."""
    train_set, validation_set = toy_set(30), toy_set(60, seed=1)
    wrong = train_set.labels.copy()
    wrong[::2] = (wrong[::2] + 1) % 3
    return toy_run(replace(train_set, labels=wrong), validation_set, epochs=60, learning_rate=0.05, **values)


def test_a_run_whose_best_weights_came_back_says_so_whatever_the_penalties_became():
    run = overfitting(patience=4)
    while run.epoch < 2:
        next(run)
    run.settings.l2 = 0.02
    assert finished(run).best_epoch < run.epoch and run.is_at_best
    run = overfitting()
    assert not run.is_at_best
    while not run.epoch:
        next(run)
    assert run.best_epoch == 1 and run.is_at_best
    next(run)
    assert not run.is_at_best  # a step into the next epoch
    assert finished(run).best_epoch < run.epoch and not run.is_at_best


def test_patience_ends_the_run_so_many_epochs_after_the_best_and_brings_its_weights_back():
    run = finished(overfitting(patience=4))
    losses = [row.validation_loss for row in run.history.rows]
    assert 4 < len(losses) < 60
    assert run.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 4
    row = run.history.rows[run.best_epoch - 1]
    assert evaluate(run.network, run.validation_set).loss == pytest.approx(row.validation_loss, rel=1e-6)
    assert run.evaluation.loss == row.validation_loss


def test_the_weights_brought_back_are_those_that_a_run_of_so_many_epochs_ends_with():
    run = finished(overfitting(patience=4, batch_norm=True))
    other = overfitting(batch_norm=True)
    while other.epoch < run.best_epoch:
        next(other)
    assert np.array_equal(run.network.parameters, other.network.parameters)
    assert np.array_equal(run.network.state, other.network.state) and len(run.network.state)


def test_without_patience_a_run_makes_all_its_epochs_and_keeps_its_last_weights():
    run = finished(overfitting())
    assert run.epoch == 60 > run.best_epoch
    assert run.evaluation.loss == run.history.rows[-1].validation_loss


def test_with_patience_the_best_weights_come_back_at_the_last_epoch_too():
    run = finished(overfitting(patience=59))
    assert run.epoch == 60
    assert run.evaluation.loss == min(row.validation_loss for row in run.history.rows)


def test_a_run_restored_after_its_best_epoch_still_brings_it_back():
    first = overfitting(patience=4)
    best = finished(overfitting(patience=4)).best_epoch
    while first.epoch < best + 2:
        next(first)
    second = overfitting(patience=4)
    second.restore(first.checkpoint())
    assert outcome(finished(second)) == outcome(finished(first))


# Metrics


def test_metrics_are_measured_in_every_step_and_every_epoch():
    train_set, validation_set = toy_set(50, classes=5), toy_set(20, classes=5, seed=1)
    settings = Settings(hidden_size=6, batch_size=8, epochs=2)
    network = build(settings, generators(0).weights, 16, 5)
    run = finished(train(network, train_set, validation_set, settings, metrics=tuple(METRICS)))
    assert list(run.history.step_metrics) == list(METRICS)
    for name, values in run.history.step_metrics.items():
        assert len(values) == len(run.history.step_losses) == 14
        sizes = np.array([8] * 6 + [2])
        for row, part in zip(run.history.rows, (values[:7], values[7:])):
            assert row.metrics[f"train_{name}"] == pytest.approx(sizes @ part / 50)
    evaluation = run.evaluation
    order = np.argsort(-evaluation.logits, axis=1)
    last = run.history.rows[-1].metrics
    assert {name: value for name, value in last.items() if name.startswith("validation")} == {
        "validation_top_3_accuracy": np.mean([label in best for label, best in zip(evaluation.labels, order[:, :3])]),
        "validation_confidence": pytest.approx(evaluation.probabilities.max(axis=1).mean()),
    }
    assert 0 < run.history.step_metrics["confidence"][0] <= 1


def test_metrics_may_be_named_by_an_iterator():
    settings = Settings(hidden_size=6, batch_size=8, epochs=1)
    network = build(settings, generators(0).weights, 16, 3)
    run = finished(train(network, toy_set(50), toy_set(20), settings, iter(["confidence"])))
    assert len(run.history.step_metrics["confidence"]) == len(run.history.step_losses)


def test_metrics_change_nothing_else():
    def run(metrics):
        settings = Settings(hidden_size=6, batch_size=8, epochs=2, dropout_rate=0.2)
        network = build(settings, generators(0).weights, 16, 3)
        return finished(train(network, toy_set(50), toy_set(20, seed=1), settings, metrics))

    with_metrics, without = run(METRICS), run(())
    assert with_metrics.history.step_losses == without.history.step_losses
    assert np.array_equal(with_metrics.network.parameters, without.network.parameters)


def test_rows_as_dictionaries_name_metrics_by_their_part():
    settings = Settings(hidden_size=6, batch_size=8, epochs=1)
    network = build(settings, generators(0).weights, 16, 3)
    run = finished(train(network, toy_set(50), toy_set(20), settings, ["confidence"]))
    (row,) = run.history.as_dicts()
    assert list(row) == [
        "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds",
        "train_confidence", "validation_confidence",
    ]


def test_of_equal_logits_the_first_three_count_as_the_most_probable():
    assert METRICS["top_3_accuracy"](np.zeros((5, 5)), np.arange(5)).tolist() == [1, 1, 1, 0, 0]


def test_an_unknown_metric_is_refused_with_the_metrics_there_are():
    settings = Settings()
    with pytest.raises(ValueError, match="no metric 'f1'; there are top_3_accuracy, confidence"):
        train(build(settings, generators(0).weights, 16, 3), toy_set(50), toy_set(20), settings, ["f1"])


# Augmentation


def batches_seen(run):
    """What the network was given in each step."""
    seen, forward = [], run.network.forward

    def spy(x, rng=None):
        if rng is not None:
            seen.append(x.copy())
        return forward(x, rng)

    run.network.forward = spy
    finished(run)
    return seen


def test_augmentation_changes_what_the_network_learns_from_and_not_what_it_is_measured_on():
    plain, shifted = made(epochs=1), made(epochs=1, noise=0.5)
    before, after = batches_seen(plain), batches_seen(shifted)
    assert all(not np.array_equal(one, other) for one, other in zip(before, after))
    logits = evaluate(shifted.network, toy_set(20, seed=1)).logits
    assert np.array_equal(logits, shifted.evaluation.logits)


def test_augmentation_changes_neither_batch_order_nor_first_weights_nor_dropout():
    plain, noisy = made(epochs=1, dropout_rate=0.5), made(epochs=1, dropout_rate=0.5, noise=1e-6)
    assert np.array_equal(plain.network.parameters, noisy.network.parameters)
    for one, other in zip(batches_seen(plain), batches_seen(noisy)):
        assert np.allclose(one, other, atol=1e-4)
    assert np.allclose(plain.history.step_losses, noisy.history.step_losses, atol=1e-3)
    masks = [run.network.layers[2].mask for run in (plain, noisy)]
    assert np.array_equal(*masks)


def test_every_epoch_is_augmented_anew_and_every_run_the_same():
    one, other = batches_seen(made(noise=0.3)), batches_seen(made(noise=0.3))
    assert all(np.array_equal(a, b) for a, b in zip(one, other))
    epochs = [np.sort(np.concatenate(part), axis=0) for part in (one[:7], one[7:])]
    assert not np.allclose(*epochs)


def test_augmentation_can_be_turned_on_during_a_run():
    run = made(epochs=2)
    while run.epoch < 1:
        next(run)
    run.settings.noise = 0.5
    later = batches_seen(run)
    greys = np.unique(np.rint(255 * np.concatenate(later)) / 255)
    assert not np.isin(np.concatenate(later).ravel(), greys.astype(np.float32)).all()


def test_what_a_seed_gives_does_not_depend_on_augmentation_that_is_off():
    assert outcome(finished(made(elastic_sigma=5.0))) == outcome(finished(made()))


# Changes while a run goes on


def test_the_dropout_rate_can_be_changed_during_a_run_and_the_network_says_so():
    run = made(epochs=3, dropout_rate=0.2)
    while run.epoch < 1:
        next(run)
    run.settings.dropout_rate = 0.9
    next(run)
    dropout = run.network.layers[2]
    assert dropout.rate == 0.9 and np.mean(dropout.mask == 0) > 0.6
    assert ["Dropout", 0.9] in run.network.describe()


def test_dropout_layers_of_a_network_of_ones_own_keep_their_rate_until_the_setting_changes():
    network = Network([Dense(16, 9), Dropout(0.5), Dense(9, 3)], np.random.default_rng(0))
    run = train(network, toy_set(50), toy_set(20), Settings(batch_size=8, epochs=1))
    next(run)
    assert network.layers[1].rate == 0.5


def test_every_change_is_marked_with_the_step_that_first_used_it():
    run = made(epochs=2)
    for _ in range(3):
        next(run)
    run.settings.learning_rate = 0.05
    run.settings.momentum = 0.5
    run.settings.epochs = 3  # no step depends on it
    finished(run)
    assert run.history.marks == [(3, "learning_rate", 0.05), (3, "momentum", 0.5)]


def test_a_run_goes_on_from_a_checkpoint_with_the_changes_made_until_then():
    def changed(run):
        run.settings.dropout_rate, run.settings.noise = 0.6, 0.4
        return run

    run = made(epochs=3)
    for _ in range(3):
        next(run)
    next(changed(run))
    state = run.checkpoint()
    other = made(**{**state["settings"], "epochs": 3})
    other.restore(state)
    assert outcome(finished(other)) == outcome(finished(run))
    assert other.history.marks == run.history.marks


# Going on, and the clock


def test_a_run_that_is_over_goes_on_when_its_epochs_are_raised():
    run = finished(made(epochs=2))
    assert list(run) == []
    run.settings.epochs = 4
    assert outcome(finished(run)) == outcome(finished(made(epochs=4)))


def test_a_run_that_failed_does_not_go_on():
    run = finished(made(learning_rate=1000.0, loss="squared-error"))
    run.settings.epochs = 100
    assert list(run) == []


def test_the_clock_stands_still_while_the_caller_has_the_turn(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("mnistlab.training.time.perf_counter", lambda: now[0])
    run = made(epochs=2)
    monkeypatch.setattr(run, "_step", lambda *_, step=run._step: (now.__setitem__(0, now[0] + 1), step(*_))[1])
    for _ in run:
        now[0] += 1000
    assert [row.seconds for row in run.history.rows] == [7, 7] and run.seconds == 14


# What a checkpoint is of


def test_a_setting_that_a_run_does_not_follow_stays_as_it_was_in_its_checkpoint():
    run = made(epochs=2)
    next(run)
    run.settings.batch_size = 4
    run.settings.patience = 1
    state = run.checkpoint()
    other = made(**state["settings"])
    other.restore(state)
    assert outcome(finished(other)) == outcome(finished(made(epochs=2)))


def test_the_rates_of_a_networks_own_dropout_layers_come_back():
    def own(rate):
        network = Network([Dense(16, 9), Dropout(0.5), Dense(9, 3)], np.random.default_rng(0))
        return train(network, toy_set(50), toy_set(20), Settings(batch_size=8, epochs=2, dropout_rate=rate))

    run = own(0.0)
    next(run)
    run.settings.dropout_rate = 0.2
    next(run)
    state = run.checkpoint()
    other = own(0.2)
    other.restore(state)
    assert other.network.layers[1].rate == 0.2
    assert finished(other).history.step_losses == finished(run).history.step_losses


def test_a_live_setting_that_is_another_after_restoring_is_marked():
    run = made(epochs=2)
    for _ in range(2):
        next(run)
    other = made(epochs=2, learning_rate=0.02)
    other.restore(run.checkpoint())
    finished(other)
    assert other.history.marks == [(2, "learning_rate", 0.02)]


@pytest.mark.parametrize("change", [
    lambda images: replace(images, labels=np.roll(images.labels, 1)), lambda images: replace(images, mean=0.1),
    lambda images: replace(images, images=255 - images.images),
    lambda images: replace(images, class_names=("a", "b", "c")),
])
def test_a_checkpoint_of_a_run_on_other_data_is_refused(change):
    state = made().checkpoint()
    with pytest.raises(ValueError, match="another run: its data"):
        toy_run(change(toy_set(50)), change(toy_set(20, seed=1))).restore(state)


def best_of(classes):
    """Weights of the right lengths, with logits of so many classes."""
    network = made().network
    return [network.parameters, network.state, np.zeros((20, classes))]


@pytest.mark.parametrize("what, wrong", [
    ("parameters", np.zeros(1, np.float32)), ("state", np.zeros(3, np.float32)), ("optimizer", {}), ("order", 3),
    ("order", {}), ("dropout", None), ("augmentation", {"bit_generator": "MT19937"}), ("live", None), ("live", {}),
    ("dropout rates", []), ("sums", 0.0), ("seconds", None), ("position", -1), ("position", 51),
    ("position", "8"), ("position", 8.0),
    ("history", None), ("history", {"rows": [{"epoch": 1}]}), ("logits", np.zeros(2)), ("run", {}), ("run", None),
    ("history", {"rows": [], "step_losses": None}), ("dropout rates", ["a"]), ("failure", 3), ("seconds", math.nan),
    ("best", 3), ("best", [np.zeros(1), np.zeros(0), np.zeros((20, 3))]), ("last", [np.zeros(1), np.zeros(0)]),
    ("best", "weights"), ("best", best_of(classes=7)),
])
def test_a_damaged_checkpoint_is_refused_and_nothing_changes(what, wrong):
    run = made()
    next(run)
    before, history = run.checkpoint(), run.history
    with pytest.raises(ValueError, match="The checkpoint is "):
        run.restore({**finished(made()).checkpoint(), what: wrong})
    np.testing.assert_equal(run.checkpoint(), before)
    assert run.history is history and outcome(finished(run)) == outcome(finished(made()))


def test_a_run_with_patience_that_is_over_goes_on_from_its_last_weights_and_not_from_its_best():
    short, whole = (overfitting(patience=59) for _ in range(2))
    short.settings.epochs = 20
    finished(short)
    assert short.best_epoch < 20
    short.settings.epochs = 60
    assert outcome(finished(short)) == outcome(finished(whole))


def test_a_run_with_patience_that_fails_leaves_its_best_weights():
    run = overfitting(patience=5, loss="squared-error")
    while run.epoch < 3:
        next(run)
    run.settings.learning_rate = 1000.0
    finished(run)
    best = run.history.best.validation_loss
    assert run.failure and run.evaluation.loss == best
    assert evaluate(run.network, run.validation_set, "squared-error").loss == pytest.approx(best, rel=1e-6)
