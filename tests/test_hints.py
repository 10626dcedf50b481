"""Hints: what each rule says and does not say, on states made up here and on real runs of the bundled sample."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import finished, pixels, toy_run, toy_set

from mnistlab import Conv2D, Dense, Flatten, LeakyReLU, Network, ReLU, Reshape, Settings
from mnistlab import build, generators, majority_baseline, train, training_split
from mnistlab.experiments import shuffled_labels
from mnistlab.hints import (
    RULES, State, dead_units, dead_units_found, hints, labels_look_shuffled, learning_rate_too_high,
    learning_rate_too_low, no_better_than_baseline, overfitting, validation_set_too_small,
)
from mnistlab.presets import PRESETS
from mnistlab.training import Row

QUICK, TOO_HIGH, TOO_SMALL = (PRESETS[name].values for name in ("quick", "too-high", "too-small"))
HIGH, DEAD, SHUFFLED, LOW, BASELINE, OVERFITTING, FEW = (
    "learning rate too high", "dead units", "labels look shuffled", "learning rate too low",
    "no better than the baseline", "overfitting", "validation set too small",
)


# Real runs


def watched(sample, values, change=None):
    """A State after each epoch of a real run on the sample, the last one over; change: what is done to the images."""
    settings = Settings(**values)
    rngs = generators(settings.seed)
    images = change(sample[0], np.random.default_rng(settings.seed)) if change else sample[0]
    train_set, validation_set = training_split(images, settings, rngs.split)
    run = train(build(settings, rngs.weights), train_set, validation_set, settings)
    state = State(
        settings, baseline=majority_baseline(train_set.labels_of(), validation_set.labels_of()),
        validation_size=len(validation_set),
    )
    states = []
    for progress in run:
        if progress.phase == "epoch":
            states.append(replace(
                state, rows=tuple(run.history.rows), step_losses=tuple(run.history.step_losses),
                dead_share=dead_units(run.network, validation_set), over=progress.epoch == settings.epochs,
            ))
    if run.failure:
        states.append(replace(state, step_losses=tuple(run.history.step_losses), failure=run.failure, over=True))
    return states


def names(state):
    return [hint.name for hint in hints(state)]


@pytest.mark.parametrize("values", [
    *({**QUICK, "epochs": epochs, "seed": seed} for epochs in (1, 4) for seed in (0, 1, 2)),
    {**QUICK, "epochs": 12, "seed": 3}, {**QUICK, "epochs": 20}, {"epochs": 10},
    {"hidden_size": 64, "hidden_layers": 2}, {"hidden_size": 512, "epochs": 2},
    {"optimizer": "adam", "learning_rate": 0.001}, {"optimizer": "sgd", "learning_rate": 0.3}, {"batch_norm": True},
    {"dropout_rate": 0.5}, {"activation": "tanh"}, {"schedule": "cosine"}, {**QUICK, "l2": 0.001},
    {"learning_rate": 0.01}, {"train_size": 300, "epochs": 10}, {"batch_size": 16, "epochs": 2}, {**QUICK, "shift": 2},
    {"hidden_layers": 0},
    {"convolution": True, "learning_rate": 0.03, "epochs": 2, "train_size": 2000},
], ids=str)
def test_a_healthy_run_gives_no_hint_after_any_epoch(sample, values):
    assert [names(state) for state in watched(sample, values)] == [[]] * Settings(**values).epochs


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_network_that_is_too_small_is_not_taken_for_anything_else(sample, seed):
    assert [names(state) for state in watched(sample, {**TOO_SMALL, "epochs": 8, "seed": seed})] == [[]] * 8


# A rate that is too high shows as either of two hints, and chance has a word in which: both advise the same. Whether a
# run with the preset ends at the baseline is up to the order in which a processor adds.
LOWER = "lower the learning rate"
ADVICE = {HIGH: LOWER, DEAD: LOWER}

# What a broken run must be told at its end, and the number of epochs within which its first hint must come.
BROKEN = [
    (TOO_HIGH, None, {LOWER}, 2), ({**TOO_HIGH, "epochs": 4, "seed": 1}, None, {LOWER}, 2),
    ({"learning_rate": 0.3, "optimizer": "adam"}, None, {LOWER}, 1),
    ({"learning_rate": 1.0, "activation": "tanh"}, None, {LOWER}, 1),
    ({"learning_rate": 1.0, "loss": "squared-error"}, None, {LOWER, BASELINE}, 1),
    ({"learning_rate": 1000.0, "loss": "squared-error"}, None, {LOWER}, 1),
    ({"learning_rate": 0.5, "convolution": True, "train_size": 2000, "epochs": 2}, None, {LOWER, BASELINE}, 1),
    ({"learning_rate": 1e-4}, None, {LOW}, 1), ({"learning_rate": 1e-3, "seed": 1}, None, {LOW}, 1),
    ({"learning_rate": 1e-3, "optimizer": "sgd"}, None, {LOW}, 1),
    ({"learning_rate": 1e-5, "optimizer": "adam"}, None, {LOW}, 2),
    ({**QUICK, "epochs": 6}, shuffled_labels, {SHUFFLED, BASELINE}, 2),
    ({"epochs": 8, "seed": 2}, shuffled_labels, {SHUFFLED, BASELINE}, 2),
    ({"train_size": 50, "epochs": 40}, None, {OVERFITTING}, 40),
    ({"train_size": 100, "epochs": 25, "seed": 3}, None, {OVERFITTING}, 25),
    ({**QUICK, "validation_fraction": 0.02}, None, {FEW}, 1),
]


def named(value):
    """The same name in every process, whatever order a set has there."""
    return ", ".join(sorted(value)) if isinstance(value, set) else getattr(value, "__name__", str(value))


@pytest.mark.parametrize("values, change, expected, within", BROKEN, ids=named)
def test_a_broken_run_gives_the_right_hints_early_and_no_other(sample, values, change, expected, within):
    states = watched(sample, values, change)
    said = {ADVICE.get(name, name) for name in names(states[-1])}
    assert said - ({BASELINE} if values.get("learning_rate") == TOO_HIGH["learning_rate"] else set()) == expected
    assert any(names(state) for state in states[:within])
    for hint in (hint for state in states for hint in hints(state)):
        assert hint.sentence.endswith(".") and any(letter.isdigit() for letter in hint.sentence)
        assert ". " not in hint.sentence and "\n" not in hint.sentence
        Settings(**hint.change)  # what Apply sets, a setting can be


@pytest.mark.parametrize("values", [
    {**TOO_HIGH, "epochs": 4}, {"learning_rate": 0.3, "optimizer": "adam"}, {"learning_rate": 1e-3},
    {**QUICK, "hidden_size": 16, "hidden_layers": 2, "seed": 1}, {**QUICK, "validation_fraction": 0.02},
    {"train_size": 50, "epochs": 40},
], ids=str)
def test_apply_mends_what_the_first_hint_names(sample, values):
    before = watched(sample, values)[-1]
    hint = hints(before)[0]
    after = watched(sample, {**values, **hint.change})[-1]
    assert hint.name not in names(after)
    if hint.name != FEW:  # the validation set is another one
        assert after.rows[-1].validation_loss < before.rows[-1].validation_loss


# Each rule by itself, on made-up states


def row(epoch, train_loss, validation_loss, train_accuracy=0.5, validation_accuracy=0.5):
    return Row(epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, 1.0)


def state(rows=(), steps=100, **values):
    """A State of rows given as (training loss, validation loss[, training accuracy, validation accuracy])."""
    rows = tuple(row(epoch, *numbers) for epoch, numbers in enumerate(rows, 1))
    return State(**{
        "settings": Settings(), "rows": rows, "step_losses": (2.3,) + (1.0,) * (steps - 1), "baseline": 0.1,
        "validation_size": 400, **values,
    })


def test_before_the_first_step_no_rule_says_anything():
    assert hints(State(Settings())) == []
    assert hints(State(Settings(), over=True)) == []


FIGURE = st.floats(0, 1e6) | st.sampled_from([0.0, 1e-12, 2.3])
SHARE = st.floats(0, 1)
ROWS = st.lists(st.builds(lambda a, b, c, d: (a, b, c, d), FIGURE, FIGURE, SHARE, SHARE), max_size=8)


@given(
    ROWS, st.lists(FIGURE, max_size=60), SHARE, st.integers(0, 5000), st.integers(1, 10), st.lists(SHARE, max_size=3),
    st.none() | st.just("The loss is not finite."), st.booleans(), st.floats(1e-6, 1e3), st.floats(0.01, 0.9),
)
def test_no_rule_ever_raises_and_all_that_is_said_can_be_applied(
    rows, losses, baseline, size, classes, dead, failure, over, rate, share
):
    settings = Settings(learning_rate=rate, validation_fraction=share)
    made_up = state(
        rows, step_losses=tuple(losses), baseline=baseline, validation_size=size, classes=classes,
        dead_share=tuple(dead), failure=failure, over=over, settings=settings,
    )
    said = [rule(made_up) for rule in RULES]
    assert hints(made_up) == [hint for hint in said if hint]
    for hint in hints(made_up):
        Settings(**{**settings.as_dict(), **hint.change})


def test_a_run_whose_loss_was_no_number_had_too_high_a_rate():
    hint = learning_rate_too_high(state(failure="The loss is no longer a finite number in epoch 1, step 3."))
    assert hint.sentence.startswith("The loss was no longer a finite number: the learning rate, 0.1, is too high")
    assert hint.change == {"learning_rate": 0.01}


def test_a_jump_of_the_loss_is_seen_in_the_first_epoch_and_forgotten_once_it_has_passed():
    jump = (2.3, 2.2, 7.0, 3.0, 2.5)
    hint = learning_rate_too_high(state(step_losses=jump))
    assert "jumped to 7, when it is 2.3" in hint.sentence
    assert learning_rate_too_high(state(step_losses=(2.3, 2.2, 4.0, 3.0, 2.5))) is None
    assert learning_rate_too_high(state(step_losses=jump + (0.3,) * 20)) is None
    assert learning_rate_too_high(state([(0.3, 9.0)], step_losses=jump + (0.3,) * 20))


def test_small_losses_of_a_network_that_was_trained_before_may_double():
    assert learning_rate_too_high(state(step_losses=(0.02, 0.02, 0.3, 0.2, 0.1))) is None


def test_a_strong_penalty_makes_the_first_loss_high_and_is_no_jump():
    assert learning_rate_too_high(state(step_losses=(134.0, 140.0, 60.0, 9.0, 4.0))) is None


def test_a_training_loss_that_rises_again_names_the_two_epochs():
    hint = learning_rate_too_high(state([(1.2, 1), (0.7, 1), (1.0, 1)]))
    assert "rose from 0.7 in epoch 2 to 1 in epoch 3" in hint.sentence
    assert learning_rate_too_high(state([(1.2, 1), (0.7, 1), (0.8, 1)])) is None
    assert learning_rate_too_high(state([(0.5, 1), (0.1, 1), (0.3, 1)])) is None  # it is small all the same


@pytest.mark.parametrize("optimizer, rate, lower", [
    ("momentum", 5.0, 0.1), ("sgd", 0.5, 0.05), ("adam", 0.3, 0.001), ("sgd", 2e-6, 1e-6),
])
def test_a_rate_too_high_becomes_a_tenth_and_at_most_what_the_optimizer_is_used_to(optimizer, rate, lower):
    settings = Settings(optimizer=optimizer, learning_rate=rate)
    change = {"learning_rate": lower}
    assert learning_rate_too_high(state(failure="The loss is not finite.", settings=settings)).change == change
    assert dead_units_found(state(dead_share=(0.9,), settings=settings)).change == change


def test_half_of_a_layer_must_be_dead_and_the_worst_layer_is_named():
    assert dead_units_found(state(dead_share=(0.49, 0.2))) is None
    assert "75% of the units in ReLU layer 2 are dead" in dead_units_found(state(dead_share=(0.2, 0.75))).sentence
    assert "50% of the units are dead" in dead_units_found(state(dead_share=(0.5,))).sentence
    assert dead_units_found(state(dead_share=(1.0,), failure="The loss is not finite.")) is None


def test_labels_look_shuffled_when_only_training_accuracy_leaves_the_baseline():
    learned = [(2.3, 2.30, 0.10, 0.11), (2.2, 2.32, 0.25, 0.10)]
    assert "grown to 25.0% while validation accuracy is 10.0%, about" in labels_look_shuffled(state(learned)).sentence
    assert labels_look_shuffled(state(learned[1:])) is None
    assert labels_look_shuffled(state([*learned, (2.0, 2.4, 0.4, 0.25)])) is None  # validation follows
    assert labels_look_shuffled(state([(2.3, 2.30, 0.10, 0.11), (2.2, 2.2, 0.25, 0.10)])) is None  # its loss falls
    assert labels_look_shuffled(state([(2.3, 2.30, 0.10, 0.11), (2.3, 2.31, 0.12, 0.10)])) is None  # nothing is learned


def test_one_lucky_epoch_does_not_hide_shuffled_labels():
    rows = [(2.3, 2.3, 0.1, 0.1), (2.1, 2.4, 0.3, 0.1), (1.8, 2.5, 0.4, 0.1), (1.5, 2.6, 0.5, 0.15)]
    assert labels_look_shuffled(state(rows))


def test_a_rate_is_too_low_when_both_losses_creep():
    slow = state([(2.2, 2.1), (2.0, 1.9)], settings=Settings(learning_rate=0.001))
    hint = learning_rate_too_low(slow)
    assert "After 100 steps the training loss has only come from 2.3 to 2" in hint.sentence
    assert hint.change == {"learning_rate": 0.01}
    assert learning_rate_too_low(replace(slow, settings=Settings(learning_rate=0.05))) is None  # that is a usual rate
    assert learning_rate_too_low(replace(slow, step_losses=slow.step_losses[:20])) is None  # too early to say
    assert learning_rate_too_low(replace(slow, rows=slow.rows[:1])).sentence  # one epoch of many steps is enough
    for rows in [(2.2, 2.1), (2.0, 2.2)], [(2.2, 2.1), (1.5, 1.2)], [(2.2, 2.1), (1.2, 1.9)]:  # rises, hurries, is low
        assert learning_rate_too_low(state(rows, settings=Settings(learning_rate=0.001))) is None


@pytest.mark.parametrize("optimizer, rate, higher", [
    ("sgd", 0.0003, 0.003), ("sgd", 0.04, 0.1), ("adam", 0.0002, 0.001),
])
def test_a_rate_too_low_becomes_ten_times_that_and_at_most_what_the_optimizer_is_used_to(optimizer, rate, higher):
    hint = learning_rate_too_low(state([(2.2, 2.1)], settings=Settings(optimizer=optimizer, learning_rate=rate)))
    assert hint.change == {"learning_rate": higher}


def test_the_baseline_must_be_beaten_by_more_than_chance():
    # Two standard errors of 10 % on 400 images are 3 percentage points.
    at = {accuracy: state([(2, 2, 0.5, accuracy)]) for accuracy in (0.129, 0.131)}
    sentence = no_better_than_baseline(at[0.129]).sentence
    assert "After epoch 1 validation accuracy is 12.9%" in sentence and "(10.0%)" in sentence
    assert no_better_than_baseline(at[0.131]) is None
    assert no_better_than_baseline(replace(at[0.131], validation_size=100))


def test_the_baseline_waits_for_fifty_steps_or_the_end():
    early = state([(2, 2, 0.1, 0.1)], steps=49)
    assert no_better_than_baseline(early) is None
    assert no_better_than_baseline(replace(early, over=True))
    assert no_better_than_baseline(state([(2, 2, 0.1, 0.1)], steps=50))


def test_with_one_class_alone_there_is_nothing_to_beat():
    assert no_better_than_baseline(state([(0, 0, 1, 1)], baseline=1.0, classes=1)) is None


FITTED = [(1.0, 0.8), (0.5, 0.4), (0.3, 0.52), (0.2, 0.53), (0.1, 0.6)]


def test_overfitting_names_the_best_epoch_and_both_losses():
    hint = overfitting(state(FITTED))
    assert "Since epoch 2 the validation loss has risen from 0.4 to 0.6 while the training loss fell" in hint.sentence
    assert "from 0.5 to 0.1: the network overfits" in hint.sentence
    assert hint.change == {"patience": 3}


def test_overfitting_takes_three_epochs_a_clear_rise_and_a_falling_training_loss():
    assert overfitting(state(FITTED[:4])) is None
    assert overfitting(state([*FITTED[:4], (0.1, 0.45)])) is None  # it came down again
    assert overfitting(state([(train, min(validation, 0.49)) for train, validation in FITTED])) is None  # a mild rise
    assert overfitting(state([(0.4 + train / 2, validation) for train, validation in FITTED])) is None
    assert overfitting(state([(*losses, 0.9, 0.1) for losses in FITTED])) is None  # it never knew anything


def test_with_patience_a_run_looks_after_overfitting_itself():
    assert overfitting(state(FITTED, settings=Settings(patience=5))) is None


def test_rows_since_a_change_may_begin_at_any_epoch():
    rows = tuple(replace(one, epoch=one.epoch + 7) for one in state(FITTED).rows)
    assert overfitting(replace(state(), rows=rows)).sentence.startswith("Since epoch 9 ")


def test_a_validation_set_is_too_small_when_two_points_are_chance():
    few = state([(1, 1, 0.5, 0.9)], validation_size=80, settings=Settings(validation_fraction=0.02))
    hint = validation_set_too_small(few)
    # (72 + 2) / (80 + 4) = 0.881; sqrt(0.881 * 0.119 / 84) = 0.035; (0.035 / 0.02)^2 * 0.02 = 0.062, rounded up
    assert "80 validation images tell an accuracy of 90.0% only to about 3.5 percentage points" in hint.sentence
    assert hint.change == {"validation_fraction": 0.1}
    assert validation_set_too_small(state([(1, 1, 0.5, 0.9)], validation_size=400)) is None
    assert validation_set_too_small(state(validation_size=10)) is None  # nothing is measured yet


def test_few_images_all_right_are_not_certainty():
    assert validation_set_too_small(state([(1, 1, 1.0, 1.0)], validation_size=10))


def test_a_network_that_has_just_begun_does_not_make_a_good_set_look_small():
    assert validation_set_too_small(state([(2, 2, 0.4, 0.5)], validation_size=400)) is None


def test_where_no_share_would_do_more_images_are_needed_and_nothing_can_be_applied():
    few = state([(1, 1, 0.5, 0.9)], validation_size=20, settings=Settings(validation_fraction=0.2))
    assert validation_set_too_small(few).change == {}


# Dead units


def test_dead_units_are_those_that_are_zero_for_every_image():
    images = toy_set(1100)  # more than two chunks, the last one short
    network = Network([Dense(16, 10), ReLU(), Dense(10, 5), ReLU(), Dense(5, 3)], np.random.default_rng(0))
    network.layers[0].biases[:4] = -1000
    network.layers[2].biases[:] = (-1000, -1000, 1000, 1000, 1000)
    hidden = np.maximum(pixels(images) @ network.layers[0].weights + network.layers[0].biases, 0)
    assert (hidden == 0).all(axis=0).sum() == 4
    assert dead_units(network, images) == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize("place", [0, 700, 1099])
def test_a_unit_that_lives_for_one_image_alone_is_not_dead(place):
    images = toy_set(1100)
    images.images.reshape(1100, -1)[:, 15] = 255
    images.images[place] = 0
    network = Network([Dense(16, 1), ReLU(), Dense(1, 3)], np.random.default_rng(0))
    network.layers[0].weights[:] = 0
    network.layers[0].weights[15], network.layers[0].biases[:] = -1, 0.5
    assert dead_units(network, images) == (0.0,)
    assert dead_units(network, images.select(np.delete(np.arange(1100), place))) == (1.0,)


def test_a_channel_of_a_convolution_counts_as_one_unit():
    network = Network(
        [Reshape(1, 4, 4), Conv2D(1, 4, 3, padding=1), ReLU(), Flatten(), Dense(64, 3)], np.random.default_rng(0)
    )
    network.layers[1].biases[:3] = -1000
    assert dead_units(network, toy_set(20)) == (0.75,)


def test_without_relu_there_are_no_dead_units():
    assert dead_units(Network([Dense(16, 4), LeakyReLU(), Dense(4, 3)], np.random.default_rng(0)), toy_set(20)) == ()
    assert dead_units(Network([Dense(16, 3)], np.random.default_rng(0)), toy_set(20)) == ()


@pytest.mark.filterwarnings("error")
def test_a_network_that_has_diverged_is_looked_at_without_a_warning():
    network = Network([Dense(16, 4), ReLU(), Dense(4, 3)], np.random.default_rng(0))
    network.parameters[:] = math.nan
    assert dead_units(network, toy_set(20)) == (1.0,)


def test_looking_for_dead_units_between_two_steps_changes_nothing_in_a_run():
    images = toy_set(60)
    plain, looked_at = toy_run(images, images, dropout_rate=0.3), toy_run(images, images, dropout_rate=0.3)
    for _ in looked_at:
        dead_units(looked_at.network, images)
    assert finished(plain).history.step_losses == looked_at.history.step_losses
