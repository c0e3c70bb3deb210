"""Jets of the realizations of a chunk: shower, detector, clustering and matching."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.generators.stored import hard_events
from jetresim.jets.ahead import ahead_path, discard_ahead, missing_members, take_ahead
from jetresim.jets.files import jets_file, read_survivors
from jetresim.jets.pool import open_pool
from jetresim.jets.simulation import simulate_together
from jetresim.showers.registry import Job
from jetresim.workflow.progress import progress

log = logging.getLogger(__name__)


def make_jets(
    campaign: Campaign,
    process: str,
    chunk: int,
    hard: Path,
    outputs: Mapping[str, Path],
    job: Job,
    followed: Mapping[str, Path] | None = None,
    ahead: Mapping[str, Path] | None = None,
    pool: Path | None = None,
) -> None:
    """Shower a chunk of hard events and write the jets that stand for their targets.

    Jets that an earlier job made ahead are taken as they are.

    Parameters
    ----------
    campaign : Campaign
    process : str
    chunk : int
    hard : Path
        Hard events of the chunk.
    outputs : mapping of str to Path
        Jets file to write for each realization: one realization, or several of the anchor's family.
    job : Job
        What the shower program needs to know of the job it runs in.
    followed : mapping of str to Path, optional
        Jets files of other realizations, where only those that survive all of them are to be simulated.
    ahead : mapping of str to Path, optional
        Jets files of realizations that continue from the anchor, to be made ahead with it where they are
        missing or outdated.
    pool : Path, optional
        Minimum-bias events of the campaign, where it has pile-up.
    """

    def waiting(name: str, output: Path) -> Path:
        return ahead_path(campaign, process, name, hard, output)

    outputs = {
        name: output
        for name, output in outputs.items()
        if not (campaign.continues_anchor(name) and take_ahead(waiting(name, output), output))
    }
    if not outputs:
        log.info("taken from the job of the anchor")
        return
    for name, output in missing_members(campaign, process, hard, ahead or {}).items():
        if not (path := waiting(name, output)).exists():
            discard_ahead(output)
            outputs[name] = path
    events = campaign.chunks(process)[chunk]
    hard_input = hard_events(campaign, process, hard, events)
    overlaid = None if pool is None else open_pool(pool, campaign)
    survivors = read_survivors(followed, campaign, process) if followed else None
    parts = simulate_together(campaign, process, list(outputs), hard_input, job, survivors, overlaid)
    what = f"{', '.join(outputs)} of {process}"
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(jets_file(path, campaign, process, name, events.start))
            for name, path in outputs.items()
        }
        for part in progress(parts, len(events), what, lambda part: next(iter(part.values())).events):
            for name, file in files.items():
                file.add(part[name])
