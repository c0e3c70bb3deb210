"""The spectra of the report as data, in links of the page that need no network."""

import base64
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jetresim.report.spectra import Spectrum

__all__ = ["as_csv", "as_json", "link"]

Spectra = Mapping[tuple[str, str], Spectrum]
"""(process, observable) to the spectrum."""

COLUMNS = (
    *("process", "observable", "realization", "low", "high", "entries"),
    *("density", "density_error", "ratio", "ratio_error"),
)
"""Edges of the bin, sum of weights [pb], density in units of one over the observable's, ratio to nominal."""


def link(kind: str, text: str) -> str:
    """An address that holds the text itself."""
    return f"data:{kind};base64," + base64.b64encode(text.encode()).decode()


def as_json(spectra: Spectra, realizations: Sequence[str]) -> str:
    """Process and observable to edges and entries, those outside of the bins, too."""
    found: dict[str, dict[str, object]] = {}
    for (process, observable), spectrum in spectra.items():
        found.setdefault(process, {})[observable] = spectrum.as_data(realizations)
    return json.dumps(found)


def as_csv(spectra: Spectra, realizations: Sequence[str]) -> str:
    """One line for each bin of each realization, with `COLUMNS`; empty where a number is not defined."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for (process, observable), spectrum in spectra.items():
        for place, name in enumerate(realizations):
            lines.writerows([process, observable, name, *row] for row in _bins(spectrum, place))
    return text.getvalue()


def _bins(spectrum: Spectrum, realization: int) -> Iterator[list[str]]:
    columns = (
        *(spectrum.edges[:-1], spectrum.edges[1:], spectrum.entries[realization, 1:-2]),
        *(spectrum.density[realization], spectrum.density_errors[realization]),
        *(spectrum.ratios[realization], spectrum.ratio_errors[realization]),
    )
    for row in np.stack(columns, axis=1):
        yield [f"{value:.6g}" if np.isfinite(value) else "" for value in row]
