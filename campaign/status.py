"""What became of one target of one hard event in one realization."""

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """Every realization of every target has exactly one of these; nothing is dropped without one."""

    MATCHED = "matched"
    """Exactly one jet stands for the target."""
    CUT = "cut"
    """The hard event fails the cuts of its process; it was not showered."""
    NOT_SIMULATED = "not simulated"
    """One that comes before has no jet that a group could be made with, so the realization was left out."""
    FAILED = "failed"
    """The shower program or the detector gave up on the event."""
    NO_CANDIDATES = "no candidates"
    """The files of an external detector lack the event."""
    VETOED = "vetoed"
    """The partons made no jet near the pT that groups require; the event was not hadronized."""
    UNPHYSICAL = "unphysical"
    """A particle or candidate cannot be: its momentum is not finite or above its energy, its id unknown."""
    NO_JET = "no jet"
    """No jet satisfies the matching rule."""
    AMBIGUOUS = "ambiguous"
    """Several jets satisfy the matching rule."""
    SHARED = "shared"
    """The only jet that satisfies the rule also does so for another target."""
    NOT_FIRST = "not first"
    """With `jets.matching.first_only`: a harder jet of the event stands for another target."""
    BELOW_PT = "below pt"
    """The matched jet is below the pT that groups require."""
    ABOVE_PT = "above pt"
    """The matched jet is above the pT that groups allow."""
