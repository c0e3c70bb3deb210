"""How many targets have a jet that stands for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from jetresim.campaign.status import Status

__all__ = ["Acceptance"]

_LEFT_OUT = (Status.CUT, Status.NOT_SIMULATED)
_FAILED = (Status.FAILED, Status.NO_CANDIDATES, Status.UNPHYSICAL)
_WITH_JET = (Status.MATCHED, Status.BELOW_PT, Status.ABOVE_PT)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the targets of a process in one realization, over the whole campaign.

    Attributes
    ----------
    realization : str
    counts : mapping of Status to int
        Targets with each outcome; their sum is the number of targets of the process.
    kept : int
        Targets whose jet is a member of a group of the dataset.
    """

    realization: str
    counts: Mapping[Status, int]
    kept: int

    @classmethod
    def of(cls, realization: str, found: Mapping[str, int]) -> Self:
        """From the counts of a realization in the metadata of groups or shards."""
        return cls(realization, {status: found[status] for status in Status}, found["kept"])

    @property
    def targets(self) -> int:
        """All of the process."""
        return sum(self.counts.values())

    @property
    def simulated(self) -> int:
        """Targets of the hard events that were simulated."""
        return self.targets - sum(self.counts[status] for status in _LEFT_OUT)

    @property
    def survivors_only(self) -> bool:
        """Whether only hard events were simulated whose anchor has a jet."""
        return self.counts[Status.NOT_SIMULATED] > 0

    @property
    def failed(self) -> int:
        """Targets of events that a program gave up on, or that hold what cannot be."""
        return sum(self.counts[status] for status in _FAILED)

    @property
    def with_jet(self) -> int:
        """Targets for which a jet stands, whatever its pT."""
        return sum(self.counts[status] for status in _WITH_JET)

    @property
    def matching(self) -> float | None:
        """Matching efficiency: fraction of the simulated targets for which a jet stands."""
        return _ratio(self.with_jet, self.simulated)

    @property
    def accepted(self) -> float | None:
        """Acceptance: fraction of the simulated targets whose jet has the pT that groups require."""
        return _ratio(self.counts[Status.MATCHED], self.simulated)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
