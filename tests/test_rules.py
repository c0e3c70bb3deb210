"""Rules of rows that makers, `verify` and the report have in common."""

import numpy as np
import pyarrow as pa
import pytest
from synthetic import make_campaign

from jetresim.dataset.rules import beyond_circle, expected_seeds, impossible, row_identity


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_azimuths_are_above_minus_pi_and_up_to_pi_as_single_precision_rounds_it(precision):
    pi = precision(np.float32(np.pi))
    phi = np.array([-pi, np.nextafter(-pi, precision(0)), 0, pi, np.nextafter(pi, precision(4)), np.nan])
    assert beyond_circle(phi).tolist() == [True, False, False, False, True, False]


def test_four_vector_with_a_number_that_is_none_is_impossible():
    columns = {name: np.ones(4) for name in ("pt", "eta", "phi", "energy")}
    columns["eta"] = np.array([1, np.nan, 1, 1])
    columns["energy"] = np.array([1, 1, np.inf, 1])
    columns["phi"] = np.array([1, 1, 1, 3.2])
    assert impossible(columns).tolist() == [False, True, True, True]


def test_seeds_are_those_of_the_campaign_event_by_event():
    campaign = make_campaign()
    seeds = expected_seeds(campaign, [("higgs", 3), ("higgs", 0)], campaign.realizations)
    assert seeds.shape == (2, len(campaign.realizations))
    assert seeds[1, 0] == campaign.seed_of("higgs", 0, campaign.realizations[0])
    assert expected_seeds(campaign, [], campaign.realizations).shape == (0, len(campaign.realizations))


def test_identity_of_rows_is_event_and_target_and_of_nothing_is_empty():
    table = pa.table({"event": [4, 4], "target": pa.array([0, 1], pa.int8())})
    assert row_identity(table).tolist() == [[4, 0], [4, 1]]
    assert row_identity(None).shape == (0, 2)
