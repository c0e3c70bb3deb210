"""Views of hard events one after the other, by shower programs that stay set up."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.intervention import Stage
from jetresim.detectors.pool import Pool
from jetresim.generators.events import HardEvent
from jetresim.jets.again import reduced, run_length, simulate_again
from jetresim.jets.simulation import Finish, hard_truth, kept_stages
from jetresim.showers.pythia8 import BATCH_EVENTS, Pythia8Resumed, Pythia8Shower
from jetresim.showers.registry import Job

__all__ = ["ViewSimulation"]


class ViewSimulation:
    """Simulates views of hard events of one process, each as `audit.replay` makes it.

    Pythia is initialized once for an augmentation, which takes seconds, and not for each of its views.

    Parameters
    ----------
    campaign : Campaign
    process : str
    pool : Pool, optional
        Minimum-bias events of a campaign with pile-up.
    """

    def __init__(self, campaign: Campaign, process: str, pool: Pool | None = None) -> None:
        self._campaign, self._process, self._pool = campaign, process, pool
        self._programs: dict[tuple[Hashable, ...], Pythia8Shower] = {}

    def tables(
        self, views: Iterable[str], hard: Sequence[HardEvent], wanted: Collection[int]
    ) -> dict[str, pa.Table]:
        """Jets of each view.

        Parameters
        ----------
        views : iterable of str
            Names of realizations, see `campaign.views`.
        hard : sequence of HardEvent
            In their order; where a view shares its run with others, all from the beginning of the run.
        wanted : collection of int
            Indices of the hard events that views are asked of, all worth showering.

        Returns
        -------
        dict of str to pa.Table
            With `jets.schema.JETS_SCHEMA`; views that share a run have the other events too.
        """
        views = list(dict.fromkeys(views))
        alone = [name for name in views if self._is_alone(name)]
        events = [event for event in hard if event.index in wanted]
        batches = [events[start : start + BATCH_EVENTS] for start in range(0, len(events), BATCH_EVENTS)]
        parts = [self._batch_tables(alone, batch) for batch in batches]
        made = {name: pa.concat_tables(part[name] for part in parts) for name in alone}
        return made | {name: self._in_runs(name, hard) for name in views if name not in made}

    def _is_alone(self, name: str) -> bool:
        """Whether nothing but an event's own seed decides what becomes of it."""
        return self._campaign.augmentation(name).by_pythia and run_length(self._campaign, [name]) == 1

    def _batch_tables(self, views: Sequence[str], events: list[HardEvent]) -> dict[str, pa.Table]:
        window = [(event, hard_truth(event, self._campaign, self._process)) for event in events]
        continued = [name for name in views if name == NOMINAL or self._campaign.continues_anchor(name)]
        anchor = None
        if continued:
            anchor = self._shower(Pythia8Shower, NOMINAL, keep=kept_stages(self._campaign, continued))
            anchor_batch = anchor.shower(events)
        tables = {}
        for name in views:
            if name not in continued:
                batch = self._shower(Pythia8Shower, name).shower(events)
            elif name == NOMINAL or self._first_stage(name) >= Stage.PILEUP:
                batch = anchor_batch
            else:
                batch = self._shower(Pythia8Resumed, name).resume(events, anchor.records)
            # the streams of a detector follow from the name of the view: it has one of its own
            tables[name] = Finish(self._campaign, self._process, name, self._pool).part(batch, window).table
        return tables

    def _first_stage(self, name: str) -> Stage:
        return self._campaign.augmentation(name).intervene.first_stage

    def _shower(self, kind: type[Pythia8Shower], name: str, **options: Hashable) -> Pythia8Shower:
        """The program of an augmentation, told the name of the view."""
        key = kind, self._campaign.augmentation(name).name, *options.values()
        if key not in self._programs:
            self._programs[key] = kind(self._campaign, self._process, name, **options)
        self._programs[key].realization = name
        return self._programs[key]

    def _in_runs(self, name: str, hard: Sequence[HardEvent]) -> pa.Table:
        """A view whose events share runs of a program, which is set up for each of them anyway."""
        campaign = reduced(self._campaign, [name])
        with TemporaryDirectory() as folder:
            job = Job(Path(folder), hard[0].index)
            return simulate_again(campaign, self._process, [name], hard, job, self._pool)[name]
