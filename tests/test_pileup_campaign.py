"""A campaign with pile-up: its rows replayed and verified, however it is cut into jobs."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from jetresim.audit.cost import collect
from jetresim.audit.merge import merge_campaign
from jetresim.audit.replay.comparison import Verdict, verify_rows
from jetresim.audit.verify.campaign import verify_campaign
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import save
from jetresim.campaign.paths import SPLITS, Paths, chunk_names
from jetresim.dataset.assemble import write_split
from jetresim.dataset.huggingface import write_huggingface, write_huggingface_card
from jetresim.detectors.minimum_bias import make_pool
from jetresim.generators.survey import read_survey
from jetresim.generators.wanted import some_hard_events
from jetresim.jets.pool import open_pool, write_pool
from jetresim.jets.views import ViewSimulation
from jetresim.showers.registry import Job
from jetresim.workflow.stages.groups import make_groups
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.campaigns import campaign

EVENTS = 8


def asked(chunk):
    return campaign(
        events=EVENTS,
        chunk=chunk,
        processes={"qcd": {"cuts": {"pt_min": 500}}},
        settings={"PartonLevel:MPI": False, "Diffraction:mMinPert": 1e6},
        detector={"name": "cms_phase2", "vertex_sigma_z": 53},
        pileup={"mean": 20, "pool": 60, "puppi_weights": True},
        augmentations=[
            NOMINAL,
            "seed",
            {"name": "shared", "pileup": "shared"},
            {"name": "redrawn", "intervene": "pileup"},
            {"name": "atlas", "intervene": "nothing", "detector": {"name": "atlas"}},
        ],
        groups={"pt_min": 450, "require": "any"},
        dataset={"formats": []},
    )


def make(campaign, results):
    """All stages up to the dataset, one job after the other."""
    paths = Paths.of(campaign, str(results))
    survey, pool, groups = Path(paths.survey.format(process="qcd")), Path(paths.pool), []
    make_survey(campaign, "qcd", survey)
    write_pool(pool, make_pool(campaign), campaign)
    for number, (chunk, events) in enumerate(
        zip(chunk_names(campaign, "qcd"), campaign.chunks("qcd"), strict=True)
    ):
        hard, output = (Path(one.format(process="qcd", chunk=chunk)) for one in (paths.hard, paths.groups))
        make_hard(campaign, "qcd", number, survey, hard)
        jets = {
            name: Path(paths.jets.format(process="qcd", realization=name, chunk=chunk))
            for name in campaign.realizations
        }
        for name, path in jets.items():
            make_jets(campaign, "qcd", number, hard, {name: path}, Job(results, events.start), pool=pool)
        make_groups(campaign, "qcd", number, survey, hard, list(jets.values()), output)
        groups.append(output)
    for split in SPLITS:
        write_split(Path(paths.split.format(split=split)), groups, campaign, split)
    save(campaign, Path(paths.config))
    return paths


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    chosen = asked(chunk=5)
    return chosen, make(chosen, tmp_path_factory.mktemp("fives"))


def rows(paths):
    shards = sorted(Path(paths.dataset).glob("*/*.parquet"))
    return [row for path in shards for row in pq.read_table(path).to_pylist()]


def test_every_row_is_made_again_alone(made):
    verified = verify_rows(*made, 100)
    assert len(verified) == len(rows(made[1])) * 5 > 10
    assert {each.comparison.verdict for each in verified} == {Verdict.EQUAL}


def test_members_say_how_much_of_them_is_pileup(made):
    members = {name: [] for name in made[0].realizations}
    for row in rows(made[1]):
        for name, member in zip(members, row["realizations"], strict=True):
            members[name] += member["constituents"]
    for name, found in members.items():
        assert 0 < sum(each["pileup"] for each in found) < 0.5 * len(found)
        assert all(0 <= each["puppi"] <= 1 for each in found)
        assert any(each["dzerr"] > 0 for each in found) == (name == "atlas")


def test_views_have_the_pileup_of_the_stored_members(made):
    chosen, paths = made
    survey = read_survey(Path(paths.survey.format(process="qcd")))
    hard = list(some_hard_events(chosen, paths, "qcd", range(5), survey))
    found = ViewSimulation(chosen, "qcd", open_pool(Path(paths.pool), chosen)).tables(
        ["redrawn", "seed"], hard, range(5)
    )
    for name, table in found.items():
        stored = Path(paths.jets.format(process="qcd", realization=name, chunk=chunk_names(chosen, "qcd")[0]))
        assert table["constituents"].to_pylist() == pq.read_table(stored)["constituents"].to_pylist()


def test_card_of_the_hub_has_all_columns_of_its_files(made, tmp_path):
    chosen, paths = made
    for split in SPLITS:
        write_huggingface(tmp_path / split, sorted(Path(paths.split.format(split=split)).iterdir()), chosen)
    write_huggingface_card(tmp_path, chosen)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    features = yaml.safe_load(card.split("---\n")[1])["dataset_info"]["features"]
    (file,) = (tmp_path / "train").iterdir()
    assert [each["name"] for each in features] == pq.read_schema(file).names
    for name in ("pileup", "puppi", "d0err", "dzerr"):
        assert f"| `part_{name}` |" in card


def test_chunks_do_not_change_a_byte(made, tmp_path):
    one = make(asked(chunk=EVENTS), tmp_path)
    for split in SPLITS:
        first, second = (sorted(Path(paths.dataset, split).iterdir()) for paths in (made[1], one))
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert Path(one.pool).read_bytes() == Path(made[1].pool).read_bytes()


def test_a_pool_is_verified_merged_and_counted(made, tmp_path):
    chosen, paths = made
    report = verify_campaign(Path(paths.root))
    assert report.problems == []
    assert Path(paths.pool) in [each.path for each in report.checked]
    merged = merge_campaign(chosen, [Path(paths.root)], tmp_path)
    pool = Path(Paths(str(merged.folder)).pool)
    assert pool.read_bytes() == Path(paths.pool).read_bytes()
    assert collect(chosen, paths)[0].bytes == pool.stat().st_size
    damaged = bytearray(pool.read_bytes())
    damaged[100] ^= 1
    pool.unlink()
    pool.write_bytes(damaged)
    assert [each for each in verify_campaign(merged.folder).problems if "pool.parquet: is damaged" in each]
