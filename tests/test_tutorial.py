"""The seed algorithm: the published digits, the plain loop's digits, and which of its two gradients is the true one."""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
from differences import numerical_gradient
from toys import toy_set

from mnistlab import Dataset, train_tutorial
from mnistlab.settings import TABLE
from mnistlab.tutorial import BLOCK, learn

PLAIN = Path(__file__).parents[1] / "benchmarks" / "plain_tutorial.py"
PUBLISHED = {
    0: "0.898 0.397 0.680 0.582",
    9: "0.460 0.788 0.462 0.762",
    19: "0.429 0.785 0.436 0.784",
}


def printed(row):
    return " ".join(f"{value:.3f}" for value in row)


def figures(row):
    return row.training_error, row.training_accuracy, row.test_error, row.test_accuracy


def whole(dataset):
    """The same images as a Dataset of their own: the plain loop knows nothing of selections."""
    return Dataset(dataset.images[dataset.indices], dataset.labels[dataset.indices], dataset.class_names)


def assert_same_digits_as_the_plain_loop(sets):
    plain_tutorial = runpy.run_path(str(PLAIN))["plain_tutorial"]
    expected = [printed(row) for row in plain_tutorial(*map(whole, sets))]
    assert [printed(figures(row)) for row in train_tutorial(*sets)] == expected
    assert len(expected) == 20


@pytest.fixture(scope="module")
def published(official):
    return list(train_tutorial(*official))


def test_the_rows_are_the_published_ones_to_every_printed_digit(published):
    assert {epoch: printed(figures(published[epoch])) for epoch in PUBLISHED} == PUBLISHED


def test_there_are_twenty_rows_numbered_from_zero(published):
    assert [row.epoch for row in published] == list(range(20))


def test_all_rows_equal_the_plain_loop_on_the_official_files(official):
    assert_same_digits_as_the_plain_loop(official)


def test_all_rows_equal_the_plain_loop_on_the_sample(sample):
    assert_same_digits_as_the_plain_loop(sample)


def test_exact_gradients_raise_the_last_test_accuracy_to_0_837(official):
    *_, last = train_tutorial(*official, exact_gradients=True)
    assert f"{last.test_accuracy:.3f}" == "0.837"


# Gradients


def one_image(seed=0, pixels=12, hidden=9, classes=4):
    """(x, t, keep, weights_1, weights_2) with hidden units of all four kinds: kept or not, positive or not."""
    rng = np.random.default_rng(seed)
    x, t, units = rng.random((1, pixels)), np.eye(classes)[[2]], np.arange(hidden)
    keep, positive = (units % 2)[None], units // 2 % 2 == 1
    weights_1 = rng.random((pixels, hidden)) * np.where(positive, 1, -1)
    weights_2 = rng.standard_normal((hidden, classes))
    return x, t, keep, weights_1, weights_2


def step_and_true_gradient(exact_gradients):
    """[(step that mnistlab makes, gradient of the loss by finite differences)] for each of the two weights."""
    x, t, keep, *weights = one_image()
    rate = 1e-3

    def loss():
        hidden = np.maximum(x @ weights[0], 0) * keep * 2
        return np.sum((t - hidden @ weights[1]) ** 2)

    gradients = [numerical_gradient(loss, each) for each in weights]
    moved = [each.copy() for each in weights]
    learn(x, t, keep, rate * (x @ x.T), *moved, rate, exact_gradients)
    return [((after - before) / rate, gradient) for after, before, gradient in zip(moved, weights, gradients)]


@pytest.mark.parametrize("exact_gradients", [False, True])
def test_the_second_layer_moves_by_half_its_true_gradient(exact_gradients):
    _, (step, gradient) = step_and_true_gradient(exact_gradients)
    np.testing.assert_allclose(step, -gradient / 2, rtol=1e-5, atol=1e-7)


def test_with_exact_gradients_the_first_layer_moves_by_half_its_true_gradient():
    (step, gradient), _ = step_and_true_gradient(exact_gradients=True)
    np.testing.assert_allclose(step, -gradient / 2, rtol=1e-5, atol=1e-7)


def test_the_published_step_of_the_first_layer_is_no_multiple_of_its_true_gradient():
    (step, gradient), _ = step_and_true_gradient(exact_gradients=False)
    cosine = np.sum(step * -gradient) / (np.linalg.norm(step) * np.linalg.norm(gradient))
    assert cosine < 0.95


def test_the_published_step_has_just_the_two_slips_it_is_known_for():
    x, t, keep, weights_1, weights_2 = one_image()
    positive = (x @ weights_1 > 0)[0]
    (step, gradient), _ = step_and_true_gradient(exact_gradients=False)
    true = -gradient / 2
    kept = keep[0] == 1
    np.testing.assert_allclose(2 * step[:, kept & positive], true[:, kept & positive], rtol=1e-5, atol=1e-7)
    assert not true[:, kept & ~positive].any() and step[:, kept & ~positive].all()
    assert not true[:, ~kept].any() and not step[:, ~kept].any()


@pytest.mark.parametrize("exact_gradients", [False, True])
def test_a_block_of_images_is_learned_as_if_one_by_one(exact_gradients):
    rng = np.random.default_rng(1)
    _, _, _, *weights = one_image()
    x, t, keep = rng.random((7, 12)), np.eye(4)[rng.integers(0, 4, 7)], rng.integers(0, 2, (7, 9))
    together, apart = ([each.copy() for each in weights] for _ in range(2))
    outputs = learn(x, t, keep, 0.05 * (x @ x.T), *together, 0.05, exact_gradients)
    for i in range(7):
        one = slice(i, i + 1)
        output = learn(x[one], t[one], keep[one], 0.05 * (x[one] @ x[one].T), *apart, 0.05, exact_gradients)
        np.testing.assert_allclose(outputs[one], output, rtol=1e-9)
    for given, expected in zip(together, apart):
        np.testing.assert_allclose(given, expected, rtol=1e-9, atol=1e-12)


# Parameters


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK + 1])
def test_any_number_of_images_gives_the_plain_loops_figures(sample, size):
    plain_tutorial = runpy.run_path(str(PLAIN))["plain_tutorial"]
    options = dict(hidden_size=7, learning_rate=0.01, epochs=2, seed=3)
    expected = plain_tutorial(*map(whole, sample), size=size, **options)
    rows = list(train_tutorial(*sample, train_size=size, test_size=size, **options))
    np.testing.assert_allclose([figures(row) for row in rows], expected, rtol=1e-9)


@pytest.mark.parametrize("name, value", [("train_size", 50), ("hidden_size", 30), ("learning_rate", 0.01), ("seed", 1)])
def test_every_parameter_counts(sample, name, value):
    options = dict(train_size=60, test_size=100, hidden_size=20, epochs=1)
    assert list(train_tutorial(*sample, **options)) != list(train_tutorial(*sample, **{**options, name: value}))


def test_the_same_seed_gives_the_same_rows(sample):
    options = dict(train_size=60, test_size=100, epochs=2)
    assert list(train_tutorial(*sample, **options)) == list(train_tutorial(*sample, **options))


@pytest.mark.parametrize("name, value", [
    ("train_size", 0), ("train_size", 31), ("test_size", 0), ("test_size", 31), ("hidden_size", 0), ("epochs", 0),
    ("seed", -1), ("seed", 2**32), ("epochs", "many"),
])
def test_a_number_out_of_range_is_refused_at_once_with_name_and_range(name, value):
    images = toy_set(30, classes=10)
    said = TABLE[name].metadata["label"] if name in TABLE and name != "train_size" else name
    least = 0 if name == "seed" else 1
    sentence = f"{said}( is |=){value!r}; it must be a whole number from {least} to "
    with pytest.raises(ValueError, match=sentence):
        train_tutorial(images, images, **{"train_size": 30, "test_size": 30, name: value})


@pytest.mark.parametrize("rate", [0, 1001, math.nan, "0.1"])
def test_a_learning_rate_out_of_range_is_refused(rate):
    images = toy_set(30, classes=10)
    with pytest.raises(ValueError, match=f"Learning rate is {rate!r}; it must be a number from 1e-06 to 1000"):
        train_tutorial(images, images, train_size=30, test_size=30, learning_rate=rate)


def test_sets_of_different_images_are_refused():
    with pytest.raises(ValueError, match="The training images have 16 pixels and 3 classes, the test images 25 and 3"):
        train_tutorial(toy_set(9), toy_set(9, side=5), train_size=9, test_size=9)
    with pytest.raises(ValueError, match="the test images 16 and 2; they must have as many"):
        train_tutorial(toy_set(9), toy_set(9, classes=2), train_size=9, test_size=9)
