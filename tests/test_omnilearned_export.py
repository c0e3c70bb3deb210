"""Read back as OmniLearned's own data loader does: row by row, by the positions of the features."""

import json
import math

import h5py
import numpy as np
import pytest
from exported import empty_split, make_split, members_absent, views
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_campaign

from jetresim.dataset.omnilearned import KINDS, particle_kind, write_omnilearned

PID_INDEX, ADDITIONAL = 4, 4
SIZE = 12


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(
        groups={"require": "any"}, dataset={"events_per_shard": 40, "omnilearned_constituents": SIZE}
    )


@pytest.fixture(scope="module")
def split(tmp_path_factory, campaign):
    folder = tmp_path_factory.mktemp("split")
    shards = make_split(folder, campaign)
    write_omnilearned(folder / "omnilearned", shards, campaign)
    return folder / "omnilearned", shards


def samples(folder):
    """What the loader makes of each row: kinematics, pid and additional features of M particles, label."""
    for index in range(len(list(folder.iterdir()))):
        with h5py.File(folder / f"omnilearned_{index}.h5") as file:
            for row in range(len(file["data"])):
                data = file["data"][row]
                pid = data[:, PID_INDEX].astype(int)
                rest = np.concatenate([data[:, :PID_INDEX], data[:, PID_INDEX + 1 :]], axis=1)
                identity = {
                    name: file[name][row].item() for name in ("event", "target", "augmentation", "seed")
                }
                yield (
                    rest[:, :-ADDITIONAL],
                    pid,
                    rest[:, -ADDITIONAL:],
                    int(file["pid"][row]),
                    file["global"][row],
                    identity,
                )


def test_every_present_member_is_a_row_with_its_features(split):
    folder, shards = split
    found = list(samples(folder))
    expected = views(shards)
    assert len(found) == len(expected) > 50
    for (kinematics, pid, added, label, whole, identity), (group, place, member) in zip(
        found, expected, strict=True
    ):
        jet, constituents = member["jet"], member["constituents"][:SIZE]
        assert label == group["label"]
        assert identity == {
            **{name: group[name] for name in ("event", "target")},
            "augmentation": place,
            "seed": member["seed"],
        }
        assert np.count_nonzero(kinematics[:, 2]) == len(constituents)
        assert not kinematics[len(constituents) :].any()
        assert whole == pytest.approx(
            [jet["pt"], jet["eta"], jet["mass"], jet["sdmass"], len(constituents)], rel=1e-6
        )
        for row, constituent in enumerate(constituents):
            deta, dphi, ln_pt, ln_energy = kinematics[row]
            assert deta == pytest.approx(constituent["eta"] - jet["eta"], abs=1e-5)
            assert math.cos(dphi) == pytest.approx(math.cos(constituent["phi"] - jet["phi"]), abs=1e-5)
            assert math.exp(ln_pt) == pytest.approx(constituent["pt"], rel=1e-5)
            assert math.exp(ln_energy) == pytest.approx(constituent["energy"], rel=1e-5)
            kind = KINDS[pid[row]]
            hadron = {211: 1, -211: -1, 130: 0}
            assert hadron.get(kind, constituent["charge"]) == constituent["charge"]
            assert kind in hadron or kind == constituent["pdgid"]
            d0, d0_error, dz, dz_error = added[row]
            assert [d0, dz] == pytest.approx(
                [math.tanh(constituent[name]) for name in ("d0", "dz")], abs=1e-5
            )
            assert d0_error == dz_error == 0


def test_rows_are_counted_and_every_item_has_them(split, campaign):
    folder, shards = split
    rows = absent = 0
    for path in folder.iterdir():
        with h5py.File(path) as file:
            assert {len(item) for item in file.values()} == {len(file["data"])}
            export = json.loads(file.attrs["metadata"])["export"]
            assert export["rows"] == len(file["data"])
            rows, absent = rows + export["rows"], absent + export["absent_members"]
    assert (rows, absent) == (len(views(shards)), members_absent(shards))


def test_split_without_rows_has_all_items(tmp_path):
    shards, campaign = empty_split(tmp_path)
    write_omnilearned(tmp_path / "out", shards, campaign)
    with h5py.File(tmp_path / "out" / "omnilearned_0.h5") as file:
        assert file["data"].shape == (0, 150, 9)
        assert file["global"].shape == (0, 5)


@given(st.sampled_from([11, -11, 13, -13, 22, 0, 130, 211, -211, 321, -2212, 2112, 3312]), st.integers(-1, 1))
def test_kinds_are_leptons_photons_and_hadrons_by_charge(pdgid, charge):
    kind = KINDS[particle_kind(np.array([pdgid]), np.array([charge])).item()]
    if abs(pdgid) in (11, 13, 22):
        assert kind == pdgid
    else:
        assert kind == {1: 211, -1: -211, 0: 130}[charge]


def test_empty_slots_are_no_kind_of_particle():
    assert KINDS[3] == 0
    assert sorted(KINDS) == list(KINDS)
