"""Settings with which an event depends on its neighbours are refused, and no others."""

import csv

import pytest

from benchmarks.seed_contract import _CONTEXTS, findings
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.seed_contract import CANNOT_BE_RUN, DIFFERS, TABLE, breaks_seed_contract
from jetresim.campaign.settings import setting_names
from jetresim.generators.pythia_settings import check_campaign_settings
from tests.campaigns import campaign

with TABLE.open(encoding="utf-8", newline="") as table:
    ROWS = list(csv.DictReader(table))
SPREAD = {f"Beams:sigma{each}": 1.0 for each in ("VertexX", "VertexZ", "Time", "PxA", "PyB", "PzB")}


def places(settings):
    """The four places of a configuration in which a setting can stand."""
    own = {"name": "own", "settings": settings}
    yield campaign(settings=settings)
    yield campaign(processes={"higgs": {"settings": settings}})
    yield campaign(processes={"higgs": {"shower_settings": settings}})
    yield campaign(augmentations=["nominal", own])


@pytest.mark.parametrize("spelling", ["Beams:allowVertexSpread", "BEAMS:ALLOWVERTEXSPREAD"])
@pytest.mark.parametrize("value", [True, "on", "yes", "1"])
def test_setting_is_refused_in_every_spelling_and_place(spelling, value):
    for asked in places({spelling: value}):
        with pytest.raises(ConfigError) as refused:
            check_campaign_settings(asked)
        said = str(refused.value).split(": ", 1)[1]
        assert said.startswith("`Beams:allowVertexSpread = ")
        assert said.endswith("is refused; with this value an event depends on the ones before it (shower)")


def test_only_the_value_that_breaks_is_refused():
    for asked in places({"Beams:allowVertexSpread": "off", "Fragmentation:model": 0}):
        check_campaign_settings(asked)


def test_table_names_settings_of_pythia_and_what_it_refuses():
    assert {row["name"] for row in ROWS} <= set(setting_names().values())
    assert {row["outcome"] for row in ROWS} == {DIFFERS, CANNOT_BE_RUN}
    for row in ROWS:
        refused = breaks_seed_contract(row["name"], row["value"])
        assert bool(refused) >= (row["outcome"] == DIFFERS)


@pytest.mark.parametrize(
    "case",
    [
        ("Beams:allowVertexSpread", True, SPREAD),
        ("Beams:allowMomentumSpread", True, SPREAD),
        ("SecondHard:generate", True, {"SecondHard:TwoJets": True}),
        ("HadronLevel:Rescatter", True, {"Fragmentation:setVertices": True, "PartonLevel:MPI": False}),
    ],
    ids=lambda case: case[0],
)
def test_refused_setting_really_breaks_the_contract(case):
    assert {found.outcome for found in findings(case) if found.stage == "shower"} == {DIFFERS}


def test_settings_that_others_need_to_act_are_not_refused():
    needed = [each for contexts in _CONTEXTS.values() for context in contexts for each in context.items()]
    assert needed
    assert not [each for each in needed if breaks_seed_contract(*each)]


def test_harmless_setting_is_no_finding():
    assert findings(("ColourReconnection:mode", 1, {})) == []
