"""The report of a campaign: everything is read, computed and put into one page."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from jetresim.campaign.arrays import Floats
from jetresim.campaign.files import atomic_path
from jetresim.dataset.process_warnings import warning_lines
from jetresim.report import figures, made, side_by_side
from jetresim.report.binning import bin_edges
from jetresim.report.checks import Check, Verdict, run_checks, worst
from jetresim.report.collect import (
    CONSTITUENT_SAMPLE,
    DISTANCE_SAMPLE,
    ENOUGH,
    GALLERY,
    SAMPLE,
    Constituents,
    Sample,
    Scan,
    jet_samples,
    scan,
    scan_constituents,
)
from jetresim.report.html import Plot, Section, environment, plot
from jetresim.report.made import Table
from jetresim.report.observables import BY_NAME, JET_OBSERVABLES, OBSERVABLES, Observable
from jetresim.report.plot_data import as_csv, as_json, link
from jetresim.report.reading import Source, open_source
from jetresim.report.spectra import Spectrum
from jetresim.report.statistics import (
    REPLICAS,
    Distance,
    correlations,
    generator,
    partners,
    relative_difference,
    wasserstein,
)

__all__ = ["Content", "failed", "summary", "write_report"]

SIMILARITY = ("n2", "sdmass", "pt")
LABELLED = ("n2", "sdmass", "multiplicity")
MOST_PROCESSES = 8
"""Processes with plots; the tables have all."""

SVG_BYTES = 6_000_000
"""Bytes of all figures together up to which they are vector graphics, before their encoding in base64."""

_ACROSS = 3


@dataclass(frozen=True)
class Content:
    """All that the page is made of."""

    source: Source
    samples: dict[str, Sample]
    scan: Scan
    constituents: Constituents
    checks: list[Check]
    distances: dict[str, dict[tuple[str, str], Distance]] = field(default_factory=dict)

    @property
    def drawn(self) -> list[str]:
        """Processes with enough groups for plots."""
        return [name for name in self.samples if self.scan.groups(name) >= ENOUGH][:MOST_PROCESSES]

    @property
    def left_out(self) -> list[str]:
        """Why processes have no plots."""
        return [
            f"{name}: not enough groups for plots ({self.scan.groups(name)}, of at least {ENOUGH})."
            if self.scan.groups(name) < ENOUGH
            else f"{name}: only the first {MOST_PROCESSES} processes have plots."
            for name in self.samples
            if name not in self.drawn
        ]

    @property
    def curves(self) -> figures.Curves:
        """How the realizations are drawn."""
        return figures.Curves.of(self.source)

    @property
    def svg_limit(self) -> int:
        """Bytes up to which a figure is a vector graphic, so that the page stays below 10 MB."""
        return SVG_BYTES // max(1, len(self.drawn) * (len(OBSERVABLES) + GALLERY))

    @property
    def spectra(self) -> dict[tuple[str, str], Spectrum]:
        """(process, observable) to the spectrum."""
        return self.scan.spectra | self.constituents.spectra


def write_report(campaign_folder: Path, output: Path, cores: int = 1) -> list[Check]:
    """Write the report of a campaign as one HTML file.

    Its bytes depend on the dataset, on ``hard/{process}/survey.json`` and ``report/cost.parquet`` where they
    are there, and on the versions of the software.

    Parameters
    ----------
    campaign_folder : Path
        ``results/{campaign}``.
    output : Path
    cores : int
        Sections to draw side by side.

    Returns
    -------
    list of Check
        The checks with their verdicts.

    Raises
    ------
    DataError
        There is no dataset, or it cannot be read.
    """
    content = collect(open_source(campaign_folder))
    page = render(content, cores)
    with atomic_path(output) as path:
        path.write_text(page, encoding="utf-8")
    return content.checks


def collect(source: Source) -> Content:
    """Read a dataset and compute all that is shown."""
    samples = jet_samples(source)
    found, constituents = scan(source, samples), scan_constituents(source)
    checks = run_checks(source, samples, found, constituents)
    content = Content(source, samples, found, constituents, checks)
    for process in content.drawn:
        content.distances[process] = process_distances(source, process, samples[process])
    return content


def process_distances(source: Source, process: str, sample: Sample) -> dict[tuple[str, str], Distance]:
    """(observable, realization) to the Wasserstein distance from nominal, where there are enough groups."""
    found = {}
    weight = sample.weight[:DISTANCE_SAMPLE]
    for observable in JET_OBSERVABLES:
        values = sample.values[observable.name][:DISTANCE_SAMPLE]
        for index, name in enumerate(source.realizations):
            both = np.isfinite(values[:, [source.anchor, index]]).all(axis=1)
            if index != source.anchor and np.count_nonzero(both) >= ENOUGH:
                rng = generator(source.campaign.seed, "distance", process, observable.name, name)
                pair = values[both][:, [source.anchor, index]].T
                found[observable.name, name] = wasserstein(*pair, weight[both], rng)
    return found


def render(content: Content, cores: int = 1) -> str:
    """Make the page."""
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            name=content.source.campaign.name,
            seed=content.source.campaign.seed,
            checks=content.checks,
            verdict=worst([check.verdict for check in content.checks]),
            counted=summary(content.checks),
            warnings=warning_lines(content.source.metadata),
            configuration=made.configuration(content.source),
            versions=made.versions(content.source),
            sections=side_by_side.results(sections(content), cores),
            bookkeeping=made_section(content),
            realizations=content.source.realizations,
            data={
                "JSON": link("application/json", as_json(content.spectra, content.source.realizations)),
                "CSV": link("text/csv", as_csv(content.spectra, content.source.realizations)),
            },
        )
    )


def summary(checks: Sequence[Check]) -> str:
    """How many checks have each verdict, in one line."""
    counts = Counter(check.verdict for check in checks)
    names = {Verdict.PASS: "passed", Verdict.WARN: "with a warning", Verdict.FAIL: "failed"}
    named = [f"{counts[each]} {names.get(each, str(each))}" for each in Verdict if counts[each]]
    return f"{len(checks)} checks: " + ", ".join(named)


def failed(checks: Sequence[Check]) -> bool:
    """Whether a check failed."""
    return any(check.verdict is Verdict.FAIL for check in checks)


def sections(content: Content) -> list[Callable[[], Section]]:
    """The physics, still to be drawn."""
    return [
        partial(n2_section, content),
        *(partial(spectra_section, content, process) for process in content.drawn),
        partial(labels_section, content),
        partial(distances_section, content),
        partial(similarity_section, content),
        partial(gallery_section, content),
    ]


def made_section(content: Content) -> Section:
    """What was made."""
    source = content.source
    found = made.cost(source)
    tables = [
        made.processes(source, content.scan),
        made.realizations(source),
        made.efficiencies(source),
        made.statuses(source),
        made.labels(content.scan),
        *([found] if found else []),
    ]
    text = [
        "A target is matched when exactly one jet stands for it and has the pT that groups require. The "
        "matching efficiency is the fraction of simulated targets for which a jet stands, whatever its pT; "
        "the acceptance is the fraction that is matched. Errors: central 68% Clopper–Pearson intervals. "
        "Where a realization was simulated only for those with a jet in the anchor, or in all realizations "
        "before it, both are of these survivors and not comparable to nominal.",
    ]
    notes = (
        []
        if found
        else [f"Cost: there is no {made.COST}; `jetresim cost` makes it, then make the report again."]
    )
    return Section("made", "What was made", text, (), tables, notes)


def n2_section(content: Content) -> Section:
    """The figure of the RS3L paper."""
    observable = BY_NAME["n2"]
    columns = [
        (f"{process} ({content.scan.groups(process)} groups)", content.spectra[process, "n2"])
        for process in content.drawn
    ]
    plots = [
        _plot(
            content,
            figures.spectra_figure(content.curves, observable, columns[first : first + _ACROSS]),
            "Normalized N2 spectra of "
            + ", ".join(title for title, _ in columns[first : first + _ACROSS])
            + " for all realizations, with ratios to nominal below.",
            "",
        )
        for first in range(0, len(columns), _ACROSS)
    ]
    text = [
        "The generalized energy correlation ratio N₂^{β=1} of the ungroomed jet for every process, with "
        "the ratio "
        "of each realization to nominal; the filled area is between the two FSR scales. " + _ERRORS
    ]
    return Section("n2", "N₂^{β=1}", text, plots, (), content.left_out)


_ERRORS = (
    "Spectra are weighted and normalized to 1 including what is outside of the bins. Error bars: one "
    "standard error from the scatter between groups (for one jet a group the square root of the sum of "
    "squared weights). Those of the ratios contain the correlation with nominal through the common hard "
    "event. Triangles: beyond the panel."
)


def spectra_section(content: Content, process: str) -> Section:
    """All spectra of a process."""
    shown = [each for each in OBSERVABLES if (process, each.name) in content.spectra]
    plots = [_spectrum_plot(content, process, each) for each in shown]
    read = content.constituents.groups[process]
    text = [
        f"{content.scan.groups(process)} groups; constituents of the first {read} of them "
        f"(at most {CONSTITUENT_SAMPLE}; rows are in random order). {_ERRORS}",
    ]
    return Section(
        f"spectra-{process}", f"Spectra: {process}", text, plots, [_outside(content, process, shown)]
    )


def _spectrum_plot(content: Content, process: str, observable: Observable) -> Plot:
    spectrum = content.spectra[process, observable.name]
    below, above, undefined = (_percent(spectrum.fractions[spectrum.anchor, place]) for place in (0, -2, -1))
    return _plot(
        content,
        figures.spectra_figure(content.curves, observable, [("", spectrum)]),
        f"Normalized spectra of {observable.title} for all realizations of {process}, with ratios to "
        "nominal below.",
        f"{observable.title}. Nominal outside of the bins: {below} below, {above} above"
        + (f", {undefined} not defined." if spectrum.fractions[spectrum.anchor, -1] else "."),
    )


def _percent(fraction: float) -> str:
    return "–" if not np.isfinite(fraction) else f"{100 * fraction:.2g}%"


def _outside(content: Content, process: str, shown: Sequence[Observable]) -> Table:
    header = ["observable", "bins", *content.source.realizations]
    rows = []
    for each in shown:
        spectrum = content.spectra[process, each.name]
        cells = (
            " / ".join(_percent(fraction) for fraction in row[[0, -2, -1]]) for row in spectrum.fractions
        )
        rows.append([each.title, f"{spectrum.edges[0]:g} … {spectrum.edges[-1]:g}", *cells])
    return Table("Outside of the bins: below / above / not defined", header, rows, text_columns=2)


def labels_section(content: Content) -> Section:
    """Nominal spectra by label."""
    observables = [BY_NAME[name] for name in LABELLED]
    columns = [(name, *_by_label(content, name)) for name in content.drawn]
    columns = [column for column in columns if column[1]]
    plots = []
    if columns:
        edges = [
            bin_edges(each, np.concatenate([values[row] for _, one, _ in columns for values in one.values()]))
            for row, each in enumerate(observables)
        ]
        alt = "Normalized nominal spectra of N2, soft-drop mass and multiplicity by label and process."
        plots = [_plot(content, figures.labels_figure(observables, columns, edges), alt, "")]
    text = [
        f"Nominal jets by RS3L jettype, of the first {SAMPLE} groups of a process; labels with at least "
        f"{ENOUGH} groups."
    ]
    return Section("labels", "Labels", text, plots, (), content.left_out)


def _by_label(content: Content, process: str) -> tuple[dict[int, Floats], dict[int, Floats]]:
    sample, anchor = content.samples[process], content.source.anchor
    values, weights = {}, {}
    for label in np.unique(sample.label).tolist():
        rows = (sample.label == label) & sample.present[:, anchor]
        if np.count_nonzero(rows) >= ENOUGH:
            values[label] = np.stack([sample.values[name][rows, anchor] for name in LABELLED])
            weights[label] = sample.weight[rows]
    return values, weights


def distances_section(content: Content) -> Section:
    """Wasserstein distances from nominal."""
    source = content.source
    title = "Wasserstein distances from nominal"
    if len(source.realizations) < 2:
        return Section("distances", title, notes=["There is only one realization."])
    columns = [
        (process, found, _widths(content, process)) for process, found in content.distances.items() if found
    ]
    plots = [
        _plot(
            content,
            figures.distances_figure(content.curves, JET_OBSERVABLES, columns[first : first + _ACROSS]),
            "Wasserstein distances from nominal in units of the standard deviation, with errors and "
            "statistical floor, by observable and realization; the numbers are in the table.",
            "",
        )
        for first in range(0, len(columns), _ACROSS)
    ]
    tables = [_distances_table(source, process, found) for process, found, _ in columns]
    text = [
        "First Wasserstein distance between the distributions of nominal and a realization, over groups "
        f"with both (the first {DISTANCE_SAMPLE} of a process at most), weighted. Errors: standard "
        f"deviation of {REPLICAS} bootstrap samples of whole groups. The distance is never negative, so "
        f"that equal distributions give one above 0, too: the floor is what 5% of {REPLICAS} random swaps "
        "of the two members within groups exceed. A distance below its floor is not significant."
    ]
    return Section("distances", title, text, plots, tables, content.left_out)


def _widths(content: Content, process: str) -> dict[str, float]:
    """Standard deviation of the nominal values of each observable; 1 where they are all equal."""
    sample, anchor = content.samples[process], content.source.anchor
    return {
        each.name: float(np.nanstd(sample.values[each.name][:DISTANCE_SAMPLE, anchor])) or 1.0
        for each in JET_OBSERVABLES
    }


def _distances_table(source: Source, process: str, found: Mapping[tuple[str, str], Distance]) -> Table:
    others = [name for name in source.realizations if name != source.realizations[source.anchor]]
    rows = [
        [
            each.title,
            *(_distance(found[each.name, name]) if (each.name, name) in found else "–" for name in others),
        ]
        for each in JET_OBSERVABLES
    ]
    caption = f"{process}: distance ± error (floor); * above the floor"
    return Table(caption, ["observable", *others], rows)


def _distance(distance: Distance) -> str:
    mark = " *" if distance.value > distance.floor else ""
    return f"{distance.value:.3g} ± {distance.error:.2g} ({distance.floor:.2g}){mark}"


def similarity_section(content: Content) -> Section:
    """How alike the members of a group are, against members of different groups."""
    source, title = content.source, "Similarity of members"
    if len(source.realizations) < 2:
        return Section("similarity", title, notes=["There is only one realization."])
    plots, tables = [], []
    for process in content.drawn:
        columns, rows = _similarities(source, process, content.samples[process])
        alt = (
            f"Correlation matrices of {process}: N2, soft-drop mass and pT of members of the same group "
            "above the diagonal and of different groups below; the table has those with nominal."
        )
        plots.append(_plot(content, figures.similarity_figure(source.realizations, columns), alt, process))
        header = ["realization", "observable", "r, same group", "r, other group", "relative difference"]
        tables.append(Table(f"{process}: similarity to nominal", header, rows, text_columns=2))
    text = [
        "Pearson correlation of two members over groups (unweighted): of the same group above the "
        "diagonal, of random pairs of groups of the process below it. The error of a correlation near 0 is "
        f"about one over the square root of the number of groups (at most {SAMPLE}). Relative difference: "
        "mean absolute difference to nominal of the same group over that to nominal of another group; 0 "
        "for identical members, 1 if they share no more than two groups do."
    ]
    return Section("similarity", title, text, plots, tables, content.left_out)


def _similarities(
    source: Source, process: str, sample: Sample
) -> tuple[list[tuple[str, Floats, Floats]], list[list[str]]]:
    other = partners(len(sample.weight), generator(source.campaign.seed, "partners", process))
    columns, rows = [], []
    for name in SIMILARITY:
        values, title = sample.values[name], BY_NAME[name]
        own, foreign = correlations(values, values), correlations(values, values[other])
        columns.append((title.label, own, foreign))
        for index, realization in enumerate(source.realizations):
            if index != source.anchor:
                anchor = values[:, source.anchor]
                relative = relative_difference(anchor, values[:, index], values[other][:, index])
                numbers = (own[source.anchor, index], foreign[source.anchor, index], relative)
                rows.append([realization, title.text, *(_number(each) for each in numbers)])
    return columns, sorted(rows, key=lambda row: source.realizations.index(row[0]))


def _number(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.3f}".replace("-", "−")


def gallery_section(content: Content) -> Section:
    """Groups drawn as their members side by side."""
    plots = []
    for process, drawn in content.constituents.gallery.items():
        for group in drawn if process in list(content.samples)[:MOST_PROCESSES] else ():
            what = f"{process}, event {group.event}, target {group.target}, {made.label_name(group.label)}"
            alt = f"Constituents of the members of one group in the plane of Δη and Δφ: {what}."
            plots.append(_plot(content, figures.gallery_figure(content.source, group), alt, what))
    text = [
        "Groups chosen by a hash of the campaign seed, each with all its members: constituents in Δη and "
        "Δφ from the jet axis; the area of a marker is proportional to pT, the circle has the radius of "
        "the jets."
    ]
    return Section("gallery", "Gallery", text, plots, (), () if plots else ["There is no group."])


def _plot(content: Content, figure: figures.Figure, alt: str, caption: str) -> Plot:
    return plot(figure, content.svg_limit, alt, caption)
