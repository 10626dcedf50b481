"""What a network sees: the features of its layers, which pixels matter, what a unit is worth, how healthy it is.

Pure functions. A batch x is float (b, inputs) of the network's dtype, as `data.Batches.inputs` gives it; `features` of
a layer are rows (b, units) or, within a convolutional network, images (channels, height, width, b). Everything is
measured as at inference, without dropout. Parameters, state and gradient of a network are left as they were; its
layers' buffers are used, so between two steps of a run is a good moment, and a `copy_of` it serves at any moment.
"""

import math
from typing import NamedTuple

import numpy as np

from .convolution import Conv2D, windows
from .language import t
from .layers import BatchNorm, Dense, LeakyReLU, ReLU, Sigmoid, Tanh
from .losses import make_loss, softmax
from .network import Network

ACTIVATIONS = ReLU, LeakyReLU, Sigmoid, Tanh


class Stage(NamedTuple):
    """One place in a network where one can look: `title`, and `stop`, the number of layers up to there.

    units: how many values an image has there, or how many channels; hidden: whether it is a hidden layer, behind its
    activation; weights: the place of its layer with weights in `network.layers`, None for the pixels.
    """

    title: str
    stop: int
    units: int
    hidden: bool
    weights: int | None


def stages(network):
    """The Stages of a network, bottom to top: pixels, each layer with weights (behind its activation), logits."""
    found, convolutions, rows = [Stage(t("Pixels"), 0, network.inputs, False, None)], 0, 0
    for place, layer in enumerate(network.layers):
        if isinstance(layer, Conv2D):
            convolutions += 1
            title = t("Convolution {number}", number=convolutions)
            found.append(Stage(title, place + 1, layer.filters, True, place))
        elif isinstance(layer, Dense):
            rows += 1
            title = t("Hidden layer {number}", number=rows)
            found.append(Stage(title, place + 1, layer.outputs, True, place))
        elif isinstance(layer, (BatchNorm, *ACTIVATIONS)) and len(found) > 1:
            found[-1] = found[-1]._replace(stop=place + 1)
    found[-1] = found[-1]._replace(title=t("Logits"), hidden=False)
    return found


def copy_of(network, into=None):
    """A copy of a network, parameters and state included. into: an earlier copy of a network like it, used again."""
    if into is None or into.describe() != network.describe() or into.dtype != network.dtype:
        layers = [type(layer)(*layer.arguments) for layer in network.layers]
        into = Network(layers, np.random.default_rng(0), network.dtype)
    into.parameters[:], into.state[:] = network.parameters, network.state
    return into


def through(network, x, start=0, stop=None):
    """What layers start to stop - 1 make of x, at inference, as a new array: `through(network, x)` are the logits.

    x: a batch, or features as they are before layer `start`. A diverged network gives infinities without a warning.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in network.layers[start:stop]:
            x = layer.forward(x)
    return x.copy()


def as_rows(features):
    """Features as one row an image: (b, n), whether they are rows or images."""
    return features if features.ndim == 2 else features.reshape(-1, features.shape[-1]).T


def first_filters(network):
    """What the units of the first layer with weights look for, an image each: (units, rows, columns).

    Of a Dense layer over square images these are its weights, one a pixel; of a Conv2D its kernels, a mean over the
    channels it reads. Raises ValueError where the pixels form no square.
    """
    layer = next(layer for layer in network.layers if isinstance(layer, Dense | Conv2D))
    if isinstance(layer, Conv2D):
        return layer.weights.mean(axis=1)
    side = math.isqrt(layer.inputs)
    if side * side != layer.inputs:
        raise ValueError(t("The first layer reads {count} values, which form no square image.", count=layer.inputs))
    return layer.weights.T.reshape(-1, side, side).copy()


# Which pixels matter


def gradient_times_input(network, x, classes):
    """(gradient, product) of the logits of `classes` (b,) at the batch x, each (b, inputs).

    gradient = dz_k/dx: how much a little more of each pixel would raise the logit of class k (Simonyan et al. 2013,
    arXiv 1312.6034). product = x dz_k/dx: what the pixel as it is contributes, to first order (Shrikumar et al. 2016,
    arXiv 1605.01713). Of a network with ReLU and without biases the products add up to the logit.
    """
    kept = network.gradient.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        seed = np.zeros_like(network.forward(x))
        seed[np.arange(len(x)), classes] = 1
        gradient = network.backward(seed, to_input=True).copy()
    network.gradient[:] = kept
    return gradient, gradient * x


def occlusion(network, x, label, shape, size=6, stride=2, fill=0.0):
    """How much the probability of class `label` falls when a square hides a pixel: float64 (rows, columns).

    x: one image (inputs,) of `shape` (rows, columns); a square of size x size pixels is set to `fill` at every place,
    in steps of `stride` and at the far edges. A pixel gets the mean of p(x) - p(x hidden) over all squares that hide
    it; what is above 0 speaks for the class (Zeiler and Fergus 2014, arXiv 1311.2901, section 4.2). Raises ValueError
    where shape, size or stride do not fit the image.
    """
    rows, columns = shape
    if rows * columns != x.size or not 1 <= size <= min(shape) or stride < 1:
        raise ValueError(
            f"An image of {x.size} values as {shape}, squares of {size} and steps of {stride} do not fit; squares go "
            "from 1 to the image's side and steps begin at 1."
        )
    places = [(i, j) for i in _starts(rows, size, stride) for j in _starts(columns, size, stride)]
    hidden = np.repeat(x.reshape(1, rows, columns), len(places) + 1, axis=0)
    for image, (i, j) in zip(hidden[1:], places):
        image[i : i + size, j : j + size] = fill
    probabilities = softmax(through(network, hidden.reshape(len(hidden), -1)))[:, label].astype(np.float64)
    total, count = np.zeros(shape), np.zeros(shape)
    for drop, (i, j) in zip(probabilities[0] - probabilities[1:], places):
        total[i : i + size, j : j + size] += drop
        count[i : i + size, j : j + size] += 1
    # A stride longer than the square leaves pixels that nothing ever hides: they count for nothing.
    return total / np.maximum(count, 1)


def _starts(side, size, stride):
    """Where squares begin along one side; the last one ends at the edge."""
    return sorted({*range(0, side - size + 1, stride), side - size})


# Layers as spaces of features


class Components(NamedTuple):
    """A principal component analysis.

    points: (n, count); axes: (d, count), of length 1 and at right angles; mean: (d,); shares: of all variance, what
    each axis holds, (count,), largest first. All float64.
    """

    points: np.ndarray
    axes: np.ndarray
    mean: np.ndarray
    shares: np.ndarray


def pca(features, count=2):
    """The Components of features (n, d): the `count` directions in which they differ most.

    With X the features less their mean, the axes are eigenvectors of X^T X (Pearson 1901; Goodfellow et al. 2016,
    2.12); where there are more features than images they come from the smaller X X^T, for X^T u is one of the former
    if u is one of the latter. An axis points to where its largest number is positive, so that a second look gives the
    same map. Raises ValueError for fewer than two images, and for a count above n or d.
    """
    n, d = features.shape
    if n < 2 or not 1 <= count <= min(n, d):
        raise ValueError(
            f"{count} directions of {n} images with {d} features cannot be found; it takes two images, and at most "
            f"{min(n, d)} directions."
        )
    mean = features.mean(axis=0, dtype=np.float64)
    x = features - mean
    if d <= n:
        values, axes = np.linalg.eigh(x.T @ x)
        values, axes = values[::-1][:count], axes[:, ::-1][:, :count]
    else:
        values, left = np.linalg.eigh(x @ x.T)
        values, axes = values[::-1][:count], x.T @ left[:, ::-1][:, :count]
        axes /= np.maximum(np.linalg.norm(axes, axis=0), np.finfo(float).tiny)
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(count)] < 0, -1.0, 1.0)
    variance = np.square(x).sum()
    shares = np.maximum(values, 0) / variance if variance else np.zeros(count)
    return Components(x @ axes, axes, mean, shares)


def nearest(features, points=None):
    """(rows, distances) of the nearest of the features (n, d) to each of the points (m, d): int64 (m,), float64 (m,).

    Without points: to each of the features the nearest other one, n at least 2. Distances are Euclidean.
    """
    features = np.asarray(features, np.float64)
    own = points is None
    points = features if own else np.asarray(points, np.float64)
    # |a - b|^2 = |a|^2 - 2ab + |b|^2: one matrix product instead of a difference for every pair.
    squares = np.square(features).sum(axis=1) - 2 * points @ features.T
    if own:
        np.fill_diagonal(squares, np.inf)
    rows = squares.argmin(axis=1)
    return rows, np.linalg.norm(points - features[rows], axis=1)


def between(first, second, count):
    """`count` points on the straight line from one array to another of the same shape, both ends included."""
    share = np.linspace(0, 1, count, dtype=first.dtype).reshape(-1, *[1] * first.ndim)
    return (1 - share) * first + share * second


# Units


def scaled(features, factors):
    """Features with each unit, or channel, times its factor: factors (units,), 1 changes nothing, 0 switches it off."""
    factors = np.asarray(factors, features.dtype)
    return features * (factors if features.ndim == 2 else factors.reshape(-1, 1, 1, 1))


def altered(network, x, factors):
    """The logits (b, classes) of a network whose units answer more or less than they do; it is not changed itself.

    factors: {stop of a hidden Stage: what its units are `scaled` by}; with none, or with ones, these are the logits.
    """
    start = 0
    for stop in sorted(factors):
        x, start = scaled(through(network, x, start, stop), factors[stop]), stop
    return through(network, x, start)


def dead_units(features, tolerance=1e-6):
    """Which units, or channels, tell these images nothing: bool (units,).

    Such a unit gives the same value, to `tolerance`, whatever the image: a ReLU that is always 0 learns nothing any
    more (Lu et al. 2019, arXiv 1903.06733), and a sigmoid that is always 0 or 1 hardly anything.
    """
    values = features.T if features.ndim == 2 else features.reshape(len(features), -1)
    return np.ptp(values, axis=1) <= tolerance


class Health(NamedTuple):
    """Lists of plain floats, bottom to top.

    norms: the length of the loss's gradient by the weights of each layer that has some; dead: the share of dead units
    of each hidden layer, 0 to 1.
    """

    norms: list
    dead: list


def health(network, x, labels, loss="cross-entropy"):
    """The Health of a network on a batch x with labels (b,), measured with the loss of that name.

    A gradient that shrinks from each layer to the one below vanishes; one that grows explodes (Glorot and Bengio
    2010; Goodfellow et al. 2016, 8.2.5). Raises ValueError for an unknown loss.
    """
    kept, measure = network.gradient.copy(), make_loss(loss)
    with np.errstate(over="ignore", invalid="ignore"):
        measure.forward(network.forward(x), labels)
        network.backward(measure.backward())
        norms = [float(np.linalg.norm(network.gradient[part])) for part in network.weight_slices]
    network.gradient[:] = kept
    dead, start = [], 0
    for stage in stages(network)[1:]:
        if stage.hidden:
            x, start = through(network, x, start, stage.stop), stage.stop
            dead.append(float(dead_units(x).mean()))
    return Health(norms, dead)


# One forward pass


class Sum(NamedTuple):
    """One weighted sum: inputs (n,) times weights (n,), plus the bias, gives value.

    place: (row, column) of a convolution's answer, else None.
    """

    inputs: np.ndarray
    weights: np.ndarray
    bias: float
    value: float
    place: tuple | None = None


def weighted_sum(layer, x, unit):
    """The Sum that a Dense layer, or a Conv2D where its answer is largest, makes for one unit of one image.

    x: what the layer is given, (1, n) or (channels, height, width, 1). Raises ValueError for a unit that is not there.
    """
    units = layer.filters if isinstance(layer, Conv2D) else layer.outputs
    if not 0 <= unit < units:
        raise ValueError(f"There is no unit {unit}; the layer has units 0 to {units - 1}.")
    bias, place = float(layer.biases[unit]), None
    if isinstance(layer, Conv2D):
        answers = layer.forward(x)[unit, :, :, 0]
        place = tuple(map(int, np.unravel_index(answers.argmax(), answers.shape)))
        edge = layer.padding
        padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
        inputs = windows(padded, layer.kernel, layer.stride)[:, :, :, *place, 0].ravel()
        weights = layer.weights[unit].ravel().copy()
    else:
        inputs, weights = x[0].copy(), layer.weights[:, unit].copy()
    return Sum(inputs, weights, bias, float(inputs @ weights) + bias, place)


def tempered(logits, temperature):
    """Softmax at a temperature above 0, (b, classes): p_k = exp(z_k / T) / sum_j exp(z_j / T) (Hinton et al. 2015).

    1 is the softmax itself; higher makes the probabilities more alike, lower makes the largest one surer (arXiv
    1503.02531, section 2). Raises ValueError for a temperature that is not above 0.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"The temperature is {temperature!r}; it must be above 0.")
    return softmax(logits / logits.dtype.type(temperature))
