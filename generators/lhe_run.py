"""One full reading of a Les Houches event file: what a survey needs to know of it."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pylhe

from jetresim.campaign.config import Campaign, Process
from jetresim.campaign.errors import HardEventError
from jetresim.generators.decays import ResonanceDecays
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import LHESource, PrintedDigits, open_lhe
from jetresim.generators.targets import final_state, find_targets, passes_cuts

__all__ = ["NLO_REMARK", "OLD_WEIGHT_REMARK", "WEIGHTS_IN_PB", "Run", "read_run", "refuse_other_kind"]

WEIGHTS_IN_PB = (1, 4)
"""|IDWTUP| for which XWGTUP is in pb and its mean is the cross-section, hep-ph/0109068."""

NLO_REMARK = "#aMCatNLO"
"""Remark of a run whose events are of next-to-leading order."""
OLD_WEIGHT_REMARK = "#new weight"
"""How POWHEG named its weights before ``<rwgt>``."""

_BEAM_ENERGY_TOLERANCE = 1e-5  # POWHEG writes six digits
_DECAYING = frozenset({6, 23, 24, 25})


@dataclass(slots=True)
class Run:
    """What one full reading of a file finds.

    Attributes
    ----------
    path : Path
    init : pylhe.LHEInit
    banner : str
        Everything before ``<init>``.
    declared : dict
        Weight id to its text in ``<initrwgt>``.
    events, negative_weights, failed_cuts, without_target : int
        Numbers of events.
    first : pylhe.LHEEvent or None
        The first event.
    trials : float
        Sum of the trials that the events took; their number where the file does not say.
    weight_sums, square_sums : dict
        Sums of XWGTUP and of its square, for each process number.
    open_sums, max_weights : dict
        Sum and largest absolute value of XWGTUP times the fraction of the event's decays that are open,
        for each process number.
    largest_weight : float
        Largest absolute value of XWGTUP.
    open_squares : float
        Sum of the squares of the same, of all events.
    weight_uses : Counter
        Number of events that have each named weight.
    lowest_pt : float
        Lowest target pT [GeV], infinite if there is none.
    undecayed : Counter
        Number of events with a resonance that is decayed here, by absolute PDG id.
    kept_stable : Counter
        Number of events with a final t, Z, W or H that is not decayed here, by absolute PDG id.
    final_states : Counter
        Number of events without target, by the sorted PDG ids of their final particles.
    remarks : set of str
        Which of the known lines that begin with # occur.
    clustered : bool
        Whether events carry clustering scales.
    digits : PrintedDigits
        How precisely the file prints its weights and cross-section.
    """

    path: Path
    init: pylhe.LHEInit
    banner: str
    declared: dict[str, str]
    events: int = 0
    first: pylhe.LHEEvent | None = None
    max_weights: dict[int, float] = field(default_factory=dict)
    weight_sums: dict[int, float] = field(default_factory=dict)
    square_sums: dict[int, float] = field(default_factory=dict)
    open_sums: dict[int, float] = field(default_factory=dict)
    largest_weight: float = 0.0
    open_squares: float = 0.0
    trials: float = 0.0
    negative_weights: int = 0
    weight_uses: Counter[str] = field(default_factory=Counter)
    failed_cuts: int = 0
    without_target: int = 0
    lowest_pt: float = math.inf
    undecayed: Counter[int] = field(default_factory=Counter)
    kept_stable: Counter[int] = field(default_factory=Counter)
    final_states: Counter[tuple[int, ...]] = field(default_factory=Counter)
    remarks: set[str] = field(default_factory=set)
    clustered: bool = False
    digits: PrintedDigits = field(default_factory=PrintedDigits)

    @property
    def strategy(self) -> int:
        """|IDWTUP|."""
        return abs(self.init.initInfo.weightingStrategy)

    @property
    def listed_cross_section(self) -> float:
        """Sum of XSECUP [pb]."""
        return math.fsum(line.xSection for line in self.init.procInfo)

    @property
    def listed_error(self) -> float:
        """Its error [pb], that of independent XERRUP."""
        return math.hypot(*(line.error for line in self.init.procInfo))

    @property
    def lists_cross_section(self) -> bool:
        """Whether XSECUP can be the cross-section; some programs leave it 0 or -1 beside weights in pb."""
        return self.listed_cross_section * self.mean_weight > 0

    @property
    def mean_weight(self) -> float:
        """Mean XWGTUP."""
        return math.fsum(self.weight_sums.values()) / self.events

    @property
    def open_sum(self) -> float:
        """Sum of XWGTUP times the fraction of the event's decays that are open."""
        return math.fsum(self.open_sums.values())

    @property
    def mean_weight_error(self) -> float:
        """Standard error of the mean XWGTUP."""
        return self._mean_error(math.fsum(self.square_sums.values()), self.mean_weight)

    @property
    def printed_precision(self) -> float:
        """Relative difference of mean weight and cross-section that their printed digits allow."""
        mean = abs(self.mean_weight)
        weight = self.digits.weights / self.events / mean if mean else 0.0
        if not self.lists_cross_section:
            return weight
        return weight + self.digits.cross_section / abs(self.listed_cross_section)

    @property
    def weight_factor(self) -> float:
        """What XWGTUP is multiplied with to be in pb, see `generators.lhe.LHEFiles`."""
        if self.strategy in WEIGHTS_IN_PB:
            return self.events / self.trials
        return self.listed_cross_section / self.mean_weight

    @property
    def cross_section_error(self) -> float:
        """Standard error of the cross-section [pb], of all its lines together."""
        if not self.lists_cross_section:
            left = self.open_sum / math.fsum(self.weight_sums.values())
            return abs(self.mean_weight_error * self.weight_factor * left)
        return math.hypot(*(self.line_cross_section(line)[1] for line in self.init.procInfo))

    def line_cross_section(self, line: pylhe.LHEProcInfo) -> tuple[float, float]:
        """Cross-section of a process number and its standard error [pb].

        The weights' own where ``<init>`` lists none; multiplied with what is left of it where decay
        channels are closed.
        """
        weights = self.weight_sums.get(line.procId, 0.0)
        left = self.open_sums[line.procId] / weights if weights else 1.0
        if self.lists_cross_section:
            return line.xSection * left, abs(line.error) * left
        mean = weights / self.events
        error = self._mean_error(self.square_sums.get(line.procId, 0.0), mean)
        return mean * self.weight_factor * left, error * self.weight_factor * left

    def _mean_error(self, squares: float, mean: float) -> float:
        return math.sqrt(max(squares / self.events - mean**2, 0.0) / self.events)

    @property
    def names(self) -> dict[str, str]:
        """Weight ids that occur in events, first those of ``<initrwgt>`` in its order."""
        known = {name: text for name, text in self.declared.items() if name in self.weight_uses}
        return known | {name: "" for name in self.weight_uses if name not in known}


def read_run(path: Path, campaign: Campaign, process: Process, decays: ResonanceDecays, first: int) -> Run:
    """Read a file from end to end.

    Parameters
    ----------
    path : Path
    campaign : Campaign
    process : Process
    decays : ResonanceDecays
    first : int
        Index of its first event.

    Raises
    ------
    HardEventError
        The file is damaged, for other beams, or its weights cannot be normalized.
    """
    with open_lhe(path) as source:
        _refuse_other_beams(source, campaign)
        declared = {} if source.header is None else source.header.initrwgt.weights_by_id()
        names = {name: weight.name for name, weight in declared.items()}
        run = Run(path, source.init, source.banner, names, digits=source.digits)
        if run.strategy not in (1, 2, 3, 4):
            raise HardEventError(
                f"{path}: IDWTUP is {source.init.initInfo.weightingStrategy}, must be ±1 to ±4"
            )
        for index, record in enumerate(source.events, start=first):
            _count_event(run, HardEvent(index, record), process, decays)
    if run.strategy not in WEIGHTS_IN_PB:
        _refuse_unusable_normalization(run)
    if not 0 < run.trials < math.inf:
        raise HardEventError(f"{path}: its events took {run.trials:g} trials, expected 1 or more each")
    return run


def _count_event(run: Run, event: HardEvent, process: Process, decays: ResonanceDecays) -> None:
    record, decayed = event.record, decays(event).record
    run.first = run.first or record
    run.events += 1
    _count_weights(run, record, decayed.eventinfo.weight)
    run.undecayed.update({abs(record.particles[place].id) for place in decays.undecayed(record)})
    _count_targets(run, decayed, process)
    run.remarks.update(
        known
        for known in (NLO_REMARK, OLD_WEIGHT_REMARK)
        for line in record.optional
        if line.startswith(known)
    )
    run.clustered |= any(name.startswith("pt_clust") for name in record.scales)


def _count_targets(run: Run, record: pylhe.LHEEvent, process: Process) -> None:
    targets = find_targets(record, process.targets)
    final = final_state(record)
    if not targets:
        run.without_target += 1
        run.final_states[final] += 1
    run.failed_cuts += not passes_cuts(targets, process.cuts)
    run.lowest_pt = min([run.lowest_pt, *(target.parton.pt for target in targets)])
    run.kept_stable.update({abs(pdgid) for pdgid in final} & _DECAYING)


def _count_weights(run: Run, record: pylhe.LHEEvent, open_weight: float) -> None:
    weight, line = record.eventinfo.weight, record.eventinfo.pid
    run.trials += _trials(run.path, record)
    run.open_sums[line] = run.open_sums.get(line, 0.0) + open_weight
    run.open_squares += open_weight**2
    run.weight_sums[line] = run.weight_sums.get(line, 0.0) + weight
    run.square_sums[line] = run.square_sums.get(line, 0.0) + weight**2
    run.max_weights[line] = max(run.max_weights.get(line, 0.0), abs(open_weight))
    run.largest_weight = max(run.largest_weight, abs(weight))
    run.negative_weights += weight < 0
    run.weight_uses.update(record.weights.keys())


def _trials(path: Path, record: pylhe.LHEEvent) -> float:
    text = record.attributes.get("trials", "1")
    try:
        return float(text)
    except ValueError:
        raise HardEventError(f"{path}: an event took {text!r} trials, expected a number") from None


def _refuse_other_beams(source: LHESource, campaign: Campaign) -> None:
    info, beams = source.init.initInfo, campaign.beams
    half = beams.energy / 2
    same = (info.beamA, info.beamB) == beams.particles and all(
        math.isclose(energy, half, rel_tol=_BEAM_ENERGY_TOLERANCE) for energy in (info.energyA, info.energyB)
    )
    if not same:
        raise HardEventError(
            f"{source.path}: beams {info.beamA} {info.beamB} of {info.energyA:g} + {info.energyB:g} GeV, "
            f"the configuration has {beams.particles[0]} {beams.particles[1]} of {half:g} + {half:g} GeV"
        )


def _refuse_unusable_normalization(run: Run) -> None:
    if run.mean_weight == 0 or not 0 < run.weight_factor < math.inf:
        raise HardEventError(
            f"{run.path}: IDWTUP ±{run.strategy} needs XSECUP to normalize the weights, "
            f"but it is {run.listed_cross_section:g} pb and their mean {run.mean_weight:g}"
        )


def refuse_other_kind(one: Run, other: Run) -> None:
    """Refuse files that are not different runs of the same set-up.

    Raises
    ------
    HardEventError
        With both names and what differs.
    """
    for what, first, second in (
        ("PDFs", _pdfs(one), _pdfs(other)),
        ("weighting strategy |IDWTUP|", one.strategy, other.strategy),
        ("process numbers LPRUP", _line_ids(one), _line_ids(other)),
        ("named weights", list(one.names.items()), list(other.names.items())),
    ):
        if first != second:
            shown = "" if what == "named weights" else f": {first} and {second}"
            raise HardEventError(f"{one.path} and {other.path} differ in their {what}{shown}")
    if one.first == other.first:
        raise HardEventError(f"{one.path} and {other.path} begin with the same event; same random seed?")


def _pdfs(run: Run) -> tuple[int, ...]:
    info = run.init.initInfo
    return info.PDFgroupA, info.PDFgroupB, info.PDFsetA, info.PDFsetB


def _line_ids(run: Run) -> list[int]:
    return sorted(line.procId for line in run.init.procInfo)
