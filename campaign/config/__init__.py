"""The configuration, one module a section."""

from jetresim.campaign.config.augmentation import Augmentation
from jetresim.campaign.config.beams import Beams
from jetresim.campaign.config.campaign import Campaign
from jetresim.campaign.config.dataset import FORMATS, Dataset, Splits
from jetresim.campaign.config.files import load, parse, save
from jetresim.campaign.config.groups import Groups
from jetresim.campaign.config.jets import Jets, Matching, SoftDrop
from jetresim.campaign.config.problems import first_problem, unknown
from jetresim.campaign.config.process import Cuts, Gun, Process, Target

__all__ = [
    "FORMATS",
    "Augmentation",
    "Beams",
    "Campaign",
    "Cuts",
    "Dataset",
    "Groups",
    "Gun",
    "Jets",
    "Matching",
    "Process",
    "SoftDrop",
    "Splits",
    "Target",
    "first_problem",
    "load",
    "parse",
    "save",
    "unknown",
]
