"""What `jetresim replay` shows: a realization that was made again, and whether it is what is stored."""

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from jetresim.audit.replay.comparison import Comparison, Verdict, Verified
from jetresim.audit.replay.hepmc import as_hepmc
from jetresim.audit.replay.realization import Replayed, replay_particles
from jetresim.audit.replay.stored import Row
from jetresim.campaign.config import Campaign
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import Paths
from jetresim.campaign.processes import LABELS
from jetresim.campaign.provenance import versions

__all__ = ["show_replayed", "show_verified"]

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEADING = 10
"""Constituents in the table."""

_WIDTH = 110
_IN_GEV = ("pt", "energy", "mass", "sdmass")

_KINDS: Mapping[str, str] = {
    "charged hadron": "tab:red",
    "neutral hadron": "tab:blue",
    "photon": "gold",
    "electron": "tab:cyan",
    "muon": "tab:purple",
}
"""Kind of constituent to its colour."""

_LEPTONS_AND_PHOTON = {11: "electron", 13: "muon", 22: "photon"}
_AREA_OF_LEADING = 400.0  # of its marker, in square points; areas are proportional to pT


def show_replayed(
    campaign: Campaign,
    paths: Paths,
    replayed: Sequence[Replayed],
    comparisons: Sequence[Comparison],
    layout: str,
    output: Path | None,
) -> bool:
    """Print the targets of one event, or write them to a file, and say how they compare.

    What is printed in a format for programs stays alone on standard output.

    Returns
    -------
    bool
        Whether nothing differs from what is stored.
    """
    content = _rendered(campaign, paths, replayed, comparisons, layout)
    if output is None:
        typer.echo(content, nl=False)
    else:
        with atomic_path(output) as temporary:
            temporary.write_bytes(content)
    for each, comparison in zip(replayed, comparisons, strict=True):
        apart = output is None and layout != "table"
        typer.echo(f"target {each.identity[2]}: {comparison}", err=apart)
    return all(comparison.verdict != Verdict.DIFFERS for comparison in comparisons)


def show_verified(verified: Sequence[Verified]) -> bool:
    """Print how many rows are equal, after those that are not; returns whether all are."""
    others = [each for each in verified if each.comparison.verdict != Verdict.EQUAL]
    for each in others:
        typer.echo(str(each))
    typer.echo(f"{len(verified) - len(others)} of {len(verified)} equal")
    return not others


def _rendered(
    campaign: Campaign,
    paths: Paths,
    replayed: Sequence[Replayed],
    comparisons: Sequence[Comparison],
    layout: str,
) -> bytes:
    if layout == "json":
        return as_json(campaign, replayed, comparisons).encode()
    if layout == "png":
        return as_png(campaign, replayed)
    if layout == "hepmc":
        process, event, _ = replayed[0].identity
        particles = replay_particles(campaign, paths, process, replayed[0].realization, event)
        return as_hepmc(replayed[0], particles, campaign.beams)
    return as_table(replayed).encode()


def as_table(replayed: Iterable[Replayed]) -> str:
    """Status, seed, truth, jet and leading constituents of each target, for a terminal."""
    console = Console(file=io.StringIO(), width=_WIDTH)
    for each in replayed:
        console.print(_summary(each))
        if each.jets["jet"] is not None:
            console.print(_leading(each.jets["jet"], each.jets["constituents"]))
    return console.file.getvalue()


def _summary(replayed: Replayed) -> Table:
    group, jet = replayed.group, replayed.jets["jet"] or {}
    table = Table(title=_title(replayed), title_justify="left", show_header=False)
    table.add_row("status", group["status"])
    table.add_row("seed", str(group["seed"]))
    table.add_row("label", f"{group['label']} ({LABELS[group['label']]})")
    table.add_row("weight of the hard event", f"{group['weight']:.6g} pb")
    table.add_row("target", _momentum(group["truth"]))
    for daughter in group["truth"]["daughters"]:
        table.add_row("daughter", _momentum(daughter))
    for name, value in jet.items():
        table.add_row(f"jet {name}", f"{value:.6g}{' GeV' if name in _IN_GEV else ''}")
    return table


def _leading(jet: Row, constituents: Sequence[Row]) -> Table:
    title = f"{min(LEADING, len(constituents))} leading of {jet['nconstituents']} constituents"
    table = Table(title=title, title_justify="left")
    for heading in ("pT [GeV]", "Δη", "Δφ", "PDG id", "charge", "d0 [mm]", "dz [mm]"):
        table.add_column(heading, justify="right")
    for each in constituents[:LEADING]:
        eta, phi = _beside_axis(jet, each)
        table.add_row(
            f"{each['pt']:.5g}", f"{eta:.4f}", f"{phi:.4f}", str(each["pdgid"]), str(each["charge"]),
            f"{each['d0']:.4g}", f"{each['dz']:.4g}",
        )  # fmt: skip
    return table


def _title(replayed: Replayed) -> str:
    process, event, target = replayed.identity
    return f"{process}, event {event}, target {target}: {replayed.realization}"


def _momentum(parton: Row) -> str:
    numbers = ", ".join(f"{name} {parton[name]:.6g}" for name in ("pt", "eta", "phi", "energy"))
    return f"PDG id {parton['pdgid']}, {numbers}"


def _beside_axis(jet: Row, other: Row) -> tuple[float, float]:
    """Pseudorapidity and azimuth relative to the jet axis; the azimuth lies in [−π, π]."""
    return other["eta"] - jet["eta"], math.remainder(other["phi"] - jet["phi"], 2 * math.pi)


def as_json(campaign: Campaign, replayed: Sequence[Replayed], comparisons: Sequence[Comparison]) -> str:
    """Everything about the targets of one event: hard event, truth, jets, constituents and comparison.

    Weights are in pb and normalized as in ``groups/``. A jet below ``groups.pt_min`` is there, though its
    member of a group is absent.
    """
    first = replayed[0]
    content = {
        "process": first.identity[0],
        "event": first.hard.index,
        "realization": first.realization,
        "augmentation": campaign.augmentation(first.realization).model_dump(mode="json"),
        "hard_event": {
            **asdict(first.hard.record.eventinfo),
            "particles": [asdict(particle) for particle in first.hard.record.particles],
        },
        "targets": [
            {
                **each.group,
                "jet": each.jets["jet"],
                "constituents": each.jets["constituents"],
                "comparison": _compared(comparison),
            }
            for each, comparison in zip(replayed, comparisons, strict=True)
        ],
        "versions": versions(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _compared(comparison: Comparison) -> Row:
    return {
        "verdict": comparison.verdict,
        "path": None if comparison.path is None else str(comparison.path),
        "differences": [asdict(difference) for difference in comparison.differences],
        "remark": comparison.remark,
    }


def as_png(campaign: Campaign, replayed: Sequence[Replayed]) -> bytes:
    """Draw the constituents of each target's jet around its axis, with areas proportional to their pT."""
    from matplotlib.figure import Figure  # only pictures need it, and it takes long to import

    figure = Figure(figsize=(6 * len(replayed), 6), layout="constrained")
    for axes, each in zip(figure.subplots(ncols=len(replayed), squeeze=False)[0], replayed, strict=True):
        axes.set_title(_title(each))
        if each.jets["jet"] is None:
            axes.text(0.5, 0.5, each.group["status"], ha="center", transform=axes.transAxes)
        else:
            _draw(axes, each, campaign.jets.radius)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120, metadata={"Software": None})
    return picture.getvalue()


def _draw(axes: "Axes", replayed: Replayed, radius: float) -> None:
    jet, constituents = replayed.jets["jet"], replayed.jets["constituents"]
    for kind, colour in _KINDS.items():
        here = [each for each in constituents if _kind(each) == kind]
        if here:
            eta, phi = zip(*(_beside_axis(jet, each) for each in here), strict=True)
            areas = [_AREA_OF_LEADING * each["pt"] / constituents[0]["pt"] for each in here]
            axes.scatter(eta, phi, areas, colour, alpha=0.6, edgecolors="black", linewidths=0.4)
            axes.scatter([], [], 40, colour, label=kind)
    truth = replayed.group["truth"]
    for name, partons, marker in (("target", [truth], "x"), ("daughters", truth["daughters"], "+")):
        if partons:
            eta, phi = zip(*(_beside_axis(jet, parton) for parton in partons), strict=True)
            axes.scatter(eta, phi, 90, "black", marker=marker, label=name)
    angles = [2 * math.pi * step / 200 for step in range(201)]
    axes.plot(
        [radius * math.cos(angle) for angle in angles],
        [radius * math.sin(angle) for angle in angles],
        color="grey", linestyle="--",
    )  # fmt: skip
    axes.set(xlabel="Δη", ylabel="Δφ", aspect="equal")
    axes.text(0.02, 0.98, f"pT {jet['pt']:.0f} GeV, mass {jet['mass']:.1f} GeV", va="top",
              transform=axes.transAxes)  # fmt: skip
    axes.legend(loc="lower right", fontsize="small")


def _kind(constituent: Row) -> str:
    default = "charged hadron" if constituent["charge"] else "neutral hadron"
    return _LEPTONS_AND_PHOTON.get(abs(constituent["pdgid"]), default)
