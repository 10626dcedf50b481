"""A trained network as a file and back: one .npz of plain arrays and text, never pickled objects."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .images import as_inputs
from .losses import softmax
from .network import Network, parameter_count, state_count
from .settings import Settings

FORMAT = 1


class ModelFileError(ValueError):
    """A file that is not a usable model; the message says why."""


@dataclass(frozen=True)
class Model:
    """network: ready to predict; settings: what it was trained with; history: one dictionary an epoch;

    class_names, mean, deviation: those of the Dataset it was trained on.
    """

    network: Network
    settings: Settings
    history: list
    class_names: tuple
    mean: float = 0.0
    deviation: float = 1.0

    def probabilities(self, pixels):
        """Of each class for each image, float32 (n, classes). pixels: uint8 (n, rows, columns)."""
        inputs = (as_inputs(pixels) - np.float32(self.mean)) / np.float32(self.deviation)
        return softmax(self.network.forward(inputs))


def save_model(path, network, settings, history, dataset):
    """Write a network to one .npz file, with its Settings, History and what `dataset` is, the Dataset it learned from.

    Raises OSError where the file cannot be written, which leaves an older one as it was, and ValueError for a network
    that could not be read back: one of another number type, with layers of one's own, or no longer finite.
    """
    if network.dtype != np.float32 or not np.isfinite(network.parameters).all():
        raise ValueError(f"Only a network of finite float32 numbers can be saved; this one's are {network.dtype}.")
    parameter_count(network.describe())  # refuses layers that are not mnistlab's own
    about = {
        "layers": network.describe(), "settings": settings.as_dict(), "history": history.as_dicts(),
        "class_names": dataset.class_names, "mean": dataset.mean, "deviation": dataset.deviation,
    }
    arrays = {"format": np.int64(FORMAT), "about": np.str_(json.dumps(about)), "parameters": network.parameters}
    if len(network.state):
        arrays["state"] = network.state
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    part = Path(f"{path}.part")
    try:
        part.write_bytes(content.getvalue())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_model(path):
    """The Model in a file that `save_model` wrote.

    Raises ModelFileError for any other file: not an .npz, holding pickled objects, of another format version, or with
    parameters that do not fit its layers; OSError where it cannot be read.
    """
    name = Path(path).name
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as arrays:
            version, about, parameters = (arrays[key] for key in ("format", "about", "parameters"))
            # Most networks have no state, and files from before there was any hold none.
            state = arrays["state"] if "state" in arrays.files else np.zeros(0, np.float32)
        about = json.loads(str(about))
        layers, values, history = about["layers"], about["settings"], about["history"]
        names, mean, deviation = tuple(about["class_names"]), float(about["mean"]), float(about["deviation"])
        version = int(version)
    except OSError:
        raise
    except Exception as error:  # a damaged file fails in a dozen ways: zlib.error, BadZipFile, TokenError, ...
        pickled = "allow_pickle" in str(error) and "Object arrays" in str(error)
        why = "it holds pickled objects, which could run code" if pickled else "it was not written by mnistlab"
        raise ModelFileError(
            f"{name} cannot be used as a model: {why}. Make one with: mnistlab train --save model.npz"
        ) from None
    if version != FORMAT:
        raise ModelFileError(f"{name} has model format {version}; this version of mnistlab reads format {FORMAT}.")
    try:
        for what, array, expected in (
            ("parameters", parameters, parameter_count(layers)), ("numbers of state", state, state_count(layers)),
        ):
            if array.dtype != np.float32 or array.shape != (expected,) or not np.isfinite(array).all():
                raise ValueError(
                    f"its layers need {expected} finite float32 {what}, it holds {array.dtype} {array.shape}"
                )
        network = Network.from_description(layers, np.random.default_rng(0))
        settings = Settings(**values)
        if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
            raise ValueError("its history is not a list of epochs")
        sound = all(isinstance(name, str) for name in names) and abs(mean) < 1e6 and 1e-6 < deviation < 1e6
        if len(names) != network.outputs or not sound:
            raise ValueError("its classes or the scale of its inputs are damaged")
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"{name} cannot be used as a model: {str(error).rstrip('.')}.") from None
    network.parameters[:], network.state[:] = parameters, state
    return Model(network, settings, history, names, mean, deviation)
