"""Stands for a detector simulation of your own: whole events as HepMC3 in, candidates as ROOT out.

It simulates with the built-in detector of this package, so that what comes back can be compared with what the
package makes by itself: ``python examples/external_detector.py EVENTS.hepmc3.gz CANDIDATES.root --seed 1``.
"""

import argparse
import gzip
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import awkward as ak
import numpy as np
import pyhepmc
import uproot

from jetresim.campaign.detector import DetectorOptions
from jetresim.campaign.files import scratch_path
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.showers.protocol import PARTICLE_FIELDS, ParticleBatch

IDENTITY = ("process", "realization", "digest")
BATCH = 100
FINAL = 1
KINDS = {"event": "int64"} | dict.fromkeys(IDENTITY, "string")
KINDS |= dict.fromkeys(CANDIDATE_FIELDS, "var * float64") | {"pdgid": "var * int32", "charge": "var * int8"}
"""Branches of the tree."""


def simulate(events: Path, output: Path, seed: int, detector: DetectorOptions) -> None:
    """Simulate all events of a file.

    Parameters
    ----------
    events : Path
        HepMC3, gzipped, as `full_events` writes it.
    output : Path
        ROOT file with a tree ``events``.
    seed : int
        Of the campaign.
    detector : DetectorOptions
    """
    with (
        gzip.open(events, "rb") as packed,
        pyhepmc.open(packed) as source,
        scratch_path(output) as temporary,
        uproot.recreate(temporary) as sink,
    ):
        sink.mktree("events", KINDS)
        while some := list(islice(source, BATCH)):
            sink["events"].extend(_rows(some, seed, detector))


def _rows(events: Sequence[pyhepmc.GenEvent], seed: int, detector: DetectorOptions) -> dict[str, ak.Array]:
    identity = {name: [_attribute(event, name) for event in events] for name in IDENTITY}
    numbers = np.array([event.event_number for event in events], dtype=np.int64)
    seeds = np.array([int(_attribute(event, "seed")) for event in events], dtype=np.int64)
    particles = ak.unflatten(
        ak.zip(_columns(events)), [sum(each.status == FINAL for each in event.particles) for event in events]
    )
    batch = ParticleBatch(numbers, seeds, np.ones(len(events), dtype=bool), particles)
    found = ParametrizedDetector(seed, identity["realization"][0], detector).candidates(batch)
    return {"event": numbers, **{name: ak.Array(texts) for name, texts in identity.items()}} | {
        name: found[name] for name in CANDIDATE_FIELDS
    }


def _columns(events: Iterable[pyhepmc.GenEvent]) -> dict[str, np.ndarray]:
    """Final particles in their order, which the random numbers of the detector follow."""
    values = np.array([row for event in events for row in _final_state(event)], dtype=np.float64)
    columns = dict(zip(PARTICLE_FIELDS, values.reshape(-1, len(PARTICLE_FIELDS)).T, strict=True))
    return columns | {"pdgid": columns["pdgid"].astype(np.int32)}


def _final_state(event: pyhepmc.GenEvent) -> Iterator[tuple[float, ...]]:
    for particle in event.particles:
        if particle.status == FINAL:
            yield particle.pid, *particle.momentum, *particle.production_vertex.position


def _attribute(event: pyhepmc.GenEvent, name: str) -> str:
    return str(event.attributes[name].astype(str))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--detector", default="cms_phase2", help="cms_phase2 or atlas")
    asked = parser.parse_args()
    if not asked.events.is_file():
        parser.error(f"{asked.events}: does not exist; `full_events` of a campaign makes such files")
    simulate(asked.events, asked.output, asked.seed, DetectorOptions(name=asked.detector))
