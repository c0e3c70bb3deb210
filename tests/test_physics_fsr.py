"""RS3L's FSR variations move the multiplicity of quark and gluon jets, by more than five standard errors.

The shift is about 3%, so it takes many jets. Initial-state radiation and multiparton interactions are
off, and jets are only counted, to afford them.
"""

from collections.abc import Iterable
from functools import cache

import awkward as ak
import numpy as np
import pytest
from scipy import stats

from jetresim.detectors.registry import make_detector
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.jets.clustering import cluster
from jetresim.showers.pythia8 import Pythia8Shower
from tests.campaigns import campaign
from tests.physics import SURVEY

EVENTS = 24_000


@cache
def multiplicities(realization: str) -> np.ndarray:
    """Constituents of the leading jet of each hard event, 0 for none."""
    chosen = campaign(
        processes={"qcd": {"cuts": {"pt_min": 500}}},
        settings={"PartonLevel:MPI": False, "PartonLevel:ISR": False},
        augmentations=["nominal", "fsrRenHi", "fsrRenLo"],
    )
    detector = make_detector(chosen, realization)
    hard = Pythia8Generator(chosen, "qcd").events(range(EVENTS), SURVEY)
    batches = Pythia8Shower(chosen, "qcd", realization).simulate(hard)
    return np.concatenate(list(_counts(chosen, detector, batches)))


def _counts(chosen, detector, batches) -> Iterable[np.ndarray]:
    for batch in batches:
        leading = ak.firsts(cluster(detector.candidates(batch), chosen.jets))
        yield ak.to_numpy(ak.fill_none(ak.num(leading.constituents), 0))


@pytest.mark.parametrize(("realization", "sign"), [("fsrRenHi", 1), ("fsrRenLo", -1)])
def test_fsr_scale_moves_the_multiplicity_by_more_than_five_standard_errors(realization, sign):
    nominal, varied = multiplicities("nominal"), multiplicities(realization)
    both = (nominal > 0) & (varied > 0)
    assert both.sum() >= 0.9 * EVENTS
    # Event by event, since jets of the same hard event share their flavour and their pT.
    difference = sign * (varied - nominal)[both]
    assert difference.mean() > 5 * stats.sem(difference)
