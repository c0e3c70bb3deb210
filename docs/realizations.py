"""The spectra of RS3L's five realizations in docs/physics.md.

``python docs/realizations.py results/pretrain`` draws them from a dataset, and prints a table of how far each
realization is from the nominal one.
"""

import argparse
from pathlib import Path

from gallery import draw_spectra
from scipy.stats import ks_2samp

from jetresim.report.collect import jet_samples
from jetresim.report.reading import open_source

SHOWN = ("n2", "sdmass", "multiplicity")


def table(results: Path) -> str:
    """Kolmogorov-Smirnov distances and means in Markdown, one row a process and realization."""
    source = open_source(results)
    lines = [f"| process | realization | {' | '.join(f'{name}: mean, distance' for name in SHOWN)} |"]
    lines.append("|---|---|" + "---|" * len(SHOWN))
    for process, sample in jet_samples(source).items():
        for index, realization in enumerate(source.campaign.realizations):
            cells = []
            for name in SHOWN:
                values = sample.values[name]
                distance = ks_2samp(values[:, 0], values[:, index]).statistic
                cells.append(f"{values[:, index].mean():.4g}" + (f", {distance:.3f}" if index else ""))
            lines.append(f"| {process} | `{realization}` | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of the campaign")
    asked = parser.parse_args().results
    for shown in SHOWN:
        draw_spectra(asked, shown, Path(__file__).with_name(f"realizations_{shown}.png"))
    print(table(asked))
