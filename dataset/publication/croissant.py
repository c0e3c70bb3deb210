"""Croissant 1.1 with its RAI fields: the description that search engines and loaders of data sets read."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from jetresim.campaign.paths import SPLITS
from jetresim.campaign.processes import LABELS
from jetresim.dataset.publication.described import KEYWORDS, Described
from jetresim.dataset.schema import DESCRIPTIONS

__all__ = ["croissant"]

VERSION = "http://mlcommons.org/croissant/1.1"
RAI_VERSION = "http://mlcommons.org/croissant/RAI/1.0"

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        name: f"cr:{name}"
        for name in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field",
            "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset",
            "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated",
            "replace", "samplingRate", "separator", "source", "subField", "transform",
        )
    },
}  # fmt: skip
"""The context of Croissant 1.1; its validators compare it word by word."""

_TYPES = MappingProxyType(
    {
        "process": "sc:Text",
        "event": "cr:Int64",
        "target": "cr:Int8",
        "label": "cr:Int8",
        "weight": "cr:Float64",
    }
)
"""Column of the groups that is one value to its type."""

_MEDIA_TYPES = MappingProxyType(
    {
        ".parquet": "application/x-parquet",
        ".h5": "application/x-hdf5",
        ".json": "application/json",
        ".root": "application/x-root",
    }
)
"""Suffix of a file to its media type."""

_OTHER_MEDIA = "application/octet-stream"


def croissant(described: Described) -> dict[str, Any]:
    """The content of ``croissant.json``.

    Every file is named with its SHA-256; the groups of each split are records, and so are the realizations:
    which intervention, which settings, which random stream.
    """
    campaign = described.campaign
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [VERSION, RAI_VERSION],
        "name": campaign.name,
        "description": described.text,
        "version": described.version,
        "license": described.license,
        "keywords": list(KEYWORDS),
        "creator": [{"@type": "sc:Person", "name": name} for name in described.creators],
        "datePublished": described.published.isoformat(),
        "citeAs": f"{' and '.join(described.creators)}: {campaign.name}, {described.published.year}",
        "distribution": [*_files(described), *_file_sets()],
        "recordSet": [_groups(), _labels(), _realizations(described)],
        **{f"rai:{name}": text for name, text in _responsible(described).items()},
    }


def _files(described: Described) -> Iterator[dict[str, Any]]:
    for file in described.manifest["files"]:
        suffix = "." + file["path"].rpartition(".")[2]
        yield {
            "@type": "cr:FileObject",
            "@id": file["path"],
            "name": file["path"],
            "contentUrl": file["path"],
            "contentSize": f"{file['bytes']} B",
            "encodingFormat": _MEDIA_TYPES.get(suffix, _OTHER_MEDIA),
            "sha256": file["sha256"],
        }


def _file_sets() -> Iterator[dict[str, Any]]:
    for split in SPLITS:
        yield {
            "@type": "cr:FileSet",
            "@id": f"{split}-groups",
            "name": f"{split}-groups",
            "description": f"groups of the split {split}; the configuration is in each file's metadata",
            "encodingFormat": _MEDIA_TYPES[".parquet"],
            "includes": f"{split}/*.parquet",
        }


def _groups() -> dict[str, Any]:
    """Columns of one value; what is nested is described in the same words as on the card."""
    nested = [f"{name}: {text}" for name, text in DESCRIPTIONS.items() if name not in _TYPES]
    fields = [_field("groups", name, kind, DESCRIPTIONS[name]) for name, kind in _TYPES.items()]
    for field, name in zip(fields, _TYPES, strict=True):
        field["source"] = {"fileSet": {"@id": "train-groups"}, "extract": {"column": name}}
        if name == "label":
            field["references"] = {"field": {"@id": "labels/number"}}
    return {
        "@type": "cr:RecordSet",
        "@id": "groups",
        "name": "groups",
        "description": "One record a target of a hard event (training split). Further columns: "
        + "; ".join(nested),
        "key": [{"@id": f"groups/{name}"} for name in ("process", "event", "target")],
        "field": fields,
    }


def _labels() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "labels",
        "name": "labels",
        "dataType": "sc:Enumeration",
        "key": {"@id": "labels/number"},
        "field": [
            _field("labels", "number", "cr:Int8", "RS3L jettype"),
            _field("labels", "name", "sc:Text", "what the jet stands for"),
        ],
        "data": [{"labels/number": number, "labels/name": name} for number, name in LABELS.items()],
    }


def _realizations(described: Described) -> dict[str, Any]:
    records = described.realizations()
    return {
        "@type": "cr:RecordSet",
        "@id": "realizations",
        "name": "realizations",
        "description": "The members of every group, in the order of column `realizations`: where each "
        "departs from the anchor, and with which settings and random stream.",
        "key": {"@id": "realizations/index"},
        "field": [
            _field("realizations", name, "sc:Integer" if name == "index" else "sc:Text", _MEANINGS[name])
            for name in _MEANINGS
        ],
        "data": [{f"realizations/{name}": value for name, value in each.items()} for each in records],
    }


_MEANINGS = MappingProxyType(
    {
        "index": "place in the column `realizations`",
        "name": "name, part of the seed",
        "description": "in words",
        "shower": "shower and hadronization program",
        "tune": "tune of Pythia",
        "intervention": "point of the chain up to which it is the anchor's",
        "settings": "Pythia settings that differ",
        "detector": "options of the detector that differ, JSON",
        "random_stream": "what its random numbers are a function of",
    }
)
"""Column of the realizations to its meaning."""


def _field(record_set: str, name: str, kind: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "description": description,
        "dataType": kind,
    }


def _responsible(described: Described) -> dict[str, Any]:
    campaign = described.campaign
    software = ", ".join(f"{name} {version}" for name, version in described.generators.items())
    cuts = "; ".join(
        f"{name}: pT > {process.cuts.pt_min:g} GeV" for name, process in campaign.processes.items()
    )
    required = {
        "all": "all realizations have",
        "nominal": "the nominal one has",
        "any": "one realization has",
    }
    jet = "in the event" if campaign.groups.whole_events else "that stands for the target"
    return {
        "dataCollection": f"Simulated with {software}. Hard events are made once and simulated again from an "
        f"intervention point on: {', '.join(campaign.realizations)}. Nothing was measured.",
        "dataCollectionType": ["Software Collection"],
        "dataPreprocessingProtocol": [
            f"Jets: {campaign.jets.algorithm}, R = {campaign.jets.radius:g}, "
            f"pT > {campaign.jets.pt_min:g} GeV, matched to targets of the hard event; "
            f"detector: {campaign.detector.name}."
        ],
        "dataManipulationProtocol": "Splits are by hash of the hard event; every random number follows from "
        f"the campaign seed {campaign.seed}; the seed of every realization is stored.",
        "dataBiases": [
            f"Selected phase space: {cuts}; jets of groups with pT > {campaign.groups.pt_min:g} GeV.",
            f"Groups are kept where {required[campaign.groups.require]} a jet {jet}.",
        ],
        "dataLimitations": [
            "Simulation with tuned programs: differences between realizations are a model of the "
            "uncertainty, not a measurement of it.",
            "Members of a group are not independent of each other.",
        ],
        "dataUseCases": [
            "Self-supervised learning of jets, and its validation",
            "Robustness to the simulation",
        ],
        "personalSensitiveInformation": ["None: all is simulated."],
    }
