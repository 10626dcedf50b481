"""Optimizers against their papers' equations, one number at a time; what they remember; clipping."""

import math

import numpy as np
import pytest

from mnistlab import Settings
from mnistlab.optimizers import OPTIMIZERS, SGD, Adam, Momentum, clip_by_norm

every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# The equations, written down anew for a single weight: each is given w, all gradients, rates and momenta so far.


def plain_sgd(w, gradients, rates, momenta):
    for g, rate in zip(gradients, rates):
        w = w - rate * g
    return w


def polyak(w, gradients, rates, momenta):
    v = 0.0
    for g, rate, m in zip(gradients, rates, momenta):
        v = m * v - rate * g
        w = w + v
    return w


def nesterov_ahead(w, gradients, rates, momenta):
    """Nesterov's two sequences: theta moves, and w = theta + m v is the point ahead where the gradient is taken."""
    theta, v = w, 0.0
    for g, rate, m in zip(gradients, rates, momenta):
        v = m * v - rate * g
        theta = theta + v
        w = theta + m * v
    return w


def hinton(w, gradients, rates, momenta):
    mean_square = 0.0
    for g, rate in zip(gradients, rates):
        mean_square = 0.9 * mean_square + 0.1 * g**2
        w = w - rate * g / (math.sqrt(mean_square) + 1e-7)
    return w


def kingma_ba(w, gradients, rates, momenta):
    """The bias corrections as what they stand for: weighted means, each divided by the sum of its weights."""
    for t in range(1, len(gradients) + 1):
        first = [(1 - momenta[i]) * math.prod(momenta[i + 1 : t]) for i in range(t)]
        second = [0.001 * 0.999 ** (t - 1 - i) for i in range(t)]
        mean = sum(a * g for a, g in zip(first, gradients)) / sum(first)
        square = sum(a * g**2 for a, g in zip(second, gradients)) / sum(second)
        w = w - rates[t - 1] * mean / (math.sqrt(square) + 1e-8)
    return w


PAPERS = {
    "sgd": plain_sgd, "momentum": polyak, "nesterov": nesterov_ahead, "rmsprop": hinton, "adam": kingma_ba,
}


def walked(name, gradients, rates, momenta, start, dtype=np.float64):
    """Where an optimizer gets from `start` (size,) by one step for each of the gradients (steps, size)."""
    parameters = start.astype(dtype)
    optimizer = OPTIMIZERS[name](len(start), dtype)
    for gradient, rate, momentum in zip(gradients.astype(dtype), rates, momenta):
        optimizer.update(parameters, gradient, rate, momentum)  # which may use the gradient up
    return parameters


def walk(steps=30, size=7):
    """Gradients of very different sizes, zeros among them, and first weights."""
    rng = np.random.default_rng(5)
    gradients = rng.standard_normal((steps, size)) * 10.0 ** np.arange(-3, size - 3)
    gradients[:, 0] = 0
    gradients[3:6, 2] = 0
    return gradients, rng.standard_normal(size)


@every_optimizer
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_an_optimizer_follows_its_papers_equations(name, momentum):
    gradients, start = walk()
    rates, momenta = [0.01] * len(gradients), [momentum] * len(gradients)
    expected = [PAPERS[name](w, list(g), rates, momenta) for w, g in zip(start.tolist(), gradients.T.tolist())]
    np.testing.assert_allclose(walked(name, gradients, rates, momenta, start), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"nesterov"}))  # Nesterov's w has looked ahead by the old m
def test_learning_rate_and_momentum_may_differ_at_every_step(name):
    gradients, start = walk()
    rates = np.linspace(0.1, 0.001, len(gradients)).tolist()
    momenta = np.linspace(0.5, 0.99, len(gradients)).tolist()
    expected = [PAPERS[name](w, list(g), rates, momenta) for w, g in zip(start.tolist(), gradients.T.tolist())]
    np.testing.assert_allclose(walked(name, gradients, rates, momenta, start), expected, rtol=1e-11, atol=1e-12)


@every_optimizer
def test_float32_takes_the_steps_of_float64_as_well_as_it_can(name):
    gradients, start = walk()
    rates, momenta = [0.01] * len(gradients), [0.9] * len(gradients)
    exact, short = (walked(name, gradients, rates, momenta, start, dtype) for dtype in (np.float64, np.float32))
    assert short.dtype == np.float32
    np.testing.assert_allclose(short, exact, rtol=1e-4, atol=1e-5)


def test_without_momentum_a_step_goes_against_the_gradient_by_the_learning_rate():
    for kind, momentum in ((SGD, 0.9), (Momentum, 0)):
        parameters = np.array([1.0, -2.0])
        kind(2, np.float64).update(parameters, np.array([10.0, -4.0]), 0.125, momentum)
        assert parameters.tolist() == [1 - 1.25, -2 + 0.5]


def test_momentum_keeps_its_share_of_the_last_step():
    parameters, optimizer = np.array([0.0]), Momentum(1, np.float64)
    path = []
    for _ in range(3):
        optimizer.update(parameters, np.array([1.0]), 0.5, 0.5)
        path.append(parameters[0])
    assert path == [-0.5, -0.5 - 0.75, -0.5 - 0.75 - 0.875]


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_adams_first_step_is_as_long_as_the_learning_rate_whatever_the_gradient(size):
    parameters = np.zeros(2)
    Adam(2, np.float64).update(parameters, np.array([size, -size]), 0.01, 0.9)
    np.testing.assert_allclose(parameters, [-0.01, 0.01], rtol=2e-4)


# In place, in the dtype of the parameters


@every_optimizer
@both_dtypes
def test_a_step_is_made_in_place(name, dtype):
    parameters, gradient = np.zeros(3, dtype), np.array([1, -2, 3], dtype)
    view = parameters[1:2]
    OPTIMIZERS[name](3, dtype).update(parameters, gradient, 0.5, 0.9)
    assert view[0] > 0
    if name in ("rmsprop", "adam"):  # the others compute in the gradient
        assert gradient.tolist() == [1, -2, 3]


@every_optimizer
def test_buffers_are_made_once(name):
    optimizer, parameters = OPTIMIZERS[name](4), np.ones(4, np.float32)
    before = {key: id(value) for key, value in vars(optimizer).items()}
    for _ in range(3):
        optimizer.update(parameters, np.ones(4, np.float32), 0.1, 0.5)
    assert {key: id(value) for key, value in vars(optimizer).items()} == before


@every_optimizer
def test_a_numpy_float64_rate_gives_the_float32_step_of_a_plain_one(name):
    results = []
    for number in (float, np.float64):
        parameters, optimizer = np.full(5, 0.3, np.float32), OPTIMIZERS[name](5)
        for _ in range(3):
            optimizer.update(parameters, np.linspace(-1, 1, 5, dtype=np.float32), number(0.1), number(0.9))
        assert all(array.dtype == np.float32 for array in optimizer.state.values() if len(array) == 5)
        assert parameters.dtype == np.float32
        results.append(parameters)
    assert np.array_equal(*results)


# State


@every_optimizer
@both_dtypes
def test_an_optimizer_restored_from_its_state_continues_bit_for_bit(name, dtype):
    gradients, start = walk()
    gradients = gradients.astype(dtype)
    parameters, optimizer = start.astype(dtype), OPTIMIZERS[name](len(start), dtype)
    for step, gradient in enumerate(gradients):
        if step == 12:
            kept = {key: array.copy() for key, array in optimizer.state.items()}
            other_parameters, other = parameters.copy(), OPTIMIZERS[name](len(start), dtype)
            other.restore(kept)
        optimizer.update(parameters, gradient.copy(), 0.01, 0.9)
    for gradient in gradients[12:]:
        other.update(other_parameters, gradient, 0.01, 0.9)
    assert np.array_equal(parameters, other_parameters)
    assert all(np.array_equal(other.state[key], array) for key, array in optimizer.state.items())


@every_optimizer
def test_restoring_copies(name):
    one, other = (OPTIMIZERS[name](3) for _ in range(2))
    other.restore(one.state)
    other.update(np.zeros(3, np.float32), np.ones(3, np.float32), 0.1, 0.9)
    fresh = OPTIMIZERS[name](3).state
    assert all(np.array_equal(array, fresh[key]) for key, array in one.state.items())


@pytest.mark.parametrize(
    "state", [{}, {"velocity": np.ones(3, np.float32), "more": np.ones(3, np.float32)},
              {"velocity": np.ones(4, np.float32)}, {"velocity": np.ones(1, np.float32)}, {"velocity": np.ones(3)}],
)
def test_the_state_of_another_optimizer_is_refused_and_changes_nothing(state):
    optimizer = Momentum(3)
    with pytest.raises(ValueError, match=r"Momentum remembers velocity float32 \(3,\); it was given"):
        optimizer.restore(state)
    assert optimizer.velocity.tolist() == [0, 0, 0]


def test_an_unknown_optimizer_is_refused_with_the_optimizers_there_are():
    with pytest.raises(ValueError, match="Optimizer is 'adamw'; it must be one of " + ", ".join(OPTIMIZERS)):
        Settings(optimizer="adamw")


# Clipping


@both_dtypes
def test_a_gradient_that_is_too_long_is_cut_to_the_limit_and_keeps_its_direction(dtype):
    gradient = np.array([3, 0, -4], dtype)
    assert clip_by_norm(gradient, np.float64(2.5)) == 5
    assert gradient.dtype == dtype and gradient.tolist() == [1.5, 0, -2]


@pytest.mark.parametrize("limit", [5, 5.1, 1e6])
def test_a_gradient_that_is_short_enough_is_left_alone(limit):
    gradient = np.array([3, 0, -4], np.float32)
    assert clip_by_norm(gradient, limit) == 5
    assert gradient.tolist() == [3, 0, -4]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
def test_a_limit_that_is_not_above_0_is_refused_and_the_gradient_stays(limit):
    gradient = np.float32([3, 4])
    with pytest.raises(ValueError, match=f"clip a gradient to is {limit!r}; it must be above 0"):
        clip_by_norm(gradient, limit)
    assert gradient.tolist() == [3, 4]


def test_a_zero_gradient_and_one_whose_square_overflows_float32_can_be_clipped():
    zero, huge = np.zeros(2, np.float32), np.array([3e30, 4e30], np.float32)
    assert clip_by_norm(zero, 1.0) == 0 and zero.tolist() == [0, 0]
    assert clip_by_norm(huge, 1.0) == pytest.approx(5e30, rel=1e-6)
    assert huge == pytest.approx([0.6, 0.8], rel=1e-6)
