"""One full reading of a Les Houches event file: what a survey needs to know of it."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pylhe

from campaign.config import Campaign, Process
from campaign.errors import HardEventError
from generators.lhe_files import LHESource, PrintedDigits, open_lhe
from generators.targets import find_targets, passes_cuts

WEIGHTS_IN_PB = (1, 4)
"""|IDWTUP| for which XWGTUP is in pb and its mean is the cross-section, hep-ph/0109068."""

NLO_REMARK = "#aMCatNLO"
OLD_WEIGHT_REMARK = "#new weight"
"""How POWHEG named its weights before ``<rwgt>``."""

_BEAM_ENERGY_TOLERANCE = 1e-5  # POWHEG writes six digits
_FINAL = 1
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
    weight_sum, weight_squares : float
        Sums of XWGTUP and its square.
    weight_sums, max_weights : dict
        Sum and largest absolute value of XWGTUP of each process number.
    weight_uses : Counter
        Number of events that have each named weight.
    lowest_pt : float
        Lowest target pT [GeV], infinite if there is none.
    undecayed : Counter
        Number of events with a final t, Z, W or H, by absolute PDG id.
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
    weight_sum: float = 0.0
    weight_squares: float = 0.0
    max_weights: dict[int, float] = field(default_factory=dict)
    weight_sums: dict[int, float] = field(default_factory=dict)
    negative_weights: int = 0
    weight_uses: Counter[str] = field(default_factory=Counter)
    failed_cuts: int = 0
    without_target: int = 0
    lowest_pt: float = math.inf
    undecayed: Counter[int] = field(default_factory=Counter)
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
        return self.weight_sum / self.events

    @property
    def mean_weight_error(self) -> float:
        """Standard error of the mean XWGTUP."""
        variance = self.weight_squares / self.events - self.mean_weight**2
        return math.sqrt(max(variance, 0.0) / self.events)

    @property
    def printed_precision(self) -> float:
        """Relative difference of mean weight and cross-section that their printed digits allow."""
        weight = self.digits.weights / abs(self.weight_sum) if self.weight_sum else 0.0
        if not self.lists_cross_section:
            return weight
        return weight + self.digits.cross_section / abs(self.listed_cross_section)

    @property
    def weight_factor(self) -> float:
        """What XWGTUP is multiplied with to be in pb, see `generators.lhe.LHEFiles`."""
        return 1.0 if self.strategy in WEIGHTS_IN_PB else self.listed_cross_section / self.mean_weight

    @property
    def names(self) -> dict[str, str]:
        """Weight ids that occur in events, first those of ``<initrwgt>`` in its order."""
        known = {name: text for name, text in self.declared.items() if name in self.weight_uses}
        return known | {name: "" for name in self.weight_uses if name not in known}


def read_run(path: Path, campaign: Campaign, process: Process) -> Run:
    """Read a file from end to end.

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
        for record in source.events:
            _count_event(run, record, process)
    if run.strategy not in WEIGHTS_IN_PB:
        _refuse_unusable_normalization(run)
    return run


def _count_event(run: Run, record: pylhe.LHEEvent, process: Process) -> None:
    run.first = run.first or record
    run.events += 1
    _count_weights(run, record)
    targets = find_targets(record, process.targets)
    run.without_target += not targets
    run.failed_cuts += not passes_cuts(targets, process.cuts)
    run.lowest_pt = min([run.lowest_pt, *(target.parton.pt for target in targets)])
    run.undecayed.update({abs(one.id) for one in record.particles if one.status == _FINAL} & _DECAYING)
    run.remarks.update(
        known
        for known in (NLO_REMARK, OLD_WEIGHT_REMARK)
        for line in record.optional
        if line.startswith(known)
    )
    run.clustered |= any(name.startswith("pt_clust") for name in record.scales)


def _count_weights(run: Run, record: pylhe.LHEEvent) -> None:
    weight, line = record.eventinfo.weight, record.eventinfo.pid
    run.weight_sum += weight
    run.weight_squares += weight**2
    run.weight_sums[line] = run.weight_sums.get(line, 0.0) + weight
    run.max_weights[line] = max(run.max_weights.get(line, 0.0), abs(weight))
    run.negative_weights += weight < 0
    run.weight_uses.update(record.weights.keys())


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
