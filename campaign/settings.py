"""Pythia settings as Pythia takes them: lines, read in their order, names spelt as in its manual."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer, PlainValidator
from pydantic.json_schema import JsonSchemaValue

__all__ = ["DECAY_SWITCHES", "Settings", "setting_names"]

DECAY_SWITCHES = (
    "onMode", "offIfAny", "onIfAny", "onPosIfAny", "onNegIfAny", "offIfAll", "onIfAll", "onPosIfAll",
    "onNegIfAll", "offIfMatch", "onIfMatch", "onPosIfMatch", "onNegIfMatch",
)  # fmt: skip
"""What opens and closes decay channels of a particle, as in ``25:onMode``."""

PARTICLE_PROPERTIES = (
    "name", "antiName", "names", "spinType", "chargeType", "colType", "m0", "mWidth", "mMin", "mMax", "tau0",
    "isResonance", "mayDecay", "tauCalc", "doExternalDecay", "isVisible", "doForceWidth", "varWidth",
    *DECAY_SWITCHES, "addChannel", "oneChannel", "rescaleBR", "all", "new",
)  # fmt: skip
"""What can be set for a particle (Pythia manual, The Particle Data Scheme)."""

_PARTICLE = re.compile(r"(-?\d+):(\w+)")


class Settings:
    """An ordered list of Pythia settings, unchangeable.

    Their order matters: ``25:onMode = off`` closes what ``25:onIfMatch = 5 -5`` before it has opened, and
    ``Tune:pp`` resets what a line before it has set.

    Parameters
    ----------
    given : Settings, mapping, or iterable
        A mapping of names to values, in its order; or a list of lines such as ``"25:onMode = off"``,
        which can hold a name more than once.

    Raises
    ------
    ValueError
        A line without a value, or a value that is no number, text or switch.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Names in Pythia's spelling, values as text.
    """

    __slots__ = ("pairs",)

    pairs: tuple[tuple[str, str], ...]

    def __init__(self, given: "Settings | Mapping[str, Any] | Iterable[Any]" = ()) -> None:
        self.pairs = given.pairs if isinstance(given, Settings) else tuple(_pairs(given))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        return self.pairs == other.pairs if isinstance(other, Settings) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Settings({self.lines!r})"

    @property
    def names(self) -> list[str]:
        """Names in their order, each once."""
        return list(dict.fromkeys(name for name, _ in self.pairs))

    @property
    def lines(self) -> list[str]:
        """Lines of Pythia input."""
        return [f"{name} = {value}" for name, value in self.pairs]

    def get(self, name: str) -> str | None:
        """The value that is set last for a name in any spelling, if there is one."""
        wanted = canonical_name(name)
        return next((value for known, value in reversed(self.pairs) if known == wanted), None)

    def then(self, *later: "Settings | Mapping[str, Any]") -> "Settings":
        """These settings and others behind them; a name that is set again stands with the later ones."""
        combined = self
        for layer in map(Settings, later):
            names = set(layer.names)
            kept = [pair for pair in combined.pairs if pair[0] not in names]
            combined = Settings(())
            combined.pairs = (*kept, *layer.pairs)
        return combined

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        lines = PlainSerializer(lambda value: value.lines)
        return handler.generate_schema(Annotated[Any, PlainValidator(cls), lines])

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        scalar = {"type": ["boolean", "integer", "number", "string"]}
        mapping = {"type": "object", "additionalProperties": scalar}
        lines = {"type": "array", "items": {"type": "string", "pattern": "="}}
        return {"anyOf": [mapping, lines]}


@cache
def setting_names() -> dict[str, str]:
    """All names in the settings database of the Pythia that is used: in lower case, to its own spelling."""
    listed = files(__package__).joinpath("pythia_settings.txt").read_text(encoding="utf-8")
    return {name.lower(): name for name in listed.split()}


@cache
def _particle_properties() -> dict[str, str]:
    return {name.lower(): name for name in PARTICLE_PROPERTIES}


def canonical_name(name: str) -> str:
    """A setting's name as Pythia spells it; Pythia itself takes any case. Unknown names stay as they are."""
    name = name.strip()
    if particle := _PARTICLE.fullmatch(name):
        number, quality = particle.groups()
        return f"{number}:{_particle_properties().get(quality.lower(), quality)}"
    return setting_names().get(name.lower(), name)


def _pairs(given: Any) -> Iterator[tuple[str, str]]:
    if isinstance(given, Mapping):
        yield from _pairs_of_mapping(given)
    elif isinstance(given, list | tuple):
        yield from map(_split, given)
    else:
        raise ValueError(f"expected a mapping of names to values, or a list of lines (found {given!r})")


def _pairs_of_mapping(given: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    spelt: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ValueError(f"expected the name of a setting (found {name!r})")
        canonical = canonical_name(name)
        if canonical in spelt:
            raise ValueError(f"`{canonical}` is set twice, as `{spelt[canonical]}` and `{name}`; keep one")
        spelt[canonical] = name
        yield canonical, _text(name, value)


def _split(line: Any) -> tuple[str, str]:
    name, equals, value = line.partition("=") if isinstance(line, str) else ("", "", "")
    if not (name.strip() and equals and value.strip() and line.isprintable()):
        raise ValueError(f"expected lines such as `25:onMode = off` (found {line!r})")
    return canonical_name(name), _text(name.strip(), value)


def _text(name: str, value: Any) -> str:
    """A value as Pythia reads it; floats keep all their digits."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: must be a finite number (found {value!r})")
    text = str(value).strip()
    if not isinstance(value, int | float | str) or not text or not text.isprintable():
        raise ValueError(f"{name}: expected a number, a text, on or off (found {value!r})")
    return text
