"""The layers of a convolutional network: rows become images, are convolved and pooled, and become rows again.

Between `Reshape` and `Flatten` a batch of images has the shape (channels, height, width, b), with the batch last. What
these layers do all day is to copy or add shifted images, and so every copy runs over whole rows of a whole batch that
lie together in memory: measured with 128 float32 images of 8 or 16 channels, forward and backward of a layer took 0.5
to 0.8 of the time that the better of (b, channels, height, width) and (b, height, width, channels) took. As in
layers.py, arrays are float32, or float64 for gradient checks, and ValueError is raised for sizes that are not whole
numbers of at least 1 (padding: 0).
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .initialisers import INITIALISERS
from .layers import Layer, whole
from .settings import find

# Bytes of windows that are laid out at once, so that the matrix product finds them in the processor's cache: with 128
# images of 8 channels of 28 x 28 a quarter faster than all 29 MB of them at once, and about as fast with smaller ones.
BLOCK = 2**20


def windows(x, size, stride):
    """All square windows of x (c, h, w, b), a view (c, size, size, rows, columns, b) of the same dtype.

    windows(...)[:, i, j] is pixel (i, j) of every window: an image itself, with one pixel for each place of the window.
    Raises ValueError where a window is larger than the image.
    """
    view = sliding_window_view(x, (size, size), axis=(1, 2), writeable=True)[:, ::stride, ::stride]
    return view.transpose(0, 4, 5, 1, 2, 3)


def _places(shape, size, stride, padding=0):
    """How many windows fit into an image of shape (channels, height, width): (rows, columns)."""
    sides = [side + 2 * padding for side in shape[1:]]
    if len(shape) != 3 or min(sides) < size:
        wanted = max(1, size - 2 * padding)
        raise ValueError(f"expects images of at least {wanted} x {wanted} pixels")
    return tuple((side - size) // stride + 1 for side in sides)


class Reshape(Layer):
    """Rows become images: x (b, channels * height * width) -> y (channels, height, width, b)."""

    def __init__(self, channels, height, width):
        self.shape = self.arguments = tuple(whole("Reshape", channels=channels, height=height, width=width))
        self.inputs = math.prod(self.shape)

    def output_shape(self, shape):
        """(n,) -> (channels, height, width). Raises ValueError for any other number of values."""
        if shape != (self.inputs,):
            raise ValueError(f"expects {self.inputs} values")
        return self.shape

    def forward(self, x, rng=None):
        """x (b, n) -> y (channels, height, width, b), overwritten by the next call."""
        y = self.room("output", (self.inputs, len(x)), x.dtype)
        y[:] = x.T
        return y.reshape(*self.shape, -1)

    def backward(self, gradient, to_input=True):
        """dL/dy (channels, height, width, b) -> dL/dx (b, n)."""
        return gradient.reshape(self.inputs, -1).T


class Flatten(Layer):
    """Images become rows: x (channels, height, width, b) -> y (b, channels * height * width)."""

    def output_shape(self, shape):
        """(channels, height, width) -> (their product,). Raises ValueError for rows."""
        if len(shape) != 3:
            raise ValueError("expects images (rows need no Flatten; Reshape makes images of them)")
        return (math.prod(shape),)

    def forward(self, x, rng=None):
        """x (channels, height, width, b) -> y (b, n), a view: a matrix product reads it as fast as a copy."""
        self.shape = x.shape
        return x.reshape(-1, x.shape[-1]).T

    def backward(self, gradient, to_input=True):
        """dL/dy (b, n) -> dL/dx (channels, height, width, b)."""
        dx = self.room("input_gradient", gradient.T.shape, gradient.dtype)
        dx[:] = gradient.T
        return dx.reshape(self.shape)


class Conv2D(Layer):
    """Convolution: y[o, r, s] = b[o] + sum over c, i, j of W[o, c, i, j] x[c, stride r + i, stride s + j].

    Forward and backward: Goodfellow et al. 2016, 9.5; size: Dumoulin and Visin 2016, relationship 6. inputs, outputs:
    channels of x and of y (`Conv2D(1, 8, 3)`: eight 3 x 3 kernels over grey images); kernel: its side; stride: pixels
    from one window to the next; padding: rows and columns of zeros put around x. Each window becomes one column of a
    matrix, and the sum a matrix product (Chellapilla et al. 2006). W has shape (outputs, inputs, kernel, kernel), b
    (outputs,); initialiser: as for `Dense`. An image of side n gives floor((n + 2 padding - kernel) / stride) + 1
    pixels a side.
    """

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0, initialiser="he"):
        sizes = whole("Conv2D", inputs=inputs, outputs=outputs, kernel=kernel, stride=stride)
        self.channels, self.filters, self.kernel, self.stride = sizes
        (self.padding,) = whole("Conv2D", 0, padding=padding)
        self.draw = find("initialiser", initialiser, INITIALISERS)
        self.arguments = *sizes, self.padding, *([initialiser] if initialiser != "he" else [])
        kernels = self.filters, self.channels, self.kernel, self.kernel
        self.shapes = {"weights": kernels, "biases": (self.filters,)}

    def output_shape(self, shape):
        """(inputs, h, w) -> (outputs, rows, columns). Raises ValueError for other channels or too small an image."""
        if len(shape) != 3 or shape[0] != self.channels:
            raise ValueError(f"expects images of {self.channels} channels")
        return self.filters, *_places(shape, self.kernel, self.stride, self.padding)

    def initialise(self, rng):
        """Draw the weights by the initialiser from rng, a numpy Generator; the biases become 0."""
        area = self.kernel**2
        self.weights[:] = self.draw(rng, self.weights.shape, self.channels * area, self.filters * area)
        self.biases[:] = 0.0

    def forward(self, x, rng=None):
        """x (inputs, h, w, b) -> y (outputs, rows, columns, b), overwritten by the next call."""
        self.x = self._pad(x)
        view = windows(self.x, self.kernel, self.stride)
        y = self.room("output", (self.filters, *view.shape[3:]), x.dtype)
        weights, flat = self.weights.reshape(self.filters, -1), y.reshape(self.filters, -1)
        for rows, places in self._blocks(view):
            columns = self._lay_out(view[:, :, :, rows])
            part = np.matmul(weights, columns, out=flat[:, places])
            part += self.biases[:, None]
        return y

    def backward(self, gradient, to_input=True):
        """dL/dy (outputs, rows, columns, b) -> dL/dx (inputs, h, w, b); stores dL/dW and dL/db.

        With X the matrix of windows: dL/dW = dL/dy X^T, dL/dX = W^T dL/dy, and dL/dx adds up what each of its pixels
        got in all the windows that it is part of.
        """
        weights, flat = self.weights.reshape(self.filters, -1), gradient.reshape(self.filters, -1)
        weights_gradient = self.weights_gradient.reshape(self.filters, -1)
        weights_gradient[:] = 0
        np.sum(flat, axis=1, out=self.biases_gradient)
        view = windows(self.x, self.kernel, self.stride)
        if to_input:
            dx = self.room("input_gradient", self.x.shape, gradient.dtype)
            dx[:] = 0
            to_view = windows(dx, self.kernel, self.stride)
        for rows, places in self._blocks(view):
            part, columns = flat[:, places], self._lay_out(view[:, :, :, rows])
            weights_gradient += np.matmul(columns, part.T).T  # twice as fast as part @ columns.T: the long side first
            if to_input:
                np.matmul(weights.T, part, out=columns)
                shares = columns.reshape(view[:, :, :, rows].shape)
                for i, j in np.ndindex(self.kernel, self.kernel):
                    to_view[:, i, j, rows] += shares[:, i, j]
        return self._crop(dx) if to_input else None

    def _blocks(self, view):
        """The rows of the output in blocks that fit BLOCK: (slice of rows, slice of the flattened places)."""
        *window, height, width, batch = view.shape
        step = max(1, BLOCK // (math.prod(window) * width * batch * view.itemsize))
        for start in range(0, height, step):
            stop = start + step  # the last block may be shorter: a slice ends where the array does
            yield slice(start, stop), slice(start * width * batch, stop * width * batch)

    def _lay_out(self, view):
        """A copy of windows as a matrix: one row for each pixel of the window, one column for each place and image."""
        columns = self.room("columns", view.shape, view.dtype)
        columns[:] = view
        return columns.reshape(self.channels * self.kernel**2, -1)

    def _pad(self, x):
        """x with an edge of zeros, in a place of its own: np.pad, which makes a new one each time, costs an eighth."""
        if not self.padding:
            return x
        channels, height, width, batch = x.shape
        shape = channels, height + 2 * self.padding, width + 2 * self.padding, batch
        padded = self.room("padded", shape, x.dtype)
        padded[:] = 0
        self._crop(padded)[:] = x
        return padded

    def _crop(self, x):
        edge = slice(self.padding, -self.padding or None)
        return x[:, edge, edge]


class MaxPool2D(Layer):
    """The largest value of each window: y[c, r, s] = max over i, j of x[c, stride r + i, stride s + j].

    size: the window's side; stride: pixels from one window to the next, by default `size`. Rows and columns that no
    window reaches are left out (Goodfellow et al. 2016, 9.3).
    """

    def __init__(self, size, stride=None):
        stride = size if stride is None else stride
        self.size, self.stride = self.arguments = whole("MaxPool2D", size=size, stride=stride)

    def output_shape(self, shape):
        """(channels, h, w) -> (channels, rows, columns). Raises ValueError for an image smaller than the window."""
        return shape[0], *_places(shape, self.size, self.stride)

    def forward(self, x, rng=None):
        """x (channels, h, w, b) -> y (channels, rows, columns, b), overwritten by the next call."""
        self.x = x
        view = windows(x, self.size, self.stride)
        self.y = self.room("output", (len(x), *view.shape[3:]), x.dtype)
        self.y[:] = view[:, 0, 0]
        for i, j in np.ndindex(self.size, self.size):
            np.maximum(self.y, view[:, i, j], out=self.y)
        return self.y

    def backward(self, gradient, to_input=True):
        """dL/dy (channels, rows, columns, b) -> dL/dx: all of it to the first pixel of each window that is the largest.

        `gradient` is used up: what a pixel has taken is no longer there for another that is equally large.
        """
        dx = self.room("input_gradient", self.x.shape, gradient.dtype)
        dx[:] = 0
        view, to_view = (windows(each, self.size, self.stride) for each in (self.x, dx))
        for i, j in np.ndindex(self.size, self.size):
            share = gradient * (view[:, i, j] == self.y)
            to_view[:, i, j] += share
            gradient -= share
        return dx
