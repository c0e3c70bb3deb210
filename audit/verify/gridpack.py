"""The gridpack of a process, which its hard events come from."""

from collections.abc import Iterator
from pathlib import Path

from jetresim.audit.verify.result import Checked, checked
from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths
from jetresim.generators.madgraph.gridpack import kept_gridpack
from jetresim.generators.survey import Survey

__all__ = ["check_gridpack"]


def check_gridpack(campaign: Campaign, paths: Paths, process: str, survey: Survey | None) -> list[Checked]:
    """Whether a gridpack that is kept is whole and the one of its survey; nothing where none is kept.

    A finished campaign can do without: it is needed for more events and to make some again.
    """
    path = Path(paths.gridpack.format(process=process))
    if process not in campaign.madgraph_processes or not path.exists():
        return []

    def problems() -> Iterator[str]:
        gridpack = kept_gridpack(path)
        if survey is not None and gridpack != survey.gridpack:
            yield f"{path}: is not the one of its survey; make the survey and all that follows again"

    return [checked("survey", path, problems)]
