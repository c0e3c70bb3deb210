"""Hard events from Pythia 8's own processes, each a function of its seed alone."""

import math
from collections import Counter
from collections.abc import Iterator

import pylhe
import pythia8mc

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import HardEventError
from jetresim.campaign.seeds import HARD_PROCESS, event_seed
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_init import unweighted_init
from jetresim.generators.pythia_setup import failure_reason, make_pythia
from jetresim.generators.survey import Survey
from jetresim.generators.targets import final_state, find_targets, no_targets, passes_cuts

__all__ = ["Pythia8Generator"]

SURVEY_EVENTS = 20_000
"""Accepted events that measure the cross-section: about 0.5% error at the acceptances seen."""

CHECKED_EVENTS = 1000
"""Events in which a process must have shown a target before anything runs."""

MAX_TRIALS = 10_000
"""Trials for one event before the process is given up as impossible."""

PROCESS_ID = 9999
"""LPRUP of the events: Pythia mixes its subprocesses within one process of the campaign."""

LHAPDF_IDS = {"13": 247000, "20": 325100}
"""PDF:pSet to LHAPDF number: NNPDF23_lo_as_0130_qed, NNPDF31_nnlo_as_0118_luxqed; others are written as 0."""

_PICOBARN = 1e9  # Pythia's cross-sections are in mb
_INCOMING, _FINAL, _INTERMEDIATE = -1, 1, 2
_FIRST = 3  # entries 0-2 of Pythia's record are the system and the beams
_UNKNOWN_SPIN = 9.0


class Pythia8Generator:
    """Generator `pythia8`: the hard process and its resonance decays.

    Parameters
    ----------
    campaign : Campaign
    process : str
        Name of the process.
    """

    def __init__(self, campaign: Campaign, process: str) -> None:
        self._campaign = campaign
        self._name = process
        self._process = campaign.process(process)

    def check(self) -> None:
        """Initialize Pythia and generate events until one has what the process is for.

        Raises
        ------
        HardEventError
            Pythia refuses the settings, or none of `CHECKED_EVENTS` events has a target within the cuts.
        """
        cuts = self._process.cuts
        pts: list[float] = []
        for event in self._generate(range(CHECKED_EVENTS), 1.0):
            targets = find_targets(event.record, self._process.targets)
            if targets and passes_cuts(targets, cuts):
                return
            pts += [target.parton.pt for target in targets]
        found = f"the highest pT of one is {max(pts):.4g} GeV" if pts else "there is none"
        raise HardEventError(
            f"process {self._name}: none of {CHECKED_EVENTS} events has a target within the cuts ({found}); "
            "expected `settings` and decay channels that make the `targets`, and a process of two or more "
            f"outgoing particles for the pT of `cuts` ({cuts.pt_min:g} GeV)"
        )

    def survey(self) -> Survey:
        """Measure the cross-section with `SURVEY_EVENTS` events of a stream of their own.

        It must not be estimated from the events of a campaign: their number may grow, and the
        weights of those that exist must not change.
        """
        pythia = self._start()
        pythia.rndm.init(event_seed(self._campaign.seed, self._name, 0, "survey of the hard process"))
        accepted, without = 0, Counter[tuple[int, ...]]()
        for tried in range(SURVEY_EVENTS):
            if not pythia.next():
                raise HardEventError(
                    f"process {self._name}: Pythia cannot generate events; check its settings"
                )
            record = _record(pythia, 1.0)
            accepted += self._wanted(record)
            if without.total() == tried and not find_targets(record, self._process.targets):
                without[final_state(record)] += 1
        if not accepted:
            raise HardEventError(
                f"process {self._name}: none of {SURVEY_EVENTS} events has {self._process.require_targets} "
                "target(s); check `targets` and the decay channels in `settings`"
            )
        if without.total() == SURVEY_EVENTS:
            raise HardEventError(
                f"{no_targets(self._name, self._process.targets, without)}; check `targets` and the decay "
                "channels in `settings`"
            )
        info = pythia.infoPython()
        fraction = accepted / SURVEY_EVENTS
        relative = math.hypot(info.sigmaErr() / info.sigmaGen(), math.sqrt((1 - fraction) / accepted))
        cross_section = info.sigmaGen() * _PICOBARN * fraction
        return Survey(cross_section=cross_section, cross_section_error=cross_section * relative)

    def init(self, survey: Survey) -> pylhe.LHEInit:
        """The ``<init>`` block: beams, PDF set, cross-section [pb] and its error."""
        settings = self._start().settings
        pdf = LHAPDF_IDS.get(settings.word("PDF:pSet"), 0)
        version = f"{settings.parm('Pythia:versionNumber'):.3f}"
        pythia = pylhe.LHEGenerator("Pythia 8", version, "arXiv:2203.11601")
        return unweighted_init(self._campaign.beams, survey, PROCESS_ID, [pythia], (pdf, pdf))

    def header(self) -> pylhe.LHEHeader | None:
        """Generated events need no header."""
        return None

    def events(self, events: range, survey: Survey) -> Iterator[HardEvent]:
        """Generate hard events.

        Parameters
        ----------
        events : range
            Event indices.
        survey : Survey
            Gives each event the weight cross-section [pb].
        """
        yield from self._generate(events, survey.cross_section)

    def _generate(self, events: range, weight: float) -> Iterator[HardEvent]:
        pythia = self._start()
        for index in events:
            pythia.rndm.init(event_seed(self._campaign.seed, self._name, index, HARD_PROCESS))
            yield HardEvent(index, self._next_wanted(pythia, index, weight))

    def _next_wanted(self, pythia: pythia8mc.Pythia, index: int, weight: float) -> pylhe.LHEEvent:
        for _ in range(MAX_TRIALS):
            if pythia.next() and self._wanted(record := _record(pythia, weight)):
                return record
        raise HardEventError(f"process {self._name}, event {index}: no event in {MAX_TRIALS} trials")

    def _wanted(self, record: pylhe.LHEEvent) -> bool:
        required = self._process.require_targets
        return required is None or len(find_targets(record, self._process.targets)) == required

    def _start(self) -> pythia8mc.Pythia:
        cuts = self._process.cuts
        stage = {
            "PartonLevel:all": False,
            "PhaseSpace:pTHatMin": cuts.pt_min,
            "PhaseSpace:pTHatMax": -1.0 if cuts.pt_max is None else cuts.pt_max,
        }
        settings = self._campaign.hard_settings(self._name)
        pythia = make_pythia(settings, self._campaign, stage)
        if not pythia.init():
            reason = failure_reason(settings, self._campaign, stage)
            raise HardEventError(f"process {self._name}: Pythia cannot be initialized: {reason}")
        return pythia


def _record(pythia: pythia8mc.Pythia, weight: float) -> pylhe.LHEEvent:
    """The event in Pythia's process record as a Les Houches event of a given weight [pb]."""
    info = pythia.infoPython()
    entries = [pythia.process[place] for place in range(_FIRST, pythia.process.size())]
    return pylhe.LHEEvent(
        eventinfo=pylhe.LHEEventInfo(
            nparticles=len(entries),
            pid=PROCESS_ID,
            weight=weight,
            scale=info.QFac(),
            aqed=info.alphaEM(),
            aqcd=info.alphaS(),
        ),
        particles=[_particle(entry) for entry in entries],
        optional=[
            f"#pdf {info.id1()} {info.id2()} {info.x1()!r} {info.x2()!r} {info.QFac()!r} "
            f"{info.pdf1()!r} {info.pdf2()!r}"
        ],
    )


def _particle(entry: pythia8mc.Particle) -> pylhe.LHEParticle:
    status = _INCOMING if entry.status() == -21 else _FINAL if entry.status() > 0 else _INTERMEDIATE
    mothers = (0, 0) if status == _INCOMING else _mothers(entry)
    return pylhe.LHEParticle(
        entry.id(), status, *mothers, entry.col(), entry.acol(),
        entry.px(), entry.py(), entry.pz(), entry.e(), entry.m(), 0.0, _UNKNOWN_SPIN,
    )  # fmt: skip


def _mothers(entry: pythia8mc.Particle) -> tuple[int, int]:
    """Mothers counted from 1 as in LHE; a decay product names its one mother twice."""
    first, second = (max(mother - _FIRST + 1, 0) for mother in (entry.mother1(), entry.mother2()))
    return first, second or first
