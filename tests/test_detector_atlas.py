"""The ATLAS-like detector beside RS3L's, alone and in the same groups."""

import math

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import uproot
from jets_samples import batch_of
from pydantic import ValidationError
from synthetic import all_groups, make_campaign

from jetresim import simulate
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.detector import DetectorOptions
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.dataset.assemble import write_split
from jetresim.dataset.jetclass import write_jetclass
from jetresim.dataset.reader import open_groups
from jetresim.detectors.parameters import Efficiency
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.jets.parquet import parquet_files
from jetresim.showers.registry import Job
from jetresim.workflow.stages.groups import make_groups
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.campaigns import campaign

NUMBER, PT, ETA = 4000, 20.0, 0.3


def shot(name, pdgid, mass=0.0, pt=PT, eta=ETA, **options):
    """Candidates of `NUMBER` events of one particle."""
    pz = pt * math.sinh(eta)
    row = (pdgid, pt, 0.0, pz, math.sqrt(pt * pt + pz * pz + mass * mass), 0, 0, 0, 0)
    batch = batch_of(np.tile(np.array(row, dtype=float), (NUMBER, 1)), [1] * NUMBER)
    return ParametrizedDetector(1, "nominal", DetectorOptions(name=name, **options)).candidates(batch)


def response(found, pt=PT):
    """Mean and relative width of the summed pT of the events, and the share of them with a track."""
    total = ak.to_numpy(ak.sum(found.px, axis=1))
    tracked = ak.to_numpy(ak.any(found.charge != 0, axis=1))
    return total.mean() / pt, total.std() / total.mean(), tracked.mean()


# Of each kind: width of the muon's track or of the tower it ends in, and the probability of a track, as the
# two cards have them at this pT and eta.
ENERGY = PT * math.cosh(ETA)
EXPECTED = {
    ("cms_phase2", 13): (0.00575, 1.0),
    ("atlas", 13): (math.hypot(0.01, 1e-4 * PT), 0.99),
    ("cms_phase2", 22): (
        math.hypot(math.sqrt(0.009**2 + 0.12**2 / ENERGY + (0.45 / ENERGY) ** 2), 0.01),
        0.0,
    ),
    ("atlas", 22): (math.hypot(0.0017, 0.101 / math.sqrt(ENERGY)), 0.0),
    ("cms_phase2", 130): (math.hypot(0.05, 1.0 / math.sqrt(ENERGY)), 0.0),
    ("atlas", 130): (math.sqrt(0.0302**2 + 0.5205**2 / ENERGY + (1.59 / ENERGY) ** 2), 0.0),
}


@pytest.mark.parametrize(("name", "pdgid"), EXPECTED)
def test_response_of_each_kind_is_that_of_the_card(name, pdgid):
    found = shot(name, pdgid, mass=0.1 if pdgid == 13 else 0.0)
    found = found[ak.num(found) > 0]
    width, tracked = EXPECTED[name, pdgid]
    mean, found_width, _ = response(found)
    assert mean == pytest.approx(1, abs=0.02)
    assert found_width == pytest.approx(width, rel=0.06)
    assert len(found) / NUMBER == pytest.approx(tracked or 1.0, abs=0.01)


def test_atlas_has_fewer_tracks_and_finer_towers():
    (_, cms_width, cms), (_, atlas_width, atlas) = (
        response(shot(name, 211, mass=0.14)) for name in ("cms_phase2", "atlas")
    )
    assert cms == pytest.approx(0.97, abs=0.01)
    assert atlas == pytest.approx(0.95, abs=0.012)
    assert atlas_width < 0.7 * cms_width


def test_impact_parameters_are_smeared_by_their_stored_errors():
    found = ak.flatten(shot("atlas", 13, mass=0.1))
    sigma = math.hypot(0.010, 0.140 / PT)
    np.testing.assert_allclose(found.d0err, sigma, rtol=1e-12)
    assert np.std(found.d0 / found.d0err) == pytest.approx(1, abs=0.04)
    assert np.std(found.dz / found.dzerr) == pytest.approx(1, abs=0.04)
    both = ak.flatten(shot("atlas", 13, mass=0.1, d0_resolution=0.02))
    np.testing.assert_allclose(both.d0err, math.hypot(sigma, 0.02), rtol=1e-12)
    neutral = ak.flatten(shot("atlas", 22))
    assert not np.any([neutral[name] for name in ("d0", "dz", "d0err", "dzerr")])
    assert "d0err" not in shot("cms_phase2", 13, mass=0.1).fields


# --- groups of two detectors ------------------------------------------------------------------------

PAIR = {
    "processes": {"qcd": {"cuts": {"pt_min": 500}}},
    "settings": {"PartonLevel:MPI": False},
    "detector": {"name": "cms_phase2"},
    "augmentations": [NOMINAL, {"name": "atlas", "intervene": "nothing", "detector": {"name": "atlas"}}],
    "dataset": {"splits": {"train": 1, "val": 0, "test": 0}},
    "groups": {"survivors_only": False},
    "events": 12,
}


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Shards of groups of one shower that two detectors have seen."""
    asked, folder = campaign(**PAIR), tmp_path_factory.mktemp("pair")
    survey, hard, groups = (folder / name for name in ("survey.json", "0.lhe.gz", "groups.parquet"))
    jets = {name: folder / f"{name}.parquet" for name in asked.realizations}
    make_survey(asked, "qcd", survey)
    make_hard(asked, "qcd", 0, survey, hard)
    make_jets(asked, "qcd", 0, hard, jets, Job(folder, 0))
    make_groups(asked, "qcd", 0, survey, hard, list(jets.values()), groups)
    write_split(folder / "dataset" / "train", [groups], asked, "train")
    return asked, parquet_files(folder / "dataset" / "train")


def test_one_shower_is_seen_by_two_detectors(split):
    _, (shard,) = split
    rows = pq.read_table(shard).to_pylist()
    pairs = [
        [m["jet"]["pt"] for m in row["realizations"]]
        for row in rows
        if all(m["present"] for m in row["realizations"])
    ]
    ratios = np.array([second / first for first, second in pairs])
    assert len(ratios) > 4
    assert np.all(ratios != 1)
    assert np.abs(ratios - 1).max() < 0.2


def test_errors_are_stored_where_a_detector_smears_and_0_elsewhere(split):
    _, (shard,) = split
    for member, expected in zip(("nominal", "atlas"), (False, True), strict=True):
        (table,) = [open_groups(shard).select(realizations=[member]).to_arrow()]
        parts = pc.list_flatten(pc.struct_field(pc.list_flatten(table["realizations"]), "constituents"))
        charge, error = (np.asarray(pc.struct_field(parts, name)) for name in ("charge", "dzerr"))
        assert np.all((error > 0) == ((charge != 0) & expected))


def test_loaders_give_the_pair_with_its_errors(split):
    pytest.importorskip("torch")
    from jetresim.loaders.datasets import GroupDataset

    dataset = GroupDataset(open_groups(split[1][0]), features=["charge", "d0err"], constituents=20)
    assert len(dataset) > 4
    batch = dataset[list(range(len(dataset)))]
    charged, error = (batch["x"][..., feature].numpy() != 0 for feature in (0, 1))
    atlas = batch["realization"].numpy() == 1
    assert np.array_equal(atlas.sum(axis=1), np.ones(len(dataset)))
    assert np.array_equal(error, charged & atlas[..., np.newaxis])


def test_exports_have_the_errors(split, tmp_path):
    asked, shards = split
    write_jetclass(tmp_path / "jetclass", shards, asked)
    tree = uproot.open(tmp_path / "jetclass" / "jetclass_0.root")["tree"].arrays(
        ["augmentation", "part_charge", "part_d0err"], library="ak"
    )
    expected = (tree.augmentation == 1) & (tree.part_charge != 0)
    assert ak.all((tree.part_d0err > 0) == expected)


def test_a_column_that_the_files_do_not_have_is_named(tmp_path):
    (groups, *_) = all_groups(tmp_path, make_campaign())
    with pytest.raises(DataError, match=r"has no column realizations\.constituents\.d0err"):
        open_groups(groups).padded(features=["pt", "d0err"])


def test_nothing_drawn_anew_is_the_anchor_where_no_option_matters(split, tmp_path):
    same = {"name": "same", "intervene": "nothing", "detector": {"efficiency": 1 + 1e-12}}
    again = {"name": "again", "intervene": "detector"}
    asked = campaign(
        **PAIR | {"augmentations": [NOMINAL, same, again], "events": 4, "groups": {"survivors_only": False}}
    )
    tables = {
        name: pa.concat_tables(simulate(asked, "qcd", name)).drop_columns(["seed"])
        for name in asked.realizations
    }
    assert tables["same"] == tables[NOMINAL] != tables["again"]


@pytest.mark.parametrize("detector", [{}, {"name": "cms_phase2"}, {"efficiency": 1.0}])
def test_nothing_drawn_anew_needs_another_detector(detector):
    with pytest.raises(ConfigError, match="draws nothing anew, so it needs another detector"):
        campaign(
            detector={"name": "cms_phase2"},
            augmentations=[NOMINAL, {"name": "x", "intervene": "nothing", "detector": detector}],
        )


def test_an_efficiency_has_no_terms_in_quadrature():
    pieces = [{"abs_eta": (0, 1), "pt": (0, 1), "rising": 0.1}]
    with pytest.raises(ValidationError, match="an efficiency has no terms in quadrature"):
        Efficiency(charged_hadrons=pieces, electrons=[], muons=[])
