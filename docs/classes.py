"""The spectra of the classes of a campaign in docs/datasets.md.

``python docs/classes.py results/rs3l`` draws N2 and the soft-drop mass of the nominal jets of each label, and
prints a table of means and widths. ``--by process`` takes the processes of the campaign for the classes.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from jetresim.campaign.arrays import Floats
from jetresim.campaign.processes import LABELS
from jetresim.report.collect import Sample, jet_samples
from jetresim.report.observables import BY_NAME
from jetresim.report.reading import Source, open_source

Values = dict[str, Floats]
"""Name of an observable to its values."""

DRAWN = ("n2", "sdmass")
TABLED = (*DRAWN, "multiplicity")
BINS = 30
FEWEST = 50
"""Jets of a class that is drawn."""

SHOWN = (0.005, 0.995)
"""Quantiles of all jets between which the spectra are drawn."""


def nominal_values(sample: Sample, anchor: int, rows: np.ndarray) -> Values:
    """Observables of the nominal jets of some rows."""
    chosen = rows & sample.present[:, anchor]
    return {name: sample.values[name][chosen, anchor] for name in TABLED}


def by_process(source: Source) -> dict[str, Values]:
    """Observables by process, in the order of the configuration."""
    return {
        name: nominal_values(sample, source.anchor, np.ones(len(sample.event), bool))
        for name, sample in jet_samples(source).items()
    }


def by_label(source: Source) -> dict[str, Values]:
    """Observables by label, in the order of the labels."""
    found: dict[int, list[Values]] = {}
    for sample in jet_samples(source).values():
        for label in np.unique(sample.label):
            values = nominal_values(sample, source.anchor, sample.label == label)
            found.setdefault(int(label), []).append(values)
    return {
        f"{label} {LABELS[label]}": {name: np.concatenate([each[name] for each in parts]) for name in TABLED}
        for label, parts in sorted(found.items())
    }


def table(classes: dict[str, Values]) -> str:
    """Number of jets, and mean and standard deviation of each observable, in Markdown."""
    heading = ("class", "jets", *TABLED, "median sdmass")
    lines = [f"| {' | '.join(heading)} |", "|---" * len(heading) + "|"]
    for title, values in classes.items():
        cells = [f"{values[name].mean():.3g} ± {values[name].std():.2g}" for name in TABLED]
        median = f"{np.median(values['sdmass']):.3g}"
        lines.append(f"| {title} | {len(values['sdmass'])} | {' | '.join(cells)} | {median} |")
    return "\n".join(lines)


def draw(classes: dict[str, Values], path: Path) -> None:
    """Draw the spectra of the classes that have enough jets, each normalized to one."""
    classes = {title: values for title, values in classes.items() if len(values["n2"]) >= FEWEST}
    figure, panels = plt.subplots(1, len(DRAWN), figsize=(10, 4), layout="constrained")
    for panel, name in zip(panels, DRAWN, strict=True):
        together = np.concatenate([values[name] for values in classes.values()])
        edges = np.linspace(*np.quantile(together, SHOWN), BINS + 1)
        for number, (title, values) in enumerate(classes.items()):
            counts, _ = np.histogram(values[name], edges)
            style = ("-", "--")[number % 2]
            panel.stairs(counts / len(values[name]), edges, color=f"C{number}", linestyle=style, label=title)
        panel.set_xlabel(BY_NAME[name].axis)
        panel.set_ylabel("fraction of the jets of a class")
    panels[0].legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of the campaign")
    parser.add_argument("--by", choices=("label", "process"), default="label", help="what a class is")
    asked = parser.parse_args()
    opened = open_source(asked.results)
    classes = by_label(opened) if asked.by == "label" else by_process(opened)
    plt.rcParams["svg.hashsalt"] = opened.campaign.name  # the same bytes every time
    draw(classes, Path(__file__).with_name(f"classes_{opened.campaign.name}.svg"))
    print(table(classes))
