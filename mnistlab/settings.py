"""Every setting of a run, written down once.

The table below is the only place that knows a setting's name, default, range, unit and sentence of help: sliders,
command-line options, saved models and error messages are all made from it.
"""

import reprlib
from collections import namedtuple
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from .language import t


def setting(
    default, low=None, high=None, *, help, label, slider=None, scale="linear", unit="", choices=(), live=False, key="",
):
    """A dataclass field that carries its own description.

    low, high: the values allowed, both ends included; slider: the narrower range that a slider offers (default: all of
    it); scale: "linear" or "log"; live: whether a change during a run counts from the next batch on; key: the short
    name that an address may call it by.
    """
    description = dict(
        low=low, high=high, slider=slider or (low, high), scale=scale, unit=unit, choices=choices, live=live,
        help=help, label=label, key=key,
    )
    return field(default=default, metadata=description)


@dataclass
class Settings:
    """What a run needs to know. Every assignment is checked, during a run too.

    Raises ValueError for a value outside its range or choices, naming both. An unknown name gets an AttributeError with
    the names there are where it is assigned, and Python's TypeError where Settings are made with it.
    """

    learning_rate: float = setting(
        0.1, 1e-6, 1e3, slider=(1e-4, 1.0), scale="log", live=True, label="Learning rate", key="lr",
        help="How far each step moves the weights against the gradient.",
    )
    epochs: int = setting(
        4, 1, 10_000, slider=(1, 50), label="Epochs", help="How many times the network sees every training image.",
    )
    hidden_size: int = setting(
        256, 1, 8192, slider=(8, 512), label="Hidden size", key="hidden", unit="units",
        help="How many units each hidden layer has.",
    )
    hidden_layers: int = setting(
        1, 0, 20, slider=(0, 4), label="Hidden layers", key="layers", unit="layers",
        help="How many hidden layers there are; without one, the network can only add up pixels.",
    )
    activation: str = setting(
        "relu", choices=("relu", "leaky-relu", "sigmoid", "tanh"), label="Activation",
        help="What a hidden unit makes of its sum; without any, many layers could do no more than one.",
    )
    initialiser: str = setting(
        "he", choices=("he", "glorot", "lecun", "tutorial"), label="Initialiser",
        help="How the first weights are drawn: he suits relu, glorot and lecun suit tanh and sigmoid.",
    )
    batch_norm: bool = setting(
        False, label="Batch normalisation",
        help="Bring each hidden unit's sums to mean 0 and deviation 1 over every batch.",
    )
    convolution: bool = setting(
        False, label="Convolution", help="Look for small patterns anywhere in the image before the hidden layers.",
    )
    batch_size: int = setting(
        128, 1, 60_000, slider=(1, 1024), scale="log", label="Batch size", key="batch", unit="images",
        help="How many images each step averages its gradient over.",
    )
    optimizer: str = setting(
        "momentum", choices=("sgd", "momentum", "nesterov", "rmsprop", "adam"), label="Optimizer",
        help="How a gradient becomes a step; rmsprop and adam want a learning rate of about 0.001.",
    )
    momentum: float = setting(
        0.9, 0.0, 0.999, live=True, label="Momentum",
        help="How much of the last step each new step keeps; sgd and rmsprop do without.",
    )
    dropout_rate: float = setting(
        0.0, 0.0, 0.95, live=True, label="Dropout rate", key="dropout",
        help="The share of hidden units switched off at random in each step.",
    )
    schedule: str = setting(
        "constant", choices=("constant", "step", "cosine", "one-cycle"), live=True, label="Schedule",
        help="How the learning rate changes in the course of a run.",
    )
    loss: str = setting(
        "cross-entropy", choices=("cross-entropy", "squared-error"), label="Loss",
        help="What the network is asked to make small.",
    )
    l1: float = setting(
        0.0, 0.0, 1.0, slider=(0.0, 0.001), live=True, label="L1",
        help="How strongly each step pulls every weight towards zero by the same amount: many end there.",
    )
    l2: float = setting(
        0.0, 0.0, 1.0, slider=(0.0, 0.01), live=True, label="Weight decay (L2)",
        help="How strongly each step pulls weights towards zero, large ones most; biases stay free.",
    )
    clip_norm: float = setting(
        0.0, 0.0, 1e6, slider=(0.0, 10.0), live=True, label="Gradient clipping",
        help="The length to which a longer gradient is cut before the step; 0 leaves every gradient as it is.",
    )
    patience: int = setting(
        0, 0, 10_000, slider=(0, 20), label="Patience", unit="epochs",
        help="Stop after so many epochs without a lower validation loss and take the best weights back; 0: never.",
    )
    shift: float = setting(
        0.0, 0, 14, slider=(0, 5), unit="pixels", live=True, label="Shift", help="How far an image may move, each way.",
    )
    rotate: float = setting(
        0.0, 0, 180, slider=(0, 45), unit="degrees", live=True, label="Rotation",
        help="How far an image may be turned.",
    )
    scale: float = setting(
        0.0, 0, 0.9, slider=(0, 0.5), live=True, label="Scale", help="By what share an image may grow or shrink.",
    )
    shear: float = setting(
        0.0, 0, 1, slider=(0, 0.5), unit="pixels a row", live=True, label="Shear",
        help="How far an image may lean over.",
    )
    thickness: float = setting(
        0.0, 0, 1, unit="pixels", live=True, label="Stroke thickness",
        help="How much bolder or thinner strokes may become.",
    )
    noise: float = setting(
        0.0, 0, 1, slider=(0, 0.5), live=True, label="Noise", help="How much random grey is added to each pixel.",
    )
    elastic: float = setting(
        0.0, 0, 200, slider=(0, 60), unit="pixels", live=True, label="Elastic distortion",
        help="How strongly an image wobbles, as if on rubber.",
    )
    elastic_sigma: float = setting(
        4.0, 0.5, 14, slider=(2, 8), unit="pixels", live=True, label="Elastic smoothness",
        help="How wide the wobbles of an elastic distortion are.",
    )
    shuffled_labels: bool = setting(
        False, label="Shuffled labels",
        help="Exchange the labels of the training images at random: nothing to learn is left.",
    )
    label_noise: float = setting(
        0.0, 0, 1, label="Label noise", help="The share of training images that get a wrong label.",
    )
    train_size: int = setting(
        60_000, 10, 60_000, scale="log", label="Training images", unit="images",
        help="How many images the network learns from.",
    )
    validation_fraction: float = setting(
        0.1, 0.01, 0.9, label="Validation share", help="The share of the training images that is only watched.",
    )
    seed: int = setting(
        0, 0, 2**32 - 1, label="Seed", help="The same seed and settings give the same run, bit for bit.",
    )

    def __setattr__(self, name, value):
        object.__setattr__(self, name, checked(name, value))

    def copy(self):
        """An independent Settings with the same values."""
        return Settings(**asdict(self))

    def said(self, name):
        """One setting in words, such as "batch size 128 images". Raises AttributeError for an unknown name."""
        value, about = getattr(self, name), TABLE[name].metadata
        label = t(about["label"]).lower()
        if isinstance(value, bool):
            return label if value else t("no {setting}", setting=label)
        shown = t(value) if isinstance(value, str) else f"{value:.3g}" if isinstance(value, float) else value
        unit = t(about["unit"]) if about["unit"] else ""
        return f"{label} {shown} {unit if unit not in label else ''}".strip()  # not "hidden layers 3 layers"

    def as_dict(self):
        """Every setting by name, as plain numbers and text."""
        return asdict(self)


TABLE = {item.name: item for item in fields(Settings)}


def checked(name, value):
    """value as the plain int, float, bool or str that setting `name` holds; raises as Settings does.

    Plain numbers matter: one NumPy float64 rate would turn float32 arithmetic into float64.
    """
    if name not in TABLE:
        raise AttributeError(f"There is no setting {name!r}. The settings are {', '.join(TABLE)}.")
    kind, about = TABLE[name].type, TABLE[name].metadata
    label = t(about["label"])
    if kind is str:
        if value not in about["choices"]:
            raise ValueError(t(
                "{setting} is {value!r}; it must be one of {choices}.", setting=label, value=value,
                choices=t(", ").join(about["choices"]),
            ))
        return str(value)
    if kind is bool:
        if not isinstance(value, bool | np.bool_):
            raise ValueError(t("{setting} is {value!r}; it must be True or False.", setting=label, value=value))
        return bool(value)
    low, high = about["low"], about["high"]
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    # A NaN is not within any range; what is, in float32, may be just outside as a plain float.
    if not number or not low <= value <= high or not low <= kind(value) <= high or value != kind(value):
        raise ValueError(t(
            "{setting} is {value!r}; it must be a whole number from {low} to {high}." if kind is int
            else "{setting} is {value!r}; it must be a number from {low:g} to {high:g}.",
            setting=label, value=value, low=low, high=high,
        ))
    return kind(value)


def of_kind(kind, value, expected):
    """value, where it is of that kind, a class; else ValueError with what was expected and what was given."""
    if not isinstance(value, kind):
        given = f"the class {value.__name__}" if isinstance(value, type) else reprlib.repr(value)
        raise ValueError(f"{expected}; got {given}.")
    return value


def find(what, name, table):
    """table[name]; raises ValueError with the names there are. what: the kind of thing they name, such as "loss"."""
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"There is no {what} {name!r}; there are {', '.join(table)}.")
    return table[name]


def known_settings(settings):
    """settings, where they are Settings, else ValueError."""
    return of_kind(Settings, settings, "Settings are made like Settings(epochs=1)")


def known_generator(rng):
    """rng, where it is a numpy Generator, else ValueError."""
    return of_kind(np.random.Generator, rng, "Chance comes from a numpy Generator, such as np.random.default_rng(0)")


class Generators(namedtuple("Generators", "weights order dropout split augmentation labels")):
    """The sources of chance in a run, one numpy Generator for each thing that is drawn.

    weights: the first ones; order: of the images in an epoch; dropout: its masks; split: which images validate;
    augmentation: how images are changed; labels: how they are shuffled or made noisy.
    """


def generators(seed):
    """Generators from one seed, each with a stream of its own: turning one thing on does not reshuffle another.

    seed: one that `Settings` takes, else ValueError; NumPy's SeedSequence.spawn makes the streams. New kinds go to the
    end, so that old seeds keep their runs.
    """
    seeds = np.random.SeedSequence(checked("seed", seed)).spawn(len(Generators._fields))
    return Generators(*map(np.random.default_rng, seeds))
