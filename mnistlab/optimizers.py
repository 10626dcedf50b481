"""How a gradient becomes a step. An optimizer works in place on the network's one flat parameter vector.

Every optimizer is called the same way; where textbooks differ (the place of epsilon, the form of Nesterov's step) the
form is the one of PyTorch, so that figures can be compared.
"""

import math

import numpy as np


class Optimizer:
    """What every optimizer shares: vectors that it remembers from step to step, made once.

    size: the number of parameters; dtype: theirs. `memory` names the arrays that a step depends on besides its
    arguments: whoever puts them back, continues bit for bit. `rooms` names those to compute in.
    """

    memory = rooms = ()

    def __init__(self, size, dtype=np.float32):
        for name in (*self.memory, *self.rooms):
            setattr(self, name, np.zeros(size, dtype))

    def update(self, parameters, gradient, learning_rate, momentum):
        """Move `parameters` (size,) one step against `gradient` (size,), both of the optimizer's dtype, in place.

        The gradient may be used up: a step that multiplies it where it lies needs no other room, and is quicker.
        learning_rate > 0 and 0 <= momentum < 1 may differ at every call. float() keeps a NumPy float64 from turning
        the float32 arithmetic into float64.
        """
        raise NotImplementedError

    @property
    def state(self):
        """{name: array}, of its dtype (size,), Adam's `zero_share` float64 (2,): the arrays themselves, not copies."""
        return {name: getattr(self, name) for name in self.memory}

    def restore(self, state):
        """Continue from a `state`, whose arrays are copied. Raises ValueError for arrays of other names or kinds."""
        expected, given = (
            ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items()) or "nothing"
            for arrays in (self.state, state)
        )
        if given != expected:
            raise ValueError(f"{type(self).__name__} remembers {expected}; it was given {given}.")
        for name, array in state.items():
            getattr(self, name)[:] = array


class SGD(Optimizer):
    """Stochastic gradient descent: w <- w - rate g (Robbins and Monro 1951). Momentum is not used."""

    def update(self, parameters, gradient, learning_rate, momentum):
        """One step by this rule, in place; what is given as for `Optimizer.update`."""
        gradient *= float(learning_rate)
        parameters -= gradient


class Momentum(Optimizer):
    """Gradient descent with momentum: v <- m v - rate g; w <- w + v (Polyak 1964; Sutskever et al. 2013).

    The learning rate is within v, as in Keras and scikit-learn; PyTorch multiplies v by it, which is the same as long
    as the rate is.
    """

    memory = ("velocity",)

    def update(self, parameters, gradient, learning_rate, momentum):
        """One step by this rule, in place; what is given as for `Optimizer.update`."""
        gradient *= float(learning_rate)
        self.velocity *= float(momentum)
        self.velocity -= gradient
        parameters += self.velocity


class Nesterov(Optimizer):
    """Momentum that looks ahead: v <- m v - rate g; w <- w + m v - rate g (Nesterov 1983; Bengio et al. 2013, eq. 7).

    w is the point ahead, at which the gradient is taken: so the gradient is asked for once a step, as in PyTorch.
    """

    memory = ("velocity",)

    def update(self, parameters, gradient, learning_rate, momentum):
        """One step by this rule, in place; what is given as for `Optimizer.update`."""
        gradient *= float(learning_rate)
        self.velocity *= float(momentum)
        self.velocity -= gradient
        parameters -= gradient
        parameters += np.multiply(self.velocity, float(momentum), out=gradient)  # done with, it lends its room


def _average(average, values, share, room):
    """average <- share average + (1 - share) values, in place; room: to compute in, `values` itself at will."""
    np.multiply(values, 1 - share, out=room)
    average *= share
    average += room


class RMSprop(Optimizer):
    """Each step divided by the gradient's recent size: s <- 0.9 s + 0.1 g^2; w <- w - rate g / (sqrt(s) + 1e-7).

    Tieleman and Hinton 2012, lecture 6.5, with the lecture's decay, which Keras also has. Momentum is not used.
    """

    memory, rooms = ("square",), ("_step",)
    decay, epsilon = 0.9, 1e-7

    def update(self, parameters, gradient, learning_rate, momentum):
        """One step by this rule, in place; what is given as for `Optimizer.update`."""
        step = self._step
        _average(self.square, np.multiply(gradient, gradient, out=step), self.decay, step)
        np.sqrt(self.square, out=step)
        step += self.epsilon
        np.divide(gradient, step, out=step)
        step *= float(learning_rate)
        parameters -= step


class Adam(Optimizer):
    """Momentum and RMSprop at once, both averages freed from their start at zero (Kingma and Ba 2015, algorithm 1).

    a <- m a + (1 - m) g; s <- 0.999 s + 0.001 g^2; w <- w - rate a' / (sqrt(s') + 1e-8), where a' = a / (1 - m^t) and
    s' = s / (1 - 0.999^t) at step t. Momentum m is the paper's beta_1, whose usual value is 0.9.
    """

    memory, rooms = ("average", "square", "zero_share"), ("_step",)
    decay, epsilon = 0.999, 1e-8

    def __init__(self, size, dtype=np.float32):
        super().__init__(size, dtype)
        # m^t and 0.999^t, as products: momentum may change during a run, and then a power of today's would be wrong.
        self.zero_share = np.ones(2)

    def update(self, parameters, gradient, learning_rate, momentum):
        """One step by this rule, in place; what is given as for `Optimizer.update`."""
        step, momentum = self._step, float(momentum)
        self.zero_share *= (momentum, self.decay)
        average_share, square_share = (1 - self.zero_share).tolist()
        _average(self.average, gradient, momentum, step)
        _average(self.square, np.multiply(gradient, gradient, out=step), self.decay, step)
        # Both corrections as two plain numbers (the paper, end of section 2) instead of two more passes.
        np.sqrt(self.square, out=step)
        step += self.epsilon * math.sqrt(square_share)
        np.divide(self.average, step, out=step)
        step *= float(learning_rate) * math.sqrt(square_share) / average_share
        parameters -= step


OPTIMIZERS = {"sgd": SGD, "momentum": Momentum, "nesterov": Nesterov, "rmsprop": RMSprop, "adam": Adam}


def clip_by_norm(gradient, limit):
    """Shorten `gradient` (size,) in place to length `limit` if it is longer: g <- g limit / |g|.

    Pascanu et al. 2013, algorithm 1. Returns the length before, a plain float. PyTorch divides by |g| + 1e-6 instead.
    Raises ValueError for a limit that is not above 0.
    """
    if not limit > 0:
        raise ValueError(f"The length to clip a gradient to is {limit!r}; it must be above 0.")
    # In float64: a float32 gradient of 1e20 is just what clipping is for, and its square overflows.
    norm = math.sqrt(np.square(gradient, dtype=np.float64).sum())
    if norm > limit:
        gradient *= float(limit) / norm
    return norm
