"""A network: a plain list of layers over one flat parameter vector."""

import math

import numpy as np

from .layers import Dense, Dropout, ReLU


class Network:
    """Layers applied one after the other.

    layers: a list such as [Dense(784, 256), ReLU(), Dense(256, 10)]; rng: the numpy Generator that draws the first
    weights; dtype: float32, or float64 for gradient checks.

    `parameters` and `gradient` are flat vectors of that dtype. Each layer holds views into both, so an optimizer is a
    few lines over one vector, and saving a network is saving one array. `weight_slices` says where in them the weights
    are, the part that penalties apply to. Raises ValueError when two neighbours do not fit.
    """

    def __init__(self, layers, rng, dtype=np.float32):
        self.layers = list(layers)
        self.dtype = np.dtype(dtype)
        self._check_sizes()
        count = _count(self.layers)
        self.parameters = np.zeros(count, self.dtype)
        self.gradient = np.zeros(count, self.dtype)
        self._share_out()
        for layer in self.layers:
            if layer.shapes:
                layer.initialise(rng)

    def _check_sizes(self):
        sized = [layer for layer in self.layers if hasattr(layer, "inputs")]
        if not sized:
            raise ValueError(f"A network needs at least one layer with weights; it was given {self.layers}.")
        for first, second in zip(sized, sized[1:]):
            if first.outputs != second.inputs:
                raise ValueError(f"{first} gives {first.outputs} values but {second} expects {second.inputs}.")
        self.inputs, self.outputs = sized[0].inputs, sized[-1].outputs

    def _share_out(self):
        start, self.weight_slices = 0, []
        for layer in self.layers:
            for name, shape in layer.shapes.items():
                stop = start + math.prod(shape)
                setattr(layer, name, self.parameters[start:stop].reshape(shape))
                setattr(layer, name + "_gradient", self.gradient[start:stop].reshape(shape))
                # Biases are few and only shift: no penalty is put on them (Goodfellow et al. 2016, 7.1).
                if name == "weights":
                    self.weight_slices.append(slice(start, stop))
                start = stop

    def forward(self, x, rng=None):
        """Logits (b, classes) of a batch x (b, inputs) of the network's dtype. rng: given while training, see layers.

        The result is a buffer that the next call overwrites. Raises ValueError for a batch of another width.
        """
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(f"The network expects batches of shape (b, {self.inputs}); it was given {x.shape}.")
        for layer in self.layers:
            x = layer.forward(x, rng)
        return x

    def backward(self, gradient, to_input=False):
        """From dL/dlogits (b, classes), fill `self.gradient`; with to_input=True also return dL/dx (b, inputs)."""
        for position in range(len(self.layers) - 1, -1, -1):
            gradient = self.layers[position].backward(gradient, to_input or position > 0)
        return gradient

    def describe(self):
        """The layers as plain data, such as [["Dense", 784, 256], ["ReLU"]]: what `from_description` needs."""
        return [[type(layer).__name__, *layer.arguments] for layer in self.layers]

    @classmethod
    def from_description(cls, description, rng):
        """The network that `describe` described, with fresh weights. Raises ValueError for an unknown layer."""
        return cls(_layers(description), rng)

    def __repr__(self):
        return f"Network([{', '.join(map(repr, self.layers))}])"


def _count(layers):
    return sum(math.prod(shape) for layer in layers for shape in layer.shapes.values())


def parameter_count(description):
    """The number of parameters that a described network has, without making it. Raises as `from_description`."""
    return _count(_layers(description))


def _layers(description):
    for name, *_ in description:
        if name not in LAYERS:
            raise ValueError(f"There is no layer {name!r}. The layers are {', '.join(LAYERS)}.")
    return [LAYERS[name](*arguments) for name, *arguments in description]


LAYERS = {kind.__name__: kind for kind in (Dense, ReLU, Dropout)}


def build(settings, rng, inputs=784, classes=10):
    """The network that `settings` asks for: inputs -> hidden units -> classes, with ReLU and dropout between."""
    hidden = settings.hidden_size
    return Network([Dense(inputs, hidden), ReLU(), Dropout(settings.dropout_rate), Dense(hidden, classes)], rng)
