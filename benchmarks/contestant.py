"""`python -m benchmarks.contestant NAME HIDDEN FOLDER`: train one epoch for each line on standard input.

NAME: one of KINDS; FOLDER holds images.npy and labels.npy. It answers with what it is once it is ready, then with the
seconds (memory: megabytes) of each epoch. What each needs is imported by it alone: one that is not installed says so
on standard error and ends.
"""

import json
import os
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

BATCH, RATE, MOMENTUM = 128, 0.1, 0.9


def mnistlab_run(images, labels, hidden, epochs, **others):
    """A run as anyone would write it; ten validation images, for the others look at none."""
    import mnistlab

    dataset = mnistlab.Dataset(images, labels)
    settings = mnistlab.Settings(
        hidden_size=hidden, batch_size=BATCH, learning_rate=RATE, momentum=MOMENTUM, epochs=epochs, **others
    )
    network = mnistlab.build(settings, mnistlab.generators(0).weights)
    return mnistlab.train(network, dataset, dataset.select(slice(0, 10)), settings)


def mnistlab(images, labels, hidden, **others):
    """Loss and accuracy of every step and epoch are kept, as always."""
    run = mnistlab_run(images, labels, hidden, 10_000, **others)

    def epoch():
        while next(run).phase != "epoch":
            pass

    return "mnistlab", epoch


def mnistlab_convolution(images, labels, hidden):
    """Two convolutions of 3 x 3, with 8 and 16 channels, each pooled 2 x 2, before the hidden layer."""
    return mnistlab(images, labels, hidden, convolution=True)


def products(images, labels, hidden):
    """Nothing but the matrix products of an epoch, with the shapes and types that mnistlab gives them."""
    rng = np.random.default_rng(0)
    arrays = {}
    for size in (BATCH, len(images) % BATCH or BATCH):
        shapes = (size, 784), (784, hidden), (size, hidden), (hidden, 10), (size, 10)
        arrays[size] = [rng.standard_normal(shape, np.float32) for shape in shapes]
    outs = {size: [np.empty_like(each) for each in arrays[size]] for size in arrays}

    def epoch():
        for start in range(0, len(images), BATCH):
            size = min(BATCH, len(images) - start)
            (x, w, h, v, g), (_, dw, h_out, dv, y) = arrays[size], outs[size]
            np.matmul(x, w, out=h_out)
            np.matmul(h, v, out=y)
            np.matmul(h.T, g, out=dv)
            np.matmul(g, v.T, out=h_out)
            np.matmul(x.T, h, out=dw)

    return "products", epoch


def torch(images, labels, hidden):
    """Tensors in memory, shuffled by an index, no DataLoader; loss and accuracy are not looked at."""
    from torch import nn

    return torch_run(images, labels, (784,), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def torch_convolution(images, labels, hidden):
    """The layers of `mnistlab_convolution`, trained as in `torch`."""
    from torch import nn

    convolutions = [
        layer for channels, filters in ((1, 8), (8, 16))
        for layer in (nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    ]
    dense = nn.Flatten(), nn.Linear(16 * 7 * 7, hidden), nn.ReLU(), nn.Linear(hidden, 10)
    return torch_run(images, labels, (1, 28, 28), *convolutions, *dense)


def torch_run(images, labels, shape, *layers):
    """What it is and a function that trains an epoch; shape: of one image."""
    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    x = torch.from_numpy(np.array(images).reshape(len(images), *shape).astype(np.float32) / 255)
    y = torch.from_numpy(np.array(labels, np.int64))
    network = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(network.parameters(), RATE, momentum=MOMENTUM)
    loss = nn.CrossEntropyLoss()

    def epoch():
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(network(x[rows]), y[rows]).backward()
            optimizer.step()

    return f"PyTorch {torch.__version__.split('+')[0]}", epoch


def sklearn(images, labels, hidden):
    """`partial_fit` goes once through the images it is given, in shuffled batches."""
    import sklearn
    from sklearn.neural_network import MLPClassifier

    x = np.array(images).reshape(len(images), -1).astype(np.float32) / 255
    y = np.array(labels)
    network = MLPClassifier(
        (hidden,), solver="sgd", alpha=0, batch_size=BATCH, learning_rate_init=RATE, momentum=MOMENTUM,
        nesterovs_momentum=False, random_state=0,
    )

    def epoch():
        network.partial_fit(x, y, classes=np.arange(10))

    return f"scikit-learn {sklearn.__version__}", epoch


def digits(images, labels, hidden):
    """The closest peer shifts and rotates: batches of bytes, which it asks for."""
    from importlib.metadata import version

    from nn_digits.neural_net.data import augment

    rng = np.random.default_rng(0)

    def epoch():
        for start in range(0, len(images), BATCH):
            augment(np.array(images[start : start + BATCH]), rng, rotation=12, shift=2)

    return f"neural-network-digits {version('neural-network-digits')}", epoch


def memory(images, labels, hidden):
    """Megabytes that making a network and training it for an epoch add to this process at their peak.

    Every page of the mapped files is read beforehand. So they are part of what is resident before and after, and
    whatever the peak of the resident memory (VmHWM in Linux's /proc/self/status) rises by is private: parameters,
    buffers, those of the BLAS included, and the history. The peak is the kernel's own, so a moment is enough.
    """
    import mnistlab  # what the package itself takes is not added by training

    np.max(images)
    before = resident()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew

    def epoch():
        for _ in mnistlab_run(images, labels, hidden, 1):
            pass
        return (resident("VmHWM") - before) / 1e6

    return "peak", epoch


def resident(which="VmRSS"):
    """Bytes of this process that are in memory now, or were at the peak (VmHWM)."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text.split(f"{which}:")[1].split()[0])


CONTESTANTS = mnistlab, products, torch, sklearn, mnistlab_convolution, torch_convolution, digits, memory
KINDS = {kind.__name__: kind for kind in CONTESTANTS}


def main(name, hidden, folder):
    images = np.load(Path(folder) / "images.npy", mmap_mode="r")
    labels = np.load(Path(folder) / "labels.npy", mmap_mode="r")
    try:
        title, epoch = KINDS[name](images, labels, int(hidden))
    except ModuleNotFoundError as error:
        sys.exit(str(error))
    print(json.dumps(title), flush=True)
    for _ in sys.stdin:
        started = perf_counter()
        megabytes = epoch()
        seconds = perf_counter() - started
        print(json.dumps(megabytes or seconds), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
