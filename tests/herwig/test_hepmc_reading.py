import io
from itertools import pairwise

import awkward as ak
import numpy as np
import pyhepmc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.campaign.errors import ShowerError
from jetresim.showers.hepmc import final_particles, read_events, to_awkward
from jetresim.showers.protocol import PARTICLE_FIELDS

SHORT_END = len("HepMC::IO_GenEvent-END_EVENT_LISTING")


def small_stream(events: int = 3) -> bytes:
    """Two beams → a decayed and two final particles, one of them displaced."""
    text = io.BytesIO()
    with pyhepmc.open(text, "w", format="HepMC2", precision=12) as writer:
        for number in range(events):
            event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
            event.event_number = number
            beams = [pyhepmc.GenParticle((0, 0, sign * 10.0, 10.0), 2212, 4) for sign in (1, -1)]
            decayed = pyhepmc.GenParticle((1.0, 2.0, 3.0, 12.0), 310, 2)
            final = [pyhepmc.GenParticle((0.5 * k, 1.0, 1.5, 4.0 + number), 211 * k, 1) for k in (1, -1)]
            other = pyhepmc.GenParticle((-1.0, -2.0, -3.0, 8.0), 22, 1)
            primary, secondary = pyhepmc.GenVertex(), pyhepmc.GenVertex((0.1, 0.2, 0.3, 0.4 + number))
            for beam in beams:
                primary.add_particle_in(beam)
            primary.add_particle_out(decayed)
            primary.add_particle_out(other)
            secondary.add_particle_in(decayed)
            for particle in final:
                secondary.add_particle_out(particle)
            event.add_vertex(primary)
            event.add_vertex(secondary)
            event.weights = [2.5]
            writer.write(event)
    return text.getvalue()


STREAM = small_stream()


def test_an_event_is_read_with_its_vertices_and_weight():
    event = next(read_events([STREAM]))
    particles = final_particles(event)
    assert (event.number, event.weight) == (0, 2.5)
    assert sorted(particles["pdgid"].tolist()) == [-211, 22, 211]
    displaced = np.abs(particles["pdgid"]) == 211
    assert np.array_equal(
        np.stack([particles[name] for name in "xyzt"])[:, displaced].T, [[0.1, 0.2, 0.3, 0.4]] * 2
    )
    assert np.array_equal(particles["t"][~displaced], [0.0])
    assert event.beam_energies.tolist() == [10.0, 10.0]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_the_cuts_between_chunks_do_not_matter(cuts):
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:stop] for start, stop in pairwise(places)]
    events = list(read_events(chunks))
    assert [event.number for event in events] == [0, 1, 2]
    assert all(len(event.final) == 3 for event in events)


@given(st.integers(0, STREAM.rindex(b"HepMC::") + SHORT_END - 1))
def test_a_stream_that_is_cut_off_anywhere_is_refused(stop):
    with pytest.raises(ShowerError):
        list(read_events([STREAM[:stop]]))


def test_the_message_tells_where_the_stream_ends():
    with pytest.raises(ShowerError, match="ends within the event at place 3"):
        list(read_events([STREAM[: STREAM.rindex(b"\nE ") + 100]]))
    with pytest.raises(ShowerError, match="no HepMC output was written"):
        list(read_events([]))


def test_the_dialect_of_hepmc_3_is_refused_by_name():
    text = b"HepMC::Version 3.02.07\nHepMC::Asciiv3-START_EVENT_LISTING\nE 1 2 3\n"
    with pytest.raises(ShowerError, match="dialect Asciiv3, expected IO_GenEvent"):
        list(read_events([text]))


def test_other_units_are_refused():
    with pytest.raises(ShowerError, match="MEV and MM, expected GEV and MM"):
        list(read_events([STREAM.replace(b"U GEV MM", b"U MEV MM")]))


def test_a_damaged_event_is_refused():
    start = STREAM.index(b"\nV ")
    damaged = STREAM[:start] + STREAM[STREAM.index(b"\n", start + 1) :]
    with pytest.raises(ShowerError, match="place 1 is damaged"):
        list(read_events([damaged]))


def test_foreign_text_is_refused():
    with pytest.raises(ShowerError, match="not a HepMC 2 event: 'hello"):
        list(read_events([b"hello\n", STREAM]))


def test_recorded_particles_are_those_that_pyhepmc_sees_one_by_one(recorded, recorded_text):
    for ours, theirs in zip(read_events([recorded_text("qcd_fsr2")]), recorded("qcd_fsr2"), strict=True):
        finals = [particle for particle in theirs.particles if particle.status == 1]
        expected = [(one.pid, *one.momentum, *one.production_vertex.position) for one in finals]
        particles = final_particles(ours)
        columns = [particles[name].tolist() for name in PARTICLE_FIELDS]
        assert sorted(zip(*columns, strict=True)) == sorted(expected)  # pyhepmc has an order of its own


def test_joined_particles_keep_empty_places_and_types():
    event = final_particles(next(read_events([STREAM])))
    joined = to_awkward([None, event, None])
    assert ak.num(joined).tolist() == [0, 3, 0]
    assert joined.fields == list(PARTICLE_FIELDS)
    assert str(ak.type(joined["pdgid"])) == "3 * var * int32"
    assert str(ak.type(joined["t"])) == "3 * var * float64"
    assert ak.type(to_awkward([None])) == ak.type(joined[:1])
