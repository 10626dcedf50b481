"""mnistlab's networks in PyTorch: the same layers from the same description, the same parameters in the same order."""

import numpy as np
import torch
from torch import nn

LAYERS = {
    "Dense": lambda inputs, outputs: nn.Linear(inputs, outputs),
    "ReLU": nn.ReLU, "LeakyReLU": nn.LeakyReLU, "Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "Dropout": nn.Dropout,
    "Reshape": lambda *shape: nn.Unflatten(1, shape), "Flatten": nn.Flatten,
    "Conv2D": lambda inputs, outputs, kernel, stride=1, padding=0: nn.Conv2d(inputs, outputs, kernel, stride, padding),
    "MaxPool2D": nn.MaxPool2d,
}


def torch_network(description, parameters=None):
    """The nn.Sequential of layers described as `Network.describe` does, in float64 with flat `parameters` if given."""
    layers, images = [], False
    for name, *arguments in description:
        images = name == "Reshape" or images and name != "Flatten"
        norm = nn.BatchNorm2d if images else nn.BatchNorm1d
        layers.append((norm if name == "BatchNorm" else LAYERS[name])(*arguments))
    model = nn.Sequential(*layers)
    if parameters is not None:
        model.double()
        start = 0
        with torch.no_grad():
            for tensor in ordered(model):
                tensor.copy_(torch.from_numpy(parameters[start : start + tensor.numel()]).reshape(tensor.shape))
                start += tensor.numel()
    return model


def ordered(model, what=lambda parameter: parameter):
    """What `what` makes of each parameter, as mnistlab lays them out: weights, biases, layer by layer.

    mnistlab keeps the weights of Dense as (inputs, outputs), PyTorch as (outputs, inputs); all else is the same.
    """
    for layer in model:
        for name, parameter in layer.named_parameters():
            tensor = what(parameter)
            yield tensor.T if isinstance(layer, nn.Linear) and name == "weight" else tensor


def flat(tensors):
    """Tensors as one flat float64 array."""
    return np.concatenate([np.asarray(tensor.detach(), float).ravel() for tensor in tensors] or [np.empty(0)])


def state(model):
    """What the batch normalisations remember, in mnistlab's order: running means, running variances, layer by layer."""
    return [tensor for layer in model for name, tensor in layer.named_buffers() if name.startswith("running_")]
