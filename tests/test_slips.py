"""What is easily mistyped at a prompt gets a sentence that says what was expected, at once, and changes nothing."""

import re

import numpy as np
import pytest
from toys import toy_set

from mnistlab import BatchNorm, Dataset, Dense, Dropout, Evaluation, Network, Settings, build, generators, train
from mnistlab import data, split, sweep, training_split
from mnistlab.augmentation import augment
from mnistlab.experiments import (
    hold_out, iterated_k_fold, k_fold, noisy_labels, shuffled_labels, standardised, subset, white_noise, with_noise,
    with_other_labels,
)
from mnistlab.presets import preset

IMAGES, SCALED = toy_set(30), standardised(toy_set(30))[0]
BATCH = IMAGES.images[:4].reshape(4, -1)
CHANCE = "Chance comes from a numpy Generator, such as np.random.default_rng(0); got "
MADE = "Settings are made like Settings(epochs=1); got "
RNG = np.random.default_rng(0)


def network():
    return build(Settings(hidden_size=4), generators(0).weights, 16, 3)


@pytest.mark.parametrize("slip", [
    lambda: split(IMAGES, 0.1, 0), lambda: subset(IMAGES, 5, 0), lambda: shuffled_labels(IMAGES, 0),
    lambda: noisy_labels(IMAGES, 0.5, 0), lambda: white_noise(IMAGES, 0), lambda: with_noise(IMAGES, 0),
    lambda: hold_out(IMAGES, 0.5, 0), lambda: k_fold(IMAGES, 3, 0), lambda: iterated_k_fold(IMAGES, 3, 2, 0),
    lambda: augment(BATCH, Settings(shift=1), 0), lambda: network().forward(np.zeros((1, 16), np.float32), 0),
    lambda: Network([Dense(4, 2)], 0), lambda: data.examples(IMAGES, 1, 2, 0),
])
def test_a_seed_is_no_generator(slip):
    with pytest.raises(ValueError, match=re.escape(f"{CHANCE}0.")):
        slip()


def test_folds_that_are_shuffled_anew_need_a_generator():
    with pytest.raises(ValueError, match=re.escape(f"{CHANCE}None.")):
        iterated_k_fold(IMAGES, 3, 2, None)


@pytest.mark.parametrize("slip", [
    lambda given: train(network(), IMAGES, IMAGES, given), lambda given: build(given, RNG),
    lambda given: training_split(IMAGES, given, RNG), lambda given: augment(BATCH, given, RNG),
    lambda given: with_other_labels(IMAGES, given, RNG),
])
@pytest.mark.parametrize("given, said", [
    ({"epochs": 1}, "{'epochs': 1}."), (None, "None."), (Settings, "the class Settings."),
])
def test_settings_are_neither_a_dictionary_nor_the_class(slip, given, said):
    with pytest.raises(ValueError, match=re.escape(MADE + said)):
        slip(given)


@pytest.mark.parametrize("slip, said", [
    (lambda: Dataset(IMAGES.images, list(IMAGES.labels)), "The labels are an array, such as np.array([...], np.uint8)"),
    (lambda: Dataset(None, IMAGES.labels), "The images are an array, such as np.array([...], np.uint8); got None."),
    (lambda: Dataset(IMAGES.images, IMAGES.labels, indices=[0]), "The indices are an array"),
    (lambda: Network(Dense(4, 2), RNG), "A network is a list such as [Dense(784, 10), ReLU()]; got Dense(4, 2)."),
    (lambda: data.examples(IMAGES, 1, -1), "examples was given count=-1; it must be a whole number of at least 0"),
    (lambda: sweep({"seed": [0]}, dataset="mnits"), "There is no dataset 'mnits'. The datasets are sample, mnist"),
    (lambda: Evaluation(np.zeros(3), np.zeros(3, int)), "Logits are (n, classes); got (3,)"),
    (lambda: Dense(4, 3, ["he"]), "There is no initialiser ['he']; there are he, glorot"),
    (lambda: Evaluation(np.zeros((3, 3)), np.array([0.0, 1, 2])),
     "3 images need a label each, a whole number; got float64 (3,)."),
    (lambda: Evaluation(np.zeros((3, 3)), ["0", "1", "2"]), "3 images need a label each, a whole number; got <U1"),
    (lambda: Evaluation(np.zeros((3, 3)), [0, 1, 2]).top_losses(-1), "top_losses was given count=-1; it must be"),
    (lambda: train(network(), IMAGES, SCALED, Settings()), "give both the same scale, as standardised(train_set,"),
    (lambda: train(network(), IMAGES, IMAGES, Settings(), "f1"), "no metric 'f1'"),
])
def test_other_slips_get_a_sentence(slip, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        slip()


def test_a_single_metric_needs_no_list():
    assert list(train(network(), IMAGES, IMAGES, Settings(), "confidence").metrics) == ["confidence"]


def test_a_layer_says_what_it_waits_for():
    with pytest.raises(AttributeError, match=r"Dense\(3, 2\) has no weights yet: a Network that it is put into"):
        Dense(3, 2).forward(np.zeros((1, 3)))
    with pytest.raises(AttributeError, match=r"Dense\(3, 2\) has no weights_gradient yet"):
        _ = Dense(3, 2).weights_gradient
    with pytest.raises(AttributeError, match=r"BatchNorm\(3\) has no running_mean yet"):
        BatchNorm(3).forward(np.zeros((1, 3)))
    with pytest.raises(AttributeError, match="BatchNorm has no attribute 'running_mean_gradient'"):
        _ = BatchNorm(3).running_mean_gradient
    with pytest.raises(AttributeError, match="Dropout has no attribute 'colour'"):
        _ = Dropout(0.5).colour


def test_a_second_backward_needs_a_second_forward():
    made = network()
    made.forward(np.zeros((2, 16), np.float32))
    made.backward(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="call forward first"):
        made.backward(np.ones((2, 3), np.float32))
    made.forward(np.zeros((2, 16), np.float32))
    with pytest.raises(ValueError, match=re.escape("The gradient is an array (b, classes); got [[1.0, 1.0, 1.0],")):
        made.backward(np.ones((2, 3)).tolist())


def test_a_preset_is_put_into_settings():
    with pytest.raises(ValueError, match=re.escape(f"{MADE}{{}}.")):
        preset("quick").apply({})
