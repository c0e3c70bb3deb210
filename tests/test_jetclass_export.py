import json
import math
import runpy
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import uproot
from exported import empty_split, make_split, members_absent, varied, views
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_campaign

from jetresim.campaign.config import FORMATS
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.processes import LABELS as JETTYPES
from jetresim.dataset.jetclass import LABELS, truth_match, write_jetclass
from jetresim.workflow.stages.dataset import EXPORTS

WEAVER_CONFIG = Path(__file__).parents[1] / "config" / "weaver" / "jetclass.yaml"
CLASSES = ["QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl"]
PARTICLES = [
    *("px", "py", "pz", "energy", "deta", "dphi", "d0val", "d0err", "dzval", "dzerr", "charge"),
    *("isChargedHadron", "isNeutralHadron", "isPhoton", "isElectron", "isMuon"),
]
PUBLISHED = {
    *(f"part_{name}" for name in PARTICLES),
    *(f"jet_{name}" for name in ("pt", "eta", "phi", "energy", "nparticles", "sdmass")),
    *(f"jet_tau{number}" for number in range(1, 5)),
    *(f"label_{name}" for name in CLASSES),
    *(f"aux_genpart_{name}" for name in ("pt", "eta", "phi", "pid")),
    "aux_truth_match",
}


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(groups={"require": "any"})


@pytest.fixture(scope="module")
def shards(tmp_path_factory, campaign):
    shards = make_split(tmp_path_factory.mktemp("results"), campaign)
    varied(shards[0])
    return shards


@pytest.fixture(scope="module")
def files(tmp_path_factory, campaign, shards):
    folder = tmp_path_factory.mktemp("export") / "jetclass"
    write_jetclass(folder, shards, campaign)
    return [folder / f"jetclass_{index}.root" for index in range(len(shards))]


def entries(path):
    return uproot.open(path)["tree"].arrays(library="ak").to_list()


def expected_particles(member):
    jet = member["jet"]
    sign = 1 if jet["eta"] > 0 else -1
    found = {name: [] for name in PARTICLES}
    for each in member["constituents"]:
        kind = abs(each["pdgid"])
        dphi = each["phi"] - jet["phi"]
        row = {
            "px": each["pt"] * math.cos(each["phi"]),
            "py": each["pt"] * math.sin(each["phi"]),
            "pz": each["pt"] * math.sinh(each["eta"]),
            "energy": each["energy"],
            "deta": sign * (each["eta"] - jet["eta"]),
            "dphi": math.atan2(math.sin(dphi), math.cos(dphi)),
            "d0val": each["d0"],
            "d0err": 0,
            "dzval": each["dz"],
            "dzerr": 0,
            "charge": each["charge"],
            "isChargedHadron": int(kind in {211, 321, 2212, 3112, 3222, 3312, 3334}),
            "isNeutralHadron": int(kind == 0),
            "isPhoton": int(kind == 22),
            "isElectron": int(kind == 11),
            "isMuon": int(kind == 13),
        }
        for name, value in row.items():
            found[name].append(value)
    return found


def test_a_file_has_the_published_branches_and_a_row_for_each_member_that_is_present(files, shards):
    for path, shard in zip(files, shards, strict=True):
        tree = uproot.open(path)["tree"]
        assert tree.num_entries == len(views([shard]))
        added = set(tree.keys()) - PUBLISHED
        assert set(tree.keys()) >= PUBLISHED
        assert added == {
            *("npart", "group_process", "group_event", "group_target"),
            *("augmentation", "jettype", "seed", "weight"),
        }
        assert {tree[name].typename for name in PUBLISHED if name.startswith("part_")} == {"float[]"}


def test_particles_equal_the_groups(files, shards):
    signs, lengths = set(), set()
    for path, shard in zip(files, shards, strict=True):
        for entry, (_, _, member) in zip(entries(path), views([shard]), strict=True):
            expected = expected_particles(member)
            for name, values in expected.items():
                assert entry[f"part_{name}"] == pytest.approx(values, rel=1e-6, abs=1e-6), name
            assert entry["npart"] == entry["jet_nparticles"] == len(member["constituents"])
            signs.add(math.copysign(1, member["jet"]["eta"]))
            lengths.add(len(member["constituents"]))
    assert signs == {-1, 1}
    assert 0 in lengths


def test_jets_truth_and_identity_equal_the_groups(files, shards, campaign):
    processes = list(campaign.processes)
    codes = {"higgs": 41, "dijet": 50, "top": 12}
    for path, shard in zip(files, shards, strict=True):
        for entry, (group, place, member) in zip(entries(path), views([shard]), strict=True):
            jet, truth = member["jet"], group["truth"]
            names = ("pt", "eta", "phi", "energy", "sdmass", "tau1", "tau2", "tau3", "tau4")
            assert [entry[f"jet_{name}"] for name in names] == [jet[name] for name in names]
            for name, field in {"pt": "pt", "eta": "eta", "phi": "phi", "pid": "pdgid"}.items():
                assert entry[f"aux_genpart_{name}"] == np.float32(truth[field])
            assert entry["aux_truth_match"] == codes[group["process"]]
            assert processes[entry["group_process"]] == group["process"]
            assert (entry["group_event"], entry["group_target"]) == (group["event"], group["target"])
            assert (entry["augmentation"], entry["jettype"]) == (place, group["label"])
            assert (entry["seed"], entry["weight"]) == (member["seed"], group["weight"])
            assert [name for name in CLASSES if entry[f"label_{name}"]] == [
                {4: "Hbb", 0: "QCD", 12: "Tbqq"}[group["label"]]
            ]


def test_metadata_name_the_realizations_and_count_the_absent(files, shards, campaign):
    for path, shard in zip(files, shards, strict=True):
        metadata = json.loads(str(uproot.open(path)["metadata"]))
        assert metadata["realizations"] == campaign.realizations
        assert list(metadata["campaign"]["processes"]) == sorted(campaign.processes)
        assert metadata["export"] == {
            "format": "jetclass",
            "rows": len(views([shard])),
            "absent_members": members_absent([shard]),
        }
    assert members_absent(shards) > 10


def standardized(particles, jet):
    """The inputs that the data configuration describes, shape (15, n)."""
    pt = np.hypot(particles["px"], particles["py"])
    rows = [
        (np.log(pt) - 2) * 0.7,
        (np.log(pt / jet["pt"]) + 4.5) * 0.7,
        particles["deta"],
        particles["dphi"],
        (np.log(particles["energy"]) - 2.5) * 0.7,
        (np.log(particles["energy"] / jet["energy"]) + 4.5) * 0.7,
        particles["charge"],
        np.tanh(particles["d0val"]),
        np.tanh(particles["dzval"]),
        (np.hypot(particles["deta"], particles["dphi"]) - 0.2) * 4,
        *(
            particles[f"is{kind}"]
            for kind in ("Photon", "Muon", "Electron", "ChargedHadron", "NeutralHadron")
        ),
    ]
    scaled = {0, 1, 4, 5, 9}
    return np.array([np.clip(row, -5, 5) if index in scaled else row for index, row in enumerate(rows)])


def test_weaver_reads_the_files_unmodified(files, shards, campaign):
    torch = pytest.importorskip("torch", reason="weaver needs PyTorch")
    dataset = pytest.importorskip("weaver.utils.dataset", reason="weaver-core is not installed")
    data = dataset.SimpleIterDataset(
        {"_": [str(path) for path in files]},
        str(WEAVER_CONFIG),
        for_training=False,
        fetch_by_files=True,
        fetch_step=1,
        async_load=False,
    )
    found = 0
    expected = iter(views(shards))
    for inputs, labels, observers in torch.utils.data.DataLoader(data, batch_size=16):
        points, features, vectors, mask = (
            inputs[name].numpy() for name in ("pf_points", "pf_features", "pf_vectors", "pf_mask")
        )
        for row in range(len(mask)):
            group, place, member = next(expected)
            particles = {name: np.array(values) for name, values in expected_particles(member).items()}
            count = len(member["constituents"])
            assert mask[row, 0].tolist() == [1.0] * count + [0.0] * (128 - count)
            four = np.array([particles[name] for name in ("px", "py", "pz", "energy")])
            np.testing.assert_allclose(vectors[row, :, :count], four, 1e-5, 1e-5)
            axes = np.array([particles["deta"], particles["dphi"]])
            np.testing.assert_allclose(points[row, :, :count], axes, 1e-5, 1e-5)
            expected_features = standardized(particles, member["jet"])
            np.testing.assert_allclose(features[row, :, :count], expected_features, 1e-4, 1e-4)
            assert CLASSES[labels["_label_"][row]] == {4: "Hbb", 0: "QCD", 12: "Tbqq"}[group["label"]]
            assert observers["jet_pt"][row] == member["jet"]["pt"]
            assert observers["group_event"][row] == group["event"]
            assert observers["augmentation"][row] == place
            found += 1
    assert found == len(views(shards)) > 100


def test_weaver_trains_on_the_files(files, shards):
    pytest.importorskip("torch", reason="weaver needs PyTorch")
    dataset = pytest.importorskip("weaver.utils.dataset", reason="weaver-core is not installed")
    data = dataset.SimpleIterDataset(
        {"_": [str(path) for path in files]},
        str(WEAVER_CONFIG),
        for_training=True,
        fetch_step=1,
        name="train",
    )
    seen = [bool(np.isfinite(inputs["pf_features"]).all()) for inputs, _, _ in data]
    assert all(seen)
    assert len(seen) == len(views(shards))


def test_network_for_weaver_scores_every_class_of_the_files(files):
    torch = pytest.importorskip("torch", reason="weaver needs PyTorch")
    dataset = pytest.importorskip("weaver.utils.dataset", reason="weaver-core is not installed")
    data = dataset.SimpleIterDataset(
        {"_": [str(files[0])]}, str(WEAVER_CONFIG), for_training=False, fetch_step=1, async_load=False
    )
    given = runpy.run_path(str(WEAVER_CONFIG.with_name("particlenet.py")))
    network, names = given["get_model"](data.config)
    inputs, labels, _ = next(iter(torch.utils.data.DataLoader(data, batch_size=16)))
    scores = network(*(inputs[name] for name in names["input_names"]))
    assert scores.shape == (16, len(CLASSES))
    given["get_loss"](data.config)(scores, labels["_label_"]).backward()
    assert all(torch.isfinite(each.grad).all() for each in network.parameters() if each.grad is not None)


def frozen(monkeypatch, year):
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda: datetime(year, 1, 2, 3, 4, 5)))
    monkeypatch.setattr("uproot.writing._cascade.datetime", clock)
    monkeypatch.setattr("uproot.writing._cascadetree.datetime", clock)


def test_files_differ_in_nothing_but_the_times_of_root(tmp_path, shards, campaign, monkeypatch):
    for name, year in (("one", 2001), ("again", 2001), ("later", 2031)):
        frozen(monkeypatch, year)
        write_jetclass(tmp_path / name, shards[::-1], campaign)
    for path in (tmp_path / "one").iterdir():
        content = path.read_bytes()
        assert (tmp_path / "again" / path.name).read_bytes() == content
        later = (tmp_path / "later" / path.name).read_bytes()
        assert later != content
        assert len(later) == len(content)
        assert entries(tmp_path / "later" / path.name) == entries(path)


def test_split_without_rows_gives_a_tree_with_all_branches(tmp_path):
    shards, campaign = empty_split(tmp_path)
    write_jetclass(tmp_path / "jetclass", shards, campaign)
    tree = uproot.open(tmp_path / "jetclass" / "jetclass_0.root")["tree"]
    assert tree.num_entries == 0
    assert set(tree.keys()) >= PUBLISHED


def test_every_jettype_of_jetclass_has_exactly_one_label():
    known = sorted(jettype for jettype, name in JETTYPES.items() if not name.startswith("X"))
    assert sorted(jettype for types in LABELS.values() for jettype in types) == known
    assert list(LABELS) == [f"label_{name}" for name in CLASSES]


@pytest.mark.parametrize(
    ("label", "pdgids", "code"),
    [
        *((12, pdgids, 12) for pdgids in ((5, 2, 1), (3, 2, 1))),
        *((12, pdgids, 11) for pdgids in ((5, 4, 3), (3, 4, 3), (5, 2, 5))),
        *((9, pdgids, 22) for pdgids in ((2, 1), (2, 3))),
        *((9, pdgids, 21) for pdgids in ((4, 3), (2, 5))),
        (11, (5, 5), 31),
        (10, (4, 4), 32),
        (10, (1, 1), 33),
        (4, (5, 5), 41),
        (13, (4, 4), 42),
        (14, (21, 21), 44),
        (15, (4, 3, 1, 2), 45),
        (16, (4, 3, 11), 46),
        (17, (5, 11), 15),
        (17, (5, 13), 16),
        (18, (5, 5), 0),
        (21, (21, 21), 0),
        *((label, (), 50) for label in (0, 1, 2, 3)),
        *((label, (5, 5), 50) for label in (5, 6, 7, 8)),
    ],
)
def test_truth_match_is_the_number_of_jetclass(label, pdgids, code):
    counts = (np.array([pdgids.count(flavour)]) for flavour in (4, 5, 11))
    assert truth_match(np.array([label], np.int8), *counts).tolist() == [code]


FAMILIES = {
    **dict.fromkeys((11, 12), "label_Tbqq"),
    **dict.fromkeys((15, 16), "label_Tbl"),
    **dict.fromkeys((21, 22), "label_Wqq"),
    **dict.fromkeys((31, 32, 33), "label_Zqq"),
    **dict(
        zip(
            (41, 42, 44, 45, 46),
            ("label_Hbb", "label_Hcc", "label_Hgg", "label_H4q", "label_Hqql"),
            strict=True,
        )
    ),
    50: "label_QCD",
}


@given(st.sampled_from(sorted(JETTYPES)), st.tuples(*[st.integers(0, 3)] * 3))
def test_truth_match_agrees_with_the_label(label, counts):
    code = truth_match(np.array([label], np.int8), *(np.array([count]) for count in counts)).item()
    assert label in LABELS[FAMILIES[code]] if code else JETTYPES[label].startswith("X")


def test_no_shards_and_other_campaigns_are_refused(tmp_path, shards, campaign):
    with pytest.raises(DataError, match="no shards given"):
        write_jetclass(tmp_path / "jetclass", [], campaign)
    with pytest.raises(DataError, match=r"realizations \['nominal', 'seed', 'fsrRenHi'"):
        write_jetclass(tmp_path / "jetclass", shards, make_campaign(augmentations=["nominal", "seed"]))
    assert list(tmp_path.iterdir()) == []


def test_unknown_formats_are_refused():
    assert tuple(EXPORTS) == FORMATS
    with pytest.raises(ConfigError, match=r"dataset\.formats\.0: must be 'rs3l'.* or 'omnilearned'"):
        make_campaign(dataset={"formats": ["root"]})
