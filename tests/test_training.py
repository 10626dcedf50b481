"""The training loop: reproducible, fair to every image, live, and honest when it diverges."""

import math
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from toys import finished, pixels, toy_run, toy_set

from mnistlab import Dataset, Settings, evaluate, generators, train
from mnistlab.losses import LOSSES, make_loss
from mnistlab.optimizers import OPTIMIZERS
from mnistlab.schedules import SCHEDULES

TRAINING, VALIDATION = toy_set(50), toy_set(20, seed=1)


def without_seconds(run):
    return [replace(row, seconds=0) for row in run.history.rows]


def assert_same_run(one, other):
    assert without_seconds(one) == without_seconds(other)
    assert one.history.step_losses == other.history.step_losses
    assert one.history.step_accuracies == other.history.step_accuracies
    assert np.array_equal(one.network.parameters, other.network.parameters)


def test_training_learns():
    run = finished(toy_run(TRAINING, VALIDATION, epochs=30))
    assert run.history.rows[-1].validation_accuracy == 1
    assert run.history.rows[-1].train_loss < run.history.rows[0].train_loss / 10


# Reproducible


@pytest.mark.parametrize(
    "values",
    [{}, {"dropout_rate": 0.5, "schedule": "one-cycle"}, {"loss": "squared-error"}, {"optimizer": "adam"},
     {"optimizer": "rmsprop", "l1": 0.01, "l2": 0.01, "clip_norm": 0.1}],
)
def test_the_same_seed_gives_the_same_run_bit_for_bit(values):
    values = {"learning_rate": 0.05, "seed": 4, **values}
    assert_same_run(*(finished(toy_run(TRAINING, VALIDATION, **values)) for _ in range(2)))


def test_the_same_seed_gives_the_same_run_on_real_digits(sample):
    training, held_out = sample
    parts = training.select(slice(0, 600)), held_out.select(slice(0, 100))
    values = {"hidden_size": 32, "batch_size": 128, "dropout_rate": 0.2}
    assert_same_run(*(finished(toy_run(*parts, **values)) for _ in range(2)))


def test_another_seed_gives_another_run():
    one, other = (finished(toy_run(TRAINING, VALIDATION, seed=seed)) for seed in (0, 1))
    assert one.history.step_losses != other.history.step_losses
    assert not np.array_equal(one.network.parameters, other.network.parameters)


def test_the_seed_sets_the_order_of_batches_too():
    runs = [toy_run(TRAINING, VALIDATION, seed=seed, epochs=1) for seed in (0, 1)]
    runs[1].network.parameters[:] = runs[0].network.parameters
    one, other = map(finished, runs)
    assert one.history.step_losses != other.history.step_losses


def batches_seen(run):
    """The batches that the network is given while it learns, by listening at its first layer."""
    seen, first = [], run.network.layers[0]
    forward = first.forward

    def listening(x, rng=None):
        if rng is not None:
            seen.append(x.copy())
        return forward(x, rng)

    first.forward = listening
    finished(run)
    return seen


def test_dropout_does_not_change_the_order_of_batches():
    plain, dropped = (batches_seen(toy_run(TRAINING, VALIDATION, dropout_rate=rate)) for rate in (0, 0.5))
    assert len(plain) == len(dropped) == 2 * 7
    assert all(map(np.array_equal, plain, dropped))


def test_augmentation_does_not_change_the_order_of_batches(sample):
    training, validation = (sample[0].select(slice(*ends)) for ends in ((0, 64), (64, 80)))
    values = dict(hidden_size=8, batch_size=1, epochs=2)
    plain, noisy = (batches_seen(toy_run(training, validation, noise=noise, **values)) for noise in (0, 0.02))
    assert len(plain) == len(noisy) == 2 * 64
    assert not any(map(np.array_equal, plain, noisy))
    # So little noise leaves each image nearer to itself than to any other.
    plain, noisy = (np.concatenate(batches) for batches in (plain, noisy))
    distances = ((noisy[:, None] - plain[None, :64]) ** 2).sum(2)
    order = ((plain[:, None] - plain[None, :64]) ** 2).sum(2).argmin(1)
    assert (distances.argmin(1) == order).all() and len(set(order)) == 64


def test_dropout_does_not_change_the_first_weights():
    plain, dropped = (toy_run(TRAINING, VALIDATION, dropout_rate=rate).network for rate in (0, 0.5))
    assert np.array_equal(plain.parameters, dropped.parameters)


def test_every_epoch_shows_every_image_once_in_another_order():
    seen = np.concatenate(batches_seen(toy_run(TRAINING, VALIDATION)))
    first, second = seen[:50], seen[50:]
    assert not np.array_equal(first, second)
    expected = sorted(map(tuple, pixels(TRAINING).tolist()))
    for epoch in (first, second):
        np.testing.assert_allclose(sorted(map(tuple, epoch.tolist())), expected, rtol=1e-6)


# What is measured


@pytest.mark.parametrize("loss", LOSSES)
def test_the_short_last_batch_is_used_and_counts_for_what_it_is(loss):
    # Steps this small leave the weights where they are, so that the epoch's loss is that of the first network.
    run = toy_run(TRAINING, VALIDATION, epochs=1, batch_size=48, learning_rate=1e-6, momentum=0, loss=loss)
    logits = run.network.forward(pixels(TRAINING)).astype(np.float64)
    expected = make_loss(loss).forward(logits, TRAINING.labels_of()).mean()
    finished(run)
    row, (full, short) = run.history.rows[0], run.history.step_losses
    assert row.train_loss == pytest.approx(expected, rel=1e-5)
    assert row.train_loss == pytest.approx((48 * full + 2 * short) / 50, rel=1e-12)
    assert row.train_loss != pytest.approx((full + short) / 2, rel=1e-3)
    assert row.train_accuracy == pytest.approx(np.mean(logits.argmax(axis=1) == TRAINING.labels_of()), abs=1e-12)


def test_the_short_last_batch_teaches():
    run = toy_run(TRAINING, VALIDATION, epochs=1, batch_size=48)
    next(run)
    after_the_full_one = run.network.parameters.copy()
    next(run)
    assert not np.array_equal(run.network.parameters, after_the_full_one)


def test_a_batch_larger_than_the_training_set_is_one_step_an_epoch():
    run = finished(toy_run(TRAINING, VALIDATION, batch_size=1000, epochs=3))
    assert len(run.history.step_losses) == len(run.history.rows) == 3


def test_validation_is_measured_after_the_epoch_without_dropout():
    run = finished(toy_run(TRAINING, VALIDATION, dropout_rate=0.5))
    labels = VALIDATION.labels_of()
    logits = run.network.forward(pixels(VALIDATION)).astype(np.float64)
    row = run.history.rows[-1]
    assert row.validation_loss == pytest.approx(make_loss("cross-entropy").forward(logits, labels).mean(), rel=1e-5)
    assert row.validation_accuracy == pytest.approx(np.mean(logits.argmax(axis=1) == labels), abs=1e-12)
    assert run.evaluation.loss == row.validation_loss == evaluate(run.network, VALIDATION).loss


def test_the_validation_set_is_not_trained_on():
    blank = Dataset(np.zeros_like(VALIDATION.images), VALIDATION.labels, VALIDATION.class_names)
    one, other = (finished(toy_run(TRAINING, validation)) for validation in (VALIDATION, blank))
    assert np.array_equal(one.network.parameters, other.network.parameters)
    assert one.history.rows[-1].validation_loss != other.history.rows[-1].validation_loss


def test_the_history_numbers_epochs_from_one_and_is_plain_data():
    history = finished(toy_run(TRAINING, VALIDATION, epochs=3)).history
    assert [row.epoch for row in history.rows] == [1, 2, 3]
    for row in history.as_dicts():
        assert list(row) == [
            "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds"
        ]
        assert {type(value) for value in row.values()} == {int, float}


# The optimizer, penalties and clipping


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns(name):
    rate = {"sgd": 0.3, "momentum": 0.1, "nesterov": 0.1, "rmsprop": 0.01, "adam": 0.01}[name]
    run = finished(toy_run(TRAINING, VALIDATION, epochs=30, optimizer=name, learning_rate=rate))
    assert type(run.optimizer) is OPTIMIZERS[name]
    assert run.history.rows[-1].validation_accuracy == 1
    assert run.history.rows[-1].train_loss < run.history.rows[0].train_loss / 5


def weights_of(network):
    return [layer.weights for layer in network.layers if hasattr(layer, "weights")]


def test_a_network_knows_which_of_its_parameters_are_weights():
    network = toy_run(TRAINING, VALIDATION).network
    network.parameters[:] = 0
    for part in network.weight_slices:
        network.parameters[part] = 1
    assert len(network.weight_slices) == 2
    assert all((layer == 1).all() for layer in weights_of(network))
    assert all((layer.biases == 0).all() for layer in network.layers if hasattr(layer, "biases"))


@pytest.mark.parametrize("values", [{"l1": 0.02}, {"l2": 0.3}, {"l1": 0.02, "l2": 0.3}])
def test_a_first_step_follows_the_gradient_of_loss_and_penalty_on_the_weights_alone(values):
    plain, pulled = (
        toy_run(TRAINING, VALIDATION, optimizer="sgd", learning_rate=0.5, **chosen) for chosen in ({}, values)
    )
    before = [weights.copy() for weights in weights_of(plain.network)]
    next(plain), next(pulled)
    penalty = 0.0
    for weights, without, with_it in zip(before, weights_of(plain.network), weights_of(pulled.network)):
        pull = values.get("l1", 0) * np.sign(weights) + values.get("l2", 0) * weights
        np.testing.assert_allclose(with_it, without - 0.5 * pull, rtol=1e-5, atol=1e-6)
        penalty += values.get("l1", 0) * np.abs(weights).sum() + values.get("l2", 0) / 2 * (weights**2).sum()
    for one, other in zip(plain.network.layers, pulled.network.layers):
        assert not hasattr(one, "biases") or np.array_equal(one.biases, other.biases)
    assert pulled.history.step_losses[0] == pytest.approx(plain.history.step_losses[0] + penalty, rel=1e-6)


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_both_losses_of_a_row_hold_the_penalty_and_that_of_an_evaluation_does_not(name):
    # Steps this small leave the weights where they are, and the short last batch must not weigh more than its images.
    small = {"epochs": 1, "batch_size": 48, "learning_rate": 1e-6, "momentum": 0}
    plain, pulled = (finished(toy_run(TRAINING, VALIDATION, **small, **more)) for more in ({}, {name: 0.5}))
    size = np.abs if name == "l1" else lambda weights: weights**2 / 2
    penalty = 0.5 * sum(size(weights.astype(float)).sum() for weights in weights_of(plain.network))
    for field in ("train_loss", "validation_loss"):
        with_it, without = (getattr(run.history.rows[0], field) for run in (pulled, plain))
        assert with_it == pytest.approx(without + penalty, rel=1e-4)
    assert pulled.evaluation.loss == evaluate(pulled.network, VALIDATION).loss
    assert pulled.evaluation.loss == pytest.approx(plain.evaluation.loss, rel=1e-4)


def test_an_l1_penalty_leaves_more_weights_near_zero_than_none():
    near_zero = []
    for rate in (0, 0.05):
        network = finished(toy_run(TRAINING, VALIDATION, epochs=40, learning_rate=0.02, l1=rate)).network
        near_zero.append(sum((np.abs(weights) < 0.01).sum() for weights in weights_of(network)))
    assert near_zero[1] > 3 * near_zero[0] > 0


def test_clipping_cuts_the_first_step_to_the_limit_with_the_penalty_within():
    step = []
    for limit in (0, 0.25):
        run = toy_run(TRAINING, VALIDATION, optimizer="sgd", learning_rate=1, l2=1, clip_norm=limit)
        before = run.network.parameters.copy()
        next(run)
        step.append(run.network.parameters - before)
    whole, cut = step
    assert np.linalg.norm(whole) > 1
    np.testing.assert_allclose(cut, whole * (0.25 / np.linalg.norm(whole)), rtol=1e-4, atol=1e-7)


def test_a_limit_that_no_gradient_reaches_changes_nothing():
    assert_same_run(*(finished(toy_run(TRAINING, VALIDATION, clip_norm=limit)) for limit in (0, 1e6)))


# The types of numbers


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_parameters_stay_float32_whatever_type_a_setting_has(schedule):
    values = {"learning_rate": 0.05, "momentum": 0.5, "dropout_rate": 0.25, "l1": 0.01, "l2": 0.01, "clip_norm": 0.1}
    values["schedule"] = schedule
    plain = finished(toy_run(TRAINING, VALIDATION, **values))
    numpy_numbers = {name: np.float64(value) for name, value in values.items() if name != "schedule"}
    run = toy_run(TRAINING, VALIDATION, **numpy_numbers, schedule=schedule)
    run.settings.learning_rate = np.float64(0.05)
    finished(run)
    assert run.network.parameters.dtype == run.network.gradient.dtype == run.optimizer.velocity.dtype == np.float32
    assert run.evaluation.logits.dtype == np.float32
    assert_same_run(plain, run)


def test_training_never_holds_the_dataset_as_floats(sample):
    training, held_out = sample
    training = training.select(np.tile(np.arange(len(training)), 3))  # buffers of a fixed size take some megabytes
    run = toy_run(training, held_out, epochs=1, batch_size=128, hidden_size=16)
    tracemalloc.start()
    try:
        finished(run)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(training) * training.inputs * 4 / 2


# Divergence


def diverged(**values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return finished(toy_run(TRAINING, VALIDATION, loss="squared-error", learning_rate=1000, **values))


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence_that_names_the_learning_rate():
    run = diverged(epochs=50)
    assert not math.isfinite(run.history.step_losses[-1])
    assert all(map(math.isfinite, run.history.step_losses[:-1]))
    assert "The loss" in run.failure and run.failure.endswith(".")
    assert "learning rate (1000)" in run.failure
    assert next(run, None) is None


def test_a_run_that_diverges_ends_at_that_step_and_not_at_the_end_of_the_epoch():
    run = diverged(batch_size=1, epochs=1)
    assert len(run.history.step_losses) < 50 and not run.history.rows
    assert all(map(math.isfinite, run.history.step_losses[:-1]))
    assert f"in epoch 1, step {len(run.history.step_losses)}:" in run.failure


def test_a_run_that_diverges_keeps_the_history_until_then():
    run = toy_run(TRAINING, VALIDATION, loss="squared-error", learning_rate=0.01, epochs=50)
    for progress in run:
        if progress.phase == "epoch" and progress.epoch == 2:
            run.settings.learning_rate = 1000
    assert "in epoch 3" in run.failure and "(1000)" in run.failure
    assert [row.epoch for row in run.history.rows] == [1, 2]
    assert all(math.isfinite(row.train_loss) and math.isfinite(row.validation_loss) for row in run.history.rows)
    assert math.isfinite(run.evaluation.loss)


@pytest.mark.parametrize("epochs", range(1, 8))
def test_a_last_step_that_diverges_is_not_passed_over(epochs):
    # One step an epoch: from some epoch on it is only the validation that can notice.
    run = diverged(epochs=epochs, batch_size=50)
    with np.errstate(all="ignore"):
        sound = np.isfinite(run.network.forward(pixels(VALIDATION)) ** 2).all()
    assert sound == (run.failure is None)
    assert all(math.isfinite(row.validation_loss) for row in run.history.rows)


def test_a_run_that_goes_well_has_no_failure():
    assert finished(toy_run(TRAINING, VALIDATION)).failure is None


# Live settings


@pytest.mark.parametrize(
    "name, value",
    [("learning_rate", 0.4), ("momentum", 0.0), ("schedule", "one-cycle"), ("clip_norm", 0.1)],
)
def test_a_live_setting_that_changes_during_the_run_counts_from_the_next_step(name, value):
    left_alone = finished(toy_run(TRAINING, VALIDATION))
    settings = left_alone.settings.copy()
    run = train(toy_run(TRAINING, VALIDATION).network, TRAINING, VALIDATION, settings)
    for _ in range(3):
        next(run)
    setattr(settings, name, value)
    finished(run)
    # The change counts in the fourth step, and shows in the loss of the fifth.
    assert run.history.step_losses[:4] == left_alone.history.step_losses[:4]
    assert run.history.step_losses[4] != left_alone.history.step_losses[4]


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_a_penalty_that_changes_during_the_run_counts_from_the_next_step(name):
    left_alone = finished(toy_run(TRAINING, VALIDATION))
    run = toy_run(TRAINING, VALIDATION)
    for _ in range(3):
        next(run)
    setattr(run.settings, name, 0.1)
    finished(run)
    assert run.history.step_losses[:3] == left_alone.history.step_losses[:3]
    assert run.history.step_losses[3] > left_alone.history.step_losses[3]
    assert run.history.step_accuracies[:4] == left_alone.history.step_accuracies[:4]


def test_fewer_epochs_during_a_one_cycle_run_never_turn_the_steps_around():
    run = toy_run(TRAINING, VALIDATION, epochs=10, schedule="one-cycle", momentum=0)
    while next(run).epoch < 5:
        pass
    run.settings.epochs = 2
    before = run.network.parameters.copy()
    finished(run)
    assert len(run.history.rows) == 5
    assert np.array_equal(run.network.parameters, before)


def test_nothing_is_computed_before_the_run_is_iterated():
    run = toy_run(TRAINING, VALIDATION)
    before = run.network.parameters.copy()
    assert not run.history.step_losses and iter(run) is run
    assert np.array_equal(run.network.parameters, before)


# Progress


def test_progress_names_every_step_the_validation_and_the_end_of_each_epoch():
    seen = list(toy_run(TRAINING, VALIDATION, batch_size=20))
    assert [(p.phase, p.epoch, p.step, p.steps, p.images) for p in seen] == [
        ("training", 1, 1, 3, 20), ("training", 1, 2, 3, 40), ("training", 1, 3, 3, 50),
        ("validating", 1, 3, 3, 50), ("epoch", 1, 3, 3, 50),
        ("training", 2, 1, 3, 70), ("training", 2, 2, 3, 90), ("training", 2, 3, 3, 100),
        ("validating", 2, 3, 3, 100), ("epoch", 2, 3, 3, 100),
    ]


def test_a_long_validation_lets_the_caller_breathe():
    phases = [p.phase for p in toy_run(TRAINING, toy_set(1100, seed=1), epochs=1)]
    assert phases.count("validating") == 3


def test_the_row_of_an_epoch_is_there_when_its_end_is_reported():
    run = toy_run(TRAINING, VALIDATION)
    for progress in run:
        assert len(run.history.rows) == progress.epoch - (progress.phase != "epoch")


# Bad input


@pytest.mark.parametrize("parts", [(0, 20), (50, 0)])
def test_an_empty_set_is_refused(parts):
    with pytest.raises(ValueError, match=f"{parts[0]} to train, {parts[1]} to validate"):
        toy_run(TRAINING.select(slice(0, parts[0])), VALIDATION.select(slice(0, parts[1])))


def test_images_with_another_number_of_pixels_are_refused():
    network = toy_run(TRAINING, VALIDATION).network
    other = toy_set(50, side=5)
    with pytest.raises(ValueError, match="25 pixels; the network expects 16"):
        train(network, other, other, Settings())


def test_labels_that_the_network_does_not_know_are_refused():
    run = toy_run(TRAINING, VALIDATION)
    with pytest.raises(ValueError, match="There are 5 classes; the network knows 3"):
        train(run.network, toy_set(50, classes=5), VALIDATION, run.settings)


def test_validation_images_with_another_number_of_pixels_are_refused():
    with pytest.raises(ValueError, match="25 pixels; the network expects 16"):
        toy_run(TRAINING, toy_set(20, side=5))
