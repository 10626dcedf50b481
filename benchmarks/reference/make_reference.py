"""Reference numbers from PyTorch and scikit-learn, for tests that install neither.

Run by hand, where mnistlab is installed:

    pip install torch==2.13.0 scikit-learn
    python benchmarks/reference/make_reference.py

It writes pytorch.json and scikit_learn.json beside itself: the weights and batches it began with, and what the
framework made of them in float64. Weights are kept as mnistlab keeps them: W (inputs, outputs), then b, layer by layer,
in one flat list.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn

import mnistlab

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
}
LAYERS = {
    "Dense": lambda inputs, outputs: nn.Linear(inputs, outputs), "ReLU": nn.ReLU, "LeakyReLU": nn.LeakyReLU,
    "Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh,
}
STEPS, BATCH, RATE = 50, 8, 0.02
OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, RATE),
    "momentum": lambda groups: torch.optim.SGD(groups, RATE, momentum=0.9),
    "nesterov": lambda groups: torch.optim.SGD(groups, RATE, momentum=0.9, nesterov=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, RATE),
    "adam": lambda groups: torch.optim.Adam(groups, RATE),
}
SCHEDULES = {
    "cosine": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS),
    # The first steps of which 0.5 and 0.75 of the fifty have been made.
    "step": lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, [25, 38], 0.1),
}
# Beyond each optimizer on its own, what goes with a run: (optimizer, schedule, l1, l2, clip_norm).
TRAININGS = [(name, "constant", 0.0, 0.0, 0.0) for name in OPTIMIZERS] + [
    ("sgd", "step", 0.0, 0.0, 0.0), ("adam", "cosine", 0.0, 0.0, 0.0), ("momentum", "constant", 0.0, 0.05, 0.0),
    ("nesterov", "constant", 0.02, 0.0, 0.0), ("momentum", "constant", 0.01, 0.03, 1.0),
]


def rounded(array):
    """Nested lists of numbers with 10 digits: far more than the tests ask for."""
    array = np.asarray(array, float)
    return np.array([float(f"{number:.10g}") for number in array.ravel()]).reshape(array.shape).tolist()


def torch_network(description, parameters):
    """The described network with these flat parameters."""
    model = nn.Sequential(*(LAYERS[name](*arguments) for name, *arguments in description)).double()
    start = 0
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                count = layer.weight.numel()
                weights = parameters[start : start + count].reshape(layer.in_features, layer.out_features)
                biases = parameters[start + count : start + count + layer.out_features]
                layer.weight.copy_(torch.from_numpy(weights.T.copy()))
                layer.bias.copy_(torch.from_numpy(biases.copy()))
                start += count + layer.out_features
    return model


def flat(model, what=lambda tensor: tensor):
    """The parameters, or what is made of each of them, as one flat list in mnistlab's order."""
    parts = []
    for layer in model:
        if isinstance(layer, nn.Linear):
            parts += [what(layer.weight).T.detach().numpy().ravel(), what(layer.bias).detach().numpy()]
    return np.concatenate(parts)


def cross_entropy(logits, labels):
    return nn.functional.cross_entropy(logits, labels)


def squared_error(logits, labels):
    """Summed over the classes, the mean over the images: PyTorch's own mean would be over both."""
    target = nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return nn.functional.mse_loss(logits, target, reduction="sum") / len(logits)


LOSSES = {"cross-entropy": cross_entropy, "squared-error": squared_error}


def gradient_case(title, description, loss_name, images, rng):
    model = nn.Sequential(*(LAYERS[name](*arguments) for name, *arguments in description))
    parameters = np.array(rounded(0.6 * rng.standard_normal(sum(p.numel() for p in model.parameters()))))
    x, labels = np.array(rounded(rng.standard_normal((images, 12)))), rng.integers(0, 5, images)
    model = torch_network(description, parameters)
    inputs = torch.from_numpy(x).requires_grad_()
    logits = model(inputs)
    loss = LOSSES[loss_name](logits, torch.from_numpy(labels))
    loss.backward()
    return {
        "title": f"{title}, {loss_name}, batch of {images}", "layers": description, "loss_name": loss_name,
        "parameters": parameters.tolist(), "x": x.tolist(), "labels": labels.tolist(),
        "logits": rounded(logits.detach()), "loss": rounded(loss.item()),
        "gradient": rounded(flat(model, lambda tensor: tensor.grad)), "input_gradient": rounded(inputs.grad),
    }


def training_case(description, parameters, x, labels, name, schedule, l1, l2, clip_norm):
    """Fifty steps; the penalties are written into the loss, on weights alone, and clipped as a part of its gradient."""
    model = torch_network(description, parameters)
    optimizer = OPTIMIZERS[name](model.parameters())
    scheduler = SCHEDULES[schedule](optimizer) if schedule in SCHEDULES else None
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    losses, norms = [], []
    for step in range(STEPS):
        rows = [(BATCH * step + place) % len(x) for place in range(BATCH)]
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
        "losses": rounded(losses), "parameters": rounded(flat(model)),
    }


def pytorch():
    rng = np.random.default_rng(2013)
    gradients = [
        gradient_case(title, description, loss, 6, rng) for title, description in NETWORKS.items() for loss in LOSSES
    ]
    gradients += [gradient_case("one hidden layer", NETWORKS["one hidden layer"], loss, 1, rng) for loss in LOSSES]
    description = NETWORKS["one hidden layer"]
    parameters = np.array(rounded(0.4 * rng.standard_normal(12 * 8 + 8 + 8 * 5 + 5)))
    x, labels = np.array(rounded(rng.standard_normal((44, 12)))), rng.integers(0, 5, 44)
    return {
        "made_with": f"torch {torch.__version__.split('+')[0]}, float64",
        "gradients": gradients,
        "training": {
            "layers": description, "parameters": parameters.tolist(), "x": x.tolist(), "labels": labels.tolist(),
            "batch_size": BATCH, "learning_rate": RATE, "momentum": 0.9,
            "runs": [training_case(description, parameters, x, labels, *choice) for choice in TRAININGS],
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
    """The network of the peer test on the bundled sample: scikit-learn's accuracy on the held-out part, five seeds."""
    training, held_out = mnistlab.load("sample")
    x, test_x = (
        np.stack([part.image(row) for row in range(len(part))]).reshape(len(part), -1) / np.float32(255)
        for part in (training, held_out)
    )
    settings = {"hidden_size": 64, "learning_rate": 0.05, "momentum": 0.9, "batch_size": 128, "epochs": 20}
    accuracies = []
    for seed in range(5):
        model = MLPClassifier(
            (settings["hidden_size"],), solver="sgd", learning_rate_init=settings["learning_rate"],
            momentum=settings["momentum"], nesterovs_momentum=False, alpha=0, batch_size=settings["batch_size"],
            max_iter=settings["epochs"], tol=0, n_iter_no_change=10_000, random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x.astype(np.float32), training.labels_of())
        assert model.n_iter_ == settings["epochs"]
        accuracies.append(model.score(test_x.astype(np.float32), held_out.labels_of()))
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
