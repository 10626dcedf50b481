"""Settings: the table, what it refuses, presets and generators."""

import json

import numpy as np
import pytest

from mnistlab import Settings, generators
from mnistlab.augmentation import KINDS
from mnistlab.initialisers import INITIALISERS
from mnistlab.losses import LOSSES
from mnistlab.network import ACTIVATIONS
from mnistlab.optimizers import OPTIMIZERS
from mnistlab.schedules import SCHEDULES
from mnistlab.presets import PRESETS, preset
from mnistlab.settings import TABLE

NUMBERS = [name for name, item in TABLE.items() if item.type in (int, float)]
SWITCHES = [name for name, item in TABLE.items() if item.type is bool]
WORDS = [name for name, item in TABLE.items() if item.type is str]


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_a_range_are_allowed(name):
    about, settings = TABLE[name].metadata, Settings()
    for end in (about["low"], about["high"]):
        setattr(settings, name, end)
        assert getattr(settings, name) == end


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_outside_its_range_is_refused_with_name_and_range(name):
    about, settings = TABLE[name].metadata, Settings()
    beyond = 1 if TABLE[name].type is int else 1e-9
    for value in (about["low"] - beyond, about["high"] + max(beyond, about["high"] * 1e-6)):
        with pytest.raises(ValueError) as refusal:
            setattr(settings, name, value)
        ends = "from {} to {}" if TABLE[name].type is int else "from {:g} to {:g}"
        for word in (about["label"], repr(value), ends.format(about["low"], about["high"])):
            assert word in str(refusal.value)
    assert settings == Settings()


@pytest.mark.parametrize(
    "value", ["3", None, True, np.True_, [3], np.array([3]), np.array(3), 3j, np.complex64(3), float("nan"),
              np.float32("nan"), float("inf"), 10**400]
)
@pytest.mark.parametrize("name", ["epochs", "learning_rate"])
def test_what_is_no_number_in_range_is_refused(name, value):
    with pytest.raises(ValueError, match=TABLE[name].metadata["label"]):
        Settings(**{name: value})


@pytest.mark.parametrize("name", [name for name in NUMBERS if TABLE[name].type is int])
def test_a_whole_number_may_be_written_as_a_float_but_must_be_whole(name):
    settings = Settings(**{name: 12.0})
    assert getattr(settings, name) == 12 and type(getattr(settings, name)) is int
    with pytest.raises(ValueError, match="a whole number"):
        setattr(settings, name, 12.5)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_true_or_false_and_nothing_else(name):
    for value in (True, False, np.True_, np.False_):
        assert getattr(Settings(**{name: value}), name) is bool(value)
    for value in (1, 0, "yes", None, 0.0):
        with pytest.raises(ValueError, match=f"{TABLE[name].metadata['label']} is {value!r}; it must be True or False"):
            Settings(**{name: value})


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("value", ["nonsense", "", 1, None, ["constant"]])
def test_a_word_that_is_no_choice_is_refused_with_the_choices(name, value):
    with pytest.raises(ValueError, match=", ".join(TABLE[name].metadata["choices"])):
        Settings(**{name: value})


@pytest.mark.parametrize("name, table", [
    ("loss", LOSSES), ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("activation", ACTIVATIONS),
    ("initialiser", INITIALISERS),
])
def test_the_choices_of_a_setting_are_those_there_are(name, table):
    assert TABLE[name].metadata["choices"] == tuple(table)


def test_an_unknown_setting_is_refused_with_the_names_there_are():
    with pytest.raises(AttributeError, match="no setting 'learning_rat'.*learning_rate, epochs"):
        Settings().learning_rat = 0.1
    with pytest.raises(TypeError, match="learning_rat"):
        Settings(learning_rat=0.1)


def test_numpy_values_become_plain_ones():
    settings = Settings(
        learning_rate=np.float64(0.5), momentum=np.float32(0.5), epochs=np.int64(3), seed=np.uint32(7),
        hidden_size=np.float64(64), loss=np.str_("squared-error"),
    )
    for name, item in TABLE.items():
        assert type(getattr(settings, name)) is item.type, name
    assert settings == Settings(
        learning_rate=0.5, momentum=0.5, epochs=3, seed=7, hidden_size=64, loss="squared-error"
    )


def test_a_refused_value_changes_nothing():
    settings = Settings(epochs=7)
    with pytest.raises(ValueError):
        settings.epochs = 0
    assert settings.epochs == 7


def test_rates_momentum_penalties_clipping_and_augmentation_are_live():
    live = {name for name, item in TABLE.items() if item.metadata["live"]}
    rates = {"learning_rate", "schedule", "momentum", "dropout_rate", "l1", "l2", "clip_norm"}
    assert live == rates | {*KINDS, "elastic_sigma"}


def test_penalties_and_clipping_are_off_by_default_and_the_optimizer_is_momentum():
    settings = Settings()
    assert (settings.optimizer, settings.l1, settings.l2, settings.clip_norm) == ("momentum", 0, 0, 0)


def test_a_copy_is_independent():
    settings = Settings(epochs=7)
    copy = settings.copy()
    assert copy == settings
    copy.epochs = 8
    settings.learning_rate = 0.3
    assert (settings.epochs, copy.learning_rate) == (7, Settings().learning_rate)


def test_settings_survive_json():
    settings = Settings(learning_rate=0.03, epochs=9, schedule="one-cycle")
    assert Settings(**json.loads(json.dumps(settings.as_dict()))) == settings


@pytest.mark.parametrize("name", TABLE)
def test_every_setting_describes_itself(name):
    about = TABLE[name].metadata
    assert about["label"] and about["help"].endswith(".")
    setattr(Settings(), name, TABLE[name].default)
    if name in NUMBERS:
        low, high = about["slider"]
        assert about["low"] <= low < high <= about["high"]
        assert about["scale"] != "log" or low > 0


def test_the_app_sliders_have_the_ranges_of_the_specification():
    ranges = {name: TABLE[name].metadata["slider"] for name in ("learning_rate", "epochs", "hidden_size")}
    assert ranges == {"learning_rate": (1e-4, 1.0), "epochs": (1, 50), "hidden_size": (8, 512)}
    assert TABLE["learning_rate"].metadata["scale"] == "log"
    assert [TABLE[name].metadata["label"] for name in ranges] == ["Learning rate", "Epochs", "Hidden size"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_its_values_and_every_default_but_seed_and_number_of_images(name):
    settings = Settings(seed=5, train_size=777, momentum=0.1, dropout_rate=0.5, loss="squared-error", batch_size=3)
    preset(name).apply(settings)
    assert settings == Settings(**{**PRESETS[name].values, "seed": 5, "train_size": 777})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_it_is_and_what_to_watch(name):
    assert PRESETS[name].title and PRESETS[name].watch.endswith(".")


def test_an_unknown_preset_is_refused_with_the_presets_there_are():
    with pytest.raises(ValueError, match="no preset 'fast'.*quick"):
        preset("fast")


def test_one_seed_gives_six_different_streams_and_always_the_same():
    draws = [[rng.random(4).tolist() for rng in generators(3)] for _ in range(2)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws[0]}) == 6
    assert draws[0] != [rng.random(4).tolist() for rng in generators(4)]


def test_a_float32_that_is_just_outside_as_a_plain_float_is_refused_at_once():
    with pytest.raises(ValueError, match="Learning rate is"):
        Settings(learning_rate=np.float32(1e-6))


@pytest.mark.parametrize("seed", [None, True, -1, [1, 2], 0.5, "0"])
def test_a_seed_that_is_no_whole_number_makes_no_generators(seed):
    with pytest.raises(ValueError, match="Seed is .*; it must be a whole number from 0"):
        generators(seed)
