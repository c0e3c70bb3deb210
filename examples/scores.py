"""How the examples score classifiers and similarities, and show them with errors over the seeds."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from networks import COLUMNS, Data, Encoder, Tensor, functional, open_split, torch
from rich.box import MARKDOWN
from rich.table import Table
from scipy.stats import rankdata

from jetresim.campaign.arrays import Booleans
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.provenance import digest
from jetresim.campaign.seeds import stable_hash
from jetresim.report.embedding import Model
from jetresim.report.tasks import linear_probe as fitted

RESAMPLES = 200
"""Bootstrap samples of the test split."""

ANOTHER, OTHER_CLASS = "another jet", "a jet of the other class"

Floats = npt.NDArray[np.float64]


def linear_probe(features: Tensor, higgs: Tensor) -> Callable[[Tensor], Tensor]:
    """Fit a logistic regression of standardized features, with a penalty of |w|²/(2N).

    Parameters
    ----------
    features : Tensor, shape (N, D)
    higgs : Tensor of bool, shape (N,)

    Returns
    -------
    callable
        Logits (M,) of other features, shape (M, D).
    """
    features, target = features.double(), higgs.double()
    mean, std = features.mean(0), features.std(0).clamp_min(1e-9)
    weight = torch.zeros(features.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=500, line_search_fn="strong_wolfe")

    def logits(features: Tensor) -> Tensor:
        return (features - mean) / std @ weight[1:] + weight[0]

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(logits(features), target)
        loss = loss + weight[1:].square().sum() / (2 * len(target))
        loss.backward()
        return loss

    optimizer.step(closure)
    return lambda others: logits(others.double()).detach()


def auc(scores: npt.NDArray[Any], higgs: npt.NDArray[np.bool_]) -> Any:
    """Area under the ROC curve along the last axis: how often Higgs scores above QCD, ties as one half."""
    positive = int(higgs.sum())
    ranks = rankdata(scores, axis=-1)[..., higgs].sum(-1)
    return (ranks - positive * (positive + 1) / 2) / (positive * (len(higgs) - positive))


def bootstrap(scores: npt.NDArray[Any], higgs: npt.NDArray[np.bool_], samples: int = RESAMPLES) -> Floats:
    """AUC of resampled test splits, shape (samples, ...), for scores of shape (..., N).

    The same jets are drawn for all scores, so that differences keep their correlation. Classes keep their
    numbers of jets.
    """
    random = np.random.Generator(np.random.Philox(key=stable_hash("pretrain", "bootstrap")))
    classes = [np.flatnonzero(higgs), np.flatnonzero(~higgs)]
    drawn = [np.concatenate([random.choice(each, len(each)) for each in classes]) for _ in range(samples)]
    return np.stack([auc(scores[..., rows], higgs[rows]) for rows in drawn])


def similarities(outputs: Tensor, higgs: Tensor, realizations: Sequence[str]) -> dict[str, dict[str, float]]:
    """Mean cosine similarity of the anchors with their re-simulations and with other anchors, by class.

    Parameters
    ----------
    outputs : Tensor, shape (N, K, D)
        Of all members of the groups; the anchor is the first one.
    higgs : Tensor of bool, shape (N,)
    realizations : sequence of str
        Names of the members.
    """
    outputs = functional.normalize(outputs.double(), dim=-1)
    result = {}
    for name, wanted in (("higgs", higgs), ("qcd", ~higgs)):
        anchors, total = outputs[wanted, 0], int(wanted.sum())
        with_views = (anchors[:, None] * outputs[wanted, 1:]).sum(-1).mean(0).tolist()
        # the sum over all pairs has each anchor with itself, which has similarity 1
        same = (anchors.sum(0).square().sum() - total) / (total * (total - 1))
        other = anchors.mean(0) @ outputs[~wanted, 0].mean(0)
        result[name] = dict(zip(realizations[1:], with_views, strict=True))
        result[name] |= {ANOTHER: float(same), OTHER_CLASS: float(other)}
    return result


def as_model(encoder: Encoder) -> Model:
    """The representation as a function of arrays, which is what tasks are scored on."""

    def model(x: Floats, mask: Booleans) -> Floats:
        with torch.no_grad():
            return encoder(torch.from_numpy(x), torch.from_numpy(mask)).numpy()

    return model


def drawn_labels(data: Data, number: int | None, generator: torch.Generator) -> Tensor:
    """Rows of the training split that have labels for a classifier, all if no number is given."""
    return torch.randperm(len(data.train.higgs), generator=generator)[:number]


def area_with_labels(data: Data, model: Model, rows: Tensor, columns: int = len(COLUMNS)) -> float:
    """AUC on the test split of a linear classifier of some nominal jets of the training split.

    Parameters
    ----------
    data : Data
    model : Model
        Takes the first `columns` of `COLUMNS`.
    rows : Tensor of int64
        Jets with labels.
    columns : int
    """
    train, test = (
        np.asarray(model(jets.x[:, 0, :, :columns].numpy(), jets.mask[:, 0].numpy()))
        for jets in (data.train, data.test)
    )
    classify = fitted(train[rows.numpy()], data.train.higgs.numpy()[rows.numpy()])
    return float(auc(classify(test), data.test.higgs.numpy()))


class Kept:
    """Results by name and seed in a JSON file; a study that is started again goes on with what is missing.

    Parameters
    ----------
    path : Path
    dataset : Path
        What the results are of.
    settings : mapping
        What else they depend on, beside name and seed.

    Attributes
    ----------
    found : dict of str to dict of str to Any
        Name and seed to the result.

    Raises
    ------
    ConfigError
        The file has results of another dataset or other settings.
    DataError
        There is no dataset.
    """

    def __init__(self, path: Path, dataset: Path, settings: Mapping[str, Any]) -> None:
        metadata = open_split(dataset, "train").metadata
        self.path, self.settings = path, {"dataset": digest(metadata), **settings}
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if stored and stored["settings"] != self.settings:
            raise ConfigError(
                f"{path}: has results of {stored['settings']}, not of {self.settings}; --output names another"
            )
        self.found = stored.get("results", {})

    def add(self, name: str, seed: int, make: Callable[[], Any]) -> None:
        """Make a result if it is not there yet, and write the file."""
        if str(seed) in self.found.setdefault(name, {}):
            return
        self.found[name][str(seed)] = make()
        print(f"seed {seed}: {name}", file=sys.stderr)
        with atomic_path(self.path) as temporary:
            content = {"settings": self.settings, "results": self.found}
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Mean, its standard error, and the value of each seed."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "error": error, "seeds": list(values)}


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table in Markdown."""
    shown = Table(title=title, box=MARKDOWN, title_justify="left")
    for name in columns:
        shown.add_column(name, no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    return shown


def mean_and_error(value: Mapping[str, Any]) -> str:
    """Mean ± standard error."""
    return f"{value['mean']:.3f}" + ("" if value["error"] is None else f" ± {value['error']:.3f}")
