"""How well a network of weaver-core tells the classes of JetClass apart, from what it predicted.

``python -m benchmarks.weaver_scores predicted.root`` prints, of the nominal jets, the accuracy, the mean AUC
and the AUC of every pair of classes in Markdown, with the score of one over the sum of both.
"""

from itertools import combinations
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
import uproot
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CLASSES = ("QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl")
_TINY = 1e-30


def read(path: Path) -> tuple[Floats, Integers]:
    """Scores (N, 10) and true classes (N,) of the nominal jets."""
    with uproot.open(path) as file:
        tree = file["Events"].arrays(library="np")
    # JetClass's own data configuration keeps no realization among its observers
    nominal = tree["augmentation"] == 0 if "augmentation" in tree else slice(None)
    scores, truth = (
        np.stack([tree[prefix + name][nominal] for name in CLASSES], axis=1).astype(float)
        for prefix in ("score_label_", "label_")
    )
    return scores, truth.argmax(axis=1)


def auc(signal: Floats, background: Floats) -> float:
    """Fraction of pairs in which the signal has the larger score, ties half."""
    ranks = rankdata(np.concatenate([signal, background]))[: len(signal)]
    return float((ranks.mean() - (len(signal) + 1) / 2) / len(background))


def pair_auc(scores: Floats, truth: Integers, one: int, other: int) -> float:
    """AUC of a class against another one."""
    ratio = scores[:, one] / (scores[:, one] + scores[:, other] + _TINY)
    return auc(ratio[truth == one], ratio[truth == other])


def table(scores: Floats, truth: Integers) -> str:
    """AUC of every pair of classes, in Markdown."""
    lines = [f"| | jets | {' | '.join(CLASSES[:-1])} |", "|---|---|" + "---|" * (len(CLASSES) - 1)]
    for row, name in enumerate(CLASSES):
        cells = [f"{pair_auc(scores, truth, row, column):.3f}" for column in range(row)]
        empty = [""] * (len(CLASSES) - 1 - row)
        lines.append(f"| {name} | {np.count_nonzero(truth == row)} | {' | '.join([*cells, *empty])} |")
    return "\n".join(lines)


def main(predicted: Annotated[Path, typer.Argument(help="what `weaver --predict` wrote")]) -> None:
    """Print accuracy and AUC."""
    scores, truth = read(predicted)
    pairs = [pair_auc(scores, truth, *pair) for pair in combinations(range(len(CLASSES)), 2)]
    share = [np.mean(scores[truth == one].argmax(axis=1) == one) for one in range(len(CLASSES))]
    typer.echo(f"accuracy {np.mean(share):.3f}, mean AUC {np.mean(pairs):.4f}, smallest {min(pairs):.3f}")
    typer.echo(table(scores, truth))


if __name__ == "__main__":
    typer.run(main)
