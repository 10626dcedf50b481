"""Reference numbers from PyTorch and scikit-learn, for tests that install neither.

Run by hand, where mnistlab is installed:

    pip install torch==2.13.0 scikit-learn==1.9.1
    python -m benchmarks.reference.make_reference

It writes pytorch.json and scikit_learn.json beside itself: the weights and batches it began with, and what the
framework made of them in float64. Parameters are one flat list as mnistlab keeps them, and images are rows on both
sides, so that nothing here knows how either lays out the pixels between its layers.
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn

import mnistlab

from ..torch_network import flat, ordered, state, torch_network

FOLDER = Path(__file__).parent

# Layers as `Network.describe` writes them.
NETWORKS = {
    "no hidden layer": [["Dense", 12, 5]],
    "one hidden layer": [["Dense", 12, 8], ["ReLU"], ["Dense", 8, 5]],
    "two hidden layers": [["Dense", 12, 8], ["ReLU"], ["Dense", 8, 7], ["ReLU"], ["Dense", 7, 5]],
    "one unit": [["Dense", 12, 1], ["ReLU"], ["Dense", 1, 5]],
    "leaky ReLU": [["Dense", 12, 8], ["LeakyReLU", 0.01], ["Dense", 8, 5]],
    "sigmoid": [["Dense", 12, 8], ["Sigmoid"], ["Dense", 8, 5]],
    "tanh": [["Dense", 12, 8], ["Tanh"], ["Dense", 8, 5]],
    "batch normalisation": [["Dense", 12, 8], ["BatchNorm", 8], ["ReLU"], ["Dense", 8, 5]],
}
# Networks over images: the layers between Reshape and Flatten, odd ones each in a case of its own.
IMAGE_NETWORKS = {
    "convolution": [["Reshape", 1, 5, 7], ["Conv2D", 1, 3, 3], ["Flatten"]],
    "convolution, two channels, padded": [["Reshape", 2, 5, 4], ["Conv2D", 2, 3, 3, 1, 1], ["Flatten"]],
    "convolution, stride 2, padded": [["Reshape", 2, 6, 7], ["Conv2D", 2, 3, 3, 2, 1], ["Flatten"]],
    "convolution, stride 3, rows and columns left over": [["Reshape", 2, 8, 6], ["Conv2D", 2, 2, 2, 3], ["Flatten"]],
    "convolution, wide padding": [["Reshape", 1, 3, 4], ["Conv2D", 1, 2, 4, 2, 2], ["Flatten"]],
    "convolution, one pixel": [["Reshape", 3, 3, 2], ["Conv2D", 3, 4, 1], ["Flatten"]],
    "pooling": [["Reshape", 1, 6, 7], ["Conv2D", 1, 2, 3], ["MaxPool2D", 2], ["Flatten"]],
    "pooling, windows that overlap": [["Reshape", 1, 7, 6], ["Conv2D", 1, 2, 2], ["MaxPool2D", 3, 1], ["Flatten"]],
    "pooling, gaps between windows": [["Reshape", 1, 8, 7], ["Conv2D", 1, 2, 2], ["MaxPool2D", 2, 3], ["Flatten"]],
    "batch normalisation of images": [
        ["Reshape", 1, 5, 4], ["Conv2D", 1, 3, 2], ["BatchNorm", 3], ["ReLU"], ["Flatten"],
    ],
    "two convolutions": [
        ["Reshape", 1, 10, 8], ["Conv2D", 1, 3, 3, 1, 1], ["BatchNorm", 3], ["ReLU"], ["MaxPool2D", 2],
        ["Conv2D", 3, 4, 3, 2, 1], ["LeakyReLU", 0.01], ["Flatten"], ["Dense", 24, 5],
    ],
}
STEPS, RATE = 50, 0.02
OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, RATE),
    "momentum": lambda groups: torch.optim.SGD(groups, RATE, momentum=0.9),
    "nesterov": lambda groups: torch.optim.SGD(groups, RATE, momentum=0.9, nesterov=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, RATE, alpha=0.9, eps=1e-7),
    "adam": lambda groups: torch.optim.Adam(groups, RATE),
}
SCHEDULES = {
    "cosine": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS),
    # The first steps of which 0.5 and 0.75 of the fifty have been made.
    "step": lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, [25, 38], 0.1),
}
# Beyond each optimizer on its own, what goes with a run: (optimizer, schedule, l1, l2, clip_norm).
CHOICES = [(name, "constant", 0.0, 0.0, 0.0) for name in OPTIMIZERS] + [
    ("sgd", "step", 0.0, 0.0, 0.0), ("adam", "cosine", 0.0, 0.0, 0.0), ("momentum", "constant", 0.0, 0.05, 0.0),
    ("nesterov", "constant", 0.02, 0.0, 0.0), ("momentum", "constant", 0.01, 0.03, 1.0),
]
# What is trained for fifty steps: (network, batch size, choices).
TRAININGS = {
    "one hidden layer": (NETWORKS["one hidden layer"], 8, CHOICES),
    "batch normalisation": (NETWORKS["batch normalisation"], 8, [CHOICES[1]]),
    "two convolutions": (IMAGE_NETWORKS["two convolutions"], 4, [CHOICES[1], ("momentum", "constant", 0.0, 0.01, 0.0)]),
}


def rounded(array):
    """Nested lists of numbers with 10 digits: far more than the tests ask for."""
    array = np.asarray(array, float)
    return np.array([float(f"{number:.10g}") for number in array.ravel()]).reshape(array.shape).tolist()


def cross_entropy(logits, labels):
    return nn.functional.cross_entropy(logits, labels)


def squared_error(logits, labels):
    """Summed over the classes, the mean over the images: PyTorch's own mean would be over both."""
    target = nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return nn.functional.mse_loss(logits, target, reduction="sum") / len(logits)


LOSSES = {"cross-entropy": cross_entropy, "squared-error": squared_error}


def first_parameters(description, spread, rng):
    """Flat parameters to begin with, all of them at random: scales and shifts of 1 and 0 would hide mistakes."""
    count = sum(parameter.numel() for parameter in torch_network(description).parameters())
    return np.array(rounded(spread * rng.standard_normal(count)))


def first_batch(description, images, rng):
    """(x, labels) at random, as wide and as many as the described network asks for."""
    (first, *sizes), *_ = description
    inputs = sizes[0] if first == "Dense" else math.prod(sizes)
    classes = torch_network(description)(torch.zeros(2, inputs)).shape[1]
    return np.array(rounded(rng.standard_normal((images, inputs)))), rng.integers(0, classes, images)


def gradient_case(title, description, loss_name, images, rng):
    parameters = first_parameters(description, 0.6, rng)
    x, labels = first_batch(description, images, rng)
    model = torch_network(description, parameters)
    inputs = torch.from_numpy(x).requires_grad_()
    logits = model(inputs)
    loss = LOSSES[loss_name](logits, torch.from_numpy(labels))
    loss.backward()
    return {
        "title": f"{title}, {loss_name}, batch of {images}", "layers": description, "loss_name": loss_name,
        "parameters": parameters.tolist(), "x": x.tolist(), "labels": labels.tolist(),
        "logits": rounded(logits.detach()), "loss": rounded(loss.item()),
        "gradient": rounded(flat(ordered(model, lambda parameter: parameter.grad))),
        "input_gradient": rounded(inputs.grad), **after_training(model, x),
    }


def after_training(model, x):
    """What batch normalisation remembers, and the logits that the model infers with it; empty without such a layer."""
    remembered = rounded(flat(state(model)))
    if not remembered:
        return {}
    with torch.no_grad():
        return {"state": remembered, "inferred": rounded(model.eval()(torch.from_numpy(x)))}


def training_cases(description, batch_size, choices, rng):
    """A description, what its runs begin with, and a run of fifty steps for each choice of an optimizer and the rest.

    The images are five batches and a half, so that the second time round the batches are others.
    """
    parameters = first_parameters(description, 0.4, rng)
    x, labels = first_batch(description, batch_size * 11 // 2, rng)
    begin = description, parameters, x, labels, batch_size
    return {
        "layers": description, "parameters": parameters.tolist(), "x": x.tolist(), "labels": labels.tolist(),
        "batch_size": batch_size, "learning_rate": RATE, "momentum": 0.9,
        "runs": [training_case(*begin, *choice) for choice in choices],
    }


def training_case(description, parameters, x, labels, batch_size, name, schedule, l1, l2, clip_norm):
    """Fifty steps; the penalties are written into the loss, on weights alone, and clipped as a part of its gradient."""
    model = torch_network(description, parameters)
    optimizer = OPTIMIZERS[name](model.parameters())
    scheduler = SCHEDULES[schedule](optimizer) if schedule in SCHEDULES else None
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear | nn.Conv2d)]
    losses, norms = [], []
    for step in range(STEPS):
        rows = [(batch_size * step + place) % len(x) for place in range(batch_size)]
        optimizer.zero_grad()
        loss = cross_entropy(model(torch.from_numpy(x[rows])), torch.from_numpy(labels[rows]))
        loss = loss + l1 * sum(w.abs().sum() for w in weights) + l2 / 2 * sum(w.square().sum() for w in weights)
        loss.backward()
        if clip_norm:
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), clip_norm).item())
        optimizer.step()
        if scheduler:
            scheduler.step()
        losses.append(loss.item())
    # A case in which clipping always or never acts would prove little.
    assert not clip_norm or 5 < sum(norm > clip_norm for norm in norms) < STEPS - 5, norms
    return {
        "optimizer": name, "schedule": schedule, "l1": l1, "l2": l2, "clip_norm": clip_norm,
        "losses": rounded(losses), "parameters": rounded(flat(ordered(model))), **after_training(model, x[:batch_size]),
    }


def pytorch():
    rng = np.random.default_rng(2013)
    gradients = [
        gradient_case(title, description, loss, 6, rng) for title, description in NETWORKS.items() for loss in LOSSES
    ]
    gradients += [gradient_case("one hidden layer", NETWORKS["one hidden layer"], loss, 1, rng) for loss in LOSSES]
    gradients += [gradient_case(*network, "cross-entropy", 3, rng) for network in IMAGE_NETWORKS.items()]
    gradients += [gradient_case(*next(iter(IMAGE_NETWORKS.items())), "cross-entropy", 1, rng)]
    return {
        "made_with": f"torch {torch.__version__.split('+')[0]}, float64",
        "gradients": gradients,
        "training": {
            title: training_cases(description, *choice, rng) for title, (description, *choice) in TRAININGS.items()
        },
    }


def full_batch_steps(rng):
    """scikit-learn's own Nesterov steps with its own L2 penalty on one batch of 20, from weights that are put in."""
    x, labels = np.array(rounded(rng.standard_normal((20, 12)))), np.arange(20) % 5
    parameters = np.array(rounded(0.4 * rng.standard_normal(12 * 8 + 8 + 8 * 5 + 5)))
    model = MLPClassifier(
        (8,), solver="sgd", alpha=0.6, batch_size=20, learning_rate_init=0.05, momentum=0.9, nesterovs_momentum=True,
        shuffle=False, random_state=0,
    )
    model.partial_fit(x, labels, classes=range(5))
    del model._optimizer  # it remembers the step just made; the next call makes another
    splits = np.cumsum([12 * 8, 8, 8 * 5])
    first, first_biases, second, second_biases = np.split(parameters, splits)
    model.coefs_ = [first.reshape(12, 8).copy(), second.reshape(8, 5).copy()]
    model.intercepts_ = [first_biases.copy(), second_biases.copy()]
    before, probabilities = len(model.loss_curve_), model.predict_proba(x)
    for _ in range(STEPS):
        model.partial_fit(x, labels)
    parts = [part.ravel() for pair in zip(model.coefs_, model.intercepts_) for part in pair]
    return {
        "layers": NETWORKS["one hidden layer"], "optimizer": "nesterov", "learning_rate": 0.05, "momentum": 0.9,
        "l2": 0.6 / 20,  # scikit-learn divides its alpha by the number of images
        "x": x.tolist(), "labels": labels.tolist(), "parameters_before": parameters.tolist(),
        "probabilities_before": rounded(probabilities), "losses": rounded(model.loss_curve_[before:]),
        "parameters": rounded(np.concatenate(parts)),
    }


def peer():
    """What tests/test_peers.py compares with: scikit-learn's accuracy on the held-out part of the sample, 15 seeds.

    Its float32, its own draw of the weights (Glorot and Bengio's, on these layers) and its own order of the images.
    """
    training, held_out = mnistlab.load("sample")
    x, test_x = (
        np.stack([part.image(row) for row in range(len(part))]).reshape(len(part), -1) / np.float32(255)
        for part in (training, held_out)
    )
    settings = {
        "hidden_size": 64, "initialiser": "glorot", "optimizer": "momentum", "learning_rate": 0.05, "momentum": 0.9,
        "batch_size": 128, "epochs": 20,
    }
    accuracies = []
    for seed in range(15):
        model = MLPClassifier(
            (settings["hidden_size"],), solver="sgd", learning_rate_init=settings["learning_rate"],
            momentum=settings["momentum"], nesterovs_momentum=False, alpha=0, batch_size=settings["batch_size"],
            max_iter=settings["epochs"], tol=0, n_iter_no_change=10_000, random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x, training.labels_of())
        assert model.n_iter_ == settings["epochs"] and model.coefs_[0].dtype == x.dtype == np.float32
        accuracies.append(model.score(test_x, held_out.labels_of()))
    return {"settings": settings, "accuracies": rounded(accuracies)}


def main():
    scikit_learn = {
        "made_with": f"scikit-learn {sklearn.__version__}", "steps": full_batch_steps(np.random.default_rng(7)),
        "peer": peer(),
    }
    for name, content in (("pytorch", pytorch()), ("scikit_learn", scikit_learn)):
        (FOLDER / f"{name}.json").write_text(json.dumps(content) + "\n", "utf-8")


if __name__ == "__main__":
    main()
