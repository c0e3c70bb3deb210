"""The detectors by the name that the configuration uses; each is imported where it is asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from jetresim.campaign.config import Campaign
from jetresim.campaign.detector import PARAMETRIZED
from jetresim.campaign.plugins import DETECTOR_NAMES

__all__ = ["extra_fields", "make_detector"]

if TYPE_CHECKING:  # so that a command that makes no candidates loads no arrays
    from jetresim.detectors.protocol import Detector


def _none(campaign: Campaign, realization: str) -> "Detector":
    from jetresim.detectors.none import NoDetector

    return NoDetector(pt_min=campaign.jets.constituent_pt_min)


def _parametrized(campaign: Campaign, realization: str) -> "Detector":
    from jetresim.detectors.parametrized import ParametrizedDetector

    stream = campaign.detector_stream(realization)
    return ParametrizedDetector(campaign.seed, stream, campaign.detector_options(realization))


def _delphes(campaign: Campaign, realization: str) -> "Detector":
    from jetresim.detectors.delphes import Delphes

    return Delphes(
        campaign.seed, campaign.detector_stream(realization), campaign.detector_options(realization)
    )


DETECTORS: "dict[str, Callable[[Campaign, str], Detector]]" = {
    "none": _none,
    **dict.fromkeys(PARAMETRIZED, _parametrized),
    "delphes": _delphes,
}
"""Name to what sets up the detector for a realization."""


def make_detector(campaign: Campaign, realization: str) -> "Detector":
    """Set up the detector of a realization."""
    make = DETECTOR_NAMES.chosen(campaign.detector_options(realization).name, DETECTORS)
    return make(campaign, realization)


def extra_fields(campaign: Campaign, realization: str) -> tuple[str, ...]:
    """Which of `campaign.detector.EXTRA_FIELDS` the candidates of a realization have."""
    return getattr(make_detector(campaign, realization), "extra_fields", ())
