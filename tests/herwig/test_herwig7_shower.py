import os
import time
from dataclasses import replace
from pathlib import Path

import awkward as ak
import fastjet
import numpy as np
import pytest
import pythia8mc

from jetresim.campaign.errors import ConfigError, ShowerError
from jetresim.campaign.seeds import event_seed
from jetresim.showers.herwig7.run import OVERRUN
from jetresim.showers.protocol import PARTICLE_FIELDS
from tests.herwig_samples import DATA, ENERGY, SEED

AK8 = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8)
JET_PT = 400.0  # RS3L's lowest jet pT [GeV]


def simulate(shower, events):
    """All batches as one: indices, seeds, success, particles."""
    batches = list(shower.simulate(events))
    return (
        np.concatenate([batch.events for batch in batches]),
        np.concatenate([batch.seeds for batch in batches]),
        np.concatenate([batch.succeeded for batch in batches]),
        ak.concatenate([batch.particles for batch in batches]),
    )


def fails(shower, events, match):
    """Simulating ends with an error, and hands out at most what is called whole; returns the message."""
    with pytest.raises(ShowerError, match=match) as caught:
        list(shower.simulate(events))
    return str(caught.value)


def recorded_in_order(events):
    """Final particles of each event; pyhepmc has an order of its own, so they are sorted."""
    return [sorted((p.pid, *p.momentum) for p in event.particles if p.status == 1) for event in events]


def in_order(particles):
    fields = ("pdgid", "px", "py", "pz", "energy")
    return [sorted(of_event) for of_event in ak.zip([particles[name] for name in fields]).to_list()]


# --- what comes out ---------------------------------------------------------------------------------------


def test_every_event_comes_out_once_in_order_in_batches(herwig, hard_events):
    batches = list(herwig().simulate(hard_events()))
    assert [batch.events.tolist() for batch in batches] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    for batch in batches:
        assert batch.succeeded.all()
        assert batch.particles.fields == list(PARTICLE_FIELDS)
        assert (batch.events.dtype, batch.seeds.dtype, batch.succeeded.dtype) == (
            np.int64,
            np.int64,
            np.bool_,
        )


@pytest.mark.parametrize(
    ("sample", "recording", "options"),
    [
        ("higgs", "higgs_nominal", {}),
        ("qcd", "qcd_nominal", {}),
        ("higgs", "higgs_fsr05", {"fsr_scale": 0.5}),
        ("higgs", "higgs_isr05", {"isr_scale": 0.5}),
        ("qcd", "qcd_fsr2", {"fsr_scale": 2}),
    ],
)
def test_particles_are_the_recorded_ones_of_the_variation(
    herwig, hard_events, recorded, sample, recording, options
):
    expected = recorded(recording)
    *_, particles = simulate(herwig(**options), hard_events(sample, len(expected)))
    assert in_order(particles) == recorded_in_order(expected)


def test_jets_equal_those_of_an_independent_reading_constituent_by_constituent(herwig, hard_events, recorded):
    *_, particles = simulate(herwig(), hard_events("higgs"))
    momenta = ak.zip({"px": particles.px, "py": particles.py, "pz": particles.pz, "E": particles.energy})
    ours = fastjet.ClusterSequence(momenta, AK8).constituents(min_pt=JET_PT)
    jets = 0
    for event, ours_of_event in zip(recorded("higgs_nominal"), ours.to_list(), strict=True):
        finals = [particle.momentum for particle in event.particles if particle.status == 1]
        cluster = fastjet.ClusterSequence([fastjet.PseudoJet(p.px, p.py, p.pz, p.e) for p in finals], AK8)
        theirs = [
            sorted((c.px(), c.py(), c.pz(), c.E()) for c in jet.constituents())
            for jet in cluster.inclusive_jets(JET_PT)
        ]
        assert sorted(
            sorted((c["px"], c["py"], c["pz"], c["E"]) for c in jet) for jet in ours_of_event
        ) == sorted(theirs)
        jets += len(theirs)
    assert jets >= 12  # pT-hat is above 500 GeV


def test_the_stable_particles_are_those_of_pythia(herwig, hard_events, recorded):
    """Final are species above, decayed are hadrons below Pythia's tau0Max = 10 mm."""
    table = pythia8mc.Pythia("", False).particleData
    samples = [simulate(herwig(process=sample), hard_events(sample))[3] for sample in ("higgs", "qcd")]
    final = {abs(pdgid) for particles in samples for pdgid in ak.flatten(particles.pdgid)}
    events = [event for name in ("higgs_nominal", "qcd_nominal") for event in recorded(name)]
    decayed = {abs(particle.pid) for event in events for particle in event.particles if particle.status == 2}
    assert {11, 13, 22, 130, 211, 310, 321, 2112, 2212, 3112, 3122, 3222, 3312, 3322} <= final
    assert {15, 111, 411, 421, 511, 521} <= decayed
    assert not final & decayed
    for pdgid in map(int, final):
        assert not table.canDecay(pdgid) or table.tau0(pdgid) > 10, pdgid
    for pdgid in map(int, decayed):
        assert not table.isParticle(pdgid) or table.tau0(pdgid) <= 10, pdgid


def test_vertices_are_displaced_by_the_flight_of_what_decayed(herwig, hard_events):
    *_, particles = simulate(herwig(), hard_events("higgs"))
    displacement = np.sqrt(particles.x**2 + particles.y**2 + particles.z**2)
    assert ak.all(ak.any((displacement > 0.05) & (displacement < 200), axis=1))  # b hadrons of 250 GeV fly mm
    flown = displacement > 1e-3
    assert ak.all(particles.t[flown] >= displacement[flown] * (1 - 1e-6))
    assert ak.mean(displacement < 1e-6) > 0.3


def test_all_of_the_momentum_comes_out(herwig, hard_events):
    *_, particles = simulate(herwig(), hard_events("higgs"))
    assert ak.to_numpy(ak.sum(particles.energy, axis=1)) == pytest.approx(ENERGY, abs=0.01)
    assert ak.to_numpy(ak.sum(particles.px, axis=1)) == pytest.approx(0, abs=0.01)


# --- blocks and seeds -------------------------------------------------------------------------------------


def test_a_block_has_the_seed_of_its_first_event(herwig, hard_events):
    _, seeds, *_ = simulate(herwig(block_events=4), hard_events("higgs", 10))
    first = [event_seed(SEED, "higgs", event, "herwig7") for event in (0, 4, 8)]
    assert seeds.tolist() == [first[0]] * 4 + [first[1]] * 4 + [first[2]] * 2


def test_the_cut_into_chunks_does_not_matter(herwig, hard_events):
    events = hard_events("higgs", 12)
    whole = simulate(herwig(block_events=4), events)
    parts = [
        simulate(herwig(block_events=4, first_event=0), events[:8]),
        simulate(herwig(block_events=4, first_event=8), events[8:]),
    ]
    for column in range(3):
        assert np.array_equal(whole[column], np.concatenate([part[column] for part in parts]))
    assert ak.array_equal(whole[3], ak.concatenate([part[3] for part in parts]))


def test_a_chunk_that_begins_within_a_block_is_refused(herwig, hard_events):
    match = "event 6 is not the first of a block of 4"
    with pytest.raises(ConfigError, match=match):
        herwig(block_events=4, first_event=6)
    with pytest.raises(ConfigError, match=match):
        list(herwig(block_events=4).simulate(hard_events()[6:]))


def test_events_that_were_cut_may_be_missing(herwig, hard_events, recorded):
    events = [event for event in hard_events() if event.index not in (0, 4, 7)]
    indices, seeds, succeeded, particles = simulate(herwig(block_events=6, first_event=0), events)
    assert indices.tolist() == [1, 2, 3, 5, 6, 8, 9, 10, 11]
    assert succeeded.all()
    assert np.array_equal(
        np.unique(seeds), sorted(event_seed(SEED, "higgs", event, "herwig7") for event in (0, 6))
    )
    expected = recorded_in_order(
        [event for place, event in enumerate(recorded("higgs_nominal")) if place in indices]
    )
    assert in_order(particles) == expected


def test_events_out_of_order_are_refused(herwig, hard_events):
    events = hard_events()
    with pytest.raises(ValueError, match="order"):
        list(herwig().simulate([*events[:3], *events[:3]]))


def test_weights_of_the_hard_events_do_not_reach_herwig(herwig, hard_events):
    """Herwig would skip an event of weight 0."""
    events = hard_events("higgs", 3)
    for event, weight in zip(events, (0.0, -2.0, 1e9), strict=True):
        event.record.eventinfo.weight = weight
        event.record.weights["muR=2"] = weight
    assert simulate(herwig(), events)[2].all()


def test_the_card_is_read_once(herwig, hard_events, tmp_path):
    list(herwig().simulate(hard_events("higgs", 2)))
    (run_file,) = (tmp_path / "work").glob("*.run")
    assert run_file.with_suffix(".in").exists()
    before = run_file.stat().st_mtime_ns
    list(herwig(process="qcd").simulate(hard_events("qcd", 2)))
    assert run_file.stat().st_mtime_ns == before
    list(herwig(fsr_scale=0.5).simulate(hard_events("higgs", 2)))
    assert len(list((tmp_path / "work").glob("*.run"))) == 2


# --- events that Herwig drops, repeats, miscounts ----------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "dropped"),
    [
        ("", [3]),
        ("", [0]),
        ("", [11]),
        ("", [0, 1, 2, 10, 11]),
        ("counter", [3]),
        ("counter", [0, 7]),
        ("old", [3, 7]),
    ],
)
def test_dropped_events_keep_their_place(herwig, hard_events, recorded, faults, kind, dropped):
    faults(" ".join([kind, *(f"drop={place}" for place in dropped)]))
    shower = herwig()
    indices, _, succeeded, particles = simulate(shower, hard_events())
    kept = [place for place in range(12) if place not in dropped]
    assert indices.tolist() == list(range(12))
    assert np.flatnonzero(succeeded).tolist() == kept
    assert ak.num(particles)[dropped].tolist() == [0] * len(dropped)
    expected = recorded_in_order(
        [event for place, event in enumerate(recorded("higgs_nominal")) if place in kept]
    )
    assert in_order(particles[kept]) == expected
    assert (shower.tally.events, shower.tally.failed) == (12, len(dropped))
    assert shower.tally.repeats == 0
    assert bool(shower.tally.unnumbered) == bool(kind)


def test_the_reason_for_a_dropped_event_is_kept(herwig, hard_events, faults, tmp_path):
    faults("drop=3")
    list(herwig().simulate(hard_events()))
    (log,) = (tmp_path / "work").glob("*.log")
    assert log.name == "higgs-herwig7-0000000.log"
    text = log.read_text()
    assert "dropped by Herwig: [3]" in text
    assert "Herwig::ExtractionError" in text


def test_a_repeat_in_between_costs_the_event_that_it_stands_for(herwig, hard_events, faults):
    faults("repeat=4")
    shower = herwig()
    succeeded = simulate(shower, hard_events())[2]
    assert np.flatnonzero(~succeeded).tolist() == [11]
    assert shower.tally.repeats == 1


def test_numbers_out_of_step_are_refused(herwig, hard_events, faults):
    faults("shift=5")
    fails(herwig(), hard_events(), r"event 7 \(place 6 of its output\) .* out of step")


def test_the_message_of_two_failures_is_the_recorded_one():
    assert OVERRUN in (DATA / "overrun.stdout.txt").read_text()


# --- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("exit=4", r"ends after 4 events without its closing line|ends within the event at place 4"),
        ("exit=4", r"ended with exit code 3"),
        ("crash=4", r"was ended by SIGSEGV"),
        ("half=4", r"ends within the event at place 5"),
        ("fewer=7", r"wrote 7 events instead of 8, without an error"),
        ("extra=2", r"wrote 10 events instead of 8"),
        ("nan=2", r"event 3 has momenta or vertices that are not finite"),
        ("hole=2", r"event 3 loses .* GeV of four-momentum"),
        ("beams=7000", r"event 1 has beams of \[7000\.0, 7000\.0\] GeV, expected two of 6500 GeV"),
        ("weight=0.5", r"event 1 has the weight 0\.5 instead of 1"),
        ("mev", r"in MEV and MM, expected GEV and MM"),
        ("hepmc3", r"dialect Asciiv3, expected IO_GenEvent"),
        ("mute", r"no HepMC output was written; Herwig ended with exit code 1"),
    ],
)
def test_faults_end_with_a_message_and_leave_nothing_behind(
    herwig, hard_events, faults, scratch, fault, match
):
    faults(fault)
    message = fails(herwig(), hard_events("higgs", 8), match)
    first, *rest = message.splitlines()
    assert first.startswith("higgs, herwig7, events from 0 on: ")
    assert all(line.startswith("  Herwig: ") for line in rest)
    assert list(scratch.iterdir()) == []


def test_the_message_ends_with_herwig_s_last_lines(herwig, hard_events, faults):
    faults("exit=1")
    assert fails(herwig(), hard_events(), "exit code 3").endswith("\n  Herwig: Herwig: told to fail")


@pytest.mark.parametrize("fault", ["stall=3", "silent"])
def test_a_herwig_that_hangs_is_ended_with_all_its_children(
    herwig, hard_events, faults, scratch, tmp_path, monkeypatch, gone, fault
):
    progress = tmp_path / "progress"
    monkeypatch.setenv("STAND_IN_HERWIG_PROGRESS", str(progress))
    faults(fault)
    fails(herwig(time_limit=1), hard_events(), r"hangs: no event for 1 s \(time_limit\)")
    program, child = progress.read_text().splitlines()[-1].split()
    assert gone(int(program))
    assert gone(int(child))
    assert list(scratch.iterdir()) == []


def test_a_refused_card_is_told_before_any_event(herwig, hard_events, tmp_path):
    shower = herwig(card=("set /Herwig/Shower/ShowerHandler:Nonsense 1",))
    message = fails(
        shower, hard_events(), "refuses the card at `set .*Nonsense 1`: The interface .*not found"
    )
    assert "\n" not in message
    assert not list((tmp_path / "work").glob("*.run"))


def test_a_reader_that_stops_early_ends_herwig(
    herwig, hard_events, faults, scratch, tmp_path, monkeypatch, gone
):
    progress = tmp_path / "progress"
    monkeypatch.setenv("STAND_IN_HERWIG_PROGRESS", str(progress))
    faults("stall=6")
    before = children()
    stream = herwig(batch_events=1).simulate(hard_events())
    next(stream)
    stream.close()
    assert list(scratch.iterdir()) == []
    assert all(gone(pid) for pid in children() if pid not in before)


def children():
    """Processes whose parent is this one."""
    return [
        int(status.parent.name) for status in Path("/proc").glob("[0-9]*/stat")
        if status.exists() and status.read_text().rsplit(")", 1)[1].split()[1] == str(os.getpid())
    ]  # fmt: skip


def test_herwig_waits_for_a_slow_reader(herwig, hard_events, tmp_path, monkeypatch):
    progress = tmp_path / "progress"
    monkeypatch.setenv("STAND_IN_HERWIG_PROGRESS", str(progress))
    stream = herwig(batch_events=1, time_limit=1).simulate(hard_events())
    next(stream)
    time.sleep(1.5)  # longer than the time limit, which is Herwig's and not the reader's
    # What was not read fits into the pipe and what was read of it: less than two times six events of 180 kB.
    assert len(progress.read_text().splitlines()) < 12
    assert sum(1 for _ in stream) == 11


def test_the_hard_events_are_not_kept_beyond_their_block(herwig, hard_events):
    """Blocks are taken from the source one by one."""
    taken = []

    def source():
        for event in hard_events():
            taken.append(event.index)
            yield replace(event)

    stream = herwig(block_events=3, batch_events=3).simulate(source())
    next(stream)
    assert max(taken) <= 3
    stream.close()
