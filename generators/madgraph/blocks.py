"""Blocks of events: runs of a gridpack, always of the same number of events.

A run is asked for a whole block, since another number would change all of its events. Where MadGraph makes
fewer, those that are missing come from further runs of the same length with the block's next seeds. So a
block is a function of the gridpack, its own number and nothing else.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pylhe

from jetresim.campaign.errors import HardEventError
from jetresim.campaign.programs import Program
from jetresim.campaign.seeds import RUNS_OF_BLOCK, block_seed
from jetresim.generators.lhe_files import open_lhe
from jetresim.generators.madgraph.gridpack import unpack
from jetresim.generators.madgraph.program import run, scratch

__all__ = ["EVENTS", "Blocks"]

EVENTS = "events.lhe.gz"
"""What a gridpack writes its events to."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a process.

    Attributes
    ----------
    script : Program
        Runs a gridpack that is unpacked.
    gridpack : Path
    logs : Path or None
        Folder for a log of every run; none is kept without.
    campaign_seed : int
    process : str
    size : int
        Events of a block.
    time_limit : float
        Longest time for a run [s].
    """

    script: Program
    gridpack: Path
    logs: Path | None
    campaign_seed: int
    process: str
    size: int
    time_limit: float

    def several(self, numbers: range, threads: int) -> Iterator[tuple[int, list[pylhe.LHEEvent]]]:
        """Number and events of blocks in their order, up to `threads` made side by side."""
        with ThreadPoolExecutor(threads) as workers:
            try:
                yield from zip(numbers, workers.map(self.events, numbers), strict=True)
            finally:
                workers.shutdown(wait=True, cancel_futures=True)

    def events(self, block: int) -> list[pylhe.LHEEvent]:
        """The events of a block, by its number; see `campaign.seeds.block_seed` for that of the survey.

        Raises
        ------
        HardEventError
            MadGraph fails, or `RUNS_OF_BLOCK` runs make too few events.
        """
        events: list[pylhe.LHEEvent] = []
        for attempt in range(RUNS_OF_BLOCK):
            with scratch() as folder, open_lhe(self.run(block, attempt, folder)) as source:
                events += islice(source.events, self.size - len(events))
            if len(events) == self.size:
                return events
        raise HardEventError(
            f"{self._named(block)}: MadGraph made {len(events)} of {self.size} in {RUNS_OF_BLOCK} runs; ask "
            "for a smaller `block_events`, or for cuts that are easier to meet"
        )

    def run(self, block: int, attempt: int, folder: Path) -> Path:
        """Run the gridpack in a scratch folder; return the file of its events.

        Raises
        ------
        HardEventError
            It fails, with MadGraph's own reason.
        """
        unpack(self.gridpack, folder)
        seed = block_seed(self.campaign_seed, self.process, block, attempt)
        name = "survey" if block < 0 else f"block-{block:06d}-{attempt}"
        log = None if self.logs is None else self.logs / f"{name}.log"
        try:
            asked = [str(self.size), str(seed)]
            run(self.script, asked, folder, folder / EVENTS, self.time_limit, log)
        except HardEventError as error:
            raise HardEventError(f"{self._named(block)}: {error}") from None
        return folder / EVENTS

    def _named(self, block: int) -> str:
        which = "events of the survey" if block < 0 else f"block {block} of events"
        return f"process {self.process}, {which}"
