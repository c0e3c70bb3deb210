"""The hard event, as it travels from the generators to the other rooms."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

__all__ = ["WHOLE_EVENT", "HardEvent", "Parton", "TruthTarget"]

WHOLE_EVENT = "event"
"""Kind of a target that is the event itself."""

if TYPE_CHECKING:
    import pylhe


@dataclass(frozen=True, slots=True)
class HardEvent:
    """A parton-level event and its place in the process.

    Attributes
    ----------
    index : int
        Event index within the process, from 0; for files that were brought, the place in the file.
    record : pylhe.LHEEvent
        The event. ``record.eventinfo.weight`` is in pb and normalized so that its mean over the
        process is the cross-section; ``record.weights`` are the named weights in the same normalization.
    """

    index: int
    record: "pylhe.LHEEvent"


@dataclass(frozen=True, slots=True)
class Parton:
    """Four-momentum of a truth object: PDG id, pT [GeV], eta, phi and energy [GeV]."""

    pdgid: int
    pt: float
    eta: float
    phi: float
    energy: float


@dataclass(frozen=True, slots=True)
class TruthTarget:
    """A truth object of the hard event that a jet can stand for.

    Attributes
    ----------
    kind : str
        ``resonance``, ``parton`` or ``splitting``, see `campaign.config.Target`; or `WHOLE_EVENT`.
    label : int
        RS3L jettype, see `campaign.processes.LABELS`.
    parton : Parton
        The target itself; a splitting has the sum of its two partons and the gluon's PDG id 21.
    daughters : tuple of Parton
        The final quarks of a resonance, the two partons of a splitting, nothing for a parton, all targets of
        a whole event.
    """

    kind: str
    label: int
    parton: Parton
    daughters: tuple[Parton, ...]
