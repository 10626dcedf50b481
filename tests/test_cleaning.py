"""Cleaning: changes are plain data, hold for any selection of a dataset, and leave it and the changes as they are."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import toy_set

from mnistlab.cleaning import Changes

NONE = Changes("toys")
SOME = NONE.delete(3).relabel(5, 0).delete(8).relabel(4, 2)


@pytest.fixture
def whole():
    """Ten images whose labels and pixels cannot be written."""
    images = toy_set(10)
    images.images.flags.writeable = images.labels.flags.writeable = False
    return images


def test_changes_tell_what_is_deleted_and_what_gets_which_label():
    assert SOME.deleted == [3, 8] and SOME.relabelled == {4: 2, 5: 0} and len(SOME) == 4
    assert (NONE.deleted, NONE.relabelled, len(NONE)) == ([], {}, 0)


def test_the_last_word_on_an_image_counts():
    assert SOME.relabel(3, 1).deleted == [8] and SOME.relabel(3, 1).relabelled == {3: 1, 4: 2, 5: 0}
    assert SOME.delete(5).deleted == [3, 5, 8] and SOME.delete(5).relabelled == {4: 2}
    assert SOME.relabel(5, 1).relabelled[5] == 1


def test_keep_takes_back_what_was_said_of_one_image():
    assert SOME.keep(3).keep(5) == NONE.delete(8).relabel(4, 2)
    assert SOME.keep(7) == SOME


def test_every_verb_leaves_the_changes_that_it_is_asked_of_as_they_are():
    changes = NONE.delete(3)
    changes.delete(4), changes.relabel(3, 1), changes.keep(3), changes.merge(SOME)
    assert changes.labels == {3: None} and NONE.labels == {}


def test_numbers_from_numpy_become_plain_ones():
    changes = NONE.delete(np.int64(3)).relabel(np.int64(4), np.uint8(2))
    assert [type(value) for value in (*changes.labels, changes.labels[4])] == [int, int, int]
    assert json.loads(changes.to_json())["deleted"] == [3]


def test_merging_joins_changes_and_the_later_ones_win():
    later = NONE.relabel(3, 1).delete(9)
    assert SOME.merge(later).labels == {3: 1, 4: 2, 5: 0, 8: None, 9: None}
    assert later.merge(SOME).deleted == [3, 8, 9]


@pytest.mark.parametrize("other", [Changes("mnist"), Changes("toys", "validation")])
def test_changes_of_another_dataset_or_split_are_not_merged(other):
    with pytest.raises(ValueError, match="cannot be merged with those to the training set of 'toys'"):
        SOME.merge(other)


def test_applying_drops_the_deleted_and_relabels_without_copying_an_image_or_touching_the_dataset(whole):
    before = whole.labels.tolist()
    clean = SOME.apply(whole)
    assert clean.indices.tolist() == [0, 1, 2, 4, 5, 6, 7, 9]
    assert clean.labels_of().tolist() == [0, 1, 2, 2, 0, 0, 1, 0]
    assert clean.images is whole.images and clean.class_names == whole.class_names
    assert whole.labels.tolist() == before and len(whole) == 10


def test_changes_find_their_images_in_any_selection_and_order(whole):
    part = whole.select(np.array([8, 5, 1, 5, 0]))
    clean = SOME.apply(part)
    assert clean.indices.tolist() == [5, 1, 5, 0]
    assert clean.labels_of().tolist() == [0, 1, 0, 0]
    assert SOME.apply(whole.select(np.array([0, 1]))).labels_of().tolist() == [0, 1]


def test_no_changes_and_changes_made_twice_change_nothing_more(whole):
    clean, once = NONE.apply(whole), SOME.apply(whole)
    assert clean.indices.tolist() == list(range(10)) and clean.labels.tolist() == whole.labels.tolist()
    twice = SOME.apply(once)
    assert twice.indices.tolist() == once.indices.tolist() and twice.labels.tolist() == once.labels.tolist()


def test_all_images_may_be_deleted(whole):
    assert len(Changes("toys", labels=dict.fromkeys(range(10))).apply(whole)) == 0


@pytest.mark.parametrize("changes, sentence", [
    (NONE.delete(10), "no image 10; those of this dataset go from 0 to 9"),
    (NONE.relabel(2, 3), "label of image 2 is 3; labels go from 0 to 2"),
])
def test_what_the_dataset_does_not_have_is_refused(whole, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        changes.apply(whole)
    with pytest.raises(ValueError, match=sentence):
        Changes.from_json(changes.to_json(), "toys", whole)


@pytest.mark.parametrize("wrong", [-1, 2.0, "2", True])
def test_images_and_labels_are_whole_numbers(wrong):
    with pytest.raises(ValueError, match="An image is"):
        NONE.delete(wrong)
    with pytest.raises(ValueError, match="label of image 3 is"):
        NONE.relabel(3, wrong)


def test_no_label_is_no_new_label():
    with pytest.raises(ValueError, match="label of image 3 is None"):
        NONE.relabel(3, None)


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="split is 'test'; it must be training or validation"):
        Changes("mnist", "test")


@given(st.dictionaries(st.integers(0, 9), st.none() | st.integers(0, 2)), st.sampled_from(["training", "validation"]))
def test_json_gives_back_the_same_changes(labels, split):
    changes = Changes("toys", split, labels)
    assert Changes.from_json(changes.to_json(), "toys", toy_set(10)) == changes


def test_json_says_plainly_what_it_holds():
    assert json.loads(SOME.to_json()) == {
        "dataset": "toys", "split": "training", "deleted": [3, 8], "relabelled": {"4": 2, "5": 0},
    }


def test_json_may_be_bytes(whole):
    assert Changes.from_json(SOME.to_json().encode(), "toys", whole) == SOME


def file(**values):
    return json.dumps({"dataset": "toys", "split": "training", "deleted": [], "relabelled": {}} | values)


@pytest.mark.parametrize("text", [
    "", "{", "[]", "7", "null", "{}", '{"dataset": "toys"}', b"\xff\xfe", "\ufeff{}", "[" * 100_000, "9" * 5000,
    file(deleted=5), file(deleted=None), file(deleted=[[1]]), file(deleted=[{}]), file(relabelled=[1]),
    file(relabelled={"x": 1}), file(relabelled={"": 1}), file(relabelled=None), file(relabelled={"1.5": 1}),
])
def test_text_that_holds_no_changes_is_refused_in_one_sentence(whole, text):
    with pytest.raises(ValueError, match="^This file does not hold changes to a dataset; choose a JSON file"):
        Changes.from_json(text, "toys", whole)


@pytest.mark.parametrize("text, sentence", [
    (file(dataset="mnist"), "are of 'mnist', but the dataset here is 'toys'"),
    (file(dataset=["toys"]), "are of \\['toys'\\]"),
    (file(split="test"), "split is 'test'"),
    (file(split={}), "split is {}"),
    (file(deleted=[-1]), "An image is -1; it must be a whole number"),
    (file(deleted=[1.0]), "An image is 1.0"),
    (file(deleted=["1"]), "An image is '1'"),
    (file(deleted="12"), "An image is '1'"),
    (file(deleted=[True]), "An image is True"),
    (file(deleted=[None]), "An image is None"),
    (file(deleted=[10]), "no image 10"),
    (file(relabelled={"-1": 0}), "An image is -1"),
    (file(relabelled={"10": 0}), "no image 10"),
    (file(relabelled={"1": 3}), "label of image 1 is 3; labels go from 0 to 2"),
    (file(relabelled={"1": -1}), "label of image 1 is -1"),
    (file(relabelled={"1": "a"}), "label of image 1 is 'a'"),
    (file(relabelled={"1": 1.5}), "label of image 1 is 1.5"),
    (file(relabelled={"1": [2]}), "label of image 1 is \\[2\\]"),
    (file(relabelled={"1": None}), "new label is missing"),
    (file(deleted=[4], relabelled={"4": 1}), "Image 4 is both deleted and given a label"),
])
def test_changes_that_do_not_fit_are_refused_with_what_is_wrong(whole, text, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        Changes.from_json(text, "toys", whole)
    assert "\n" not in str(refusal.value)
