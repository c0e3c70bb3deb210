"""Scored tasks: the scores against independent computations, the command on made-up groups."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from synthetic import all_splits, make_campaign
from typer.testing import CliRunner

from jetresim.campaign.errors import ConfigError
from jetresim.report import tasks
from jetresim.report.embedding import Embedded, jet_observables, load_model
from jetresim.report.tasks import area, linear_probe, rejection, similarities, squared_distance
from jetresim.workflow.cli import app

MODEL = """
import numpy as np

def vectors(x, mask):
    assert x.shape == (len(mask), 7, 15)
    return np.stack([mask.sum(1), x.sum((1, 2))], 1)

def too_few(x, mask):
    return x[1:, :, 0]

def raises(x, mask):
    weights = np.ones(9)
    return x.sum(1) @ weights

def not_finite(x, mask):
    return np.full((len(mask), 2), np.nan)
"""

scores = st.lists(st.integers(0, 9), min_size=2, max_size=30).map(np.array)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    results = tmp_path_factory.mktemp("tasks")
    campaign = make_campaign(
        processes={"higgs": {"events": 100}, "top": {"events": 60}},
        augmentations=["nominal", "seed"],
        dataset={"splits": {"train": 0.5, "val": 0.05, "test": 0.45}},
    )
    all_splits(results / "dataset", campaign)
    (results / "model.py").write_text(MODEL)
    return results


def run(dataset, *arguments):
    output = dataset / "tasks.json"
    output.unlink(missing_ok=True)
    done = CliRunner().invoke(app, ["tasks", str(dataset), "--output", str(output), *arguments])
    return done, json.loads(output.read_text()) if output.exists() else None


def split_of(vectors, label) -> tasks.Split:
    """Made-up vectors, shape (N, K, D)."""
    present = np.isfinite(vectors).all(axis=-1)
    names = ["nominal", "seed", "other"][: vectors.shape[1]]
    return tasks.Split(Embedded(np.asarray(label), present, vectors), names, 7)


@given(scores, scores)
def test_area_is_the_chance_that_signal_scores_above_background(signal, background):
    value, error = area(signal, background, np.random.default_rng(1))
    expected = mannwhitneyu(signal, background).statistic / (len(signal) * len(background))
    assert value == pytest.approx(expected)
    assert error >= 0


def test_probe_finds_the_best_direction_whatever_the_scale_of_the_features():
    rng = np.random.default_rng(2)
    signal = np.arange(4000) % 2 == 0
    vectors = rng.normal(size=(4000, 3)) + np.outer(signal, [1.0, 0.5, 0.0])
    vectors *= [1e3, 1e-3, 1.0]
    found = linear_probe(vectors[:2000], signal[:2000])(vectors[2000:])
    value, error = area(found[signal[2000:]], found[~signal[2000:]], rng)
    assert value == pytest.approx(norm.cdf(np.hypot(1, 0.5) / np.sqrt(2)), abs=4 * error)
    assert 0.005 < error < 0.02


def test_rejection_counts_background_above_the_median_of_signal():
    found = rejection(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.0, 2.5]), threshold=3.0)
    assert (found["rejection"], found["background_passing"]) == (4.0, 1)
    assert found["error"] == pytest.approx(4 * np.sqrt(3 / 4))
    assert found["signal_efficiency_at_nominal_cut"] == pytest.approx(1 / 3)


def test_rejection_of_everything_is_no_number():
    found = rejection(np.ones(4), np.zeros(4), threshold=1.0)
    assert (found["rejection"], found["error"], found["background_passing"]) == (None, None, 0)


def test_members_that_are_equal_are_alike_and_absent_ones_do_not_count():
    rng = np.random.default_rng(3)
    anchor = rng.normal(size=(400, 1, 5))
    vectors = np.concatenate([anchor, anchor, rng.normal(size=(400, 1, 5))], axis=1)
    vectors[:150, 1] = np.nan
    split = split_of(vectors, np.zeros(400, int))
    (found,) = similarities(split, split, [0])
    assert found["same_group"]["seed"]["mean"] == pytest.approx(1)
    for other in (found["same_group"]["other"], found["other_group"]):
        assert abs(other["mean"]) < 4 * other["error"] < 0.2


def test_a_realization_that_hides_the_difference_loses_rejection_and_moves_the_score():
    rng = np.random.default_rng(4)
    label = np.arange(1000) % 2 * 4
    base = rng.normal(size=(1000, 1, 2)) + np.where(label == 4, 2.0, 0.0)[:, None, None]
    vectors = np.concatenate([base, base, np.where(label[:, None, None] == 4, base - 2, base)], axis=1)
    found = tasks._pair(split_of(vectors[:500], label[:500]), split_of(vectors[500:], label[500:]), [0], [4])
    rates = {name: each["rejection"] for name, each in found["realizations"].items()}
    assert rates["seed"] == rates["nominal"] > 10 * rates["other"]
    assert rates["other"] == pytest.approx(2, abs=0.5)
    moved = found["wasserstein"]["H→bb"]
    assert moved["seed"]["value"] == 0
    assert moved["other"]["value"] > moved["other"]["floor"] > 0


def test_distance_is_that_to_the_nearest_class_in_units_of_its_spread():
    rng = np.random.default_rng(5)
    mixing = rng.normal(size=(3, 3))
    centres = np.array([[0.0, 0, 0], [8, 0, 0]])
    classes = [(rng.normal(size=(4000, 3)) + centre) @ mixing for centre in centres]
    classes = [np.column_stack([each, np.ones(len(each))]) for each in classes]  # one number never varies
    distance = squared_distance(classes)
    outside = np.append(np.array([4.0, 3, 0]) @ mixing, 5)
    assert distance(outside[None]) == pytest.approx(25, rel=0.1)
    # the squares of three normal numbers have mean 3 and variance 6; 5 standard errors, and that of the fit
    assert distance(classes[1]).mean() == pytest.approx(3, abs=5 * np.sqrt(6 / 4000))


def test_a_label_apart_from_the_others_is_found_though_the_score_never_saw_it():
    rng = np.random.default_rng(6)
    label = np.arange(1500) % 3
    vectors = rng.normal(size=(1500, 2, 4))
    vectors[label == 1] += [3, 0, 0, 0]
    vectors[label == 2] += [1.5, 6, 0, 0]
    vectors[:, 1, 1] = np.where(label == 2, 0, vectors[:, 1, 1])  # `seed` hides what tells label 2 apart
    train, test = split_of(vectors[:750], label[:750]), split_of(vectors[750:], label[750:])
    found = {each["label"]: each for each in tasks.outliers(train, test, [0, 1, 2])}
    unknown = found["charm"]
    assert unknown["known"] == ["gluon", "light quark"]
    assert unknown["realizations"]["nominal"]["auc"] > 0.99 > 0.7 > unknown["realizations"]["seed"]["auc"]
    assert unknown["realizations"]["nominal"]["jets"] == [250, 500]


def test_labels_are_compared_two_by_two_and_each_with_all_others():
    pairs = list(tasks._pairs([0, 1, 4]))
    assert pairs == [([0], [1]), ([0], [4]), ([1], [4]), ([1, 4], [0]), ([0, 4], [1]), ([0, 1], [4])]
    assert list(tasks._pairs([0, 4])) == [([0], [4])]


@given(st.integers(0, 100), st.floats(0.1, 10))
def test_observables_do_not_depend_on_rotations_and_all_but_one_not_on_the_scale(seed, scale):
    rng = np.random.default_rng(seed)
    x, mask = rng.uniform(0.1, 1, (3, 8, 3)), np.arange(8) < rng.integers(0, 9, (3, 1))
    angle = rng.uniform(0, 6)
    turned = x.copy()
    turned[..., 1:] = x[..., 1:] @ [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    turned[..., 0] *= scale
    keep = [0, 2, 3, 4, 5]
    assert jet_observables(turned, mask)[:, keep] == pytest.approx(jet_observables(x, mask)[:, keep])
    assert np.isfinite(jet_observables(x, mask)).all()


def test_command_scores_the_observables_and_finds_nothing_where_there_is_nothing(dataset):
    done, found = run(dataset)
    assert done.exit_code == 0, done.output
    (pair,) = found["pairs"]
    assert (pair["signal"], pair["background"], found["model"]) == ("top", "H→bb", "jet_observables")
    assert abs(pair["auc"] - 0.5) < 4 * pair["auc_error"]
    assert set(pair["realizations"]) == {"nominal", "seed"}
    assert set(pair["wasserstein"]["top"]) == {"seed"}
    assert [each["label"] for each in found["similarity"]] == ["H→bb", "top"]
    for each in found["out_of_distribution"]:
        nominal = each["realizations"]["nominal"]
        assert abs(nominal["auc"] - 0.5) < 4 * nominal["auc_error"]
    assert done.stdout.startswith("top vs H→bb: AUC 0.")
    assert "\ntop among H→bb, not known: AUC 0." in done.stdout


def test_any_function_is_a_model_and_gives_the_same_numbers_again(dataset):
    arguments = [
        *("--model", f"{dataset}/model.py:vectors"),
        *("--features", "rs3l", "--constituents", "7"),
    ]
    done, found = run(dataset, *arguments)
    assert done.exit_code == 0, done.output
    assert run(dataset, *arguments)[1] == found


@pytest.mark.parametrize(
    ("function", "message"),
    [("too_few", "gives shape"), ("not_finite", "not finite"), ("nothing", "no attribute")],
)
def test_a_model_that_gives_no_vectors_is_refused(dataset, function, message):
    done, found = run(dataset, "--model", f"{dataset}/model.py:{function}")
    assert done.exit_code == 1
    assert message in str(done.exception or done.output)
    assert found is None


def test_an_exception_of_a_model_is_one_line_that_says_where_and_a_traceback_if_asked_for(dataset):
    options = ["--model", f"{dataset}/model.py:raises"]
    done, found = run(dataset, *options)
    message = str(done.exception)
    line = 1 + MODEL.split("\n").index("    return x.sum(1) @ weights")
    assert (done.exit_code, found) == (1, None)
    assert f"--model: ValueError in {dataset}/model.py, line {line}: matmul" in done.stderr + message
    assert "Traceback" not in done.output
    assert "Traceback" in run(dataset, *options, "--debug")[0].output


def test_an_exception_while_a_model_is_imported_is_one_line(tmp_path):
    (tmp_path / "broken.py").write_text("numbers = {}\nnumbers['weights']\n")
    with pytest.raises(ConfigError, match=r"KeyError in .*broken.py, line 2: 'weights'"):
        load_model(f"{tmp_path}/broken.py:vectors")


def test_a_model_needs_file_and_function():
    for name in ("model.py", "nowhere.py:vectors", "no_such_module:vectors"):
        with pytest.raises(ConfigError, match="--model"):
            load_model(name)
