"""The detectors by the name that the configuration uses; each is imported where it is asked for."""

from collections.abc import Callable

from jetresim.campaign.config import Campaign
from jetresim.campaign.plugins import DETECTOR_NAMES
from jetresim.detectors.protocol import Detector

__all__ = ["make_detector"]


def _none(campaign: Campaign, realization: str) -> Detector:
    from jetresim.detectors.none import NoDetector

    return NoDetector(pt_min=campaign.jets.constituent_pt_min)


def _cms_phase2(campaign: Campaign, realization: str) -> Detector:
    from jetresim.detectors.parametrized import ParametrizedDetector

    return ParametrizedDetector(campaign.seed, realization, campaign.detector_options(realization))


def _delphes(campaign: Campaign, realization: str) -> Detector:
    from jetresim.detectors.delphes import Delphes

    return Delphes(campaign.seed, realization, campaign.detector_options(realization))


DETECTORS: dict[str, Callable[[Campaign, str], Detector]] = {
    "none": _none,
    "cms_phase2": _cms_phase2,
    "delphes": _delphes,
}
"""Name to what sets up the detector for a realization."""


def make_detector(campaign: Campaign, realization: str) -> Detector:
    """Set up the detector of a realization."""
    make = DETECTOR_NAMES.chosen(campaign.detector_options(realization).name, DETECTORS)
    return make(campaign, realization)
