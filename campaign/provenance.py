"""What made a file: software versions, and the part of the configuration that a stage depends on."""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.herwig import event_inputs
from jetresim.campaign.settings import Settings
from jetresim.campaign.version import code_version

__all__ = [
    "SCHEMA_VERSION",
    "MadeBy",
    "campaign_digest",
    "check_made_with",
    "check_one_version",
    "digest",
    "encode",
    "flat_keys",
    "full_events_inputs",
    "groups_inputs",
    "jets_inputs",
    "merged_versions",
    "mixed_versions",
    "pool_inputs",
    "survey_inputs",
    "versions",
]

SCHEMA_VERSION = 1
"""Version of the layout of all files of a campaign."""

_PACKAGES = ("pythia8mc", "fastjet", "pylhe", "awkward", "numpy", "pyarrow")

_ONE_IN_A_DATASET = ("pythia8mc", "madgraph", "herwig", "fastjet", "jetresim")
"""Programs of which all files of a dataset must be made by the same version."""

_NAMED_FILES = 3


@cache
def versions() -> dict[str, str]:
    """Versions of the software that decides what the events look like."""
    ours = {"jetresim": code_version(), "python": platform.python_version()}
    return ours | {package: metadata.version(package) for package in _PACKAGES}


def merged_versions(found: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Join software versions; where they differ, all are named."""
    seen: dict[str, set[str]] = {}
    for each in found:
        for package, version in each.items():
            seen.setdefault(package, set()).update(str(version).split(", "))
    return {package: ", ".join(sorted(seen[package])) for package in sorted(seen)}


def mixed_versions(versions: Mapping[str, str]) -> dict[str, str]:
    """Those of merged versions that must be one in a dataset, and are not."""
    return {name: versions[name] for name in _ONE_IN_A_DATASET if ", " in versions.get(name, "")}


def check_one_version(
    output: Path, sources: Iterable[tuple[str, Mapping[str, str]]], campaign: Campaign
) -> None:
    """Refuse to make a file of others that different versions of a program made, unless that is allowed.

    Parameters
    ----------
    output : Path
        The file, for the message.
    sources : iterable of (str, mapping)
        What each source is called, and the versions it was made by.
    campaign : Campaign
        Has the key ``dataset.mixed_versions``.

    Raises
    ------
    DataError
        One line that lists the versions, with some of the sources of each.
    """
    made_by = MadeBy()
    for source, found in sources:
        made_by.add(source, found)
    made_by.check(output, campaign)


class MadeBy:
    """Which versions of the programs of `_ONE_IN_A_DATASET` have made the sources of a file."""

    def __init__(self) -> None:
        self._sources: dict[str, dict[str, _Sources]] = {name: {} for name in _ONE_IN_A_DATASET}

    def add(self, source: str, versions: Mapping[str, str]) -> None:
        """Count a source by the versions it was made by."""
        for name in self._sources.keys() & versions.keys():
            for version in versions[name].split(", "):
                self._sources[name].setdefault(version, _Sources()).add(source)

    def check(self, output: Path, campaign: Campaign) -> None:
        """Refuse sources of different versions; see `check_one_version`."""
        if campaign.dataset.mixed_versions == "allow":
            return
        listed = [
            f"{name} " + ", ".join(f"{version} ({by[version]})" for version in sorted(by))
            for name, by in self._sources.items()
            if len(by) > 1
        ]
        if listed:
            raise DataError(
                f"{output}: made from files of different versions: {'; '.join(listed)}; make the files of "
                "one version again (Snakemake's --forcerun), or set `dataset: {mixed_versions: allow}`"
            )


class _Sources:
    """Counts sources and remembers the first names."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._count = 0

    def add(self, name: str) -> None:
        self._count += 1
        if len(self._names) < _NAMED_FILES:
            self._names.append(name)

    def __str__(self) -> str:
        more = self._count - len(self._names)
        return ", ".join(self._names) + (f" and {more} more" if more else "")


def encode(content: Any) -> str:
    """JSON with one spelling for equal content."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(content: Any) -> str:
    """Short fingerprint of JSON content."""
    return hashlib.blake2b(encode(content).encode(), digest_size=8).hexdigest()


def campaign_digest(campaign: Campaign) -> str:
    """What tells a campaign from all others."""
    return digest(campaign.model_dump(mode="json"))


def survey_inputs(campaign: Campaign, process: str) -> dict[str, Any]:
    """What the survey of a process depends on: of files, on what they hold and not on where they are."""
    asked = campaign.process(process).model_dump(
        mode="json", exclude={"description", "events", "files", "shower_settings"}
    )
    inputs = {
        "seed": campaign.seed,
        "beams": campaign.beams.model_dump(mode="json"),
        "process": asked,
        "settings": campaign.hard_settings(process).lines,
    }
    if process in campaign.madgraph_processes:
        inputs["madgraph"] = campaign.madgraph.model_dump(mode="json", include={"block_events", "accuracy"})
    return inputs


def jets_inputs(campaign: Campaign, process: str, realization: str) -> dict[str, Any]:
    """What the jets of a realization depend on beside its hard events."""
    followed = campaign.followed(realization)
    return {
        **_own_inputs(campaign, process, realization),
        "survivors": _survivors(campaign, process, followed) if followed else None,
    }


def _own_inputs(campaign: Campaign, process: str, realization: str) -> dict[str, Any]:
    """What its jets depend on where it is simulated."""
    augmentation = campaign.augmentation(realization)
    herwig = augmentation.herwig_options
    return {
        "seed": campaign.seed,
        "beams": campaign.beams.model_dump(mode="json"),
        "process": campaign.process(process).model_dump(mode="json", include={"targets", "cuts"}),
        "shower": augmentation.shower,
        "settings": campaign.shower_settings(process, realization).lines if augmentation.by_pythia else [],
        "herwig": event_inputs(herwig) if herwig else None,
        "intervene": augmentation.intervene.model_dump(mode="json"),
        "detector": campaign.detector_options(realization).model_dump(mode="json"),
        "parton_pt_min": campaign.parton_pt_min(realization),
        "jets": campaign.jets.model_dump(mode="json"),
        **({"options": augmentation.options} if augmentation.options else {}),
        **({"groups_of": campaign.groups.of} if campaign.groups.whole_events else {}),
        **({"weights": campaign.weight_names(realization)} if augmentation.weights else {}),
        **_pileup_inputs(campaign, realization),
    }


def full_events_inputs(campaign: Campaign, process: str, realization: str) -> dict[str, Any]:
    """What the particles of a realization depend on beside its hard events."""
    later = ("detector", "survivors", "pileup", "groups_of")
    asked = jets_inputs(campaign, process, realization)
    return {key: value for key, value in asked.items() if key not in later}


def _pileup_inputs(campaign: Campaign, realization: str) -> dict[str, Any]:
    if campaign.pileup is None:
        return {}
    streams = [campaign.pileup_stream(realization), campaign.pileup_detector_stream(realization)]
    overlaid = {"streams": streams, "pool": digest(pool_inputs(campaign))}
    return {"pileup": campaign.pileup.model_dump(mode="json") | overlaid}


def pool_inputs(campaign: Campaign) -> dict[str, Any]:
    """What the minimum-bias events of the pile-up depend on."""
    assert campaign.pileup is not None
    return {
        "seed": campaign.seed,
        "beams": campaign.beams.model_dump(mode="json"),
        "settings": campaign.pileup_settings.lines,
        "events": campaign.pileup.pool,
    }


def _survivors(campaign: Campaign, process: str, followed: list[str]) -> dict[str, Any]:
    """What decides which hard events survive some realizations; in which order these are made does not."""
    anchor, *others = followed
    chain = {name: digest(_own_inputs(campaign, process, name)) for name in others}
    return {
        **campaign.groups.window,
        "anchor": digest(jets_inputs(campaign, process, anchor)),
        **({"chain": chain} if chain else {}),
    }


def groups_inputs(campaign: Campaign, process: str) -> dict[str, Any]:
    """What the groups of a process depend on beside their jets."""
    return {
        "process": campaign.process(process).model_dump(mode="json", include={"targets", "cuts"}),
        "realizations": campaign.realizations,
        "groups": campaign.groups.model_dump(mode="json"),
    }


def dataset_inputs(campaign: Campaign) -> dict[str, Any]:
    """What the dataset depends on beside its groups."""
    return {
        "seed": campaign.seed,
        "dataset": campaign.dataset.model_dump(mode="json"),
        "events": {name: process.events for name, process in campaign.processes.items()},
    }


def card_inputs(campaign: Campaign) -> dict[str, Any]:
    """What the dataset card depends on beside the dataset."""
    return campaign.model_dump(mode="json", exclude={"processes": {"__all__": {"files"}}})


def check_made_with(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse a file that was made with other inputs than the campaign asks for.

    Parameters
    ----------
    path : Path
    found, expected : mapping
        Nested, as `survey_inputs` and the others give them.

    Raises
    ------
    DataError
        Names the first key that differs.
    """
    ours, theirs = dict(flat_keys(found)), dict(flat_keys(expected))
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            raise DataError(
                f"{path}: made with {key} = {ours.get(key)!r}, but the campaign has {theirs.get(key)!r}; "
                "remake the file"
            )


def flat_keys(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give the dotted keys and the values of nested mappings and lists."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from flat_keys(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(content, list) and content and all(" = " in str(line) for line in content):
        settings = Settings(content)
        for name in settings.names:
            yield f"{prefix}.{name}", "; ".join(value for known, value in settings if known == name)
        yield f"{prefix}:order", ", ".join(name for name, _ in settings)  # sorts behind their values
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from flat_keys(value, f"{prefix}[{place}]")
    else:
        yield prefix, content
