"""What a campaign asks for: typed, strict, and complete before anything runs."""

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from jetresim.campaign.augmentations import AUGMENTATIONS, NOMINAL
from jetresim.campaign.detector import DetectorOptions, overridden
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.herwig import HerwigOptions, check_chunk
from jetresim.campaign.intervention import (
    ALLOWED_SETTINGS,
    Intervention,
    Stage,
    forbidden_setting,
    short_form,
)
from jetresim.campaign.model import Strict
from jetresim.campaign.processes import LABELS, PROCESSES, TARGETS
from jetresim.campaign.seeds import check_streams, event_seed
from jetresim.campaign.settings import Settings
from jetresim.campaign.tunes import TUNES
from jetresim.campaign.yaml_files import read_yaml

_WORD, _HYPHENATED = r"^[A-Za-z][A-Za-z0-9_]*$", r"^[A-Za-z][A-Za-z0-9_-]*$"

Name = Annotated[str, Field(pattern=_WORD, max_length=40)]
CampaignName = Annotated[str, Field(pattern=_HYPHENATED, max_length=40)]
SettingValue = bool | int | float | str
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TuneName = Literal[tuple(TUNES)]
Label = Literal[tuple(LABELS)]
FORMATS = ("rs3l", "rs3l_pairs", "jetclass", "toptagging", "huggingface")
"""Formats beside Parquet."""


class Beams(Strict):
    """The colliding beams."""

    energy: float = Field(13000.0, gt=10, description="centre-of-mass energy [GeV]")
    particles: tuple[int, int] = Field((2212, 2212), description="PDG ids of the two beams")


class Target(Strict):
    """A truth object of the hard event that a jet can stand for."""

    kind: Literal["resonance", "parton", "splitting"] = Field(
        description="a decayed resonance; each outgoing parton alone; or the two outgoing partons "
        "of a gluon splitting together"
    )
    pdgid: int | None = Field(None, gt=0, description="resonance: its absolute PDG id")
    daughters: tuple[int, ...] = Field(
        (), description="resonance: absolute PDG ids its final quarks may have (a W inside a top is followed)"
    )
    label: Label | None = Field(
        None, description="resonance: its RS3L jettype; partons and splittings get theirs from the flavour"
    )

    @model_validator(mode="after")
    def _complete(self) -> "Target":
        described = (self.pdgid is not None, bool(self.daughters), self.label is not None)
        if self.kind == "resonance" and not all(described):
            raise ValueError("a resonance needs pdgid, daughters and label")
        if self.kind != "resonance" and any(described):
            raise ValueError(f"a {self.kind} takes no pdgid, daughters or label")
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


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


class Process(Strict):
    """A kind of hard event."""

    description: str = Field("", description="one line for the dataset card")
    generator: Literal["pythia8", "lhe"] = Field(
        "pythia8", description="`pythia8` generates the hard events, `lhe` reads them from `files`"
    )
    events: int | None = Field(
        None,
        gt=0,
        le=10**12,
        strict=True,
        description="number of hard events; if left out the campaign's, or for `lhe` all that `files` hold",
    )
    cuts: Cuts = Field(Cuts(), description="cuts on the hard event")
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
        description="`lhe`: Pythia settings for the decays of t, W, Z, H that the events hold undecayed; "
        "particle properties such as `24:onMode` only",
    )
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

    @model_validator(mode="after")
    def _generator_has_what_it_needs(self) -> "Process":
        if self.generator == "lhe" and not self.files:
            raise ValueError("generator `lhe` needs `files`")
        if self.generator == "pythia8":
            for key in ("files", "sha256", "decay_settings"):
                if getattr(self, key):
                    raise ValueError(f"`{key}` {'is' if key == 'sha256' else 'are'} for generator `lhe`")
            if self.events is None:
                raise ValueError("generator `pythia8` needs `events`, here or in the campaign")
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


class Augmentation(Strict):
    """A named way to re-simulate a hard event."""

    name: Name = Field(description="name of the augmentation; part of the seed of its realizations")
    description: str = Field("", description="one line for the dataset card")
    shower: Literal["pythia8", "herwig7"] = Field("pythia8", description="shower and hadronization program")
    optional: bool = Field(
        False, description="leave it out, with a note, where its shower program is not installed"
    )
    tune: TuneName | None = Field(None, description="a tune in place of the campaign's")
    settings: Settings = Field(Settings(), description="Pythia settings on top of the tune")
    intervene: Annotated[Intervention, BeforeValidator(short_form)] = Field(
        Intervention(),
        description="where the realization departs from the anchor: `hard_process`, "
        "`shower_scale: <pT in GeV>`, `parton_level` or `decays`",
    )
    herwig: HerwigOptions = Field(HerwigOptions(), description="`herwig7`: the program and what it is told")
    detector: dict[str, SettingValue] = Field(
        {}, description="options of `detector` that differ from the campaign's"
    )
    replicas: int = Field(
        1,
        ge=1,
        strict=True,
        le=100,
        description="number of realizations: name, name_2, name_3, …, each with its own stream",
    )

    @model_validator(mode="after")
    def _speaks_to_its_own_program(self) -> "Augmentation":
        if self.shower == "pythia8" and self.herwig != HerwigOptions():
            raise ValueError("`herwig` is for shower `herwig7`")
        if self.shower == "herwig7":
            for key in ("tune", "settings"):
                if getattr(self, key):
                    raise ValueError(
                        f"`{key}` is for shower `pythia8`; Herwig's options stand under `herwig`"
                    )
            if self.intervene.shares_shower:
                raise ValueError("shower `herwig7` can only intervene at the hard process")
        return self

    @model_validator(mode="after")
    def _leaves_alone_what_it_shares(self) -> "Augmentation":
        if self.intervene.shares_shower and self.tune is not None:
            raise ValueError(f"`tune` would change what `{self.intervene.point}` shares with the anchor")
        if name := forbidden_setting(self.intervene, self.settings.names):
            allowed = ", ".join(f"{group}:*" for group in ALLOWED_SETTINGS[self.intervene.point]) or "none"
            raise ValueError(
                f"`{name}` would change what `{self.intervene.point}` shares with the anchor; "
                f"settings allowed there: {allowed}"
            )
        return self

    @property
    def realizations(self) -> list[str]:
        """Names of the realizations; a further replica leaves the earlier ones unchanged."""
        return [self.name] + [f"{self.name}_{copy}" for copy in range(2, self.replicas + 1)]


def _named_augmentation(value: Any) -> Any:
    if isinstance(value, str):
        if value not in AUGMENTATIONS:
            raise ValueError(unknown("augmentation", value, AUGMENTATIONS))
        value = {"name": value}
    if not isinstance(value, Mapping):
        return value
    entry = AUGMENTATIONS.get(str(value.get("name")), {})
    return {**entry, **_merged_settings(entry, value)}


class SoftDrop(Strict):
    """Soft drop grooming, arXiv:1402.2657."""

    z_cut: float = Field(0.1, gt=0, lt=0.5, description="symmetry cut")
    beta: float = Field(0.0, description="angular exponent")


class Matching(Strict):
    """When a jet stands for a target."""

    axis_dr: float = Field(
        0.5, gt=0, description="largest distance of the jet axis to a resonance or splitting"
    )
    daughters_dr: float = Field(
        0.8, gt=0, description="largest distance of the jet axis to a parton, or to each daughter"
    )


class Jets(Strict):
    """Jet finding, substructure and matching."""

    algorithm: Literal["antikt", "cambridge", "kt"] = Field("antikt", description="jet algorithm")
    radius: float = Field(0.8, gt=0, description="jet radius")
    pt_min: float = Field(400.0, gt=0, description="lowest jet pT [GeV]")
    eta_max: float = Field(2.5, gt=0, description="largest jet |eta|")
    constituent_pt_min: float = Field(1.0, ge=0, description="lowest pT of a clustered candidate [GeV]")
    constituents_max: int = Field(
        200, ge=1, strict=True, description="stored constituents per jet, in order of pT"
    )
    soft_drop: SoftDrop = Field(SoftDrop(), description="grooming of the soft-drop mass")
    matching: Matching = Field(Matching(), description="truth matching")


class Groups(Strict):
    """Which groups are kept."""

    require: Literal["all", "nominal", "any"] = Field(
        "all", description="members that must be present for a group to be kept"
    )
    pt_min: float = Field(450.0, ge=0, description="lowest pT of a jet to count as present [GeV]")
    survivors_only: bool = Field(
        True,
        description="with `all` and `nominal`: simulate the other realizations only where the nominal jet is "
        "present; the groups are the same",
    )
    parton_veto: float | None = Field(
        None,
        ge=0,
        description="give an event of Pythia up before hadronization when its hardest jet of partons is more "
        "than this below `pt_min` [GeV]; not exact, see docs/intervention.md",
    )


class Splits(Strict):
    """Fractions of the hard events, by hash."""

    train: float = Field(0.8, ge=0, le=1, description="fraction for training")
    val: float = Field(0.1, ge=0, le=1, description="fraction for validation")
    test: float = Field(0.1, ge=0, le=1, description="fraction for testing")

    @model_validator(mode="after")
    def _sum_to_one(self) -> "Splits":
        if abs(self.train + self.val + self.test - 1) > 1e-9:
            raise ValueError(f"train + val + test = {self.train + self.val + self.test:g}, must be 1")
        return self


class Dataset(Strict):
    """The files that are handed out."""

    splits: Splits = Field(Splits(), description="train, validation and test fractions")
    events_per_shard: int = Field(
        10_000, gt=0, strict=True, description="hard events per Parquet file, on average over all processes"
    )
    formats: tuple[Literal[FORMATS], ...] = Field(
        ("rs3l",),
        description="formats beside Parquet: the public HDF5 layout, the authors' paired training file, "
        "JetClass's ROOT files, the table of the Top Tagging data set, flat Parquet for Hugging Face",
    )
    rs3l_constituents: int = Field(
        100, ge=1, strict=True, description="constituents per jet in RS3L's HDF5 files, zero-padded"
    )
    toptagging_signal: tuple[Label, ...] = Field(
        (12,), description="labels that are signal (`is_signal_new`) in the format `toptagging`"
    )
    license: str = Field(
        "unknown", min_length=1, description="licence of the data, as the Hugging Face Hub abbreviates it"
    )


class Campaign(Strict):
    """One configuration file and the dataset it makes."""

    name: CampaignName = Field(description="name of the campaign; results/{name} holds everything it makes")
    seed: int = Field(
        ge=0, lt=2**63, strict=True, description="campaign seed: every random number follows from it"
    )
    beams: Beams = Field(Beams(), description="the colliding beams")
    tune: TuneName = Field("CP5", description="tune of the nominal realization")
    settings: Settings = Field(
        Settings(), description="Pythia settings on top of the tune, for all realizations"
    )
    events: int | None = Field(
        None, gt=0, strict=True, description="hard events of each process that does not say otherwise"
    )
    chunk: int = Field(500, gt=0, strict=True, description="hard events per job; does not change the result")
    processes: dict[Name, Process] = Field(
        min_length=1, description="processes; fields left out come from the catalogue entry of the same name"
    )
    augmentations: tuple[Annotated[Augmentation, BeforeValidator(_named_augmentation)], ...] = Field(
        min_length=1, description="ways to re-simulate, by name or in full; `nominal` must be among them"
    )
    detector: DetectorOptions = Field(
        DetectorOptions(), description="the detector between particles and jets"
    )
    jets: Jets = Field(Jets(), description="jet finding, substructure and matching")
    groups: Groups = Field(Groups(), description="which groups are kept")
    dataset: Dataset = Field(Dataset(), description="the files that are handed out")

    @model_validator(mode="before")
    @classmethod
    def _fill_from_catalogue(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping) or not isinstance(raw.get("processes"), Mapping):
            return raw
        default = {} if raw.get("events") is None else {"events": raw["events"]}
        return {
            **raw,
            "processes": {
                name: _from_catalogue(name, given, default) for name, given in raw["processes"].items()
            },
        }

    @model_validator(mode="after")
    def _consistent(self) -> "Campaign":
        names = self.realizations
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"augmentations: {twice[0]!r} appears twice; every realization needs its own name"
            )
        if NOMINAL not in names:
            raise ValueError(f"augmentations: {NOMINAL!r} is missing; it is the anchor of every group")
        nominal = self.augmentation(NOMINAL)
        if nominal.settings or nominal.tune or nominal.replicas != 1 or nominal.intervene.shares_shower:
            raise ValueError(
                f"augmentations: {NOMINAL!r} takes no settings, tune, replicas or intervention; "
                "change `tune` and `settings` of the campaign"
            )
        if nominal.shower != "pythia8" or nominal.detector:
            raise ValueError(
                f"augmentations: {NOMINAL!r} is showered by Pythia and has the campaign's detector"
            )
        self._check_energies()
        self._check_herwig()
        self._check_detectors()
        self._check_shower_scales()
        if self.groups.pt_min < self.jets.pt_min:
            raise ValueError(
                f"groups.pt_min ({self.groups.pt_min:g}) must not be below jets.pt_min ({self.jets.pt_min:g})"
            )
        return self

    def _check_energies(self) -> None:
        highest = self.beams.energy / 2
        for name, process in self.processes.items():
            if process.cuts.pt_min >= highest:
                raise ValueError(
                    f"processes.{name}.cuts.pt_min ({process.cuts.pt_min:g} GeV) is out of reach: "
                    f"beams.energy is {self.beams.energy:g} GeV, so no pT is above {highest:g} GeV"
                )
        if self.jets.pt_min >= highest:
            raise ValueError(
                f"jets.pt_min ({self.jets.pt_min:g} GeV) is out of reach: "
                f"beams.energy is {self.beams.energy:g} GeV, so no pT is above {highest:g} GeV"
            )

    def _check_herwig(self) -> None:
        for augmentation in self.augmentations:
            if augmentation.shower != "herwig7":
                continue
            check_chunk(self.chunk, augmentation.herwig.block_events, augmentation.name)
            if self.beams.particles != (2212, 2212):
                raise ValueError("beams.particles: shower `herwig7` is set up for two protons, [2212, 2212]")

    def _check_shower_scales(self) -> None:
        # Vincia showers resonances without asking the hooks, so their emissions would not be shared.
        scaled = [each.name for each in self.augmentations if each.intervene.scale is not None]
        for process, name in product(self.processes, scaled):
            model = self.shower_settings(process, name).get("PartonShowers:model")
            if model not in (None, "1"):
                raise ValueError(
                    f"augmentations.{name}: `shower_scale` needs Pythia's simple shower, "
                    f"but `PartonShowers:model` is {model}"
                )

    def _check_detectors(self) -> None:
        for augmentation in self.augmentations:
            where = f"augmentations.{augmentation.name}.detector"
            if wrong := sorted(augmentation.detector.keys() - DetectorOptions.model_fields.keys()):
                raise ValueError(f"{where}: {unknown('option', wrong[0], DetectorOptions.model_fields)}")
            try:
                options = overridden(self.detector, augmentation.detector)
            except ValidationError as error:
                raise ValueError(f"{where}: {first_problem(error)}") from None
            if self.chunk % options.events_per_run:
                raise ValueError(
                    f"{where}: chunk ({self.chunk}) must be a multiple of events_per_run "
                    f"({options.events_per_run}): a run of Delphes has one seed and cannot be continued in "
                    "another job"
                )
            if options.name == "none" and augmentation.intervene.point == "detector":
                raise ValueError(f"{where}: `intervene: detector` needs a detector other than `none`")

    @cached_property
    def realizations(self) -> list[str]:
        """Names of the members of a group, in the order in which they are stored."""
        return [name for augmentation in self.augmentations for name in augmentation.realizations]

    def augmentation(self, realization: str) -> Augmentation:
        """The augmentation that a realization belongs to."""
        for augmentation in self.augmentations:
            if realization in augmentation.realizations:
                return augmentation
        raise ConfigError(unknown("realization", realization, self.realizations))

    @cached_property
    def anchor_family(self) -> list[str]:
        """The anchor and the realizations that continue from its event records, computed together."""
        return [name for name in self.realizations if name == NOMINAL or self.continues_anchor(name)]

    def continues_anchor(self, realization: str) -> bool:
        """Whether a realization continues from the anchor's event records instead of a shower of its own."""
        return self.augmentation(realization).intervene.first_stage > Stage.SHOWER

    @property
    def survivors_only(self) -> bool:
        """Whether realizations are simulated only for hard events whose anchor has a jet to group with."""
        return self.groups.survivors_only and self.groups.require != "any"

    def detector_options(self, realization: str) -> DetectorOptions:
        """The detector of a realization."""
        return overridden(self.detector, self.augmentation(realization).detector)

    def detector_files(self, realizations: Iterable[str]) -> list[Path]:
        """Files that the detectors of some realizations are set up with."""
        options = [self.detector_options(name) for name in realizations]
        return sorted({file for one in options for file in (one.parameters, one.card) if file is not None})

    def parton_pt_min(self, realization: str) -> float | None:
        """Least pT [GeV] of the hardest jet of partons for an event to be hadronized, if there is any."""
        margin = self.groups.parton_veto
        if margin is None or self.augmentation(realization).shower != "pythia8":
            return None
        return max(self.groups.pt_min - margin, 0.0)

    def follows_survivors(self, realization: str) -> bool:
        """Whether a realization is simulated only where the anchor has a jet to group with."""
        return self.survivors_only and realization != NOMINAL

    def block_events(self, realization: str) -> int:
        """Consecutive hard events that share a run of the shower program: 1, but for Herwig."""
        augmentation = self.augmentation(realization)
        return augmentation.herwig.block_events if augmentation.shower == "herwig7" else 1

    def seed_of(self, process: str, event: int, realization: str) -> int:
        """Seed of a realization of a hard event; the events of a Herwig run share that of the first one."""
        return event_seed(self.seed, process, event - event % self.block_events(realization), realization)

    def process(self, name: str) -> Process:
        """A process by name."""
        if name not in self.processes:
            raise ConfigError(unknown("process", name, self.processes))
        return self.processes[name]

    def shower_settings(self, process: str, realization: str) -> Settings:
        """Pythia settings of a realization: tune, campaign, process, augmentation, the later one winning."""
        augmentation = self.augmentation(realization)
        return Settings(TUNES[augmentation.tune or self.tune]).then(
            self.settings, self.process(process).shower_settings, augmentation.settings
        )

    def hard_settings(self, process: str) -> Settings:
        """Pythia settings that generate the hard events of a process, or decay those that were brought."""
        asked = self.process(process)
        return Settings(TUNES[self.tune]).then(self.settings, asked.settings, asked.decay_settings)

    def chunks(self, process: str) -> list[range]:
        """Ranges of event indices, one a job."""
        events = self.process(process).events
        assert events is not None  # those of files are counted where a campaign is opened
        return [range(first, min(first + self.chunk, events)) for first in range(0, events, self.chunk)]


def _from_catalogue(name: str, given: Any, default: dict[str, Any]) -> Any:
    """A process as written, completed by the catalogue entry of its name."""
    if given is not None and not isinstance(given, Mapping):
        return given
    given = dict(given or {})
    entry = dict(PROCESSES.get(name, {}))
    if not entry and not given.keys() & {"settings", "files", "generator"}:
        raise ValueError("processes: " + unknown("process", name, PROCESSES))
    if given.get("generator", "pythia8") != "pythia8":
        entry = {key: entry[key] for key in ("description", "targets") if key in entry}
    return {**default, **entry, **_merged_settings(entry, given)}


def _merged_settings(entry: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, with the settings of the catalogue entry under its own."""
    if "settings" not in entry or "settings" not in given:
        return dict(given)
    try:
        return {**given, "settings": Settings(entry["settings"]).then(Settings(given["settings"]))}
    except ValueError:  # the field's own validation says where
        return dict(given)


def unknown(what: str, value: object, known: Iterable[str]) -> str:
    """One clause for a name that does not exist, with the nearest that does."""
    names = list(known)
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(names)
    return f"unknown {what} {value!r}; {hint}"


def parse(raw: object, source: str) -> Campaign:
    """Validate a configuration.

    Parameters
    ----------
    raw : object
        What the YAML file holds.
    source : str
        Where it came from, for the message.

    Raises
    ------
    ConfigError
        One line naming the first key that is wrong and what would be right.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{source}: expected a mapping of keys to values, found {type(raw).__name__}")
    try:
        campaign = Campaign.model_validate(raw)
        check_streams(campaign.seed, campaign.realizations)
    except ValidationError as error:
        raise ConfigError(f"{source}: {first_problem(error)}") from None
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    return campaign


def load(path: Path) -> Campaign:
    """Read and validate a configuration file; relative `files` are taken from the current folder.

    Raises
    ------
    ConfigError
        The file cannot be read, is not YAML, or does not describe a campaign.
    """
    return parse(read_yaml(path), str(path))


def save(campaign: Campaign, path: Path) -> None:
    """Write a campaign as a configuration file that `load` reads back to the same campaign."""
    with atomic_path(Path(path)) as temporary:
        temporary.write_text(
            yaml.safe_dump(campaign.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
        )


_MAPPING = "expected a mapping of keys to values"
_EXPECTED = {
    "missing": "is required",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "tuple_type": "expected a list",
    "too_short": "must not be empty",
    "string_type": "expected a text",
    "int_type": "expected an integer",
    "int_parsing": "expected an integer",
    "int_from_float": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected a number, a text, on or off",  # the first member of SettingValue
    "bool_parsing": "expected a number, a text, on or off",
}
"""Kinds of pydantic's errors that speak of Python, in the words of YAML."""

_PATTERNS = {
    _WORD: "expected letters, digits and _, beginning with a letter",
    _HYPHENATED: "expected letters, digits, _ and -, beginning with a letter",
}


def first_problem(error: ValidationError, model: type[BaseModel] = Campaign) -> str:
    """One clause for what is wrong: the place in the file, what was expected and what was found.

    Parameters
    ----------
    error : ValidationError
    model : type of BaseModel
        What was validated; its keys are suggested.
    """
    problem = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    kind, location, given = problem["type"], problem["loc"], problem["input"]
    if kind == "extra_forbidden":
        return f"{_place(location)}: " + unknown("key", location[-1], _known_keys(model, location[:-1]))
    message = _PATTERNS.get(problem.get("ctx", {}).get("pattern")) or _EXPECTED.get(
        kind, problem["msg"].removeprefix("Value error, ").replace("Input should", "must")
    )
    told = kind in ("missing", "value_error") or isinstance(given, BaseModel | Mapping)
    found = "" if told else f" (found {given!r})"
    return f"{_place(location)}: {message}{found}" if location else message + found


def _place(location: tuple[str | int, ...]) -> str:
    """Where in the file; pydantic ends a location with the member of a union or a mark for keys."""
    parts = location[:-1] if location[-1] in ("bool", "[key]") else location
    return ".".join(str(part) if str(part).isprintable() else repr(part) for part in parts)


def _known_keys(model: Any, location: tuple[str | int, ...]) -> list[str]:
    """Keys of the model at a location within another."""
    parts = iter(location)
    for part in parts:
        annotation = model.model_fields[part].annotation
        if get_origin(annotation) in (dict, tuple):
            next(parts, None)  # the name or index of an element, not a key of the model
        model = _model_within(annotation)
    return list(model.model_fields)


def _model_within(annotation: Any) -> Any:
    """The model that an annotation such as ``dict[str, Process]`` holds, or the annotation itself."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    for argument in reversed(getattr(annotation, "__args__", ())):
        found = _model_within(argument)
        if isinstance(found, type) and issubclass(found, Strict):
            return found
    return annotation
