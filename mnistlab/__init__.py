"""mnistlab: watch a neural network written in readable NumPy learn real MNIST digits.

Importing this loads NumPy and nothing heavier; charts, photos, downloads and the app are modules of their own.
"""

from .convolution import Conv2D, Flatten, MaxPool2D, Reshape
from .data import Dataset, load, split, training_split
from .evaluation import Evaluation, evaluate, majority_baseline
from .layers import BatchNorm, Dense, Dropout, LeakyReLU, ReLU, Sigmoid, Tanh
from .network import Network, build
from .presets import PRESETS, preset
from .settings import Settings, generators
from .sweeps import sweep
from .training import History, Progress, Run, train
from .tutorial import train_tutorial

__version__ = "0.1.0"
__all__ = [
    "PRESETS", "BatchNorm", "Conv2D", "Dataset", "Dense", "Dropout", "Evaluation", "Flatten", "History",
    "LeakyReLU", "MaxPool2D", "Network", "Progress", "ReLU", "Reshape", "Run", "Settings", "Sigmoid", "Tanh",
    "build", "evaluate", "generators", "load", "majority_baseline", "preset", "split", "sweep", "train",
    "train_tutorial", "training_split",
]
