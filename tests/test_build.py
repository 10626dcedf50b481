"""From settings to a network: each setting puts in what it names, and every combination learns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import finished, toy_run, toy_set

from mnistlab import Settings, build, generators
from mnistlab.initialisers import INITIALISERS
from mnistlab.network import ACTIVATIONS, parameter_count

choices = st.fixed_dictionaries({
    "hidden_layers": st.integers(0, 3), "hidden_size": st.integers(1, 9), "activation": st.sampled_from([*ACTIVATIONS]),
    "initialiser": st.sampled_from([*INITIALISERS]), "batch_norm": st.booleans(), "convolution": st.booleans(),
    "dropout_rate": st.sampled_from([0.0, 0.3]),
})


def described(inputs=16, classes=3, **values):
    return build(Settings(**values), np.random.default_rng(0), inputs, classes).describe()


@settings(max_examples=60, deadline=None)
@given(choices, st.sampled_from([4, 5, 7]))
def test_every_combination_makes_a_network_that_can_be_trained(values, side):
    sets = toy_set(12, side=side), toy_set(6, side=side, seed=1)
    run = finished(toy_run(*sets, **values, epochs=1, learning_rate=0.001))
    assert run.failure is None and run.epoch == 1
    assert run.network.inputs == side * side and run.network.outputs == 3
    assert len(run.network.parameters) == parameter_count(run.network.describe())


def test_hidden_layers_follow_one_another_with_activation_and_dropout():
    assert described(hidden_layers=2, hidden_size=8, activation="tanh", dropout_rate=0.25) == [
        ["Dense", 16, 8], ["Tanh"], ["Dropout", 0.25], ["Dense", 8, 8], ["Tanh"], ["Dropout", 0.25], ["Dense", 8, 3],
    ]


def test_without_a_hidden_layer_pixels_are_only_added_up():
    assert described(hidden_layers=0) == [["Dense", 16, 3]]


def test_batch_normalisation_stands_before_each_activation():
    assert described(hidden_size=8, batch_norm=True, convolution=True) == [
        ["Reshape", 1, 4, 4],
        ["Conv2D", 1, 8, 3, 1, 1], ["BatchNorm", 8], ["ReLU"], ["MaxPool2D", 2, 2],
        ["Conv2D", 8, 16, 3, 1, 1], ["BatchNorm", 16], ["ReLU"], ["MaxPool2D", 2, 2],
        ["Flatten"], ["Dense", 16, 8], ["BatchNorm", 8], ["ReLU"], ["Dropout", 0.0], ["Dense", 8, 3],
    ]


def test_the_initialiser_draws_the_weights_of_every_layer():
    for convolution in (False, True):
        network = build(Settings(initialiser="tutorial", convolution=convolution), np.random.default_rng(0), 16, 3)
        for part in network.weight_slices:
            weights = network.parameters[part]
            assert 0.05 < np.abs(weights).max() <= 0.1


@pytest.mark.parametrize("pixels", [15, 9, 20])
def test_a_convolution_of_images_that_are_not_square_or_too_small_is_refused(pixels):
    with pytest.raises(ValueError, match=f"square images of at least 4 x 4 pixels; these have {pixels} pixels"):
        build(Settings(convolution=True), np.random.default_rng(0), pixels, 3)


@pytest.mark.parametrize("values", [
    {"hidden_layers": 0, "learning_rate": 0.1}, {"hidden_layers": 3, "hidden_size": 64}, {"activation": "leaky-relu"},
    {"activation": "sigmoid", "initialiser": "glorot", "epochs": 8}, {"activation": "tanh", "initialiser": "lecun"},
    {"batch_norm": True}, {"convolution": True, "hidden_size": 64},
    {"convolution": True, "batch_norm": True, "hidden_size": 64},
    {"shift": 1.0, "rotate": 5.0, "epochs": 8}, {"optimizer": "adam", "learning_rate": 0.002},
], ids=str)
def test_every_block_learns_real_digits(sample, values):
    parts = sample[0], sample[1]
    run = finished(toy_run(*parts, **{"batch_size": 64, "hidden_size": 128, "epochs": 4, **values}))
    assert run.history.rows[-1].validation_accuracy > 0.85, run.history.rows[-1]


def test_the_first_weights_of_a_seed_do_not_depend_on_dropout_or_activation():
    one, other = (
        build(Settings(**values), generators(3).weights).parameters
        for values in ({}, {"activation": "tanh", "dropout_rate": 0.5})
    )
    assert np.array_equal(one, other)


@pytest.mark.parametrize("values, refused", [
    ({}, True), ({"convolution": True}, True), ({"hidden_layers": 0, "convolution": True}, False),
    ({"batch_norm": False}, False), ({"batch_size": 2}, False),
])
def test_batch_normalisation_of_one_image_at_a_time_is_refused(values, refused):
    values = {"batch_norm": True, "batch_size": 1, "hidden_size": 8, **values}
    if refused:
        with pytest.raises(ValueError, match="choose a batch size of at least 2"):
            described(**values)
    else:
        assert described(**values)
