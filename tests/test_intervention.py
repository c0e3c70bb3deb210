"""What an intervention shares with the anchor is shared bit by bit; what comes after it differs."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pytest

import jetresim.showers.pythia8
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.intervention import ALLOWED_SETTINGS, Stage
from jetresim.detectors.none import NoDetector
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets.chain import simulate
from jetresim.jets.schema import surviving_events
from jetresim.jets.simulation import simulate_family, simulate_realization
from jetresim.showers.pythia8 import Pythia8Resumed, Pythia8Shower, _Hooks
from jetresim.showers.registry import Job
from tests.campaigns import campaign

EVENTS = 200
SCALES = (2.0, 10.0, 50.0)
JOB = Job(work_directory=Path(), first_event=0)
CHEAP = {"PartonLevel:MPI": False}


def asked(*augmentations: object, **changes: object) -> Campaign:
    return campaign(augmentations=[NOMINAL, *augmentations], settings=CHEAP, **changes)


def hard_events(process: str, number: int) -> list[HardEvent]:
    survey = Survey(cross_section=1.0, cross_section_error=0.1)
    return list(Pythia8Generator(asked(), process).events(range(number), survey))


@pytest.fixture(scope="module", params=["qcd", "higgs"])
def process(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def events(process) -> list[HardEvent]:
    return hard_events(process, EVENTS)


def entries(record) -> list[tuple]:
    """What later stages leave as it is: all but status and daughters."""
    return [
        (p.id(), p.mother1(), p.col(), p.acol(), p.px(), p.py(), p.pz(), p.e(), p.m(), p.scale(), p.xProd())
        for p in record
    ]


class Recorder(_Hooks):
    """Notes the event record where the evolution of the hard process passes a scale."""

    watched = 0.0

    def canVetoPT(self):  # noqa: N802
        return True

    def scaleVetoPT(self):  # noqa: N802
        return self._scale or self.watched

    def doVetoPT(self, step, record):  # noqa: N802
        if not self._resonances:
            self.above = entries(self._pythia.event)
        return super().doVetoPT(step, record) if self._scale else False


def records_at(
    monkeypatch, shower: Callable[[], Pythia8Shower], events: Sequence[HardEvent], watched: float
) -> tuple[list[list[tuple]], list[list[tuple]]]:
    """Event records at a scale and at the end, one pair for each event."""
    monkeypatch.setattr(Recorder, "watched", watched)
    monkeypatch.setattr(jetresim.showers.pythia8, "_Hooks", Recorder)
    one = shower()
    one._feed.load(list(events))
    at_scale, complete = [], []
    for _ in events:
        assert one._pythia.next()
        at_scale.append(one._hooks.above)
        complete.append(entries(one._pythia.event))
    return at_scale, complete


@pytest.mark.parametrize("scale", SCALES)
def test_emissions_above_the_scale_are_shared_and_those_below_are_not(monkeypatch, process, events, scale):
    chosen = asked({"name": "below", "intervene": {"shower_scale": scale}})
    anchor, anchor_complete = records_at(
        monkeypatch, lambda: Pythia8Shower(chosen, process, NOMINAL), events, scale
    )
    member, member_complete = records_at(
        monkeypatch, lambda: Pythia8Shower(chosen, process, "below"), events, scale
    )
    assert member == anchor
    assert sum(a != b for a, b in zip(anchor_complete, member_complete, strict=True)) == len(events)


def test_shared_part_shrinks_with_the_scale(monkeypatch, process, events):
    few, sizes = events[:50], []
    for scale in SCALES:
        at_scale, _ = records_at(monkeypatch, lambda: Pythia8Shower(asked(), process, NOMINAL), few, scale)
        sizes.append(sum(map(len, at_scale)))
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize(
    ("point", "stage"), [("parton_level", Stage.HADRONIZATION), ("decays", Stage.DECAYS)]
)
def test_record_before_the_intervention_is_the_anchors_bit_by_bit(process, events, point, stage):
    chosen = asked({"name": "member", "intervene": point})
    anchor = Pythia8Shower(chosen, process, NOMINAL, keep=frozenset({stage}))
    member = Pythia8Resumed(chosen, process, "member")
    member._replaced.source = anchor.records
    differs = 0
    for event in events:
        for one in (anchor, member):
            one._feed.load([event])
        member._records.clear()
        assert anchor._pythia.next()
        assert member._pythia.next()
        shared = anchor.records[stage][event.index].size()
        complete = [entries(one._pythia.event) for one in (anchor, member)]
        assert complete[0][:shared] == complete[1][:shared]
        differs += complete[0] != complete[1]
    assert differs == len(events)


def test_resumed_with_the_anchors_streams_is_the_anchor(process, events):
    """The continuation is Pythia's own chain: with the same random numbers it gives the same particles."""
    for point, stage in (("parton_level", Stage.HADRONIZATION), ("decays", Stage.DECAYS)):
        chosen = asked({"name": "member", "intervene": point})
        anchor = Pythia8Shower(chosen, process, NOMINAL, keep=frozenset({stage}))
        (batch,) = anchor.simulate(events)
        member = Pythia8Resumed(chosen, process, "member")
        member._hooks._streams_of = anchor._streams
        resumed = member.resume(events, anchor.records)
        assert resumed.succeeded.all()
        assert ak.all(ak.num(resumed.particles) == ak.num(batch.particles))
        for name in ("pdgid", "px", "py", "pz", "energy", "x", "y", "z", "t"):
            assert ak.all(resumed.particles[name] == batch.particles[name])


def test_event_the_anchor_failed_on_fails_in_those_that_continue_it(events, process):
    chosen = asked({"name": "member", "intervene": "parton_level"})
    anchor = Pythia8Shower(chosen, process, NOMINAL, keep=frozenset({Stage.HADRONIZATION}))
    (_,) = anchor.simulate(events[:5])
    del anchor.records[Stage.HADRONIZATION][2]
    resumed = Pythia8Resumed(chosen, process, "member").resume(events[:5], anchor.records)
    assert resumed.succeeded.tolist() == [True, True, False, True, True]
    assert resumed.events.tolist() == [0, 1, 2, 3, 4]


FAMILY = ({"name": "rehadronize", "replicas": 2}, "redecay")


def tables(parts) -> dict[str, pa.Table]:
    collected: dict[str, list[pa.Table]] = {}
    for part in parts:
        for name, each in part.items():
            collected.setdefault(name, []).append(each.table)
    return {name: pa.concat_tables(found) for name, found in collected.items()}


def test_family_gives_the_same_anchor_as_a_run_of_its_own(process, events, monkeypatch):
    chosen = asked(*FAMILY, groups={"require": "any"})
    alone = tables(
        {NOMINAL: part} for part in simulate_realization(chosen, process, NOMINAL, events[:60], JOB)
    )
    monkeypatch.setattr(jetresim.showers.pythia8, "BATCH_EVENTS", 17)
    family = tables(simulate_family(chosen, process, events[:60]))
    assert list(family) == [NOMINAL, "rehadronize", "rehadronize_2", "redecay"]
    assert family[NOMINAL] == alone[NOMINAL]
    monkeypatch.setattr(jetresim.showers.pythia8, "BATCH_EVENTS", 200)
    assert tables(simulate_family(chosen, process, events[:60])) == family
    later = tables(simulate_family(chosen, process, events[30:60]))
    tail = {name: table.filter(np.asarray(table["event"]) >= 30) for name, table in family.items()}
    assert {name: table.to_pylist() for name, table in later.items()} == {
        name: table.to_pylist() for name, table in tail.items()
    }


def with_survivors(survivors_only: bool | str) -> Campaign:
    groups = {"pt_min": 500.0, "survivors_only": survivors_only}
    return asked("seed", *FAMILY, "fsrRenHi", jets={"pt_min": 500.0}, groups=groups)


def all_tables(chosen: Campaign, process: str, events: Sequence[HardEvent]) -> dict[str, pa.Table]:
    """Every realization as the jobs make them: the family together, the others one after another."""
    made = tables(simulate_family(chosen, process, events))
    for name in chosen.realizations:
        if name not in made:
            followed = [made[each] for each in chosen.followed(name)]
            survivors = surviving_events(followed, chosen) if followed else None
            alone = simulate_realization(chosen, process, name, events, JOB, survivors)
            made |= tables({name: part} for part in alone)
    return made


@pytest.fixture(scope="module")
def everything(process, events) -> dict[str, pa.Table]:
    return all_tables(with_survivors(False), process, events)


@pytest.mark.parametrize("survivors_only", [True, "chain"])
def test_survivors_have_the_same_jets_as_in_the_full_run(process, events, everything, survivors_only):
    chosen = with_survivors(survivors_only)
    simulated = {}
    for name, table in all_tables(chosen, process, events).items():
        followed = [everything[each] for each in chosen.followed(name)]
        surviving = surviving_events(followed, chosen) if followed else range(len(events))
        rows = np.isin(np.asarray(table["event"]), list(surviving))
        assert table.filter(rows).to_pylist() == everything[name].filter(rows).to_pylist()
        assert set(table.filter(~rows)["status"].to_pylist()) == ({"not simulated"} if followed else set())
        simulated[name] = len(surviving)
    assert 0 < simulated["seed"] < len(events)
    assert (simulated["fsrRenHi"] < simulated[FAMILY[-1]] < simulated["seed"]) == (survivors_only == "chain")


def test_realization_alone_is_what_the_jobs_make(process, events):
    chosen = with_survivors("chain")
    made = all_tables(chosen, process, events[:40])
    for name in ("seed", FAMILY[-1], "fsrRenHi"):
        alone = pa.concat_tables(simulate(chosen, process, name, range(40), hard=events[:40]))
        assert alone.to_pylist() == made[name].to_pylist()


def test_event_whose_target_no_jet_can_reach_is_not_showered(monkeypatch):
    chosen = asked("redecay")
    events = hard_events("higgs", 60)
    showered: list[int] = []
    shower = Pythia8Shower.shower

    def noted(self, batch):
        showered.extend(event.index for event in batch)
        return shower(self, batch)

    monkeypatch.setattr(Pythia8Shower, "shower", noted)
    fast = tables(simulate_family(chosen, "higgs", events))
    assert 0 < len(set(showered)) < len(events)
    left_out = np.isin(np.asarray(fast[NOMINAL]["event"]), showered, invert=True)
    assert set(fast[NOMINAL].filter(left_out)["status"].to_pylist()) == {"no jet"}
    monkeypatch.setattr("jetresim.jets.simulation.within_reach", lambda target, jets: True)
    assert tables(simulate_family(chosen, "higgs", events)) == fast
    assert set(showered) == {event.index for event in events}


def test_detector_is_simulated_again_on_the_same_particles(process, events, monkeypatch):
    cuts = {"jets": {"pt_min": 500.0}, "groups": {"pt_min": 500.0}}
    chosen = asked("redetect", "trackEffLo", "rehadronize", detector={"name": "cms_phase2"}, **cuts)
    family = tables(simulate_family(chosen, process, events[:60]))
    monkeypatch.setattr(jetresim.showers.pythia8, "BATCH_EVENTS", 7)
    assert tables(simulate_family(chosen, process, events[:60])) == family
    every = {**cuts["groups"], "survivors_only": False}
    full = asked("redetect", detector={"name": "cms_phase2"}, jets=cuts["jets"], groups=every)
    whole = tables(simulate_family(full, process, events[:60]))
    assert whole[NOMINAL] == family[NOMINAL]
    surviving = list(surviving_events([family[NOMINAL]], chosen))
    rows = np.isin(np.asarray(whole["redetect"]["event"]), surviving)
    assert 0 < rows.sum() < len(rows)
    assert whole["redetect"].filter(rows).to_pylist() == family["redetect"].filter(rows).to_pylist()
    jets = {name: [jet for jet in table["jet"].to_pylist() if jet] for name, table in family.items()}
    again = [abs(a["pt"] / b["pt"] - 1) for a, b in zip(jets[NOMINAL], jets["redetect"], strict=False)]
    assert all(difference > 0 for difference in again[:3])


EVENTS_IN_RUNS = 50


class InRuns:
    """A detector that takes whole runs of events, and notes what it is given."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen: list[list[int]] = []

    def candidates(self, batch):
        assert batch.events[0] % self.size == 0
        self.seen.append(batch.events.tolist())
        return NoDetector().candidates(batch)


@pytest.mark.parametrize("batch_events", [7, 200])
def test_no_batch_ends_within_a_run_of_the_detector(events, process, monkeypatch, tmp_path, batch_events):
    chosen = asked(
        *("redetect", "rehadronize", "seed"),
        detector={"name": "delphes", "card": str(tmp_path / "x.tcl"), "events_per_run": 20},
        **{"jets": {"pt_min": 500.0}, "groups": {"pt_min": 500.0}},
    )
    detectors = {name: InRuns(20) for name in chosen.realizations}
    monkeypatch.setattr("jetresim.jets.crossing.make_detector", lambda _, name, process: detectors[name])
    monkeypatch.setattr(jetresim.showers.pythia8, "BATCH_EVENTS", batch_events)
    found = tables(simulate_family(chosen, process, events[:EVENTS_IN_RUNS]))
    surviving = surviving_events([found[NOMINAL]], chosen)
    assert 0 < len(surviving) < EVENTS_IN_RUNS
    found |= tables(
        {"seed": part}
        for part in simulate_realization(chosen, process, "seed", events[:EVENTS_IN_RUNS], JOB, surviving)
    )
    for name, detector in detectors.items():
        assert list(chain.from_iterable(detector.seen)) == list(range(EVENTS_IN_RUNS)), name
    monkeypatch.setattr("jetresim.jets.crossing.make_detector", lambda *_: NoDetector())
    monkeypatch.setattr("jetresim.jets.simulation.detector_run", lambda _, __: 1)
    plain = tables(simulate_family(chosen, process, events[:EVENTS_IN_RUNS]))
    assert {name: found[name] for name in plain} == plain


def test_member_made_alone_is_that_of_the_whole_family(process, events):
    wanted = {"jets": {"pt_min": 500.0}, "groups": {"pt_min": 500.0}}
    for chosen in (
        asked(*FAMILY, "redetect", detector={"name": "cms_phase2"}, **wanted),
        asked(*FAMILY, groups={"require": "any"}),
    ):
        together = tables(simulate_family(chosen, process, events[:30]))
        for name in chosen.anchor_family:
            if name == NOMINAL:
                continue
            followed = [together[each] for each in chosen.followed(name)]
            survivors = surviving_events(followed, chosen) if followed else None
            alone = tables(simulate_family(chosen, process, events[:30], [name], survivors))
            assert alone == {name: together[name]}
            assert tables(simulate_family(chosen, process, events[:30], [name])) == alone


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        (
            {"name": "x", "intervene": "parton_level", "settings": {"TimeShower:renormMultFac": 0.5}},
            "`TimeShower:renormMultFac` would change what `parton_level` shares with the anchor; "
            "settings allowed there: StringZ:*",
        ),
        (
            {"name": "x", "intervene": "decays", "settings": {"StringZ:aLund": 0.5}},
            "`StringZ:aLund` would change what `decays` shares",
        ),
        (
            {"name": "x", "intervene": "parton_level", "tune": "Monash"},
            "`tune` would change what `parton_level` shares",
        ),
        ({"name": "x", "intervene": "shower_scale"}, "write `shower_scale: <pT in GeV>`"),
        ({"name": "x", "intervene": {"shower_scale": -1}}, "intervene"),
        ({"name": "x", "intervene": "hadrons"}, "intervene"),
        ({"name": "nominal", "intervene": "decays"}, "'nominal' takes no settings"),
    ],
)
def test_intervention_that_cannot_be_is_refused(augmentation, message):
    rest = [] if augmentation["name"] == NOMINAL else [NOMINAL]
    with pytest.raises(ConfigError) as error:
        campaign(augmentations=[*rest, augmentation])
    assert message in str(error.value)


CHANGED = {
    "StringZ": {"StringZ:aLund": 1.0},
    "StringPT": {"StringPT:sigma": 0.5},
    "StringFragmentation": {"StringFragmentation:stopMass": 1.5},
    "MiniStringFragmentation": {"MiniStringFragmentation:nTry": 4},
    "FragmentationSystems": {"FragmentationSystems:mJoin": 0.5},
    "ClosePacking": {"ClosePacking:doClosePacking": True},
    "ParticleDecays": {"ParticleDecays:mixB": False},
}


@pytest.mark.parametrize("group", ALLOWED_SETTINGS["shower_scale"])
def test_allowed_settings_leave_the_shared_part_alone(monkeypatch, group):
    few = hard_events("qcd", 12)
    chosen = asked({"name": "member", "intervene": {"shower_scale": 1.0}, "settings": CHANGED[group]})
    anchor, _ = records_at(monkeypatch, lambda: Pythia8Shower(chosen, "qcd", NOMINAL), few, 1.0)
    member, _ = records_at(monkeypatch, lambda: Pythia8Shower(chosen, "qcd", "member"), few, 1.0)
    assert member == anchor


@pytest.mark.parametrize("name", ["PartonShowers:model", "partonshowers:MODEL"])
def test_shower_scale_is_refused_with_vincia(name):
    with pytest.raises(ConfigError, match=r"shower10: `shower_scale` needs Pythia's simple shower"):
        campaign(augmentations=[NOMINAL, "shower10"], settings={name: 2})
