import json
import os

import pyarrow.parquet as pq
import pytest
import yaml
from exported import empty_split, make_split, members_absent, varied, views
from synthetic import make_campaign

from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.processes import LABELS
from jetresim.dataset.huggingface import DESCRIPTIONS, VIEWS_SCHEMA, write_huggingface, write_huggingface_card

# read when `datasets` is imported
os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"

SPLIT_OF_THE_HUB = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture(scope="module")
def load_dataset():
    return pytest.importorskip("datasets", reason="datasets is not installed").load_dataset


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(groups={"require": "any"})


@pytest.fixture(scope="module")
def shards(tmp_path_factory, campaign):
    folder = tmp_path_factory.mktemp("results")
    found = {split: make_split(folder, campaign, split) for split in SPLITS}
    varied(found["train"][0])
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory, campaign, shards):
    folder = tmp_path_factory.mktemp("export") / "huggingface"
    for split, files in shards.items():
        write_huggingface(folder / split, files, campaign)
    write_huggingface_card(folder, campaign)
    return folder


def expected_row(group, place, member, campaign):
    truth = {name: value for name, value in group["truth"].items() if name != "daughters"}
    return {
        **{name: group[name] for name in ("process", "event", "target", "label", "weight")},
        "label_name": LABELS[group["label"]],
        "augmentation": campaign.realizations[place],
        "seed": member["seed"],
        **{f"jet_{name}": value for name, value in member["jet"].items()},
        **{f"truth_{name}": value for name, value in truth.items()},
        **{
            f"part_{name}": [each[name] for each in member["constituents"]]
            for name in ("pt", "eta", "phi", "energy", "charge", "pdgid", "d0", "dz")
        },
    }


def test_datasets_opens_the_folder_with_the_rows_of_the_groups(
    folder, shards, campaign, load_dataset, tmp_path
):
    found = load_dataset(str(folder), cache_dir=str(tmp_path))
    assert set(found) == set(SPLIT_OF_THE_HUB.values())
    for split, files in shards.items():
        expected = [expected_row(*view, campaign) for view in views(files)]
        assert found[SPLIT_OF_THE_HUB[split]].to_list() == expected
        assert expected
    assert any(not row["part_pt"] for row in found["train"])
    assert found["train"].features["label"].names == list(LABELS.values())


def test_datasets_opens_the_files_as_parquet_and_as_a_stream(folder, shards, load_dataset, tmp_path):
    files = {split: str(folder / split / "*.parquet") for split in SPLITS}
    found = load_dataset("parquet", data_files=files, cache_dir=str(tmp_path))
    assert {split: len(found[split]) for split in SPLITS} == {
        split: len(views(shards[split])) for split in SPLITS
    }
    stream = load_dataset(str(folder), split="test", streaming=True, cache_dir=str(tmp_path))
    assert list(stream) == found["test"].to_list()


def test_datasets_opens_the_groups_themselves(shards, load_dataset, tmp_path):
    found = load_dataset(
        "parquet", data_files={"train": [str(path) for path in shards["train"]]}, cache_dir=str(tmp_path)
    )
    groups = [row for path in shards["train"] for row in pq.read_table(path).to_pylist()]
    assert found["train"].to_list() == groups


def test_columns_are_flat_and_described(folder):
    schema = pq.read_schema(folder / "train" / "train-00000.parquet")
    assert schema.remove_metadata() == VIEWS_SCHEMA
    kinds = {str(field.type).split("<")[0] for field in VIEWS_SCHEMA}
    assert kinds == {"string", "int64", "int8", "int32", "double", "float", "list"}
    named = [name.split(" … ")[0].split(", ") for name in DESCRIPTIONS]
    assert {name for names in named for name in names} <= set(VIEWS_SCHEMA.names)


def test_card_has_the_front_matter_of_the_hub(folder, shards, campaign):
    text = (folder / "README.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    content = yaml.safe_load(front)
    assert content["license"] == "unknown"
    assert content["configs"][0]["data_files"] == [
        {"split": hub, "path": f"{split}/*.parquet"} for split, hub in SPLIT_OF_THE_HUB.items()
    ]
    assert f"{len(views(shards['train']))} in train" in body
    assert all(name in body for name in campaign.realizations)


def test_licence_of_the_campaign_is_in_the_card(folder, campaign):
    licensed = make_campaign(groups={"require": "any"}, dataset={"license": "cc-by-4.0"})
    write_huggingface_card(folder, licensed)
    assert "\nlicense: cc-by-4.0\n" in (folder / "README.md").read_text(encoding="utf-8")
    write_huggingface_card(folder, campaign)


def test_metadata_count_the_absent(folder, shards):
    for split, files in shards.items():
        for shard in files:
            stored = pq.read_metadata(folder / split / shard.name).metadata[b"rs3l"]
            assert json.loads(stored)["export"] == {
                "format": "huggingface",
                "rows": len(views([shard])),
                "absent_members": members_absent([shard]),
            }


def test_export_is_the_same_again(folder, shards, campaign, tmp_path):
    write_huggingface(tmp_path / "train", shards["train"][::-1], campaign)
    for path in (folder / "train").iterdir():
        assert (tmp_path / "train" / path.name).read_bytes() == path.read_bytes()


def test_split_without_rows_has_all_columns_and_is_not_in_the_card(tmp_path, load_dataset):
    shards, campaign = empty_split(tmp_path)
    full = make_split(tmp_path / "more", campaign, "train")
    for split, files in (("train", full), ("val", shards), ("test", make_split(tmp_path, campaign, "test"))):
        write_huggingface(tmp_path / "flat" / split, files, campaign)
    write_huggingface_card(tmp_path / "flat", campaign)
    empty = pq.read_table(tmp_path / "flat" / "val" / "val-00000.parquet")
    assert empty.num_rows == 0
    assert empty.schema.remove_metadata() == VIEWS_SCHEMA
    assert list(load_dataset(str(tmp_path / "flat"), cache_dir=str(tmp_path / "cache"))) == ["train"]


def test_card_needs_every_split(tmp_path, shards, campaign):
    write_huggingface(tmp_path / "train", shards["train"], campaign)
    with pytest.raises(
        DataError, match=r"val: no Parquet files; `jetresim export --format huggingface` makes"
    ):
        write_huggingface_card(tmp_path, campaign)
    assert not (tmp_path / "README.md").exists()


def test_no_shards_are_refused(tmp_path, campaign):
    with pytest.raises(DataError, match="no shards given"):
        write_huggingface(tmp_path / "train", [], campaign)
