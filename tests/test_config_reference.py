import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from jetresim.campaign import reference
from jetresim.campaign.augmentations import AUGMENTATIONS
from jetresim.campaign.config import parse
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.processes import LABELS, PROCESSES, TARGETS
from jetresim.campaign.tunes import TUNES
from jetresim.generators.pythia_settings import check_campaign_settings

CONFIG = Path(__file__).parents[1] / "config"
README = (CONFIG / "README.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)]
SHIPPED = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CONFIG.glob("*.yaml"))]
SMALL = {
    "name": "x",
    "seed": 1,
    "events": 1,
    "processes": {"higgs": None},
    "augmentations": ["nominal"],
}


def validator():
    return jsonschema.Draft202012Validator(reference.schema())


@pytest.mark.parametrize("name", ["schema.json", "README.md"])
def test_committed_reference_is_that_of_the_models(name, tmp_path):
    reference.write(tmp_path)
    made, committed = ((folder / name).read_text(encoding="utf-8") for folder in (tmp_path, CONFIG))
    assert made == committed, f"config/{name} is out of date: run `python -m jetresim.campaign.reference`"


def test_schema_is_valid_json_schema():
    jsonschema.Draft202012Validator.check_schema(
        json.loads((CONFIG / "schema.json").read_text(encoding="utf-8"))
    )


@pytest.mark.parametrize("raw", [*EXAMPLES, *SHIPPED], ids=lambda raw: raw["name"])
def test_examples_are_accepted_by_schema_models_and_pythia(raw):
    validator().validate(raw)
    check_campaign_settings(parse(raw, raw["name"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"chnk": 1},
        {"seed": -1},
        {"chunk": 0},
        {"name": "a/b"},
        {"processes": {}},
        {"processes": {"a b": {"settings": {"HardQCD:all": True}, "targets": ["parton"]}}},
        {"processes": {"higgs": {"targets": ["higs"]}}},
        {"processes": {"higgs": {"cuts": {"ptmin": 1}}}},
        {"augmentations": ["nominal", "fsrHi"]},
        {"augmentations": ["nominal", {"replicas": 2}]},
        {"tune": "cp5"},
        {"jets": {"soft_drop": {"z_cut": 0.5}}},
        {"dataset": {"formats": ["hdf5"]}},
    ],
    ids=str,
)
def test_what_the_schema_refuses_the_models_refuse(changes):
    raw = {**SMALL, **changes}
    assert not validator().is_valid(raw)
    with pytest.raises(ConfigError):
        parse(raw, "x.yaml")


@pytest.mark.parametrize(
    "changes",
    [
        {"processes": {"higgs": None, "qcd": {"events": 5}}},
        {"processes": {"higgs": {"targets": ["higgs", {"kind": "parton"}]}}},
        {"processes": {"own": {"generator": "lhe", "files": ["a.lhe"], "targets": ["parton"]}}},
        {"processes": {"own": {"generator": "lhe", "files": "run_*.lhe", "targets": ["parton"]}}},
        {"augmentations": ["nominal", {"name": "own", "settings": {"PartonLevel:MPI": False}}]},
        {"settings": {"a:flag": True, "a:mode": 1, "a:parm": 0.5, "a:word": "x"}},
    ],
    ids=str,
)
def test_what_the_models_accept_the_schema_accepts(changes):
    raw = {**SMALL, **changes}
    validator().validate(raw)
    parse(raw, "x.yaml")


def test_every_key_is_described():
    made = reference.schema()
    for name, model in {"campaign": made, **made["$defs"]}.items():
        for key, value in model["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_every_model_has_its_table_and_every_key_its_row():
    made = reference.schema()
    for model in (made, *made["$defs"].values()):
        rows = "\n".join(f"| `{key}` | " for key in model["properties"])
        pattern = r".*\n".join(re.escape(row) for row in rows.split("\n"))
        assert re.search(pattern, README), model["title"]


@pytest.mark.parametrize(
    "names", [PROCESSES, TARGETS, AUGMENTATIONS], ids=["processes", "targets", "augmentations"]
)
def test_every_name_of_a_catalogue_has_a_row(names):
    assert [name for name in names if f"\n| `{name}` | " not in README] == []


def test_every_tune_has_a_column_with_its_settings():
    (head,) = re.findall(r"^\| setting \| (.*) \|$", README.split("## Tunes")[1], flags=re.MULTILINE)[:1]
    assert head.split(" | ") == list(TUNES)
    assert "| `MultipartonInteractions:pT0Ref` | 1.41 | 1.407 | 1.46 | – |" in README


def test_every_label_has_a_row():
    assert [label for label, jet in LABELS.items() if f"\n| {label} | {jet} |" not in README] == []
