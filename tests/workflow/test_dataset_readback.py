"""A simulated dataset, read with pyarrow and h5py and nothing of ours."""

import json

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

SPLITS = ("train", "val", "test")
NAMES = ["nominal", "seed", "rehadronize"]
PROCESSES = ["qcd", "higgs"]
GEV = 1e-3  # what single precision leaves of sums of some hundred GeV, relative
FEATURES = ["pt", "relpt", "eta", "phi", "dr", "e", "rele", "charge", "pdgid", "d0", "dz"]


@pytest.fixture(scope="module")
def dataset(finished):
    return finished / "results" / "small" / "dataset"


@pytest.fixture(scope="module")
def groups(dataset):
    """All groups as Python objects."""
    return [row for split in SPLITS for row in pq.read_table(dataset / split).to_pylist()]


@pytest.fixture(scope="module")
def metadata(dataset):
    stored = pq.read_metadata(dataset / "train" / "train-00000.parquet").metadata
    return json.loads(stored[b"rs3l"])


@pytest.fixture(scope="module")
def hdf5(dataset, metadata):
    """Datasets of all RS3L files of the training split, in the order of their numbers."""
    paths = sorted((dataset / "rs3l" / "train").glob("*.h5"))
    assert [path.name for path in paths] == [f"rs3l_{number}.h5" for number in range(len(paths))]
    found = {}
    for path in paths:
        with h5py.File(path) as file:
            for name in ("singletons", "jet_pflow_cands", "present", "seed", "event", "process", "weight"):
                found.setdefault(name, []).append(file[name][:])
            assert file.attrs["processes"].tolist() == PROCESSES
            assert json.loads(file.attrs["metadata"]) == metadata
    return {name: np.concatenate(parts) for name, parts in found.items()}


def test_columns_are_those_of_the_contract(dataset, groups):
    schema = pq.read_schema(dataset / "train" / "train-00000.parquet")
    types = {name: str(schema.field(name).type) for name in schema.names[:5]}
    assert types == {
        "process": "string",
        "event": "int64",
        "target": "int8",
        "label": "int8",
        "weight": "double",
    }
    assert schema.names[5:] == ["weights", "truth", "realizations"]
    assert {len(group["realizations"]) for group in groups} == {len(NAMES)}
    member = groups[0]["realizations"][0]
    assert list(member) == ["present", "status", "seed", "jet", "constituents"]
    single = {"pt", "eta", "phi", "energy", "mass", "sdmass", "n2", "d2", "tau1", "tau2", "tau3", "tau4"}
    assert set(member["jet"]) == single | {"nconstituents"}
    assert list(member["constituents"][0]) == ["pt", "eta", "phi", "energy", "charge", "pdgid", "d0", "dz"]


def test_metadata_say_how_it_was_made(dataset, metadata, groups):
    assert metadata["schema"] == 1
    assert metadata["realizations"] == NAMES
    assert metadata["campaign"]["seed"] == 20240307
    assert set(metadata["versions"]) >= {"pythia8mc", "fastjet", "pylhe", "python"}
    hard = dataset.parent / "hard"
    surveys = {process: json.loads((hard / process / "survey.json").read_text()) for process in PROCESSES}
    assert metadata["warnings"] == {process: surveys[process]["warnings"] for process in PROCESSES}
    for process, events in (("qcd", 500), ("higgs", 15)):
        totals, counts = metadata["totals"][process], metadata["counts"][process]
        kept = sum(group["process"] == process for group in groups)
        assert (totals["hard_events"], totals["groups"]) == (events, kept)
        for name in NAMES:
            assert (counts[name]["tried"], counts[name]["kept"]) == (events, kept)
            outcomes = sum(counts[name].values()) - counts[name]["tried"] - counts[name]["kept"]
            assert outcomes == events


def test_groups_are_whole_distinct_and_in_one_split(dataset, groups):
    identities = [(group["process"], group["event"], group["target"]) for group in groups]
    assert len(set(identities)) == len(identities) > 300
    for group in groups:
        seeds = [member["seed"] for member in group["realizations"]]
        assert len(set(seeds)) == len(seeds)
        assert all(member["present"] and member["status"] == "matched" for member in group["realizations"])
        assert all(member["jet"]["pt"] > 400 for member in group["realizations"])
    shares = [sum(pq.read_table(dataset / split).num_rows for split in (name,)) for name in SPLITS]
    assert shares[0] > 4 * shares[1] > 0
    assert shares[2] > 0


def test_jet_is_the_sum_of_its_constituents(groups):
    for group in groups:
        for member in group["realizations"]:
            jet, parts = member["jet"], member["constituents"]
            pt = np.array([part["pt"] for part in parts])
            phi = np.array([part["phi"] for part in parts])
            assert len(parts) == jet["nconstituents"] <= 200
            assert (np.diff(pt) <= 0).all()
            assert pt.min() >= 1 - GEV
            assert np.hypot(pt @ np.cos(phi), pt @ np.sin(phi)) == pytest.approx(jet["pt"], rel=GEV)
            assert sum(part["energy"] for part in parts) == pytest.approx(jet["energy"], rel=GEV)
            assert 0 <= jet["sdmass"] <= jet["mass"] * (1 + GEV)


def test_hadronization_again_leaves_the_jet_where_it_was(groups):
    shared = [[group["realizations"][place]["jet"]["pt"] for place in range(3)] for group in groups]
    nominal, seed, rehadronized = np.array(shared).T
    assert np.median(np.abs(rehadronized / nominal - 1)) < np.median(np.abs(seed / nominal - 1)) / 2


def test_named_weights_are_those_of_the_file(groups):
    higgs = [group for group in groups if group["process"] == "higgs"]
    assert {len(group["weights"]) for group in higgs} == {9}
    for group in higgs:
        assert all(each["value"] == pytest.approx(group["weight"], rel=0.5) for each in group["weights"])
    assert {tuple(group["weights"]) for group in groups if group["process"] == "qcd"} == {()}
    # cross-section [pb] of the file times the fraction kept
    assert sum(group["weight"] for group in higgs) == pytest.approx(4.0602e-04 * len(higgs) / 15, rel=1e-9)


def test_hdf5_has_the_published_layout(dataset, hdf5):
    rows = pq.read_table(dataset / "train").num_rows
    assert hdf5["singletons"].shape == (rows, 3, 15)
    assert hdf5["jet_pflow_cands"].shape == (rows, 3, 11, 100)
    jettype = hdf5["singletons"][:, :, 0]
    assert set(jettype[hdf5["process"] == PROCESSES.index("higgs")].ravel()) == {4}
    assert set(jettype[hdf5["process"] == PROCESSES.index("qcd")].ravel()) <= {0, 1, 2, 3}
    assert hdf5["singletons"].dtype == hdf5["jet_pflow_cands"].dtype == np.float32
    with h5py.File(dataset / "rs3l" / "train" / "rs3l_0.h5") as file:
        assert file["jet_pflow_cands"].attrs["features"].tolist() == FEATURES
        assert file.attrs["realizations"].tolist() == NAMES


def test_hdf5_slots_are_filled_where_feature_0_is_positive(hdf5):
    candidates = hdf5["jet_pflow_cands"]
    filled = candidates[:, :, 0] > 0
    counts = filled.sum(axis=-1)
    assert (filled == (np.arange(100) < counts[..., np.newaxis])).all()
    assert not candidates.swapaxes(2, 3)[~filled].any()
    assert 1 < counts.min() < counts.max() <= 100
    assert np.isfinite(candidates).all()


def test_hdf5_features_follow_their_definitions(hdf5):
    columns = dict(zip(FEATURES, np.moveaxis(hdf5["jet_pflow_cands"].astype(np.float64), 2, 0), strict=True))
    jet_pt, jet_eta, _, jet_energy = np.moveaxis(hdf5["singletons"][:, :, 9:13].astype(np.float64), 2, 0)
    filled = columns["pt"] > 0
    for logarithm, relative, jet in (("pt", "relpt", jet_pt), ("e", "rele", jet_energy)):
        difference = columns[logarithm] - np.log(jet)[..., np.newaxis]
        np.testing.assert_allclose(columns[relative][filled], difference[filled], atol=1e-5)
    distance = np.hypot(columns["eta"], columns["phi"])
    np.testing.assert_allclose(columns["dr"][filled], distance[filled], atol=1e-6)
    pt, eta = np.exp(columns["pt"]), columns["eta"] + jet_eta[..., np.newaxis]
    massless = pt * np.cosh(eta)
    assert (np.exp(columns["e"])[filled] > massless[filled] * (1 - GEV)).all()
    assert (np.abs(columns["phi"]) <= np.pi).all()
    assert (np.abs(columns["d0"]) <= 1).all()
    assert (np.abs(columns["dz"]) <= 1).all()
    assert set(np.unique(columns["charge"])) <= {-1, 0, 1}
    # a jet without constituents cut away is the sum of them
    whole = ~filled[..., -1]
    x = np.where(filled, pt * np.cos(columns["phi"]), 0).sum(axis=-1)
    y = np.where(filled, pt * np.sin(columns["phi"]), 0).sum(axis=-1)
    np.testing.assert_allclose(np.hypot(x, y)[whole], jet_pt[whole], rtol=GEV)


def test_pairs_have_the_nominal_jet_first(dataset, groups):
    with h5py.File(dataset / "rs3l_pairs" / "train.h5") as file:
        content = {name: values[:] for name, values in file.items()}
    rows = len(content["event"])
    assert rows > 300
    assert content["features"].shape == (rows, 100, 15)
    assert (content["vartype"][::2] == -1).all()
    assert set(content["vartype"][1::2]) == {0, 4}
    for name in ("process", "event", "target", "jettype", "weight"):
        assert (content[name][::2] == content[name][1::2]).all()
    np.testing.assert_array_equal(content["parton_features"][::2], content["parton_features"][1::2])
    assert (content["seed"][::2] != content["seed"][1::2]).all()
    assert (content["truth_label"] == (content["process"] == PROCESSES.index("higgs"))).all()
    kinds = content["features"][..., 10:]
    filled = content["features"][..., 0] > 0
    assert (kinds.sum(axis=-1)[~filled] == 0).all()
    assert (kinds.sum(axis=-1) <= 1).all()
