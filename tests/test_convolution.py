"""Convolution, pooling and the way from rows to images and back: plain loops, finite differences, shapes."""

import numpy as np
import pytest
from differences import assert_same_gradient, numerical_gradient

from mnistlab import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, Network, ReLU, Reshape, convolution
from mnistlab.losses import make_loss
from mnistlab.network import parameter_count

# channels, height, width, batch; filters, kernel, stride, padding
CONVOLUTIONS = [
    ((1, 1, 1, 1), (1, 1, 1, 0)),
    ((1, 5, 4, 1), (1, 3, 1, 0)),
    ((2, 4, 6, 3), (3, 3, 1, 1)),
    ((3, 5, 7, 2), (2, 3, 2, 1)),
    ((2, 6, 5, 2), (1, 2, 2, 0)),
    ((1, 7, 4, 2), (2, 3, 3, 2)),
    ((2, 2, 3, 1), (2, 5, 1, 2)),
]
# channels, height, width, batch; size, stride
POOLINGS = [
    ((1, 1, 1, 1), (1, 1)),
    ((2, 4, 6, 3), (2, 2)),
    ((1, 5, 7, 2), (2, 2)),
    ((2, 7, 5, 1), (3, 2)),
    ((1, 8, 6, 2), (2, 3)),
    ((3, 4, 3, 2), (3, 1)),
]


@pytest.fixture(params=[1, 500, 2**20], ids="block of {} bytes".format)
def block(request, monkeypatch):
    """Windows laid out one row at a time, some rows at a time, and all at once."""
    monkeypatch.setattr(convolution, "BLOCK", request.param)


def conv_of(shape, filters, *sizes):
    """A Conv2D with parameters and their gradient in float64, biases not zero."""
    layer = Conv2D(shape[0], filters, *sizes)
    rng = np.random.default_rng(0)
    for name, wanted in layer.shapes.items():
        setattr(layer, name, rng.standard_normal(wanted))
        setattr(layer, name + "_gradient", np.full(wanted, np.nan))
    return layer


def looped_convolution(x, weights, biases, stride, padding):
    """The equation of Conv2D, one number at a time, with images (batch, channels, height, width)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    filters, _, kernel, _ = weights.shape
    rows, columns = ((side - kernel) // stride + 1 for side in x.shape[2:])
    y = np.empty((len(x), filters, rows, columns))
    for b, o, r, s in np.ndindex(y.shape):
        window = x[b, :, r * stride : r * stride + kernel, s * stride : s * stride + kernel]
        y[b, o, r, s] = biases[o] + sum(
            weights[o, c, i, j] * window[c, i, j] for c, i, j in np.ndindex(window.shape)
        )
    return y


@pytest.mark.parametrize("shape, sizes", CONVOLUTIONS)
def test_conv2d_gives_the_values_of_plain_loops(shape, sizes, block):
    layer = conv_of(shape, *sizes)
    x = np.random.default_rng(1).standard_normal(shape)
    expected = looped_convolution(x.transpose(3, 0, 1, 2), layer.weights, layer.biases, *sizes[2:])
    given = layer.forward(x)
    np.testing.assert_allclose(given.transpose(3, 0, 1, 2), expected, rtol=1e-12, atol=1e-12)
    assert given.shape[:3] == layer.output_shape(shape[:3])


@pytest.mark.parametrize("shape, sizes", CONVOLUTIONS)
def test_conv2d_has_the_gradient_of_its_parameters_and_of_its_input(shape, sizes, block):
    layer = conv_of(shape, *sizes)
    rng = np.random.default_rng(2)
    x = rng.standard_normal(shape)
    above = rng.standard_normal(layer.forward(x).shape)

    def value():
        return np.sum(layer.forward(x) * above)

    value()
    assert_same_gradient(layer.backward(above.copy()), numerical_gradient(value, x))
    assert_same_gradient(layer.weights_gradient, numerical_gradient(value, layer.weights))
    assert_same_gradient(layer.biases_gradient, numerical_gradient(value, layer.biases))


@pytest.mark.parametrize("shape, sizes", POOLINGS)
def test_max_pooling_gives_the_values_of_plain_loops_and_the_gradient_of_its_input(shape, sizes):
    rng = np.random.default_rng(3)
    layer, (size, stride) = MaxPool2D(*sizes), sizes
    # All different by more than a step of the differences: at a tie there is no derivative.
    x = rng.permutation(np.prod(shape)).reshape(shape) / 10.0
    given = layer.forward(x)
    assert given.shape[:3] == layer.output_shape(shape[:3])
    for c, r, s, b in np.ndindex(given.shape):
        window = x[c, r * stride : r * stride + size, s * stride : s * stride + size, b]
        assert window.shape == (size, size) and given[c, r, s, b] == max(window.ravel())
    above = rng.standard_normal(given.shape)
    expected = numerical_gradient(lambda: np.sum(layer.forward(x) * above), x)
    layer.forward(x)
    assert_same_gradient(layer.backward(above.copy()), expected)


def test_of_equal_pixels_the_first_takes_the_whole_gradient():
    layer = MaxPool2D(2)
    layer.forward(np.array([[0.0, 3.0, 1.0, 1.0], [3.0, 3.0, 1.0, 1.0]]).reshape(1, 2, 4, 1))
    given = layer.backward(np.array([5.0, 7.0]).reshape(1, 1, 2, 1))
    assert given[0, :, :, 0].tolist() == [[0, 5, 7, 0], [0, 0, 0, 0]]


def test_reshape_and_flatten_undo_each_other_and_keep_the_order_of_the_pixels():
    x = np.arange(2 * 12.0).reshape(2, 12)
    to_images, to_rows = Reshape(2, 3, 2), Flatten()
    images = to_images.forward(x)
    assert images.shape == (2, 3, 2, 2)
    assert np.array_equal(images.transpose(3, 0, 1, 2), x.reshape(2, 2, 3, 2))
    assert np.array_equal(to_rows.forward(images), x)
    assert np.array_equal(to_rows.backward(x), images)
    assert np.array_equal(to_images.backward(images), x)


def small_network(dtype=np.float64, seed=4):
    layers = [
        Reshape(1, 6, 5), Conv2D(1, 3, 3, 1, 1), BatchNorm(3), ReLU(), MaxPool2D(2), Conv2D(3, 2, 2, 1, 1, "lecun"),
        ReLU(), Flatten(), Dense(24, 3),
    ]
    return Network(layers, np.random.default_rng(seed), dtype)


def test_a_whole_convolutional_network_has_the_gradient_of_its_loss():
    network, rng, loss = small_network(), np.random.default_rng(5), make_loss("cross-entropy")
    network.parameters += 0.1 * rng.standard_normal(len(network.parameters))
    x, labels = rng.standard_normal((4, 30)), np.array([0, 2, 1, 1])

    def value():
        return loss.forward(network.forward(x, rng), labels).mean()

    expected, expected_to_input = numerical_gradient(value, network.parameters), numerical_gradient(value, x)
    value()
    assert_same_gradient(network.backward(loss.backward(), to_input=True), expected_to_input)
    assert_same_gradient(network.gradient, expected)
    network.gradient[:] = np.nan
    value()
    assert network.backward(loss.backward()) is None
    assert_same_gradient(network.gradient, expected)


def test_below_the_lowest_layer_with_weights_no_gradient_is_worked_out():
    network = small_network()
    asked = []
    for layer in network.layers:
        layer.backward = lambda gradient, to_input=True, layer=layer, kept=layer.backward: (
            asked.append((layer, to_input)), kept(gradient, to_input),
        )[1]
    network.forward(np.ones((2, 30)), np.random.default_rng(0))
    network.backward(np.ones((2, 3)))
    assert [layer for layer, _ in asked] == network.layers[:0:-1]
    assert [to_input for _, to_input in asked] == [True] * 7 + [False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_smaller_batch_after_a_larger_one_gives_its_own_rows(dtype):
    rng = np.random.default_rng(6)
    network, fresh = small_network(dtype), small_network(dtype)
    large, small, above = (rng.standard_normal(shape).astype(dtype) for shape in ((8, 30), (3, 30), (3, 3)))
    network.forward(large)
    network.backward(np.ones((8, 3), dtype), to_input=True)
    given, expected = (each.forward(small) for each in (network, fresh))
    assert given.shape == (3, 3) and given.dtype == dtype
    assert np.array_equal(given, expected)
    to_input = [each.backward(above.copy(), to_input=True) for each in (network, fresh)]
    assert to_input[0].dtype == dtype and np.array_equal(*to_input)
    assert np.array_equal(network.gradient, fresh.gradient)


def test_a_batch_that_may_not_be_written_to_is_read():
    x = np.ones((2, 30))
    x.flags.writeable = False
    network = small_network()
    network.forward(x, np.random.default_rng(0))
    network.backward(np.ones((2, 3)), to_input=True)


def test_a_convolutional_network_is_described_counted_and_made_again():
    network = small_network(np.float32)
    description = network.describe()
    assert description[:2] == [["Reshape", 1, 6, 5], ["Conv2D", 1, 3, 3, 1, 1]]
    assert description[4:6] == [["MaxPool2D", 2, 2], ["Conv2D", 3, 2, 2, 1, 1, "lecun"]]
    assert (network.inputs, network.outputs) == (30, 3)
    assert len(network.parameters) == parameter_count(description) == (9 * 3 + 3) + 6 + (12 * 2 + 2) + (24 * 3 + 3)
    again = Network.from_description(description, np.random.default_rng(4))
    assert again.describe() == description and np.array_equal(again.parameters, network.parameters)
    assert "Conv2D(3, 2, 2, 1, 1, 'lecun'), ReLU(), Flatten()" in repr(network)


def test_conv2d_starts_with_he_weights_for_the_pixels_that_feed_an_output():
    layer = Network([Reshape(20, 5, 5), Conv2D(20, 40, 5), Flatten()], np.random.default_rng(7)).layers[1]
    assert layer.weights.std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)
    assert not layer.biases.any()


@pytest.mark.parametrize("layers, sentence", [
    ([Dense(8, 9), Reshape(1, 2, 4)], r"Dense\(8, 9\) gives 9 values but Reshape\(1, 2, 4\) expects 8 values"),
    ([Reshape(2, 3, 3), Conv2D(1, 4, 3)],
     r"gives 2 channels of 3 x 3 but Conv2D\(1, 4, 3, 1, 0\) expects images of 1 channels"),
    ([Reshape(1, 3, 2), Conv2D(1, 4, 3), Flatten()], r"gives 1 channels of 3 x 2 but Conv2D.* at least 3 x 3 pixels"),
    ([Reshape(1, 2, 2), Conv2D(1, 4, 5, 1, 1), Flatten()], r"gives 1 channels of 2 x 2 but .* at least 3 x 3 pixels"),
    ([Reshape(1, 3, 3), Conv2D(1, 4, 3), MaxPool2D(2)], r"Conv2D.* gives 4 channels of 1 x 1 but MaxPool2D.* 2 x 2"),
    ([Reshape(1, 3, 3), Conv2D(1, 4, 3), ReLU(), Dense(4, 2)],
     r"Conv2D.* gives 4 channels of 1 x 1 but Dense\(4, 2\) expects 4 values \(Flatten\(\) makes them\)"),
    ([Reshape(2, 3, 3), BatchNorm(3)], r"gives 2 channels of 3 x 3 but BatchNorm\(3\) expects 3 channels"),
    ([Dense(9, 9), Conv2D(1, 4, 3)], r"Dense\(9, 9\) gives 9 values but Conv2D.* expects images of 1 channels"),
    ([Dense(9, 9), MaxPool2D(3)], r"Dense\(9, 9\) gives 9 values but MaxPool2D.* expects images"),
    ([Reshape(1, 3, 3), Conv2D(1, 4, 3)],
     r"Conv2D.* gives 4 channels of 1 x 1 but .* must end with rows .* Flatten\(\)"),
    ([Flatten(), Dense(9, 2)], r"The input gives 9 values but Flatten\(\) expects images"),
    ([Conv2D(1, 4, 3), Flatten()], "a Dense or Reshape that tells how many values"),
    ([Reshape(1, 3, 3), Flatten()], "at least one layer with weights"),
])
def test_neighbours_that_do_not_fit_are_refused(layers, sentence):
    with pytest.raises(ValueError, match=sentence):
        Network(layers, np.random.default_rng(0))


@pytest.mark.parametrize("make, sentence", [
    (lambda: Conv2D(0, 8, 3), "Conv2D was given inputs=0"),
    (lambda: Conv2D(1, 8.5, 3), "Conv2D was given outputs=8.5"),
    (lambda: Conv2D(1, 8, 3, 0), "Conv2D was given stride=0"),
    (lambda: Conv2D(1, 8, 3, 1, -1), "Conv2D was given padding=-1; .* at least 0"),
    (lambda: Conv2D(1, 8, 3, initialiser="x"), "no initialiser 'x'.*he, glorot, lecun, tutorial"),
    (lambda: MaxPool2D(0), "MaxPool2D was given size=0"),
    (lambda: MaxPool2D(2, 0), "MaxPool2D was given stride=0"),
    (lambda: Reshape(1, 0, 3), "Reshape was given height=0"),
])
def test_a_size_that_cannot_be_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
