"""How the learning rate changes in the course of a run: one small function a schedule.

Each is given the setting's learning rate, above 0, and the share of the run's steps already made, 0 to 1, and returns
the rate of the next step, a plain float.
"""

import math


def constant(learning_rate, progress):
    """The rate itself, from the first step to the last."""
    return learning_rate


def step(learning_rate, progress):
    """A tenth from half of the run on, a hundredth in its last quarter (He et al. 2016, section 4.2)."""
    drops = (progress >= 0.5) + (progress >= 0.75)
    return learning_rate * 0.1**drops


def cosine(learning_rate, progress):
    """Down along half a cosine: rate (1 + cos(pi progress)) / 2 (Loshchilov and Hutter 2017, without restarts)."""
    return learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def one_cycle(learning_rate, progress):
    """With warm-up: from a tenth up over the first quarter, then in a straight line down towards zero.

    Smith and Topin 2018, arXiv 1708.07120; the quarter and the tenth are chosen here.
    """
    warm_up = 0.25
    if progress < warm_up:
        return learning_rate * (0.1 + 0.9 * progress / warm_up)
    return learning_rate * (1.0 - progress) / (1.0 - warm_up)


SCHEDULES = {"constant": constant, "step": step, "cosine": cosine, "one-cycle": one_cycle}
