import json
import math

import h5py
import numpy as np
import pytest
from exported import empty_split, make_split, members_absent, varied, views
from synthetic import make_campaign

from jetresim.campaign.errors import ConfigError, DataError
from jetresim.dataset import toptagging
from jetresim.dataset.toptagging import check_toptagging, write_toptagging

COMPONENTS = ("E", "PX", "PY", "PZ")
ADDED = ["group_process", "group_event", "group_target", "augmentation", "jettype", "seed", "weight"]
COLUMNS = [
    *(f"{component}_{slot}" for slot in range(200) for component in COMPONENTS),
    *("truthE", "truthPX", "truthPY", "truthPZ", "ttv", "is_signal_new", *ADDED),
]


@pytest.fixture(scope="module")
def pd():
    pytest.importorskip("tables", reason="the table needs PyTables")
    return pytest.importorskip("pandas", reason="the table needs pandas")


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(groups={"require": "any"})


@pytest.fixture(scope="module")
def shards(tmp_path_factory, campaign):
    shards = make_split(tmp_path_factory.mktemp("results"), campaign)
    varied(shards[0])
    return shards


@pytest.fixture(scope="module")
def file(tmp_path_factory, campaign, shards, pd):
    path = tmp_path_factory.mktemp("export") / "train.h5"
    write_toptagging(path, shards, campaign)
    return path


def cartesian(vector):
    pt, eta, phi = vector["pt"], vector["eta"], vector["phi"]
    return [vector["energy"], pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)]


def test_pandas_reads_the_columns_of_the_reference_data_set(file, shards, pd):
    table = pd.read_hdf(file, key="table")
    assert list(table.columns) == COLUMNS
    assert set(table.dtypes[:804]) == {np.dtype(np.float32)}
    assert set(table.dtypes[["ttv", "is_signal_new", *ADDED[:-1]]]) == {np.dtype(np.int64)}
    assert table.index.tolist() == list(range(len(views(shards))))
    pd.testing.assert_frame_equal(pd.read_hdf(file, key="table", start=3, stop=9), table[3:9])


def test_rows_equal_the_groups(file, shards, campaign, pd):
    table = pd.read_hdf(file, key="table")
    momenta = table.to_numpy(np.float64)[:, :800].reshape(-1, 200, 4)
    processes, lengths = list(campaign.processes), set()
    for row, (group, place, member) in enumerate(views(shards)):
        expected = np.array([cartesian(each) for each in member["constituents"]]).reshape(-1, 4)
        np.testing.assert_allclose(momenta[row, : len(expected)], expected, 1e-6, 1e-6)
        assert not momenta[row, len(expected) :].any()
        found = table.iloc[row]
        truth = [found[f"truth{component}"] for component in COMPONENTS]
        np.testing.assert_allclose(truth, cartesian(group["truth"]), 1e-6)
        assert found["ttv"] == 0
        assert found["is_signal_new"] == (group["process"] == "top")
        assert processes[int(found["group_process"])] == group["process"]
        assert (found["group_event"], found["group_target"]) == (group["event"], group["target"])
        assert (found["augmentation"], found["jettype"]) == (place, group["label"])
        assert table["seed"].iloc[row] == member["seed"]
        assert table["weight"].iloc[row] == group["weight"]
        lengths.add(len(expected))
    assert 0 in lengths


def test_constituents_beyond_200_are_left_out(tmp_path, pd, monkeypatch):
    monkeypatch.setattr(toptagging, "CONSTITUENTS", 7)
    campaign = make_campaign(events=10, processes={"higgs": None})
    shards = make_split(tmp_path, campaign)
    write_toptagging(tmp_path / "train.h5", shards, campaign)
    table = pd.read_hdf(tmp_path / "train.h5", key="table")
    assert "E_6" in table
    assert "E_7" not in table
    for row, (_, _, member) in enumerate(views(shards)):
        stored = member["constituents"][:7]
        assert table.iloc[row][[f"E_{slot}" for slot in range(len(stored))]].tolist() == [
            each["energy"] for each in stored
        ]


def test_signal_is_what_the_campaign_says(tmp_path, pd):
    campaign = make_campaign(dataset={"toptagging_signal": [0, 4]}, events=10)
    shards = make_split(tmp_path, campaign)
    write_toptagging(tmp_path / "train.h5", shards, campaign)
    table = pd.read_hdf(tmp_path / "train.h5", key="table")
    assert table["is_signal_new"].tolist() == [group["process"] != "top" for group, _, _ in views(shards)]
    with pytest.raises(ConfigError, match=r"dataset\.toptagging_signal\.0"):
        make_campaign(dataset={"toptagging_signal": [22]})


def test_metadata_count_the_absent(file, shards, campaign):
    with h5py.File(file) as content:
        metadata = json.loads(content["metadata"][()])
    assert metadata["realizations"] == campaign.realizations
    assert metadata["export"] == {
        "format": "toptagging",
        "rows": len(views(shards)),
        "absent_members": members_absent(shards),
    }


def test_export_is_the_same_again(file, shards, campaign, tmp_path):
    write_toptagging(tmp_path / "train.h5", shards[::-1], campaign)
    assert (tmp_path / "train.h5").read_bytes() == file.read_bytes()


def test_split_without_rows_gives_a_table_with_all_columns(tmp_path, pd):
    shards, campaign = empty_split(tmp_path)
    write_toptagging(tmp_path / "val.h5", shards, campaign)
    table = pd.read_hdf(tmp_path / "val.h5", key="table")
    assert list(table.columns) == COLUMNS
    assert len(table) == 0


@pytest.mark.parametrize("missing", [["tables"], ["pandas", "tables"]])
def test_missing_libraries_are_refused_in_one_line(tmp_path, campaign, shards, monkeypatch, missing):
    monkeypatch.setattr(toptagging, "find_spec", lambda name: None if name in missing else object())
    expected = f"needs {' and '.join(missing)}; install the extra `toptagging`"
    with pytest.raises(ConfigError, match=expected):
        write_toptagging(tmp_path / "train.h5", shards, campaign)
    with pytest.raises(ConfigError, match=expected):
        check_toptagging(make_campaign(dataset={"formats": ["toptagging"]}))
    check_toptagging(campaign)
    assert list(tmp_path.iterdir()) == []


def test_no_shards_are_refused(tmp_path, campaign, pd):
    with pytest.raises(DataError, match="no shards given"):
        write_toptagging(tmp_path / "train.h5", [], campaign)


def test_file_that_cannot_be_written_is_named_and_not_left_behind(
    tmp_path, shards, campaign, pd, monkeypatch
):
    from tables import HDF5ExtError

    def fail(*arguments, **options):
        raise HDF5ExtError("no space")

    monkeypatch.setattr(pd.HDFStore, "append", fail)
    with pytest.raises(OSError, match=r"train\.h5") as error:
        write_toptagging(tmp_path / "train.h5", shards, campaign)
    assert error.value.filename == str(tmp_path / "train.h5")
    assert list(tmp_path.iterdir()) == []
