"""The tutorial's loop as plainly as it can be written: one image at a time, every weight at every image.

It is the yardstick for `mnistlab.train_tutorial`: the same digits, so many times slower.
"""

import numpy as np


def plain_tutorial(train_set, test_set, size=1000, hidden_size=100, learning_rate=0.005, epochs=20, seed=884736743):
    """Rows (training error, training accuracy, test error, test accuracy), one an epoch."""
    x, y = train_set.images[:size].reshape(size, -1) / 255, np.eye(10)[train_set.labels[:size]]
    test_x, test_y = test_set.images[:size].reshape(size, -1) / 255, np.eye(10)[test_set.labels[:size]]
    rng = np.random.default_rng(seed)
    weights_1 = 0.2 * rng.random((784, hidden_size)) - 0.1
    weights_2 = 0.2 * rng.random((hidden_size, 10)) - 0.1
    rows = []
    for _ in range(epochs):
        error, right = 0.0, 0
        for image, target in zip(x, y):
            hidden = np.dot(image, weights_1)
            hidden = (hidden >= 0) * hidden
            mask = rng.integers(low=0, high=2, size=hidden.shape)
            hidden *= mask * 2
            output = np.dot(hidden, weights_2)
            error += np.sum((target - output) ** 2)
            right += int(np.argmax(output) == np.argmax(target))
            delta_2 = target - output
            delta_1 = np.dot(weights_2, delta_2) * (hidden >= 0)
            delta_1 *= mask
            weights_1 += learning_rate * np.outer(image, delta_1)
            weights_2 += learning_rate * np.outer(hidden, delta_2)
        test_hidden = test_x @ weights_1
        test_output = ((test_hidden >= 0) * test_hidden) @ weights_2
        test_right = np.mean(test_output.argmax(axis=1) == test_y.argmax(axis=1))
        rows.append((error / size, right / size, np.sum((test_y - test_output) ** 2) / size, test_right))
    return rows
