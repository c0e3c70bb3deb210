"""What archives and catalogues read of the repository agrees with the repository."""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CATALOGUE = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
ARCHIVE = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
RULES = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflow" / "rules").glob("*.smk"))
)


def test_catalogue_finds_what_it_requires():
    assert (ROOT / "workflow" / "Snakefile").is_file()
    assert (ROOT / "config" / "README.md").is_file()
    assert set(CATALOGUE) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(CATALOGUE["mandatory-flags"]) == {"desc", "flags"}


def test_catalogue_names_the_deployment_that_the_rules_have():
    deployed = CATALOGUE["software-stack-deployment"]
    rules = [text for text in re.split(r"^rule ", RULES, flags=re.MULTILINE)[1:] if "    shell:" in text]
    environments = [set(re.findall(r"conda:\s+\"(.*)\"", text)) for text in rules]
    exist = all(
        len(each) == 1 and (ROOT / "workflow" / "rules" / min(each)).is_file() for each in environments
    )
    assert deployed["conda"] == (bool(rules) and exist)
    assert deployed["apptainer"] == ("container:" in RULES)
    assert deployed["apptainer+conda"] == (deployed["conda"] and deployed["apptainer"])


def test_catalogue_promises_a_report_of_snakemake_where_an_output_is_part_of_it():
    assert CATALOGUE["report"] == ("report(PATHS." in RULES)


def test_archive_and_citation_agree():
    assert ARCHIVE["title"] == CITATION["title"]
    assert ARCHIVE["license"] == CITATION["license"]
    assert ARCHIVE["upload_type"] == CITATION["type"]
    assert [each["name"] for each in ARCHIVE["creators"]] == [each["name"] for each in CITATION["authors"]]
    cited = [each["value"] for reference in CITATION["references"] for each in reference["identifiers"]]
    assert [each["identifier"] for each in ARCHIVE["related_identifiers"]] == cited


def test_archive_takes_its_version_from_the_tag():
    assert "version" not in ARCHIVE
