"""SGD with momentum against the formula worked out by hand."""

import numpy as np

from mnistlab.optimizers import SGD


def test_without_momentum_a_step_goes_against_the_gradient_by_the_learning_rate():
    parameters = np.array([1.0, -2.0])
    SGD(2, np.float64).update(parameters, np.array([10.0, -4.0]), 0.125, 0)
    assert parameters.tolist() == [1 - 1.25, -2 + 0.5]


def test_momentum_keeps_its_share_of_the_last_step():
    parameters, optimizer, gradient = np.array([0.0]), SGD(1, np.float64), np.array([1.0])
    path = []
    for _ in range(3):
        optimizer.update(parameters, gradient, 0.5, 0.5)
        path.append(parameters[0])
    assert path == [-0.5, -0.5 - 0.75, -0.5 - 0.75 - 0.875]


def test_learning_rate_and_momentum_may_differ_at_every_call():
    parameters, optimizer, gradient = np.array([0.0]), SGD(1, np.float64), np.array([1.0])
    optimizer.update(parameters, gradient, 1.0, 0.5)
    optimizer.update(parameters, gradient, 0.25, 0.0)
    assert parameters[0] == -1 - 0.25


def test_a_step_is_made_in_place_and_leaves_the_gradient_as_it_is():
    parameters, gradient = np.zeros(3, np.float32), np.ones(3, np.float32)
    view = parameters[1:2]
    SGD(3).update(parameters, gradient, 0.5, 0.9)
    assert view[0] == -0.5
    assert gradient.tolist() == [1, 1, 1]


def test_a_numpy_float64_rate_gives_the_float32_step_of_a_plain_one():
    results = []
    for number in (float, np.float64):
        parameters, optimizer = np.full(5, 0.3, np.float32), SGD(5)
        for _ in range(3):
            optimizer.update(parameters, np.linspace(-1, 1, 5, dtype=np.float32), number(0.1), number(0.9))
        assert optimizer.velocity.dtype == parameters.dtype == np.float32
        results.append(parameters)
    assert np.array_equal(*results)
