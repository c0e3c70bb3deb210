import json

import pytest
from synthetic import all_splits, make_campaign
from typer import Typer
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the example trains with PyTorch")

from jetresim.loaders.transforms import seeded  # noqa: E402


@pytest.fixture(scope="module")
def example():
    """The script, which makes PyTorch deterministic for its process."""
    import eight_outputs

    yield eight_outputs
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    campaign = make_campaign(
        processes={"higgs": {"events": 60}, "dijet": {"events": 60}}, augmentations=["nominal", "seed"]
    )
    return all_splits(tmp_path_factory.mktemp("outputs") / "dataset", campaign)


def random_jets(example, count, constituents=12):
    random = seeded("jets")
    mask = torch.arange(constituents) < torch.randint(2, constituents + 1, (count, 1), generator=random)
    x = torch.randn((count, constituents, len(example.FEATURES)), generator=random)
    return torch.where(mask[..., None], x, 0), mask


def make_encoder(example, **recipe):
    x, mask = random_jets(example, 20)
    jets = example.Jets(x[:, None], mask[:, None], torch.ones(20, dtype=torch.bool))
    return example.Encoder(example.Recipe(1, **recipe), jets, seeded("encoder"))


@pytest.mark.parametrize("edges", [True, False])
def test_encoder_ignores_the_order_of_constituents_and_empty_slots(example, edges):
    x, mask = random_jets(example, 30)
    encoder = make_encoder(example, edges=edges)
    expected = encoder(x, mask)
    order = torch.randperm(x.shape[1], generator=seeded("order"))
    torch.testing.assert_close(encoder(x[:, order], mask[:, order]), expected, rtol=1e-4, atol=1e-4)
    longer = torch.cat([x, torch.zeros_like(x)], 1), torch.cat([mask, torch.zeros_like(mask)], 1)
    torch.testing.assert_close(encoder(*longer), expected, rtol=1e-4, atol=1e-4)


def test_neighbours_are_the_nearest_constituents_that_there_are(example):
    places = torch.arange(12.0).square()[None, :, None]
    mask = (torch.arange(12) < 5)[None]
    joined, exists = example.neighbours(places, mask)
    for place in range(5):
        others = sorted(set(range(5)) - {place}, key=lambda other: abs(other**2 - place**2))
        assert joined[0, place][exists[0, place]].tolist() == others
    assert not exists[0, 5:].any()


def test_rotated_views_keep_all_but_the_direction(example):
    x, _ = random_jets(example, 8)
    turned = example.rotated(x, seeded("angle"))
    plane = [example.ETA, example.PHI]
    others = [place for place in range(x.shape[-1]) if place not in plane]
    assert torch.equal(turned[..., others], x[..., others])
    torch.testing.assert_close(turned[..., plane].norm(dim=-1), x[..., plane].norm(dim=-1))
    assert not torch.allclose(turned[..., plane], x[..., plane])


def run(example, *arguments):
    app = Typer()
    app.command()(example.main)
    return CliRunner().invoke(app, [*map(str, arguments), "--seeds", "1", "--constituents", "12"])


def test_example_repeats_itself_exactly_and_names_unknown_recipes(example, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(example, "RECIPES", (example.Recipe(0), example.Recipe(1, edges=False)))
    monkeypatch.setattr(example, "BATCH", 16)
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    for output in (first, again):
        done = run(example, dataset, "--output", output)
        assert done.exit_code == 0, done.output
    assert first.read_bytes() == again.read_bytes()
    found = json.loads(first.read_text())["results"]
    assert list(found) == [recipe.name for recipe in example.RECIPES]
    assert all(0 <= value <= 1 for name, value in found[example.RECIPES[0].name]["0"].items())
    refused = run(example, dataset, "--only", "transformer", "--output", first)
    assert refused.exit_code == 1
    assert "no recipe's name holds 'transformer'" in refused.output
