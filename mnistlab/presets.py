"""Presets: settings that show one thing, with a title for the page and a sentence on what to watch."""

from dataclasses import dataclass

from .language import t
from .settings import TABLE, known_settings


@dataclass(frozen=True)
class Preset:
    """Settings that show one thing: a title, a sentence on what to watch, and the values that are not the defaults."""

    title: str
    watch: str
    values: dict

    def apply(self, settings):
        """Put every setting but the seed and the number of training images at its default or this preset's value."""
        known_settings(settings)
        for name, item in TABLE.items():
            if name not in ("seed", "train_size"):
                setattr(settings, name, self.values.get(name, item.default))


PRESETS = {
    "tutorial": Preset(
        "Tutorial",
        "The NumPy tutorial's network, corrected after every single image: slow and uneven steps, and yet it learns.",
        {
            "hidden_size": 100, "optimizer": "sgd", "learning_rate": 0.0025, "loss": "squared-error", "epochs": 20,
            "dropout_rate": 0.5, "initialiser": "tutorial", "batch_size": 1,
        },
    ),
    "quick": Preset(
        "Quick", "The loss falls steeply and validation follows training: a healthy run.",
        {"learning_rate": 0.5, "momentum": 0.8, "schedule": "one-cycle"},
    ),
    "best": Preset(
        "Best",
        "Every epoch shows every image a little shifted, turned and bent: training looks worse than validation, and "
        "validation ends better than any other preset's.",
        {
            "hidden_size": 512, "hidden_layers": 3, "batch_norm": True, "optimizer": "adam", "learning_rate": 0.004,
            "schedule": "one-cycle", "batch_size": 256, "epochs": 25, "shift": 1.5, "rotate": 10.0, "scale": 0.1,
            "shear": 0.1, "elastic": 24.0, "elastic_sigma": 5.0,
        },
    ),
    "too-high": Preset(
        "Too high a learning rate",
        "The loss jumps up instead of falling, and accuracy stays far below a good run's.",
        {"learning_rate": 2.0, "epochs": 10},
    ),
    "too-small": Preset(
        "Too small",
        "Eight hidden units cannot tell ten digits apart well: accuracy stays well below that of a larger network.",
        {"hidden_size": 8, "epochs": 20},
    ),
    "too-big": Preset(
        "Too big",
        "Training reaches 100 % and its loss zero, while validation stands still: the rest is learned by heart.",
        {"hidden_size": 512, "hidden_layers": 3, "epochs": 20},
    ),
    "random-labels": Preset(
        "Random labels",
        "Training accuracy rises although the labels mean nothing; validation never beats the baseline.",
        {"shuffled_labels": True, "hidden_size": 512, "epochs": 40},
    ),
}


def preset(name):
    """The preset of that name; raises ValueError with the names there are."""
    if name not in PRESETS:
        names = t(", ").join(PRESETS)
        raise ValueError(t("There is no preset {name!r}. The presets are {names}.", name=name, names=names))
    return PRESETS[name]
