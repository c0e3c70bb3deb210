"""Pythia 8 as both the generators and the showers set it up."""

import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import pythia8mc

from jetresim.campaign.config import Beams, Campaign
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.printing import printed_into
from jetresim.campaign.seeds import initialization_seed
from jetresim.campaign.settings import DECAY_SWITCHES, Settings

__all__ = ["failure_reason", "make_pythia"]


def make_pythia(settings: Settings, campaign: Campaign, extra: Mapping[str, Any]) -> pythia8mc.Pythia:
    """Create a silent Pythia that is ready for ``init()``.

    Parameters
    ----------
    settings : Settings
        Physics settings of the configuration.
    campaign : Campaign
        For its beams and its seed.
    extra : mapping
        Settings of the stage itself, which win.

    Raises
    ------
    ConfigError
        A setting is unknown or its value is not accepted.
    """
    pythia = pythia8mc.Pythia("", False)
    stage = {
        "Print:quiet": True,
        "Random:setSeed": True,
        "Random:seed": initialization_seed(campaign.seed),
        **_beam_settings(campaign.beams),
        **extra,
    }
    for line in settings.then(stage).lines:
        if not pythia.readString(line, False):
            raise ConfigError(f"Pythia does not accept `{line}`")
    return pythia


def _beam_settings(beams: Beams) -> dict[str, Any]:
    return {"Beams:idA": beams.particles[0], "Beams:idB": beams.particles[1], "Beams:eCM": beams.energy}


def failure_reason(
    settings: Settings, campaign: Campaign, extra: Mapping[str, Any], feed: pythia8mc.LHAup | None = None
) -> str:
    """Why ``init()`` has failed, in Pythia's own words and one line.

    Parameters
    ----------
    settings, campaign, extra
        What `make_pythia` was given; decay channels that the settings close are named, too.
    feed : LHAup, optional
        What hands the hard events over.
    """
    # Pythia says each thing once, and a silent one never, so it takes another Pythia to hear it.
    pythia = make_pythia(settings, campaign, {**extra, "Print:quiet": False})
    if feed is not None:
        pythia.setLHAupPtr(feed)
    said = _printed_by_init(pythia)
    errors = [line.partition(": ")[2] for line in said if line.startswith("PYTHIA Error")]
    aborts = [line.partition(": ")[2] for line in said if line.startswith("PYTHIA Abort")]
    reasons = errors or aborts or ["it gives no reason"]
    return "; ".join(dict.fromkeys([*reasons, *_closed_decays(pythia, settings)]))


def _printed_by_init(pythia: pythia8mc.Pythia) -> list[str]:
    """Lines that an initialization prints to standard output: Pythia offers its messages nowhere else."""
    with tempfile.TemporaryFile() as printed:
        with printed_into(printed):
            pythia.init()
        printed.seek(0)
        return [line.strip() for line in printed.read().decode(errors="replace").splitlines()]


def _closed_decays(pythia: pythia8mc.Pythia, settings: Settings) -> Iterator[str]:
    """Particles without an open decay channel whose channels the settings have switched."""
    switched: dict[str, list[str]] = {}
    for name, value in settings:
        particle, _, switch = name.partition(":")
        if switch in DECAY_SWITCHES:
            switched.setdefault(particle, []).append(f"`{name} = {value}`")
    for particle, lines in switched.items():
        entry = pythia.particleData.findParticle(int(particle))
        if not any(entry.channel(place).onMode() for place in range(entry.sizeChannels())):
            yield f"{particle} has no open decay channel after {', '.join(lines)}, in this order"
