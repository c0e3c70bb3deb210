"""The plots of the report, as text of SVG or bytes of PNG that depend on the data alone."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import mplhep
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jetresim.campaign.arrays import Floats
from jetresim.campaign.processes import LABELS
from jetresim.dataset.features import ELECTRON, MUON, PHOTON
from jetresim.report.checks import fsr_pairs
from jetresim.report.collect import Drawn
from jetresim.report.observables import Observable
from jetresim.report.reading import Source
from jetresim.report.spectra import Spectrum
from jetresim.report.statistics import Distance

__all__ = [
    "Curves",
    "Panel",
    "Picture",
    "distances_figure",
    "gallery_figure",
    "labels_figure",
    "picture",
    "similarity_figure",
    "spectra_figure",
]


STYLE = {
    "font.size": 11,
    "axes.labelsize": 12,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.4,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "svg.hashsalt": "jetresim report",
    "svg.fonttype": "path",
    "path.simplify": False,
    "figure.facecolor": "white",
}

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#7F3C8D")
"""Okabe and Ito's palette, which colour-blind people can tell apart. Its black is nominal's, so purple stands
in its place; orange is for the FSR pair."""

SWITCHED = "realization-"
"""What the ids of parts of an SVG begin with that show some realizations; their indices follow."""

BAND = "#E69F00"
LINES = ("-", "--", ":", "-.")

KINDS = {
    "charged hadron": "#0072B2",
    "neutral hadron": "#000000",
    "photon": "#E69F00",
    "electron": "#009E73",
    "muon": "#D55E00",
}
"""Kind of constituent to its colour."""

_DPI = 130
_RATIO_LIMITS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_USEFUL_ERROR = 0.3
_PANEL = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure ready to be embedded.

    Attributes
    ----------
    mime : str
    content : bytes
    width : int
        Natural width [CSS pixels].
    height : int
    """

    mime: str
    content: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Panel:
    """Realizations that share a ratio panel.

    Attributes
    ----------
    title : str
    members : tuple of int
    band : bool
        Whether the area between the two members is filled.
    """

    title: str
    members: tuple[int, ...]
    band: bool = False


@dataclass(frozen=True, slots=True)
class Curves:
    """What is drawn into one axis.

    Attributes
    ----------
    realizations : list of str
        Names, for the legend.
    anchor : int
        Index of the one that the others are divided by.
    pairs : list of tuple of str
        Realizations that share a colour and a panel, such as two FSR scales.
    """

    realizations: list[str]
    anchor: int
    pairs: list[tuple[str, str]]

    @classmethod
    def of(cls, source: Source) -> "Curves":
        """The realizations of a campaign."""
        return cls(source.realizations, source.anchor, fsr_pairs(source.campaign))

    @property
    def single(self) -> list[int]:
        """Indices of those that are neither the anchor nor in a pair."""
        paired = {name for pair in self.pairs for name in pair}
        names = enumerate(self.realizations)
        return [index for index, name in names if index != self.anchor and name not in paired]


def panels(curves: Curves) -> list[Panel]:
    """Ratio panels: one for each FSR pair, the other realizations two by two in their order."""
    names, single = curves.realizations, curves.single
    banded = [Panel("FSR", tuple(names.index(name) for name in pair), band=True) for pair in curves.pairs]
    size = 1 if len(single) <= 3 else _PANEL
    others = [tuple(single[first : first + size]) for first in range(0, len(single), size)]
    return [*(Panel("", members) for members in others), *banded]


@contextmanager
def _showing(axis: Axes, *realizations: int) -> Iterator[None]:
    """Note in the picture which realizations is shown by what is drawn meanwhile."""
    before = set(axis.get_children())
    yield
    for artist in set(axis.get_children()) - before:
        artist.set_gid(_name(*realizations))


def _name(*realizations: int) -> str:
    return SWITCHED + "-".join(map(str, realizations))


def picture(figure: Figure, svg_limit: int) -> Picture:
    """Render a figure reproducibly.

    Parameters
    ----------
    figure : Figure
    svg_limit : int
        Bytes up to which it is an SVG; above, it is an SVG or a PNG, whichever is smaller.
    """
    with mpl.rc_context(STYLE):
        svg = io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        content, mime = svg.getvalue(), "image/svg+xml"
        if len(content) > svg_limit:
            png = io.BytesIO()
            figure.savefig(png, format="png", dpi=_DPI, metadata={"Software": None})
            if len(png.getvalue()) < len(content):
                content, mime = png.getvalue(), "image/png"
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    return Picture(mime, content, width, height)


def spectra_figure(curves: Curves, observable: Observable, columns: Sequence[tuple[str, Spectrum]]) -> Figure:
    """Normalized spectra of some processes side by side, with a ratio panel for each of `panels`."""
    ratios = panels(curves)
    order = sorted(range(len(curves.realizations)), key=lambda index: index != curves.anchor)
    width = 4.6 * len(columns)
    across = max(1, int(13 * width) // (6 + max(map(len, curves.realizations))))
    heights = [2.4, *[0.85] * len(ratios)]
    top = 0.3 + 0.2 * -(-len(order) // across)
    bottom, height = 0.6, sum(heights) + top + 0.6
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(
            *(len(heights), len(columns)), sharex="col", squeeze=False, height_ratios=heights,
            gridspec_kw={
                "left": 0.92 / width, "right": 1 - 0.2 / width, "hspace": 0.08, "wspace": 0.3,
                "top": 1 - top / height, "bottom": bottom / height,
            },
        )  # fmt: skip
        for (title, spectrum), column in zip(columns, axes.T, strict=True):
            _draw_spectra(column[0], curves, observable, spectrum)
            column[0].set_title(title, fontsize=11, loc="left")
            for panel, axis in zip(ratios, column[1:], strict=True):
                _draw_ratios(axis, curves, panel, spectrum)
            column[-1].set_xlabel(observable.axis)
            for axis in column:
                axis.yaxis.set_label_coords(-0.2, 0.5)
        handles = [
            Line2D([], [], color=_colour(curves, index), linestyle=_line(curves, index)) for index in order
        ]
        names = [curves.realizations[index] for index in order]
        legend = figure.legend(
            *(handles, names), loc="upper center", bbox_to_anchor=(0.5, 1), ncols=min(len(order), across),
            borderaxespad=0.1, columnspacing=1.2, handlelength=1.8,
        )  # fmt: skip
        for index, handle, text in zip(order, legend.legend_handles, legend.get_texts(), strict=True):
            handle.set_gid(_name(index))
            text.set_gid(_name(index))
    return figure


def _colour(curves: Curves, index: int) -> str:
    if index == curves.anchor:
        return "black"
    return COLOURS[curves.single.index(index) % len(COLOURS)] if index in curves.single else BAND


def _line(curves: Curves, index: int) -> str:
    if index in curves.single:
        return LINES[curves.single.index(index) // len(COLOURS) % len(LINES)]
    paired = [name for pair in curves.pairs for name in pair]
    name = curves.realizations[index]
    return LINES[paired.index(name) % len(LINES)] if name in paired else "-"


def _draw_spectra(axis: Axes, curves: Curves, observable: Observable, spectrum: Spectrum) -> None:
    density, errors = spectrum.density, spectrum.density_errors
    for index in range(len(curves.realizations)):
        if not np.isfinite(density[index]).all():
            continue
        nominal = index == curves.anchor
        with _showing(axis, index):
            mplhep.histplot(
                *(density[index], spectrum.edges),
                ax=axis, yerr=errors[index] if nominal else False, flow="none",
                histtype="step", color=_colour(curves, index), linestyle=_line(curves, index),
                linewidth=1.6 if nominal else 1.2, zorder=3 if nominal else 2,
            )  # fmt: skip
    axis.set_xlim(spectrum.edges[0], spectrum.edges[-1])
    axis.set_ylabel(f"density [1/{observable.unit}]" if observable.unit else "density")
    if observable.scale == "log":
        axis.set_xscale("log")
    if observable.log_y:
        axis.set_yscale("log")
        if (positive := density[density > 0]).size:  # an error bar that nearly reaches 0 would set the scale
            axis.set_ylim(positive.min() / 2, None)
    else:
        axis.set_ylim(0, None)


def _draw_ratios(axis: Axes, curves: Curves, panel: Panel, spectrum: Spectrum) -> None:
    ratios, errors = spectrum.ratios, spectrum.ratio_errors
    limit = _ratio_limit(ratios[list(panel.members)], errors[list(panel.members)])
    centres = (spectrum.edges[1:] + spectrum.edges[:-1]) / 2
    axis.axhline(1, color="black", linewidth=0.8)
    if panel.band:
        filled = ratios[list(panel.members)]
        with _showing(axis, *panel.members):
            axis.fill_between(
                spectrum.edges, *(np.append(edge, edge[-1]) for edge in (filled.min(0), filled.max(0))),
                step="post", color=BAND, alpha=0.3, linewidth=0,
            )  # fmt: skip
    for place, index in enumerate(panel.members):
        shift = (place - (len(panel.members) - 1) / 2) * 0.25
        x = centres + shift * np.diff(spectrum.edges)
        style = {"color": _colour(curves, index), "linestyle": _line(curves, index)}
        with _showing(axis, index):
            mplhep.histplot(
                *(ratios[index], spectrum.edges),
                ax=axis, flow="none", histtype="step", edges=False, linewidth=1.2, yerr=False, **style,
            )  # fmt: skip
            axis.errorbar(x, ratios[index], errors[index], fmt="none", ecolor=style["color"], elinewidth=1)
            _mark_outside(axis, x, ratios[index], limit, style["color"])
    axis.set_ylim(1 - limit, 1 + limit)
    axis.set_yticks([1 - limit / 2, 1, 1 + limit / 2])
    names = [curves.realizations[index] for index in panel.members]
    axis.set_ylabel("ratio", fontsize=10)
    text = " / ".join(names) if len(names) > 1 else names[0]
    axis.text(
        *(0.015, 0.95, text), transform=axis.transAxes, va="top", fontsize=9,
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1},
    )  # fmt: skip


def _mark_outside(axis: Axes, x: Floats, ratios: Floats, limit: float, colour: str) -> None:
    """Triangles at the edge for what the panel does not reach."""
    for marker, outside, y in (("^", ratios > 1 + limit, 1 + limit), ("v", ratios < 1 - limit, 1 - limit)):
        axis.plot(
            x[outside], np.full(np.count_nonzero(outside), y), marker, color=colour, ms=4, clip_on=False
        )


def _ratio_limit(ratios: Floats, errors: Floats) -> float:
    """Half of the height of a ratio panel: what is known well must be inside."""
    known = np.isfinite(ratios) & (errors < _USEFUL_ERROR)
    reach = np.abs(ratios - 1) + errors
    farthest = float(np.quantile(reach[known], 0.95)) if known.any() else 1.0
    return next((limit for limit in _RATIO_LIMITS if limit > farthest), 1.0)


def labels_figure(
    observables: Sequence[Observable],
    columns: Sequence[tuple[str, dict[int, Floats], dict[int, Floats]]],
    edges: Sequence[Floats],
) -> Figure:
    """Nominal spectra by label; `columns` has a title, label to values [len(observables), n], and weights."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(observables), 3.3 * len(columns)), layout="constrained")
        axes = figure.subplots(len(columns), len(observables), squeeze=False)
        for row, (title, values, weights) in zip(axes, columns, strict=True):
            for column, (axis, observable) in enumerate(zip(row, observables, strict=True)):
                for label in values:
                    entries, _ = np.histogram(values[label][column], edges[column], weights=weights[label])
                    density = entries / weights[label].sum() / np.diff(edges[column])
                    mplhep.histplot(
                        *(density, edges[column]),
                        ax=axis, flow="none", histtype="step", color=COLOURS[label % len(COLOURS)],
                        linestyle=LINES[label // len(COLOURS) % len(LINES)], yerr=False,
                        label=f"{label} {LABELS.get(label, '')} ({len(weights[label])})",
                    )  # fmt: skip
                axis.set_ylim(0, None)
                axis.set_xlim(edges[column][0], edges[column][-1])
                axis.set_xlabel(observable.axis)
            row[0].set_ylabel(f"{title}\ndensity")
            row[-1].legend(loc="upper left", bbox_to_anchor=(1.02, 1), title="label (groups)")
    return figure


def distances_figure(
    curves: Curves,
    observables: Sequence[Observable],
    columns: Sequence[tuple[str, dict[tuple[str, str], Distance], dict[str, float]]],
) -> Figure:
    """Wasserstein distances in units of the nominal standard deviation, with errors and floor.

    Parameters
    ----------
    columns : sequence of (title, distances, widths)
        ``distances`` by (observable, realization); ``widths`` the standard deviations.
    """
    others = [index for index in range(len(curves.realizations)) if index != curves.anchor]
    spread = np.linspace(-0.33, 0.33, len(others)) if len(others) > 1 else np.zeros(1)
    with mpl.rc_context(STYLE):
        height = 1.2 + len(observables) * max(0.42, 0.09 * len(others))
        figure = Figure(figsize=(4.7 * len(columns), height), layout="constrained")
        axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for axis, (title, found, widths) in zip(axes, columns, strict=True):
            for index, shift in zip(others, spread, strict=True):
                with _showing(axis, index):
                    _draw_distances(axis, curves, observables, index, shift, found, widths)
            axis.set_title(title, fontsize=11, loc="left")
            axis.set_xlabel(r"Wasserstein distance / $\sigma_\mathrm{nominal}$")
            axis.set_xlim(0, None)
            axis.grid(axis="x", linewidth=0.4)
            for row in range(1, len(observables)):
                axis.axhline(row - 0.5, color="0.8", linewidth=0.6)
        axes[0].set_yticks(range(len(observables)), [each.label for each in observables])
        axes[0].set_ylim(len(observables) - 0.5, -0.5)
        handles, labels = axes[0].get_legend_handles_labels()
        floor = Line2D([], [], marker="|", color="0.45", linestyle="", markersize=9, markeredgewidth=2)
        figure.legend(
            *([*handles, floor], [*labels, "statistical floor (95%)"]),
            loc="outside upper center", ncols=min(len(labels) + 1, 3 * len(columns)),
        )  # fmt: skip
    return figure


def _draw_distances(
    axis: Axes,
    curves: Curves,
    observables: Sequence[Observable],
    index: int,
    shift: float,
    found: dict[tuple[str, str], Distance],
    widths: dict[str, float],
) -> None:
    name = curves.realizations[index]
    rows = [row for row, each in enumerate(observables) if (each.name, name) in found]
    scale = np.array([widths[observables[row].name] for row in rows])
    here = [found[observables[row].name, name] for row in rows]
    y = np.array(rows) + shift
    second = _line(curves, index) != "-"
    axis.errorbar(
        np.array([each.value for each in here]) / scale, y,
        xerr=np.array([each.error for each in here]) / scale,
        fmt="s" if second else "o", markersize=5, color=_colour(curves, index), label=name,
        markerfacecolor="white" if second else None, elinewidth=1.2,
    )  # fmt: skip
    axis.plot(np.array([each.floor for each in here]) / scale, y, "|", color="0.45", ms=8, mew=2)


def similarity_figure(names: Sequence[str], columns: Sequence[tuple[str, Floats, Floats]]) -> Figure:
    """Correlations of members: of the same group above the diagonal, of different groups below."""
    size = len(names)
    with mpl.rc_context(STYLE):
        side = max(2.6, 0.5 * size)
        figure = Figure(figsize=((side + 0.2) * len(columns) + 1.6, side + 1.2), layout="constrained")
        axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for axis, (title, own, foreign) in zip(axes, columns, strict=True):
            shown = np.where(np.triu(np.ones((size, size), bool), 1), own, foreign.T)
            shown[np.diag_indices(size)] = np.nan
            image = axis.imshow(shown, vmin=-1, vmax=1, cmap="PuOr_r")
            for row, column in zip(*np.nonzero(np.isfinite(shown)), strict=True):
                value = shown[row, column]
                axis.text(
                    *(column, row, f"{round(value, 2) + 0.0:.2f}".replace("0.", ".").replace("-", "−")),
                    ha="center", va="center",
                    fontsize=9 if size <= 8 else 6, color="white" if abs(value) > 0.65 else "black",
                )  # fmt: skip
            axis.set_xticks(range(size), names, rotation=90)
            axis.set_yticks(range(size), names)
            axis.tick_params(length=0)
            axis.set_title(title, fontsize=11)
        figure.colorbar(image, ax=axes, label="correlation", shrink=0.8)
    return figure


def gallery_figure(source: Source, drawn: Drawn) -> Figure:
    """All members of a group in (Δη, Δφ): the area of a marker is proportional to pT."""
    count = len(drawn.members)
    across = min(count, 5)
    down = -(-count // across)
    reach = source.campaign.jets.radius * 1.12
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.35 * across + 0.5, 2.45 * down + 0.8), layout="constrained")
        axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        for axis in axes.flat[count:]:
            axis.set_axis_off()
        for axis, name, member in zip(axes.flat, source.realizations, drawn.members, strict=False):
            axis.set_title(name, fontsize=11)
            axis.set_xlim(-reach, reach)
            axis.set_ylim(-reach, reach)
            axis.set_aspect("equal")
            _draw_member(axis, member, source.campaign.jets.radius)
        figure.supxlabel(r"$\Delta\eta$", fontsize=12)
        figure.supylabel(r"$\Delta\phi$", fontsize=12)
        handles = [
            Line2D([], [], marker="o", linestyle="", color=colour, alpha=0.6, markersize=7)
            for colour in KINDS.values()
        ]
        figure.legend(
            handles, list(KINDS), loc="outside upper center", ncols=min(5, 2 * across), handletextpad=0.1
        )
    return figure


def _draw_member(axis: Axes, member: dict[str, Floats] | None, radius: float) -> None:
    circle = np.linspace(0, 2 * np.pi, 100)
    axis.plot(radius * np.cos(circle), radius * np.sin(circle), color="0.6", linewidth=0.8)
    if member is None:
        axis.text(0, 0, "absent", ha="center", va="center", color="0.4")
        return
    axis.text(
        *(0.03, 0.03, f"{float(member['jet_pt']):.0f} GeV"), transform=axis.transAxes, fontsize=9, va="bottom"
    )
    kind = kinds(member["pdgid"], member["charge"])
    for name, colour in KINDS.items():
        mine = kind == name
        axis.scatter(
            member["eta"][mine], member["phi"][mine], s=2 * member["pt"][mine],
            color=colour, alpha=0.5, linewidth=0,
        )  # fmt: skip


def kinds(pdgid: Floats, charge: Floats) -> npt.NDArray[np.str_]:
    """Kind of each constituent, one of `KINDS`."""
    code = np.abs(pdgid)
    conditions = [code == PHOTON, code == ELECTRON, code == MUON, charge != 0]
    return np.select(conditions, ["photon", "electron", "muon", "charged hadron"], default="neutral hadron")
