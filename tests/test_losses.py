"""Losses and penalties: values, gradients against finite differences, and logits of any size."""

import math

import numpy as np
import pytest
from differences import assert_same_gradient, numerical_gradient

from mnistlab.losses import LOSSES, PENALTIES, make_loss, softmax


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch, classes", [(1, 1), (1, 10), (5, 2), (7, 4)])
def test_a_loss_has_the_gradient_of_its_mean(name, batch, classes):
    rng = np.random.default_rng(1)
    logits, labels, loss = 3 * rng.standard_normal((batch, classes)), rng.integers(0, classes, batch), make_loss(name)
    expected = numerical_gradient(lambda: loss.forward(logits, labels).mean(), logits)
    loss.forward(logits, labels)
    assert_same_gradient(loss.backward(), expected)


def test_cross_entropy_is_minus_the_logarithm_of_the_labels_probability():
    logits, labels = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), np.array([0, 2])
    expected = [-math.log(math.exp(1) / (math.exp(1) + math.exp(2) + math.exp(3))), math.log(3)]
    assert make_loss("cross-entropy").forward(logits, labels) == pytest.approx(expected, rel=1e-12)


def test_squared_error_is_the_squared_distance_from_the_one_hot_label():
    losses = make_loss("squared-error").forward(np.array([[0.5, 2.0, -1.0]]), np.array([1]))
    assert losses.tolist() == [0.25 + 1.0 + 1.0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_stays_finite_at_logits_of_ten_thousand(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)
    loss = make_loss("cross-entropy")
    assert loss.forward(logits, np.array([0, 1])).tolist() == [0, 2e4]
    assert np.isfinite(loss.backward()).all()
    assert softmax(logits).tolist() == [[1, 0, 0], [1, 0, 0]]


def test_the_worst_images_do_not_tie_at_a_ceiling():
    wrong_by = np.array([20, 50, 100, 101, 200, 1000, 5000], np.float32)
    logits = np.zeros((len(wrong_by), 10), np.float32)
    logits[:, 3] = wrong_by
    losses = make_loss("cross-entropy").forward(logits, np.zeros(len(wrong_by), int))
    assert losses == pytest.approx(wrong_by, rel=1e-6)
    assert (np.diff(losses) > 0).all()


def test_softmax_gives_probabilities_that_sum_to_one():
    p = softmax(np.random.default_rng(2).standard_normal((50, 10)).astype(np.float32) * 20)
    assert p.dtype == np.float32 and (p >= 0).all()
    assert p.sum(axis=1) == pytest.approx(np.ones(50), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_leaves_the_logits_as_they_are(name):
    logits = np.random.default_rng(3).standard_normal((4, 10)).astype(np.float32)
    before, loss = logits.copy(), make_loss(name)
    assert loss.forward(logits, np.arange(4)).dtype == loss.backward().dtype == np.float32
    assert np.array_equal(logits, before)


def test_an_unknown_loss_is_refused_with_the_losses_there_are():
    with pytest.raises(ValueError, match="no loss 'hinge'.*cross-entropy, squared-error"):
        make_loss("hinge")


# Penalties


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("count", [1, 7, 30])
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.7])
def test_a_penalty_adds_its_gradient(name, count, rate):
    weights, penalty = np.random.default_rng(4).standard_normal(count), PENALTIES[name]
    expected = numerical_gradient(lambda: penalty.forward(weights, rate), weights)
    gradient = np.full(count, 2.0)
    penalty.backward(weights, rate, gradient)
    assert_same_gradient(gradient - 2, expected)


def test_the_penalties_are_the_sum_of_sizes_and_half_the_sum_of_squares():
    weights = np.array([3.0, -4.0, 0.0])
    assert [PENALTIES[name].forward(weights, 0.5) for name in ("l1", "l2")] == [3.5, 6.25]


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_leaves_a_weight_of_zero_alone_and_float32_as_it_is(name):
    weights, gradient = np.array([0, 2, -2], np.float32), np.zeros(3, np.float32)
    PENALTIES[name].backward(weights, np.float64(0.5) if name == "l1" else 0.25, gradient)
    assert gradient.dtype == np.float32 and weights.tolist() == [0, 2, -2]
    assert gradient.tolist() == [0, 0.5, -0.5]
    assert type(PENALTIES[name].forward(weights, 0.5)) is float
