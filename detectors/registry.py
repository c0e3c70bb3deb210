"""The detectors by the name that the configuration uses."""

from campaign.config import Campaign
from detectors.none import NoDetector
from detectors.protocol import Detector


def make_detector(campaign: Campaign) -> Detector:
    """Set up the detector of a campaign."""
    return NoDetector(pt_min=campaign.jets.constituent_pt_min)
