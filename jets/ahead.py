"""Jets that are made ahead of their own job, together with those of the anchor whose shower they share.

They wait beside their file, under a name that only the same jets can have. The job of their realization takes
them, and makes them itself where there are none, as when the realization was added to a finished campaign. So
every jets file is that of one job, which depends on one realization alone.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import JetresimError
from jetresim.campaign.provenance import digest, jets_inputs, versions
from jetresim.generators.brought import file_digest
from jetresim.jets.files import jets_metadata

__all__ = ["ahead_path", "discard_ahead", "missing_members", "take_ahead"]


def ahead_path(campaign: Campaign, process: str, realization: str, hard: Path, output: Path) -> Path:
    """Where jets wait: the name has a digest of all that decides what they are.

    Parameters
    ----------
    campaign : Campaign
    process, realization : str
    hard : Path
        Hard events of the chunk.
    output : Path
        The jets file that they will be.
    """
    inputs = [
        *(file_digest(hard), versions(), process, realization, jets_inputs(campaign, process, realization)),
        *map(file_digest, campaign.detector_files([realization])),
    ]
    return output.with_name(f"{_prefix(output)}{digest(inputs)}")


def take_ahead(waiting: Path, output: Path) -> bool:
    """Bring jets that wait to their place, and delete outdated ones; returns whether there were any."""
    found = waiting.exists()
    if found:
        waiting.replace(output)
        output.touch()  # written before the anchor's jets were whole, which Snakemake would take for outdated
    discard_ahead(output)
    return found


def discard_ahead(output: Path) -> None:
    """Delete jets that wait for a place and are not wanted there."""
    for outdated in output.parent.glob(f"{_prefix(output)}*"):
        outdated.unlink(missing_ok=True)


def missing_members(
    campaign: Campaign, process: str, hard: Path, outputs: Mapping[str, Path]
) -> dict[str, Path]:
    """Those jets files that are not there, or are of other inputs or older than their hard events."""
    return {
        name: path
        for name, path in outputs.items()
        if not _is_up_to_date(campaign, process, name, hard, path)
    }


def _is_up_to_date(campaign: Campaign, process: str, realization: str, hard: Path, output: Path) -> bool:
    with suppress(JetresimError, OSError):
        jets_metadata(output, campaign, process, realization)
        return output.stat().st_mtime >= hard.stat().st_mtime
    return False


def _prefix(output: Path) -> str:
    return f".ahead-{output.stem}-"
