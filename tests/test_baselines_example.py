import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import all_splits, make_campaign
from typer import Typer
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the example trains with PyTorch")

import baselines  # noqa: E402
import masked  # noqa: E402
import training  # noqa: E402
from networks import COLUMNS, Encoder, Jets, network_inputs  # noqa: E402
from scores import Kept  # noqa: E402

from jetresim.campaign.errors import ConfigError  # noqa: E402
from jetresim.loaders.transforms import seeded  # noqa: E402

pytestmark = pytest.mark.usefixtures("settings_of_torch")

CONSTITUENTS = 12


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    campaign = make_campaign(
        processes={"higgs": {"events": 250}, "dijet": {"events": 250}},
        augmentations=["nominal", "seed"],
        dataset={"splits": {"train": 0.5, "val": 0.1, "test": 0.4}},
    )
    return all_splits(tmp_path_factory.mktemp("baselines") / "dataset", campaign)


def random_pairs(count, seed=0):
    """Pairs of jets with the columns of the examples, in order of falling pT."""
    random = seeded("pairs", seed)
    mask = torch.arange(CONSTITUENTS) < torch.randint(2, CONSTITUENTS + 1, (count, 2, 1), generator=random)
    x = torch.randn((count, 2, CONSTITUENTS, len(COLUMNS)), generator=random)
    x[..., 0] = (1 + 50 * torch.rand(x.shape[:-1], generator=random)).sort(-1, descending=True).values
    return torch.where(mask[..., None], x, 0), mask


def make_method(views=training.anchor):
    x, mask = random_pairs(60)
    jets = Jets(x, mask, torch.ones(60, dtype=torch.bool))
    encoder = Encoder(jets, seeded("encoder"))
    tokens = masked.Tokens(jets, encoder, 0)
    return masked.MaskedParticles(encoder, views, tokens, CONSTITUENTS, seeded("head"))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 2**20))
def test_some_of_the_constituents_are_hidden_and_never_all_or_an_empty_slot(multiplicities, seed):
    mask = torch.arange(20) < torch.tensor(multiplicities)[:, None]
    hidden = masked.drawn(mask, seeded(seed))
    assert not (hidden & ~mask).any()
    expected = [min(max(1, round(masked.MASKED * n)), n - 1) if n else 0 for n in multiplicities]
    assert hidden.sum(-1).tolist() == pytest.approx(expected, abs=0)


def test_every_constituent_is_hidden_as_often_as_the_others():
    mask = torch.ones((4000, 10), dtype=torch.bool)
    share = masked.drawn(mask, seeded("often")).float().mean(0).numpy()
    # 5 standard deviations of a share of 0.3 of 4000 jets
    assert share == pytest.approx(np.full(10, 0.3), abs=5 * np.sqrt(0.3 * 0.7 / 4000))


def test_tokens_are_the_nearest_of_the_cluster_centres():
    method = make_method()
    x, mask = random_pairs(5, seed=1)
    inputs = method.encoder.standardized(network_inputs(x, mask))[mask]
    centres = method.tokens.centres
    expected = [int((centres - each).square().sum(-1).argmin()) for each in inputs]
    assert method.tokens(inputs).tolist() == expected
    assert len(set(expected)) > 5


def test_what_is_hidden_is_not_seen_by_the_encoder(monkeypatch):
    method, (x, mask) = make_method(training.resimulated), random_pairs(8, seed=2)
    hidden = masked.drawn(mask, seeded("batch"))
    seen = []
    monkeypatch.setattr(method.encoder, "forward", lambda x, mask: seen.append(mask) or x.sum(-2)[..., :1])
    with pytest.raises(RuntimeError):  # the stand-in's representation is too narrow for the head
        method(x, mask, seeded("batch"))
    assert torch.equal(seen[0], mask & ~hidden)


def test_training_by_masked_particles_learns_what_follows_from_the_others():
    method = make_method()
    x, mask = random_pairs(60, seed=3)
    x[..., 1:] = x[:, :, :1, 1:]  # all constituents of a jet are alike, but for their pT
    optimizer = torch.optim.AdamW(method.parameters(), lr=3e-3)
    losses = []
    for step in range(50):
        loss = method(x, mask, seeded("step", step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def run(dataset, output, *arguments):
    app = Typer()
    app.command()(baselines.main)
    quick = ["--epochs", "2", "--constituents", str(CONSTITUENTS), "--output", str(output)]
    return CliRunner().invoke(app, [str(dataset), *quick, *arguments])


def test_every_way_is_scored_and_what_is_there_is_not_trained_again(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(baselines, "BATCH", 16)
    monkeypatch.setattr(baselines, "MASKED", {"masked particles": training.anchor})
    monkeypatch.setattr(baselines, "CONTRASTIVE", {"re-simulation": training.resimulated})
    output = tmp_path / "scores.json"
    done = run(dataset, output, "--seeds", "1")
    assert done.exit_code == 0, done.output
    found = json.loads(output.read_text())["results"]
    assert list(found)[:2] == ["simple observables", "untrained"]
    assert len(found) == 6
    for name, by_seed in found.items():
        assert name in done.output
        assert 0 <= baselines.shown(by_seed["0"])["AUC"] <= 1
    monkeypatch.setattr(baselines, "ways", lambda study, seed: dict.fromkeys(list(found)[1:], None))
    again = run(dataset, output, "--seeds", "1")
    assert again.exit_code == 0, again.output
    assert json.loads(output.read_text())["results"] == found
    other = run(dataset, output, "--constituents", "5")
    assert other.exit_code == 1
    assert re.search(
        r"has results of {.*'epochs': 2, 'constituents': 12}, not of {.*'epochs': 2, 'constituents': 5}",
        other.output,
    )


def test_results_of_another_dataset_are_refused(dataset, tmp_path):
    kept = tmp_path / "results.json"
    Kept(kept, dataset, {"epochs": 1}).add("supervised", 0, lambda: 1.0)
    assert Kept(kept, dataset, {"epochs": 1}).found == {"supervised": {"0": 1.0}}
    other = all_splits(tmp_path / "dataset", make_campaign(seed=12, events=10, processes={"higgs": None}))
    for changed in ((other, {"epochs": 1}), (dataset, {"epochs": 2})):
        with pytest.raises(ConfigError, match="--output names another"):
            Kept(kept, *changed)
