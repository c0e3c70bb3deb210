"""`jetresim verify`: every file of a campaign against its contract, and what is missing."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jetresim.audit.verify.chunk import check_chunk, check_survey
from jetresim.audit.verify.dataset import check_dataset, extra_exports
from jetresim.audit.verify.full_events import check_full_events
from jetresim.audit.verify.gridpack import check_gridpack
from jetresim.audit.verify.pool import check_pool_file
from jetresim.audit.verify.result import Checked, Content
from jetresim.campaign.config import Campaign, load
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import Paths, chunk_names
from jetresim.dataset.process_warnings import dataset_warnings
from jetresim.generators.survey import Survey
from jetresim.showers.programs import as_made

__all__ = ["STAGES", "Report", "check_process", "verify_campaign"]

STAGES = ("survey", "pileup", "hard", "events", "jets", "groups", "dataset", "exports", "card")
"""What files belong to, in the order of the work."""

_PATTERNS = {"hard": "*.lhe.gz", "jets": "*.parquet", "groups": "*.parquet"}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in the folder of a campaign.

    Attributes
    ----------
    campaign : Campaign
    folder : Path
    checked : list of Checked
        Every file that the configuration asks for.
    left_over : list of Path
        Files of `hard`, `jets` and `groups` that it does not ask for; they do no harm.
    extra : list of Path
        Exports in formats that it does not ask for. They are not in the manifest and not checked.
    warnings : list of str
        What a user of the dataset should know of its processes, one line each.
    """

    campaign: Campaign
    folder: Path
    checked: list[Checked]
    left_over: list[Path]
    extra: list[Path]
    warnings: list[str]

    @property
    def problems(self) -> list[str]:
        """One line each."""
        return [problem for each in self.checked for problem in each.problems]

    @property
    def missing(self) -> list[Path]:
        """Files that are asked for and not there."""
        return [each.path for each in self.checked if each.missing]

    @property
    def exit_code(self) -> int:
        """0: all is there and good; 1: something is wrong; 2: nothing is wrong, but something missing."""
        return 1 if self.problems else 2 if self.missing else 0


def open_campaign(folder: Path, config: Path | None = None) -> tuple[Campaign, Paths]:
    """The configuration and the paths of a campaign, from its folder and the configuration saved there.

    Raises
    ------
    ConfigError, DataError
        The folder holds no configuration, or one of another version.
    """
    paths = Paths(str(folder))
    if config is None and not Path(paths.config).is_file():
        raise DataError(
            f"{folder}: has no config.yaml; expected the folder of a campaign, results/NAME, or --config"
        )
    return as_made(load(config or Path(paths.config)), [folder])[0], paths


def verify_campaign(folder: Path, config: Path | None = None, quick: bool = False, cores: int = 1) -> Report:
    """Check every file of a campaign that is finished, runs, or is a part of one.

    Files are streamed; memory is bounded by a chunk and a shard's row group. Files that are being written
    are not looked at.

    Parameters
    ----------
    folder : Path
        ``results/{campaign}``.
    config : Path, optional
        Configuration; by default the one that Snakemake saved in the folder.
    quick : bool
        Only what the files say about themselves, instead of all their rows.
    cores : int
        Chunks to check side by side.

    Raises
    ------
    ConfigError, DataError
        See `open_campaign`.
    """
    campaign, paths = open_campaign(folder, config)
    results = check_pool_file(campaign, paths)
    contents: dict[str, Content] = {}
    for process in campaign.processes:
        found, content = check_process(campaign, paths, process, quick, cores)
        results += found
        if content is not None:
            contents[process] = content
    results += check_dataset(campaign, paths, contents, quick)
    return Report(
        campaign,
        folder,
        results,
        left_over=list(_left_over(folder, results)),
        extra=extra_exports(campaign, paths),
        warnings=dataset_warnings(Path(paths.dataset)),
    )


def check_process(
    campaign: Campaign, paths: Paths, process: str, quick: bool = False, cores: int = 1
) -> tuple[list[Checked], Content | None]:
    """Check survey and chunks of a process.

    Returns
    -------
    checked : list of Checked
    content : Content or None
        What all groups add up to, if all of them are good and were read.
    """
    result, survey = check_survey(campaign, paths, process)
    results, total, whole = [result, *check_gridpack(campaign, paths, process, survey)], Content(), True
    check = partial(_check_chunk, campaign, paths, process, survey=survey, quick=quick)
    with _mapping(cores) as mapped:
        for found, content in mapped(check, range(len(chunk_names(campaign, process)))):
            results += found
            whole &= content is not None
            if content is not None:
                total.join(content)
    return results, total if whole else None


def _check_chunk(
    campaign: Campaign, paths: Paths, process: str, chunk: int, survey: Survey | None, quick: bool
) -> tuple[list[Checked], Content | None]:
    found, content = check_chunk(campaign, paths, process, chunk, survey, quick)
    return found + check_full_events(campaign, paths, process, chunk, quick), content


@contextmanager
def _mapping(cores: int) -> Iterator[Callable[..., Iterable[tuple[list[Checked], Content | None]]]]:
    if cores == 1:
        yield map
        return
    with ProcessPoolExecutor(cores) as pool:
        yield pool.map


def _left_over(folder: Path, results: Iterable[Checked]) -> Iterator[Path]:
    asked = {each.path for each in results}
    for stage, pattern in _PATTERNS.items():
        for path in sorted((folder / stage).rglob(pattern)):
            if path not in asked and not path.name.startswith("."):
                yield path
