"""mnistlab against numbers that PyTorch and scikit-learn gave, in float64; neither has to be installed here.

benchmarks/reference/make_reference.py wrote them.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mnistlab import Network, Settings, build, generators, train
from mnistlab.losses import PENALTIES, make_loss, softmax
from mnistlab.network import LAYERS
from mnistlab.optimizers import OPTIMIZERS, clip_by_norm, make_optimizer
from mnistlab.schedules import SCHEDULES, scheduled

REFERENCE = Path(__file__).parents[1] / "benchmarks" / "reference"
PYTORCH, SCIKIT_LEARN = (
    json.loads((REFERENCE / f"{name}.json").read_text("utf-8")) for name in ("pytorch", "scikit_learn")
)
TRAINING, STEPS = PYTORCH["training"], SCIKIT_LEARN["steps"]


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
    missing = {name for name, *_ in case["layers"]} - set(LAYERS)
    if missing:
        pytest.skip(f"There is no layer {', '.join(missing)} yet.")
    network, loss = network_of(case, case["parameters"]), make_loss(case["loss_name"])
    logits = network.forward(np.array(case["x"]), np.random.default_rng(0))
    assert_same(logits, case["logits"])
    assert_same(loss.forward(logits, np.array(case["labels"])).mean(), case["loss"])
    input_gradient = network.backward(loss.backward(), to_input=True)
    assert_same(network.gradient, case["gradient"])
    assert_same(input_gradient, case["input_gradient"])


def test_scikit_learn_gives_the_same_probabilities():
    network = network_of(STEPS, STEPS["parameters_before"])
    assert_same(softmax(network.forward(np.array(STEPS["x"]))), STEPS["probabilities_before"])


# Fifty steps


def fifty_steps(network, choice, batches, learning_rate, momentum):
    """The losses, penalties included, of one step a batch; the network is trained. choice: the settings by name."""
    optimizer = make_optimizer(choice["optimizer"], len(network.parameters), np.float64)
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
        rate = scheduled(choice["schedule"], learning_rate, step / len(batches))
        optimizer.update(network.parameters, network.gradient, rate, momentum)
        losses.append(value)
    return losses


def name_of(run):
    """Its optimizer and schedule, and what is not zero of the rest: "momentum, constant, l2 0.05"."""
    others = [f"{name} {run[name]:g}" for name in ("l1", "l2", "clip_norm") if run[name]]
    return ", ".join([run["optimizer"], run["schedule"], *others])


@pytest.mark.parametrize("run", [pytest.param(run, id=name_of(run)) for run in TRAINING["runs"]])
def test_fifty_steps_lead_where_those_of_pytorch_lead(run):
    x, labels, size = np.array(TRAINING["x"]), np.array(TRAINING["labels"]), TRAINING["batch_size"]
    rows = [np.arange(size * step, size * (step + 1)) % len(x) for step in range(50)]
    network = network_of(TRAINING, TRAINING["parameters"])
    losses = fifty_steps(
        network, run, [(x[batch], labels[batch]) for batch in rows], TRAINING["learning_rate"], TRAINING["momentum"]
    )
    assert_same(losses, run["losses"])
    assert_same(network.parameters, run["parameters"])


def test_every_optimizer_and_every_setting_that_pytorch_has_too_is_among_the_runs():
    runs = TRAINING["runs"]
    assert {run["optimizer"] for run in runs} == set(OPTIMIZERS)
    assert {run["schedule"] for run in runs} == set(SCHEDULES) - {"one-cycle"}
    assert all(any(run[name] for run in runs) for name in ("l1", "l2", "clip_norm"))
    assert all(len(run["losses"]) == 50 for run in runs)


def test_fifty_steps_lead_where_those_of_scikit_learn_lead():
    network = network_of(STEPS, STEPS["parameters_before"])
    choice = {**STEPS, "schedule": "constant", "l1": 0, "clip_norm": 0}
    batches = [(np.array(STEPS["x"]), np.array(STEPS["labels"]))] * 50
    losses = fifty_steps(network, choice, batches, STEPS["learning_rate"], STEPS["momentum"])
    assert_same(losses, STEPS["losses"])
    assert_same(network.parameters, STEPS["parameters"])


# The peer


def test_the_same_network_on_the_sample_is_as_good_as_scikit_learns(sample):
    training, held_out = sample
    peer = np.array(SCIKIT_LEARN["peer"]["accuracies"])
    ours = []
    for seed in range(len(peer)):
        settings = Settings(**SCIKIT_LEARN["peer"]["settings"], optimizer="momentum", seed=seed)
        network = build(settings, generators(seed).weights)
        for _ in (run := train(network, training, held_out, settings)):
            pass
        ours.append(run.evaluation.accuracy)
    # Within three standard errors of the difference of two means of five.
    noise = math.sqrt((np.var(ours, ddof=1) + peer.var(ddof=1)) / len(peer))
    assert len(peer) == 5 and 0 < noise < 0.004
    assert abs(np.mean(ours) - peer.mean()) < 3 * noise, (ours, peer)
