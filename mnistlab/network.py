"""A network: a plain list of layers over one flat parameter vector."""

import math

import numpy as np

from .convolution import Conv2D, Flatten, MaxPool2D, Reshape
from .language import t
from .layers import BatchNorm, Dense, Dropout, Layer, LeakyReLU, ReLU, Sigmoid, Tanh
from .settings import find, known_generator, known_settings, of_kind


class Network:
    """Layers applied one after the other.

    layers: a list such as [Dense(784, 256), ReLU(), Dense(256, 10)]; rng: the numpy Generator that draws the first
    weights; dtype: float32, or float64 for gradient checks.

    `parameters`, `gradient` and `state` are flat vectors of that dtype. Each layer holds views into them, so an
    optimizer is a few lines over one vector, and saving a network is saving two arrays: the parameters, and the state,
    which is what layers remember without training it (BatchNorm's running statistics; empty for most networks).
    `gradient` is what the last `backward` filled; an optimizer's step may use it up.
    `weight_slices` says where in them the weights are, the part that penalties apply to.
    `inputs` and `outputs` are the number of values of one image and of its logits. Raises ValueError when two
    neighbours do not fit, for a layer that is there twice or in another network already, and for anything but layers.
    """

    def __init__(self, layers, rng, dtype=np.float32):
        self.layers = list(of_kind(list | tuple, layers, "A network is a list such as [Dense(784, 10), ReLU()]"))
        self.dtype = np.dtype(dtype)
        self._batch = None
        self._check_layers(rng)
        self._check_sizes()
        self._lowest = min(position for position, layer in enumerate(self.layers) if layer.shapes)
        self.parameters = np.zeros(_count(self.layers, "shapes"), self.dtype)
        self.gradient = np.zeros_like(self.parameters)
        self.state = np.zeros(_count(self.layers, "state_shapes"), self.dtype)
        self._share_out()
        for layer in self.layers:
            layer.owned = True
            if layer.shapes:
                layer.initialise(rng)

    def _check_layers(self, rng):
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"A network's numbers are float32 or float64, not {self.dtype}.")
        known_generator(rng)
        for place, layer in enumerate(self.layers):
            of_kind(Layer, layer, "A network is a list of layers such as [Dense(784, 10), ReLU()]")
            # Each layer remembers what it was given on the way forward, and needs it on the way back.
            if layer.owned or any(layer is other for other in self.layers[:place]):
                raise ValueError(f"{layer} is in a network already; make a new one for each place.")

    def _check_sizes(self):
        sized = [layer for layer in self.layers if hasattr(layer, "inputs")]
        if not sized or not any(layer.shapes for layer in self.layers):
            raise ValueError(
                "A network needs at least one layer with weights, and a Dense or Reshape that tells how many values "
                f"an image has; it was given {self.layers}."
            )
        self.inputs = sized[0].inputs
        giver, shape = "The input", (self.inputs,)
        for layer in self.layers:
            try:
                following = layer.output_shape(shape)
            except ValueError as error:
                raise ValueError(f"{giver} gives {_said(shape)} but {layer} {error}.") from None
            # Activations and the like hand on what they were given: the layer before them is the one to name.
            if layer.shapes or following != shape:
                giver = layer
            shape = following
        if len(shape) != 1:
            raise ValueError(f"{giver} gives {_said(shape)} but a network must end with rows of values; add Flatten().")
        (self.outputs,) = shape

    def _places(self, kind):
        """(layer, name, shape, slice of the flat vector) of all "shapes" or "state_shapes", one after the other."""
        start = 0
        for layer in self.layers:
            for name, shape in getattr(layer, kind).items():
                stop = start + math.prod(shape)
                yield layer, name, shape, slice(start, stop)
                start = stop

    def _share_out(self):
        """Give each layer views of its part of the flat vectors."""
        for kind, vector, suffix in (
            ("shapes", self.parameters, ""), ("shapes", self.gradient, "_gradient"), ("state_shapes", self.state, ""),
        ):
            for layer, name, shape, part in self._places(kind):
                setattr(layer, name + suffix, vector[part].reshape(shape))

    def __setstate__(self, state):
        """After copy.deepcopy or pickle, which copy each view apart: the layers look into the flat vectors again."""
        vars(self).update(state)
        self._share_out()

    @property
    def weight_slices(self):
        """Where in `parameters` the weights are, a list of slices.

        Biases are few and only shift: penalties leave them out, as they do a BatchNorm's scale (Goodfellow et al. 2016,
        7.1).
        """
        return [part for _, name, _, part in self._places("shapes") if name == "weights"]

    def forward(self, x, rng=None):
        """Logits (b, classes) of a batch x (b, inputs) of the network's dtype. rng: given while training, see layers.

        Layer after layer (Goodfellow et al. 2016, algorithm 6.3). The result is a buffer that the next call overwrites.
        Raises ValueError for a batch of another width or type, and for an rng that is no Generator.
        """
        of_kind(np.ndarray, x, "The network expects batches, arrays (b, inputs)")
        if x.ndim != 2 or x.shape[1] != self.inputs or x.dtype != self.dtype:
            expected = f"batches of shape (b, {self.inputs}) and {self.dtype}"
            raise ValueError(f"The network expects {expected}; it was given {x.shape} and {x.dtype}.")
        if rng is not None:
            known_generator(rng)
        self._batch = len(x)
        for layer in self.layers:
            x = layer.forward(x, rng)
        return x

    def backward(self, gradient, to_input=False):
        """From dL/dlogits (b, classes), fill `self.gradient`; with to_input=True also return dL/dx (b, inputs).

        Goes back through the last `forward` by the chain rule (Goodfellow et al. 2016, algorithm 6.4), once: layers may
        use up what they kept of it, and the array given is overwritten. Raises ValueError where no forward came before,
        and for another shape than that of its logits.
        """
        if self._batch is None:
            raise ValueError("There is nothing to go back through: call forward first.")
        of_kind(np.ndarray, gradient, "The gradient is an array (b, classes)")
        logits = self._batch, self.outputs
        if gradient.shape != logits:
            raise ValueError(f"The last forward gave logits of shape {logits}; the gradient has {gradient.shape}.")
        self._batch = None
        lowest = 0 if to_input else self._lowest  # below the lowest layer with weights nobody needs it
        for layer in reversed(self.layers[lowest:]):
            gradient = layer.backward(gradient, to_input or layer is not self.layers[lowest])
        return gradient if to_input else None

    def describe(self):
        """The layers as plain data, such as [["Dense", 784, 256], ["ReLU"]]: what `from_description` needs."""
        return described(self.layers)

    @classmethod
    def from_description(cls, description, rng):
        """The network that `describe` described, in float32, with fresh weights drawn by rng, a numpy Generator.

        Raises ValueError for an unknown layer, and as the class does.
        """
        return cls(_layers(description), rng)

    def __repr__(self):
        return f"Network([{', '.join(map(repr, self.layers))}])"


def described(layers):
    """A list of layers as plain data, as `Network.describe` gives it."""
    return [[type(layer).__name__, *layer.arguments] for layer in layers]


def _said(shape):
    """A shape in words: "4 values" or "8 channels of 13 x 13"."""
    return f"{shape[0]} values" if len(shape) == 1 else "{} channels of {} x {}".format(*shape)


def _count(layers, kind):
    return sum(math.prod(shape) for layer in layers for shape in getattr(layer, kind).values())


def parameter_count(description):
    """The number of parameters that a described network has, without making it. Raises as `from_description`."""
    return _count(_layers(description), "shapes")


def state_count(description):
    """The length of a described network's state, without making it. Raises as `from_description`."""
    return _count(_layers(description), "state_shapes")


def _layers(description):
    return [find("layer", name, LAYERS)(*arguments) for name, *arguments in description]


KINDS = Dense, ReLU, Dropout, LeakyReLU, Sigmoid, Tanh, BatchNorm, Reshape, Conv2D, MaxPool2D, Flatten
LAYERS = {kind.__name__: kind for kind in KINDS}


ACTIVATIONS = {"relu": ReLU, "leaky-relu": LeakyReLU, "sigmoid": Sigmoid, "tanh": Tanh}


def build(settings, rng, inputs=784, classes=10):
    """The Network, in float32, that `settings` asks for, its first weights drawn by rng, a numpy Generator.

    inputs: pixels of an image; classes: its number of logits. Layers and errors as for `layers_for`.
    """
    return Network(layers_for(settings, inputs, classes), rng)


def layers_for(settings, inputs=784, classes=10):
    """The list of layers that `settings` asks for: inputs -> [two convolutions ->] hidden layers -> classes.

    Every convolution and hidden layer is followed by batch normalisation, where it is on, and by the activation, every
    hidden layer by dropout too. Convolutions are 3 x 3, with 8 and 16 channels, each pooled 2 x 2. Raises ValueError
    for a convolution of images whose number of pixels is no square or less than 16, and for batch normalisation of
    hidden layers in batches of one image, which has none to be compared with.
    """
    known_settings(settings)
    if settings.batch_norm and settings.hidden_layers and settings.batch_size == 1:
        raise ValueError(t(
            "Batch normalisation compares the images of a batch with each other: choose a batch size of at least 2."
        ))
    layers, values, size = [], inputs, settings.hidden_size

    def add(layer, units, last):
        norm = [BatchNorm(units)] if settings.batch_norm else []
        layers.extend([layer, *norm, ACTIVATIONS[settings.activation](), last])

    if settings.convolution:
        side = math.isqrt(inputs)
        if side * side != inputs or side < 4:
            raise ValueError(t(
                "A convolution needs square images of at least 4 x 4 pixels; these have {inputs} pixels.", inputs=inputs
            ))
        layers.append(Reshape(1, side, side))
        for channels, filters in ((1, 8), (8, 16)):
            add(Conv2D(channels, filters, 3, padding=1, initialiser=settings.initialiser), filters, MaxPool2D(2))
        layers.append(Flatten())
        values = 16 * (side // 4) ** 2
    for _ in range(settings.hidden_layers):
        add(Dense(values, size, settings.initialiser), size, Dropout(settings.dropout_rate))
        values = size
    return [*layers, Dense(values, classes, settings.initialiser)]
