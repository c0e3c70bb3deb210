import json

import pytest
from synthetic import all_splits, make_campaign
from typer import Typer
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the example trains with PyTorch")

import how_many_views  # noqa: E402
from networks import Data  # noqa: E402

pytestmark = pytest.mark.usefixtures("settings_of_torch")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    campaign = make_campaign(
        processes={"higgs": {"events": 100}, "dijet": {"events": 100}},
        augmentations=["nominal", "fsrRenHi", "seed"],
        dataset={"splits": {"train": 0.7, "val": 0.1, "test": 0.2}},
    )
    return all_splits(tmp_path_factory.mktemp("views") / "dataset", campaign)


def numbered(events, views):
    """Jets of one constituent that holds the numbers of event and view."""
    x = torch.stack(torch.meshgrid(torch.arange(events), torch.arange(views), indexing="ij"), -1)
    return x[:, :, None].float(), torch.ones((events, views, 1), dtype=torch.bool)


def test_a_part_has_its_events_and_views_nominal_first_and_other_ones_for_other_seeds():
    x, mask = how_many_views.part(numbered(50, 8), 10, 3, seed=1)
    assert x.shape[:2] == mask.shape[:2] == (10, 3)
    assert len(x[:, 0, 0, 0].unique()) == 10
    assert (x[..., 0].amax(1) == x[..., 0].amin(1)).all()  # one event in each row
    views = x[0, :, 0, 1].tolist()
    assert views[0] == 0
    assert len(set(views)) == 3
    other, _ = how_many_views.part(numbered(50, 8), 10, 3, seed=2)
    assert not torch.equal(x, other)


def test_pairs_are_two_different_views_that_are_there(monkeypatch):
    monkeypatch.setattr(how_many_views, "BATCH", 20)
    x, mask = numbered(30, 4)
    mask[:, 2] = False
    mask[5, 1:] = False
    seen = set()
    for batch, there in how_many_views.pairs((x, mask), 20, seed=1):
        assert there.all()
        assert torch.equal(batch[:, 0, 0, 0], batch[:, 1, 0, 0])
        for event, first, second in zip(*batch[..., 0, 0].T[:1], *batch[..., 0, 1].T, strict=True):
            assert (first == second) == (event == 5)
            seen.add((int(first), int(second)))
    assert seen == {(0, 0), (0, 1), (1, 0), (0, 3), (3, 0), (1, 3), (3, 1)}


def test_one_view_is_both_of_a_pair(monkeypatch):
    monkeypatch.setattr(how_many_views, "BATCH", 20)
    ((x, _),) = how_many_views.pairs(numbered(30, 1), 1, seed=1)
    assert torch.equal(x[:, 0], x[:, 1])


def run(dataset, output, jets):
    app = Typer()
    app.command()(how_many_views.main)
    options = ["--seeds", "1", "--jets", jets, "--steps", "20", "--constituents", "8", "--output", output]
    return CliRunner().invoke(app, [str(dataset), *map(str, options)])


def test_every_training_has_as_many_jets(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(how_many_views, "BATCH", 4)
    data = Data.read(dataset, 8)
    repeated = [each[:16].repeat(1, 6, *[1] * (each.ndim - 2)) for each in data.train[:2]]
    monkeypatch.setattr(how_many_views, "simulated", lambda *_: tuple(repeated))
    used = []
    pairs = how_many_views.pairs
    monkeypatch.setattr(
        how_many_views, "pairs", lambda jets, *rest: used.append(jets[0].shape[:2]) or pairs(jets, *rest)
    )
    output = tmp_path / "views.json"
    done = run(dataset, output, 64)
    assert done.exit_code == 0, done.output
    assert {events * views for events, views in used} == {64}
    found = json.loads(output.read_text())["results"]
    assert list(found)[:3] == ["1, with classic", "2, re-simulation", "2, with classic"]
    assert len(found) == 9
    assert all(0 <= area <= 1 for each in found.values() for area in each["0"].values())


def test_too_many_or_too_few_jets_are_refused_in_one_line(dataset, tmp_path):
    done = run(dataset, tmp_path / "views.json", 10)
    assert done.exit_code == 1
    assert "--jets 10: expected 1600 to" in done.output
