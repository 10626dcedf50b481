"""How the first weights of a layer are drawn: one rule a function, chosen by name.

A rule is given a numpy Generator, the shape of the weights, and how many values feed each output (`inputs`) and are
fed by each input (`outputs`); it returns float64 weights of that shape. Biases always begin at zero.
"""

import math


def he(rng, shape, inputs, outputs):
    """N(0, 2 / inputs), float64: keeps the values' spread from layer to layer under ReLU (He et al. 2015, eq. 10)."""
    return rng.standard_normal(shape) * math.sqrt(2.0 / inputs)


def glorot(rng, shape, inputs, outputs):
    """U(-a, a), float64, a = sqrt(6 / (inputs + outputs)): for tanh and the like (Glorot and Bengio 2010, eq. 16)."""
    return (2.0 * rng.random(shape) - 1.0) * math.sqrt(6.0 / (inputs + outputs))


def lecun(rng, shape, inputs, outputs):
    """N(0, 1 / inputs), float64: each output begins with the spread of the inputs.

    LeCun et al. 1998, "Efficient BackProp", section 4.6.
    """
    return rng.standard_normal(shape) * math.sqrt(1.0 / inputs)


def tutorial(rng, shape, inputs, outputs):
    """U(-0.1, 0.1) = 0.2 u - 0.1, float64, whatever the sizes (NumPy tutorials, Deep learning on MNIST)."""
    return 0.2 * rng.random(shape) - 0.1


INITIALISERS = {rule.__name__: rule for rule in (he, glorot, lecun, tutorial)}
