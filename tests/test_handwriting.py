"""Photographs of handwriting that no one tuned the preparation on, read by the Quick preset trained on MNIST."""

import pytest

from benchmarks.handwriting import HANDS, accuracy, quick_network, score

SEED = 2026  # of pictures that nobody looked at before the floors were set
EACH = {"held out": 1, "scans": 4, "print": 1}  # pictures of each digit for each kind of picture

# Ten pictures leave room for chance: two may be wrong. Scans of 8x8 pixels are hard, and there are twenty of each.
FLOORS = {"held out": 0.8, "scans": 0.75, "print": 0.8}


@pytest.fixture(scope="module")
def scores(official):
    """{writer: [the Score of each kind of picture]}."""
    network = quick_network(official)
    return {
        writer: [score(network, kind, writer, SEED, EACH[writer]) for kind in kinds] for writer, kinds in HANDS.values()
    }


def told(scores):
    lines = [f"{writer}, {accuracy(kinds):.1%} in all\n  " + "\n  ".join(map(str, kinds))
             for writer, kinds in scores.items()]
    return "\n".join(["", *lines])


def test_nine_in_ten_are_read_rightly(scores):
    print(told(scores))
    assert sum(one.count for kinds in scores.values() for one in kinds) >= 600
    assert accuracy([one for kinds in scores.values() for one in kinds]) >= 0.9, told(scores)
    assert accuracy(scores["held out"]) >= 0.95, told(scores)


@pytest.mark.parametrize("writer", EACH)
def test_no_kind_of_picture_is_beyond_it(scores, writer):
    failed = [str(one) for one in scores[writer] if accuracy([one]) < FLOORS[writer]]
    assert not failed, "\n".join(failed)
