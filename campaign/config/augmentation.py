"""Ways to re-simulate a hard event."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from jetresim.campaign.augmentations import AUGMENTATIONS
from jetresim.campaign.config.fields import Name, SettingValue, TuneName, merged_settings
from jetresim.campaign.config.problems import unknown
from jetresim.campaign.herwig import HerwigOptions
from jetresim.campaign.intervention import ALLOWED_SETTINGS, Intervention, forbidden_setting, short_form
from jetresim.campaign.model import PluginOptions, Strict
from jetresim.campaign.plugins import SHOWER_NAMES
from jetresim.campaign.settings import Settings
from jetresim.campaign.showers import ShowerTraits, shower_traits
from jetresim.campaign.variations import Variations
from jetresim.campaign.views import augmentation_of_view

__all__ = ["Augmentation", "named_augmentation"]


class Augmentation(Strict):
    """A named way to re-simulate a hard event."""

    name: Name = Field(description="name of the augmentation; part of the seed of its realizations")
    description: str = Field("", description="one line for the dataset card")
    shower: SHOWER_NAMES.field = Field("pythia8", description="shower and hadronization program")
    optional: bool = Field(
        False, description="leave it out, with a note, where its shower program is not installed"
    )
    tune: TuneName | None = Field(None, description="a tune in place of the campaign's")
    settings: Settings = Field(Settings(), description="Pythia settings on top of the tune")
    intervene: Annotated[Intervention, BeforeValidator(short_form)] = Field(
        Intervention(),
        description="where the realization departs from the anchor: `hard_process`, "
        "`shower_scale: <pT in GeV>`, `parton_level`, `decays`, `pileup`, `detector`, or `nothing` for "
        "another detector with the same random numbers",
    )
    herwig: HerwigOptions = Field(HerwigOptions(), description="`herwig7`: the program and what it is told")
    options: PluginOptions = Field({}, description="what a shower program of another package is told")
    detector: dict[str, SettingValue] = Field(
        {}, description="options of `detector` that differ from the campaign's"
    )
    pileup: Literal["new", "shared"] = Field(
        "new",
        exclude_if=lambda pileup: pileup == "new",
        description="`shared`: with the pile-up of the anchor while what comes before is simulated again",
    )
    weights: Variations = Field(
        (),
        description="`pythia8`: variations to give a weight for, each a mapping of Pythia's keywords to "
        "values, such as `{fsr:muRfac: 0.5}`; see docs/weights.md",
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
        if self.traits.options != "herwig" and self.herwig != HerwigOptions():
            raise ValueError("`herwig` is for shower `herwig7`")
        if self.traits.options != "options" and self.options:
            raise ValueError(
                f"`options` are for a shower of another package; those of `{self.shower}` stand under "
                f"`{self.traits.options}`"
            )
        if self.by_pythia:
            return self
        for key in ("tune", "settings", "weights"):
            if getattr(self, key):
                title = self.traits.title or f"`{self.shower}`"
                raise ValueError(
                    f"`{key}` is for shower `pythia8`; {title}'s options stand under `{self.traits.options}`"
                )
        if self.intervene.shares_shower:
            raise ValueError(f"shower `{self.shower}` can only intervene at the hard process")
        return self

    @model_validator(mode="after")
    def _weighs_its_own_shower(self) -> "Augmentation":
        if self.weights and self.intervene.shares_shower:
            raise ValueError("`weights` need a shower of their own: `intervene` must be `hard_process`")
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
    def traits(self) -> ShowerTraits:
        """What the configuration knows of the shower program."""
        return shower_traits(self.shower)

    @property
    def by_pythia(self) -> bool:
        """Whether Pythia showers it, with the settings of tune, campaign, process and augmentation."""
        return self.traits.options == "settings"

    @property
    def herwig_options(self) -> HerwigOptions | None:
        """What Herwig is told, where it is the shower."""
        return self.herwig if self.traits.options == "herwig" else None

    @property
    def block_events(self) -> int:
        """Consecutive hard events that share a run of the shower program, and its seed."""
        return self.herwig_options.block_events if self.herwig_options else 1

    @property
    def realizations(self) -> list[str]:
        """Names of the realizations; a further replica leaves the earlier ones unchanged."""
        return [self.name] + [f"{self.name}_{copy}" for copy in range(2, self.replicas + 1)]


def named_augmentation(value: Any) -> Any:
    """An augmentation as written, completed by the catalogue entry of its name or of what it is a view of."""
    if isinstance(value, str):
        if _catalogue_name(value) not in AUGMENTATIONS:
            raise ValueError(unknown("augmentation", value, AUGMENTATIONS))
        value = {"name": value}
    if not isinstance(value, Mapping):
        return value
    entry = AUGMENTATIONS.get(_catalogue_name(str(value.get("name"))), {})
    return {**entry, **merged_settings(entry, value)}


def _catalogue_name(name: str) -> str:
    return name if name in AUGMENTATIONS else augmentation_of_view(name) or name
