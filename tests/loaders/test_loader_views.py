import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from jetresim.campaign.errors import ConfigError
from jetresim.dataset.reader import open_groups
from jetresim.loaders.random import generator
from jetresim.loaders.views import AllViews, Pairs

LEVEL = 1e-3
"""Of each binomial test; the seeds are fixed, so that a test always comes out the same."""

NAMES = ["nominal", "seed", "fsrRenHi", "mpiOff", "mpiOff_2"]


@pytest.fixture(scope="module")
def groups(dataset):
    groups = open_groups(dataset, split="train")
    assert groups.realizations == NAMES
    return groups


def drawn(chooser, present, count=4000, key="draw"):
    """Names of anchor and positive of many groups with the same members."""
    members = np.tile(np.array(present, bool), (count, 1))
    assert chooser.usable(members).all()
    return np.array(NAMES)[chooser.choose(members, generator(key).random((count, 2)))].T


def compatible(names, name, probability):
    return binomtest(int((names == name).sum()), len(names), probability).pvalue > LEVEL


@given(arrays(bool, (50, 5)), st.sampled_from(["nominal", "any", "mpiOff"]), st.integers(0, 9))
def test_pairs_are_of_two_different_members_that_are_present(groups, present, anchor, key):
    chooser = Pairs(anchor).chooser(groups)
    usable = chooser.usable(present)
    first = present.any(axis=1) if anchor == "any" else present[:, NAMES.index(anchor)]
    assert usable.tolist() == (first & (present.sum(axis=1) > 1)).tolist()
    present = present[usable]
    views = chooser.choose(present, generator(key).random((len(present), 2)))
    assert np.take_along_axis(present, views, axis=1).all()
    assert (views[:, 0] != views[:, 1]).all()
    if anchor != "any":
        assert (views[:, 0] == NAMES.index(anchor)).all()


@given(arrays(bool, (50, 5)))
def test_groups_without_a_positive_that_can_be_drawn_are_not_used(groups, present):
    chooser = Pairs("any", {"seed": 1}).chooser(groups)
    seed = NAMES.index("seed")
    others = np.delete(present, seed, axis=1).any(axis=1)
    assert chooser.usable(present).tolist() == (present[:, seed] & others).tolist()


def test_positives_are_drawn_with_their_weights(groups):
    anchors, positives = drawn(Pairs(positives={"seed": 1, "fsrRenHi": 3}).chooser(groups), [1, 1, 1, 1, 1])
    assert set(anchors) == {"nominal"}
    assert set(positives) == {"seed", "fsrRenHi"}
    assert compatible(positives, "fsrRenHi", 3 / 4)


def test_weights_of_absent_members_go_to_the_others(groups):
    chooser = Pairs(positives={"seed": 5, "fsrRenHi": 1, "mpiOff": 2}).chooser(groups)
    _, positives = drawn(chooser, [1, 0, 1, 0, 1])
    assert set(positives) == {"fsrRenHi", "mpiOff_2"}
    assert compatible(positives, "mpiOff_2", 1 / 2)


def test_replicas_share_the_weight_of_their_augmentation(groups):
    _, positives = drawn(Pairs(positives={"mpiOff": 1, "seed": 1}).chooser(groups), [1, 1, 1, 1, 1])
    for name, probability in (("seed", 1 / 2), ("mpiOff", 1 / 4), ("mpiOff_2", 1 / 4)):
        assert compatible(positives, name, probability)
    _, positives = drawn(Pairs(positives={"mpiOff_2": 1}).chooser(groups), [1, 1, 1, 1, 1], count=10)
    assert set(positives) == {"mpiOff_2"}


def test_any_anchor_is_uniform_and_all_others_are_positives(groups):
    anchors, positives = drawn(Pairs("any").chooser(groups), [1, 1, 0, 1, 1])
    for name in ("nominal", "seed", "mpiOff", "mpiOff_2"):
        assert compatible(anchors, name, 1 / 4)
        assert compatible(positives[anchors != name], name, 1 / 3)


def test_all_views_use_every_group_with_a_member(groups):
    chooser = AllViews().chooser(groups)
    present = np.array([[0, 0, 0, 0, 0], [0, 1, 0, 0, 1]], bool)
    assert chooser.usable(present).tolist() == [False, True]
    assert chooser.choose(present, np.zeros((2, 2))).tolist() == [[0, 1, 2, 3, 4]] * 2


def test_names_and_weights_that_cannot_be_are_refused(groups):
    for pairs, message in (
        (Pairs("nominl"), "anchor: unknown realization 'nominl'; did you mean 'nominal'"),
        (Pairs(positives={"sed": 1}), "positives: unknown augmentation 'sed'; did you mean 'seed'"),
        (Pairs(positives={"seed": -1}), "positives: weight -1 of 'seed'"),
        (Pairs(positives={"nominal": 1}), "no realization beside the anchor has a weight"),
        (Pairs(positives={}), "no realization beside the anchor has a weight"),
    ):
        with pytest.raises(ConfigError, match=message):
            pairs.chooser(groups)
