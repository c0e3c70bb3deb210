"""Hard events from Les Houches event files that a user brings."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, combinations
from pathlib import Path

import pylhe

from jetresim.campaign.config import Campaign, Process
from jetresim.campaign.errors import ConfigError, DataError, HardEventError
from jetresim.generators.brought import file_digest
from jetresim.generators.decays import ResonanceDecays
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import open_lhe
from jetresim.generators.lhe_init import KEEP_EVERY_EVENT
from jetresim.generators.lhe_run import Run, read_run, refuse_other_kind
from jetresim.generators.lhe_warnings import find_warnings, needs_matching, summed
from jetresim.generators.survey import SourceFile, Subprocess, Survey
from jetresim.generators.targets import no_targets

__all__ = ["LHEFiles"]

_TRIALS = "trials"  # no longer true of an event whose weight is normalized
_ROUNDING = 1e-12  # relative; what is left of the difference of two large sums


class LHEFiles:
    """Generator `lhe`: the events of one or several files, in their order.

    Parameters
    ----------
    campaign : Campaign
    process : str
        Name of the process.

    Notes
    -----
    All weights are brought to one normalization: pb, with the cross-section as their mean. For
    IDWTUP ±1 and ±4 they have it already. For ±2 and ±3 (POWHEG's weights of ±1, MadGraph's
    ``event_norm = sum``) those of each file are multiplied with its ΣXSECUP over their mean in the
    *whole* file, so that a weight does not depend on how many events a campaign uses. Where events say how
    many trials they took, weights in pb are divided by the mean number (arXiv:1405.1067). Several
    files are runs of the same process: their cross-sections are averaged with their numbers of
    events as weights, which is also what the mean over all events gives.

    Resonances that are undecayed are decayed here, see `generators.decays`.
    """

    def __init__(self, campaign: Campaign, process: str) -> None:
        self._campaign = campaign
        self._name = process
        self._process = campaign.process(process)
        self._decays = ResonanceDecays(campaign, process)

    def check(self) -> None:
        """Refuse files that are named twice, and settings that Pythia cannot decay resonances with.

        Raises
        ------
        ConfigError, HardEventError
        """
        self._refuse_repeated_names()
        if self._process.decay_settings:
            self._decays.initialize()

    def survey(self) -> Survey:
        """Read all files from end to end and check every event.

        Raises
        ------
        ConfigError
            More events are asked for than the files hold, or a file is named twice.
        HardEventError
            A file cannot be used, is for other beams, does not belong to the others or is not the one
            that the campaign was set up with; or no event of them all has a target.
        """
        self._refuse_repeated_names()
        digests = [file_digest(path) for path in self._process.files]
        self._refuse_other_content(self._process.sha256 or digests, digests)
        runs: list[Run] = []
        for path in self._process.files:
            first = sum(run.events for run in runs)
            runs.append(read_run(path, self._campaign, self._process, self._decays, first))
        for one, other in combinations(runs, 2):
            refuse_other_kind(one, other)
        survey = _combine(runs, digests, self._process)
        self._refuse_too_many(self._process.events or survey.events, survey)
        if survey.without_target == survey.events:
            states = summed(run.final_states for run in runs)
            raise HardEventError(
                f"{no_targets(self._name, self._process.targets, states)}; name `targets` that they have, or "
                "choose decays in `decay_settings`"
            )
        return survey

    def init(self, survey: Survey) -> pylhe.LHEInit:
        """Make the ``<init>`` block: beams and PDFs of the files, weights of strategy -4."""
        with open_lhe(self._process.files[0]) as source:
            lines = [
                pylhe.LHEProcInfo(line.cross_section, line.cross_section_error, line.max_weight, line.id)
                for line in survey.subprocesses
            ]
            info = replace(source.init.initInfo, weightingStrategy=KEEP_EVERY_EVENT, numProcesses=len(lines))
            return replace(source.init, initInfo=info, procInfo=lines)

    def header(self) -> pylhe.LHEHeader | None:
        """Take over the ``<initrwgt>`` block, which explains the named weights."""
        with open_lhe(self._process.files[0]) as source:
            return source.header

    def events(self, events: range, survey: Survey) -> Iterator[HardEvent]:
        """Read a range of events; those before it are passed over without being parsed.

        Parameters
        ----------
        events : range
            Event indices; the index is the place in all files together.
        survey : Survey
            Says how many events each file holds, and how they are normalized.

        Raises
        ------
        DataError
            The survey is of other files.
        """
        self._refuse_too_many(events.stop, survey)
        if len(survey.files) != len(self._process.files):
            raise DataError(f"process {self._name}: its survey is of other files; make it again")
        ends = accumulate(file.events for file in survey.files)
        for path, file, end in zip(self._process.files, survey.files, ends, strict=True):
            first = end - file.events
            inside = range(max(events.start, first), min(events.stop, end))
            if inside:
                self._refuse_other_content([file.sha256], [file_digest(path)], [path])
                yield from map(self._decays, _read_range(path, inside, first, file.weight_factor))

    def _refuse_too_many(self, events: int, survey: Survey) -> None:
        if survey.events is not None and events > survey.events:
            raise ConfigError(
                f"processes.{self._name}.events: {events} asked for, `files` hold {survey.events}"
            )

    def _refuse_other_content(
        self, known: Sequence[str], found: Sequence[str], paths: Sequence[Path] | None = None
    ) -> None:
        for path, one, other in zip(paths or self._process.files, known, found, strict=True):
            if one != other:
                raise HardEventError(
                    f"{path}: its content (SHA-256 {other[:12]}…) is not the one that process {self._name} "
                    f"was set up with ({one[:12]}…); bring that file back, or start the campaign again"
                )

    def _refuse_repeated_names(self) -> None:
        files = [path.resolve() for path in self._process.files]
        for path, file in zip(self._process.files, files, strict=True):
            if files.count(file) > 1:
                raise ConfigError(f"processes.{self._name}.files: {path} is listed twice")


def weight_names(names: dict[str, str]) -> dict[str, str]:
    """Make the names of the weights of a file unique.

    Parameters
    ----------
    names : dict
        Weight id to the text that describes it in ``<initrwgt>``, in their order.

    Returns
    -------
    dict
        The same ids with the text in single blanks. The id itself where there is no text, and
        text and id where two weights have the same text.
    """
    texts = {name: " ".join(text.split()) or name for name, text in names.items()}
    uses = Counter(texts.values())
    taken = {text for text, number in uses.items() if number == 1}
    unique = {}
    for name, text in texts.items():
        if uses[text] > 1:
            text = f"{text} ({name})"
            while text in taken:
                text = f"{text} ({name})"
            taken.add(text)
        unique[name] = text
    return unique


def _read_range(path: Path, events: range, first: int, factor: float) -> Iterator[HardEvent]:
    """Read events of one file, whose first event has the index `first`."""
    with open_lhe(path, skip=events.start - first) as source:
        records = source.events
        for index in events:
            record = next(records, None)
            if record is None:
                raise DataError(
                    f"{path}: ends before event {index - first} of its survey; make the survey again"
                )
            yield HardEvent(index, _scaled(record, factor))


def _scaled(record: pylhe.LHEEvent, factor: float) -> pylhe.LHEEvent:
    return replace(
        record,
        eventinfo=replace(record.eventinfo, weight=record.eventinfo.weight * factor),
        weights={name: weight * factor for name, weight in record.weights.items()},
        attributes={name: text for name, text in record.attributes.items() if name != _TRIALS},
    )


def _combine(runs: Sequence[Run], digests: Sequence[str], process: Process) -> Survey:
    shares = _shares(runs)
    lines = _average([_lines(run) for run in runs], shares)
    lowest = min(run.lowest_pt for run in runs)
    return Survey(
        cross_section=math.fsum(line.cross_section for line in lines),
        cross_section_error=math.hypot(
            *(share * run.cross_section_error for share, run in zip(shares, runs, strict=True))
        ),
        events=sum(run.events for run in runs),
        weight_names=weight_names(runs[0].names),
        files=tuple(
            SourceFile(events=run.events, sha256=digest, weight_factor=run.weight_factor)
            for run, digest in zip(runs, digests, strict=True)
        ),
        subprocesses=tuple(lines),
        failed_cuts=sum(run.failed_cuts for run in runs),
        lowest_pt=lowest if math.isfinite(lowest) else None,
        without_target=sum(run.without_target for run in runs),
        negative_weights=sum(run.negative_weights for run in runs),
        weight_deviation=_weight_deviation(runs),
        printed_precision=max(run.printed_precision for run in runs),
        needs_matching=needs_matching(runs),
        warnings=tuple(find_warnings(runs, process)),
    )


def _shares(runs: Sequence[Run]) -> list[float]:
    """Weights of runs in an average: their shares of the events."""
    events = sum(run.events for run in runs)
    return [run.events / events for run in runs]


def _weight_deviation(runs: Sequence[Run]) -> float:
    """Standard deviation of the weights of all files [pb]; 0 where they differ by rounding alone."""
    events = sum(run.events for run in runs)
    mean = math.fsum(run.weight_factor * run.open_sum for run in runs) / events
    squares = math.fsum(run.weight_factor**2 * run.open_squares for run in runs) / events
    return math.sqrt(squares - mean**2) if squares - mean**2 > _ROUNDING * squares else 0.0


def _lines(run: Run) -> list[Subprocess]:
    """Read the lines of ``<init>``."""
    largest = max(run.max_weights.values())
    lines = []
    for line in sorted(run.init.procInfo, key=lambda line: line.procId):
        cross_section, error = run.line_cross_section(line)
        lines.append(
            Subprocess(
                id=line.procId,
                cross_section=cross_section,
                cross_section_error=error,
                max_weight=run.max_weights.get(line.procId, largest) * run.weight_factor,
            )
        )
    return lines


def _average(runs: Sequence[list[Subprocess]], shares: Sequence[float]) -> list[Subprocess]:
    """Average independent runs."""
    return [
        Subprocess(
            id=lines[0].id,
            cross_section=math.fsum(
                share * line.cross_section for share, line in zip(shares, lines, strict=True)
            ),
            cross_section_error=math.hypot(
                *(share * line.cross_section_error for share, line in zip(shares, lines, strict=True))
            ),
            max_weight=max(line.max_weight for line in lines),
        )
        for lines in zip(*runs, strict=True)
    ]
