"""Pythia 8 as both the generators and the showers set it up, and its settings database."""

import re
from functools import cache

import pythia8mc

from campaign.config import Beams, Campaign, Settings, SettingValue, unknown
from campaign.errors import ConfigError
from campaign.seeds import initialization_seed

RESERVED = {
    "Beams:idA": "it is set by `beams.particles`",
    "Beams:idB": "it is set by `beams.particles`",
    "Beams:eCM": "it is set by `beams.energy`",
    "Beams:eA": "it is set by `beams.energy`",
    "Beams:eB": "it is set by `beams.energy`",
    "Beams:frameType": "hard events are fed from memory",
    "Beams:LHEF": "files are named by `processes.*.files`",
    "LesHouches:setLifetime": "hard events keep the lifetimes of their file",
    "PhaseSpace:pTHatMin": "it is set by `processes.*.cuts.pt_min`",
    "PhaseSpace:pTHatMax": "it is set by `processes.*.cuts.pt_max`",
    "PhaseSpace:bias2Selection": "hard events are unweighted; make one process for each pT range instead",
    "PhaseSpace:increaseMaximum": "each hard event must be independent of the ones before it",
    "ProcessLevel:all": "the hard process is what all realizations share",
    "PartonLevel:all": "it is off for hard events and on for showers",
}
"""Settings that the pipeline itself sets, and why a configuration may not."""

RESERVED_GROUPS = {
    "Random": "all random numbers follow from the campaign's `seed`",
    "Main": "the number of events is `processes.*.events`",
    "Init": "Pythia's printing is the job's business",
    "Next": "Pythia's printing is the job's business",
    "Print": "Pythia's printing is the job's business",
    "Stat": "Pythia's printing is the job's business",
    "POWHEG": "its veto hooks are not installed",
    "JetMatching": "its matching hooks are not installed",
    "Merging": "its merging hooks are not installed",
    "Parallelism": "jobs are run in parallel by the workflow",
}

_PARTICLE_NUMBERS = {"m0", "mwidth", "mmin", "mmax", "tau0", "chargetype", "spintype", "coltype"}
_SWITCHES = {"on", "off", "true", "false", "yes", "no", "1", "0"}


def setting_line(name: str, value: SettingValue) -> str:
    """One line of Pythia input; floats keep all their digits."""
    if isinstance(value, bool):
        value = "on" if value else "off"
    return f"{name} = {value}"


def make_pythia(settings: Settings, campaign: Campaign, extra: Settings) -> pythia8mc.Pythia:
    """Create a silent Pythia that is ready for ``init()``.

    Parameters
    ----------
    settings : dict
        Physics settings of the configuration.
    campaign : Campaign
        For its beams and its seed.
    extra : dict
        Settings of the stage itself, which win.

    Raises
    ------
    ConfigError
        A setting is unknown or its value is not accepted.
    """
    pythia = pythia8mc.Pythia("", False)
    stage: Settings = {
        "Print:quiet": True,
        "Random:setSeed": True,
        "Random:seed": initialization_seed(campaign.seed),
        **_beam_settings(campaign.beams),
        **extra,
    }
    for name, value in {**settings, **stage}.items():
        if not pythia.readString(setting_line(name, value), False):
            raise ConfigError(f"Pythia does not accept `{setting_line(name, value)}`")
    return pythia


def _beam_settings(beams: Beams) -> Settings:
    return {"Beams:idA": beams.particles[0], "Beams:idB": beams.particles[1], "Beams:eCM": beams.energy}


@cache
def _database() -> pythia8mc.Pythia:
    """A Pythia that only answers questions about its settings."""
    return pythia8mc.Pythia("", False)


@cache
def setting_names() -> dict[str, str]:
    """All settings in Pythia's database: lower-case name to its proper spelling."""
    settings = _database().settings
    maps = ("Flag", "Mode", "Parm", "Word", "FVec", "MVec", "PVec", "WVec")
    return {key: entry.name for kind in maps for key, entry in getattr(settings, f"get{kind}Map")("").items()}


def check_settings(settings: Settings, where: str) -> None:
    """Refuse settings that Pythia does not know or that the pipeline sets itself.

    Parameters
    ----------
    settings : dict
    where : str
        Place in the configuration, for the message.

    Raises
    ------
    ConfigError
        One line naming the first setting that is wrong.
    """
    reserved = {name.lower(): reason for name, reason in RESERVED.items()}
    groups = {name.lower(): reason for name, reason in RESERVED_GROUPS.items()}
    for name, value in settings.items():
        key = name.strip().lower()
        reason = reserved.get(key) or groups.get(key.split(":")[0])
        if reason:
            raise ConfigError(f"{where}: `{name}` cannot be set here; {reason}")
        if re.fullmatch(r"-?\d+:\w+", key):
            _check_particle_property(name, value, where)
        elif key in setting_names():
            _check_value(name, value, where)
        else:
            raise ConfigError(f"{where}: " + unknown("Pythia setting", name, _similar(key)))


def _similar(key: str) -> list[str]:
    """Names in the database to suggest for one that does not exist: those of its group first."""
    names = setting_names()
    group = [name for low, name in names.items() if low.split(":")[0] == key.split(":")[0]]
    return group or list(names.values())


def _check_value(name: str, value: SettingValue, where: str) -> None:
    settings = _database().settings
    line = setting_line(name, value)
    if settings.isFlag(name) and str(value).lower() not in _SWITCHES:
        raise ConfigError(f"{where}: `{line}`: expected on or off")
    if settings.isMode(name) and not re.fullmatch(r"[+-]?\d+", str(value).strip()):
        raise ConfigError(f"{where}: `{line}`: {_allowed('Mode', name)}")
    if settings.readString(line, False):
        return
    kind = next((kind for kind in ("Mode", "Parm") if getattr(settings, f"is{kind}")(name)), None)
    if kind is None:
        raise ConfigError(f"{where}: Pythia does not accept `{line}`")
    raise ConfigError(f"{where}: `{line}`: {_allowed(kind, name)}")


def _allowed(kind: str, name: str) -> str:
    """The range of a numerical setting, in words."""
    (entry,) = [
        entry
        for key, entry in getattr(_database().settings, f"get{kind}Map")(name).items()
        if key == name.lower()
    ]
    number = "a whole number" if kind == "Mode" else "a number"
    low = f" from {entry.valMin:g}" if entry.hasMin else ""
    high = f" up to {entry.valMax:g}" if entry.hasMax else ""
    return f"expected {number}{low}{high}"


def _check_particle_property(name: str, value: SettingValue, where: str) -> None:
    line = setting_line(name, value)
    if name.split(":")[1].lower() in _PARTICLE_NUMBERS:
        try:
            float(value)
        except ValueError:
            raise ConfigError(f"{where}: `{line}`: expected a number") from None
    if not _database().readString(line, False):
        raise ConfigError(f"{where}: `{line}`: Pythia has no such particle or property")


def check_campaign_settings(campaign: Campaign) -> None:
    """Check every Pythia setting of a campaign.

    Raises
    ------
    ConfigError
        One line naming the place and the setting.
    """
    check_settings(campaign.settings, "settings")
    for name, process in campaign.processes.items():
        check_settings(process.settings, f"processes.{name}.settings")
        check_settings(process.decay_settings, f"processes.{name}.decay_settings")
        check_settings(process.shower_settings, f"processes.{name}.shower_settings")
    for augmentation in campaign.augmentations:
        check_settings(augmentation.settings, f"augmentations.{augmentation.name}.settings")
