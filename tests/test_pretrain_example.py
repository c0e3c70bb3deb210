import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from synthetic import all_splits, make_campaign
from typer import Typer
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the example trains with PyTorch")

import networks  # noqa: E402
import pretrain  # noqa: E402
import training  # noqa: E402
from scores import ANOTHER, OTHER_CLASS, auc, bootstrap, linear_probe, similarities  # noqa: E402

from jetresim.campaign.errors import ConfigError, DataError  # noqa: E402
from jetresim.dataset.reader import open_groups  # noqa: E402
from jetresim.loaders.transforms import seeded  # noqa: E402

pytestmark = pytest.mark.usefixtures("settings_of_torch")

PROCESSES = {"higgs": {"events": 150}, "dijet": {"events": 150}}
AUGMENTATIONS = ["nominal", "seed", "fsrRenHi"]
QUICK = ["--epochs", "2", "--updates", "4", "--batch-size", "16", "--constituents", "10", "--threads", "1"]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    campaign = make_campaign(
        processes=PROCESSES,
        augmentations=AUGMENTATIONS,
        dataset={"splits": {"train": 0.6, "val": 0.2, "test": 0.2}},
    )
    return all_splits(tmp_path_factory.mktemp("pretrain") / "dataset", campaign)


def run(*arguments):
    app = Typer()
    app.command()(pretrain.main)
    return CliRunner().invoke(app, [*map(str, arguments), *QUICK])


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_jets(count, constituents=12, seed=0):
    """Jets with the columns of the example, in a random number of the slots."""
    random = torch.Generator().manual_seed(seed)
    mask = torch.arange(constituents) < torch.randint(1, constituents + 1, (count, 1), generator=random)
    x = torch.randn((count, constituents, len(networks.COLUMNS)), generator=random)
    x[..., 0] = 1 + 50 * torch.rand((count, constituents), generator=random)
    return torch.where(mask[..., None], x, 0), mask


def make_encoder(seed=0):
    x, mask = random_jets(20)
    jets = networks.Jets(x[:, None], mask[:, None], torch.ones(20, dtype=torch.bool))
    return networks.Encoder(jets, seeded("test", seed))


def cosine(a, b):
    return float(a @ b / (a.norm() * b.norm()))


@given(st.integers(1, 6), st.integers(1, 4), st.sampled_from([0.1, 0.5, 2.0]), st.integers(0, 2**32))
def test_contrastive_loss_is_that_of_a_loop_over_all_pairs(pairs, width, temperature, seed):
    first, second = normal(2, pairs, width, seed=seed)
    views = [*first, *second]
    losses = []
    for i, view in enumerate(views):
        similarity = {k: cosine(view, other) / temperature for k, other in enumerate(views) if k != i}
        positive = similarity[(i + pairs) % (2 * pairs)]
        losses.append(np.log(sum(np.exp(value) for value in similarity.values())) - positive)
    assert networks.nt_xent(first, second, temperature).item() == pytest.approx(np.mean(losses), abs=1e-9)


def test_contrastive_loss_is_small_only_where_the_views_of_a_jet_agree():
    apart = torch.eye(8)
    assert networks.nt_xent(apart, apart) < 1e-3
    assert networks.nt_xent(apart, apart.roll(1, 0)) > 9


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_counts_pairs_and_half_of_the_ties(jets):
    scores, higgs = np.array([score for score, _ in jets]), np.array([each for _, each in jets])
    if higgs.all() or not higgs.any():
        return
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[higgs] for b in scores[~higgs]]
    assert auc(scores, higgs) == pytest.approx(np.mean(pairs))
    both = auc(np.stack([scores, -scores]), higgs)
    assert both == pytest.approx([np.mean(pairs), 1 - np.mean(pairs)])


def test_bootstrap_keeps_the_correlation_of_scores_and_finds_the_error_of_the_auc():
    higgs = np.arange(2000) % 2 == 0
    scores = np.random.default_rng(0).normal(size=2000)
    both = bootstrap(np.stack([scores, 2 * scores]), higgs, samples=400)
    assert both.shape == (400, 2)
    assert np.array_equal(both[:, 0], both[:, 1])
    # without any separation, from 1000 jets of each class; 5 standard errors of a spread of 400 samples
    expected = np.sqrt((1000 + 1000 + 1) / (12 * 1000 * 1000))
    assert both[:, 0].std() == pytest.approx(expected, rel=5 / np.sqrt(2 * 400))


def test_linear_probe_is_the_penalized_logistic_regression():
    features = normal(200, 3) * torch.tensor([1.0, 5.0, 0.1]) + 2
    higgs = features[:, 0] + normal(200, seed=1) > 2
    x = ((features - features.mean(0)) / features.std(0)).numpy()
    sign = np.where(higgs, 1, -1)

    def objective(weight):
        margin = sign * (x @ weight[1:] + weight[0])
        return np.logaddexp(0, -margin).mean() + (weight[1:] ** 2).sum() / (2 * len(x))

    weight = minimize(objective, np.zeros(4), tol=1e-10).x
    found = linear_probe(features, higgs)(features)
    assert found.numpy() == pytest.approx(x @ weight[1:] + weight[0], abs=1e-3)


def test_linear_probe_takes_a_feature_that_never_changes():
    features = torch.cat([normal(50, 1), torch.ones(50, 1)], dim=1)
    assert linear_probe(features, features[:, 0] > 0)(features).isfinite().all()


def test_encoder_ignores_the_order_of_constituents_and_empty_slots():
    x, mask = random_jets(30, seed=1)
    encoder = make_encoder()
    expected = encoder(x, mask)
    order = torch.randperm(x.shape[1], generator=seeded("order"))
    torch.testing.assert_close(encoder(x[:, order], mask[:, order]), expected)
    longer = torch.cat([x, torch.zeros_like(x)], 1), torch.cat([mask, torch.zeros_like(mask)], 1)
    torch.testing.assert_close(encoder(*longer), expected)
    x[:, 0, 1] += 1
    assert encoder(x, mask).sub(expected).abs().min(0).values.max() > 1e-3


def test_initial_weights_are_a_function_of_the_seed_alone():
    first = make_encoder(seed=1).state_dict()
    torch.manual_seed(5)
    again, other = make_encoder(seed=1).state_dict(), make_encoder(seed=2).state_dict()
    assert all(first[name].equal(again[name]) for name in first)
    assert not first["jet.0.weight"].equal(other["jet.0.weight"])


def test_classic_views_do_not_look_at_the_resimulation():
    x, mask = (each.reshape(20, 2, *each.shape[1:]) for each in random_jets(40, seed=2))
    other = x.clone()
    other[:, 1] = 0
    views = training.augmented_anchor(x, mask, seeded("views"))
    same = training.augmented_anchor(other, mask, seeded("views"))
    assert views[0].equal(same[0])
    assert not views[0][:, 0].equal(views[0][:, 1])
    assert training.resimulated(x, mask, seeded("views"))[0].equal(x)


def test_similarities_are_means_over_pairs_of_different_jets():
    outputs, higgs = normal(9, 3, 4), torch.arange(9) < 4
    found = similarities(outputs, higgs, ["nominal", "seed", "vincia"])
    anchors = {"higgs": outputs[:4], "qcd": outputs[4:]}
    for name, jets in anchors.items():
        views = [cosine(jet[0], jet[2]) for jet in jets]
        assert found[name]["vincia"] == pytest.approx(np.mean(views))
        pairs = [cosine(a[0], b[0]) for i, a in enumerate(jets) for k, b in enumerate(jets) if i != k]
        assert found[name][ANOTHER] == pytest.approx(np.mean(pairs))
        mixed = [cosine(a[0], b[0]) for a in anchors["higgs"] for b in anchors["qcd"]]
        assert found[name][OTHER_CLASS] == pytest.approx(np.mean(mixed))


def test_supervised_training_learns_what_its_labels_say():
    x, mask = random_jets(400, seed=3)
    jets = networks.Jets(x[:, None], mask[:, None], mask.sum(-1) > 6)
    train, val = (networks.Jets(*(each[rows] for each in jets)) for rows in (slice(300), slice(300, 400)))
    classify = training.supervise(make_encoder(), train, val, 60, 64, 0)
    found = networks.evaluate(classify, val)[:, 0].numpy()
    assert auc(found, val.higgs.numpy()) > 0.95


def test_example_compares_all_methods_and_repeats_itself_exactly(dataset, tmp_path):
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    done = run(dataset, "--seeds", 2, "--labels", 40, "--output", first)
    assert done.exit_code == 0, done.output
    run(dataset, "--seeds", 2, "--labels", 40, "--output", again)
    assert first.read_bytes() == again.read_bytes()
    results = json.loads(first.read_text())
    trained = [pretrain.UNTRAINED, *pretrain.METHODS]
    frozen = [name for method in trained for name in (method, f"{method}, 8 outputs")]
    assert list(results["auc"]) == [*frozen, "supervised", "supervised, all realizations"]
    for method, numbers in results["auc"].items():
        assert method in done.output
        assert list(numbers) == ["40", "all"]
        assert all(len(value["seeds"]) == 2 for value in numbers.values())
        assert all(0 <= area <= 1 for value in numbers.values() for area in value["seeds"])
    assert list(results["similarity"]) == trained
    assert list(results["similarity"]["classic"]["qcd"])[:2] == ["seed", "fsrRenHi"]
    assert all(len(losses) == 2 for method in results["loss"].values() for losses in method)


def test_seeds_differ_and_one_seed_has_no_error(dataset, tmp_path):
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    run(dataset, "--seeds", 1, "--labels", 40, "--output", one)
    run(dataset, "--seeds", 2, "--labels", 40, "--output", two)
    alone, first = (json.loads(path.read_text())["auc"]["untrained"]["all"] for path in (one, two))
    assert alone["error"] is None
    assert alone["seeds"] == first["seeds"][:1]
    assert first["seeds"][0] != first["seeds"][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "5000"], "labels: 5000; expected fewer than the"),
        (["--labels", "40", "--batch-size", "5000"], "batch-size: 5000; expected at most the"),
    ],
)
def test_too_small_a_dataset_is_one_line(dataset, arguments, message):
    app = Typer()
    app.command()(pretrain.main)
    done = CliRunner().invoke(app, [str(dataset), *QUICK, *arguments])
    assert done.exit_code == 1
    assert message in done.output


def test_dataset_of_one_class_is_one_line(dataset):
    with pytest.raises(DataError, match="needs groups of label 4"):
        networks.read_jets(open_groups(dataset, split="test", processes=["higgs"]), 10)


def test_shipped_campaign_is_valid():
    from jetresim.campaign.config import load

    campaign = load(Path(pretrain.__file__).with_name("pretrain.yaml"))
    assert campaign.name == "pretrain"
    assert {"higgs", "qcd"} == set(campaign.processes)
    assert campaign.realizations == ["nominal", "seed", "fsrRenHi", "fsrRenLo", "herwig7"]


@pytest.mark.parametrize("updates", range(3, 25))
def test_learning_rate_rises_and_falls_however_few_the_updates(updates):
    layer = torch.nn.Linear(2, 1)
    optimizer, schedule = networks.make_optimizer(layer, updates)
    rates = []
    for _ in range(updates):
        rates.append(optimizer.param_groups[0]["lr"])
        networks.update(optimizer, schedule, layer(torch.ones(2)).sum())
    assert rates[0] < max(rates)
    assert 2e-3 < max(rates) < 3.001e-3
    assert updates < 4 or rates[-1] < rates[0]


@pytest.mark.parametrize("updates", [0, 1, 2])
def test_too_few_updates_are_refused(updates):
    with pytest.raises(ConfigError, match="expected at least 3"):
        networks.make_optimizer(torch.nn.Linear(2, 1), updates)
