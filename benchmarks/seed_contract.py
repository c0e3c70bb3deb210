"""Which of Pythia's settings make an event depend on its neighbours: the table of `campaign.seed_contract`.

``python -m benchmarks.seed_contract`` makes ``campaign/seed_contract.csv`` anew, in about an hour of CPU;
with names of settings it prints what becomes of these. Every flag is given its other value, and every mode
all its other values (`_mode_values`), as a configuration would. A Pythia is initialized once for each, and
copies of its process simulate ten events alone, in order and reversed, and a hundred in showers, where some
settings change one event in 25. What chooses or shapes a hard process (`_HARD_GROUPS`) is tried there;
everything else in showers, and in hard processes too, where only the first of each order is alone. Settings
that no configuration may set are left out. One that acts only together with another is tried with that one,
see `_CONTEXTS`.
"""

import csv
import hashlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from functools import cache, partial
from itertools import islice, product
from typing import Any

import pythia8mc

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.files import atomic_path
from jetresim.campaign.reserved import RESERVED, RESERVED_GROUPS
from jetresim.campaign.seed_contract import CANNOT_BE_RUN, DIFFERS, TABLE
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.pythia_setup import make_pythia
from jetresim.generators.survey import Survey
from jetresim.showers.pythia8 import Pythia8Shower

EVENTS = 100
"""Events that are showered in order and reversed; ten for `_TEN` groups."""

ALONE = 10
"""Events that are simulated alone, and hard processes in order and reversed."""

_CPU_SECONDS = 60
_WALL_SECONDS = 300
_MOST_VALUES = 12
_SURVEY = Survey(cross_section=1.0, cross_section_error=0.1)
_SHOWERED = {"qcd": 4, "higgs": 3, "top": 3}  # of ten
_PROCESSES: dict[str, Any] = {
    **{name: {"cuts": {"pt_min": 300}} for name in _SHOWERED},
    "mixed": {
        "settings": {
            "HiggsSM:ffbar2HZ": True,
            "WeakBosonAndParton:qqbar2gmZg": True,
            "WeakBosonAndParton:qg2gmZq": True,
        },
        "targets": ["parton"],
        "cuts": {"pt_min": 300},
    },
}

_WITHOUT_MPI: dict[str, Any] = {"PartonLevel:MPI": False}

_CONTEXTS: dict[str, list[dict[str, Any]]] = {
    "Beams": [{f"Beams:sigma{each}": 1.0 for each in ("VertexX", "VertexZ", "Time", "PxA", "PyB", "PzB")}],
    "BoseEinstein": [{"HadronLevel:BoseEinstein": True}],
    "ColourReconnection": [{}, {"ColourReconnection:mode": 1}],
    "DeuteronProduction": [{"HadronLevel:DeuteronProduction": True}],
    "HadronLevel:Rescatter": [{"Fragmentation:setVertices": True, **_WITHOUT_MPI}],
    "HadronVertex": [{"Fragmentation:setVertices": True}],
    "HiddenValley": [
        {},
        {"HiddenValley:FSR": True, "HiddenValley:fragment": True},
    ],
    "OniaShower": [{"OniaShower:all": True, **_WITHOUT_MPI}],
    "Ropewalk": [{"Ropewalk:RopeHadronization": True}],
    "SecondHard:generate": [{"SecondHard:TwoJets": True}],
    "UncertaintyBands": [{"UncertaintyBands:doVariations": True}],
    "Vincia": [{"PartonShowers:model": 2, **_WITHOUT_MPI}],
    "WeakShower": [{"TimeShower:weakShower": True, "SpaceShower:weakShower": True}],
}
"""What must be set for the settings of a group, or for one setting, to act at all.

None of these breaks the contract itself. What acts only with a setting that does needs no context.
"""

_HARD_GROUPS = frozenset(
    {
        *("Bottomonium", "Charmonium", "ContactInteractions", "DM", "ExcitedFermion", "ExtraDimensionsG*"),
        *("ExtraDimensionsLED", "ExtraDimensionsTEV", "ExtraDimensionsUnpart", "FourthBottom", "FourthPair"),
        *("FourthTop", "HardQCD", "Higgs", "HiggsA3", "HiggsBSM", "HiggsH1", "HiggsH2", "HiggsSM"),
        *("LeftRightSymmmetry", "LeptoQuark", "NewGaugeBoson", "Onia", "PhotonCollision", "PhotonParton"),
        *("PromptPhoton", "SLHA", "SUSY", "SUSYResonance", "SigmaProcess", "SoftQCD", "Top", "TopThreshold"),
        *("WeakBosonAndParton", "WeakBosonExchange", "WeakDoubleBoson", "WeakSingleBoson", "WeakZ0"),
        *("Zp", "Zprime"),
    }
)
"""Groups that choose and shape hard processes, and do nothing in a shower."""

_TEN = frozenset(
    {
        *("Alpgen", "Angantyr", "Check", "Diffraction", "Enhancements", "HIBeamRemnants", "HIDiffraction"),
        *("HILHAPDF", "HIMultipartonInteractions", "HIPDF", "HISigmaDiffractive", "HeavyIon", "HeavyIonA"),
        *("HeavyIonB", "HiddenValley", "LHAPDF", "LowEnergyQCD", "PDF", "PDFinProcess", "PartonShowers"),
        *("RHadrons", "SecondHard", "SigmaDiffractive", "SigmaElastic", "SigmaTotal", "Tune", "Vincia"),
    }
)
"""Groups of which ten events are enough: slow ones, and those without a step of their own in a shower."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A setting that is not as it should be.

    Attributes
    ----------
    name : str
        In Pythia's spelling.
    value : str
        As Pythia reads it.
    stage : str
        ``shower`` or ``hard process``.
    outcome : str
        `DIFFERS` or `CANNOT_BE_RUN`.
    events : int
        How many of them are different alone, in order and reversed.
    """

    name: str
    value: str
    stage: str
    outcome: str
    events: int


Case = tuple[str, Any, dict[str, Any]]
"""Name of a setting, its value, and what must be set with it."""


def small_campaign(settings: dict[str, Any]) -> Campaign:
    """The campaign whose settings are tried."""
    content = {
        "name": "seed_contract",
        "seed": 1,
        "events": EVENTS,
        "processes": _PROCESSES,
        "augmentations": ["nominal"],
        "settings": settings,
    }
    return parse(content, "seed_contract")


def all_cases() -> Iterator[Case]:
    """Every value of every flag and mode that a configuration may set, other than what the tune has."""
    campaign = small_campaign({})
    settings = make_pythia(campaign.shower_settings("qcd", "nominal"), campaign, {}).settings
    reserved = {name.lower() for name in RESERVED}
    groups = {name.lower() for name in RESERVED_GROUPS}
    entries = {**settings.getFlagMap(""), **settings.getModeMap("")}
    for key, entry in sorted(entries.items()):
        if key in reserved or key.split(":")[0] in groups:
            continue
        flag = settings.isFlag(entry.name)
        values = [not settings.flag(entry.name)] if flag else _mode_values(entry, settings.mode(entry.name))
        group = entry.name.split(":")[0]
        contexts = _CONTEXTS.get(entry.name, _CONTEXTS.get(group, [{}]))
        yield from ((entry.name, value, context) for value, context in product(values, contexts))


def _mode_values(entry: pythia8mc.Mode, now: int) -> list[int]:
    """All values that are allowed; in a long or open range its ends, the neighbours and the double."""
    low, high = (entry.valMin if entry.hasMin else min(0, now - 1)), (entry.valMax if entry.hasMax else None)
    short = high is not None and high - low < _MOST_VALUES
    if short or entry.name.startswith("Tune:"):
        found = set(range(low, high + 1))
    else:
        asked = {low, now - 1, now + 1, 2 * now, low if high is None else high}
        found = {value for value in asked if value >= low and (high is None or value <= high)}
    return sorted(found - {now})


def findings(case: Case) -> list[Finding]:
    """Try a value of a setting in both of Pythia's stages."""
    name, value, context = case
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    found = []
    hard = name.split(":")[0] in _HARD_GROUPS
    stages = (("shower", _shower_digests), ("hard process", _hard_digests))
    for stage, digests in stages[hard:]:
        few = stage == "hard process" or name.split(":")[0] in _TEN
        events, alone = (ALONE if few else EVENTS), (ALONE if hard or stage == "shower" else 0)
        differing = in_copy(partial(_differences, digests, {**context, name: value}, events, alone))
        if differing is None:
            found.append(Finding(name, text, stage, CANNOT_BE_RUN, 0))
        elif differing:
            found.append(Finding(name, text, stage, DIFFERS, differing))
    return found


def in_copy(function: Callable[[], Any]) -> Any:
    """Result of a function that runs in a copy of this process, as JSON; None where that ends without one.

    Pythia can end the process, or not end at all. Neither stops the scan.
    """
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.close(read)
            _limit()
            os.write(write, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def _limit() -> None:
    """Bound the time of this process and silence what Pythia says in spite of its settings."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(_WALL_SECONDS)
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)


@cache
def hard_events() -> list[HardEvent]:
    """The events that are showered, numbered from 0; every ten of them have all processes."""
    campaign = small_campaign({})
    tens = EVENTS // 10
    made = {
        process: Pythia8Generator(campaign, process).events(range(number * tens), _SURVEY)
        for process, number in _SHOWERED.items()
    }
    records = [
        event.record
        for _ in range(tens)
        for process, number in _SHOWERED.items()
        for event in islice(made[process], number)
    ]
    return [HardEvent(index, record) for index, record in enumerate(records)]


Digests = Callable[[Sequence[int]], dict[str, str]]
"""Events at some places, simulated in this order, to their digests."""


def _shower_digests(settings: dict[str, Any]) -> Digests:
    shower = Pythia8Shower(small_campaign(settings), "qcd", "nominal")

    def digests(places: Sequence[int]) -> dict[str, str]:
        batch = shower.shower([hard_events()[place] for place in places])
        particles = [[row[name].to_numpy().tobytes() for name in row.fields] for row in batch.particles]
        return {str(event): _digest(row) for event, row in zip(batch.events, particles, strict=True)}

    return digests


class _Initialized(Pythia8Generator):
    """A generator that is initialized once, so that a copy of the process has the same Pythia."""

    @cache  # noqa: B019 (lives as long as its process)
    def _start(self) -> pythia8mc.Pythia:
        return super()._start()


def _hard_digests(settings: dict[str, Any]) -> Digests:
    generator = _Initialized(small_campaign(settings), "mixed")
    generator._start()

    def digests(places: Sequence[int]) -> dict[str, str]:
        step = places[1] - places[0] if len(places) > 1 else 1
        events = generator.events(range(places[0], places[-1] + step, step), _SURVEY)
        return {str(event.index): _digest([repr(event.record).encode()]) for event in events}

    return digests


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()


def _differences(
    initialize: Callable[[dict[str, Any]], Digests], settings: dict[str, Any], events: int, alone: int
) -> int | None:
    """Events that are different alone, in order and reversed; None where they cannot be made."""
    digests = initialize(settings)
    places = range(events)
    found = [in_copy(partial(digests, order)) for order in (places, places[::-1])]
    if None not in found:
        found += [in_copy(partial(digests, [place])) for place in places[:alone]]
    if None in found:
        return None
    return sum(len({each[str(place)] for each in found if str(place) in each}) > 1 for place in places)


def scan(cases: Iterable[Case]) -> Iterator[tuple[Case, list[Finding]]]:
    """Try many settings, on all cores that this process may use."""
    hard_events()
    workers = len(os.sched_getaffinity(0))
    cases = iter(cases)
    with ProcessPoolExecutor(workers) as pool:
        while part := list(islice(cases, 20 * workers)):
            yield from zip(part, pool.map(findings, part), strict=True)


def write_table(found: Iterable[Finding]) -> None:
    """Write ``campaign/seed_contract.csv``; of several findings about one value the worst is kept."""
    worst: dict[tuple[str, str, str], Finding] = {}
    for each in found:
        key = (each.name, each.value, each.stage)
        worst[key] = max(worst.get(key, each), each, key=lambda one: (one.outcome == DIFFERS, one.events))
    with atomic_path(TABLE) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Finding))
        table.writerows(astuple(each) for each in sorted(worst.values()))


def main(names: Sequence[str]) -> None:
    """Scan everything into the table, or some settings to the terminal."""
    asked = {name.lower() for name in names}
    cases = [case for case in all_cases() if not asked or case[0].lower() in asked]
    found = []
    for number, (case, new) in enumerate(scan(cases), 1):
        found += new
        for each in new:
            print(f"{number}/{len(cases)}", *astuple(each), f"with {case[2]}" if case[2] else "", flush=True)
    if not asked:
        write_table(found)


if __name__ == "__main__":
    main(sys.argv[1:])
