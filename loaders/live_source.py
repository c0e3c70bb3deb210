"""Members of groups by the piece: simulated, or taken from a cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from jetresim.campaign.arrays import Integers
from jetresim.campaign.augmentations import AUGMENTATIONS, NOMINAL
from jetresim.campaign.config import Campaign, load, unknown
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import Paths
from jetresim.campaign.provenance import digest, jets_inputs, survey_inputs
from jetresim.campaign.views import view_name
from jetresim.dataset.assemble import stored_campaign
from jetresim.dataset.groups import member_column
from jetresim.dataset.padded import Array
from jetresim.dataset.reader import Groups
from jetresim.dataset.rules import row_identity
from jetresim.generators.brought import file_digest
from jetresim.generators.survey import UNIT_SURVEY, Survey
from jetresim.generators.wanted import some_hard_events, stored_survey
from jetresim.jets.again import reduced, run_length
from jetresim.jets.constituents import extra_columns
from jetresim.jets.files import software_versions
from jetresim.jets.parquet import batches, writer
from jetresim.jets.pool import open_pool
from jetresim.jets.schema import JETS_SCHEMA
from jetresim.jets.views import ViewSimulation
from jetresim.loaders.batches import IDENTITY, identity_columns

__all__ = ["PIECE", "LiveSource", "Piece", "make_pieces"]

PIECE = 100
"""Consecutive hard events that are read and simulated together, if runs of a program do not take more."""


@dataclass(frozen=True)
class Piece:
    """Groups of some consecutive hard events of a process.

    Attributes
    ----------
    process : str
    first : int
        Index of the first hard event, also where it has no group.
    columns : dict of str to ndarray, shape (N,)
        What `loaders.batches.IDENTITY` names, in order of (event, target).
    """

    process: str
    first: int
    columns: dict[str, Array]

    def __len__(self) -> int:
        return len(self.columns["event"])

    @property
    def events(self) -> list[int]:
        """Hard events that have groups."""
        return np.unique(self.columns["event"]).tolist()

    def rows_of(self, table: pa.Table) -> Integers:
        """Rows of a jets table that the groups are about; it has all targets of their hard events."""
        event, target = row_identity(table).T
        width = 1 + target.max(initial=0)
        found, asked = event * width + target, self.columns["event"] * width + self.columns["target"]
        rows = np.searchsorted(found, asked)
        missing = ~np.isin(asked, found) | (self.columns["target"] >= width)
        if missing.any():
            event, target = (int(self.columns[name][missing][0]) for name in ("event", "target"))
            raise DataError(
                f"{self.process}: hard event {event} has no target {target}, of which there is a group; "
                "expected the hard events that it was made from"
            )
        return rows


def make_pieces(groups: Groups, processes: Sequence[str], length: int) -> list[Piece]:
    """Cut the hard events of some groups into pieces.

    Parameters
    ----------
    groups : Groups
    processes : sequence of str
        All of the campaign.
    length : int
        Consecutive hard events that share a run of a program, which no piece cuts in two.
    """
    table = groups.select(IDENTITY).to_arrow().combine_chunks()
    columns = identity_columns(table, processes, np.arange(table.num_rows, dtype=np.int32))
    size = length * -(-PIECE // length)
    place = columns["process"], columns["event"] // size
    order = np.lexsort([columns["target"], columns["event"], *place[::-1]])
    changes = np.any([np.diff(key[order]) != 0 for key in place], axis=0)
    return [
        Piece(
            process=processes[columns["process"][rows[0]]],
            first=int(columns["event"][rows[0]] // size * size),
            columns={name: values[rows] for name, values in columns.items()},
        )
        for rows in np.split(order, np.flatnonzero(changes) + 1)
        if len(rows)
    ]


class LiveSource:
    """Simulates the members that groups have beside the stored ones, or takes them from a cache.

    Parameters
    ----------
    groups : Groups
    folder : Path or str, optional
        Of the campaign, where its hard events lie; that around the dataset by default.
    augmentations : sequence of str
        What there can be views of.
    cache : Path or str, optional
        Folder where views are kept.

    Raises
    ------
    ConfigError
        There is no such augmentation, or the campaign cannot have it.
    """

    def __init__(
        self,
        groups: Groups,
        folder: Path | str | None,
        augmentations: Sequence[str],
        cache: Path | str | None = None,
    ) -> None:
        self._paths = Paths(str(folder or groups.files[0].parents[2]))
        self._cache = None if cache is None else Path(cache)
        self.campaign = _campaign(groups, Path(self._paths.config))
        # all that can be wrong with the augmentations is found now, and not in a worker
        known = list(dict.fromkeys([*self.campaign.realizations, *AUGMENTATIONS]))
        for name in augmentations:
            if name not in known:
                raise ConfigError(unknown("realization", name, known))
        names = [name if name == NOMINAL else view_name(name, 0, 0, 0) for name in augmentations]
        reduced(self.campaign, dict.fromkeys(names))
        self.length = run_length(self.campaign, names)
        self._simulations: dict[str, ViewSimulation] = {}
        self._surveys: dict[str, Survey] = {}

    def members(self, piece: Piece, views: Sequence[str]) -> pa.StructArray:
        """The V views of each of the N groups of a piece, N × V members."""
        found = {name: self._cached(piece, name) for name in dict.fromkeys(views)}
        if missing := [name for name, table in found.items() if table is None]:
            found |= self._simulated(piece, missing)
        tables = [found[name].take(piece.rows_of(found[name])) for name in views]
        extra = {name for table in tables for name in extra_columns(table.schema)}
        columns = [member_column(table, self.campaign.groups, extra) for table in tables]
        order = np.arange(len(piece) * len(views)).reshape(len(views), -1).T.ravel()
        return pa.concat_arrays(columns).take(pa.array(order))

    def _simulated(self, piece: Piece, views: Sequence[str]) -> dict[str, pa.Table]:
        process, events = piece.process, piece.events
        if process not in self._simulations:
            pool = open_pool(Path(self._paths.pool), self.campaign)
            self._simulations[process] = ViewSimulation(self.campaign, process, pool)
            self._surveys[process] = self._survey(process)
        needed = events if self.length == 1 else range(piece.first, events[-1] + 1)
        hard = list(some_hard_events(self.campaign, self._paths, process, needed, self._surveys[process]))
        tables = self._simulations[process].tables(views, hard, set(events))
        for name, table in tables.items():
            self._keep(piece, name, table)
        return tables

    def _survey(self, process: str) -> Survey:
        """The survey, which jets do not depend on: it is not worth making where hard events are generated."""
        stored = Path(self._paths.survey.format(process=process)).exists()
        needed = stored or self.campaign.process(process).files
        return stored_survey(self.campaign, self._paths, process) if needed else UNIT_SURVEY

    def _cached(self, piece: Piece, view: str) -> pa.Table | None:
        path = self._cache_path(piece, view)
        return pa.concat_tables(batches(path, JETS_SCHEMA)) if path is not None and path.exists() else None

    def _keep(self, piece: Piece, view: str, table: pa.Table) -> None:
        if (path := self._cache_path(piece, view)) is not None:
            with atomic_path(path) as temporary, writer(temporary, table.schema) as sink:
                sink.write_table(table)

    def _cache_path(self, piece: Piece, view: str) -> Path | None:
        """Name of a file that says all that its content depends on."""
        if self._cache is None:
            return None
        inputs = {
            "hard": survey_inputs(self.campaign, piece.process),
            "jets": jets_inputs(self.campaign, piece.process, view),
            "detector": [file_digest(path) for path in self.campaign.detector_files([view])],
            "versions": software_versions(self.campaign, view),
            "events": piece.events,
        }
        return self._cache / piece.process / view / f"{piece.first:08d}-{digest(inputs)}.parquet"


def _campaign(groups: Groups, config: Path) -> Campaign:
    """The campaign of a dataset, which says itself how its hard events were cut into chunks."""
    campaign = stored_campaign(groups.files[0], groups.metadata)
    return campaign.model_copy(update={"chunk": load(config).chunk}) if config.exists() else campaign
