"""`jetresim merge` brings parts of a campaign together, or says why it does not."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from jetresim.audit.merge import merge_campaign, merged_lines
from jetresim.campaign.config import load, parse, save
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.generators.brought import with_brought_files
from tests.workflow.commands import SMALL, files_in

CHUNKS = [("qcd", 0), ("higgs", 0), ("qcd", 1), ("higgs", 1)]
JETS = "jets/qcd/seed/00000.parquet"


def part_of(small, folder, chunks):
    """What a site has that made some chunks: the results folder."""
    made = folder / SMALL["name"]
    shutil.copytree(small / "results" / SMALL["name"], made)
    shutil.rmtree(made / "dataset")
    save(with_brought_files(load(small / "config.yaml"), {}), made / "config.yaml")  # as Snakemake does
    wanted = {(process, f"{chunk:05d}") for process, chunk in chunks}
    for path in [*made.rglob("*.lhe.gz"), *made.rglob("*.parquet")]:
        if (path.relative_to(made).parts[1], path.name.split(".")[0]) not in wanted:
            path.unlink()
    (made / "logs").mkdir()
    (made / "logs" / f"{chunks[0][0]}-{chunks[0][1]}.log").write_text("done\n")
    return folder


@pytest.fixture
def parts(small, tmp_path):
    return [part_of(small, tmp_path / f"site{number}", [chunk]) for number, chunk in enumerate(CHUNKS)]


@pytest.fixture
def asked(small):
    return load(small / "config.yaml")


@pytest.fixture
def results(tmp_path):
    return tmp_path / "all" / "results"


def test_parts_give_the_files_of_the_whole_and_only_the_dataset_is_left_to_make(
    run, small, parts, asked, results
):
    # of what several sites have, the oldest goes with the files of all of them
    survey = parts[2] / "small" / "hard" / "qcd" / "survey.json"
    os.utime(survey, ns=(10**18, 10**18))
    merged = merge_campaign(asked, parts, results)
    assert merged.missing == {}
    found, whole = files_in(merged.folder), files_in(small / "results" / "small")
    made = {path for path in whole if not path.startswith(("dataset/", "brought.json"))}
    assert {path: found[path] for path in made} == {path: whole[path] for path in made}
    assert found.keys() - made == {"config.yaml", *(f"logs/{name}-{n}.log" for name, n in CHUNKS)}
    assert (merged.folder / "hard" / "qcd" / "survey.json").stat().st_mtime_ns == 10**18
    source = parts[0] / "small" / JETS
    assert (merged.folder / JETS).stat().st_mtime_ns == source.stat().st_mtime_ns
    config = shutil.copy(small / "config.yaml", results.parent)
    plan = run.plan(results.parent, config).succeeded().jobs
    assert {name: number for name, number in plan.items() if name in ("survey", "hard", "groups")} == {}
    assert not any(name.startswith("jets") for name in plan)
    assert plan["dataset"] == 3


def test_merging_again_changes_nothing(parts, asked, results):
    merge_campaign(asked, parts[:2], results)
    first = merge_campaign(asked, parts, results)
    again = merge_campaign(asked, parts, results)
    assert first.linked > 0
    assert (again.linked, again.copied) == (0, 0)


def test_groups_are_enough(run, small, parts, asked, results):
    for part in parts:
        shutil.rmtree(part / "small" / "hard")
        shutil.rmtree(part / "small" / "jets")
    assert merge_campaign(asked, parts, results).missing == {}
    config = shutil.copy(small / "config.yaml", results.parent)
    assert {"survey", "hard", "groups"}.isdisjoint(run.plan(results.parent, config).succeeded().jobs)


OPTIONAL = {"name": "herwig7", "optional": True, "herwig": {"block_events": 10}}


def with_optional(campaign):
    augmentations = [*SMALL["augmentations"], OPTIONAL]
    return parse({**campaign.model_dump(mode="json"), "augmentations": augmentations}, "test")


def test_optional_realization_that_no_part_has_is_left_out(parts, asked, results):
    merged = merge_campaign(with_optional(asked), parts, results)
    assert merged.notes == ["realization herwig7 is left out: it is optional and was not made"]
    assert merged.missing == {}
    assert load(merged.folder / "config.yaml").realizations == asked.realizations
    assert merged.notes[0] in merged_lines(merged, Path("config.yaml"))


def test_parts_of_which_only_some_have_an_optional_realization_are_refused(parts, asked, results):
    save(with_optional(asked), parts[1] / "small" / "config.yaml")
    with pytest.raises(ConfigError, match=r"site0.*has the realizations nominal, seed, rehadronize, but"):
        merge_campaign(with_optional(asked), parts, results)
    assert not results.exists()


def test_log_and_benchmark_of_a_job_are_from_the_part_where_it_ended_well(parts, asked, results):
    job = "jets/qcd/seed/00001"
    for part, record, text in (
        (0, "logs", "error: no space left\n"),
        (1, "logs", "used 1.00 s of CPU and 100 MiB\n"),
        (1, "benchmarks", "s\tmax_rss\n"),
        (2, "logs", "used 2.00 s of CPU and 100 MiB\n"),
        (2, "benchmarks", "s\tmax_rss\n"),
    ):
        path = parts[part] / "small" / record / f"{job}.{'log' if record == 'logs' else 'tsv'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    merged = merge_campaign(asked, parts, results).folder
    assert (merged / "logs" / f"{job}.log").read_text() == "used 1.00 s of CPU and 100 MiB\n"
    benchmark = merged / "benchmarks" / f"{job}.tsv"
    assert benchmark.stat().st_nlink == 1, "Snakemake writes into it again"


def test_missing_parts_are_named_with_exit_code_2(run, small, parts, results):
    outcome = run.jetresim(small, "merge", "config.yaml", *parts[:3], "--results", results)
    assert outcome.code == 2
    assert "missing: groups of higgs, chunks 00001" in outcome.output
    outcome = run.jetresim(small, "merge", "config.yaml", *parts, "--results", results)
    assert outcome.code == 0
    command = f"jetresim run {small}/config.yaml --directory {results.parent}  # writes"
    assert command in outcome.output


def test_damaged_file_is_refused_and_nothing_written(parts, asked, results):
    path = parts[0] / "small" / JETS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{JETS}: is damaged"):
        merge_campaign(asked, parts, results)
    assert not results.exists()


def test_files_that_contradict_each_other_are_refused(small, parts, asked, results, tmp_path):
    other = part_of(small, tmp_path / "other", [("qcd", 0)]) / "small" / "hard" / "qcd" / "survey.json"
    shutil.rmtree(other.parents[2] / "groups")
    shutil.rmtree(other.parents[2] / "jets")
    (other.parent / "00000.lhe.gz").unlink()
    other.write_text(other.read_text().replace('"warnings": []', '"warnings": ["other"]'))
    with pytest.raises(DataError, match=r"survey\.json: differs from .*delete the one that is not wanted"):
        merge_campaign(asked, [*parts, tmp_path / "other"], results)
    assert not results.exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("chunk", 5, r"chunk 5, but the campaign has 10; files are named by chunk"),
        ("seed", 5, r"made with .*seed = 5, but the campaign has 20240307"),
        ("groups", {"pt_min": 450}, r"groups.pt_min = 450.0, but the campaign has 400.0"),
    ],
)
def test_part_of_another_campaign_is_refused(parts, asked, results, key, value, message):
    path = parts[0] / "small" / "config.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), key: value}))
    with pytest.raises((ConfigError, DataError), match=message):
        merge_campaign(asked, parts, results)


def test_folder_without_the_campaign_is_refused(asked, results, tmp_path):
    with pytest.raises(ConfigError, match="holds nothing of campaign small"):
        merge_campaign(asked, [tmp_path], results)


def test_the_folder_itself_is_no_part(parts, asked, results):
    merge_campaign(asked, parts, results)
    with pytest.raises(ConfigError, match="is the folder to merge into"):
        merge_campaign(asked, [results], results)
