"""Model files: what is saved comes back, and what is no model is refused with a sentence."""

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from toys import finished, pixels, toy_run, toy_set

from mnistlab import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, Network, ReLU, Reshape, Settings, evaluate
from mnistlab.experiments import standardised
from mnistlab.export import FORMAT, ModelFileError, load_model, save_model

IMAGES = toy_set(60)


@pytest.fixture
def trained():
    return finished(toy_run(IMAGES, IMAGES, dropout_rate=0.25, schedule="one-cycle", seed=2**32 - 1))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


@pytest.fixture
def content(trained, path):
    """The arrays of a good model file by name, to be spoilt and written again."""
    save_model(path, trained.network, trained.settings, trained.history, IMAGES)
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def rewrite(path, content, **changes):
    """Write the file again, with `about` and arrays changed."""
    about = json.loads(str(content["about"]))
    arrays = {name: changes.pop(name) for name in ("format", "parameters") if name in changes}
    np.savez(path, **{**content, "about": np.str_(json.dumps({**about, **changes})), **arrays})


def refusal(path):
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    sentence = str(caught.value)
    assert sentence.startswith("model.npz ")
    assert not sentence.endswith("..")
    return sentence


def test_a_loaded_model_predicts_bit_for_bit_the_same(trained, path, content):
    model = load_model(path)
    assert np.array_equal(model.network.parameters, trained.network.parameters)
    assert model.network.parameters.dtype == np.float32
    assert np.array_equal(evaluate(model.network, IMAGES).logits, evaluate(trained.network, IMAGES).logits)
    assert model.network.describe() == trained.network.describe()


@pytest.fixture
def normalised(path, trained):
    """A convolutional network with running statistics of its own, saved."""
    images = [Reshape(1, 4, 4), Conv2D(1, 2, 3, 1, 1), BatchNorm(2), ReLU(), MaxPool2D(2)]
    layers = [*images, Flatten(), Dense(8, 3, "glorot")]
    network = Network(layers, np.random.default_rng(0))
    network.forward(pixels(IMAGES), np.random.default_rng(1))
    save_model(path, network, trained.settings, trained.history, IMAGES)
    return network


def test_running_statistics_are_saved_and_come_back(normalised, path):
    loaded = load_model(path).network
    assert loaded.describe() == normalised.describe()
    assert np.array_equal(loaded.state, normalised.state) and loaded.state.any()
    assert np.array_equal(evaluate(loaded, IMAGES).logits, evaluate(normalised, IMAGES).logits)


def test_a_network_without_state_is_saved_without_any(content):
    assert set(content) == {"format", "about", "parameters"}


@pytest.mark.parametrize("change", [
    lambda s: None, lambda s: s[:-1], lambda s: s.astype(np.float64), lambda s: s * np.float32("nan"),
])
def test_state_that_does_not_fit_the_layers_is_refused(normalised, path, change):
    with np.load(path) as arrays:
        content = dict(arrays)
    state = change(content.pop("state"))
    np.savez(path, **content, **({} if state is None else {"state": state}))
    assert "its layers need 4 finite float32 numbers of state" in refusal(path)


def test_settings_and_history_come_back(trained, path, content):
    model = load_model(path)
    assert model.settings == trained.settings
    assert model.history == trained.history.as_dicts() and len(model.history) == 2


def test_a_loaded_model_holds_its_parameters_in_its_layers(trained, path, content):
    model = load_model(path)
    model.network.parameters[:] = 0
    assert not model.network.forward(pixels(IMAGES)).any()


def test_saving_twice_leaves_the_second_model(trained, path, content):
    trained.network.parameters[0] = 42
    save_model(path, trained.network, trained.settings, trained.history, IMAGES)
    assert load_model(path).network.parameters[0] == 42


def test_the_file_is_written_under_the_name_it_was_given(trained, tmp_path):
    save_model(tmp_path / "my.model", trained.network, trained.settings, trained.history, IMAGES)
    assert [file.name for file in tmp_path.iterdir()] == ["my.model"]
    assert load_model(tmp_path / "my.model").settings == trained.settings


def test_a_good_model_that_is_written_again_unchanged_loads(path, content):
    # The tests below spoil one thing each; this one shows that nothing else stops them.
    rewrite(path, content)
    assert load_model(path).settings.hidden_size == 6


@pytest.mark.parametrize("spoilt", [b"", b"not a model\n", b"PK\x03\x04", bytes(5000), pickle.dumps({"a": 1})])
def test_a_file_that_is_no_model_is_refused(path, spoilt):
    path.write_bytes(spoilt)
    assert "cannot be used as a model: it is damaged, or was not written by mnistlab" in refusal(path)


def test_a_single_array_is_refused(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    refusal(path)


def test_an_npz_of_something_else_is_refused(path):
    np.savez(path, weights=np.zeros(3))
    assert "it is damaged, or was not written by mnistlab" in refusal(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(path, content, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refusal(path)


def test_a_damaged_file_is_refused_or_read_right_wherever_the_damage_is(trained, path, content):
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            model = load_model(path)
        except ModelFileError:
            refused += 1
        else:
            assert np.array_equal(model.network.parameters, trained.network.parameters)
    assert refused > len(whole) / 6


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["format", "about", "parameters"])
def test_pickled_objects_are_refused_and_not_run(path, content, tmp_path, name):
    np.savez(path, **{**content, name: np.array([Trap(tmp_path / "sprung")], object)})
    assert "it holds pickled objects, which could run code" in refusal(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("change", [
    lambda p: p[:-1],
    lambda p: np.append(p, p[:1]),
    lambda p: p.reshape(1, -1),
    lambda p: p.astype(np.float64),
    lambda p: p.astype(int),
    lambda p: np.where(np.arange(len(p)) == 5, np.float32("nan"), p),
])
def test_parameters_that_do_not_fit_the_layers_are_refused(path, content, change):
    rewrite(path, content, parameters=change(content["parameters"]))
    assert "its layers need 123 finite float32 parameters" in refusal(path)


def test_neighbouring_layers_that_do_not_fit_are_refused(path, content):
    rewrite(path, content, layers=[["Dense", 4, 9], ["Dense", 6, 11]], parameters=np.zeros(122, np.float32))
    assert "gives 9 values but" in refusal(path)


def test_an_unknown_layer_is_refused(path, content):
    rewrite(path, content, layers=[["Dense", 16, 6], ["Conv"], ["Dense", 6, 3]])
    assert "There is no layer 'Conv'; there are Dense, ReLU, Dropout, " in refusal(path)


@pytest.mark.parametrize("layers", [
    None, 5, "Dense", {}, [], [5], [[]], [["Dense"]], [["Dense", "16", 6]], [["Dense", -16, 6]], [["ReLU", 1]],
    [["Dense", 1e308 * 10, 6]], [["Dense", 10**30, 6]], [[["Dense"], 16, 6]], [["ReLU"]],
])
def test_layers_that_make_no_network_are_refused(path, content, layers):
    rewrite(path, content, layers=layers)
    refusal(path)


@pytest.mark.parametrize("settings", [None, 5, [], {"epochs": 0}, {"epochs": "4"}, {"speed": 3}, {"loss": "hinge"}])
def test_settings_that_are_not_allowed_are_refused(path, content, settings):
    rewrite(path, content, settings=settings)
    refusal(path)


@pytest.mark.parametrize("history", [None, 5, "x", {}, [3]])
def test_a_history_that_is_no_list_of_epochs_is_refused(path, content, history):
    rewrite(path, content, history=history)
    refusal(path)


@pytest.mark.parametrize("version", [0, FORMAT + 1, -1])
def test_another_format_version_is_refused_with_both_numbers(path, content, version):
    rewrite(path, content, format=np.int64(version))
    assert f"has model format {version}; this version of mnistlab reads format {FORMAT}." in refusal(path)


@pytest.mark.parametrize("version", [np.zeros(2, int), np.str_("one"), np.float64("inf")])
def test_a_format_version_that_is_no_number_is_refused(path, content, version):
    rewrite(path, content, format=version)
    refusal(path)


def test_text_nested_without_end_is_refused(path, content):
    np.savez(path, **{**content, "about": np.str_("[" * 100_000)})
    refusal(path)


def test_a_file_that_is_not_there_is_an_oserror(path):
    with pytest.raises(FileNotFoundError):
        load_model(path)


def test_a_folder_that_is_not_there_is_an_oserror(trained, path):
    with pytest.raises(OSError):
        save_model(path / "deeper" / "model.npz", trained.network, Settings(), trained.history, IMAGES)


def test_a_model_reads_images_as_those_it_learned_from(trained, path):
    """Whoever trains on standardised inputs gets the same probabilities from bytes later."""
    (scaled,) = standardised(replace(IMAGES, class_names=("cat", "dog", "cow")))
    run = finished(toy_run(scaled, scaled))
    save_model(path, run.network, run.settings, run.history, scaled)
    model = load_model(path)
    pixels = np.stack([scaled.image(row) for row in range(5)])
    assert np.allclose(model.probabilities(pixels), run.evaluation.probabilities[:5], atol=1e-6)
    name, index, probabilities = model.predict(pixels[2])
    assert index == run.evaluation.predictions[2] and name == model.class_names[index]
    assert np.allclose(probabilities, run.evaluation.probabilities[2], atol=1e-6)
    assert model.class_names == ("cat", "dog", "cow")


@pytest.mark.parametrize("changes", [
    {"class_names": ["a", "b"]}, {"deviation": 0.0}, {"deviation": float("nan")}, {"mean": float("inf")},
    {"class_names": None}, {"mean": "zero"},
])
def test_damaged_classes_or_scale_are_refused(path, content, changes):
    rewrite(path, content, **changes)
    refusal(path)


def test_a_network_that_could_not_be_read_back_is_not_saved_and_an_older_file_stays(trained, path):
    save_model(path, trained.network, trained.settings, trained.history, IMAGES)
    before = path.read_bytes()
    trained.network.parameters[0] = np.nan
    with pytest.raises(ValueError, match="Only a network of finite float32 numbers can be saved"):
        save_model(path, trained.network, trained.settings, trained.history, IMAGES)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
