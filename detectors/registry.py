"""The detectors by the name that the configuration uses; each is imported where it is asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from jetresim.campaign.config import Campaign
from jetresim.campaign.detector import PARAMETRIZED
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.plugins import DETECTOR_NAMES

__all__ = ["extra_fields", "make_detector"]

if TYPE_CHECKING:  # so that a command that makes no candidates loads no arrays
    from jetresim.detectors.protocol import Detector


def _none(campaign: Campaign, realization: str) -> "Detector":
    from jetresim.detectors.none import NoDetector

    return NoDetector(pt_min=campaign.jets.constituent_pt_min)


def _parametrized(campaign: Campaign, realization: str) -> "Detector":
    from jetresim.detectors.parametrized import ParametrizedDetector

    return ParametrizedDetector(
        campaign.seed,
        campaign.detector_stream(realization),
        campaign.detector_options(realization),
        pileup_stream=campaign.pileup_detector_stream(realization),
    )


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


def make_detector(campaign: Campaign, realization: str, process: str | None = None) -> "Detector":
    """Set up the detector of a realization; of an external one only the files depend on the process."""
    name = campaign.detector_options(realization).name
    if name == "external":
        from jetresim.detectors.external import ExternalDetector

        return ExternalDetector(campaign, process or next(iter(campaign.processes)), realization)
    detector = DETECTOR_NAMES.chosen(name, DETECTORS)(campaign, realization)
    if campaign.pileup and not hasattr(detector, "vertex_z"):
        raise ConfigError(f"detector `{name}` cannot tell what comes from `pileup`: it has no `vertex_z`")
    return detector


def extra_fields(campaign: Campaign, realization: str) -> tuple[str, ...]:
    """Which of `campaign.detector.EXTRA_FIELDS` the candidates of a realization have."""
    # Delphes need not be installed where only columns are asked for.
    without = campaign.detector_options(realization).name in ("none", "delphes")
    own = () if without else getattr(make_detector(campaign, realization), "extra_fields", ())
    return (*own, *campaign.pileup.fields) if campaign.pileup else own
