"""The ``<init>`` block of unweighted events that are made here."""

from collections.abc import Sequence

import pylhe

from jetresim.campaign.config import Beams
from jetresim.generators.survey import Survey

__all__ = ["KEEP_EVERY_EVENT", "unweighted_init"]

KEEP_EVERY_EVENT = -4
"""Weighting strategy: weights are in pb and may be negative, and no event is thrown away."""


def unweighted_init(
    beams: Beams,
    survey: Survey,
    process_id: int,
    generators: Sequence[pylhe.LHEGenerator],
    pdfs: tuple[int, int] = (0, 0),
) -> pylhe.LHEInit:
    """Make the block for one process whose events all have the cross-section as their weight.

    Parameters
    ----------
    beams : campaign.config.Beams
    survey : Survey
        Gives the cross-section and its error [pb].
    process_id : int
        LPRUP of the events.
    generators : sequence of pylhe.LHEGenerator
        What made them.
    pdfs : tuple of int
        LHAPDF numbers of the PDF sets of the beams; 0 where there is none.
    """
    half = beams.energy / 2
    info = pylhe.LHEInitInfo(*beams.particles, half, half, 0, 0, *pdfs, KEEP_EVERY_EVENT, 1)
    line = pylhe.LHEProcInfo(
        survey.cross_section, survey.cross_section_error, survey.cross_section, process_id
    )
    return pylhe.LHEInit(initInfo=info, procInfo=[line], generators=list(generators))
