"""Generator `madgraph`: hard events from MadGraph's own lines, at leading order."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pylhe

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError, HardEventError
from jetresim.campaign.paths import Paths
from jetresim.generators.decays import ResonanceDecays
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import open_lhe
from jetresim.generators.lhe_init import unweighted_init
from jetresim.generators.lhe_run import Run, read_run
from jetresim.generators.lhe_warnings import find_warnings
from jetresim.generators.madgraph.blocks import Blocks
from jetresim.generators.madgraph.cuts import cut_warnings
from jetresim.generators.madgraph.gridpack import (
    GRIDPACK,
    check_definition,
    kept_gridpack,
    made_for,
    make_gridpack,
)
from jetresim.generators.madgraph.program import cores, find_madgraph, gridpack_script, scratch
from jetresim.generators.madgraph.record import Gridpack
from jetresim.generators.madgraph.scripts import asked_cuts
from jetresim.generators.survey import Survey
from jetresim.generators.targets import no_targets

__all__ = ["PROCESS_ID", "MadGraph"]

PROCESS_ID = 9998
"""LPRUP of the events: MadGraph mixes its subprocesses within one process of the campaign."""

_SURVEY = -1  # number of the block that the survey looks at
_EVEN = 1e-4  # relative; weights are printed with eight digits


class MadGraph:
    """Generator `madgraph`.

    Parameters
    ----------
    campaign : Campaign
    process : str
        Name of the process.
    paths : Paths, optional
        Of the campaign, where the gridpack and logs are kept. Without it the gridpack is made for every
        use and kept for none.

    Notes
    -----
    Every event has the cross-section of the integration [pb] as its weight: MadGraph's events are
    unweighted, and the estimate of a single block must not change the weight of its events. Resonances that
    are undecayed are decayed here, see `generators.decays`.
    """

    def __init__(self, campaign: Campaign, process: str, paths: Paths | None = None) -> None:
        self._campaign = campaign
        self._name = process
        self._process = campaign.process(process)
        self._paths = paths
        self._decays = ResonanceDecays(campaign, process)

    def check(self) -> None:
        """Have MadGraph write the code of the process, which takes it seconds.

        Raises
        ------
        HardEventError
            MadGraph is not there or refuses the process; or Pythia cannot decay what is undecayed.
        """
        with self._named():
            check_definition(self._campaign, self._name, find_madgraph(self._campaign.madgraph))
        if self._process.decay_settings:
            self._decays.initialize()

    def survey(self) -> Survey:
        """Compile and integrate the process, and look at a block of events of a stream of their own.

        Raises
        ------
        HardEventError
            MadGraph fails; events have negative or different weights; or none of them has a target.
        """
        with self._named(), self._gridpack() as (path, gridpack), scratch() as folder:
            file = self._blocks(path).run(_SURVEY, 0, folder)
            run = read_run(file, self._campaign, self._process, self._decays, 0)
            self._refuse_unusable(run)
            with open_lhe(file) as source:
                warnings = list(cut_warnings(list(source.events), asked_cuts(self._campaign, self._name)))
        left = run.open_sum / math.fsum(run.weight_sums.values())
        return Survey(
            cross_section=gridpack.cross_section * left,
            cross_section_error=gridpack.cross_section_error * left,
            gridpack=gridpack,
            pdfs=(run.init.initInfo.PDFsetA, run.init.initInfo.PDFsetB),
            warnings=(*warnings, *find_warnings([run], self._process)),
        )

    def init(self, survey: Survey) -> pylhe.LHEInit:
        """The ``<init>`` block: beams and PDF sets, cross-section [pb] and its error."""
        version = survey.gridpack.version if survey.gridpack else ""
        madgraph = pylhe.LHEGenerator("MadGraph5_aMC@NLO", version, "arXiv:1405.0301")
        return unweighted_init(self._campaign.beams, survey, PROCESS_ID, [madgraph], survey.pdfs or (0, 0))

    def header(self) -> pylhe.LHEHeader | None:
        """Events without named weights need no header."""
        return None

    def events(self, events: range, survey: Survey) -> Iterator[HardEvent]:
        """Generate hard events, whole blocks of them.

        Parameters
        ----------
        events : range
            Event indices.
        survey : Survey
            Gives each event the weight cross-section [pb], and says which gridpack made the others.

        Raises
        ------
        HardEventError
            MadGraph fails.
        DataError
            The gridpack is another one than that of the survey.
        """
        options = self._campaign.madgraph
        size = options.block_events
        weight = survey.gridpack.cross_section if survey.gridpack else survey.cross_section
        numbers = range(events.start // size, -(-events.stop // size))
        with self._gridpack() as (path, gridpack):
            self._refuse_other(gridpack, survey)
            for block, records in self._blocks(path).several(numbers, cores(options)):
                for index, record in enumerate(records, start=block * size):
                    if index in events:
                        yield self._decays(HardEvent(index, _weighted(record, weight)))

    @property
    def _logs(self) -> Path | None:
        return Path(self._paths.madgraph.format(process=self._name)) if self._paths else None

    def _blocks(self, gridpack: Path) -> Blocks:
        options = self._campaign.madgraph
        return Blocks(
            script=gridpack_script(options),
            gridpack=gridpack,
            logs=self._logs,
            campaign_seed=self._campaign.seed,
            process=self._name,
            size=options.block_events,
            time_limit=options.time_limit,
        )

    @contextmanager
    def _gridpack(self) -> Iterator[tuple[Path, Gridpack]]:
        """The gridpack that the campaign keeps, made where there is none; or one that nobody keeps."""
        if self._paths is not None:
            path = Path(self._paths.gridpack.format(process=self._name))
            yield path, self._kept(path)
            return
        with scratch() as folder:
            path = folder / GRIDPACK
            yield path, self._kept(path)

    def _kept(self, path: Path) -> Gridpack:
        kept = kept_gridpack(path)
        if kept is None or not made_for(self._campaign, self._name, kept):
            program = find_madgraph(self._campaign.madgraph)
            make_gridpack(self._campaign, self._name, program, path, self._logs)
            kept = kept_gridpack(path)
        assert kept is not None  # it has just been made
        return kept

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say which process an error of MadGraph is about."""
        try:
            yield
        except HardEventError as error:
            name = f"process {self._name}"
            text = str(error)
            raise HardEventError(text if text.startswith(name) else f"{name}: {text}") from None

    def _refuse_unusable(self, run: Run) -> None:
        """Refuse events that are not unweighted, and a process without targets."""
        if run.negative_weights or abs(run.mean_weight) < (1 - _EVEN) * run.largest_weight:
            raise HardEventError(
                f"{run.negative_weights} of {run.events} events have negative weights and the others are not "
                "equal, as for interference alone; make files with MadGraph and use generator `lhe`"
            )
        if run.without_target == run.events:
            raise HardEventError(
                f"{no_targets(self._name, self._process.targets, run.final_states)}; name `targets` that "
                "they have, or choose decays in `decay_settings`"
            )

    def _refuse_other(self, gridpack: Gridpack, survey: Survey) -> None:
        made = survey.gridpack
        if made is not None and made.grids != gridpack.grids:
            raise DataError(
                f"process {self._name}: its gridpack ({gridpack.grids}) is not the one of its survey "
                f"({made.grids}), by another compiler or MadGraph; make survey and hard events again"
            )


def _weighted(record: pylhe.LHEEvent, weight: float) -> pylhe.LHEEvent:
    info = replace(record.eventinfo, weight=weight, pid=PROCESS_ID)
    return replace(record, eventinfo=info, weights={}, attributes={})
