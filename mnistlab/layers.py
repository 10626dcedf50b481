"""The layers a network is made of: forward beside backward, one idea a class.

A layer is given a batch and returns a batch: rows (b, n), or, between the layers of convolution.py, images
(channels, height, width, b). It trains when it is handed a random generator (dropout draws from it, batch
normalisation measures the batch) and infers when it is not. The network owns all numbers: a layer says which shapes
it needs and is given views into flat vectors, one for the parameters, one for their gradient and one for the state,
which is what a layer remembers without being trained. Arrays are float32, or float64 for gradient checks; sizes are
whole numbers of at least 1, and ValueError is raised for any other.
"""

import math

import numpy as np

from .initialisers import INITIALISERS
from .settings import find

LINE = 16  # float32 numbers in the 64 bytes that a processor's cache holds together; arrays begin where these do
# Bytes for arrays that two cores read, more than a core keeps in a cache of its own. Measured on two cores, with 128
# and 256 units: a step takes 1 to 3 % less with it, and 6 to 12 % less while the two share no cache.
TURNS = 3 * 2**20


def whole(kind, lowest=1, highest=math.inf, **sizes):
    """The sizes as plain ints; raises ValueError, naming who was given which size, for one that is no whole number."""
    allowed = f"of at least {lowest}" if highest == math.inf else f"from {lowest} to {highest}"
    for name, size in sizes.items():
        number = isinstance(size, int | float | np.integer | np.floating) and not isinstance(size, bool)
        if not number or not lowest <= size <= highest or size == math.inf or size != int(size):
            raise ValueError(f"{kind} was given {name}={size!r}; it must be a whole number {allowed}.")
    return [int(size) for size in sizes.values()]


def share(kind, name, rate):
    """The rate as a plain float; raises ValueError, naming who was given it, for one that is not in [0, 1)."""
    number = isinstance(rate, int | float | np.integer | np.floating) and not isinstance(rate, bool)
    if not number or not 0 <= rate < 1:
        raise ValueError(f"{kind} was given {name}={rate!r}; it must be at least 0 and below 1.")
    return float(rate)


class Layer:
    """What every layer shares: the shapes of its parameters and of its state by name, and what makes it again.

    shapes, state_shapes: {name: shape}; arguments: what its constructor is given to make it again, plain data; owned:
    whether a network has it; a layer belongs to one place in one network.

    Each layer has `forward(x, rng=None)`, which returns y and keeps what the way back needs, and `backward(gradient,
    to_input=True)`, which is given dL/dy, stores the gradients of the parameters, and returns dL/dx: once after each
    forward. Both may overwrite what the last call returned, and backward the gradient given.
    """

    owned = False

    shapes = {}
    state_shapes = {}
    arguments = ()

    def output_shape(self, shape):
        """The shape of one output when one input has this shape: (n,) for rows, (channels, height, width) for images.

        Raises ValueError with what was expected ("expects 5 values"); the network adds who gave the wrong shape.
        """
        return shape

    def room(self, name, shape, dtype, size=0):
        """An array (shape) of dtype to compute in, not cleared: the next call with that name may overwrite it.

        A fresh one at every step would cost about a tenth of it. Each call gives the same place, or with `size` the
        next one of so many bytes: a core that writes where another has just read has to wait for that one's cache.
        """
        rooms = vars(self).setdefault("_rooms", {})  # here, so that a layer needs no __init__ for it
        array, start, view = rooms.get(name, (None, 0, None))
        if not size and view is not None and view.shape == shape and view.dtype == dtype:
            return view  # as at nearly every call
        count, dtype = math.prod(shape), np.dtype(dtype)
        length = max(count, size // dtype.itemsize)
        if array is None or len(array) < length or array.dtype != dtype:
            array = np.empty(length + LINE, dtype)
            first = -array.ctypes.data % (LINE * dtype.itemsize) // dtype.itemsize
            array, start = array[first : first + length], 0
        elif not size or start + count > len(array):
            start = 0
        view = array[start : start + count].reshape(shape)
        rooms[name] = array, start + math.ceil(count / LINE) * LINE, view
        return view

    def __getattr__(self, name):
        """Called for what is not there: says so, and of the numbers that a network gives, what they wait for."""
        if name in self.state_shapes or name.removesuffix("_gradient") in self.shapes:
            raise AttributeError(f"{self} has no {name} yet: a Network that it is put into gives them.")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")

    def __repr__(self):
        words = (f"{value:g}" if isinstance(value, float) else repr(value) for value in self.arguments)
        return f"{type(self).__name__}({', '.join(words)})"


class Dense(Layer):
    """Fully connected: y = x W + b, with biases that begin at zero and weights by an initialiser (default He's).

    Forward: Goodfellow et al. 2016, 6.1; backward: Rumelhart, Hinton and Williams 1986. inputs, outputs: the number of
    columns of x and of y. W has shape (inputs, outputs), b (outputs,). initialiser: one of `initialisers.INITIALISERS`.
    Raises ValueError for sizes that are not whole numbers of at least 1, and for an unknown initialiser.

    Pairs of columns of x that are 0 in the whole batch, such as pixels in the corners of images, are left out of the
    products: they add nothing to y, and the gradient of their weights is 0. In a batch of 128 MNIST images these are
    three tenths of the pixels; copying the rest costs less than it saves, measured a tenth of a step. Fewer than 400
    columns, such as hidden units, which are hardly ever all 0, and odd numbers of them are taken as they are.
    """

    def __init__(self, inputs, outputs, initialiser="he"):
        self.inputs, self.outputs = whole("Dense", inputs=inputs, outputs=outputs)
        self.draw = find("initialiser", initialiser, INITIALISERS)
        self.arguments = self.inputs, self.outputs, *([initialiser] if initialiser != "he" else [])
        self.shapes = {"weights": (self.inputs, self.outputs), "biases": (self.outputs,)}

    def output_shape(self, shape):
        """(inputs,) -> (outputs,). Raises ValueError for any other shape."""
        if shape != (self.inputs,):
            raise ValueError(f"expects {self.inputs} values{' (Flatten() makes them)' if len(shape) == 3 else ''}")
        return (self.outputs,)

    def initialise(self, rng):
        """Draw the weights by the initialiser from rng, a numpy Generator; the biases become 0."""
        self.weights[:] = self.draw(rng, self.weights.shape, self.inputs, self.outputs)
        self.biases[:] = 0.0

    def forward(self, x, rng=None):
        """x (b, inputs) -> y (b, outputs). Keeps x for the backward pass; y is overwritten by the next call."""
        self.used = _used_pairs(x)
        # OpenBLAS divides a product with more rows than columns by rows between the cores, and then none has to wait
        # for what another prepares. So one row more where there are as many and x is copied anyway: 128 images and 128
        # units took 1 % less, and 8 % less where the cores share no cache.
        rows = len(x) + 1 if self.used is not None and len(x) == self.outputs else len(x)
        y = self.room("output", (rows, self.outputs), x.dtype)
        some_x, weights = (x, self.weights) if self.used is None else self._used_parts(x, rows, rng is not None)
        np.matmul(some_x, weights, out=y)
        self.x, y = some_x[: len(x)], y[: len(x)]
        y += self.biases
        return y

    def backward(self, gradient, to_input=True):
        """dL/dy (b, outputs) -> dL/dx = dL/dy W^T; stores dL/dW = x^T dL/dy and dL/db = the column sums of dL/dy.

        to_input=False leaves dL/dx out: nobody needs it below the first layer, where it costs a third of the step.
        """
        if self.used is None:
            np.matmul(self.x.T, gradient, out=self.weights_gradient)
        else:
            np.matmul(self.x.T, gradient, out=self._some_weights[:-2])
            self._some_weights[-2:] = 0
            # Which row of these each pair takes: one that is not in use takes the last, which is 0.
            places = np.full(self.inputs // 2, len(self.used))
            places[self.used] = np.arange(len(self.used))
            some, all_pairs = self._by_pairs(self._some_weights), self._by_pairs(self.weights_gradient)
            np.take(some, places, axis=0, out=all_pairs, mode="clip")
        np.matmul(np.ones(len(gradient), gradient.dtype), gradient, out=self.biases_gradient)  # quicker than np.sum
        if not to_input:
            return None
        dx = self.room("input_gradient", (len(gradient), self.inputs), gradient.dtype, TURNS)
        return np.matmul(gradient, self.weights.T, out=dx)

    def _used_parts(self, x, rows, training):
        """The columns of x in use, with rows of zeros below up to `rows`, and the weights of these columns: copies."""
        some_x = self.room("used_x", (rows, 2 * len(self.used)), x.dtype, TURNS if training else 0)
        np.take(_in_pairs(x), self.used, axis=1, out=_in_pairs(some_x[: len(x)]), mode="clip")
        some_x[len(x) :] = 0
        # The backward pass puts the gradient of these weights into the same place, and a pair of zeros behind it.
        self._some_weights = self.room("used_weights", (2 * len(self.used) + 2, self.outputs), x.dtype)
        weights = self._some_weights[:-2]
        np.take(self._by_pairs(self.weights), self.used, axis=0, out=self._by_pairs(weights), mode="clip")
        return some_x, weights

    def _by_pairs(self, weights):
        """The weights (n, outputs) of two columns of x in each row: a view, as those of a network are contiguous."""
        return weights.reshape(-1, 2 * self.outputs)


def _in_pairs(x):
    """Two columns of x as one complex number, which is copied in half the time."""
    return x.view(f"c{2 * x.itemsize}")


def _used_pairs(x):
    """Which pairs of columns of x are not 0 throughout, int64; None where leaving the others out would save little."""
    if len(x) < 2 or x.shape[1] < 400 or x.shape[1] % 2 or not x.flags.c_contiguous:
        return None
    # All bits of all rows put together: quicker than comparing every number with 0. They make a 0 again, with or
    # without a minus, only where every number was one.
    (used,) = _in_pairs(np.bitwise_or.reduce(x.view(f"i{x.itemsize}"), axis=0)).nonzero()
    return used if len(used) < 0.45 * x.shape[1] else None


class ReLU(Layer):
    """Rectified linear unit: y = max(x, 0); dL/dx = dL/dy where x > 0, else 0 (Nair and Hinton 2010)."""

    def forward(self, x, rng=None):
        """x -> y of the same shape, overwritten by the next call."""
        self.y = self.room("output", x.shape, x.dtype)
        return x.clip(0, np.inf, out=self.y)  # half the time of np.maximum(x, 0)

    def backward(self, gradient, to_input=True):
        """dL/dy -> dL/dx, in place."""
        gradient *= self.y > 0
        return gradient


class LeakyReLU(Layer):
    """Leaky rectified linear unit: y = x where x > 0, else slope x; dL/dx = dL/dy or slope dL/dy (Maas et al. 2013).

    slope: at least 0 and below 1, else ValueError; a unit that is off still learns through it.
    """

    def __init__(self, slope=0.01):
        self.slope = share("LeakyReLU", "slope", slope)
        self.arguments = (self.slope,)

    def forward(self, x, rng=None):
        """x -> y of the same shape, overwritten by the next call."""
        self.y = self.room("output", x.shape, x.dtype)
        np.multiply(x, self.slope, out=self.y)
        return np.maximum(x, self.y, out=self.y)  # slope < 1: the larger of the two is the right one on both sides

    def backward(self, gradient, to_input=True):
        """dL/dy -> dL/dx, in place."""
        return np.multiply(gradient, self.slope, out=gradient, where=self.y <= 0)


class Sigmoid(Layer):
    """Logistic sigmoid: y = 1 / (1 + exp(-x)); dL/dx = dL/dy y (1 - y) (Goodfellow et al. 2016, 3.10)."""

    def forward(self, x, rng=None):
        """x -> y of the same shape, overwritten by the next call."""
        self.y = self.room("output", x.shape, x.dtype)
        # exp(-|x|) cannot overflow; below zero the same ratio is exp(x) / (1 + exp(x)).
        power = np.exp(-np.abs(x))
        return np.divide(np.where(x < 0, power, 1), 1 + power, out=self.y)

    def backward(self, gradient, to_input=True):
        """dL/dy -> dL/dx, in place."""
        gradient *= self.y * (1 - self.y)
        return gradient


class Tanh(Layer):
    """Hyperbolic tangent: y = tanh(x); dL/dx = dL/dy (1 - y^2) (LeCun et al. 1998, "Efficient BackProp", 4.4)."""

    def forward(self, x, rng=None):
        """x -> y of the same shape, overwritten by the next call."""
        self.y = self.room("output", x.shape, x.dtype)
        return np.tanh(x, out=self.y)

    def backward(self, gradient, to_input=True):
        """dL/dy -> dL/dx, in place."""
        gradient *= 1 - np.square(self.y)
        return gradient


class Dropout(Layer):
    """Inverted dropout: while training each value is zeroed with probability `rate`, the rest divided by 1 - rate.

    rate: at least 0 and below 1, else ValueError. The division keeps the expected sum the same, so nothing is left to
    do at inference (Srivastava et al. 2014).
    """

    def __init__(self, rate):
        self.rate = share("Dropout", "rate", rate)

    @property
    def arguments(self):
        """(rate,), the one of now: it may be changed while a run goes on."""
        return (self.rate,)

    def forward(self, x, rng=None):
        """x -> y of the same shape: x itself at inference or with rate 0."""
        self.mask = None
        if rng is None or self.rate == 0:
            return x
        self.mask = self.room("mask", x.shape, x.dtype)
        y = self.room("output", x.shape, x.dtype)
        keep = rng.random(x.shape, np.float32) >= self.rate
        np.multiply(keep, 1.0 / (1.0 - self.rate), out=self.mask, casting="same_kind")
        return np.multiply(x, self.mask, out=y)

    def backward(self, gradient, to_input=True):
        """dL/dy -> dL/dx, in place, through the mask of the forward pass."""
        if self.mask is not None:
            gradient *= self.mask
        return gradient


class BatchNorm(Layer):
    """Batch normalisation: y = scale h + shift, h = (x - mean) / sqrt(variance + 1e-5) (Ioffe and Szegedy 2015).

    inputs: the number of columns of rows, or of channels of images, each with a scale (first 1) and a shift (first 0);
    a whole number of at least 1, else ValueError.
    Training takes mean and variance from the batch and moves the running ones a tenth of the way towards them;
    inference takes the running ones, so that an image's answer does not depend on its neighbours. A single row is its
    own mean and tells nothing of a variance: h is 0, nothing below learns from it, and the running ones stay.
    """

    def __init__(self, inputs):
        (self.inputs,) = self.arguments = whole("BatchNorm", inputs=inputs)
        self.shapes = {"scale": (self.inputs,), "shift": (self.inputs,)}
        self.state_shapes = {"running_mean": (self.inputs,), "running_variance": (self.inputs,)}

    def output_shape(self, shape):
        """The same shape. Raises ValueError for another number of columns or channels."""
        if shape[0] != self.inputs:
            raise ValueError(f"expects {self.inputs} {'values' if len(shape) == 1 else 'channels'}")
        return shape

    def initialise(self, rng):
        """Scale and running variance become 1, shift and running mean 0; nothing is drawn."""
        self.scale[:] = self.running_variance[:] = 1.0
        self.shift[:] = self.running_mean[:] = 0.0

    def forward(self, x, rng=None):
        """x -> y of the same shape, (b, inputs) or (inputs, h, w, b), overwritten by the next call."""
        # The axes that are averaged over, and the shape that puts one number a feature beside x.
        self.axes, self.beside = ((0,), (1, -1)) if x.ndim == 2 else ((1, 2, 3), (-1, 1, 1, 1))
        self.training = rng is not None
        self.h = self.room("h", x.shape, x.dtype)
        y = self.room("output", x.shape, x.dtype)
        mean = x.mean(axis=self.axes) if self.training else self.running_mean
        np.subtract(x, mean.reshape(self.beside), out=self.h)
        if self.training:
            variance = np.square(self.h, out=y).mean(axis=self.axes)
            if (count := x.size // self.inputs) > 1:
                self._remember(mean, variance, count)
        else:
            variance = self.running_variance
        self.deviation = np.sqrt(variance + 1e-5)
        self.h /= self.deviation.reshape(self.beside)
        np.multiply(self.h, self.scale.reshape(self.beside), out=y)
        y += self.shift.reshape(self.beside)
        return y

    def _remember(self, mean, variance, count):
        self.running_mean += 0.1 * (mean - self.running_mean)
        # Of a sample of m values, m / (m - 1) times its variance is the unbiased guess (the paper's algorithm 2).
        self.running_variance += 0.1 * (variance * (count / (count - 1)) - self.running_variance)

    def backward(self, gradient, to_input=True):
        """dL/dy -> dL/dx, in place; stores dL/dscale = sum(dL/dy h) and dL/dshift = sum(dL/dy).

        Training: dL/dx = scale / deviation (dL/dy - mean(dL/dy) - h mean(dL/dy h)), for x moves mean and variance too.
        """
        np.sum(gradient * self.h, axis=self.axes, out=self.scale_gradient)
        np.sum(gradient, axis=self.axes, out=self.shift_gradient)
        if self.training:
            count = self.h.size // self.inputs
            gradient -= (self.shift_gradient / count).reshape(self.beside)
            # h has done its work and becomes the buffer of the last term.
            self.h *= (self.scale_gradient / count).reshape(self.beside)
            gradient -= self.h
        gradient *= (self.scale / self.deviation).reshape(self.beside)
        return gradient
