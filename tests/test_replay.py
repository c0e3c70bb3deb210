"""A realization made again is what is stored, bit by bit; what is not the same is found and named."""

import copy
import io
import json
import logging
import math
import shutil
from collections import Counter
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyhepmc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import jetresim.audit.replay.realization
import jetresim.generators.wanted
import jetresim.showers.registry
from jetresim.audit.replay.comparison import Verdict, compare_stored, differences, verify_rows
from jetresim.audit.replay.output import as_png
from jetresim.audit.replay.realization import replay, replay_particles, replay_targets
from jetresim.audit.replay.stored import random_rows
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, parse, save
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.paths import Paths
from jetresim.campaign.provenance import encode
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.generators.brought import with_brought_files
from jetresim.generators.provenance import survey_provenance
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import Survey, write_survey
from jetresim.generators.targets import find_targets
from jetresim.jets.parquet import METADATA_KEY, read_metadata, writer
from jetresim.jets.schema import JETS_SCHEMA
from jetresim.jets.simulation import simulate_realization
from jetresim.showers.pythia8 import Pythia8Shower
from jetresim.showers.registry import Job, Program
from jetresim.workflow.cli import app
from tests.herwig_samples import STAND_IN
from tests.made import make_dataset, make_jets_of_all, path

HIGGS_FILE = Path(__file__).parent / "data" / "lhe" / "hz_systrwgt.lhe.gz"

TOP = {"events": 16, "cuts": {"pt_min": 500}}

SMALL = {
    "name": "small",
    "seed": 20240307,
    "settings": {"PartonLevel:MPI": False},
    "chunk": 12,
    "processes": {
        "higgs": {"events": 12, "generator": "lhe", "files": [str(HIGGS_FILE)]},
        "top": TOP,
    },
    "augmentations": [NOMINAL, "seed", "shower10", {"name": "rehadronize", "replicas": 2}, "redecay"],
    "jets": {"pt_min": 450},
    "groups": {"pt_min": 500, "survivors_only": True},  # the jets of one campaign are those of the other
    "dataset": {"events_per_shard": 10, "formats": []},
}
"""Brought events with named weights, and generated ones with two targets."""


IDENTITY = ("process", "event", "target")


def asked(**changes) -> Campaign:
    return with_brought_files(parse(SMALL | changes, "test"), {})


ALL = asked()
NEEDS_NOMINAL = asked(name="needs_nominal", groups={"pt_min": 500, "require": "nominal"})


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    """Two campaigns that differ in which groups they keep, and so in what survivors are."""
    folder = tmp_path_factory.mktemp("results")
    for campaign in (ALL, NEEDS_NOMINAL):
        paths = Paths.of(campaign, str(folder))
        make_jets_of_all(campaign, paths)
        make_dataset(campaign, paths)
    return folder


@pytest.fixture
def own(results, tmp_path) -> Path:
    """Results that a test may change."""
    return shutil.copytree(results, tmp_path / "results")


def rows(results: Path, campaign: Campaign) -> list[dict]:
    return [row for file in shards(results, campaign) for row in pq.read_table(file).to_pylist()]


def shards(results: Path, campaign: Campaign) -> list[Path]:
    return sorted(Path(Paths.of(campaign, str(results)).dataset).glob("*/*.parquet"))


def largest_shard(results: Path) -> Path:
    return max(shards(results, ALL), key=lambda file: pq.read_metadata(file).num_rows)


def compared(results: Path, campaign: Campaign, row: dict, realization: str):
    paths = Paths.of(campaign, str(results))
    (replayed,) = replay_targets(campaign, paths, row["process"], realization, row["event"], row["target"])
    return compare_stored(campaign, paths, replayed)


def place_of(campaign: Campaign, realization: str) -> int:
    return campaign.realizations.index(realization)


@pytest.mark.parametrize("campaign", [ALL, NEEDS_NOMINAL], ids=lambda campaign: campaign.name)
def test_every_row_of_a_dataset_is_made_again_bit_by_bit(results, campaign, monkeypatch):
    initialized = Counter()
    init = Pythia8Shower._init

    def counted(self, campaign, process, realization, *rest):
        initialized[process, realization] += 1
        init(self, campaign, process, realization, *rest)

    monkeypatch.setattr(Pythia8Shower, "_init", counted)
    stored = rows(results, campaign)
    verified = verify_rows(campaign, Paths.of(campaign, str(results)), 10_000)
    assert len(verified) == len(stored) * len(campaign.realizations) > 50
    assert {each.comparison.verdict for each in verified} == {Verdict.EQUAL}
    made = {(*each.stored.identity, each.stored.realization) for each in verified}
    assert len(made) == len(verified)
    assert {process for process, *_ in made} == set(campaign.processes)
    absent = sum(not member["present"] for row in stored for member in row["realizations"])
    assert sum("absent there too" in each.comparison.remark for each in verified) == absent
    assert (absent > 0) == (campaign is NEEDS_NOMINAL)
    assert initialized == {(process, name): 1 for process in ALL.processes for name in ALL.realizations}


def test_random_rows_are_the_same_each_time_and_fewer_are_among_more(results):
    paths = Paths.of(ALL, str(results))

    def drawn(number):
        return [(*each.identity, each.realization) for each in random_rows(ALL, paths, number)]

    assert drawn(9) == drawn(9)
    assert len(set(drawn(9))) == 9
    assert set(drawn(9)) < set(drawn(20))
    other = parse(SMALL | {"seed": 5}, "test")
    with pytest.raises(DataError, match="seed"):
        list(random_rows(other, paths, 9))


def change(file: Path, row: int, edit) -> None:
    """Change one row of a Parquet file; everything else stays what it is."""
    content = pq.read_table(file).to_pylist()
    edit(content[row])
    rewrite(file, content, read_metadata(file))


def rewrite(file: Path, content: list[dict], metadata: dict) -> None:
    schema = pq.read_schema(file)
    with writer(file, schema) as sink:
        sink.write_table(pa.Table.from_pylist(content, schema))
        sink.add_key_value_metadata({METADATA_KEY: encode(metadata)})


def next_single(value: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(np.inf)))


SEED = place_of(ALL, "seed")
REHADRONIZE = place_of(ALL, "rehadronize")


def edit_member(place, edit):
    return lambda row: edit(row["realizations"][place])


SABOTAGE = {
    "jet.pt": (SEED, lambda member: member["jet"].update(pt=next_single(member["jet"]["pt"]))),
    "constituents[2].dz": (SEED, lambda member: member["constituents"][2].update(dz=-1e-9)),
    "constituents[0].pdgid": (REHADRONIZE, lambda member: member["constituents"][0].update(pdgid=13)),
    "number of constituents": (REHADRONIZE, lambda member: member["constituents"].pop()),
    "status": (REHADRONIZE, lambda member: member.update(status="shared")),
    "seed": (SEED, lambda member: member.update(seed=member["seed"] + 1)),
    "present": (SEED, lambda member: member.update(present=False)),
}


@pytest.mark.parametrize("place", SABOTAGE)
def test_changed_value_of_a_member_is_named(own, place):
    member, edit = SABOTAGE[place]
    file = largest_shard(own)
    change(file, 1, edit_member(member, edit))
    row = pq.read_table(file).to_pylist()[1]
    found = compared(own, ALL, row, ALL.realizations[member])
    assert (found.verdict, found.path) == (Verdict.DIFFERS, file)
    assert [difference.place for difference in found.differences] == [place]


@pytest.mark.parametrize(
    ("place", "edit"),
    [
        ("label", lambda row: row.update(label=3)),
        ("weight", lambda row: row.update(weight=math.nextafter(row["weight"], 0))),
        ("weights[4].value", lambda row: row["weights"][4].update(value=-row["weights"][4]["value"])),
        ("weights[0].name", lambda row: row["weights"][0].update(name="other")),
        ("truth.phi", lambda row: row["truth"].update(phi=math.nextafter(row["truth"]["phi"], 4))),
        ("truth.daughters[1].pt", lambda row: row["truth"]["daughters"][1].update(pt=1.0)),
    ],
)
def test_changed_value_of_a_group_is_named(own, place, edit):
    file, number, row = next(
        (file, number, row)
        for file in shards(own, ALL)
        for number, row in enumerate(pq.read_table(file).to_pylist())
        if row["process"] == "higgs"
    )
    change(file, number, edit)
    found = compared(own, ALL, row, NOMINAL)
    assert found.verdict == Verdict.DIFFERS
    assert [difference.place for difference in found.differences] == [place]


def test_changed_row_fails_the_verification(own):
    first, *others = random_rows(ALL, Paths.of(ALL, str(own)), 4)
    identities = [tuple(row[name] for name in IDENTITY) for row in pq.read_table(first.path).to_pylist()]
    place = place_of(ALL, first.realization)
    change(first.path, identities.index(first.identity), edit_member(place, SABOTAGE["jet.pt"][1]))
    outcome = run(own, ALL, "--verify", 1 + len(others))
    assert outcome.exit_code == 1
    *reported, last = outcome.stdout.splitlines()
    assert last == "3 of 4 equal"
    assert len(reported) == 1
    name = "{}, event {}, target {}, {}".format(*first.identity, first.realization)
    assert reported[0].startswith(f"{name}: differs from {first.path} in jet.pt (stored ")


def test_other_software_is_named_with_a_difference(own):
    file = largest_shard(own)
    content, metadata = pq.read_table(file).to_pylist(), read_metadata(file)
    row = copy.deepcopy(content[0])
    content[0]["label"] = 1
    rewrite(file, content, metadata | {"versions": metadata["versions"] | {"pythia8mc": "8.316.0"}})
    found = compared(own, ALL, row, "seed")
    assert found.remark == "made with pythia8mc 8.316.0 (here 8.317.2)"


def first_jets(results: Path, realization: str, wanted) -> dict:
    """The first target whose row in the jets tables is as wanted."""
    for process in ALL.processes:
        for file in sorted((results / ALL.name / "jets" / process / realization).glob("*.parquet")):
            for row in pq.read_table(file).to_pylist():
                if wanted(row):
                    return {"process": process, **row}
    raise LookupError


def test_group_that_was_not_kept_is_not_stored_for_a_reason(results):
    row = first_jets(results, NOMINAL, lambda row: row["status"] == "no jet")
    found = compared(results, ALL, row, NOMINAL)
    assert found.verdict == Verdict.NOT_STORED
    assert "`require: all`, and absent are nominal (no jet)" in found.remark
    assert f"equal to {found.path}" in found.remark
    assert found.path.parts[-4:-1] == ("jets", row["process"], NOMINAL)


@pytest.mark.parametrize("realization", ["seed", "redecay"])
def test_realization_that_the_campaign_left_out_is_made_all_the_same(results, realization):
    row = first_jets(results, NOMINAL, lambda row: row["status"] == "no jet")
    paths = Paths.of(ALL, str(results))
    (replayed,) = replay_targets(ALL, paths, row["process"], realization, row["event"], row["target"])
    assert replayed.group["status"] != "not simulated"
    found = compare_stored(ALL, paths, replayed)
    assert found.verdict == Verdict.NOT_STORED
    assert "nominal (no jet), seed (not simulated)" in found.remark
    assert "equal to" not in found.remark


def test_jet_below_the_threshold_is_shown_but_absent(results):
    row = first_jets(results, "seed", lambda row: row["jet"] and row["jet"]["pt"] < 500)
    paths = Paths.of(ALL, str(results))
    (replayed,) = replay_targets(ALL, paths, row["process"], "seed", row["event"], row["target"])
    assert replayed.jets["jet"] == row["jet"]
    assert (replayed.group["status"], replayed.group["present"]) == ("below pt", False)
    assert "seed (below pt)" in compare_stored(ALL, paths, replayed).remark


def test_changed_jets_of_a_group_that_was_not_kept_are_named(own):
    row = first_jets(own, NOMINAL, lambda row: row["status"] == "no jet")
    file = compared(own, ALL, row, NOMINAL).path
    place = [(each["event"], each["target"]) for each in pq.read_table(file).to_pylist()].index(
        (row["event"], row["target"])
    )
    change(file, place, lambda row: row.update(seed=1))
    found = compared(own, ALL, row, NOMINAL)
    assert (found.verdict, [each.place for each in found.differences]) == (Verdict.DIFFERS, ["seed"])


def test_group_that_is_missing_is_noticed(own):
    file = largest_shard(own)
    row, *others = pq.read_table(file).to_pylist()
    rewrite(file, others, read_metadata(file))
    paths = Paths.of(ALL, str(own))
    assert compared(own, ALL, row, "seed").verdict == Verdict.EQUAL  # with the groups
    shutil.rmtree(Path(paths.root) / "groups")
    found = compared(own, ALL, row, "seed")
    assert (found.verdict, found.path, found.remark) == (Verdict.DIFFERS, file, "the group is missing there")


def test_comparison_falls_back_from_dataset_to_groups_to_jets(own):
    row, root = rows(own, ALL)[0], Path(Paths.of(ALL, str(own)).root)
    for folder, then in (("dataset", "groups"), ("groups", "jets")):
        shutil.rmtree(root / folder)
        found = compared(own, ALL, row, "shower10")
        assert found.verdict == Verdict.EQUAL
        assert found.path.relative_to(root).parts[0] == then
    shutil.rmtree(root / "jets")
    found = compared(own, ALL, row, "shower10")
    assert str(found) == f"not stored: there is no dataset, groups or jets of it in {root}"


def test_realization_and_events_that_the_dataset_lacks_are_not_stored(own):
    row = rows(own, ALL)[0]
    shutil.rmtree(Path(Paths.of(ALL, str(own)).root) / "groups")
    more = asked(augmentations=[*SMALL["augmentations"], "fsrRenHi"])
    found = compared(own, more, row, "fsrRenHi")
    assert found.verdict == Verdict.NOT_STORED
    assert found.remark.endswith("has no realization fsrRenHi")
    grown = asked(processes=SMALL["processes"] | {"top": TOP | {"events": 17}})
    found = compared(own, grown, {"process": "top", "event": 16, "target": 0}, NOMINAL)
    assert found.verdict == Verdict.NOT_STORED
    assert found.remark.endswith("is of the events 0 to 15")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"jets": {"pt_min": 450, "radius": 1.0}}, "jets.jets.radius"),
        ({"groups": {"pt_min": 510}}, "groups.pt_min"),
    ],
)
def test_other_configuration_is_not_compared_with(own, changes, key):
    shutil.rmtree(Path(Paths.of(ALL, str(own)).root) / "jets")
    other = asked(**changes)
    paths = Paths.of(other, str(own))
    replayed, *_ = replay(other, paths, "top", {NOMINAL: [0]})
    found = compare_stored(other, paths, replayed)
    assert found.verdict == Verdict.NOT_STORED
    assert key in found.remark
    assert "but the campaign has" in found.remark
    with pytest.raises(DataError, match="but the campaign has"):
        verify_rows(other, paths, 1)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"seed": 1}, "seed = 20240307, but the campaign has 1"),
        (
            {"settings": {"PartonLevel:MPI": False, "TimeShower:pTmin": 1.0}},
            "settings.TimeShower:pTmin = None",
        ),
        ({"processes": {"top": TOP | {"settings": {"Top:qqbar2ttbar": False}}}}, "Top:qqbar2ttbar"),
    ],
)
@pytest.mark.parametrize("survey", [True, False])
def test_stored_hard_events_of_another_campaign_are_refused(own, changes, key, survey):
    other = asked(**changes)
    paths = Paths.of(other, str(own))
    stored = path(paths, "hard", process="top", chunk="00000")
    if not survey:
        path(paths, "survey", process="top").unlink()
    for call in (replay, replay_particles_of_first):
        with pytest.raises(DataError) as error:
            call(other, paths, "top", {NOMINAL: [0]})
        assert str(error.value).startswith(
            f"{stored if not survey else stored.with_name('survey.json')}: made"
        )
        assert key in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="but the campaign has"):
        verify_rows(other, paths, 1)


def replay_particles_of_first(campaign, paths, process, wanted):
    return replay_particles(campaign, paths, process, NOMINAL, 0)


def test_hard_events_of_another_survey_or_process_are_refused(own):
    paths = Paths.of(ALL, str(own))
    survey = path(paths, "survey", process="top")
    survey.write_text(survey.read_text().replace('"cross_section": ', '"cross_section": 1'))
    with pytest.raises(DataError, match=r"00000\.lhe\.gz: made with survey = .*, but the campaign has"):
        replay(ALL, paths, "top", {NOMINAL: [0]})
    shutil.copy(
        path(paths, "hard", process="top", chunk="00000"), path(paths, "hard", process="higgs", chunk="00000")
    )
    with pytest.raises(DataError, match=r"higgs/00000\.lhe\.gz: made with .* but the campaign has"):
        replay(ALL, paths, "higgs", {NOMINAL: [0]})


def test_hard_event_is_read_where_it_is_stored_and_generated_where_it_is_not(own, monkeypatch):
    row = next(row for row in rows(own, ALL) if row["process"] == "top")
    shutil.rmtree(Path(Paths.of(ALL, str(own)).root) / "hard" / "top")
    assert compared(own, ALL, row, NOMINAL).verdict == Verdict.EQUAL
    row = next(row for row in rows(own, ALL) if row["process"] == "higgs")
    monkeypatch.setattr(jetresim.generators.wanted, "make_generator", None)
    assert compared(own, ALL, row, NOMINAL).verdict == Verdict.EQUAL


def test_replayed_event_does_not_depend_on_those_beside_it(results):
    paths = Paths.of(ALL, str(results))
    together = replay(ALL, paths, "top", {name: [3, 7, 13] for name in ALL.realizations})
    found = {(*each.identity, each.realization): (each.jets, each.group) for each in together}
    assert len(found) == 2 * 3 * len(ALL.realizations)
    for name in (NOMINAL, "seed", "rehadronize_2"):
        for each in replay(ALL, paths, "top", {name: [7]}):
            assert (each.jets, each.group) == found[*each.identity, name]


BLOCK = 5


class InBlocks(Pythia8Shower):
    """A shower whose events depend on those before them in their block: every second one fails."""

    def simulate(self, events):
        for _, members in groupby(events, lambda event: event.index // BLOCK):
            batch = self.shower(list(members))
            yield replace(batch, succeeded=np.arange(len(batch.events)) % 2 == 0)


def test_program_with_one_stream_a_block_is_given_the_block_up_to_the_event(tmp_path, monkeypatch):
    herwig = {"name": "herwig7", "herwig": {"executable": str(STAND_IN), "block_events": BLOCK}}
    campaign = asked(augmentations=[NOMINAL, herwig], chunk=10)
    paths = Paths.of(campaign, str(tmp_path))
    survey = Survey(cross_section=1.0, cross_section_error=0.1, made_with=survey_provenance(campaign, "top"))
    write_survey(survey, path(paths, "survey", process="top"))
    firsts = []

    def make(campaign, process, realization, job):
        firsts.append(job.first_event)
        return InBlocks(campaign, process, NOMINAL)

    monkeypatch.setitem(jetresim.showers.registry.SHOWERS, "herwig7", Program(make))
    job = Job(tmp_path, 0)
    hard = [each.hard for each in replay(campaign, paths, "top", {NOMINAL: range(16)})][::2]
    (part,) = [part.table for part in simulate_realization(campaign, "top", "herwig7", hard[:5], job)]
    tables = [part] + [part.table for part in simulate_realization(campaign, "top", "herwig7", hard[5:], job)]
    expected = [row for row in pa.concat_tables(tables).to_pylist() if row["event"] in (7, 8, 13)]
    assert {row["status"] for row in expected} > {"failed"}
    again = replay(campaign, paths, "top", {"herwig7": [13, 7, 8]})
    assert [each.jets for each in again] == expected
    assert firsts[-1] == 5


def run(results: Path, campaign: Campaign, *arguments: object):
    config = results / f"{campaign.name}.yaml"
    save(campaign, config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging, "basicConfig", lambda **_: None)  # it would outlive the captured streams
        line = ["replay", str(config), "--results", str(results), *map(str, arguments)]
        return CliRunner().invoke(app, line)


def of(row: dict, augmentation: str, *more: object) -> tuple:
    return "--process", row["process"], "--event", row["event"], "--augmentation", augmentation, *more


@pytest.fixture
def top(results) -> dict:
    """A group whose event has both of its targets in the dataset."""
    found = Counter((row["process"], row["event"]) for row in rows(results, ALL))
    return next(row for row in rows(results, ALL) if found[row["process"], row["event"]] == 2)


def test_table_has_seed_truth_jet_and_leading_constituents_of_all_targets(results, top):
    outcome = run(results, ALL, *of(top, "rehadronize_2"))
    assert outcome.exit_code == 0, outcome.output
    member = top["realizations"][place_of(ALL, "rehadronize_2")]
    for text in (
        "target 0: rehadronize_2",
        "target 1: rehadronize_2",
        str(member["seed"]),
        "12 (top)",
        f"{top['truth']['pt']:.6g}",
        f"{member['jet']['n2']:.6g}",
        f"10 leading of {member['jet']['nconstituents']} constituents",
        f"{member['constituents'][9]['pt']:.5g}",
    ):
        assert text in outcome.stdout
    verdicts = outcome.stdout.splitlines()[-2:]
    assert [line.split(" to ")[0] for line in verdicts] == ["target 0: equal", "target 1: equal"]
    one = run(results, ALL, *of(top, "rehadronize_2", "--target", 1))
    assert "target 0" not in one.stdout


def test_json_has_everything_and_stands_alone_on_standard_output(results, top):
    outcome = run(results, ALL, *of(top, "seed", "--target", top["target"], "--format", "json"))
    assert outcome.exit_code == 0
    content = json.loads(outcome.stdout)
    (target,) = content["targets"]
    member = top["realizations"][SEED]
    assert {name: target[name] for name in member} == member
    assert target["truth"] == top["truth"]
    assert target["weight"] / 16 == top["weight"]
    assert target["comparison"]["verdict"] == "equal"
    assert content["hard_event"]["particles"][0]["status"] == -1
    assert "equal to" in outcome.stderr


def test_difference_is_in_the_json_and_in_the_exit_code(own):
    file = largest_shard(own)
    change(file, 0, edit_member(SEED, lambda member: member["jet"].update(mass=1.5)))
    row = pq.read_table(file).to_pylist()[0]
    outcome = run(own, ALL, *of(row, "seed", "--target", row["target"], "--format", "json"))
    assert outcome.exit_code == 1
    comparison = json.loads(outcome.stdout)["targets"][0]["comparison"]
    (difference,) = comparison["differences"]
    assert (comparison["verdict"], difference["place"], difference["stored"]) == ("differs", "jet.mass", 1.5)


@pytest.mark.parametrize("augmentation", ["seed", "rehadronize", "redecay"])
def test_hepmc_is_a_whole_event_with_the_particles_of_the_jet(results, tmp_path, augmentation):
    row = next(row for row in rows(results, ALL) if row["process"] == "higgs")
    output = tmp_path / "event.hepmc"
    outcome = run(results, ALL, *of(row, augmentation, "--format", "hepmc", "--output", output))
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.startswith("target 0: equal to")
    with pyhepmc.open(output) as file:
        event, after = file.read(), file.read()
    assert after is None
    assert event.event_number == row["event"]
    assert (event.momentum_unit.name, event.length_unit.name) == ("GEV", "MM")
    assert event.weights[0] / 12 == pytest.approx(row["weight"], rel=1e-15)
    assert event.weight_names[1:] == [weight["name"].replace(" ", "_") for weight in row["weights"]]
    final = [particle for particle in event.particles if particle.status == 1]
    total = np.sum([[getattr(p.momentum, name) for name in ("px", "py", "pz", "e")] for p in final], axis=0)
    assert total == pytest.approx([0, 0, 0, 13000], abs=1)
    higgs = next(p for p in event.particles if p.pid == 25)
    assert higgs.status == 22
    assert higgs.momentum.pt() == pytest.approx(row["truth"]["pt"])
    assert sorted(child.pid for child in higgs.children) == [-5, 5]
    member = row["realizations"][place_of(ALL, augmentation)]
    found = np.array([(p.pid, p.momentum.pt(), p.momentum.eta(), p.momentum.phi()) for p in final])
    for constituent in member["constituents"]:
        expected = [constituent[name] for name in ("pdgid", "pt", "eta", "phi")]
        assert np.isclose(found, expected, rtol=1e-5, atol=1e-5).all(axis=1).sum() == 1
    displaced = {p.production_vertex.id for p in final if p.production_vertex.position.length() > 0}
    assert displaced
    ancestors = {p.pid for vertex in event.vertices if vertex.id in displaced for p in vertex.particles_in}
    assert ancestors == {91}
    assert [p.pid for p in event.particles if not p.parents] == [2212, 2212]


def test_hepmc_is_the_same_each_time_and_can_be_piped(results, top):
    first, second = (run(results, ALL, *of(top, "shower10", "--format", "hepmc")) for _ in range(2))
    assert first.stdout == second.stdout
    with pyhepmc.open(io.BytesIO(first.stdout.encode()), format="hepmc3") as file:
        assert dict_of(file.read()) == {"process": "top", "realization": "shower10"}


def dict_of(event) -> dict:
    return {name: str(event.attributes[name].astype(str)) for name in ("process", "realization")}


def test_picture_is_written_the_same_each_time(results, tmp_path, top):
    output = tmp_path / "jets.png"
    outcome = run(results, ALL, *of(top, "redecay", "--format", "png", "--output", output))
    assert outcome.exit_code == 0, outcome.output
    paths = Paths.of(ALL, str(results))
    again, other = (replay_targets(ALL, paths, "top", name, top["event"]) for name in ("redecay", "seed"))
    assert output.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert output.read_bytes() == as_png(ALL, again)
    assert output.read_bytes() != as_png(ALL, other)


def test_target_without_a_jet_can_be_shown_in_every_format(results, tmp_path):
    row = first_jets(results, NOMINAL, lambda row: row["status"] == "no jet")
    for layout in ("table", "json", "hepmc", "png"):
        output = tmp_path / f"event.{layout}"
        outcome = run(results, ALL, *of(row, NOMINAL, "--format", layout, "--output", output))
        assert outcome.exit_code == 0, outcome.output
        assert output.stat().st_size > 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (of({"process": "hig", "event": 0}, "seed"), "unknown process 'hig'; did you mean 'higgs'?"),
        (of({"process": "top", "event": 0}, "sed"), "unknown realization 'sed'; did you mean 'seed'?"),
        (
            of({"process": "top", "event": 16}, "seed"),
            "event 16: process top has 16 hard events, 0 to 15",
        ),
        (of({"process": "top", "event": -1}, "seed"), "event -1: process top has 16 hard events"),
        (
            of({"process": "top", "event": 0}, NOMINAL, "--target", 2),
            "event 0 of top has the targets 0 to 1, no target 2",
        ),
        (of({"process": "top", "event": 0}, "seed", "--format", "png"), "--format png: needs --output FILE"),
        (("--process", "top"), "replay: needs --process, --event and --augmentation, or --verify"),
        (("--verify", 3, "--process", "top"), "replay: needs --process, --event and --augmentation"),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_one_line(results, arguments, message):
    outcome = run(results, ALL, *arguments)
    assert outcome.exit_code == 1
    assert len(outcome.output.strip().splitlines()) == 1
    assert message in outcome.output


def test_verification_without_a_dataset_is_refused(own):
    empty = Path(Paths.of(ALL, str(own)).dataset)
    (empty / "train" / "train-00000.parquet").unlink()
    with pytest.raises(DataError, match="is missing; write the split again"):
        verify_rows(ALL, Paths.of(ALL, str(own)), 1)
    shutil.rmtree(empty)
    outcome = run(own, ALL, "--verify", 3)
    assert outcome.exit_code == 1
    assert outcome.output.strip() == f"error: {empty}/train: does not exist; `jetresim dataset` makes it"


def test_event_without_target_is_refused(tmp_path):
    some = asked(processes={"zjet": {"events": 9, "targets": ["z_bb"], "require_targets": None}})
    events = make_generator(some, "zjet").events(range(9), Survey(cross_section=1.0, cross_section_error=0.1))
    without = next(one.index for one in events if not find_targets(one.record, some.process("zjet").targets))
    with pytest.raises(ConfigError, match=f"event {without} of zjet has no target"):
        replay_targets(some, Paths.of(some, str(tmp_path)), "zjet", NOMINAL, without)


values = st.recursive(
    st.floats() | st.integers() | st.text() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@given(values)
def test_nothing_differs_from_itself(value):
    assert list(differences(value, copy.deepcopy(value))) == []


@given(st.lists(st.floats(), min_size=1), st.data())
def test_one_changed_number_is_the_one_difference(numbers, data):
    place = data.draw(st.integers(0, len(numbers) - 1))
    changed = data.draw(st.floats().filter(lambda value: value.hex() != numbers[place].hex()))
    other = [*numbers[:place], changed, *numbers[place + 1 :]]
    (found,) = differences({"a": numbers}, {"a": other})
    assert found.place == f"a[{place}]"


def test_signed_zeros_differ():
    assert [each.place for each in differences({"d0": 0.0}, {"d0": -0.0})] == ["d0"]


def test_schemas_have_what_is_compared(results):
    (replayed, _) = replay(ALL, Paths.of(ALL, str(results)), "top", {NOMINAL: [0]})
    assert set(replayed.jets) == set(JETS_SCHEMA.names)
    group = set(GROUPS_SCHEMA.names) - {"realizations"}
    members = {field.name for field in GROUPS_SCHEMA.field("realizations").type.value_type}
    assert set(replayed.group) == group | members
