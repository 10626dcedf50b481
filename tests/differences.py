"""Gradients by central finite differences, in float64: what every backward pass is checked against."""

import numpy as np


def numerical_gradient(function, array, step=1e-6):
    """The gradient of function() with respect to `array` (float64, any shape), moving one number at a time in place."""
    gradient = np.empty_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + step
        above = function()
        array[place] = kept - step
        below = function()
        array[place] = kept
        gradient[place] = (above - below) / (2 * step)
    return gradient


def assert_same_gradient(given, expected):
    """Equal to about seven digits, as far as central differences in float64 can tell."""
    np.testing.assert_allclose(given, expected, rtol=1e-6, atol=1e-8)
