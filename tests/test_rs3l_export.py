import json
import math

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import all_groups, make_campaign

from jetresim.campaign.errors import ConfigError, DataError
from jetresim.dataset.assemble import write_split
from jetresim.dataset.features import FEATURES
from jetresim.dataset.rs3l import truth_vectors, vartypes, write_rs3l, write_rs3l_pairs
from jetresim.dataset.rs3l_check import check_export
from jetresim.dataset.schema import GROUPS_SCHEMA, TRUTH

CONSTITUENTS = 20
CHARGED_HADRONS = {211, 321, 2212, 3112, 3222, 3312, 3334}


def export(folder, campaign):
    paths = all_groups(folder, campaign)
    write_split(folder / "train", paths, campaign, "train")
    shards = sorted((folder / "train").iterdir())
    write_rs3l(folder / "rs3l", shards, campaign)
    write_rs3l_pairs(folder / "pairs.h5", shards, campaign)
    return shards


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(groups={"require": "any"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory, campaign):
    folder = tmp_path_factory.mktemp("results")
    export(folder, campaign)
    return folder


def shards_with_rows(folder):
    shards = sorted((folder / "train").iterdir())
    return [(index, pq.read_table(shard).to_pylist()) for index, shard in enumerate(shards)]


def wrapped(angle):
    return math.atan2(math.sin(angle), math.cos(angle))


def pflow(constituent, jet):
    """The eleven features as the description of the public files defines them."""
    deta, dphi = constituent["eta"] - jet["eta"], wrapped(constituent["phi"] - jet["phi"])
    return {
        "pt": math.log(constituent["pt"]),
        "relpt": math.log(constituent["pt"] / jet["pt"]),
        "eta": deta,
        "phi": dphi,
        "dr": math.sqrt(deta**2 + dphi**2),
        "e": math.log(constituent["energy"]),
        "rele": math.log(constituent["energy"] / jet["energy"]),
        "charge": constituent["charge"],
        "pdgid": constituent["pdgid"],
        "d0": math.tanh(constituent["d0"]),
        "dz": math.tanh(constituent["dz"]),
    }


def test_files_are_numbered_from_zero_in_the_order_of_the_shards(folder):
    shards = shards_with_rows(folder)
    assert len(shards) > 2
    assert {path.name for path in (folder / "rs3l").iterdir()} == {f"rs3l_{index}.h5" for index, _ in shards}
    for index, rows in shards:
        with h5py.File(folder / "rs3l" / f"rs3l_{index}.h5") as file:
            assert file["event"][:].tolist() == [row["event"] for row in rows]
            assert file["target"][:].tolist() == [row["target"] for row in rows]
            names = file.attrs["processes"].tolist()
            assert [names[index] for index in file["process"][:]] == [row["process"] for row in rows]
            assert file["weight"][:].tolist() == [row["weight"] for row in rows]
            assert file["seed"][:].tolist() == [
                [each["seed"] for each in row["realizations"]] for row in rows
            ]
            assert file["present"][:].tolist() == [
                [each["present"] for each in row["realizations"]] for row in rows
            ]


def test_constituents_follow_the_published_definitions(campaign, folder):
    names = ["pt", "relpt", "eta", "phi", "dr", "e", "rele", "charge", "pdgid", "d0", "dz"]
    filled = padded = 0
    for index, rows in shards_with_rows(folder):
        with h5py.File(folder / "rs3l" / f"rs3l_{index}.h5") as file:
            found = file["jet_pflow_cands"][:]
            assert file["jet_pflow_cands"].attrs["features"].tolist() == names
        assert found.shape == (len(rows), 5, 11, CONSTITUENTS)
        assert found.dtype == np.float32
        for row, group in enumerate(rows):
            for place, member in enumerate(group["realizations"]):
                stored = member["constituents"][:CONSTITUENTS]
                expected = [list(pflow(each, member["jet"]).values()) for each in stored]
                cands = found[row, place].T
                np.testing.assert_allclose(cands[: len(stored)], np.reshape(expected, (-1, 11)), 1e-6, 1e-6)
                assert not cands[len(stored) :].any()
                assert ((cands[:, 0] > 0) == (np.arange(CONSTITUENTS) < len(stored))).all()
                filled += len(member["constituents"]) > CONSTITUENTS
                padded += 0 < len(stored) < CONSTITUENTS
    assert filled > 10
    assert padded > 10


def test_singletons_hold_label_truth_and_jet(folder):
    kinds = set()
    for index, rows in shards_with_rows(folder):
        with h5py.File(folder / "rs3l" / f"rs3l_{index}.h5") as file:
            found = file["singletons"][:]
            assert len(file["singletons"].attrs["features"]) == 15
        assert found.shape == (len(rows), 5, 15)
        for row, group in enumerate(rows):
            kinds.add(group["process"])
            for place, member in enumerate(group["realizations"]):
                if not member["present"]:
                    assert not found[row, place].any()
                    continue
                truth, jet = group["truth"], member["jet"]
                # the synthetic antitop has its b last
                daughters = truth["daughters"][:: -1 if group["process"] == "top" else 1]
                first = (daughters or [truth])[0]
                vector = [first[key] for key in ("pt", "eta", "phi", "energy")]
                assert found[row, place, 0] == group["label"]
                np.testing.assert_array_equal(found[row, place, 1:5], np.float32(vector))
                if group["process"] == "dijet":
                    assert not found[row, place, 5:9].any()
                if group["process"] == "higgs":
                    second = [truth["daughters"][1][key] for key in ("pt", "eta", "phi", "energy")]
                    np.testing.assert_array_equal(found[row, place, 5:9], np.float32(second))
                measured = [jet[key] for key in ("pt", "eta", "phi", "energy", "sdmass", "n2")]
                assert found[row, place, 9:].tolist() == measured
    assert kinds == {"higgs", "dijet", "top"}


def cartesian(vector):
    pt, eta, phi, energy = vector
    return np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta), energy])


@pytest.mark.parametrize(
    ("pdgids", "beside"),
    [((5, 2, -1), 0), ((4, -5, 5), 2), ((-5, -2, 1), 0), ((3, -4, -3), 2), ((-1, 2, 5), 2)],
)
def test_top_is_given_by_the_quark_beside_the_w_and_the_w(pdgids, beside):
    quarks = [
        {
            "pdgid": pdgid,
            "pt": 100.0 + 10 * index,
            "eta": 0.3 * index,
            "phi": 3 - 0.2 * index,
            "energy": 200.0 + index,
        }
        for index, pdgid in enumerate(pdgids)
    ]
    truth = {"pdgid": 6, "pt": 300.0, "eta": 0.1, "phi": 0.0, "energy": 600.0, "daughters": quarks}
    first, second = truth_vectors(pa.array([truth], TRUTH)).reshape(2, 4)
    momenta = [[quark[key] for key in ("pt", "eta", "phi", "energy")] for quark in quarks]
    assert first.tolist() == momenta[beside]
    w = sum(cartesian(momentum) for index, momentum in enumerate(momenta) if index != beside)
    np.testing.assert_allclose(cartesian(second), w, rtol=1e-12)


def test_attributes_say_what_is_in_the_file(campaign, folder):
    for name in ("rs3l/rs3l_0.h5", "pairs.h5"):
        with h5py.File(folder / name) as file:
            assert file.attrs["realizations"].tolist() == [
                "nominal",
                "seed",
                "fsrRenHi",
                "mpiOff",
                "mpiOff_2",
            ]
            assert any("top" in line for line in file.attrs["conventions"])
            assert file.attrs["processes"].tolist() == list(campaign.processes)
            assert json.loads(file.attrs["metadata"])["campaign"]["seed"] == campaign.seed


def split_by_rows(path, output, rows):
    """What clients do that know nothing of the layout: every item is an array, cut along its first axis."""
    with h5py.File(path) as source:
        length = len(next(iter(source.values())))
        for start in range(0, length, rows):
            with h5py.File(output / f"{start}.h5", "w") as part:
                for name, values in source.items():
                    part.create_dataset(name, data=values[start : start + rows], compression="gzip")


@pytest.mark.parametrize("name", ["rs3l/rs3l_0.h5", "pairs.h5"])
def test_every_item_of_a_file_is_an_array_that_can_be_cut_by_row(tmp_path, folder, name):
    split_by_rows(folder / name, tmp_path, 7)
    parts = sorted(tmp_path.iterdir(), key=lambda path: int(path.stem))
    assert len(parts) > 3
    with h5py.File(folder / name) as whole:
        for key, values in whole.items():
            assert values.dtype.kind in "iufb"
            pieces = []
            for path in parts:
                with h5py.File(path) as part:
                    pieces.append(part[key][:])
            np.testing.assert_array_equal(np.concatenate(pieces), values[:])


def test_a_configuration_of_any_length_fits_into_the_attributes(tmp_path):
    description = "x" * 200_000
    campaign = make_campaign(augmentations=[{"name": "nominal", "description": description}, "seed"])
    export(tmp_path, campaign)
    for name in ("rs3l/rs3l_0.h5", "pairs.h5"):
        with h5py.File(tmp_path / name) as file:
            stored = json.loads(file.attrs["metadata"])["campaign"]
        assert stored["augmentations"][0]["description"] == description


def test_pairs_are_a_nominal_jet_and_another_realization_of_the_same_target(campaign, folder):
    groups = {
        (row["process"], row["event"], row["target"]): row["realizations"]
        for _, rows in shards_with_rows(folder)
        for row in rows
    }
    usable = {
        key
        for key, members in groups.items()
        if members[0]["present"] and any(member["present"] for member in members[1:])
    }
    with h5py.File(folder / "pairs.h5") as file:
        process = file.attrs["processes"][file["process"][:]].tolist()
        keys = list(zip(process, file["event"][:].tolist(), file["target"][:].tolist(), strict=True))
        vartype, seed = file["vartype"][:], file["seed"][:]
        names = dict(
            zip(file["vartype"].attrs["values"].tolist(), file["vartype"].attrs["names"], strict=True)
        )
        assert file.attrs["groups"] == len(groups)
        assert file.attrs["groups_without_pair"] == len(groups) - len(usable) > 0
    assert keys[0::2] == keys[1::2]
    assert set(keys) == usable
    assert len(keys) == 2 * len(usable)
    assert (vartype[0::2] == -1).all()
    assert set(vartype[1::2]) == {0, 1, 4, 5}
    for key, code, value in zip(keys, vartype.tolist(), seed.tolist(), strict=True):
        member = groups[key][campaign.realizations.index(names[code])]
        assert member["present"]
        assert member["seed"] == value


def test_pairs_hold_the_features_of_the_authors_loader(folder):
    groups = {
        (row["process"], row["event"], row["target"]): row
        for _, rows in shards_with_rows(folder)
        for row in rows
    }
    order = ["pt", "relpt", "eta", "phi", "e", "rele", "charge", "d0", "dz", "dr"]
    with h5py.File(folder / "pairs.h5") as file:
        names = file["features"].attrs["features"].tolist()
        process = file.attrs["processes"][file["process"][:]]
        data = {name: values[:] for name, values in file.items()}
    assert names[:10] == order
    assert data["features"].shape == (len(process), CONSTITUENTS, 15)
    for row in range(len(process)):
        group = groups[process[row], data["event"][row], data["target"][row]]
        member = next(each for each in group["realizations"] if each["seed"] == data["seed"][row])
        stored = member["constituents"][:CONSTITUENTS]
        for slot, constituent in enumerate(stored):
            kinematics = pflow(constituent, member["jet"])
            pdgid = abs(constituent["pdgid"])
            flags = [pdgid == 22, pdgid == 13, pdgid == 11, pdgid in CHARGED_HADRONS, pdgid == 0]
            np.testing.assert_allclose(
                data["features"][row, slot], [*(kinematics[name] for name in order), *flags], 1e-6, 1e-6
            )
        assert not data["features"][row, len(stored) :].any()
        measured = [member["jet"][key] for key in ("pt", "eta", "phi", "energy", "sdmass", "n2")]
        assert data["jet_features"][row].tolist() == measured
        truth = [group["truth"][key] for key in ("pt", "eta", "phi", "energy")]
        np.testing.assert_array_equal(data["parton_features"][row], np.float32(truth))
        assert data["jettype"][row] == group["label"]
        assert data["truth_label"][row] == (group["label"] == 4)


def test_export_is_the_same_again(folder, campaign, tmp_path):
    shards = sorted((folder / "train").iterdir())
    write_rs3l(tmp_path / "rs3l", shards[::-1], campaign)
    write_rs3l_pairs(tmp_path / "pairs.h5", shards[::-1], campaign)
    for path in (folder / "rs3l").iterdir():
        assert (tmp_path / "rs3l" / path.name).read_bytes() == path.read_bytes()
    assert (tmp_path / "pairs.h5").read_bytes() == (folder / "pairs.h5").read_bytes()


def test_another_order_of_augmentations_only_reorders_the_columns(tmp_path):
    names = ["nominal", "seed", "fsrRenHi"]
    one = make_campaign(augmentations=names, groups={"require": "nominal"})
    other = make_campaign(augmentations=names[::-1], groups={"require": "nominal"})
    export(tmp_path / "one", one)
    export(tmp_path / "other", other)
    with (
        h5py.File(tmp_path / "one" / "rs3l" / "rs3l_0.h5") as first,
        h5py.File(tmp_path / "other" / "rs3l" / "rs3l_0.h5") as second,
    ):
        for name in ("singletons", "jet_pflow_cands", "seed", "present"):
            np.testing.assert_array_equal(first[name][:], second[name][:][:, ::-1])
        assert len(first["event"]) > 10
    with (
        h5py.File(tmp_path / "one" / "pairs.h5") as first,
        h5py.File(tmp_path / "other" / "pairs.h5") as second,
    ):
        for name in ("features", "vartype", "seed", "event"):
            np.testing.assert_array_equal(first[name][:], second[name][:])


def test_split_without_rows_gives_files_with_all_datasets(tmp_path):
    campaign = make_campaign(
        dataset={"splits": {"train": 1, "val": 0, "test": 0}}, events=5, processes={"higgs": None}
    )
    write_split(tmp_path / "val", all_groups(tmp_path, campaign), campaign, "val")
    shards = sorted((tmp_path / "val").iterdir())
    write_rs3l(tmp_path / "rs3l", shards, campaign)
    write_rs3l_pairs(tmp_path / "pairs.h5", shards, campaign)
    with h5py.File(tmp_path / "rs3l" / "rs3l_0.h5") as file:
        assert file["singletons"].shape == (0, 5, 15)
        assert file["jet_pflow_cands"].shape == (0, 5, 11, 100)
        assert file["weight"].dtype == np.float64
    with h5py.File(tmp_path / "pairs.h5") as file:
        assert file["features"].shape == (0, 100, 15)
        assert file.attrs["groups"] == 0


def test_other_realizations_are_refused(tmp_path, folder):
    other = make_campaign(augmentations=["nominal", "seed"])
    shards = sorted((folder / "train").iterdir())
    for write, output in ((write_rs3l, tmp_path / "rs3l"), (write_rs3l_pairs, tmp_path / "pairs.h5")):
        with pytest.raises(
            DataError, match=r"train-00000.parquet: realizations \['nominal', 'seed', 'fsrRenHi'"
        ):
            write(output, shards, other)
    assert list(tmp_path.iterdir()) == []


def test_no_shards_are_refused(tmp_path, campaign):
    with pytest.raises(DataError, match="no shards given"):
        write_rs3l_pairs(tmp_path / "pairs.h5", [], campaign)


@pytest.mark.parametrize("formats", [["rs3l"], ["rs3l_pairs"]])
def test_constituents_below_one_gev_are_refused_before_anything_runs(formats):
    soft = make_campaign(jets={"constituent_pt_min": 0.5}, dataset={"formats": formats})
    with pytest.raises(ConfigError, match=r"jets.constituent_pt_min: 0.5 GeV; .* needs at least 1 GeV"):
        check_export(soft)
    check_export(make_campaign(jets={"constituent_pt_min": 0.5}, dataset={"formats": []}))
    check_export(make_campaign(dataset={"formats": formats}))


def test_pairs_need_an_augmentation():
    alone = make_campaign(augmentations=["nominal"])
    with pytest.raises(ConfigError, match="needs an augmentation beside 'nominal'"):
        check_export(alone)


def test_authors_realizations_keep_their_numbers():
    campaign = make_campaign(
        augmentations=["isrRenHi", "fsrRenLo", "nominal", {"name": "seed", "replicas": 2}]
    )
    assert vartypes(campaign) == {"isrRenHi": 4, "fsrRenLo": 2, "nominal": -1, "seed": 0, "seed_2": 5}


@given(st.floats(1, 1e4, width=32), st.floats(-math.pi, math.pi), st.floats(-math.pi, math.pi))
def test_every_constituent_is_seen_and_its_azimuth_is_wrapped(pt, phi, axis):
    constituent = {"pt": np.array([pt]), "phi": np.array([phi])}
    jet = {"phi": np.array([axis])}
    assert np.float32(FEATURES["pt"](constituent, jet))[0] > 0
    difference = FEATURES["phi"](constituent, jet)[0]
    assert -math.pi <= difference <= math.pi
    assert math.cos(difference) == pytest.approx(math.cos(phi - axis), abs=1e-9)


def test_pt_that_rounds_to_one_is_stored_as_the_next_number():
    assert (
        GROUPS_SCHEMA.field("realizations")
        .type.value_type.field("constituents")
        .type.value_type.field("pt")
        .type
        == pa.float32()
    )
    found = FEATURES["pt"]({"pt": np.array([1.0])}, {})[0]
    assert np.float32(found) == pytest.approx(
        np.log(float(np.nextafter(np.float32(1), np.float32(2)))), rel=1e-6
    )


def test_jettypes_may_be_those_of_the_authors_loader(tmp_path):
    theirs = make_campaign(
        dataset={"events_per_shard": 40, "rs3l_constituents": 20, "rs3l_jettypes": "authors"}
    )
    export(tmp_path, theirs)
    assert {label for _, rows in shards_with_rows(tmp_path) for label in (row["label"] for row in rows)} == {
        0, 4, 12,
    }  # fmt: skip
    found = set()
    for index, _ in shards_with_rows(tmp_path):
        with h5py.File(tmp_path / "rs3l" / f"rs3l_{index}.h5") as file:
            jettype, present = file["singletons"][:, :, 0], file["present"][:]
            found |= set(jettype[present].astype(int).tolist())
            names = [name.split(" ", 1) for name in map(str, file.attrs["jettypes"])]
    assert found == {0, 4, 11}
    assert [number for number, name in names if name == "top"] == ["11"]


def test_one_number_for_two_jets_is_refused():
    both = make_campaign(
        processes={"wjet": None, "top": None}, dataset={"formats": ["rs3l"], "rs3l_jettypes": "authors"}
    )
    with pytest.raises(ConfigError) as error:
        check_export(both)
    assert str(error.value) == (
        "dataset.rs3l_jettypes: 'authors' has 11 for both W→qq and top; "
        "make a campaign of each, or keep 'reader'"
    )
