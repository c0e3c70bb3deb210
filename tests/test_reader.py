import json
import math

import awkward as ak
import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from synthetic import all_groups, all_splits, make_campaign

from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.paths import SPLITS
from jetresim.dataset import assemble
from jetresim.dataset.assemble import write_split
from jetresim.dataset.features import IMPACT_PARAMETERS, PAIR_FEATURES, PFLOW_FEATURES
from jetresim.dataset.padded import feature_names, needed_columns
from jetresim.dataset.reader import open_groups
from jetresim.dataset.rs3l import write_rs3l
from jetresim.dataset.standardization import (
    CONSTITUENT_FEATURES,
    STANDARDIZATION,
    read_standardization,
    write_standardization,
)

SIZE = 20


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(groups={"require": "any"})


@pytest.fixture(scope="module")
def sources(tmp_path_factory, campaign):
    return all_groups(tmp_path_factory.mktemp("results"), campaign)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, campaign, sources):
    folder = tmp_path_factory.mktemp("results") / "dataset"
    with pytest.MonkeyPatch.context() as patch:
        # several row groups in a file without thousands of groups
        patch.setattr(assemble, "ROW_GROUP", 16)
        all_splits(folder, campaign, sources)
    write_standardization(folder, campaign)
    return folder


@pytest.fixture(scope="module")
def rows(dataset):
    return [row for path in sorted((dataset / "train").iterdir()) for row in pq.read_table(path).to_pylist()]


def test_a_dataset_is_opened_whole_or_by_split(dataset):
    lengths = {split: len(open_groups(dataset, split=split)) for split in SPLITS}
    assert all(lengths.values())
    assert lengths["val"] == len(open_groups(str(dataset / "val")))
    assert len(open_groups(dataset)) == sum(lengths.values()) == len(open_groups(dataset).to_awkward())


def test_only_the_fields_that_are_asked_for_are_read(dataset, rows):
    groups = open_groups(dataset / "train", ["label", "realizations.constituents.pt", "realizations.jet"])
    found = groups.to_awkward()
    assert found.fields == ["label", "realizations"]
    assert found.realizations.fields == ["jet", "constituents"]
    assert found.realizations.constituents.fields == ["pt"]
    assert found.realizations.constituents.pt.tolist() == [
        [[c["pt"] for c in member["constituents"]] for member in row["realizations"]] for row in rows
    ]
    assert found.realizations.jet.tolist() == [
        [member["jet"] for member in row["realizations"]] for row in rows
    ]


@pytest.mark.parametrize(
    ("processes", "labels"), [(["top"], None), (None, [0, 4]), (["dijet", "higgs"], [4]), (["top"], [4])]
)
def test_selected_groups_are_those_that_match(dataset, rows, processes, labels):
    groups = open_groups(dataset / "train", processes=processes).select(labels=labels)
    expected = [
        (row["process"], row["event"], row["target"])
        for row in rows
        if (processes is None or row["process"] in processes) and (labels is None or row["label"] in labels)
    ]
    found = groups.select(["process", "event", "target"]).to_awkward()
    assert [tuple(row.values()) for row in found.tolist()] == expected
    assert len(groups) == len(expected)


def test_batches_are_bounded_and_in_the_order_of_the_files(dataset, rows):
    batches = list(open_groups(dataset / "train", ["event"]).batches(7))
    assert max(map(len, batches)) == 7
    assert ak.concatenate(batches).event.tolist() == [row["event"] for row in rows]


def test_row_groups_that_cannot_match_are_not_read(tmp_path, sources):
    for number, path in enumerate(sources):
        (tmp_path / f"{number:05d}.parquet").write_bytes(path.read_bytes())
    tops = open_groups(tmp_path, processes=["top"])
    assert {row_group.path for row_group in tops.row_groups} == {
        tmp_path / f"{number:05d}.parquet" for number, path in enumerate(sources) if path.parent.name == "top"
    }
    assert len(tops.row_groups) < len(open_groups(tmp_path).row_groups)


def test_realizations_come_in_the_order_that_is_asked_for(dataset, rows):
    groups = open_groups(dataset / "train", realizations=["fsrRenHi", "nominal"])
    assert groups.realizations == ["fsrRenHi", "nominal"]
    seeds = groups.to_awkward().realizations.seed.tolist()
    names = open_groups(dataset / "train").realizations
    place = [names.index("fsrRenHi"), names.index("nominal")]
    assert seeds == [[row["realizations"][index]["seed"] for index in place] for row in rows]
    assert groups.padded(4, ["pt"]).values.shape == (len(rows), 2, 4, 1)


def test_padded_constituents_are_those_of_the_rows(dataset, rows):
    values, mask = open_groups(dataset / "train").padded(SIZE, "four_vectors")
    assert values.shape == (len(rows), 5, SIZE, 4)
    assert (values.dtype, mask.dtype) == (np.float32, bool)
    assert not values[~mask].any()
    absent = 0
    for group, row in enumerate(rows):
        for view, member in enumerate(row["realizations"]):
            stored = member["constituents"][:SIZE]
            assert mask[group, view].tolist() == [slot < len(stored) for slot in range(SIZE)]
            expected = [
                (
                    c["pt"] * math.cos(c["phi"]),
                    c["pt"] * math.sin(c["phi"]),
                    c["pt"] * math.sinh(c["eta"]),
                    c["energy"],
                )
                for c in stored
            ]
            assert values[group, view, : len(stored)] == pytest.approx(
                np.array(expected).reshape(-1, 4), rel=1e-6, abs=1e-6
            )
            absent += not member["present"]
    assert absent > 0


def test_padded_features_are_those_of_the_hdf5_export(tmp_path, dataset, campaign):
    shards = sorted((dataset / "train").iterdir())
    write_rs3l(tmp_path / "rs3l", shards, campaign)
    stored = []
    for index in range(len(shards)):
        with h5py.File(tmp_path / "rs3l" / f"rs3l_{index}.h5") as file:
            stored.append(file["jet_pflow_cands"][:].swapaxes(2, 3))
    values, mask = open_groups(dataset / "train").padded(SIZE, PFLOW_FEATURES)
    assert np.array_equal(values, np.concatenate(stored))
    assert np.array_equal(mask, values[..., 0] > 0)


def test_padded_arrays_of_nothing_have_their_shape(dataset):
    values, mask = open_groups(dataset / "train", processes=["top"], labels=[4]).padded(SIZE)
    assert values.shape == (0, 5, SIZE, len(PAIR_FEATURES))
    assert mask.shape == (0, 5, SIZE)


def test_features_need_the_columns_they_are_computed_from():
    assert needed_columns(["dr"]) == [
        *(f"realizations.constituents.{name}" for name in ("eta", "phi")),
        *(f"realizations.jet.{name}" for name in ("eta", "phi")),
    ]
    assert needed_columns("four_vectors") == [
        f"realizations.constituents.{name}" for name in ("pt", "phi", "eta", "energy")
    ]


def test_impact_parameters_have_the_sign_and_unit_of_a_convention(dataset):
    groups = open_groups(dataset, split="train")
    values, mask = groups.padded(8, IMPACT_PARAMETERS, standardize=True)
    first = groups.to_awkward().realizations.constituents[:, :, :8]
    d0, dz, dxy_cms, dz_cms = values[mask].T
    for found, stored in ((d0, first.d0), (dz, first.dz), (-10 * dxy_cms, first.d0), (10 * dz_cms, first.dz)):
        np.testing.assert_allclose(found, ak.flatten(stored, axis=None), rtol=1e-6)
    assert np.any(d0 < 0)
    assert np.any(d0 > 0)


def test_standardized_features_have_mean_0_and_deviation_1(dataset):
    names = list(CONSTITUENT_FEATURES)
    train = open_groups(dataset, split="train")
    raw, mask = train.padded(64, names)
    values, same = train.padded(64, names, standardize=True)
    assert np.array_equal(mask, same)
    assert not values[~mask].any()
    there = values[mask].astype(float)
    varies = raw[mask].std(axis=0) > 0
    assert varies.sum() > 15
    assert there.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert there[:, varies].std(axis=0) == pytest.approx(1, abs=1e-4)
    other = open_groups(dataset / "test" / "test-00000.parquet").padded(64, names, standardize=True).values
    scale = read_standardization(dataset)
    raw, mask = open_groups(dataset, split="test").padded(64, names)
    assert np.array_equal(other, scale.apply(raw, names, mask))


def test_standardization_looks_at_present_members_of_the_train_split_alone(dataset, rows):
    content = json.loads((dataset / STANDARDIZATION).read_text())
    present = [member for row in rows for member in row["realizations"] if member["present"]]
    charges = [c["charge"] for member in present for c in member["constituents"]]
    masses = [member["jet"]["sdmass"] for member in present]
    assert content["split"] == "train"
    assert content["counts"] == {"constituents": len(charges), "jets": len(masses)}
    for stored, values in (
        (content["constituents"]["charge"], charges),
        (content["jet"]["sdmass"], masses),
    ):
        assert (stored["mean"], stored["std"]) == pytest.approx((np.mean(values), np.std(values)), rel=1e-5)


def test_standardization_does_not_depend_on_how_the_rows_are_cut(tmp_path, dataset, campaign, sources):
    write_split(tmp_path / "train", sources, campaign, "train")
    write_standardization(tmp_path, campaign)
    assert (tmp_path / STANDARDIZATION).read_bytes() == (dataset / STANDARDIZATION).read_bytes()


def test_codes_are_not_standardized(dataset):
    train = open_groups(dataset, split="train")
    raw, _ = train.padded(SIZE, ["pdgid"])
    assert np.array_equal(train.padded(SIZE, ["pdgid"], standardize=True).values, raw)


def test_what_does_not_exist_is_refused_in_one_line(tmp_path, dataset, sources):
    train = dataset / "train"
    for arguments, message in (
        ({"columns": ["realizations.constituents.pz"]}, "unknown column 'realizations.constituents.pz'"),
        ({"processes": ["higs"]}, "unknown process 'higs'; did you mean 'higgs'"),
        ({"labels": [99]}, "unknown label 99"),
        ({"realizations": ["sead"]}, "unknown realization 'sead'; did you mean 'seed'"),
        ({"split": "train"}, "no folder of a dataset; open it without `split`"),
    ):
        with pytest.raises(DataError, match=message):
            open_groups(train, **arguments)
    with pytest.raises(DataError, match="unknown split 'trian'; did you mean 'train'"):
        open_groups(dataset, split="trian")
    with pytest.raises(ConfigError, match="unknown set of features 'rs3'; did you mean 'rs3l'"):
        open_groups(train).padded(features="rs3")
    with pytest.raises(ConfigError, match="unknown feature 'energi'; did you mean 'energy'"):
        feature_names(["energi"])
    jets = sources[0].parents[2] / "jets" / "higgs" / "nominal" / "00000.parquet"
    with pytest.raises(DataError, match="metadata without"):
        open_groups(jets)
    (tmp_path / "train-00000.parquet").write_bytes((train / "train-00000.parquet").read_bytes())
    with pytest.raises(DataError, match=r"standardization\.json: does not exist; make the dataset again"):
        open_groups(tmp_path).padded(standardize=True)


def test_files_of_different_campaigns_are_not_read_together(tmp_path, sources):
    other = make_campaign(augmentations=["nominal", "seed"], processes={"higgs": {"events": 20}})
    (tmp_path / "a.parquet").write_bytes(sources[0].read_bytes())
    (tmp_path / "b.parquet").write_bytes(all_groups(tmp_path / "other", other)[0].read_bytes())
    with pytest.raises(DataError, match=r"b\.parquet: realizations \['nominal', 'seed'\], but .*a\.parquet"):
        len(open_groups(tmp_path))


@pytest.mark.parametrize("chosen", [{}, {"labels": [4]}])
def test_groups_are_read_one_by_one_and_in_slices_as_all_together(dataset, chosen):
    groups = open_groups(dataset, **chosen)
    everything = groups.to_awkward().to_list()
    last = len(groups) - 1
    for place in (0, 1, last // 2, last, -1, -last):
        assert groups[place].to_list() == everything[place]
    for piece in (slice(0, 3), slice(last - 1, None), slice(5, 40), slice(3, 3), slice(None)):
        assert groups[piece].to_list() == everything[piece]
    for outside in (last + 1, -last - 2):
        with pytest.raises(IndexError, match=f"group {outside}; there are {last + 1}"):
            groups[outside]


def test_a_slice_reads_only_the_row_groups_that_hold_it(dataset, monkeypatch):
    groups = open_groups(dataset / "train")
    reading, read = [], type(groups).read
    monkeypatch.setattr(type(groups), "read", lambda self, one: reading.append(one) or read(self, one))
    assert len(groups[17:20]) == 3
    assert len(reading) == 1


def test_groups_say_what_they_are(dataset):
    groups = open_groups(dataset, labels=[4], realizations=["nominal"])
    assert repr(groups) == f"<{len(groups)} groups of {dataset}: nominal, labels 4>"


def test_a_single_name_is_one_name(dataset):
    groups = open_groups(dataset, split="train")
    assert groups.select(processes="higgs") == groups.select(processes=["higgs"])
    assert groups.select("label", realizations="seed") == groups.select(["label"], realizations=["seed"])


def test_arrays_without_slots_are_refused(dataset):
    with pytest.raises(DataError, match="constituents: 0 slots"):
        open_groups(dataset, split="train").padded(constituents=0)
