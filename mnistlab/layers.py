"""The layers a network is made of: forward beside backward, one idea a class.

A layer is given a batch of rows and returns a batch of rows. It trains when it is handed a random generator (dropout
draws from it) and infers when it is not. The network owns all parameters: a layer says which shapes it needs and is
given views into two flat vectors, one for the parameters and one for their gradient.
"""

import math

import numpy as np


def scratch(buffer, rows, columns, dtype):
    """The first `rows` of buffer if it is large enough, else of a new one: buffers are allocated once and reused.

    Returns (buffer to keep, view of shape (rows, columns)). A fresh array for every step costs about a tenth of it.
    """
    if buffer is None or len(buffer) < rows or buffer.shape[1] != columns or buffer.dtype != dtype:
        buffer = np.empty((rows, columns), dtype)
    return buffer, buffer[:rows]


class Layer:
    """What every layer shares: the shapes of its parameters by name, and the arguments that make it again."""

    shapes = {}
    arguments = ()

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{value:g}' for value in self.arguments)})"


class Dense(Layer):
    """Fully connected: y = x W + b, with weights drawn from N(0, 2 / inputs) and biases zero (He et al. 2015).

    inputs, outputs: the number of columns of x and of y. W has shape (inputs, outputs), b (outputs,).
    """

    def __init__(self, inputs, outputs):
        for name, size in (("inputs", inputs), ("outputs", outputs)):
            if size < 1 or size != int(size):
                raise ValueError(f"Dense was given {name}={size!r}; it must be a whole number of at least 1.")
        self.arguments = self.inputs, self.outputs = int(inputs), int(outputs)
        self._output = self._input_gradient = None

    @property
    def shapes(self):
        return {"weights": (self.inputs, self.outputs), "biases": (self.outputs,)}

    def initialise(self, rng):
        self.weights[:] = rng.standard_normal(self.weights.shape) * math.sqrt(2.0 / self.inputs)
        self.biases[:] = 0.0

    def forward(self, x, rng=None):
        """x (b, inputs) -> y (b, outputs). Keeps x for the backward pass; y is overwritten by the next call."""
        self.x = x
        self._output, y = scratch(self._output, len(x), self.outputs, x.dtype)
        np.matmul(x, self.weights, out=y)
        y += self.biases
        return y

    def backward(self, gradient, to_input=True):
        """dL/dy (b, outputs) -> dL/dx = dL/dy W^T; stores dL/dW = x^T dL/dy and dL/db = the column sums of dL/dy.

        to_input=False leaves dL/dx out: nobody needs it below the first layer, where it costs a third of the step.
        """
        np.matmul(self.x.T, gradient, out=self.weights_gradient)
        np.sum(gradient, axis=0, out=self.biases_gradient)
        if not to_input:
            return None
        self._input_gradient, dx = scratch(self._input_gradient, len(gradient), self.inputs, gradient.dtype)
        return np.matmul(gradient, self.weights.T, out=dx)


class ReLU(Layer):
    """Rectified linear unit: y = max(x, 0); dL/dx = dL/dy where x > 0, else 0."""

    def __init__(self):
        self._output = None

    def forward(self, x, rng=None):
        """x (b, n) -> y (b, n), overwritten by the next call."""
        self._output, self.y = scratch(self._output, len(x), x.shape[1], x.dtype)
        return np.maximum(x, 0, out=self.y)

    def backward(self, gradient, to_input=True):
        """dL/dy (b, n) -> dL/dx (b, n), in place."""
        gradient *= self.y > 0
        return gradient


class Dropout(Layer):
    """Inverted dropout: while training each value is zeroed with probability `rate`, the rest divided by 1 - rate.

    The division keeps the expected sum the same, so nothing is left to do at inference (Srivastava et al. 2014).
    """

    def __init__(self, rate):
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout was given rate={rate!r}; it must be at least 0 and below 1.")
        self.rate = float(rate)
        self.arguments = (self.rate,)
        self._mask = self._output = None

    def forward(self, x, rng=None):
        """x (b, n) -> y (b, n): x itself at inference or with rate 0."""
        self.mask = None
        if rng is None or self.rate == 0:
            return x
        self._mask, self.mask = scratch(self._mask, len(x), x.shape[1], x.dtype)
        self._output, y = scratch(self._output, len(x), x.shape[1], x.dtype)
        keep = rng.random(x.shape, np.float32) >= self.rate
        np.multiply(keep, 1.0 / (1.0 - self.rate), out=self.mask, casting="same_kind")
        return np.multiply(x, self.mask, out=y)

    def backward(self, gradient, to_input=True):
        """dL/dy (b, n) -> dL/dx (b, n), in place, through the mask of the forward pass."""
        if self.mask is not None:
            gradient *= self.mask
        return gradient
