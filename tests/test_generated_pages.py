"""Pages that are made from the rules and from the campaigns of the gallery are up to date."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
import yaml
from report_samples import groups_of, made_up, make_campaign

from jetresim.campaign.config import load
from jetresim.campaign.processes import LABELS
from jetresim.report.reading import open_source

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LARGEST_PICTURE = 80_000


def script(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rules, gallery, classes = script("rules"), script("gallery"), script("classes")
EXAMPLES = sorted(gallery.EXAMPLES.glob("*.yaml"))


@pytest.fixture(scope="module")
def edges():
    return rules.graph()


def test_rules_page_is_that_of_the_rules(edges):
    assert rules.PAGE.read_text(encoding="utf-8") == rules.page(rules.read_rules(), edges), (
        "out of date: run `python docs/rules.py`"
    )


def test_picture_of_the_rules_is_that_of_the_rules(edges):
    assert rules.PICTURE.read_text(encoding="utf-8") == rules.picture(edges), (
        "out of date: run `python docs/rules.py`"
    )


def test_picture_shows_every_rule_and_keeps_every_order(edges):
    names = {name for edge in edges for name in edge}
    of_other_packages = {"export"}
    assert names == rules.read_rules().keys() - of_other_packages | {"all"}
    before = {name: {first for first, second in edges if second == name} for name in names}
    shown = {name: {first for first, second in rules.direct(edges) if second == name} for name in names}

    def upstream(name, arrows):
        return arrows[name].union(*(upstream(each, arrows) for each in arrows[name]))

    assert {name: upstream(name, shown) for name in names} == {name: upstream(name, before) for name in names}


def test_gallery_page_is_that_of_the_campaigns():
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page(), (
        "out of date: run `python docs/gallery.py`"
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_campaign_of_the_gallery_is_named_like_its_file_described_and_pictured(example):
    assert yaml.safe_load(example.read_text(encoding="utf-8"))["name"] == example.stem
    assert load(example).name == example.stem
    assert gallery.comments(example.read_text(encoding="utf-8"))
    assert (gallery.PICTURES / f"{example.stem}.png").stat().st_size < LARGEST_PICTURE


def test_every_picture_is_of_a_campaign():
    pictures = {path.stem for path in gallery.PICTURES.iterdir()}
    assert pictures == {example.stem for example in EXAMPLES}
    assert gallery.SHOWN.keys() <= pictures


def test_classes_are_the_nominal_jets_of_each_label_of_all_processes(tmp_path):
    campaign = make_campaign()
    rows = [row for process in campaign.processes for row in groups_of(campaign, process, 40)]
    source = open_source(made_up(tmp_path, campaign, rows))
    found = classes.by_label(source)
    expected = Counter(f"{row['label']} {LABELS[row['label']]}" for row in rows)
    assert {title: len(values["n2"]) for title, values in found.items()} == expected
    nominal = [row["realizations"][0]["jet"]["n2"] for row in rows if row["label"] == 4]
    assert sorted(found["4 H→bb"]["n2"]) == pytest.approx(sorted(nominal))
    assert {title: len(values["n2"]) for title, values in classes.by_process(source).items()} == {
        "higgs": 40,
        "qcd": 40,
    }


def test_picture_of_the_realizations_is_drawn_from_a_campaign(tmp_path):
    campaign = make_campaign()
    rows = [row for process in campaign.processes for row in groups_of(campaign, process, 40)]
    picture = tmp_path / "n2.png"
    gallery.draw_spectra(made_up(tmp_path, campaign, rows), "n2", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
