"""Small campaigns for tests."""

from typing import Any

from jetresim.campaign.config import Campaign, parse

BASE: dict[str, Any] = {
    "name": "small",
    "seed": 20240307,
    "events": 40,
    "chunk": 20,
    "processes": {"higgs": {"cuts": {"pt_min": 500}}, "qcd": {"cuts": {"pt_min": 500}}},
    "augmentations": ["nominal", "seed", "fsrRenHi", "fsrRenLo"],
}


def campaign(**changes: Any) -> Campaign:
    """The small campaign with some keys replaced."""
    return parse({**BASE, **changes}, "test")
