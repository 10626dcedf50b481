"""How a gradient becomes a step. An optimizer works in place on the network's one flat parameter vector."""

import numpy as np


class SGD:
    """Stochastic gradient descent with momentum: v <- m v - rate g; w <- w + v (Polyak 1964; Sutskever et al. 2013).

    size: the number of parameters; dtype: theirs.
    """

    def __init__(self, size, dtype=np.float32):
        self.velocity = np.zeros(size, dtype)
        self._step = np.empty(size, dtype)

    def update(self, parameters, gradient, learning_rate, momentum):
        """Move `parameters` (size,) one step against `gradient` (size,), in place.

        learning_rate > 0 and 0 <= momentum < 1 may differ at every call. float() keeps a NumPy float64 from turning
        the float32 arithmetic into float64.
        """
        np.multiply(gradient, float(learning_rate), out=self._step)
        self.velocity *= float(momentum)
        self.velocity -= self._step
        parameters += self.velocity
