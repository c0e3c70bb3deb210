"""Settings of Pythia 8, checked against its own database of them."""

import re
from functools import cache

import pythia8mc

from jetresim.campaign.config import Campaign, unknown
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.reserved import HARD_PROCESS, RESERVED, RESERVED_GROUPS
from jetresim.campaign.seed_contract import breaks_seed_contract
from jetresim.campaign.settings import Settings, setting_names

__all__ = ["check_campaign_settings", "hidden_settings"]

_PARTICLE_NUMBERS = {"m0", "mWidth", "mMin", "mMax", "tau0", "chargeType", "spinType", "colType"}
_SWITCHES = {"on", "off", "true", "false", "yes", "no", "1", "0"}


@cache
def _database() -> pythia8mc.Pythia:
    """A Pythia that only answers questions about its settings."""
    pythia = pythia8mc.Pythia("", False)
    pythia.readString("Print:quiet = on", False)
    return pythia


def hidden_settings(settings: Settings) -> list[str]:
    """Settings that a later one resets, such as ``Tune:pp`` what a tune sets: one line for each later one.

    Pythia reads `settings` in their order and ``Tune:pp`` and ``Tune:ee`` set others when they are read
    (Pythia manual, Tunes), so the last line wins, whether it sets one value or many.
    """
    pythia = pythia8mc.Pythia("", False)
    known = setting_names()
    values: dict[str, str] = {}
    hidden = []
    for line, (name, _) in zip(settings.lines, settings, strict=True):
        pythia.readString(line, False)
        now = {each: _value(pythia, each) for each in [*values, name] if each.lower() in known}
        if reset := [each for each in values if each != name and now[each] != values[each]]:
            hidden.append(f"`{line}` resets {', '.join(f'`{each}`' for each in reset)}, set before it")
        values = {each: now[each] for each in now if each not in reset}
    return hidden


def _value(pythia: pythia8mc.Pythia, name: str) -> str:
    return str(pythia.settings.output(name, True))


def check_settings(settings: Settings, where: str, *, hard_process: bool = False) -> None:
    """Refuse settings that Pythia does not know or that the pipeline sets itself.

    Parameters
    ----------
    settings : Settings
    where : str
        Place in the configuration, for the message.
    hard_process : bool
        Whether the settings may choose a hard process. Where they are read by showers too, Pythia would
        make events of its own beside those it is given.

    Raises
    ------
    ConfigError
        One line naming the first setting that is wrong.
    """
    groups = {name.lower(): reason for name, reason in RESERVED_GROUPS.items()}
    for name, value in settings:
        if reason := RESERVED.get(name) or groups.get(name.lower().split(":")[0]):
            raise ConfigError(f"{where}: `{name}` cannot be set here; {reason}")
        if reason := breaks_seed_contract(name, value):
            raise ConfigError(f"{where}: `{name} = {value}` is refused; {reason}")
        if re.fullmatch(r"-?\d+:\w+", name):
            _check_particle_property(name, value, where)
        elif name.lower() in setting_names():
            _check_value(name, value, where)
        else:
            raise ConfigError(f"{where}: " + unknown("Pythia setting", name, _similar(name.lower())))
        if not hard_process and HARD_PROCESS.fullmatch(name) and _is_on(name):
            raise ConfigError(
                f"{where}: `{name} = {value}` chooses a hard process; that belongs to `processes.*.settings`"
            )


def _is_on(name: str) -> bool:
    """Whether a switch, or one of a list of switches, is on in the database that `_check_value` sets."""
    settings = _database().settings
    if settings.isFlag(name):
        return bool(settings.flag(name))
    return bool(settings.isFVec(name)) and any(settings.fvec(name))


def _similar(key: str) -> list[str]:
    """Names in the database to suggest for one that does not exist: those of its group first."""
    names = setting_names()
    group = [name for low, name in names.items() if low.split(":")[0] == key.split(":")[0]]
    return group or list(names.values())


def _check_value(name: str, value: str, where: str) -> None:
    settings = _database().settings
    line = f"{name} = {value}"
    if settings.isFlag(name) and value.lower() not in _SWITCHES:
        raise ConfigError(f"{where}: `{line}`: expected on or off")
    if settings.isMode(name) and not re.fullmatch(r"[+-]?\d+", value):
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


def _check_particle_property(name: str, value: str, where: str) -> None:
    line = f"{name} = {value}"
    if name.split(":")[1] in _PARTICLE_NUMBERS:
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
        check_settings(process.settings, f"processes.{name}.settings", hard_process=True)
        check_settings(process.decay_settings, f"processes.{name}.decay_settings")
        check_settings(process.shower_settings, f"processes.{name}.shower_settings")
    for augmentation in campaign.augmentations:
        check_settings(augmentation.settings, f"augmentations.{augmentation.name}.settings")
