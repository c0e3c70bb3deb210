"""The further up the chain a realization departs from its anchor, the less alike their jets are."""

import numpy as np
import pytest

from benchmarks.intervention_scale import OBSERVABLES, Mean, differences, rises

POINTS = {
    "rehadronize": "parton_level",
    **{f"scale_{scale}": {"shower_scale": scale} for scale in (2, 10, 50)},
    "again": "hard_process",
}


@pytest.fixture(scope="module")
def qcd():
    return differences("qcd", 150, POINTS, {"PartonLevel:MPI": False})


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_similarity_of_jets_falls_with_the_scale(qcd, observable):
    values = [qcd[name][observable] for name in POINTS]
    means = [Mean.of(each) for each in values]
    assert min(mean.pairs for mean in means) > 100
    parton_level, *scales, hard_process = values
    assert min(rises(scales)) > 3
    # The two limits: hadronization alone, and all of it again. Two standard errors are 2% of good runs.
    assert rises([parton_level, scales[0]])[0] > -2
    assert rises([scales[-1], hard_process])[0] > 2
    assert means[0].value < 0.4 * means[-1].value


def test_mean_leaves_out_targets_without_a_pair():
    mean = Mean.of(np.array([1.0, np.nan, 3.0]))
    assert (mean.pairs, mean.value, mean.error) == (2, 2.0, pytest.approx(1.0))


def test_rises_compare_only_targets_that_both_points_have():
    before, after = np.array([1.0, 2.0, np.nan, 9.0]), np.array([2.0, 4.0, 99.0, np.nan])
    assert rises([before, after]) == [pytest.approx(1.5 / 0.5)]
