"""mnistlab against numbers that PyTorch and scikit-learn gave, in float64; neither has to be installed here.

benchmarks/reference/make_reference.py wrote them.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistlab import Network
from mnistlab.losses import PENALTIES, make_loss, softmax
from mnistlab.network import LAYERS
from mnistlab.optimizers import OPTIMIZERS, clip_by_norm
from mnistlab.schedules import SCHEDULES

REFERENCE = Path(__file__).parents[1] / "benchmarks" / "reference"
PYTORCH, SCIKIT_LEARN = (
    json.loads((REFERENCE / f"{name}.json").read_text("utf-8")) for name in ("pytorch", "scikit_learn")
)
TRAININGS, STEPS = PYTORCH["training"], SCIKIT_LEARN["steps"]
RUNS = [(training, run) for training in TRAININGS.values() for run in training["runs"]]


def assert_same(given, expected):
    """Relative error under 1e-5: of the array by its length, and of each number but those far below the mean size."""
    given, expected = np.asarray(given), np.asarray(expected)
    assert given.shape == expected.shape and given.dtype == np.float64
    assert np.linalg.norm(given - expected) <= 1e-5 * np.linalg.norm(expected)
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).mean())


def network_of(case, parameters):
    layers = [LAYERS[name](*arguments) for name, *arguments in case["layers"]]
    network = Network(layers, np.random.default_rng(0), np.float64)
    network.parameters[:] = parameters
    return network


# Outputs and gradients


@pytest.mark.parametrize("case", [pytest.param(case, id=case["title"]) for case in PYTORCH["gradients"]])
def test_outputs_loss_and_gradients_are_those_of_pytorch(case):
    network, loss = network_of(case, case["parameters"]), make_loss(case["loss_name"])
    logits = network.forward(np.array(case["x"]), np.random.default_rng(0))
    assert_same(logits, case["logits"])
    assert_same(loss.forward(logits, np.array(case["labels"])).mean(), case["loss"])
    input_gradient = network.backward(loss.backward(), to_input=True)
    assert_same(network.gradient, case["gradient"])
    assert_same(input_gradient, case["input_gradient"])
    assert_same_after_training(network, case, case["x"])


def assert_same_after_training(network, expected, x):
    """What batch normalisation remembers, and what the network infers with it."""
    assert len(network.state) == len(expected.get("state", []))
    if "state" in expected:
        assert_same(network.state, expected["state"])
        assert_same(network.forward(np.array(x)), expected["inferred"])


def test_every_layer_that_does_the_same_in_pytorch_is_among_the_cases():
    compared = {name for case in PYTORCH["gradients"] for name, *_ in case["layers"]}
    assert compared == set(LAYERS) - {"Dropout"}  # which draws other numbers there
    assert sum("state" in case for case in PYTORCH["gradients"]) == 4


def test_scikit_learn_gives_the_same_probabilities():
    network = network_of(STEPS, STEPS["parameters_before"])
    assert_same(softmax(network.forward(np.array(STEPS["x"]))), STEPS["probabilities_before"])


# Fifty steps


def fifty_steps(network, choice, batches, learning_rate, momentum):
    """The losses, penalties included, of one step a batch; the network is trained. choice: the settings by name."""
    optimizer = OPTIMIZERS[choice["optimizer"]](len(network.parameters), np.float64)
    loss, losses = make_loss("cross-entropy"), []
    for step, (x, labels) in enumerate(batches):
        value = loss.forward(network.forward(x, np.random.default_rng(0)), labels).mean()
        network.backward(loss.backward())
        for name, penalty in PENALTIES.items():
            for part in network.weight_slices:
                value += penalty.forward(network.parameters[part], choice[name])
                penalty.backward(network.parameters[part], choice[name], network.gradient[part])
        if choice["clip_norm"]:
            clip_by_norm(network.gradient, choice["clip_norm"])
        rate = SCHEDULES[choice["schedule"]](learning_rate, step / len(batches))
        optimizer.update(network.parameters, network.gradient, rate, momentum)
        losses.append(value)
    return losses


def name_of(run):
    """Its optimizer and schedule, and what is not zero of the rest: "momentum, constant, l2 0.05"."""
    others = [f"{name} {run[name]:g}" for name in ("l1", "l2", "clip_norm") if run[name]]
    return ", ".join([run["optimizer"], run["schedule"], *others])


@pytest.mark.parametrize(
    "training, run", [pytest.param(*case, id=f"{name_of(case[1])}: {len(case[0]['layers'])} layers") for case in RUNS]
)
def test_fifty_steps_lead_where_those_of_pytorch_lead(training, run):
    x, labels, size = np.array(training["x"]), np.array(training["labels"]), training["batch_size"]
    rows = [np.arange(size * step, size * (step + 1)) % len(x) for step in range(50)]
    network = network_of(training, training["parameters"])
    losses = fifty_steps(
        network, run, [(x[batch], labels[batch]) for batch in rows], training["learning_rate"], training["momentum"]
    )
    assert_same(losses, run["losses"])
    assert_same(network.parameters, run["parameters"])
    assert_same_after_training(network, run, x[:size])


def test_every_optimizer_and_every_setting_that_pytorch_has_too_is_among_the_runs():
    runs = TRAININGS["one hidden layer"]["runs"]
    assert {run["optimizer"] for run in runs} == set(OPTIMIZERS)
    assert {run["schedule"] for run in runs} == set(SCHEDULES) - {"one-cycle"}
    assert all(any(run[name] for run in runs) for name in ("l1", "l2", "clip_norm"))
    assert all(len(run["losses"]) == 50 for _, run in RUNS)


def test_fifty_steps_lead_where_those_of_scikit_learn_lead():
    network = network_of(STEPS, STEPS["parameters_before"])
    choice = {**STEPS, "schedule": "constant", "l1": 0, "clip_norm": 0}
    batches = [(np.array(STEPS["x"]), np.array(STEPS["labels"]))] * 50
    losses = fifty_steps(network, choice, batches, STEPS["learning_rate"], STEPS["momentum"])
    assert_same(losses, STEPS["losses"])
    assert_same(network.parameters, STEPS["parameters"])
