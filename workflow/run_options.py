"""What one run of Snakemake makes of a campaign, and where; none of it changes the content of a file."""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from pydantic import Field, ValidationError, field_validator

from jetresim.campaign.config import Campaign, first_problem, unknown
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.model import Strict
from jetresim.campaign.paths import chunk_names
from jetresim.showers.chunks import BATCH, cores_of_machine


class RunOptions(Strict):
    """Options that are given with ``--config`` beside the campaign's configuration file."""

    shard: tuple[int, int] | None = Field(
        None,
        description="`3/16` makes the third of sixteen parts of the groups; `jetresim merge` joins parts",
    )
    process: tuple[str, ...] = Field((), description="makes the groups of these processes alone: `qcd,higgs`")
    scratch: str | None = Field(
        None,
        description="folder in which jobs write before they move the result; variables such as `$TMPDIR` are "
        "those of the node",
    )

    @field_validator("shard", mode="before")
    @classmethod
    def _part_of_whole(cls, value: Any) -> Any:
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value) if isinstance(value, str) else None
        if found and 1 <= int(found[1]) <= int(found[2]):
            return int(found[1]), int(found[2])
        raise ValueError(f"expected a part of a whole such as 1/16 … 16/16, found {value!r}")

    @field_validator("process", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        return tuple(value.split(",")) if isinstance(value, str) else value

    @property
    def is_partial(self) -> bool:
        """Whether the run ends with groups and leaves the dataset to a later one."""
        return self.shard is not None or bool(self.process)

    def chunks(self, campaign: Campaign) -> Iterator[tuple[str, str]]:
        """(process, chunk) of every chunk that is asked for.

        The chunks are dealt out to the shards in turn, over all processes, so that shards are of equal size.
        """
        part, whole = self.shard or (1, 1)
        every = [
            (process, chunk) for process in campaign.processes for chunk in chunk_names(campaign, process)
        ]
        for index, (process, chunk) in enumerate(every):
            if index % whole == part - 1 and process in (self.process or campaign.processes):
                yield process, chunk


def take_run_options(config: MutableMapping[str, Any]) -> RunOptions:
    """Take the options of the run out of Snakemake's configuration, which leaves that of the campaign.

    Raises
    ------
    ConfigError
        An option is not what it must be.
    """
    given = {name: config.pop(name) for name in RunOptions.model_fields if name in config}
    try:
        return RunOptions.model_validate(given)
    except ValidationError as error:
        raise ConfigError(f"--config {first_problem(error, Campaign)}") from None


def take_events_at_most(config: MutableMapping[str, Any]) -> int | None:
    """Take ``--config events_at_most=N`` out of Snakemake's configuration: a smaller version of the campaign.

    Raises
    ------
    ConfigError
        It is no number of events.
    """
    events = config.pop("events_at_most", None)
    if events is not None and (not isinstance(events, int) or isinstance(events, bool) or events < 1):
        raise ConfigError(f"--config events_at_most: expected a number of hard events, found {events!r}")
    return events


def check_run_options(options: RunOptions, campaign: Campaign) -> None:
    """Refuse options that do not go with the campaign.

    Raises
    ------
    ConfigError
    """
    for process in options.process:
        if process not in campaign.processes:
            raise ConfigError("--config process: " + unknown("process", process, campaign.processes))
    if options.shard and not any(options.chunks(campaign)):
        part, whole = options.shard
        raise ConfigError(
            f"--config shard={part}/{whole}: has no chunk; ask for fewer shards or a smaller `chunk`"
        )


def cores_to_use(workflow: Any, options: RunOptions) -> int | None:
    """Cores that jobs can be cut for: those of this run, or `BATCH`.

    Snakemake takes a dry run for one on a single core; those of the machine are taken then.
    """
    cores = workflow.resource_settings.cores
    if options.shard is not None or cores is None:
        return BATCH
    return cores if cores > 1 else cores_of_machine()
