import math

import pytest

from jetresim.campaign.errors import HardEventError
from jetresim.generators.lhe_files import read_hard_events, write_lhe
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.generators.targets import find_targets
from tests.campaigns import campaign

SURVEY = Survey(cross_section=2.0, cross_section_error=0.1)


def generator(process: str, **changes) -> Pythia8Generator:
    changes.setdefault("processes", {process: {"cuts": {"pt_min": 500}}})
    return Pythia8Generator(campaign(**changes), process)


def test_hard_event_does_not_depend_on_the_others():
    whole = [event.record for event in generator("qcd").events(range(200), SURVEY)]
    for index in (0, 1, 57, 199):
        (alone,) = generator("qcd").events(range(index, index + 1), SURVEY)
        assert alone.record == whole[index]
    backwards = [event.record for event in generator("qcd").events(range(199, -1, -1), SURVEY)]
    assert backwards[::-1] == whole


@pytest.mark.parametrize(("process", "changes"), [("qcd", {"seed": 1}), ("dijet", {})])
def test_hard_events_differ_between_seeds_and_processes(process, changes):
    reference = [event.record for event in generator("qcd").events(range(5), SURVEY)]
    other = [event.record for event in generator(process, **changes).events(range(5), SURVEY)]
    assert all(a != b for a, b in zip(reference, other, strict=True))


@pytest.mark.parametrize(
    ("process", "labels", "targets"),
    [
        ("higgs", {4}, 1),
        ("qcd", {0, 1, 2, 3}, 1),
        ("wjet", {9}, 1),
        ("zjet", {10, 11}, 1),
        ("top", {12}, 2),
        ("dijet", {0, 1, 2, 3}, 2),
    ],
)
def test_every_process_of_the_catalogue_has_its_targets(process, labels, targets):
    made = generator(process)
    asked = campaign(processes={process: {}}).process(process)
    seen = set()
    for event in made.events(range(40), SURVEY):
        found = find_targets(event.record, asked.targets)
        assert len(found) == targets
        assert all(target.parton.pt >= 500 * (1 - 1e-9) for target in found)
        seen |= {target.label for target in found}
    assert seen <= labels


def test_record_is_a_consistent_les_houches_event():
    for event in generator("top").events(range(20), SURVEY):
        particles = event.record.particles
        assert event.record.eventinfo.nparticles == len(particles)
        assert event.record.eventinfo.scale > 0
        assert 0.05 < event.record.eventinfo.aqcd < 0.15
        assert 0.007 < event.record.eventinfo.aqed < 0.009
        assert [particle.status for particle in particles[:2]] == [-1, -1]
        for component in ("px", "py", "pz", "e"):
            incoming = sum(getattr(particle, component) for particle in particles if particle.status == -1)
            outgoing = sum(getattr(particle, component) for particle in particles if particle.status == 1)
            assert math.isclose(incoming, outgoing, rel_tol=1e-9, abs_tol=1e-6)
        for place, particle in enumerate(particles[2:], start=3):
            assert 1 <= particle.mother1 < place
        colors = [c for p in particles if p.status == 1 for c in (p.color1, p.color2) if c]
        assert len(colors) % 2 == 0 or any(p.color1 or p.color2 for p in particles if p.status == -1)


def test_file_reads_back_to_identical_doubles(tmp_path):
    made = generator("higgs")
    events = list(made.events(range(30), SURVEY))
    path = tmp_path / "00000.lhe.gz"
    write_lhe(path, made.init(SURVEY), made.header(), events)
    back = list(read_hard_events(path, 0))
    assert [event.record.particles for event in back] == [event.record.particles for event in events]
    assert [event.record.eventinfo for event in back] == [event.record.eventinfo for event in events]


def test_init_block_names_beams_pdf_and_cross_section():
    init = generator("higgs").init(SURVEY)
    assert (init.initInfo.beamA, init.initInfo.energyA, init.initInfo.PDFsetA) == (2212, 6500.0, 325100)
    assert init.initInfo.weightingStrategy == -4
    assert (init.procInfo[0].xSection, init.procInfo[0].error) == (2.0, 0.1)


def test_survey_agrees_with_a_long_run(monkeypatch):
    made = generator("zjet")
    survey = made.survey()
    assert 0 < survey.cross_section_error < 0.02 * survey.cross_section
    # Only the ZZ → qq νν of ZZ → 4 open decays count: 2 BR(qq) BR(νν) / (BR(qq) + BR(νν))².
    pythia = made._start()
    for _ in range(20_000):
        assert pythia.next()
    quarks, neutrinos = 0.6991, 0.2000
    expected = pythia.infoPython().sigmaGen() * 1e9 * 2 * quarks * neutrinos / (quarks + neutrinos) ** 2
    assert survey.cross_section == pytest.approx(expected, rel=0.04)


def test_process_without_its_targets_is_refused(monkeypatch):
    monkeypatch.setattr("jetresim.generators.pythia8.SURVEY_EVENTS", 50)
    impossible = generator("dijet", processes={"dijet": {"targets": ["higgs"], "require_targets": 1}})
    with pytest.raises(HardEventError, match=r"none of 50 events has 1 target"):
        impossible.survey()
