"""What a network is asked to make small: the loss of each image, and its gradient with respect to the logits.

Logits are the network's raw outputs, float32 or float64 (b, classes), and what is returned has their dtype; labels are
int (b,), from 0 to classes - 1, as a `Dataset` makes sure of. The loss of a batch is the mean over its images; a
penalty on the weights may be added to it.
"""

import numpy as np

from .settings import find


def softmax(logits):
    """Probabilities 0 to 1 (b, classes), each row summing to 1: p_k = exp(z_k) / sum_j exp(z_j) (Bridle 1990).

    logits: float32 or float64 (b, classes), of any size; the probabilities have their dtype.
    """
    # Subtracting each row's maximum changes nothing in the ratio and keeps exp from overflowing.
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


class SoftmaxCrossEntropy:
    """Softmax, then cross-entropy, fused: loss = log(sum_j exp(z_j)) - z_label (Goodfellow et al. 2016, 6.2.2.3).

    A loss is from 0 up; that of a network that knows nothing of 10 classes is about log(10) = 2.3.
    """

    name = "cross-entropy"

    def forward(self, logits, labels):
        """The loss of each image, float (b,), straight from logits (b, classes) and labels (b,) by log-sum-exp.

        Taking the logarithm of a rounded probability instead would put a ceiling on the worst images.
        """
        # A row a class: NumPy adds up ten long rows far quicker than as many short ones as there are images.
        shifted = logits.T.copy()
        shifted -= shifted.max(axis=0)
        exponentials = np.exp(shifted)
        totals = exponentials.sum(axis=0)
        self.labels, self.probabilities = labels, (exponentials / totals).T
        return np.log(totals) - shifted[labels, np.arange(len(labels))]

    def backward(self):
        """The gradient of the batch's mean loss, a new float (b, classes): (softmax(z) - one-hot(label)) / b."""
        gradient = self.probabilities.copy(order="C")
        gradient[np.arange(len(self.labels)), self.labels] -= 1
        gradient /= len(gradient)
        return gradient


class SquaredError:
    """Squared distance from the one-hot label, summed over the classes: loss = sum_k (z_k - t_k)^2.

    Least squares for classification (Bishop 2006, 4.1.3), without his half. A loss is from 0 up.
    """

    name = "squared-error"

    def forward(self, logits, labels):
        """The loss of each image, float (b,), from logits (b, classes) and labels (b,)."""
        self.difference = logits.copy()
        self.difference[np.arange(len(labels)), labels] -= 1
        return np.square(self.difference).sum(axis=1)

    def backward(self):
        """The gradient of the batch's mean loss, a new float (b, classes): 2 (z - one-hot(label)) / b."""
        return self.difference * (2.0 / len(self.difference))


LOSSES = {loss.name: loss for loss in (SoftmaxCrossEntropy, SquaredError)}


def make_loss(name):
    """The loss of that name; raises ValueError with the names there are."""
    return find("loss", name, LOSSES)()


class L1:
    """A penalty on the size of weights: rate * sum |w| (Tibshirani 1996; Goodfellow et al. 2016, 7.1.2).

    weights, gradient: float32 or float64 (n,); rate: at least 0.
    """

    def forward(self, weights, rate):
        """The penalty on weights (n,), a plain float."""
        return rate * float(np.abs(weights).sum(dtype=np.float64))

    def backward(self, weights, rate, gradient):
        """Add rate * sign(w) to gradient (n,), in place; a weight of zero is left at rest."""
        gradient += np.sign(weights) * rate


class L2:
    """A penalty on the square of weights: rate / 2 * sum w^2 (Goodfellow et al. 2016, 7.1.1).

    weights, gradient: float32 or float64 (n,). With plain gradient descent this is weight decay. rate, at least 0, is
    the `weight_decay` of PyTorch's SGD, and twice the number given to Keras's `L2`, which leaves out the half.
    """

    def forward(self, weights, rate):
        """The penalty on weights (n,), a plain float."""
        return 0.5 * rate * float(np.vdot(weights, weights))

    def backward(self, weights, rate, gradient):
        """Add rate * w to gradient (n,), in place."""
        gradient += weights * rate


PENALTIES = {"l1": L1(), "l2": L2()}
