"""What a campaign asks for: typed, strict, and complete before anything runs."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from jetresim.campaign.augmentations import AUGMENTATIONS, NOMINAL
from jetresim.campaign.config.augmentation import Augmentation, named_augmentation
from jetresim.campaign.config.beams import Beams
from jetresim.campaign.config.chunks import AUTO, Chunk, as_steps, cut, fits, place, whole
from jetresim.campaign.config.dataset import FORMATS, Dataset
from jetresim.campaign.config.fields import CampaignName, Name, TuneName
from jetresim.campaign.config.full_events import FullEvents
from jetresim.campaign.config.groups import Groups
from jetresim.campaign.config.jets import Jets
from jetresim.campaign.config.problems import first_problem, unknown
from jetresim.campaign.config.process import Process, from_catalogue
from jetresim.campaign.detector import DetectorOptions, overridden
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.intervention import Stage
from jetresim.campaign.madgraph import MadGraphOptions, check_beams
from jetresim.campaign.model import Strict
from jetresim.campaign.pileup import MINIMUM_BIAS, PileUp
from jetresim.campaign.seeds import event_seed
from jetresim.campaign.settings import Settings
from jetresim.campaign.tunes import TUNES
from jetresim.campaign.variations import weight_names
from jetresim.campaign.views import augmentation_of_view

__all__ = ["Campaign"]


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
    processes: dict[Name, Process] = Field(
        min_length=1, description="processes; fields left out come from the catalogue entry of the same name"
    )
    madgraph: MadGraphOptions = Field(
        MadGraphOptions(),
        exclude_if=lambda options: options == MadGraphOptions(),
        description="where MadGraph is found and how it is run, for processes of generator `madgraph`",
    )
    augmentations: tuple[Annotated[Augmentation, BeforeValidator(named_augmentation)], ...] = Field(
        min_length=1, description="ways to re-simulate, by name or in full; `nominal` must be among them"
    )
    detector: DetectorOptions = Field(
        DetectorOptions(), description="the detector between particles and jets"
    )
    pileup: PileUp | None = Field(
        None,
        exclude_if=lambda pileup: pileup is None,
        description="interactions that are overlaid on every hard event before the detector",
    )
    chunk: Chunk = Field(
        AUTO,
        description="hard events per job; does not change the result. `auto`: by the events, the cores and "
        "the time of an event, in whole runs of Herwig and MadGraph (`block_events`) and Delphes "
        "(`events_per_run`). What exists stays valid: where a campaign has grown, the `config.yaml` in its "
        "folder has a list of `[first event, events per job]`",
    )
    jets: Jets = Field(Jets(), description="jet finding, substructure and matching")
    full_events: FullEvents | None = Field(
        None,
        exclude_if=lambda asked: asked is None,
        description="whole events that are written beside the jets; none if left out",
    )
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
                name: from_catalogue(name, given, default) for name, given in raw["processes"].items()
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
        if not nominal.by_pythia or nominal.detector:
            raise ValueError(
                f"augmentations: {NOMINAL!r} is showered by Pythia and has the campaign's detector"
            )
        self._check_energies()
        self._check_generators()
        self._check_showers()
        self._check_detectors()
        self._check_candidates()
        self._check_pileup()
        self._check_full_events()
        self._check_chunk()
        self._check_shower_scales()
        self._check_weights()
        layouts = [name for name in self.dataset.formats if name in FORMATS]
        if self.groups.whole_events and layouts:
            raise ValueError(
                f"dataset.formats: {layouts[0]!r} is a layout of jets, which groups of events do not "
                "fit; write `formats: []`"
            )
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

    def _check_generators(self) -> None:
        if self.madgraph_processes:
            check_beams(self.beams.particles)

    def _check_showers(self) -> None:
        for augmentation in self.augmentations:
            if augmentation.traits.only_protons and self.beams.particles != (2212, 2212):
                raise ValueError(
                    f"beams.particles: shower `{augmentation.shower}` is set up for two protons, [2212, 2212]"
                )

    def _check_weights(self) -> None:
        nominal = self.augmentation(NOMINAL)
        scaled = [each.name for each in self.augmentations if each.intervene.scale is not None]
        if nominal.weights and scaled:
            raise ValueError(
                f"augmentations.{scaled[0]}: `shower_scale` shares emissions with {NOMINAL!r}, which draws "
                "them otherwise with `weights`; ask for the weights of another realization"
            )
        weighted = [each.name for each in self.augmentations if each.weights]
        for process, name in product(self.processes, weighted):
            if self.shower_settings(process, name).get("PartonShowers:model") not in (None, "1"):
                raise ValueError(f"augmentations.{name}: `weights` need Pythia's simple shower")

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
                raise ValueError(f"{where}: {first_problem(error, DetectorOptions)}") from None
            if augmentation.intervene.point == "nothing" and options == self.detector:
                raise ValueError(
                    f"{where}: `intervene: nothing` draws nothing anew, so it needs another detector "
                    "or other options"
                )
            if options.name == "none" and augmentation.intervene.point == "detector":
                raise ValueError(f"{where}: `intervene: detector` needs a detector other than `none`")

    def _check_candidates(self) -> None:
        """Files of candidates must be apart for all that do not share their particles."""
        owners: dict[str, tuple[str, str]] = {}
        for process, name in product(self.processes, self.realizations):
            pattern = self.detector_options(name).candidates
            if pattern is not None:
                path = pattern.format(process=process, realization=name, chunk="")
                owner = process, self.particles_of(name)
                if (first := owners.setdefault(path, owner)) != owner:
                    raise ValueError(
                        f"detector.candidates: {pattern} is the same for {' '.join(first)} and "
                        f"{' '.join(owner)}; write {{process}} and {{realization}} in it"
                    )

    def _check_pileup(self) -> None:
        for augmentation in self.augmentations:
            where, redrawn = f"augmentations.{augmentation.name}", augmentation.intervene.point == "pileup"
            asked = "`intervene: pileup`" if redrawn else "`pileup: shared`"
            if self.pileup is None and (redrawn or augmentation.pileup == "shared"):
                raise ValueError(f"{where}: {asked} needs `pileup` of the campaign")
            if redrawn and augmentation.pileup == "shared":
                raise ValueError(f"{where}: {asked} draws the pile-up anew, so it cannot be `shared`")
            name = self.detector_options(augmentation.name).name
            if self.pileup and name in ("delphes", "external"):
                raise ValueError(
                    f"{where}: detector `{name}` cannot tell what comes from `pileup`; its program may add "
                    "its own"
                )

    def _check_full_events(self) -> None:
        asked = self.full_events.realizations or () if self.full_events else ()
        for name in asked:
            if name not in self.realizations:
                raise ValueError(
                    f"full_events.realizations: {unknown('realization', name, self.realizations)}"
                )

    def _check_chunk(self) -> None:
        if self.chunk == AUTO:
            return
        for what, events in self.runs.items():
            if not fits(self.chunk, events):
                fitting = whole(as_steps(self.chunk)[0][1], self.runs.values())
                raise ValueError(
                    f"chunk ({self.chunk}) must be a multiple of {what} ({events}): a run has one seed and "
                    f"cannot be continued in another job; write `chunk: {fitting}`, or leave it out"
                )

    @property
    def runs(self) -> dict[str, int]:
        """Hard events that one run of a program takes, by what says so."""
        generators = {process.generator for process in self.processes.values()}
        hard = {"block_events of `madgraph`": self.madgraph.block_events} if "madgraph" in generators else {}
        herwig = {f"block_events of {each.name}": each.block_events for each in self.augmentations}
        return (
            hard
            | herwig
            | {
                f"events_per_run of {each.name}": each.detector.get(
                    "events_per_run", self.detector.events_per_run
                )
                for each in self.augmentations
            }
        )

    @property
    def madgraph_processes(self) -> list[str]:
        """Names of the processes whose hard events MadGraph makes."""
        return [name for name, process in self.processes.items() if process.generator == "madgraph"]

    @cached_property
    def realizations(self) -> list[str]:
        """Names of the members of a group, in the order in which they are stored."""
        return [name for augmentation in self.augmentations for name in augmentation.realizations]

    def with_at_most(self, events: int | None) -> "Campaign":
        """The same campaign with fewer hard events of the processes that have more; None changes nothing."""
        if events is None:
            return self
        processes = {
            name: process.model_copy(update={"events": min(process.events or events, events)})
            for name, process in self.processes.items()
        }
        return self.model_copy(update={"processes": processes})

    def augmentation(self, realization: str) -> Augmentation:
        """The augmentation that a realization belongs to, be it a member of the groups or a view.

        A view may also be of an augmentation of the catalogue, see `campaign.views`.
        """
        for augmentation in self.augmentations:
            if realization in augmentation.realizations:
                return augmentation
        viewed = augmentation_of_view(realization)
        if viewed in (names := [each.name for each in self.augmentations]):
            return self.augmentations[names.index(viewed)]
        if viewed in AUGMENTATIONS:
            return Augmentation.model_validate(named_augmentation(viewed))
        raise ConfigError(unknown("realization", realization, self.realizations))

    @cached_property
    def anchor_family(self) -> list[str]:
        """The anchor and the realizations that continue from its event records, computed together."""
        return [name for name in self.realizations if name == NOMINAL or self.continues_anchor(name)]

    @cached_property
    def made_ahead(self) -> list[str]:
        """Those of the anchor's family that need no candidates of another program, which may come later."""
        needed = {name: {name, *self.followed(name)} - {NOMINAL} for name in self.anchor_family}
        return [
            name
            for name, others in needed.items()
            if not any(self.detector_options(each).candidates for each in others)
        ]

    def continues_anchor(self, realization: str) -> bool:
        """Whether a realization continues from the anchor's event records instead of a shower of its own."""
        return self.augmentation(realization).intervene.first_stage > Stage.SHOWER

    def particles_of(self, realization: str) -> str:
        """The realization whose particles a realization has."""
        shared = self.augmentation(realization).intervene.first_stage > Stage.DECAYS
        return NOMINAL if shared else realization

    @property
    def survivors_only(self) -> bool:
        """Whether realizations are simulated only for hard events whose anchor has a jet to group with."""
        return bool(self.groups.survivors_only) and self.groups.require != "any"

    def detector_options(self, realization: str) -> DetectorOptions:
        """The detector of a realization."""
        return overridden(self.detector, self.augmentation(realization).detector)

    def detector_stream(self, realization: str) -> str:
        """The realization whose random numbers the detector of a realization uses."""
        shared = self.augmentation(realization).intervene.shares_detector_stream
        return NOMINAL if shared else realization

    def pileup_stream(self, realization: str) -> str:
        """The realization whose pile-up a realization has."""
        augmentation = self.augmentation(realization)
        shared = augmentation.pileup == "shared" or augmentation.intervene.shares_pileup
        return NOMINAL if shared else realization

    def pileup_detector_stream(self, realization: str) -> str:
        """The realization with whose random numbers the detector of a realization sees its pile-up."""
        redrawn = self.augmentation(realization).intervene.point == "detector"
        return realization if redrawn else self.pileup_stream(realization)

    @property
    def pileup_settings(self) -> Settings:
        """Pythia settings of the interactions of the pile-up."""
        return Settings(TUNES[self.tune]).then(self.settings, MINIMUM_BIAS)

    @property
    def full_realizations(self) -> list[str]:
        """Realizations of which whole events are written."""
        if self.full_events is None:
            return []
        return list(self.full_events.realizations or self.realizations)

    @property
    def full_formats(self) -> list[str]:
        """Formats of the files of whole events."""
        return list(self.full_events.formats) if self.full_events else []

    def detector_files(self, realizations: Iterable[str]) -> list[Path]:
        """Files that the detectors of some realizations are set up with."""
        options = [self.detector_options(name) for name in realizations]
        return sorted({file for one in options for file in (one.parameters, one.card) if file is not None})

    def parton_pt_min(self, realization: str) -> float | None:
        """Least pT [GeV] of the hardest jet of partons for an event to be hadronized, if there is any."""
        margin = self.groups.parton_veto
        if margin is None or not self.augmentation(realization).by_pythia:
            return None
        return max(self.groups.pt_min - margin, 0.0)

    def followed(self, realization: str) -> list[str]:
        """Realizations that must have a jet to group with for this one to be simulated, the anchor first.

        In a chain they are all that the configuration has before it. Those that continue from the anchor are
        made in its job, and follow one another alone; none follows an optional one, which may not be made. A
        view follows the anchor alone.
        """
        if not self.survivors_only or realization == NOMINAL:
            return []
        chained = self.groups.survivors_only == "chain" and self.groups.require == "all"
        if not chained or realization not in self.realizations:  # a view is no member of groups
            return [NOMINAL]
        family = self.continues_anchor(realization)
        earlier = self.realizations[: self.realizations.index(realization)]
        others = [name for name in earlier if name != NOMINAL and not self.augmentation(name).optional]
        return [NOMINAL, *(name for name in others if not family or self.continues_anchor(name))]

    def weight_names(self, realization: str) -> list[str]:
        """Names of the weights that a realization has beside its events."""
        return weight_names(self.augmentation(realization).weights)

    @property
    def weighted(self) -> dict[str, list[str]]:
        """Realizations with weights, and the names of these."""
        return {name: names for name in self.realizations if (names := self.weight_names(name))}

    def block_events(self, realization: str) -> int:
        """Consecutive hard events that share a run of the shower program: 1, but for Herwig."""
        return self.augmentation(realization).block_events

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
        return cut(self.chunk, events)

    def chunk_of(self, event: int) -> int:
        """Number of the chunk that holds a hard event."""
        return place(self.chunk, event)
