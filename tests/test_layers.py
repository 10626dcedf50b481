"""Layers and networks: gradients against finite differences, sizes, and buffers that are used again."""

import copy
import math
import pickle

import numpy as np
import pytest
from differences import assert_same_gradient, numerical_gradient
from toys import finished, toy_run, toy_set

from mnistlab import BatchNorm, Dense, Dropout, LeakyReLU, Network, ReLU, Settings, Sigmoid, Tanh, build, train
from mnistlab.initialisers import INITIALISERS
from mnistlab.layers import Layer
from mnistlab.losses import LOSSES, make_loss
from mnistlab.network import parameter_count, state_count

SHAPES = [(1, 1, 1), (1, 5, 3), (4, 1, 3), (3, 4, 1), (7, 3, 5)]


def network_of(layers, seed=0):
    network = Network(layers, np.random.default_rng(seed), np.float64)
    network.parameters += 0.1 * np.random.default_rng(seed + 1).standard_normal(len(network.parameters))  # biases too
    return network


@pytest.mark.parametrize("batch, inputs, outputs", SHAPES)
def test_dense_has_the_gradient_of_its_parameters_and_of_its_input(batch, inputs, outputs):
    rng = np.random.default_rng(2)
    network = network_of([Dense(inputs, outputs)])
    x, above = rng.standard_normal((batch, inputs)), rng.standard_normal((batch, outputs))

    def value():
        return np.sum(network.forward(x) * above)

    value()
    to_input = network.backward(above.copy(), to_input=True)
    assert_same_gradient(to_input, numerical_gradient(value, x))
    assert_same_gradient(network.gradient, numerical_gradient(value, network.parameters))


@pytest.mark.parametrize("batch, units", [(1, 1), (1, 6), (5, 1), (4, 3)])
def test_relu_has_the_gradient_of_its_input(batch, units):
    rng = np.random.default_rng(3)
    # Not within a step of the kink at zero, where no derivative exists; negative and positive by turns.
    x = (0.1 + rng.random((batch, units))) * np.where(np.arange(batch * units) % 2, 1, -1).reshape(batch, units)
    above = rng.standard_normal((batch, units))
    layer = ReLU()
    expected = numerical_gradient(lambda: np.sum(layer.forward(x) * above), x)
    layer.forward(x)
    assert_same_gradient(layer.backward(above.copy()), expected)


def test_relu_lets_no_gradient_through_at_exactly_zero():
    layer = ReLU()
    layer.forward(np.array([[-1.0, 0.0, 2.0]]))
    assert layer.backward(np.ones((1, 3))).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 1), (4, 3), (2, 3, 4, 1)])
@pytest.mark.parametrize("layer", [LeakyReLU(0.2), LeakyReLU(0), Sigmoid(), Tanh()], ids=repr)
def test_an_activation_has_the_gradient_of_its_input(layer, shape):
    rng = np.random.default_rng(3)
    x = (0.1 + 2 * rng.random(shape)) * np.where(np.arange(np.prod(shape)) % 2, 1, -1).reshape(shape)
    above = rng.standard_normal(shape)
    expected = numerical_gradient(lambda: np.sum(layer.forward(x) * above), x)
    layer.forward(x)
    assert_same_gradient(layer.backward(above.copy()), expected)


def test_the_activations_have_the_values_of_their_equations():
    x = [-3.0, -0.5, 0.0, 0.5, 3.0]
    for layer, function in (
        (LeakyReLU(0.1), lambda v: v if v > 0 else 0.1 * v),
        (Sigmoid(), lambda v: 1 / (1 + math.exp(-v))),
        (Tanh(), math.tanh),
    ):
        np.testing.assert_allclose(layer.forward(np.array([x])), [[function(v) for v in x]], rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_and_tanh_are_quiet_and_right_for_huge_inputs(dtype):
    x = np.array([[-1e30, -1000, -80, 80, 1000, 1e30]], dtype)
    with np.errstate(all="raise", under="ignore"):
        sigmoid, tanh = Sigmoid().forward(x), Tanh().forward(x)
    assert sigmoid.dtype == tanh.dtype == dtype
    assert sigmoid[0, [0, 1, 3, 4, 5]].tolist() == [0, 0, 1, 1, 1]
    assert sigmoid[0, 2] == pytest.approx(math.exp(-80), rel=1e-5)
    assert tanh.tolist() == [[-1, -1, -1, 1, 1, 1]]


@pytest.mark.parametrize("slope", [-0.1, 1, float("nan")])
def test_leaky_relu_refuses_a_slope_outside_zero_to_one(slope):
    with pytest.raises(ValueError, match="LeakyReLU was given slope=.*at least 0 and below 1"):
        LeakyReLU(slope)


def norm_of(units, dtype=np.float64):
    """A BatchNorm within a network, with a scale, a shift and running statistics that are not those it began with."""
    network = Network([BatchNorm(units)], np.random.default_rng(0), dtype)
    rng = np.random.default_rng(1)
    network.parameters[:], network.state[:] = rng.uniform(0.5, 2, (2, 2 * units))
    return network, network.layers[0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 1), (7, 3), (3, 2, 5, 1), (1, 3, 2, 4)])
def test_batch_norm_has_the_gradient_of_its_parameters_and_of_its_input(shape, training):
    network, layer = norm_of(shape[1] if len(shape) == 2 else shape[0])
    rng = np.random.default_rng(2)
    x, above = rng.standard_normal(shape), rng.standard_normal(shape)
    running = network.state.copy()

    def value():
        network.state[:] = running
        return np.sum(layer.forward(x, rng if training else None) * above)

    expected, expected_of_parameters = numerical_gradient(value, x), numerical_gradient(value, network.parameters)
    value()
    assert_same_gradient(layer.backward(above.copy()), expected)
    assert_same_gradient(network.gradient, expected_of_parameters)


def test_batch_norm_trains_on_the_batch_and_infers_from_the_running_statistics():
    network, layer = norm_of(2)
    x = np.random.default_rng(3).normal(5, 3, (400, 2))
    mean, variance = layer.running_mean.copy(), layer.running_variance.copy()
    given = layer.forward(x)
    np.testing.assert_allclose(given, layer.scale * (x - mean) / np.sqrt(variance + 1e-5) + layer.shift)
    assert np.array_equal(network.state, [*mean, *variance])
    given = layer.forward(x, np.random.default_rng(0))
    expected = layer.scale * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + layer.shift
    np.testing.assert_allclose(given, expected)
    np.testing.assert_allclose(layer.running_mean, 0.9 * mean + 0.1 * x.mean(axis=0))
    np.testing.assert_allclose(layer.running_variance, 0.9 * variance + 0.1 * x.var(axis=0, ddof=1))


def test_batch_norm_of_images_measures_each_channel():
    _, layer = norm_of(3)
    x = np.random.default_rng(4).normal(2, 3, (3, 4, 5, 6))
    given = layer.forward(x, np.random.default_rng(0))
    for channel in range(3):
        h = (x[channel] - x[channel].mean()) / np.sqrt(x[channel].var() + 1e-5)
        np.testing.assert_allclose(given[channel], layer.scale[channel] * h + layer.shift[channel])


def test_running_statistics_come_to_those_of_the_data():
    network = Network([BatchNorm(1)], np.random.default_rng(0))
    rng = np.random.default_rng(5)
    assert network.state.tolist() == [0, 1]
    for _ in range(200):
        network.forward(rng.normal(4, 2, (500, 1)).astype(np.float32), rng)
    assert network.state.dtype == np.float32
    np.testing.assert_allclose(network.state, [4, 4], rtol=0.05)


def test_a_single_row_leaves_the_running_statistics_as_they_are():
    network, rng = Network([BatchNorm(2)], np.random.default_rng(0)), np.random.default_rng(0)
    assert network.forward(np.float32([[3, 4]]), rng).tolist() == [[0, 0]]
    assert network.state.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("lowest", [BatchNorm(3), Dense(3, 3)], ids=str)
def test_only_who_asks_for_the_gradient_of_the_input_is_given_it(lowest):
    network, x = network_of([ReLU(), lowest, Dense(3, 2)]), np.ones((4, 3))
    for wanted in False, True:
        network.forward(x, np.random.default_rng(0))
        gradient = network.backward(np.ones((4, 2)), wanted)
        assert gradient.shape == x.shape if wanted else gradient is None


def test_the_state_of_a_network_is_one_vector_that_its_layers_look_into():
    network = network_of([Dense(3, 2), BatchNorm(2), Dense(2, 4), BatchNorm(4)])
    network.state[:] = np.arange(12)
    first, last = network.layers[1], network.layers[3]
    views = (first.running_mean, first.running_variance, last.running_mean, last.running_variance)
    assert np.concatenate(views).tolist() == list(range(12))
    assert len(network_of([Dense(3, 2), ReLU()]).state) == 0 and state_count([["Dense", 3, 2], ["BatchNorm", 2]]) == 4


@pytest.mark.parametrize("name, inside", [
    ("he", lambda w: abs(w.std() - math.sqrt(2 / 500)) < 1e-3),
    ("glorot", lambda w: 0.99 < abs(w).max() / math.sqrt(6 / 900) <= 1 and w.min() < 0 < w.max()),
    ("lecun", lambda w: abs(w.std() - math.sqrt(1 / 500)) < 1e-3),
    ("tutorial", lambda w: 0.099 < abs(w).max() <= 0.1 and w.min() < 0 < w.max()),
])
def test_an_initialiser_is_chosen_by_name_and_kept_in_the_description(name, inside):
    network = Network([Dense(500, 400, initialiser=name)], np.random.default_rng(14))
    assert inside(network.layers[0].weights)
    assert abs(network.layers[0].weights.mean()) < 1e-3 and not network.layers[0].biases.any()
    assert Network.from_description(network.describe(), np.random.default_rng(0)).layers[0].draw is INITIALISERS[name]


def test_the_default_weights_are_those_that_they_always_were():
    rng = np.random.default_rng(15)
    expected = (rng.standard_normal((7, 5)) * math.sqrt(2 / 7)).astype(np.float32)
    assert np.array_equal(Network([Dense(7, 5)], np.random.default_rng(15)).layers[0].weights, expected)


def test_the_tutorials_weights_are_those_of_its_expression():
    expected = 0.2 * np.random.default_rng(16).random((7, 5)) - 0.1
    assert np.array_equal(network_of_exactly([Dense(7, 5, "tutorial")], 16).layers[0].weights, expected)


def network_of_exactly(layers, seed):
    return Network(layers, np.random.default_rng(seed), np.float64)


def test_an_unknown_initialiser_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="no initialiser 'zeros'.*he, glorot, lecun, tutorial"):
        Dense(3, 4, initialiser="zeros")


def test_batch_norm_refuses_another_number_of_values():
    with pytest.raises(ValueError, match=r"Dense\(3, 4\) gives 4 values but BatchNorm\(5\) expects 5 values"):
        network_of([Dense(3, 4), Tanh(), BatchNorm(5)])
    with pytest.raises(ValueError, match="BatchNorm was given inputs=0"):
        BatchNorm(0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_layer_keeps_the_dtype(dtype):
    layers = [Dense(4, 6), BatchNorm(6), LeakyReLU(), Dense(6, 5, "glorot"), Sigmoid(), Tanh(), Dense(5, 2)]
    network = Network(layers, np.random.default_rng(0), dtype)
    x = np.ones((3, 4), dtype)
    for layer in layers:
        x = layer.forward(x, np.random.default_rng(1))
        assert x.dtype == dtype
    gradient = np.ones((3, 2), dtype)
    for layer in reversed(layers):
        gradient = layer.backward(gradient)
        assert gradient.dtype == dtype
    assert network.gradient.dtype == network.state.dtype == dtype


@pytest.mark.parametrize("batch, units", [(1, 1), (1, 6), (5, 1), (6, 4)])
def test_dropout_has_the_gradient_of_its_input_through_the_mask_it_drew(batch, units):
    rng = np.random.default_rng(4)
    x, above = rng.standard_normal((batch, units)), rng.standard_normal((batch, units))
    layer = Dropout(0.4)

    def value():
        return np.sum(layer.forward(x, np.random.default_rng(5)) * above)

    expected = numerical_gradient(value, x)
    value()
    assert_same_gradient(layer.backward(above.copy()), expected)


def test_dropout_drops_its_share_and_keeps_the_expected_sum():
    y = Dropout(0.3).forward(np.ones((400, 500), np.float32), np.random.default_rng(6))
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.01)


def test_dropout_does_nothing_without_a_generator_or_with_rate_zero():
    x = np.ones((2, 3))
    above = np.full((2, 3), 5.0)
    for layer, rng in ((Dropout(0.5), None), (Dropout(0), np.random.default_rng(0))):
        assert (layer.forward(x, rng) == 1).all()
        assert (layer.backward(above) == 5).all()


def test_dropout_at_inference_forgets_the_mask_of_the_step_before():
    layer = Dropout(0.9)
    layer.forward(np.ones((2, 50)), np.random.default_rng(0))
    layer.forward(np.ones((2, 50)))
    assert (layer.backward(np.ones((2, 50))) == 1).all()


@pytest.mark.parametrize("loss_name", LOSSES)
@pytest.mark.parametrize("batch, inputs, hidden, classes", [(1, 3, 1, 2), (1, 1, 4, 3), (5, 4, 3, 1), (6, 5, 7, 4)])
def test_a_whole_network_has_the_gradient_of_its_loss(loss_name, batch, inputs, hidden, classes):
    rng = np.random.default_rng(7)
    network = network_of(
        [Dense(inputs, hidden), ReLU(), Dropout(0.3), Dense(hidden, hidden), ReLU(), Dense(hidden, classes)], seed=8
    )
    x, labels, loss = rng.standard_normal((batch, inputs)), rng.integers(0, classes, batch), make_loss(loss_name)

    def value():
        return loss.forward(network.forward(x, np.random.default_rng(9)), labels).mean()

    expected = numerical_gradient(value, network.parameters)
    expected_to_input = numerical_gradient(value, x)
    value()
    to_input = network.backward(loss.backward(), to_input=True)
    assert_same_gradient(network.gradient, expected)
    assert_same_gradient(to_input, expected_to_input)


def test_the_gradient_to_the_input_is_left_out_unless_asked_for():
    network = network_of([Dense(3, 4), ReLU(), Dense(4, 2)])
    network.forward(np.ones((5, 3)))
    assert network.backward(np.ones((5, 2))) is None


def test_a_gradient_replaces_the_one_of_the_step_before():
    network = network_of([Dense(3, 2)])
    for _ in range(2):
        network.forward(np.ones((5, 3)))
        network.backward(np.ones((5, 2)))
    assert (network.gradient == 5).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_smaller_batch_after_a_larger_one_gives_its_own_rows(dtype):
    rng = np.random.default_rng(10)
    layers = [Dense(4, 6), ReLU(), Dropout(0.5), Dense(6, 3)]
    network = Network(layers, np.random.default_rng(11), dtype)
    fresh = Network([Dense(4, 6), ReLU(), Dropout(0.5), Dense(6, 3)], np.random.default_rng(11), dtype)
    large, small = rng.standard_normal((8, 4)).astype(dtype), rng.standard_normal((3, 4)).astype(dtype)
    network.forward(large, np.random.default_rng(12))
    network.backward(np.ones((8, 3), dtype))
    given, expected = (each.forward(small, np.random.default_rng(13)) for each in (network, fresh))
    assert given.shape == (3, 3) and given.dtype == dtype
    assert np.array_equal(given, expected)
    above = rng.standard_normal((3, 3)).astype(dtype)
    to_input = [each.backward(above.copy(), to_input=True) for each in (network, fresh)]
    assert np.array_equal(*to_input)
    assert np.array_equal(network.gradient, fresh.gradient)


@pytest.mark.parametrize("layer", [ReLU(), Dropout(0.5), LeakyReLU(0.1), Sigmoid(), Tanh()])
def test_a_layer_without_sizes_takes_a_batch_of_another_width(layer):
    layer.forward(np.ones((5, 3)), np.random.default_rng(0))
    assert layer.forward(np.ones((4, 1)), np.random.default_rng(0)).shape == (4, 1)


def test_a_layer_that_is_given_another_dtype_answers_in_that_dtype():
    layer = Tanh()
    for dtype in (np.float32, np.float64, np.float32):
        assert layer.forward(np.ones((2, 3), dtype)).dtype == dtype


def test_dense_starts_with_he_weights_and_no_biases():
    layer = Network([Dense(500, 400)], np.random.default_rng(14)).layers[0]
    assert layer.weights.std() == pytest.approx(np.sqrt(2 / 500), rel=0.01)
    assert abs(layer.weights.mean()) < 1e-3
    assert not layer.biases.any()


def test_all_parameters_are_views_of_one_flat_float32_vector():
    network = build(Settings(hidden_size=5), np.random.default_rng(0), inputs=3, classes=2)
    assert network.parameters.dtype == network.gradient.dtype == np.float32
    assert len(network.parameters) == 3 * 5 + 5 + 5 * 2 + 2 == parameter_count(network.describe())
    network.parameters[:] = np.arange(len(network.parameters))
    first, _, _, last = network.layers
    views = (first.weights, first.biases, last.weights, last.biases)
    assert np.concatenate([view.ravel() for view in views]).tolist() == list(range(32))


def test_a_network_is_made_again_from_its_description():
    network = build(Settings(hidden_size=5, dropout_rate=0.25), np.random.default_rng(0), inputs=3, classes=2)
    assert network.describe() == [["Dense", 3, 5], ["ReLU"], ["Dropout", 0.25], ["Dense", 5, 2]]
    again = Network.from_description(network.describe(), np.random.default_rng(0))
    assert again.describe() == network.describe()
    assert np.array_equal(again.parameters, network.parameters)


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 3), (2.5, 3)])
def test_dense_refuses_a_size_that_is_not_a_whole_number_of_at_least_one(sizes):
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        Dense(*sizes)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_dropout_refuses_a_rate_outside_zero_to_one(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        Dropout(rate)


def test_neighbours_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"Dense\(3, 4\) gives 4 values but Dense\(5, 2\) expects 5"):
        network_of([Dense(3, 4), ReLU(), Dense(5, 2)])


def test_a_network_without_weights_is_refused():
    with pytest.raises(ValueError, match="at least one layer with weights"):
        network_of([ReLU()])


@pytest.mark.parametrize("shape", [(2, 4), (2, 2), (3,), (1, 1, 3)])
def test_a_batch_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expects batches of shape \(b, 3\)"):
        network_of([Dense(3, 2)]).forward(np.ones(shape))


def test_an_unknown_layer_is_refused_with_the_layers_there_are():
    with pytest.raises(ValueError, match="no layer 'Pool'.*Dense, ReLU, Dropout"):
        Network.from_description([["Dense", 3, 2], ["Pool"]], np.random.default_rng(0))


@pytest.mark.parametrize("size", [float("nan"), float("inf"), "5", None, True])
def test_a_size_that_is_no_number_is_refused(size):
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        Dense(size, 4)


@pytest.mark.parametrize("kind", [Dropout, LeakyReLU])
@pytest.mark.parametrize("rate", ["a", None, True])
def test_a_rate_that_is_no_number_is_refused(kind, rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        kind(rate)


def test_a_layer_serves_one_place_in_one_network():
    relu = ReLU()
    with pytest.raises(ValueError, match=r"ReLU\(\) is in a network already"):
        network_of([Dense(3, 4), relu, Dense(4, 4), relu, Dense(4, 2)])
    first = Dense(3, 2)
    network_of([first])
    with pytest.raises(ValueError, match=r"Dense\(3, 2\) is in a network already"):
        network_of([first])


@pytest.mark.parametrize("layers, rng, dtype, sentence", [
    ([Dense(3, 4), ReLU], np.random.default_rng(0), np.float32,
     r"a list of layers such as \[Dense\(784, 10\), ReLU\(\)\]; got the class ReLU"),
    ([Dense(3, 4)], 0, np.float32, "a numpy Generator, such as np.random.default_rng\\(0\\); got 0"),
    ([Dense(3, 4)], np.random.default_rng(0), int, "float32 or float64, not int64"),
])
def test_what_makes_no_network_is_refused(layers, rng, dtype, sentence):
    with pytest.raises(ValueError, match=sentence):
        Network(layers, rng, dtype)


@pytest.mark.parametrize("x", [[[1.0, 2.0, 3.0]], np.ones((2, 3), np.uint8), np.ones((2, 3), np.float32)])
def test_a_batch_of_another_type_is_refused(x):
    with pytest.raises(ValueError, match="The network (expects|computes in)"):
        network_of([Dense(3, 2)]).forward(x)


def test_a_gradient_without_a_forward_pass_or_of_another_shape_is_refused():
    network = network_of([Dense(3, 2)])
    with pytest.raises(ValueError, match="call forward first"):
        network.backward(np.ones((4, 2)))
    network.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"logits of shape \(4, 2\); the gradient has \(4, 3\)"):
        network.backward(np.ones((4, 3)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_columns_that_are_0_in_a_whole_batch_change_nothing(dtype):
    """Dense leaves them out of its products; the others find the same y and the same gradients."""
    rng, near = np.random.default_rng(0), 1e-4 if dtype == np.float32 else 1e-9
    x, full = (rng.standard_normal((rows, 600)).astype(dtype) for rows in (7, 4))
    x[:, 31:201] = x[:, rng.permutation(600)[:150]] = 0  # whole pairs, halves of pairs, and both ends of a stretch
    x[0, 500:502] = -0.0, np.nan
    x[1:, 500:502] = 0
    (dense,), above = Network([Dense(600, 7)], rng, dtype).layers, rng.standard_normal((7, 7)).astype(dtype)
    # Fewer rows than units, as many (a product of its own), and fewer again.
    for batch, some in ((x[:6], True), (full, False), (x, True), (x[:3], True)):
        y = dense.forward(batch)
        assert y.shape == (len(batch), 7) and (dense.used is not None) == some
        dx = dense.backward(above[: len(batch)].copy())
        assert np.allclose(y, batch @ dense.weights + dense.biases, near, near, equal_nan=True)
        assert np.allclose(dense.weights_gradient, batch.T @ above[: len(batch)], near, near, equal_nan=True)
        assert np.allclose(dense.biases_gradient, above[: len(batch)].sum(axis=0), near, near)
        assert np.allclose(dx, above[: len(batch)] @ dense.weights.T, near, near)


def test_a_room_is_made_once_and_its_arrays_take_turns():
    layer = Layer()
    arrays = [layer.room("y", (5, 7), np.float32, 1000) for _ in range(30)]
    assert all(array.shape == (5, 7) and array.dtype == np.float32 and array.flags.c_contiguous for array in arrays)
    places = [array.ctypes.data for array in arrays]
    assert places[:5] * 6 == places and len(set(places)) == 5  # 48 numbers each, as many as fit in 250
    assert not any(place % 64 for place in places)
    assert not any(np.shares_memory(one, other) for one, other in zip(arrays, arrays[1:]))
    assert not np.shares_memory(layer.room("x", (5, 7), np.float32), arrays[0])


def test_a_room_without_turns_gives_the_same_place_also_after_a_larger_array():
    layer = Layer()
    large = layer.room("y", (512, 8), np.float32)
    places = {layer.room("y", (128, 8), np.float32).ctypes.data for _ in range(5)}
    assert places == {large.ctypes.data}


def test_a_room_that_is_to_take_turns_later_is_made_larger():
    layer = Layer()
    layer.room("y", (8, 8), np.float32)
    places = {layer.room("y", (8, 8), np.float32, 4 * 256).ctypes.data for _ in range(9)}
    assert len(places) == 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu_hands_on_what_is_no_number(dtype):
    y = ReLU().forward(np.array([[np.nan, np.inf, -np.inf, -0.0, -2, 3]], dtype))
    assert y.dtype == dtype and np.array_equal(y, [[np.nan, np.inf, 0, 0, 0, 3]], equal_nan=True)


def test_a_room_grows_and_changes_its_type_when_it_has_to():
    layer = Layer()
    for shape, dtype in (((2, 3), np.float32), ((9, 99), np.float32), ((4,), np.float64), ((2, 3), np.float32)):
        array = layer.room("y", shape, dtype)
        assert array.shape == shape and array.dtype == dtype
        assert np.shares_memory(array, layer.room("y", (2,), dtype))


def test_a_layer_prints_its_sizes_to_the_last_digit():
    assert repr(Dense(1234567, 3)) == "Dense(1234567, 3)" and repr(LeakyReLU(0.01)) == "LeakyReLU(0.01)"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copied_network_learns_for_itself(copied):
    run = toy_run(toy_set(60), toy_set(30, seed=1), batch_norm=True, epochs=5)
    next(run)
    network = copied(run.network)
    before = run.network.parameters.copy()
    other = finished(train(network, run.train_set, run.validation_set, run.settings))
    assert other.evaluation.accuracy == 1
    assert np.array_equal(run.network.parameters, before)
    assert np.shares_memory(network.layers[0].weights, network.parameters)
