"""The page that shows two campaigns beside each other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jetresim.campaign.files import atomic_path
from jetresim.report import figures
from jetresim.report.binning import bin_edges
from jetresim.report.collect import DISTANCE_SAMPLE, ENOUGH, SAMPLE
from jetresim.report.comparison import LEVEL, Compared, Comparison, Likeness, Values
from jetresim.report.html import Plot, Section, environment, plot
from jetresim.report.made import Table
from jetresim.report.observables import BY_NAME, JET_OBSERVABLES, Observable
from jetresim.report.spectra import Spectrum
from jetresim.report.statistics import REPLICAS

__all__ = ["as_json", "verdict_lines", "write_comparison"]

SVG_BYTES = 6_000_000
"""Bytes of all figures together up to which they are vector graphics."""

_ACROSS = 3
_AT_ONCE = 4096

_METHOD = (
    f"Kolmogorov–Smirnov tests of the first groups of a process (at most {SAMPLE}), with weights: the number "
    "of events is (Σw)²/Σw². p-values are multiplied by the number of tests (Bonferroni); a pair differs "
    f"below {LEVEL:g}, so that two equal campaigns with independent events are told apart in at most 1 of "
    f"{1 / LEVEL:.0f} cases. Campaigns that share hard events are correlated, which the tests do not use: "
    "they then find fewer differences than there are, and error bars of ratios are too long. Identical: the "
    "same events, seeds and jets, bit by bit."
)
_DISTANCES = (
    f"First Wasserstein distance ∫|F_A − F_B|; error: standard deviation of {REPLICAS} bootstrap samples of "
    f"the first {DISTANCE_SAMPLE} groups of each, for all. It is above 0 for equal distributions, too."
)


def write_comparison(found: Comparison, output: Path) -> None:
    """Write the comparison as one HTML file, whose bytes depend on the two datasets alone."""
    page = (
        environment()
        .get_template("comparison.html.j2")
        .render(
            names=found.names,
            likeness=found.likeness,
            sections=[_verdict_section(found), *_spectra_sections(found), _differences_section(found)],
        )
    )
    with atomic_path(output) as path:
        path.write_text(page, encoding="utf-8")


def verdict_lines(found: Comparison) -> list[str]:
    """What is lacking, and a line for each process and observable with its verdict over realizations."""
    return [*found.lacking, *(_verdict_line(each) for each in _by_observable(found))]


def as_json(found: Comparison) -> str:
    """All that was compared, without the spectra."""
    content = {
        "folders": [str(each.folder) for each in found.sources],
        "verdict": found.likeness,
        "level": LEVEL,
        "tests": found.tests,
        "only_one_has": found.lacking,
        "differences": [{"key": key, "a": a, "b": b} for key, a, b in found.differences],
        "compared": [_as_data(each) for each in found.compared],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def _as_data(each: Compared) -> dict[str, Any]:
    numbers = {
        name: value if np.isfinite(value := getattr(each, name)) else None
        for name in ("statistic", "p_value", "distance", "error")
    }
    names = {name: getattr(each, name) for name in ("process", "realization", "observable")}
    return {**names, "groups": list(each.groups), "verdict": each.likeness, **numbers}


def _by_observable(found: Comparison) -> list[list[Compared]]:
    parts: dict[tuple[str, str], list[Compared]] = {}
    for each in found.compared:
        parts.setdefault((each.process, each.observable), []).append(each)
    return list(parts.values())


def _verdict_line(part: list[Compared]) -> str:
    order = [Likeness.DIFFERS, Likeness.COMPATIBLE, Likeness.IDENTICAL, Likeness.NOT_COMPARED]
    worst = min((each.likeness for each in part), key=order.index)
    line = f"{worst}: {part[0].process}: {BY_NAME[part[0].observable].text}"
    if worst is Likeness.DIFFERS:
        named = [f"{each.realization} (p = {each.p_value:.2g})" for each in part if each.likeness is worst]
        return f"{line}: " + ", ".join(named)
    few = [each.realization for each in part if each.likeness is Likeness.NOT_COMPARED]
    return f"{line}: fewer than {ENOUGH} groups of " + ", ".join(few) if few else line


def _verdict_section(found: Comparison) -> Section:
    header = ["process", "realization", "observable", "verdict", "groups A", "groups B"]
    header += ["KS", "p × tests", "distance"]
    rows = [
        [
            *(each.process, each.realization, BY_NAME[each.observable].title, str(each.likeness)),
            *(*map(str, each.groups), _number(each.statistic), _number(each.p_value), _distance(each)),
        ]
        for each in found.compared
    ]
    table = Table(f"{found.tests} tests", header, rows, text_columns=4)
    return Section("verdicts", "Verdicts", [_METHOD, _DISTANCES], (), [table], found.lacking)


def _number(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.3g}"


def _distance(each: Compared) -> str:
    return "–" if not np.isfinite(each.distance) else f"{each.distance:.3g} ± {each.error:.2g}"


def _spectra_sections(found: Comparison) -> Iterator[Section]:
    text = (
        "Weighted, normalized to 1 including what is outside of the bins; below, B over A. Error bars: one "
        "standard error, of A in the spectra and of both in the ratios."
    )
    for process in dict.fromkeys(each.process for each in found.compared):
        plots = [
            _spectra(found, process, observable, shown[first : first + _ACROSS])
            for observable in JET_OBSERVABLES
            for shown in [_drawn(found, process, observable)]
            for first in range(0, len(shown), _ACROSS)
        ]
        notes = [] if plots else [f"Fewer than {ENOUGH} groups in one of the two."]
        yield Section(f"process-{process}", f"Spectra: {process}", [text], plots, (), notes)


def _drawn(found: Comparison, process: str, observable: Observable) -> list[str]:
    """Realizations with enough groups in both."""
    return [
        each.realization
        for each in found.compared
        if (each.process, each.observable) == (process, observable.name) and min(each.groups) >= ENOUGH
    ]


def _spectra(found: Comparison, process: str, observable: Observable, realizations: list[str]) -> Plot:
    columns = [
        (name, _spectrum(observable, *found.values(process, name, observable))) for name in realizations
    ]
    figure = figures.spectra_figure(figures.Curves(found.names, 0, []), observable, columns)
    alt = f"{observable.title} of {process} in both campaigns, for {', '.join(realizations)}, with B over A."
    return plot(figure, SVG_BYTES // max(1, len(found.compared)), alt, observable.title)


def _spectrum(observable: Observable, a: Values, b: Values) -> Spectrum:
    """Both as if they were realizations without a group in common, so that their errors are independent."""
    spectrum = Spectrum(bin_edges(observable, np.concatenate([a.values, b.values])), 2, 0)
    for index, each in enumerate((a, b)):
        for first in range(0, len(each.values), _AT_ONCE):
            values, weights = (part[first : first + _AT_ONCE] for part in (each.values, each.weights))
            rows = np.arange(len(values))
            spectrum.fill(rows, np.full_like(rows, index), values, weights)
    return spectrum


def _differences_section(found: Comparison) -> Section:
    rows = [
        [key, *("–" if value is None else str(value) for value in both)] for key, *both in found.differences
    ]
    tables = (
        [Table("Configuration and versions", ["key", *found.names], rows, text_columns=3)] if rows else []
    )
    return Section("differences", "What was set differently", (), (), tables, [] if rows else ["Nothing."])
