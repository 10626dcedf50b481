"""A trained network as a file and back: one .npz of plain arrays and text, never pickled objects. Settings as JSON.

A model file may hold the checkpoint of its run as well, so that training goes on from it bit for bit.
"""

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .images import as_inputs
from .language import t
from .losses import softmax
from .network import Network, parameter_count, state_count
from .settings import TABLE, Settings

FORMAT = 1
# A small file can unpack to more than any memory holds.
LARGEST = 1_000_000_000
# A checkpoint repeats these of the model, and a file holds them once.
REPEATED = ("parameters", "state")
NEEDED = {
    "parameters": "its layers need {count} finite float32 parameters, it holds {kind} {shape}",
    "state": "its layers need {count} finite float32 numbers of state, it holds {kind} {shape}",
}


class ModelFileError(ValueError):
    """A file that is not a usable model; the message says why."""


class _TooLarge(Exception):
    """Unpacked, a file would take more memory than LARGEST; the message says how much."""


class SettingsFileError(ValueError):
    """A file that does not hold settings; the message says why."""


@dataclass(frozen=True)
class Model:
    """network: ready to predict; settings: what it was trained with; history: one dictionary an epoch;

    class_names, mean, deviation: those of the Dataset it was trained on; origin: plain data that says where its images
    came from, {} where the file does not; checkpoint: that of its run, for Run.restore, or None.
    """

    network: Network
    settings: Settings
    history: list
    class_names: tuple
    mean: float = 0.0
    deviation: float = 1.0
    origin: dict = field(default_factory=dict)
    checkpoint: dict | None = None

    def probabilities(self, pixels):
        """Of each class for each image, float32 (n, classes). pixels: uint8 (n, rows, columns)."""
        inputs = (as_inputs(pixels) - np.float32(self.mean)) / np.float32(self.deviation)
        return softmax(self.network.forward(inputs))

    def predict(self, pixels):
        """(name of the most probable class, its index, the probabilities float32 (classes,)) of one image.

        pixels: uint8 (rows, columns). In this order as in fastai (Howard and Gugger 2020, chapter 2).
        """
        probabilities = self.probabilities(pixels[None])[0]
        index = int(probabilities.argmax())
        return self.class_names[index], index, probabilities


def save_model(path, network, settings, history, dataset, origin=None):
    """Write a network to one .npz file, with its Settings, History and what `dataset` is, the Dataset it learned from.

    origin: as `origin_of` makes it; without it, a page that loads the file cannot tell which images the network knows.
    Raises OSError where the file cannot be written, which leaves an older one as it was, and ValueError as model_bytes.
    """
    content = model_bytes(network, settings, history, dataset, origin=origin)
    part = Path(f"{path}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def origin_of(dataset, split, *, taught=0, cleaned=False, changes=(), test_looks=0):
    """Where the images came from that a network learned from, plain data for its file: enough to find them again.

    dataset: its name; split: (seed, share of the validation set); taught: how many images it was taught since; cleaned:
    whether `changes`, as the JSON text of Changes, were applied; test_looks: how often the test set was looked at.
    """
    return {
        "dataset": dataset, "split": list(split), "taught": taught, "cleaned": cleaned, "changes": list(changes),
        "test_looks": test_looks,
    }


def model_bytes(network, settings, history, dataset, checkpoint=None, origin=None, compressed=True):
    """What `save_model` writes, as bytes. checkpoint: of the run, to go on from; origin: as `origin_of` makes it.

    compressed: trained weights lose a twelfth that way, which takes a hundred times as long as writing them. Raises
    ValueError for a network that could not be read back: one of another number type, with layers of one's own, or no
    longer finite.
    """
    if network.dtype != np.float32 or not np.isfinite(network.parameters).all():
        raise ValueError(f"Only a network of finite float32 numbers can be saved; this one's are {network.dtype}.")
    parameter_count(network.describe())  # refuses layers that are not mnistlab's own
    about = {
        "layers": network.describe(), "settings": settings.as_dict(), "history": history.as_dicts(),
        "class_names": dataset.class_names, "mean": dataset.mean, "deviation": dataset.deviation,
        "origin": origin or {},
    }
    arrays = {"format": np.int64(FORMAT), "about": np.str_(json.dumps(about)), "parameters": network.parameters}
    if len(network.state):
        arrays["state"] = network.state
    if checkpoint:
        kept = []
        flat = _flat({name: value for name, value in checkpoint.items() if name not in REPEATED}, kept)
        arrays["checkpoint"] = np.str_(json.dumps(flat))
        arrays |= {f"checkpoint {number}": array for number, array in enumerate(kept)}
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)
    return content.getvalue()


def load_model(path):
    """The Model in a file that `save_model` wrote. Raises ModelFileError as read_model; OSError if unreadable."""
    return read_model(Path(path).read_bytes(), Path(path).name)


def read_model(content, name):
    """The Model in the bytes of a model file; name: of the file, for messages.

    Raises ModelFileError for any other file: not an .npz, holding pickled objects, of another format version, or with
    parameters that do not fit its layers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > LARGEST:
            raise _TooLarge(t("unpacked it would take {size:,.0f} MB", size=unpacked / 1e6))
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            version, about, parameters = (arrays[key] for key in ("format", "about", "parameters"))
            # Most networks have no state, and files from before there was any hold none.
            state = arrays["state"] if "state" in arrays.files else np.zeros(0, np.float32)
            checkpoint = None
            if "checkpoint" in arrays.files:
                flat = json.loads(str(arrays["checkpoint"]))
                checkpoint = {**_deep(flat, arrays), "parameters": parameters, "state": state}
        about = json.loads(str(about))
        layers, values, history = about["layers"], about["settings"], about["history"]
        names, mean, deviation = tuple(about["class_names"]), float(about["mean"]), float(about["deviation"])
        origin = dict(about.get("origin", {}))
        version = int(version)
    except Exception as error:  # a damaged file fails in a dozen ways: zlib.error, BadZipFile, TokenError, ...
        why = t("it is damaged, or was not written by mnistlab")
        if "allow_pickle" in str(error) and "Object arrays" in str(error):
            why = t("it holds pickled objects, which could run code")
        elif isinstance(error, _TooLarge):
            why = str(error)
        raise ModelFileError(t(
            "{name} cannot be used as a model: {why}. Download one from the page, or make one with: mnistlab train "
            "--save model.npz", name=name, why=why,
        )) from None
    if version != FORMAT:
        raise ModelFileError(t(
            "{name} has model format {version}; this version of mnistlab reads format {format}.", name=name,
            version=version, format=FORMAT,
        ))
    try:
        for what, array, expected in (
            ("parameters", parameters, parameter_count(layers)), ("state", state, state_count(layers)),
        ):
            if array.dtype != np.float32 or array.shape != (expected,) or not np.isfinite(array).all():
                raise ValueError(t(NEEDED[what], count=expected, kind=array.dtype, shape=array.shape))
        network = Network.from_description(layers, np.random.default_rng(0))
        settings = Settings(**values)
        if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
            raise ValueError(t("its history is not a list of epochs"))
        sound = all(isinstance(name, str) for name in names) and abs(mean) < 1e6 and 1e-6 < deviation < 1e6
        if len(names) != network.outputs or not sound:
            raise ValueError(t("its classes or the scale of its inputs are damaged"))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ModelFileError(t("{name} cannot be used as a model: {why}.", name=name, why=_inner(error))) from None
    network.parameters[:], network.state[:] = parameters, state
    return Model(network, settings, history, names, mean, deviation, origin, checkpoint)


def settings_json(settings):
    """Settings as JSON text; `read_settings` reads it back."""
    return json.dumps({"format": FORMAT, "settings": settings.as_dict()}, indent=1)


def read_settings(content, name):
    """The Settings in the bytes of a file that holds `settings_json`; one that is not named there has its default.

    Raises SettingsFileError, with a sentence, for any other file and for values that are not allowed.
    """
    try:
        data = json.loads(content.decode("utf-8-sig"))
        version, values = data["format"], dict(data["settings"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise SettingsFileError(t(
            "{name} does not hold settings; choose a JSON file that was downloaded here under Keep your work.",
            name=name,
        )) from None
    if version != FORMAT:
        raise SettingsFileError(t(
            "{name} has settings format {version!r}; this version of mnistlab reads format {format}.", name=name,
            version=version, format=FORMAT,
        ))
    if unknown := sorted(values.keys() - TABLE.keys()):
        raise SettingsFileError(t(
            "{name} names a setting that there is not, {setting!r}; take it out, or use a newer mnistlab.", name=name,
            setting=unknown[0],
        ))
    try:
        return Settings(**values)
    except (ValueError, TypeError, OverflowError) as error:
        raise SettingsFileError(t("{name} cannot be used: {why}.", name=name, why=_inner(error))) from None


def _inner(error):
    """What an error says, to stand within another sentence."""
    return str(error).rstrip(".。")


def _flat(value, arrays):
    """value as JSON can hold it: what is no number or text becomes [its kind, its content].

    An array goes to the list `arrays` and leaves its place there; so does a long list of floats, which as text would be
    three times as large.
    """
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return ["array", len(arrays) - 1]
    if isinstance(value, list) and len(value) > 8 and all(type(each) is float for each in value):
        arrays.append(np.array(value))
        return ["floats", len(arrays) - 1]
    if isinstance(value, dict):
        return ["dict", {name: _flat(each, arrays) for name, each in value.items()}]
    if isinstance(value, list | tuple):
        return [type(value).__name__, [_flat(each, arrays) for each in value]]
    return value


def _deep(flat, arrays):
    """What `_flat` was given. arrays: of the file, by name."""
    if not isinstance(flat, list):
        return flat
    kind, content = flat
    if kind in ("array", "floats"):
        array = arrays[f"checkpoint {content}"]
        return array if kind == "array" else array.tolist()
    if kind == "dict":
        return {name: _deep(each, arrays) for name, each in content.items()}
    return {"list": list, "tuple": tuple}[kind](_deep(each, arrays) for each in content)
