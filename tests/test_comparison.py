"""Two campaigns beside each other: the statistics against SciPy, the verdicts against made-up datasets."""

import json
import re

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from report_samples import groups_of, made_up, make_campaign
from scipy.stats import ks_2samp, wasserstein_distance
from typer.testing import CliRunner

from jetresim.campaign.config import Campaign
from jetresim.report.comparison import (
    Comparison,
    Likeness,
    Values,
    compare,
    cumulative_difference,
    kolmogorov_smirnov,
)
from jetresim.report.comparison_page import verdict_lines
from jetresim.report.observables import JET_OBSERVABLES
from jetresim.workflow.cli import app

GROUPS = 60
SMALL = {"processes": {"higgs": None}, "augmentations": ["nominal", "seed"]}

numbers = st.lists(st.integers(0, 6), min_size=5, max_size=40)


def written(folder, campaign: Campaign, change=lambda row: None, counts=None):
    """A campaign folder, whose groups were changed first."""
    rows = [row for process in campaign.processes for row in groups_of(campaign, process, GROUPS)]
    for row in rows:
        change(row)
    return made_up(folder, campaign, rows, counts=counts)


def more_constituents(row) -> None:
    row["realizations"][1]["jet"]["nconstituents"] += 15


def of_weight(values, weights=None) -> Values:
    values = np.asarray(values, np.float64)
    return Values(values, np.ones(len(values)) if weights is None else np.asarray(weights, np.float64))


def outcome(found: Comparison) -> dict:
    return {(each.realization, each.observable): each.likeness for each in found.compared}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return written(tmp_path_factory.mktemp("a"), make_campaign(**SMALL))


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    return written(tmp_path_factory.mktemp("b"), make_campaign(**SMALL), more_constituents)


@pytest.fixture(scope="module")
def page(first, changed, tmp_path_factory):
    """The page of two that differ, and what the command prints."""
    output = tmp_path_factory.mktemp("page") / "comparison.html"
    done = CliRunner().invoke(app, ["compare", str(first), str(changed), "--output", str(output)])
    assert done.exit_code == 0, done.output
    return output.read_text(encoding="utf-8"), done.stdout


@given(numbers, numbers)
def test_test_without_weights_is_that_of_scipy(a, b):
    expected = ks_2samp(a, b, method="asymp")
    assert kolmogorov_smirnov(of_weight(a), of_weight(b)) == pytest.approx(
        (expected.statistic, expected.pvalue), abs=1e-9
    )


@given(numbers, numbers, st.integers(1, 100))
def test_area_between_weighted_distributions_is_the_wasserstein_distance(a, b, seed):
    rng = np.random.default_rng(seed)
    left, right = of_weight(a, rng.uniform(0.1, 2, len(a))), of_weight(b, rng.uniform(0.1, 2, len(b)))
    difference, gaps = cumulative_difference(left, right, (left.weights[None], right.weights[None]))
    assert np.abs(difference[0]) @ gaps == pytest.approx(
        wasserstein_distance(a, b, left.weights, right.weights), abs=1e-9
    )


def test_weighted_samples_of_one_distribution_are_told_apart_as_often_as_the_level_says():
    rng = np.random.default_rng(3)
    found = [
        kolmogorov_smirnov(*(of_weight(rng.normal(size=200), rng.exponential(size=200)) for _ in range(2)))[1]
        for _ in range(400)
    ]
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.08


def test_equal_campaigns_are_identical(first, tmp_path):
    found = compare(first, written(tmp_path / "again", make_campaign(**SMALL)))
    assert found.likeness is Likeness.IDENTICAL
    assert (found.tests, found.differences, found.lacking) == (0, [], [])
    assert set(outcome(found).values()) == {Likeness.IDENTICAL}


def test_campaigns_of_other_seeds_are_compatible(first, tmp_path):
    found = compare(first, written(tmp_path / "other", make_campaign(**SMALL, seed=6)))
    assert found.likeness is Likeness.COMPATIBLE
    assert found.tests == 2 * len(JET_OBSERVABLES)
    assert ("campaign.seed", 5, 6) in found.differences


def test_only_what_was_changed_differs(first, changed):
    found = compare(first, changed)
    differing = [key for key, each in outcome(found).items() if each is Likeness.DIFFERS]
    assert differing == [("seed", "multiplicity")]
    assert {each for key, each in outcome(found).items() if key[0] == "nominal"} == {Likeness.IDENTICAL}
    moved = next(each for each in found.compared if each.likeness is Likeness.DIFFERS)
    assert moved.distance == pytest.approx(15)
    assert 0 < moved.error < 5


def test_what_only_one_has_is_named_and_not_identical(first, tmp_path):
    wider = make_campaign(augmentations=["nominal", "seed", "fsrRenHi"])
    found = compare(first, written(tmp_path / "wider", wider))
    assert found.lacking == [
        "only B: made_up has the process qcd",
        "only B: made_up has the realization fsrRenHi",
    ]
    assert found.likeness is Likeness.COMPATIBLE
    assert verdict_lines(found)[:2] == found.lacking


def test_versions_that_differ_are_listed(first, tmp_path):
    def newer(metadata) -> None:
        metadata["versions"]["pythia8mc"] = "8.400"

    found = compare(first, written(tmp_path / "newer", make_campaign(**SMALL), counts=newer))
    assert found.differences == [("versions.pythia8mc", "8.317.2", "8.400")]


def test_page_shows_verdict_spectra_and_needs_nothing_else(page):
    text, _ = page
    assert 'data-verdict="differs"' in text
    assert text.count('role="img"') == len(JET_OBSERVABLES)
    assert text.count("<table>") == 1  # nothing was set differently
    references = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(each.startswith(("data:", "#")) for each in references)
    assert {each[1:] for each in references if each.startswith("#")} <= set(re.findall(r'id="([^"]*)"', text))


def test_command_prints_a_verdict_for_each_process_and_observable(page):
    lines = page[1].splitlines()
    assert lines[0].endswith("comparison.html: differs, 9 tests")
    assert len(lines) == 1 + len(JET_OBSERVABLES)
    assert [line for line in lines if re.match(r"differs: higgs: multiplicity: seed \(p = .*\)", line)]


def test_strict_fails_only_where_a_distribution_differs(first, changed, tmp_path, monkeypatch):
    monkeypatch.setattr("jetresim.report.comparison_page._spectra_sections", lambda found: [])
    output = ["--output", str(tmp_path / "page.html"), "--strict", "--format", "json"]
    differing = CliRunner().invoke(app, ["compare", str(first), str(changed), *output])
    assert differing.exit_code == 1
    assert json.loads(differing.stdout)["verdict"] == "differs"
    same = CliRunner().invoke(app, ["compare", str(first), str(first), *output])
    assert same.exit_code == 0
    assert {each["verdict"] for each in json.loads(same.stdout)["compared"]} == {"identical"}


def test_campaigns_are_named_by_their_configuration_too(first, tmp_path, monkeypatch):
    monkeypatch.setattr("jetresim.report.comparison_page._spectra_sections", lambda found: [])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "made_up").symlink_to(first)
    content = {"name": "made_up", "seed": 5, "events": 400, **SMALL}
    (tmp_path / "made_up.yaml").write_text(yaml.safe_dump(content))
    done = CliRunner().invoke(app, ["compare", "made_up.yaml", str(first)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("comparison.html: identical")


def test_campaigns_without_a_common_process_are_refused_and_nothing_is_written(first, tmp_path):
    other = written(tmp_path / "qcd", make_campaign(**{**SMALL, "processes": {"qcd": None}}))
    done = CliRunner().invoke(app, ["compare", str(first), str(other), "--output", str(tmp_path / "x.html")])
    assert done.exit_code == 1
    assert "has no process of" in str(done.exception or done.output)
    assert not (tmp_path / "x.html").exists()
