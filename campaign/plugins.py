"""Names of generators, showers, detectors and exports: the built-in ones, and those of other packages.

A package adds a name as an entry point of the group ``jetresim.generators``, ``jetresim.showers``,
``jetresim.detectors`` or ``jetresim.exports`` (docs/extending.md). Packages are looked at only for a name
that is not built in.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Literal, TypeVar

from pydantic import PlainSerializer, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from jetresim.campaign.errors import ConfigError

__all__ = ["DETECTOR_NAMES", "EXPORT_NAMES", "GENERATOR_NAMES", "SHOWER_NAMES", "Names"]

Part = TypeVar("Part")


@dataclass(frozen=True)
class Names:
    """The names of one kind of part.

    Attributes
    ----------
    kind : str
        What the names stand for, in the singular.
    built_in : tuple of str
        They win over equal names of other packages.
    """

    kind: str
    built_in: tuple[str, ...]

    @property
    def added(self) -> list[str]:
        """Names that other packages add."""
        return sorted(_offered(self.kind, tuple(sys.path)).keys() - set(self.built_in))

    def chosen(self, name: str, built_in: Mapping[str, Part]) -> Part:
        """What a name stands for: one of those built in, or what the entry point of its package leads to.

        Raises
        ------
        ConfigError
            No package adds the name, several do, or what it leads to cannot be loaded.
        """
        if name in self.built_in:
            return built_in[name]
        point = self._entry_point(name)
        try:
            return point.load()
        except Exception as error:  # whatever the package does when it is imported
            package = " ".join(_package(point))
            raise ConfigError(
                f"{self.kind} {name!r} of {package} cannot be loaded ({type(error).__name__}: {error})"
            ) from error

    def version(self, name: str) -> dict[str, str]:
        """The package that adds a name to its version; nothing for one that is built in."""
        return {} if name in self.built_in else dict([_package(self._entry_point(name))])

    def _entry_point(self, name: str) -> EntryPoint:
        found = _offered(self.kind, tuple(sys.path)).get(name, ())
        if len(found) != 1:
            packages = " and ".join(_package(point)[0] for point in found)
            problem = (
                f"is added by {packages}; expected one of them" if found else "is of no installed package"
            )
            raise ConfigError(f"{self.kind} {name!r} {problem}")
        return found[0]

    @property
    def field(self) -> Any:
        """Type of a field of the configuration that holds one of the names."""
        return Annotated[
            Literal[self.built_in], WrapValidator(self._known), PlainSerializer(str, return_type=str)
        ]

    def _known(self, value: Any, built_in: ValidatorFunctionWrapHandler) -> Any:
        try:
            return built_in(value)
        except ValidationError as error:
            if not (added := self.added):
                raise
            if value in added:
                return value
            expected = error.errors()[0]["ctx"]["expected"]
            others = ", ".join(map(repr, added))
            raise ValueError(f"must be {expected}, or {others} (found {value!r})") from None


@cache
def _offered(kind: str, path: tuple[str, ...]) -> dict[str, list[EntryPoint]]:
    """Name to the entry points that lead to it; names become parts of paths."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=f"jetresim.{kind}s"):
        if point.name.isidentifier():
            found.setdefault(point.name, []).append(point)
    return found


def _package(point: EntryPoint) -> tuple[str, str]:
    assert point.dist is not None  # entry points that are found belong to a distribution
    return point.dist.name, point.dist.version


GENERATOR_NAMES = Names("generator", ("pythia8", "lhe", "madgraph", "gun"))
"""Sources of hard events."""

SHOWER_NAMES = Names("shower", ("pythia8", "herwig7"))
"""Shower and hadronization programs."""

DETECTOR_NAMES = Names("detector", ("none", "cms_phase2", "atlas", "delphes", "external"))
"""What stands between particles and jets."""

EXPORT_NAMES = Names("export", ("rs3l", "rs3l_pairs", "jetclass", "toptagging", "huggingface", "omnilearned"))
"""Formats of the dataset beside Parquet."""
