"""What MadGraph is told: its scripts, from the configuration alone."""

from typing import Any

from jetresim.campaign.config import Campaign
from jetresim.campaign.madgraph import CardValue, MadGraphProcess
from jetresim.campaign.seeds import integration_seed

__all__ = ["FOLDER", "RUN", "asked_cuts", "definition", "integration", "settings"]

FOLDER = "madgraph_process"
"""Folder that MadGraph writes the code of a process to."""

RUN = "run_01"
"""Name of the run that integrates the process."""

_BEAMS = {2212: 1, -2212: -1}
"""PDG id to MadGraph's `lpp`."""


def definition(asked: MadGraphProcess) -> str:
    """Script that writes the code of a process, for ``mg5_aMC``."""
    # Without this setting MadGraph looks for a newer version of itself.
    return _text(["set auto_update 0", *asked.process, f"output {FOLDER} -nojpeg"])


def integration(campaign: Campaign, process: str) -> str:
    """Script that integrates a process and packs it, for ``bin/madevent`` in its folder."""
    asked = campaign.process(process).madgraph
    assert asked is not None  # by validation
    precision = campaign.madgraph.accuracy
    return _text(
        [
            "edit_cards",
            *(f"set run_card {name} {_value(value)}" for name, value in _run_card(campaign, process).items()),
            *(f"set param_card {name} {value}" for name, value in asked.param_card.items()),
            # what `generate_events` does for a gridpack, with a precision that can be chosen
            f"survey {RUN} --accuracy={precision} --points=2000 --iterations=8 --gridpack=.true.",
            "combine_events",
            "store_events",
            "create_gridpack",
        ]
    )


def settings(threads: int) -> str:
    """Lines for ``Cards/me5_configuration.txt``; `set` would write them to MadGraph's own installation."""
    return _text(["run_mode = 2", f"nb_core = {threads}", "automatic_html_opening = False"])


def asked_cuts(campaign: Campaign, process: str) -> dict[str, Any]:
    """The configuration's own values of the run card."""
    asked = campaign.process(process).madgraph
    assert asked is not None  # by validation
    return dict(asked.run_card)


def _run_card(campaign: Campaign, process: str) -> dict[str, Any]:
    beams = campaign.beams
    return {
        "gridpack": True,
        "iseed": integration_seed(campaign.seed, process),
        "use_syst": False,
        "lpp1": _BEAMS[beams.particles[0]],
        "lpp2": _BEAMS[beams.particles[1]],
        "ebeam1": beams.energy / 2,
        "ebeam2": beams.energy / 2,
        "pdlabel": "nn23lo1",
        **asked_cuts(campaign, process),
    }


def _value(value: CardValue) -> str:
    """A value as MadGraph reads it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(one)}" for key, one in value.items()) + "}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _text(lines: list[str]) -> str:
    return "\n".join([*lines, ""])
