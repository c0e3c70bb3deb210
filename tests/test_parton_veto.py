"""Events whose partons make no hard jet are given up before hadronization; the others are untouched."""

import awkward as ak
import pyarrow as pa
import pytest
import pythia8mc

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Jets
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.provenance import jets_inputs
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets.simulation import simulate_family
from jetresim.showers.parton_veto import PartonVeto
from jetresim.showers.pythia8 import Pythia8Shower
from tests.campaigns import campaign

EVENTS = 60
THRESHOLD = 550.0
FAMILY = [NOMINAL, {"name": "rehadronize"}, {"name": "redecay"}]


def asked(margin, **groups):
    return campaign(
        augmentations=FAMILY,
        settings={"PartonLevel:MPI": False},
        groups={"pt_min": THRESHOLD, "parton_veto": margin, **groups},
    )


@pytest.fixture(scope="module")
def hard():
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    return list(Pythia8Generator(asked(None), "qcd").events(range(EVENTS), survey))


def tables(chosen, hard):
    parts = list(simulate_family(chosen, "qcd", hard))
    return {name: pa.concat_tables([part[name].table for part in parts]).to_pylist() for name in parts[0]}


@pytest.fixture(scope="module")
def without(hard):
    return tables(asked(None, survivors_only=False), hard)


def partons(*momenta):
    data = pythia8mc.Pythia("", False).particleData
    record = pythia8mc.Event()
    record.init("", data)
    for pdgid, px, py in momenta:
        record.append(pdgid, 23, 0, 0, px, py, 0.0, (px * px + py * py) ** 0.5)
    return record, data


@pytest.mark.parametrize(
    ("momenta", "vetoed"),
    [
        ([(21, 150.0, 0.0)], False),
        ([(21, 99.0, 0.0)], True),
        ([(21, 60.0, 1.0), (21, 60.0, -1.0)], False),
        ([(21, 60.0, 0.0), (21, -60.0, 0.0)], True),
        ([(12, 150.0, 0.0), (21, 60.0, 0.0)], True),
        ([], True),
    ],
    ids=["hard", "soft", "collinear", "back to back", "neutrino", "none"],
)
@pytest.mark.parametrize("algorithm", ["antikt", "cambridge", "kt"])
def test_hardest_jet_of_visible_partons_decides(momenta, vetoed, algorithm):
    record, _ = kept = partons(*momenta)
    assert PartonVeto(Jets(algorithm=algorithm), 100.0)(record) is vetoed
    assert kept


def test_nothing_is_printed(capfd):
    PartonVeto(Jets(), 100.0)
    assert capfd.readouterr().out == ""


def test_vetoed_events_keep_their_place_and_the_others_are_untouched(hard, without):
    found = tables(asked(0.0, survivors_only=False), hard)
    for name, rows in found.items():
        assert [row["seed"] for row in rows] == [row["seed"] for row in without[name]]
        vetoed = {row["event"] for row in rows if row["status"] == "vetoed"}
        assert 5 < len(vetoed) < EVENTS - 5
        assert vetoed == {row["event"] for row in found[NOMINAL] if row["status"] == "vetoed"}
        for row, plain in zip(rows, without[name], strict=True):
            assert row == plain or (row["event"] in vetoed and row["jet"] is None)


def test_wider_margin_vetoes_fewer_events(hard):
    counts = []
    for margin in (0.0, 50.0, 200.0):
        (batch,) = Pythia8Shower(asked(margin), "qcd", NOMINAL).simulate(hard)
        assert batch.vetoed == set(batch.events[~batch.succeeded].tolist())
        assert ak.all(ak.num(batch.particles)[~batch.succeeded] == 0)
        counts.append(len(batch.vetoed))
    assert counts[0] > counts[1] > counts[2] == 0


def test_survivors_only_leaves_vetoed_events_out_elsewhere(hard):
    found = tables(asked(0.0), hard)
    vetoed = {row["event"] for row in found[NOMINAL] if row["status"] == "vetoed"}
    assert vetoed
    for name in ("rehadronize", "redecay"):
        assert {row["status"] for row in found[name] if row["event"] in vetoed} == {"not simulated"}


def test_veto_is_off_by_default_and_part_of_what_made_the_jets():
    plain, vetoing = asked(None), asked(50.0)
    assert campaign().groups.parton_veto is None
    assert plain.parton_pt_min(NOMINAL) is None
    assert vetoing.parton_pt_min(NOMINAL) == THRESHOLD - 50.0
    assert jets_inputs(plain, "qcd", NOMINAL) != jets_inputs(vetoing, "qcd", NOMINAL)


def test_negative_margin_is_refused():
    with pytest.raises(ConfigError, match=r"groups\.parton_veto"):
        asked(-1.0)
