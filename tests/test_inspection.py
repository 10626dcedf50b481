"""What a network sees, against finite differences, brute force and other algorithms."""

import numpy as np
import pytest
from differences import numerical_gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import finished, pixels, toy_run, toy_set

from mnistlab import Conv2D, Dense, Dropout, Flatten, MaxPool2D, Network, ReLU, Reshape, Sigmoid, Tanh
from mnistlab.inspection import (
    as_rows,
    between,
    copy_of,
    dead_units,
    first_filters,
    gradient_times_input,
    health,
    nearest,
    occlusion,
    pca,
    scaled,
    stages,
    tempered,
    through,
    weighted_sum,
)
from mnistlab.losses import make_loss, softmax


def dense(activation=Tanh, dtype=np.float64, inputs=16):
    return Network([Dense(inputs, 6), activation(), Dropout(0.5), Dense(6, 5), activation(), Dense(5, 3)], rng(), dtype)


def convolutional(dtype=np.float64):
    layers = [
        Reshape(1, 6, 6), Conv2D(1, 4, 3, padding=1), ReLU(), MaxPool2D(2), Conv2D(4, 2, 3), Tanh(), Flatten(),
        Dense(2, 3),
    ]
    return Network(layers, rng(), dtype)


def rng(seed=0):
    return np.random.default_rng(seed)


BOTH = pytest.mark.parametrize("network", [dense(), convolutional()], ids=["dense", "convolutional"])


def state_of(network):
    return [network.parameters.copy(), network.state.copy(), network.gradient.copy()]


# Stages


def test_stages_are_pixels_hidden_layers_behind_their_activation_and_logits():
    assert [tuple(stage) for stage in stages(dense())] == [
        ("Pixels", 0, 16, False, None), ("Hidden layer 1", 2, 6, True, 0), ("Hidden layer 2", 5, 5, True, 3),
        ("Logits", 6, 3, False, 5),
    ]
    assert [stage[:3] for stage in stages(convolutional())] == [
        ("Pixels", 0, 36), ("Convolution 1", 3, 4), ("Convolution 2", 6, 2), ("Logits", 8, 3),
    ]


def test_a_network_of_one_layer_has_no_hidden_one():
    only = Network([Dense(4, 3)], rng())
    assert [stage.hidden for stage in stages(only)] == [False, False]
    assert health(only, np.ones((2, 4), np.float32), np.array([0, 1])).dead == []


@BOTH
def test_going_through_in_two_parts_is_going_through_at_once(network):
    x = rng(1).random((7, network.inputs))
    for stage in stages(network):
        features = through(network, x, 0, stage.stop)
        np.testing.assert_array_equal(through(network, features, stage.stop), network.forward(x))
        assert as_rows(features).shape[0] == 7


def test_batch_norm_belongs_to_its_layer(sample):
    run = finished(toy_run(toy_set(40), toy_set(20, seed=1), batch_norm=True, hidden_layers=2, dropout_rate=0.5))
    assert [stage.stop for stage in stages(run.network)] == [0, 3, 7, 9]


@BOTH
def test_a_copy_answers_alike_and_is_independent(network):
    x = rng(1).random((5, network.inputs))
    copied = copy_of(network)
    np.testing.assert_array_equal(copied.forward(x), network.forward(x))
    before = network.parameters.copy()
    copied.parameters += 1
    np.testing.assert_array_equal(network.parameters, before)
    assert copy_of(network, copied) is copied and (copied.parameters == before).all()
    assert copy_of(dense(inputs=9), copied) is not copied


@pytest.mark.parametrize("look", [
    lambda network, x: gradient_times_input(network, x, [0, 1]),
    lambda network, x: occlusion(network, x[0], 1, (4, 4) if network.inputs == 16 else (6, 6), 3),
    lambda network, x: health(network, x, np.array([0, 1])),
    lambda network, x: through(network, x),
])
@BOTH
def test_looking_changes_nothing(network, look):
    network.gradient[:] = 7
    before = state_of(network)
    look(network, rng(2).random((2, network.inputs)))
    for left, right in zip(before, state_of(network)):
        np.testing.assert_array_equal(left, right)


def test_first_filters_are_the_weights_of_each_unit():
    network = dense()
    filters = first_filters(network)
    assert filters.shape == (6, 4, 4)
    np.testing.assert_array_equal(filters[2].ravel(), network.layers[0].weights[:, 2])
    assert first_filters(convolutional()).shape == (4, 3, 3)
    with pytest.raises(ValueError, match="15 values, which form no square"):
        first_filters(dense(inputs=15))


# Which pixels matter


@BOTH
def test_the_gradient_by_pixels_is_the_one_of_finite_differences(network):
    x, classes = rng(3).random((3, network.inputs)), np.array([2, 0, 1])
    gradient, product = gradient_times_input(network, x, classes)
    expected = numerical_gradient(lambda: network.forward(x)[np.arange(3), classes].sum(), x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(product, x * expected, rtol=1e-6, atol=1e-8)


def test_the_products_of_a_relu_network_without_biases_add_up_to_the_logit():
    network = dense(ReLU)
    x = rng(4).random((8, 16))
    _, product = gradient_times_input(network, x, np.ones(8, int))
    np.testing.assert_allclose(product.sum(axis=1), network.forward(x)[:, 1], atol=1e-12)


def hidden_one_by_one(network, x, label, shape, size, stride, fill):
    """Occlusion by a loop over pixels: for each, the mean over all squares that hide it."""
    sides = [sorted({*range(0, side - size + 1, stride), side - size}) for side in shape]
    whole = softmax(network.forward(x[None]))[0, label]
    found = np.zeros(shape)
    for row in range(shape[0]):
        for column in range(shape[1]):
            drops = []
            for i in sides[0]:
                for j in sides[1]:
                    if i <= row < i + size and j <= column < j + size:
                        image = x.reshape(shape).copy()
                        image[i : i + size, j : j + size] = fill
                        drops.append(whole - softmax(network.forward(image.reshape(1, -1)))[0, label])
            found[row, column] = np.mean(drops) if drops else 0
    return found


@pytest.mark.parametrize("size, stride, fill", [(1, 1, 0.0), (3, 1, 0.0), (3, 2, 0.5), (2, 3, 0.0), (4, 5, 0.0)])
@BOTH
def test_occlusion_is_what_a_plain_loop_finds(network, size, stride, fill):
    shape = (4, 4) if network.inputs == 16 else (6, 6)
    x = rng(5).random(network.inputs)
    expected = hidden_one_by_one(network, x, 1, shape, size, stride, fill)
    np.testing.assert_allclose(occlusion(network, x, 1, shape, size, stride, fill), expected, atol=1e-12)


def test_both_maps_find_the_pixel_that_tells_the_class():
    train_set = toy_set(240)
    run = finished(toy_run(train_set, toy_set(60, seed=1), epochs=20))
    x = pixels(train_set)[:3]
    product = gradient_times_input(run.network, x, np.arange(3))[1]
    for label in range(3):
        assert product[label].argmax() == label
        assert occlusion(run.network, x[label], label, (4, 4), 1, 1).argmax() == label


@pytest.mark.parametrize("shape, size, stride", [((4, 5), 2, 1), ((4, 4), 5, 1), ((4, 4), 0, 1), ((4, 4), 2, 0)])
def test_squares_that_do_not_fit_are_refused(shape, size, stride):
    with pytest.raises(ValueError, match="do not fit"):
        occlusion(dense(), np.zeros(16), 0, shape, size, stride)


# Layers as spaces


@pytest.mark.parametrize("n, d", [(400, 784), (50, 7), (7, 50), (20, 20)])
def test_principal_components_are_those_of_the_singular_values(n, d, sample):
    if d == 784:
        data = sample[0].images[:n].reshape(n, -1) / 255
    else:
        data = rng(6).normal(size=(n, d)) @ rng(7).normal(size=(d, d)) + 3
    found = pca(data, 3)
    middle = data.mean(axis=0)
    _, values, rows = np.linalg.svd(data - middle, full_matrices=False)
    signs = np.sign((rows[:3] * found.axes.T).sum(axis=1))
    np.testing.assert_allclose(found.axes, rows[:3].T * signs, atol=1e-7)
    np.testing.assert_allclose(found.points, (data - middle) @ found.axes, atol=1e-9)
    np.testing.assert_allclose(found.shares, values[:3] ** 2 / (values**2).sum(), rtol=1e-9)
    assert (found.axes[np.abs(found.axes).argmax(axis=0), range(3)] > 0).all()


def test_the_whole_sample_has_the_components_of_its_singular_values(sample):
    data = sample[0].images[:4000].reshape(4000, -1) / 255
    found = pca(data)
    _, values, rows = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs((rows[:2] * found.axes.T).sum(axis=1)), 1, atol=1e-9)
    np.testing.assert_allclose(found.shares, values[:2] ** 2 / (values**2).sum(), rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 1000), st.booleans())
def test_components_keep_what_they_promise(n, d, seed, flat):
    data = rng(seed).normal(size=(n, d)) * (0 if flat else 1)
    found = pca(data)
    assert np.isfinite(found.points).all() and (found.shares >= 0).all() and found.shares.sum() <= 1 + 1e-9
    np.testing.assert_allclose(found.points.mean(axis=0), 0, atol=1e-9)
    if not flat and n > 2:
        np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(2), atol=1e-7)


@pytest.mark.parametrize("shape, count", [((1, 5), 1), ((5, 1), 2), ((5, 5), 0)])
def test_directions_that_cannot_be_found_are_refused(shape, count):
    with pytest.raises(ValueError, match="cannot be found"):
        pca(np.zeros(shape), count)


def test_neighbours():
    data, points = rng(8).normal(size=(40, 5)), rng(9).normal(size=(6, 5))
    distances = np.linalg.norm(data[None] - points[:, None], axis=2)
    rows, found = nearest(data, points)
    np.testing.assert_array_equal(rows, distances.argmin(axis=1))
    np.testing.assert_allclose(found, distances.min(axis=1))
    np.testing.assert_array_equal(nearest(data, data)[0], np.arange(40))
    rows, found = nearest(data)
    among = np.linalg.norm(data[None] - data[:, None], axis=2) + 1e9 * np.eye(40)
    np.testing.assert_array_equal(rows, among.argmin(axis=1))
    np.testing.assert_allclose(found, among.min(axis=1))


@given(st.integers(2, 9), st.integers(0, 100))
def test_a_line_between_two_images_has_both_ends_and_equal_steps(count, seed):
    first, second = rng(seed).random((2, 4, 4))
    points = between(first, second, count)
    np.testing.assert_array_equal(points[0], first)
    np.testing.assert_array_equal(points[-1], second)
    np.testing.assert_allclose(np.diff(points, axis=0), (second - first) / (count - 1) + np.zeros_like(points[1:]))


# Units


@given(st.lists(st.floats(0, 2), min_size=6, max_size=6), st.integers(0, 5), st.integers(0, 100))
def test_a_unit_scaled_by_one_is_as_it_was_and_by_zero_as_if_its_weights_were_zero(factors, unit, seed):
    network, x = dense(), rng(seed).random((4, 16))
    stage = stages(network)[1]
    features = through(network, x, 0, stage.stop)
    np.testing.assert_array_equal(scaled(features, np.ones(6)), features)
    np.testing.assert_allclose(scaled(features, factors), features @ np.diag(factors))
    factors[unit] = 0
    given_up = copy_of(network)
    given_up.layers[3].weights[:] *= np.array(factors)[:, None]
    logits = through(network, scaled(features, factors), stage.stop)
    np.testing.assert_allclose(logits, given_up.forward(x), atol=1e-12)


def test_a_channel_is_scaled_as_its_filter_would_be():
    network, x = convolutional(), rng(10).random((4, 36))
    features = through(network, x, 0, 3)
    np.testing.assert_array_equal(scaled(features, np.ones(4)), features)
    weaker = copy_of(network)
    weaker.layers[1].weights[2] *= 0.5  # behind ReLU, without a bias, half the filter is half the channel
    factors = np.array([1, 1, 0.5, 1])
    np.testing.assert_allclose(through(network, scaled(features, factors), 3), weaker.forward(x), atol=1e-12)


def test_a_relu_pushed_below_zero_is_dead_and_its_weights_get_no_gradient():
    network, x, labels = dense(ReLU), rng(11).random((20, 16)), np.arange(20) % 3
    network.layers[0].biases[[1, 4]] = -1e3
    features = through(network, x, 0, 2)
    expected = (features == features[0]).all(axis=0)
    assert expected[[1, 4]].all()
    np.testing.assert_array_equal(dead_units(features), expected)
    assert health(network, x, labels).dead[0] == expected.mean() >= 2 / 6
    network.layers[0].biases[:] = -1e3
    assert health(network, x, labels).norms[0] == 0 and health(network, x, labels).dead == [1, 1]


def test_a_saturated_sigmoid_and_a_channel_that_is_off_are_dead():
    network = dense(Sigmoid)
    network.layers[0].biases[0] = 1e3
    assert dead_units(through(network, rng(12).random((5, 16)), 0, 2))[0]
    other = convolutional()
    other.layers[1].biases[:] = [-9, 9, 9, -9]
    assert dead_units(through(other, rng(12).random((5, 36)), 0, 3)).tolist() == [True, False, False, True]


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error"])
@BOTH
def test_norms_are_those_of_the_gradient_by_finite_differences(network, loss):
    x, labels, measure = rng(13).random((4, network.inputs)), np.array([0, 1, 2, 1]), make_loss(loss)
    gradient = numerical_gradient(lambda: measure.forward(network.forward(x), labels).mean(), network.parameters)
    expected = [np.linalg.norm(gradient[part]) for part in network.weight_slices]
    np.testing.assert_allclose(health(network, x, labels, loss).norms, expected, rtol=1e-6)


# One forward pass


@BOTH
def test_every_weighted_sum_is_the_layers_own(network):
    x = rng(14).random((1, network.inputs))
    for place, layer in enumerate(network.layers):
        given_x = through(network, x, 0, place)
        answer = through(network, given_x, place, place + 1)
        for unit in range(len(getattr(layer, "biases", ()))):
            found = weighted_sum(layer, given_x, unit)
            own = answer[0, unit] if found.place is None else answer[unit, :, :, 0].max()
            assert found.value == pytest.approx(own)
            assert (found.inputs * found.weights).sum() + found.bias == pytest.approx(own)
            assert found.inputs.shape == found.weights.shape


def test_a_unit_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no unit 6; the layer has units 0 to 5"):
        weighted_sum(dense().layers[0], np.zeros((1, 16)), 6)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.floats(0.1, 20))
def test_temperature_one_is_softmax_and_the_order_of_classes_stays(values, temperature):
    logits = np.array([values])
    np.testing.assert_array_equal(tempered(logits, 1), softmax(logits))
    p = tempered(logits, temperature)[0]
    assert p.sum() == pytest.approx(1)
    weights = np.exp((logits[0] - logits.max()) / temperature)
    np.testing.assert_allclose(p, weights / weights.sum(), rtol=1e-9)
    hotter = tempered(logits, 2 * temperature)[0]
    assert hotter.max() <= p.max() + 1e-12
    assert tempered(np.float32([[1, 2]]), 0.5).dtype == np.float32


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="must be above 0"):
        tempered(np.zeros((1, 2)), temperature)
