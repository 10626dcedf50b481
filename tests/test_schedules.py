"""Schedules: the rate at the beginning, at the end and at each turn."""

import numpy as np
import pytest

from mnistlab import Settings
from mnistlab.schedules import SCHEDULES


@pytest.mark.parametrize("progress", [0, 0.3, 1])
def test_a_constant_schedule_is_the_rate_itself(progress):
    assert SCHEDULES["constant"](0.3, progress) == 0.3


def test_step_drops_to_a_tenth_at_half_and_to_a_hundredth_at_three_quarters():
    given = [SCHEDULES["step"](2.0, progress) for progress in (0, 0.499, 0.5, 0.749, 0.75, 1)]
    assert given == pytest.approx([2, 2, 0.2, 0.2, 0.02, 0.02])


def test_cosine_falls_slowly_then_fast_then_slowly_to_zero():
    given = [SCHEDULES["cosine"](2.0, progress) for progress in (0, 1 / 3, 0.5, 2 / 3, 1)]
    assert given == pytest.approx([2.0, 1.5, 1.0, 0.5, 0.0])


def test_one_cycle_rises_from_a_tenth_for_a_quarter_then_falls_to_zero():
    given = [SCHEDULES["one-cycle"](2.0, progress) for progress in (0, 0.125, 0.25, 0.625, 1)]
    assert given == pytest.approx([0.2, 1.1, 2.0, 1.0, 0.0])


def test_one_cycle_never_passes_its_rate_and_turns_once():
    rates = [SCHEDULES["one-cycle"](0.5, step / 200) for step in range(201)]
    assert max(rates) == 0.5 and min(rates) >= 0
    turns = np.flatnonzero(np.diff(np.sign(np.diff(rates))))
    assert len(turns) == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_reaches_its_rate_never_passes_it_and_is_in_proportion_to_it(name):
    small, large = ([SCHEDULES[name](rate, step / 200) for step in range(201)] for rate in (0.5, 1.0))
    assert max(small) == 0.5 and min(small) >= 0
    assert large == pytest.approx([2 * rate for rate in small])


def test_an_unknown_schedule_is_refused_with_the_schedules_there_are():
    with pytest.raises(ValueError, match="Schedule is 'linear'; it must be one of " + ", ".join(SCHEDULES)):
        Settings(schedule="linear")
