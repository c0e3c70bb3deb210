"""`jetresim merge`: parts of a campaign that were made apart, brought together in one folder."""

import filecmp
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetresim.audit.output import listed
from jetresim.audit.verify.campaign import check_process
from jetresim.audit.verify.pool import check_pool_file
from jetresim.campaign.config import Campaign, load, save
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import Paths, chunk_names
from jetresim.campaign.provenance import check_made_with, groups_inputs, jets_inputs, survey_inputs
from jetresim.generators.madgraph.gridpack import GRIDPACK, kept_gridpack
from jetresim.showers.programs import as_made

__all__ = ["Merged", "merge_campaign", "merged_lines"]

_RECORDS = ("logs", "benchmarks")


@dataclass
class Merged:
    """What a merge did.

    Attributes
    ----------
    folder : Path
        Of the merged campaign.
    linked, copied, present : int
        Files that were linked, copied, or there before.
    notes : list of str
        One line for each optional augmentation that was left out.
    missing : dict of str to list of str
        Process to the chunks without groups.
    """

    folder: Path
    linked: int = 0
    copied: int = 0
    present: int = 0
    notes: list[str] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=dict)


def merge_campaign(campaign: Campaign, parts: Sequence[Path], results: Path, cores: int = 1) -> Merged:
    """Bring the parts of a campaign together, once all their files are known to be good.

    Files are hard links of those in the parts where the file system can, otherwise copies; logs and
    benchmarks are copies, since Snakemake writes into them again. All keep their times of modification,
    and of files that several parts have the oldest is taken, so that no file is older than what it was
    made from and Snakemake makes none again.

    Parameters
    ----------
    campaign : Campaign
    parts : sequence of Path
        Folders of the campaign made elsewhere, or the results folders that hold them.
    results : Path
        Folder that holds, or will hold, the merged campaign's folder.
    cores : int
        Chunks to check side by side.

    Raises
    ------
    ConfigError
        A part is of another campaign, or is the folder to merge into.
    DataError
        A file is damaged or made with something else, or two parts have different files of the same name.
        Nothing was written then.
    """
    paths = Paths.of(campaign, str(results))
    merged = Merged(Path(paths.root))
    folders = [_campaign_folder(part, campaign, merged.folder) for part in parts]
    campaign, merged.notes = as_made(campaign, folders)
    for folder in folders:
        _check_config(folder, campaign)
    if merged.folder.exists():
        folders.insert(0, merged.folder)
    chosen = _oldest(folders, {folder: _good_files(campaign, folder, cores) for folder in folders})
    for relative, source in chosen.items():
        _bring(source, merged.folder / relative, merged, _link)
    for relative, source in _records(folders).items():
        _bring(source, merged.folder / relative, merged, _copy)
    save(campaign, Path(paths.config))
    merged.missing = dict(_missing(campaign, paths))
    return merged


def _campaign_folder(part: Path, campaign: Campaign, merged: Path) -> Path:
    """The folder of the campaign that a part is or holds."""
    inside = part / campaign.name
    folder = inside if inside.is_dir() else part
    if not any((folder / stage).is_dir() for stage in ("hard", "jets", "groups")):
        raise ConfigError(
            f"{part}: holds nothing of campaign {campaign.name}; expected its folder or one with "
            f"{campaign.name}/ in it"
        )
    if merged.exists() and folder.samefile(merged):
        raise ConfigError(f"{part}: is the folder to merge into; name the other parts only")
    return folder


def _check_config(folder: Path, campaign: Campaign) -> None:
    """Refuse a part whose saved configuration gives other files."""
    path = folder / "config.yaml"
    if not path.exists():
        return  # made without Snakemake; its files say what they were made with
    theirs = load(path)
    if theirs.chunk != campaign.chunk:
        raise ConfigError(
            f"{path}: chunk {theirs.chunk}, but the campaign has {campaign.chunk}; files are named by chunk, "
            "so all parts need the same"
        )
    if set(theirs.realizations) != set(campaign.realizations):
        raise ConfigError(
            f"{path}: has the realizations {', '.join(theirs.realizations)}, but the campaign has "
            f"{', '.join(campaign.realizations)}; all parts need the same, also those that are optional"
        )
    check_made_with(path, _made_with(theirs), _made_with(campaign))


def _made_with(campaign: Campaign) -> dict[str, Any]:
    """All that surveys, hard events, jets and groups depend on."""
    return {
        "seed": campaign.seed,
        "augmentations": campaign.realizations,
        "processes": {
            name: {
                "events": process.events,
                "hard": survey_inputs(campaign, name),
                "jets": {each: jets_inputs(campaign, name, each) for each in campaign.realizations},
                "groups": groups_inputs(campaign, name),
            }
            for name, process in campaign.processes.items()
        },
    }


def _good_files(campaign: Campaign, folder: Path, cores: int) -> list[Path]:
    """Files of a part relative to its folder, each before those that are made from it."""
    paths = Paths(str(folder))
    results = check_pool_file(campaign, paths)
    for process in campaign.processes:
        results += check_process(campaign, paths, process, cores=cores)[0]
    for each in results:
        if each.problems:
            more = "" if len(each.problems) == 1 else f" (and {len(each.problems) - 1} more problems)"
            raise DataError(each.problems[0] + more)
    return [each.path.relative_to(folder) for each in results if not each.missing]


def _oldest(folders: Iterable[Path], files: dict[Path, list[Path]]) -> dict[Path, Path]:
    """Relative path to the file to take; those that several parts have must be the same."""
    chosen: dict[Path, Path] = {}
    for folder in folders:
        for relative in files[folder]:
            file = folder / relative
            other = chosen.setdefault(relative, file)
            if other is file:
                continue
            if not _same(file, other):
                raise DataError(
                    f"{file}: differs from {other}, though both are of this campaign; software or machines "
                    "differ: delete the one that is not wanted"
                )
            if file.stat().st_mtime_ns < other.stat().st_mtime_ns:
                chosen[relative] = file
    return chosen


def _same(file: Path, other: Path) -> bool:
    """Whether files are the same: byte by byte, or gridpacks, which hold times, of the same grids."""
    if file.name == GRIDPACK:
        return kept_gridpack(file) == kept_gridpack(other)
    return filecmp.cmp(file, other, shallow=False)


def _records(folders: Iterable[Path]) -> dict[Path, Path]:
    """Logs and benchmarks, both from the first part that has the benchmark of a job: there it ended well."""
    ended: dict[Path, Path] = {}
    found: dict[Path, Path] = {}
    files = [
        (folder, record, file)
        for folder in folders
        for record in _RECORDS
        for file in _files(folder / record)
    ]
    for folder, record, file in files:
        if record == "benchmarks":
            ended.setdefault(_job(file, folder / record), folder)
    for folder, record, file in files:
        if ended.get(_job(file, folder / record), folder) == folder:
            found.setdefault(file.relative_to(folder), file)
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))


def _job(file: Path, folder: Path) -> Path:
    """What the log and the benchmark of a job have in common."""
    return file.relative_to(folder).with_suffix("")


def _bring(source: Path, target: Path, merged: Merged, put: Callable[[Path, Path, Merged], None]) -> None:
    """Put a file in its place, unless it is there."""
    if target.exists() and target.samefile(source):
        merged.present += 1
        return
    with atomic_path(target) as temporary:
        put(source, temporary, merged)


def _link(source: Path, target: Path, merged: Merged) -> None:
    try:
        os.link(source.resolve(), target)
        merged.linked += 1
    except OSError:  # another file system, or one without links
        _copy(source, target, merged)


def _copy(source: Path, target: Path, merged: Merged) -> None:
    shutil.copy2(source, target)
    merged.copied += 1


def _missing(campaign: Campaign, paths: Paths) -> Iterator[tuple[str, list[str]]]:
    for process in campaign.processes:
        names = chunk_names(campaign, process)
        without = [
            name for name in names if not Path(paths.groups.format(process=process, chunk=name)).exists()
        ]
        if without:
            yield process, without


def merged_lines(merged: Merged, config: Path) -> Iterator[str]:
    """What to tell: what was done, what is missing, and how to go on."""
    counts = f"{merged.linked} files linked, {merged.copied} copied, {merged.present} there before"
    yield f"{merged.folder}: {counts}"
    yield from merged.notes
    for process, chunks in merged.missing.items():
        yield f"missing: groups of {process}, chunks {listed(chunks, 5)}"
    makes = "makes what is missing and writes the dataset" if merged.missing else "writes the dataset"
    results = merged.folder.parent.resolve()
    if results.name != "results":
        yield f"Snakemake looks in a folder named results: rename {results}, then"
    here = results.with_name("results") == Path("results").resolve()
    where = config if here else f"{config.resolve()} --directory {results.parent}"
    yield f"jetresim run {where}  # {makes}"
