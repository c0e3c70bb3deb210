"""`jetresim verify` finds what is wrong with single files, between files, and what is missing."""

import gzip
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jetresim.audit.verify.campaign import verify_campaign
from jetresim.audit.verify.output import _lines, as_json
from jetresim.campaign.config import load, parse, save
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.provenance import jets_inputs
from jetresim.generators.stored import hard_events
from jetresim.jets.parquet import read_metadata, writer
from jetresim.workflow.stages.dataset import make_export
from jetresim.workflow.stages.groups import make_groups
from jetresim.workflow.stages.hard import make_hard
from jetresim.workflow.stages.jets import make_jets
from tests.workflow.commands import SMALL, write_config

HARD = "hard/qcd/00000.lhe.gz"
JETS = "jets/qcd/seed/00000.parquet"
REHADRONIZE = "jets/qcd/rehadronize/00000.parquet"
NOMINAL = "jets/qcd/nominal/00000.parquet"
GROUPS = "groups/qcd/00000.parquet"
SURVEY = "hard/qcd/survey.json"
SHARD = "dataset/train/train-00000.parquet"
REMADE = "seed = 5, but the campaign has 20240307; remake the file"


@pytest.fixture
def campaign(small, tmp_path):
    """A copy of the small campaign, with its configuration as Snakemake saves it."""
    folder = shutil.copytree(small / "results" / SMALL["name"], tmp_path / "small")
    shutil.copy(small / "config.yaml", folder)
    return folder


def rewrite(path, change, **metadata):
    """Write a Parquet file again with other rows or metadata, and a checksum that is right."""
    stored = json.loads(pq.read_metadata(path).metadata[b"rs3l"]) | metadata
    table = pq.read_table(path).replace_schema_metadata()
    table = change(table)
    with writer(path, table.schema) as sink:
        sink.write_table(table)
        sink.add_key_value_metadata({"rs3l": json.dumps(stored)})


def rows_changed(change):
    """A damage that changes rows as Python objects."""

    def damage(path):
        def changed(table):
            rows = table.to_pylist()
            change(rows)
            return pa.Table.from_pylist(rows, table.schema)

        rewrite(path, changed)

    return damage


def first_present(rows):
    """The first member with a jet."""
    return next(each for row in rows for each in row.get("realizations", [row]) if each["jet"])


def one_more_seed(rows):
    rows[3]["seed"] += 1


def another_member_seed(rows):
    rows[1]["realizations"][1]["seed"] += 1


def constituents_reversed(rows):
    first_present(rows)["constituents"].reverse()


def constituent_dropped(rows):
    first_present(rows)["constituents"].pop()


def jet_taken_out(rows):
    first_present(rows)["jet"] = None


def jet_moved(rows):
    first_present(rows)["jet"]["eta"] *= -1


def jet_infinite(rows):
    first_present(rows)["jet"]["energy"] = np.inf


def row_dropped(rows):
    del rows[-1]


def rows_swapped(rows):
    rows[0], rows[1] = rows[1], rows[0]


def status_changed(rows):
    first_present(rows)["status"] = "no jet"


def truth_changed(rows):
    rows[0]["truth"]["pt"] += 1e-9


def members_swapped(rows):
    rows[0]["realizations"].reverse()


def weights_doubled(rows):
    for row in rows:
        row["weight"] *= 2


def of_another_event(rows):
    rows[0]["event"] += 1000


def with_seed(path):
    """Hard events of a campaign with another seed."""
    text = gzip.decompress(path.read_bytes()).decode()
    assert '"seed":20240307' in text
    path.write_bytes(gzip.compress(text.replace('"seed":20240307', '"seed":5').encode()))


def survey_with_seed(path):
    content = json.loads(path.read_text())
    content["made_with"]["seed"] = 5
    path.write_text(json.dumps(content))


def other_cross_section(path):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"cross_section": 1.0}))


def copy_of(other):
    def damage(path):
        root = next(parent for parent in path.parents if (parent / "config.yaml").exists())
        shutil.copy(root / other, path)

    return damage


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "survey of another seed": (SURVEY, survey_with_seed, REMADE),
    "survey of another process": (SURVEY, copy_of("hard/higgs/survey.json"), "made with "),
    "survey made again, otherwise": (SURVEY, other_cross_section, "made with survey = "),
    "hard events of another seed": (HARD, with_seed, REMADE),
    "hard events of another chunk": (HARD, copy_of("hard/qcd/00001.lhe.gz"), "made with first_event = 10"),
    "hard events of another process": (HARD, copy_of("hard/higgs/00000.lhe.gz"), "made with "),
    "hard events damaged": (HARD, flipped, "to have it made again"),
    "jets damaged": (JETS, flipped, "is damaged, its checksum is wrong"),
    "jets of another realization": (JETS, copy_of(NOMINAL), "jets of realization 'nominal'"),
    "jets of another chunk": (JETS, copy_of("jets/qcd/seed/00001.parquet"), "first_event is 10; expected 0"),
    "seed of one row": (JETS, rows_changed(one_more_seed), "has another seed than the campaign gives"),
    "constituents": (JETS, rows_changed(constituents_reversed), "not in order of falling pT"),
    "number of constituents": (JETS, rows_changed(constituent_dropped), "another number of constituents"),
    "jet": (JETS, rows_changed(jet_taken_out), "a jet where there is none, or none where there is one"),
    "infinite jet": (JETS, rows_changed(jet_infinite), "a jet that is not finite"),
    "last row of jets": (JETS, rows_changed(row_dropped), "the hard events have 10 targets"),
    "order of jets": (JETS, rows_changed(rows_swapped), "the hard events have event 0 target 0"),
    "status": (JETS, rows_changed(status_changed), "a jet where there is none"),
    "counts": (JETS, lambda path: rewrite(path, lambda table: table, counts={"cut": 1}), "counts is "),
    "survivors": (NOMINAL, rows_changed(jet_taken_out), "a jet where there is none"),
    "groups damaged": (GROUPS, flipped, "is damaged, its checksum is wrong"),
    "truth": (GROUPS, rows_changed(truth_changed), "is not what the hard events and the jets give"),
    "jet of a member": (GROUPS, rows_changed(jet_moved), "is not what the hard events and the jets give"),
    "members": (GROUPS, rows_changed(members_swapped), "has nominal: another seed than the campaign gives"),
    "member's seed": (GROUPS, rows_changed(another_member_seed), "has seed: another seed than the campaign"),
    "last group": (GROUPS, rows_changed(row_dropped), "rows is "),
    "shard damaged": (SHARD, flipped, "is damaged, its checksum is wrong"),
    "order of a shard": (SHARD, rows_changed(rows_swapped), "is out of order or there twice"),
    "row of a shard": (SHARD, rows_changed(row_dropped), " were made; write the splits again"),
    "value in a shard": (SHARD, rows_changed(jet_moved), "are not those in groups/"),
    "weights of a shard": (SHARD, rows_changed(weights_doubled), "do not add up to those in groups/"),
    "event of a shard": (SHARD, rows_changed(of_another_event), "is not of this campaign"),
    "HDF5": ("dataset/rs3l/train/rs3l_0.h5", flipped, "sha256 is "),
    "manifest": ("dataset/manifest.json", lambda path: path.write_text("[]"), "is not a manifest"),
}


@pytest.mark.parametrize(("file", "damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_what_is_wrong_is_told_with_the_file(campaign, file, damage, message):
    damage(campaign / file)
    report = verify_campaign(campaign)
    assert report.exit_code == 1
    assert any(message in problem for problem in report.problems), report.problems
    assert all("\n" not in problem and problem.startswith(str(campaign)) for problem in report.problems)


def test_finished_campaign_is_complete_and_good(campaign):
    report = verify_campaign(campaign)
    assert (report.exit_code, report.problems, report.missing, report.left_over) == (0, [], [], [])
    stages = {row.pop("stage"): row for row in as_json(report)["stages"]}
    assert {name: row["good"] for name, row in stages.items()} == {
        "survey": 2, "hard": 4, "jets": 12, "groups": 4, "dataset": 5, "exports": 9, "card": 2,
    }  # fmt: skip
    assert all(row["expected"] == row["present"] == row["good"] for row in stages.values())


def first_jet_lost(table):
    rows = table.to_pylist()
    first_present(rows).update(status="no jet", jet=None, constituents=[])
    return pa.Table.from_pylist(rows, table.schema)


def test_realization_is_left_out_where_one_before_it_has_no_jet(campaign):
    fields = load(campaign / "config.yaml").model_dump(mode="json")
    fields["augmentations"].sort(key=lambda each: each["name"] == "seed")
    chained = parse(fields, "test")
    save(chained, campaign / "config.yaml")
    told = [problem for problem in verify_campaign(campaign).problems if f"{campaign / JETS}: " in problem]
    assert len(told) == 1
    assert "made with survivors.chain.rehadronize = None" in told[0]
    rewrite(campaign / JETS, lambda table: table, settings=jets_inputs(chained, "qcd", "seed"))
    assert not [problem for problem in verify_campaign(campaign).problems if str(campaign / JETS) in problem]
    counts = read_metadata(campaign / REHADRONIZE)["counts"]
    changed = {**counts, "matched": counts["matched"] - 1, "no jet": counts.get("no jet", 0) + 1}
    rewrite(campaign / REHADRONIZE, first_jet_lost, counts=changed)
    (told,) = [problem for problem in verify_campaign(campaign).problems if str(campaign / JETS) in problem]
    assert "status 'not simulated' against the survivors of nominal, rehadronize" in told


def test_several_cores_find_the_same(campaign):
    flipped(campaign / JETS)
    assert verify_campaign(campaign, cores=2).problems == verify_campaign(campaign).problems


def test_card_without_a_word_is_a_problem(campaign):
    (campaign / "dataset" / "README.md").write_text("")
    assert verify_campaign(campaign).problems == [
        f"{campaign}/dataset/README.md: is empty; delete it to have it made again"
    ]


def test_optional_realization_that_was_not_made_is_not_missing(campaign, tmp_path):
    fields = load(campaign / "config.yaml").model_dump(mode="json")
    fields["augmentations"].append({"name": "herwig7", "optional": True, "herwig": {"block_events": 10}})
    config = tmp_path / "with_optional.yaml"
    save(parse(fields, "test"), config)
    report = verify_campaign(campaign, config)
    assert (report.problems, report.missing) == ([], [])


def test_what_is_missing_is_no_problem(campaign):
    (campaign / GROUPS).unlink()
    shutil.rmtree(campaign / "dataset")
    report = verify_campaign(campaign)
    assert report.exit_code == 2
    assert report.problems == []
    assert campaign / GROUPS in report.missing
    assert len(report.missing) == 1 + 16


def test_groups_alone_can_be_checked(campaign):
    shutil.rmtree(campaign / "jets")
    shutil.rmtree(campaign / "hard")
    assert verify_campaign(campaign).problems == []
    rows_changed(constituents_reversed)(campaign / GROUPS)
    assert "not in order of falling pT" in verify_campaign(campaign).problems[0]


def test_files_of_running_jobs_are_no_problem(campaign):
    for file in (HARD, JETS, SHARD):
        path = campaign / file
        path.with_name(f".partial-{path.name}").write_text("half")
    (campaign / "dataset" / "train" / ".snakemake_timestamp").touch()
    assert verify_campaign(campaign).exit_code == 0


def test_files_that_are_not_asked_for_are_named(campaign):
    other = campaign / "jets" / "qcd" / "seed" / "00007.parquet"
    shutil.copy(campaign / JETS, other)
    report = verify_campaign(campaign)
    assert (report.exit_code, report.left_over) == (0, [other])
    shutil.copy(campaign / SHARD, campaign / "dataset" / "train" / "mine.parquet")
    assert "train/mine.parquet: is not in the manifest" in verify_campaign(campaign).problems[0]


def test_export_by_hand_is_named_and_does_no_harm(run, campaign):
    config = campaign / "config.yaml"
    for split in ("train", "val"):
        run.jetresim(
            campaign.parents[0], "export", config, "--results", campaign.parent, "--format", "huggingface",
            "--split", split,
        ).succeeded()  # fmt: skip
    made = sorted((campaign / "dataset" / "huggingface").rglob("*.parquet"))
    report = verify_campaign(campaign)
    assert (report.exit_code, report.problems) == (0, [])
    assert sorted(report.extra) == made
    assert len(made) > 1
    assert as_json(report)["extra"] == [str(path) for path in report.extra]
    assert any(line.startswith("extra, exported by hand") and str(made[0]) in line for line in _lines(report))
    stray = made[0].with_name("mine.parquet")
    shutil.copy(made[0], stray)
    assert verify_campaign(campaign).problems == [
        f"{stray}: is not in the manifest; delete it if it is not yours"
    ]


def test_export_by_hand_is_refused_where_the_layout_cannot_hold_the_jets(campaign):
    soft = campaign / "config.yaml"
    asked = load(soft).model_dump(mode="json")
    asked["jets"]["constituent_pt_min"], asked["dataset"]["formats"] = 0.5, []
    with pytest.raises(ConfigError, match="needs at least 1 GeV"):
        make_export(parse(asked, "soft"), "rs3l", campaign / "dataset" / "train", campaign / "rs3l")
    assert not (campaign / "rs3l").exists()


def test_warnings_of_a_process_are_named(campaign):
    for shard in (campaign / "dataset" / "train").glob("*.parquet"):
        rewrite(shard, lambda table: table, warnings={"qcd": ["emissions are counted twice"]})
    report = verify_campaign(campaign, quick=True)
    assert report.warnings == as_json(report)["warnings"] == ["qcd: emissions are counted twice"]
    assert "warning: qcd: emissions are counted twice" in list(_lines(report))


def test_quick_check_looks_at_what_files_say_about_themselves(campaign):
    rows_changed(one_more_seed)(campaign / JETS)
    assert verify_campaign(campaign, quick=True).problems == []
    with_seed(campaign / HARD)
    assert [problem.endswith(REMADE) for problem in verify_campaign(campaign, quick=True).problems] == [True]


def test_another_configuration_is_noticed(campaign):
    text = (campaign / "config.yaml").read_text().replace("20240307", "5")
    (campaign / "config.yaml").write_text(text)
    report = verify_campaign(campaign)
    assert {each.stage for each in report.checked if each.problems} >= {"hard", "jets", "groups", "dataset"}


def test_command_prints_a_table_and_lines(run, campaign):
    (campaign / GROUPS).unlink()
    outcome = run.jetresim(campaign.parent, "verify", "small")
    assert outcome.code == 2
    assert f"missing in groups: small/{GROUPS}" in outcome.output
    flipped(campaign / JETS)
    outcome = run.jetresim(campaign.parent, "verify", "small", "--format", "json")
    content = json.loads(outcome.output)
    assert (outcome.code, content["state"]) == (1, "wrong")
    assert content["missing"] == [f"small/{GROUPS}"]
    outcome = run.jetresim(campaign.parent, "verify", ".")
    assert outcome.code == 1
    assert "has no config.yaml; expected the folder of a campaign" in outcome.errors


@pytest.mark.parametrize(
    ("file", "damage", "make"),
    [
        (SURVEY, survey_with_seed, "hard"),
        (HARD, with_seed, "jets"),
        (HARD, with_seed, "groups"),
        (SURVEY, survey_with_seed, "groups"),
    ],
)
def test_stages_refuse_what_is_of_another_campaign(campaign, tmp_path, file, damage, make):
    damage(campaign / file)
    asked = load(campaign / "config.yaml")
    survey, hard = campaign / SURVEY, campaign / HARD
    members = [campaign / "jets" / "qcd" / name / "00000.parquet" for name in asked.realizations]
    makers = {
        "hard": lambda: make_hard(asked, "qcd", 0, survey, tmp_path / "out.lhe.gz"),
        "jets": lambda: make_jets(asked, "qcd", 0, hard, {"seed": tmp_path / "out.parquet"}, None),
        "groups": lambda: make_groups(asked, "qcd", 0, survey, hard, members, tmp_path / "out.parquet"),
    }
    with pytest.raises(DataError, match=REMADE):
        makers[make]()
    assert not list(tmp_path.glob("out.*"))


def test_hard_events_that_say_nothing_of_their_campaign_are_refused(campaign):
    path = campaign / HARD
    text = gzip.decompress(path.read_bytes()).decode()
    start, end = text.index("<jetresim>"), text.index("</jetresim>") + len("</jetresim>")
    path.write_bytes(gzip.compress((text[:start] + text[end:]).encode()))
    asked = load(campaign / "config.yaml")
    with pytest.raises(DataError, match="does not say which campaign it is of; delete it"):
        list(hard_events(asked, "qcd", path, range(10)))


def test_a_configuration_is_what_is_checked_and_what_differs_is_told(run, small, tmp_path):
    other = write_config(tmp_path, {**SMALL, "seed": 5}, "other.yaml")
    verified = run.jetresim(small, "verify", other)
    assert verified.code == 1
    assert "seed" in verified.output
    shown = run.jetresim(small, "acceptance", other)
    assert not shown.code
    saved = small / "results" / SMALL["name"] / "config.yaml"
    assert saved.is_file() == (f"{other}: other seed than what" in shown.errors)
