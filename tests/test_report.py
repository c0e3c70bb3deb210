"""The report: statistics against independent computations, checks against doctored datasets, the page."""

import base64
import csv
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from copy import deepcopy
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from report_samples import CROSS_SECTION, HARD_EVENTS, groups_of, made_up, make_campaign
from scipy.stats import beta, wasserstein_distance
from typer.testing import CliRunner

from jetresim.campaign.errors import DataError
from jetresim.generators.survey import Survey, write_survey
from jetresim.report import figures, made, side_by_side
from jetresim.report.binning import bin_edges, round_step
from jetresim.report.checks import Check, Verdict, equivalents, fsr_pairs, run_checks
from jetresim.report.collect import jet_samples, scan, scan_constituents
from jetresim.report.html import notation
from jetresim.report.observables import BY_NAME, JET_OBSERVABLES
from jetresim.report.page import write_report
from jetresim.report.reading import open_source
from jetresim.report.spectra import FLOW, Spectrum
from jetresim.report.statistics import (
    correlations,
    distances,
    generator,
    paired_shift,
    partners,
    relative_difference,
    swap_test,
    wasserstein,
)
from jetresim.workflow.cli import app

GROUPS = 150
CHECKS = {
    "same": "Same settings, same distributions",
    "fsr": "Final-state radiation shifts as it should",
    "weights": "Weights sum to the cross-section",
    "kept": "Every process keeps groups",
    "counts": "Rows agree with the counts",
    "finite": "All numbers are finite",
    "angles": "Azimuths are in (−π, π]",
    "aligned": "Jets are where the truth is",
    "splits": "Splits are disjoint",
    "seeds": "Seeds are those of the campaign",
    "failed": "Few events fail",
}
VOID = {"input", "meta", "link", "img", "br"}


@pytest.fixture(scope="session")
def rows():
    campaign = make_campaign()
    return [row for process in campaign.processes for row in groups_of(campaign, process, GROUPS)]


@pytest.fixture(scope="session")
def good(tmp_path_factory, rows):
    """A campaign folder with its report."""
    folder = made_up(tmp_path_factory.mktemp("good"), make_campaign(), rows)
    write_report(folder, folder / "report" / "report.html")
    return folder


def checks_of(folder) -> dict[str, Check]:
    source = open_source(folder)
    samples = jet_samples(source)
    found = run_checks(source, samples, scan(source, samples), scan_constituents(source))
    return {check.name: check for check in found}


class Page(HTMLParser):
    """What a test asks of a page: balanced tags, ids, references, images and tables."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.images, self.references = [], [], [], []
        self.tables, self.text = [], text
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.references += [given[key] for key in ("src", "href", "srcset", "data") if key in given]
        self.images += [given] if tag == "img" or given.get("role") == "img" else []
        self.tables += [[]] if tag == "table" else []
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def table(self, *header):
        """Rows of the table whose header begins so."""
        return next(rows[1:] for rows in self.tables if rows[0][: len(header)] == list(header))


@pytest.fixture(scope="session")
def page(good):
    return Page((good / "report" / "report.html").read_text(encoding="utf-8"))


def test_page_is_balanced_html_with_unique_ids(page):
    assert page.open == []
    assert page.text.startswith("<!DOCTYPE html>")
    assert [each for each, count in Counter(page.ids).items() if count > 1] == []


def test_page_refers_to_nothing_outside(page):
    assert all(each.startswith(("data:", "#")) for each in page.references)
    assert {each[1:] for each in page.references if each.startswith("#")} <= set(page.ids)
    assert not re.search(r"@import|url\((?!#)|<script\s|<iframe|<object|fetch\(", page.text)


def test_spectra_are_on_the_page_as_data(page):
    link = next(each for each in page.references if each.startswith("data:application/json"))
    found = json.loads(base64.b64decode(link.partition(",")[2]))
    assert set(found) == {"higgs", "qcd"}
    mass = found["higgs"]["sdmass"]
    assert len(mass["entries"]["nominal"]) == len(mass["edges"]) - 1 + FLOW
    assert sum(mass["entries"]["nominal"]) > 0


def test_spectra_are_on_the_page_as_lines_of_csv(page):
    link = next(each for each in page.references if each.startswith("data:text/csv"))
    lines = list(csv.DictReader(io.StringIO(base64.b64decode(link.partition(",")[2]).decode())))
    mass = [each for each in lines if each["observable"] == "sdmass" and each["process"] == "higgs"]
    nominal = [each for each in mass if each["realization"] == "nominal"]
    width = [float(each["high"]) - float(each["low"]) for each in nominal]
    inside = sum(w * float(each["density"]) for w, each in zip(width, nominal, strict=True))
    assert 0.95 < inside <= 1.00001
    assert {each["ratio"] for each in nominal} <= {"1", ""}
    assert {each["realization"] for each in mass} == {"nominal", "seed", "fsrRenHi", "fsrRenLo"}
    assert any(float(each["ratio_error"] or 0) > 0 for each in mass if each["realization"] == "seed")


def test_every_realization_can_be_switched_off_in_every_spectrum(page):
    svgs = re.findall(r"<svg.*?</svg>", page.text, flags=re.DOTALL)
    assert len(svgs) > 20
    for index in range(4):
        assert f'<input type="checkbox" id="show-{index}" checked' in page.text
        assert f"body:has(#show-{index}:not(:checked)) .r{index}" in page.text
        assert all(re.search(rf'class="[^"]*\br{index}\b', svg) for svg in svgs if "Wasserstein" not in svg)


def test_parts_of_a_picture_keep_what_they_refer_to(page):
    referred = set(re.findall(r"""(?:url\(|href=")#([^)"]+)""", page.text))
    assert len(referred) > 100
    assert referred <= set(page.ids)


def test_no_two_realizations_look_the_same_and_none_like_nominal():
    names = ["nominal", "seed", "mpiOff", "isrRenHi", "isrRenLo", "CP5up", "CP5down", "vincia", "rehadronize"]
    curves = figures.Curves(names, 0, fsr_pairs(make_campaign(augmentations=names)))
    looks = {(figures._colour(curves, index), figures._line(curves, index)) for index in range(len(names))}
    assert len(looks) == len(names)
    assert [figures._colour(curves, index) for index in range(len(names))].count("black") == 1
    assert "#000000" not in figures.COLOURS


def test_an_error_bar_as_long_as_its_bin_is_high_does_not_set_the_scale():
    spectrum = Spectrum(np.array([500.0, 600, 700]), realizations=1, anchor=0)
    weights = np.append(np.ones(100), 0.1)
    values = np.append(np.full(100, 550.0), 650)
    spectrum.fill(np.arange(101), np.zeros(101, int), values, weights)
    axis = figures.Figure().subplots()
    figures._draw_spectra(axis, figures.Curves(["nominal"], 0, []), BY_NAME["pt"], spectrum)
    assert axis.get_ylim()[0] == pytest.approx(spectrum.density.min() / 2)


def test_masses_have_bins_finer_than_a_resonance():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(125, 8, 600), rng.uniform(0, 250, 400)])
    assert np.diff(bin_edges(BY_NAME["sdmass"], values)).max() <= 5


def test_page_is_small(good):
    assert (good / "report" / "report.html").stat().st_size < 10_000_000


def test_page_has_every_section(page):
    wanted = {"checks", "made", "n2", "spectra-higgs", "spectra-qcd", "labels", "distances", "similarity"}
    assert wanted | {"gallery", "configuration"} <= set(page.ids)


def test_every_image_says_what_it_shows_and_how_large_it_is(page):
    assert len(page.images) > 30
    for image in page.images:
        assert len(image.get("alt") or image["aria-label"]) > 20
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0


def test_report_has_the_same_bytes_again(good, tmp_path):
    write_report(good, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (good / "report" / "report.html").read_bytes()


def test_report_of_several_processes_has_the_same_bytes(good, tmp_path):
    write_report(good, tmp_path / "side-by-side.html", cores=3)
    assert (tmp_path / "side-by-side.html").read_bytes() == (good / "report" / "report.html").read_bytes()


def test_error_of_another_process_is_that_of_the_call():
    def fail():
        raise DataError("of the third")

    with pytest.raises(DataError, match="of the third"):
        side_by_side.results([int, int, fail, int], 2)


def test_tables_count_what_is_there(page, rows):
    number = Counter((row["process"], row["label"]) for row in rows)
    table = page.table("process", "label", "train")
    assert {(row[0], int(row[1].split()[0])): sum(map(int, row[2:])) for row in table} == number
    processes = page.table("process", "hard process")
    assert [(row[0], row[3], row[5]) for row in processes] == [
        (name, str(HARD_EVENTS), str(GROUPS)) for name in ("higgs", "qcd")
    ]
    assert [float(row[-1]) for row in processes] == pytest.approx(
        [CROSS_SECTION * GROUPS / HARD_EVENTS] * 2, 1e-3
    )


def test_efficiencies_of_the_page_are_binomial(page):
    row = page.table("process", "realization", "targets", "simulated")[0]
    value, upper, lower = (float(each.replace("−", "-")) for each in row[8].split())
    tail = (1 - 0.6827) / 2
    assert value == pytest.approx(100 * GROUPS / HARD_EVENTS, abs=0.05)
    high = beta.ppf(1 - tail, GROUPS + 1, HARD_EVENTS - GROUPS)
    low = beta.ppf(tail, GROUPS, HARD_EVENTS - GROUPS + 1)
    assert upper == pytest.approx(100 * high - value, abs=0.1)
    assert lower == pytest.approx(100 * low - value, abs=0.1)


def test_distances_of_the_page_are_those_of_scipy(page, rows):
    values = {
        name: [row["realizations"][index]["jet"]["n2"] for row in rows if row["process"] == "higgs"]
        for index, name in enumerate(make_campaign().realizations)
    }
    cells = page.table("observable", "seed")[0]
    for cell, name in zip(cells[1:], ("seed", "fsrRenHi", "fsrRenLo"), strict=True):
        assert float(cell.split()[0]) == pytest.approx(
            wasserstein_distance(values["nominal"], values[name]), rel=5e-3
        )


def test_similarities_of_the_page_are_those_of_numpy(page, rows):
    pairs = [
        [member["jet"]["pt"] for member in row["realizations"][:2]]
        for row in rows
        if row["process"] == "higgs"
    ]
    table = page.table("realization", "observable", "r, same group")
    found = next(row for row in table if row[:2] == ["seed", "jet pT"])
    assert float(found[2]) == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1], abs=6e-4)


def test_dataset_in_order_passes_all_checks(good):
    found = checks_of(good)
    assert set(found) == set(CHECKS.values())
    assert {check.verdict for check in found.values()} == {Verdict.PASS}


def spoil(change):
    """Make the change of one row into that of all of them."""

    def all_rows(rows):
        for row in rows:
            change(row)

    return all_rows


def member_of(row, index):
    return row["realizations"][index]


def shift_seed(row):
    member_of(row, 1)["jet"]["mass"] *= 1.3


def swap_radiation(row):
    more, less = (member_of(row, index)["jet"] for index in (2, 3))
    more["nconstituents"], less["nconstituents"] = less["nconstituents"], more["nconstituents"]


def shift_both_n2(row):
    for index in (2, 3):
        member_of(row, index)["jet"]["n2"] = member_of(row, 0)["jet"]["n2"] + 0.02


def double_weight(row):
    row["weight"] *= 2


def not_finite_jet(rows):
    member_of(rows[7], 2)["jet"]["tau3"] = float("nan")


def not_finite_constituent(rows):
    member_of(rows[7], 2)["constituents"][1]["d0"] = float("inf")


def wide_jet(rows):
    row = rows[3]
    turn = 2 * np.pi * (-1 if row["truth"]["phi"] > 0 else 1)
    member_of(row, 1)["jet"]["phi"] += turn


def wide_constituent(rows):
    member_of(rows[3], 1)["constituents"][0]["phi"] = 3.3


def misaligned(rows):
    """Members of two groups exchanged."""
    for first, second in zip(rows[0:20:2], rows[1:20:2], strict=True):
        a, b = member_of(first, 2), member_of(second, 2)
        a["jet"], b["jet"] = b["jet"], a["jet"]


def far_daughter(rows):
    rows[0]["truth"]["daughters"][0]["eta"] += 1.0


def other_seed(rows):
    member_of(rows[0], 1)["seed"] += 1


DOCTORED = {
    "seed with another mass": ("same", spoil(shift_seed)),
    "FSR pair exchanged": ("fsr", spoil(swap_radiation)),
    "both N2 up": ("fsr", spoil(shift_both_n2)),
    "weights doubled": ("weights", spoil(double_weight)),
    "NaN in a jet": ("finite", not_finite_jet),
    "infinite constituent": ("finite", not_finite_constituent),
    "azimuth of a jet not wrapped": ("angles", wide_jet),
    "azimuth of a constituent not wrapped": ("angles", wide_constituent),
    "members of different groups": ("aligned", misaligned),
    "daughter outside of the jet": ("aligned", far_daughter),
    "seed of something else": ("seeds", other_seed),
}


@pytest.mark.parametrize(("name", "change"), DOCTORED.values(), ids=DOCTORED)
def test_check_fails_on_doctored_groups(tmp_path, rows, name, change):
    doctored = deepcopy(rows)
    change(doctored)
    found = checks_of(made_up(tmp_path, make_campaign(), doctored))
    assert {each for each, check in found.items() if check.verdict is Verdict.FAIL} == {CHECKS[name]}


def lose_groups(metadata):
    metadata["totals"]["qcd"]["groups"] += 1


def lose_members(metadata):
    metadata["counts"]["higgs"]["seed"]["kept"] += 1


def fail_events(metadata):
    outcomes = metadata["counts"]["higgs"]["fsrRenHi"]
    outcomes["failed"], outcomes["no jet"] = 30, outcomes["no jet"] - 30


@pytest.mark.parametrize(
    ("name", "counts"), [("counts", lose_groups), ("counts", lose_members), ("failed", fail_events)]
)
def test_check_fails_on_doctored_counts(tmp_path, rows, name, counts):
    found = checks_of(made_up(tmp_path, make_campaign(), rows, counts=counts))
    assert {each for each, check in found.items() if check.verdict is Verdict.FAIL} == {CHECKS[name]}


def test_hard_event_in_two_splits_fails(tmp_path, rows):
    def splits(row):
        return ["train", "val"] if row["event"] == 5 else ["train"]

    found = checks_of(made_up(tmp_path, make_campaign(), rows, splits=splits))
    assert found[CHECKS["splits"]].verdict is Verdict.FAIL


def test_few_failed_events_are_a_warning(tmp_path, rows):
    def counts(metadata):
        outcomes = metadata["counts"]["higgs"]["seed"]
        outcomes["failed"], outcomes["no jet"] = 8, outcomes["no jet"] - 8

    found = checks_of(made_up(tmp_path, make_campaign(), rows, counts=counts))
    assert found[CHECKS["failed"]].verdict is Verdict.WARN


def test_without_surveys_the_weights_are_not_checked(tmp_path, rows):
    folder = made_up(tmp_path, make_campaign(), rows)
    shutil.rmtree(folder / "hard")
    assert checks_of(folder)[CHECKS["weights"]].verdict is Verdict.NOT_CHECKED


def test_command_says_the_verdicts_and_is_strict_when_asked(tmp_path, rows):
    folder = made_up(tmp_path / "few", make_campaign(), [row for row in deepcopy(rows) if row["event"] < 4])
    run = CliRunner()
    asked = run.invoke(app, ["report", str(folder), "--strict"])
    assert asked.exit_code == 0
    assert "11 checks" in asked.output
    rows_of_bad = [row for row in deepcopy(rows) if row["event"] < 4]
    other_seed(rows_of_bad)
    bad = made_up(tmp_path / "bad", make_campaign(), rows_of_bad)
    output = tmp_path / "page.html"
    assert run.invoke(app, ["report", str(bad), "--output", str(output)]).exit_code == 0
    assert 'data-verdict="fail"' in output.read_text(encoding="utf-8")
    assert run.invoke(app, ["report", str(bad), "--output", str(output), "--strict"]).exit_code == 1


def with_printed_precision(folder, precision, cross_section):
    """As if the events had been brought, with weights and cross-section of so many digits."""
    path = folder / "hard" / "higgs" / "survey.json"
    printed = Survey(cross_section=cross_section, cross_section_error=0.01, printed_precision=precision)
    write_survey(printed, path)
    return checks_of(folder)[CHECKS["weights"]]


def test_weights_are_compared_as_precisely_as_they_were_printed(tmp_path, rows):
    folder = made_up(tmp_path, make_campaign(), rows)
    rounded = CROSS_SECTION * (1 + 5e-8)
    assert with_printed_precision(folder, 1e-7, rounded).verdict is Verdict.PASS
    assert with_printed_precision(folder, 0.0, rounded).verdict is Verdict.FAIL
    assert with_printed_precision(folder, 1e-7, CROSS_SECTION * (1 + 2e-7)).verdict is Verdict.FAIL


def test_groups_that_happen_to_have_no_negative_weight_are_no_failure(tmp_path, rows):
    """Of events with weights of both signs a few groups may have one, and no scatter of their own."""
    few = [row for row in deepcopy(rows) if row["event"] < 20]
    folder = made_up(tmp_path, make_campaign(), few)
    path = folder / "hard" / "higgs" / "survey.json"
    for deviation, verdict in ((0.0, Verdict.FAIL), (CROSS_SECTION / 2, Verdict.PASS)):
        signed = Survey(
            cross_section=0.9 * CROSS_SECTION, cross_section_error=0.01, weight_deviation=deviation
        )
        write_survey(signed, path)
        assert checks_of(folder)[CHECKS["weights"]].verdict is verdict


def test_every_finding_keeps_its_own_verdict(tmp_path, rows):
    """A finding that is right is not condemned by its neighbour: on the page, in the terminal, as JSON."""
    doctored = deepcopy(rows)
    for row in doctored:
        row["weight"] *= 1.1 if row["process"] == "higgs" else 1
    folder = made_up(tmp_path, make_campaign(), doctored)
    weights = checks_of(folder)[CHECKS["weights"]]
    assert weights.verdict is Verdict.FAIL
    assert [(each.verdict, each.text.split(":")[0]) for each in weights.findings] == [
        ("fail", "higgs"),
        ("pass", "qcd"),
    ]
    run = CliRunner()
    lines = run.invoke(app, ["report", str(folder)]).stdout.splitlines()
    assert [line.split(": sum")[0] for line in lines[1:]] == [f"fail: {CHECKS['weights']}: higgs"]
    page = Page((folder / "report" / "report.html").read_text(encoding="utf-8"))
    (found,) = [row[2] for row in page.table("check") if row[0] == CHECKS["weights"]]
    assert re.findall(r"(✓ pass|✗ fail) (\w+):", found) == [("✗ fail", "higgs"), ("✓ pass", "qcd")]
    content = json.loads(run.invoke(app, ["report", str(folder), "--format", "json"]).stdout)
    (check,) = [each for each in content["checks"] if each["name"] == CHECKS["weights"]]
    assert content["verdict"] == check["verdict"] == "fail"
    assert [each["verdict"] for each in check["findings"]] == ["fail", "pass"]


def test_warnings_of_processes_are_on_page_terminal_and_in_json(tmp_path, rows):
    def metadata(content):
        content["warnings"] = {"higgs": ["emissions are counted twice"], "qcd": []}

    folder = made_up(
        tmp_path, make_campaign(), [row for row in rows if row["process"] == "higgs"], counts=metadata
    )
    expected = [
        "higgs: emissions are counted twice",
        f"qcd: no group is kept, of {HARD_EVENTS} targets in {HARD_EVENTS} hard events",
    ]
    run = CliRunner()
    lines = run.invoke(app, ["report", str(folder)]).stdout.splitlines()
    assert [line for line in lines if line.startswith("warning: ")] == [
        f"warning: {each}" for each in expected
    ]
    page = Page((folder / "report" / "report.html").read_text(encoding="utf-8"))
    assert "warnings" in page.ids
    assert all(f"<li>{each}</li>" in page.text for each in expected)
    content = json.loads(run.invoke(app, ["report", str(folder), "--format", "json"]).stdout)
    assert content["warnings"] == expected


def test_folder_without_dataset_is_refused(tmp_path):
    with pytest.raises(DataError, match="no Parquet files"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_damaged_file_is_named(tmp_path, rows):
    folder = made_up(tmp_path, make_campaign(), rows[:10])
    damaged = folder / "dataset" / "test" / "test-00000.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-50])
    with pytest.raises(DataError, match="test-00000"):
        write_report(folder, tmp_path / "report.html")


@pytest.mark.parametrize("groups", [0, 3])
def test_tiny_dataset_says_that_there_is_not_enough(tmp_path, groups):
    campaign = make_campaign()
    rows = [row for process in campaign.processes for row in groups_of(campaign, process, groups)]
    folder = made_up(tmp_path, campaign, rows)
    write_report(folder, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "not enough groups" in page.text
    assert len(page.images) == (0 if groups == 0 else 6)  # the gallery


def test_single_realization_has_a_report(tmp_path):
    campaign = make_campaign(augmentations=["nominal"], processes={"higgs": None})
    folder = made_up(tmp_path, campaign, groups_of(campaign, "higgs", 40))
    checks = write_report(folder, tmp_path / "report.html")
    assert "There is only one realization" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert {check.name for check in checks if check.verdict is Verdict.NOT_CHECKED} == {
        CHECKS["same"],
        CHECKS["fsr"],
    }


def test_many_realizations_with_absent_members_and_an_empty_process(tmp_path):
    names = ["nominal", {"name": "seed", "replicas": 8}, "mpiOff", "isrRenHi", "CP5up"]
    campaign = make_campaign(augmentations=names, groups={"require": "nominal"})
    folder = made_up(tmp_path, campaign, groups_of(campaign, "higgs", 40, absent=0.3))
    checks = {check.name: check for check in write_report(folder, tmp_path / "report.html")}
    assert checks[CHECKS["counts"]].verdict is Verdict.PASS
    assert checks[CHECKS["kept"]].verdict is Verdict.FAIL
    assert [verdict for verdict, _ in checks[CHECKS["kept"]].findings] == [Verdict.PASS, Verdict.FAIL]
    assert "qcd: not enough groups for plots (0" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_realizations_with_the_settings_of_nominal_are_found():
    campaign = make_campaign(
        augmentations=[
            "nominal",
            {"name": "seed", "replicas": 2},
            "fsrRenHi",
            "rehadronize",
            "CP5up",
            "vincia",
        ]
    )
    assert equivalents(campaign) == ["seed", "seed_2", "rehadronize"]


def test_fsr_pairs_have_inverse_scales():
    names = ["nominal", "fsrRenLo", "fsrRenHi4", "fsrRenHi", "fsrRenLo4", "isrRenHi"]
    pairs = fsr_pairs(make_campaign(augmentations=names))
    assert sorted(pairs) == [("fsrRenHi", "fsrRenLo"), ("fsrRenHi4", "fsrRenLo4")]


def test_fsr_pairs_are_found_by_their_settings_whatever_their_names():
    setting = "TimeShower:renormMultFac"
    own = [{"name": name, "settings": {setting: factor}} for name, factor in (("mine", 2.0), ("yours", 0.5))]
    misleading = {"name": "fsrRenHi", "settings": {"TimeShower:alphaSvalue": 0.12}}
    assert fsr_pairs(make_campaign(augmentations=["nominal", *own, misleading])) == [("yours", "mine")]


def correlated(groups, shift=0.0, seed=1):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=groups)
    return (
        common + rng.normal(size=groups),
        common + rng.normal(size=groups) + shift,
        rng.uniform(0.5, 1.5, groups),
    )


def test_ratio_errors_are_those_of_a_bootstrap_over_groups():
    nominal, other, weights = correlated(3000)
    values, group = np.concatenate([nominal, other]), np.tile(np.arange(3000), 2)
    realization = np.repeat([0, 1], 3000)
    edges = np.linspace(-2, 2, 9)

    def filled(weights):
        spectrum = Spectrum(edges, 2, 0)
        spectrum.fill(group, realization, values, weights)
        return spectrum

    rng = np.random.default_rng(3)
    picks = (np.bincount(rng.integers(3000, size=3000), minlength=3000) for _ in range(400))
    samples = np.array([filled(weights * pick).ratios[1] for pick in picks])
    # 400 samples know a standard deviation to 3.5%, so 5 standard deviations
    assert filled(weights).ratio_errors[1] == pytest.approx(samples.std(axis=0), rel=0.18)
    found = filled(weights)
    relative = found.density_errors / found.density
    assert np.all(found.ratio_errors[1] / found.ratios[1] < np.hypot(*relative))


def test_identical_members_have_a_ratio_without_error():
    values = np.random.default_rng(0).normal(size=500)
    spectrum = Spectrum(np.linspace(-1, 1, 5), 2, 0)
    group, realization = np.tile(np.arange(500), 2), np.repeat([0, 1], 500)
    spectrum.fill(group, realization, np.tile(values, 2), np.ones(500))
    assert spectrum.ratios[1] == pytest.approx(1)
    assert spectrum.ratio_errors[1] == pytest.approx(0, abs=1e-7)


def test_bin_of_negative_weights_has_a_ratio_with_a_positive_error():
    spectrum = Spectrum(np.array([0.0, 1.0, 2.0]), 2, 0)
    # group by group: the nominal member, then another one, which alone is in the first bin with group 1
    values = np.array([0.5, 1.5, 1.5, 0.5, 0.5, 1.5, 1.5, 1.5])
    group, realization = np.repeat(np.arange(4), 2), np.tile([0, 1], 4)
    spectrum.fill(group, realization, values, np.array([1.0, -1.0, 1.0, 3.0]))
    assert spectrum.ratios[1, 0] < 0
    assert spectrum.ratio_errors[1, 0] > 0


def test_everything_is_in_a_bin_or_counted_beside_them():
    spectrum = Spectrum(np.array([0.0, 1.0, 2.0]), 1, 0)
    values = np.array([-1, 0, 0.5, 1.5, 2, 7, np.nan, np.inf])
    spectrum.fill(np.arange(8), np.zeros(8, np.int64), values, np.full(8, 2.0))
    assert spectrum.entries.tolist() == [[2, 4, 2, 6, 2]]
    assert spectrum.fractions.sum() == pytest.approx(1)


def test_distance_of_signed_distributions_is_that_of_scipy():
    nominal, other, weights = correlated(300, shift=0.4)
    found = distances(nominal, other, weights[None], np.array([weights.sum()]))
    assert found[0] == pytest.approx(wasserstein_distance(nominal, other, weights, weights))


def test_distance_is_above_its_floor_only_where_there_is_one():
    nominal, other, weights = correlated(2000, shift=0.3)
    far = wasserstein(nominal, other, weights, generator(1, "far"))
    assert far.value == pytest.approx(0.3, abs=5 * far.error)
    assert far.value > 3 * far.floor
    nominal, other, weights = correlated(2000)
    assert wasserstein(nominal, other, weights, generator(1, "same")).value < 0.15


def test_swap_test_is_uniform_for_equal_distributions_and_sees_a_shift():
    p = []
    for seed in range(200):
        nominal, other, weights = correlated(100, seed=seed)
        p.append(swap_test(nominal[:, None], other[:, None], weights, 500, generator(seed, "null")))
    # binomial: 200 × 0.2 = 40 ± 5.7 below 0.2; 4 standard deviations
    assert 17 < np.count_nonzero(np.array(p) < 0.2) < 63
    nominal, other, weights = correlated(400, shift=0.5)
    assert swap_test(nominal[:, None], other[:, None], weights, 500, generator(0, "shift")) <= 0.01


def test_paired_shift_is_smaller_in_error_than_an_unpaired_one():
    nominal, other, weights = correlated(1000, shift=0.2)
    mean, error = paired_shift(nominal, other, weights)
    assert mean == pytest.approx(0.2, abs=5 * error)
    assert error < np.sqrt((nominal.var() + other.var()) / 1000)


def test_correlations_ignore_rows_without_both():
    rng = np.random.default_rng(0)
    left = rng.normal(size=(50, 2))
    left[:10, 0] = np.nan
    assert correlations(left, left)[0, 1] == pytest.approx(np.corrcoef(left[10:].T)[0, 1])
    assert np.isnan(correlations(np.ones((50, 1)), left[:, 1:])).all()


@given(st.integers(2, 50), st.integers(0, 5))
def test_nobody_is_their_own_partner(count, seed):
    other = partners(count, generator(seed, "partners"))
    assert sorted(other.tolist()) == list(range(count))
    assert np.all(other != np.arange(count))


def test_relative_difference_is_0_for_copies_and_1_for_strangers():
    rng = np.random.default_rng(0)
    anchor, stranger, other = rng.normal(size=(3, 20_000))
    assert relative_difference(anchor, anchor, stranger) == 0
    assert relative_difference(anchor, other, stranger) == pytest.approx(1, abs=0.05)


@given(st.floats(1e-6, 1e6))
def test_steps_are_round_and_not_too_small(step):
    found = round_step(step)
    assert found >= step * (1 - 1e-6)
    assert found <= 2.5 * step
    assert f"{found:e}"[:3] in ("1.0", "2.0", "2.5", "5.0")


@given(
    arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e4, 1e4)),
    st.sampled_from(sorted(BY_NAME)),
)
def test_bins_increase_and_cover_the_middle(values, name):
    edges = bin_edges(BY_NAME[name], values)
    assert np.all(np.diff(edges) > 0)
    assert len(edges) < 100
    if BY_NAME[name].scale == "linear":
        middle = np.quantile(values, [0.01, 0.99])
        assert edges[0] <= middle[0] + 1e-6
        assert edges[-1] >= middle[1] - 1e-6


def test_bins_of_whole_numbers_hold_equally_many():
    edges = bin_edges(BY_NAME["multiplicity"], np.random.default_rng(0).poisson(40, 5000).astype(float))
    assert np.all(edges % 1 == 0.5)


def test_ratio_of_jets_without_radiation_is_undefined():
    tau21 = next(each for each in JET_OBSERVABLES if each.name == "tau21")
    values = tau21.values({"tau1": np.array([0.0, 0.5, np.nan]), "tau2": np.array([0.0, 0.25, np.nan])})
    assert values.tolist() == pytest.approx([np.nan, 0.5, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.205218, 0.00081, "0.20522 ± 0.00081"),
        (1.3792e-4, 5.3e-7, "(1.3792 ± 0.0053) × 10^-4"),
        (812.3, 14.0, "812 ± 14"),
        (2.5, 0.0, "2.5"),
    ],
)
def test_cross_sections_have_two_digits_of_error(value, error, text):
    assert made.with_error(value, error) == text


def test_notation_is_set_and_escaped():
    assert str(notation("N₂^{β=1} < m_SD")) == "N₂<sup>β=1</sup> &lt; m<sub>SD</sub>"
    assert str(notation("× 10^-4")) == "× 10<sup>−4</sup>"


def test_costs_are_summed_over_jobs_and_missing_ones_are_not_zero():
    jobs = pa.table(
        {
            "stage": ["jets", "jets", "hard", "hard"],
            "process": ["qcd", "qcd", None, None],
            "cpu_seconds": [1800.0, 1800.0, 3600.0, None],
            "max_rss_mb": [100.0, 300.0, None, None],
        }
    )
    table = made.cost_table(jobs)
    assert table.rows == [["hard", "–", "2", "–", "–"], ["jets", "qcd", "2", "1 h", "315 MB"]]


def test_browser_loads_the_page_without_errors(good, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium to load the page")
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--enable-logging=stderr", "--dump-dom", f"--user-data-dir={tmp_path}"),
            (good / "report" / "report.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Campaign made_up" in done.stdout
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
