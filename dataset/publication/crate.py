"""RO-Crate of a dataset and the run of the workflow that made it (Workflow Run RO-Crate)."""

from typing import Any

from jetresim.dataset.publication.described import KEYWORDS, Described

__all__ = ["CAMPAIGN", "WORKFLOW", "crate"]

CAMPAIGN = "campaign.yaml"
"""The configuration, in the folder that is published."""

WORKFLOW = "Snakefile"
"""The workflow that ran it, beside it."""

_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
"""Profiles that the crate conforms to."""

_LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"

_CONTEXTS = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]


def crate(described: Described) -> dict[str, Any]:
    """The content of ``ro-crate-metadata.json``: data, configuration, software, and what made what."""
    files = [file["path"] for file in described.manifest["files"]]
    entities = [
        _descriptor(),
        _root(described, files),
        *({"@id": url, "@type": "CreativeWork", "name": name, "version": url.rpartition("/")[2]}
          for url, name in _PROFILES.items()),
        *(_person(place, name) for place, name in enumerate(described.creators)),
        _workflow(),
        {"@id": _LANGUAGE, "@type": "ComputerLanguage", "name": "Snakemake", "url": "https://snakemake.readthedocs.io"},
        _configuration(described),
        _parameter(),
        _run(described, files),
        *(_software(name, version) for name, version in described.manifest["versions"].items()),
        *(_file(file) for file in described.manifest["files"]),
    ]  # fmt: skip
    return {"@context": _CONTEXTS, "@graph": entities}


def _descriptor() -> dict[str, Any]:
    return {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [
            {"@id": "https://w3id.org/ro/crate/1.1"},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ],
    }


def _root(described: Described, files: list[str]) -> dict[str, Any]:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": described.name,
        "description": described.text,
        "version": described.version,
        "license": described.license,
        "keywords": ", ".join(KEYWORDS),
        "datePublished": described.published.isoformat(),
        "author": [{"@id": f"#creator-{place}"} for place in range(len(described.creators))],
        "conformsTo": [{"@id": url} for url in _PROFILES],
        "mainEntity": {"@id": WORKFLOW},
        "mentions": {"@id": "#run"},
        "hasPart": [{"@id": name} for name in (WORKFLOW, CAMPAIGN, *files)],
    }


def _person(place: int, name: str) -> dict[str, Any]:
    return {"@id": f"#creator-{place}", "@type": "Person", "name": name}


def _workflow() -> dict[str, Any]:
    return {
        "@id": WORKFLOW,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "jetresim: hard events once, showers many times",
        "programmingLanguage": {"@id": _LANGUAGE},
        "input": {"@id": "#configuration"},
    }


def _parameter() -> dict[str, Any]:
    return {
        "@id": "#configuration",
        "@type": "FormalParameter",
        "additionalType": "File",
        "name": "configuration",
        "valueRequired": True,
    }


def _configuration(described: Described) -> dict[str, Any]:
    campaign = described.campaign
    return {
        "@id": CAMPAIGN,
        "@type": "File",
        "name": "configuration of the campaign",
        "description": f"campaign seed {campaign.seed}; realizations {', '.join(campaign.realizations)}",
        "encodingFormat": "application/yaml",
        "exampleOfWork": {"@id": "#configuration"},
    }


def _run(described: Described, files: list[str]) -> dict[str, Any]:
    software = [{"@id": f"#{name}"} for name in described.manifest["versions"]]
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"run of the campaign {described.name}",
        "instrument": {"@id": WORKFLOW},
        "object": [{"@id": CAMPAIGN}, *software],
        "result": [{"@id": name} for name in files],
        "agent": {"@id": "#creator-0"},
    }


def _software(name: str, version: str) -> dict[str, Any]:
    return {"@id": f"#{name}", "@type": "SoftwareApplication", "name": name, "softwareVersion": version}


def _file(file: dict[str, Any]) -> dict[str, Any]:
    return {
        "@id": file["path"],
        "@type": "File",
        "name": file["path"],
        "contentSize": str(file["bytes"]),
        "sha256": file["sha256"],
    }
