"""Kinds of hard events."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from jetresim.campaign.config.fields import Label, Sha256, merged_settings
from jetresim.campaign.config.problems import unknown
from jetresim.campaign.madgraph import MadGraphProcess
from jetresim.campaign.model import PluginOptions, Strict
from jetresim.campaign.plugins import GENERATOR_NAMES
from jetresim.campaign.processes import PROCESSES, TARGETS
from jetresim.campaign.settings import Settings

__all__ = ["Cuts", "Gun", "Process", "Target", "from_catalogue"]


class Target(Strict):
    """A truth object of the hard event that a jet can stand for."""

    kind: Literal["resonance", "parton", "splitting"] = Field(
        description="a decayed resonance; each outgoing parton alone; or the two outgoing partons "
        "of a gluon splitting together"
    )
    pdgid: int | None = Field(None, gt=0, description="resonance: its absolute PDG id")
    daughters: tuple[int, ...] = Field(
        (),
        description="resonance: absolute PDG ids that it may end in (a W inside a top is followed). Quarks, "
        "charged leptons and, if 21 is among them, gluons must be near the jet axis; neutrinos need not",
    )
    number: int | None = Field(
        None, ge=1, description="resonance: how many of its ends must be near the jet axis; any if left out"
    )
    label: Label | None = Field(
        None, description="resonance: its RS3L jettype; partons and splittings get theirs from the flavour"
    )

    @model_validator(mode="after")
    def _complete(self) -> "Target":
        described = (self.pdgid is not None, bool(self.daughters), self.label is not None)
        if self.kind == "resonance" and not all(described):
            raise ValueError("a resonance needs pdgid, daughters and label")
        if self.kind != "resonance" and any((*described, self.number is not None)):
            raise ValueError(f"a {self.kind} takes no pdgid, daughters, number or label")
        return self


def _named_target(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in TARGETS:
        raise ValueError(unknown("target", value, TARGETS))
    return TARGETS[value]


class Cuts(Strict):
    """Cuts on the hard event, applied when it is generated and checked in every event that is read."""

    pt_min: float = Field(400.0, ge=0, description="lowest pT of the targets [GeV]")
    pt_max: float | None = Field(None, gt=0, description="highest pT of the targets [GeV]")

    @model_validator(mode="after")
    def _ordered(self) -> "Cuts":
        if self.pt_max is not None and self.pt_max <= self.pt_min:
            raise ValueError(f"pt_max ({self.pt_max:g}) must be above pt_min ({self.pt_min:g})")
        return self


class Gun(Strict):
    """Events of generator `gun`: one resonance, back to back with an invisible Z."""

    pdgid: int = Field(35, gt=0, description="PDG id of the resonance: a neutral one, or 6")
    mass: tuple[float, float] | None = Field(
        None, description="lowest and highest mass [GeV], flat between; Pythia's mass if left out"
    )
    rapidity_max: float = Field(2.0, gt=0, description="largest |rapidity| of the resonance, flat below")

    @model_validator(mode="after")
    def _ordered(self) -> "Gun":
        if self.mass is not None and not 0 < self.mass[0] <= self.mass[1]:
            raise ValueError(
                f"`mass`: expected 0 < lowest ≤ highest (found {self.mass[0]:g}, {self.mass[1]:g})"
            )
        return self


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


_OF_GENERATORS = {
    "files": ("lhe",),
    "sha256": ("lhe",),
    "decay_settings": ("lhe", "madgraph", "gun"),
    "gun": ("gun",),
}
"""Field to the generators that it is for."""


def _either(names: Sequence[str]) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} or {last}" if others else last


class Process(Strict):
    """A kind of hard event."""

    description: str = Field("", description="one line for the dataset card")
    generator: GENERATOR_NAMES.field = Field(
        "pythia8",
        description="`pythia8` and `madgraph` generate the hard events, `lhe` reads them from `files`, `gun` "
        "makes a resonance of flat mass and pT",
    )
    events: int | None = Field(
        None,
        gt=0,
        le=10**12,
        strict=True,
        description="number of hard events; if left out the campaign's, or for `lhe` all that `files` hold",
    )
    cuts: Cuts = Field(Cuts(), description="cuts on the hard event")
    madgraph: MadGraphProcess | None = Field(
        None,
        exclude_if=lambda asked: asked is None,
        description="`madgraph`: the process in MadGraph's own lines",
    )
    settings: Settings = Field(Settings(), description="`pythia8`: the settings that define the process")
    files: Annotated[
        tuple[Path, ...], BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[Path, ...])
    ] = Field(
        (),
        description="`lhe`: Les Houches event files, one or several, read in this order; "
        "those that a pattern such as `run_*.lhe.gz` stands for are read in the order of their names",
    )
    sha256: tuple[Sha256, ...] = Field(
        (),
        description="`lhe`: SHA-256 of each of the `files`, others are refused; "
        "taken from the files if left out",
    )
    decay_settings: Settings = Field(
        Settings(),
        description="`lhe`, `madgraph`, `gun`: Pythia settings for the decays of t, W, Z, H that events hold "
        "undecayed; particle properties such as `24:onMode` only",
    )
    gun: Gun | None = Field(None, description="`gun`: what it shoots; the pT is flat within the `cuts`")
    targets: tuple[Annotated[Target, BeforeValidator(_named_target)], ...] = Field(
        min_length=1, description="truth objects, by name (" + ", ".join(TARGETS) + ") or in full"
    )
    require_targets: int | None = Field(
        None,
        ge=1,
        description="`pythia8`: generate until the event has exactly this many targets; "
        "the cross-section is that of the events that do",
    )
    shower_settings: Settings = Field(
        Settings(),
        description="Pythia settings that every realization of this process needs (NLO or POWHEG events)",
    )
    options: PluginOptions = Field({}, description="what a generator of another package is told")

    @model_validator(mode="after")
    def _generator_has_what_it_needs(self) -> "Process":
        if self.generator == "lhe" and not self.files:
            raise ValueError("generator `lhe` needs `files`")
        for key, owners in _OF_GENERATORS.items():
            if getattr(self, key) and self.generator not in owners:
                are = "are" if key.endswith("s") else "is"
                raise ValueError(f"`{key}` {are} for generator {_either(owners)}")
        if self.generator != "lhe" and self.events is None:
            raise ValueError(f"generator `{self.generator}` needs `events`, here or in the campaign")
        if self.generator == "gun" and (self.gun is None or self.cuts.pt_max is None):
            raise ValueError("generator `gun` needs `gun`, and `cuts` with `pt_max`")
        if (self.generator == "madgraph") != (self.madgraph is not None):
            raise ValueError("generator `madgraph` needs `madgraph: {process: …}`, and no other has it")
        if self.generator in GENERATOR_NAMES.built_in:
            if self.options:
                raise ValueError(f"`options` are for a generator of another package, not `{self.generator}`")
        elif self.settings:
            raise ValueError(
                f"`settings` are for generator `pythia8`; what `{self.generator}` is told stands under "
                "`options`"
            )
        if self.generator != "pythia8" and self.settings:
            raise ValueError(
                f"`settings` define the process of generator `pythia8`; for events of `{self.generator}` "
                "give `decay_settings` for what is undecayed, `shower_settings` for every realization"
            )
        if self.generator == "pythia8" and not self.settings:
            raise ValueError("generator `pythia8` needs the `settings` that define the process")
        return self

    @model_validator(mode="after")
    def _decays_only(self) -> "Process":
        for name in self.decay_settings.names:
            if not re.fullmatch(r"\d+:\w+", name):
                raise ValueError(
                    f"`decay_settings`: `{name}` is no property of a particle such as `24:onMode`; "
                    "settings of the shower go to `shower_settings`"
                )
        return self


def from_catalogue(name: str, given: Any, default: dict[str, Any]) -> Any:
    """A process as written, completed by the catalogue entry of its name."""
    if given is not None and not isinstance(given, Mapping):
        return given
    given = dict(given or {})
    entry = dict(PROCESSES.get(name, {}))
    if not entry and not given.keys() & {"settings", "files", "generator"}:
        raise ValueError("processes: " + unknown("process", name, PROCESSES))
    own = entry.get("generator", "pythia8")
    if given.get("generator", own) != own:
        entry = {key: entry[key] for key in ("description", "targets") if key in entry}
    return {**default, **entry, **_merged_lines(entry, merged_settings(entry, given))}


def _merged_lines(entry: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What is given, with MadGraph's lines and cards of the catalogue entry under its own."""
    theirs, ours = entry.get("madgraph"), given.get("madgraph")
    if not (isinstance(theirs, Mapping) and isinstance(ours, Mapping)):
        return given
    cards = theirs.get("run_card", {}), ours.get("run_card", {})
    if not isinstance(cards[1], Mapping):
        return given
    return {**given, "madgraph": {**theirs, **ours, "run_card": {**cards[0], **cards[1]}}}
