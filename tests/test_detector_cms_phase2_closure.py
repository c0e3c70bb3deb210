"""cms_phase2 against what the real Delphes answered with the card of RS3L.

The recorded answers, in tests/data/detector: gun_summary.csv (mean and spread of what became of 20 000 single
particles of each kind at pT 0.5, 2, 10 and 50 GeV, uniform in |eta| < 2.5), displaced_tracks.npz (impact
parameters of pions produced off the beam line), higgs_particles.npz and higgs_candidates.npz (60 Herwig
events: the final particles and the candidates). All seeds are fixed, so each test passes always or never.
"""

import csv
from functools import cache
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from jetresim.campaign.config import Jets
from jetresim.campaign.detector import DetectorOptions
from jetresim.detectors.calorimeter import find_cells
from jetresim.detectors.columns import from_columns
from jetresim.detectors.parameters import load
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.detectors.particle_properties import charge_and_visibility
from jetresim.detectors.propagation import Cylinder, inside, propagate
from jetresim.jets.clustering import cluster
from jetresim.showers.protocol import ParticleBatch

DATA = Path(__file__).parent / "data" / "detector"
PARAMETERS = load()
DETECTOR = ParametrizedDetector(3, "closure", DetectorOptions(name="cms_phase2"), PARAMETERS)

MASS = {11: 0.000511, 13: 0.10566, 22: 0.0, 130: 0.49761, 310: 0.49761, 211: 0.13957}
PTS = (0.5, 2.0, 10.0, 50.0)
REGIONS = {"barrel": (0.0, 1.2), "transition": (1.2, 1.5), "endcap": (1.5, 2.5)}
KINDS = ("track", "photon", "neutral_hadron")


def batch_from(columns, counts) -> ParticleBatch:
    columns = {"t": np.zeros(len(columns["px"]))} | columns
    number = len(counts)
    return ParticleBatch(
        np.arange(number), np.ones(number, dtype=int), np.ones(number, bool), from_columns(columns, counts)
    )


# --- single particles -------------------------------------------------------------------------------


@cache
def gun(pdgid, pt, region, number=100_000):
    """Quantities of `number` single particles: one value each, of those that have it."""
    rng = np.random.default_rng(17)
    eta = rng.uniform(*REGIONS[region], number) * rng.choice([-1, 1], number)
    phi = rng.uniform(-np.pi, np.pi, number)
    # 10 GeV is an edge of two tables; rounding put the recorded particles on either side of it.
    pt = pt * (1 + rng.choice([-1e-9, 1e-9], number))
    px, py, pz, zero = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), np.zeros(number)
    energy = np.sqrt(px**2 + py**2 + pz**2 + MASS[pdgid] ** 2)
    columns = {
        "pdgid": np.full(number, pdgid, dtype=np.int32),
        "px": px,
        "py": py,
        "pz": pz,
        "energy": energy,
    }
    batch = batch_from(columns | {"x": zero, "y": zero, "z": zero}, np.ones(number, dtype=int))
    return quantities(DETECTOR.candidates(batch), pt)


def quantities(found, pt):
    found_pt = np.hypot(found.px, found.py)
    kind = {"photon": found.pdgid == 22, "neutral_hadron": found.pdgid == 0}
    kind["track"] = ~kind["photon"] & ~kind["neutral_hadron"]
    result = {
        "found": ak.num(found) > 0,
        "found_above_1GeV": ak.any(found_pt > 1, axis=1),
        "response": (ak.sum(found_pt, axis=1) / pt)[ak.num(found) > 0],
    }
    for name in KINDS:
        there = ak.any(kind[name], axis=1)
        result |= {name: there, f"{name}_response": (ak.sum(found_pt[kind[name]], axis=1) / pt)[there]}
    return {name: ak.to_numpy(values).astype(float) for name, values in result.items()}


@cache
def recorded_gun():
    with (DATA / "gun_summary.csv").open(encoding="utf-8", newline="") as stream:
        return [
            {**row, "pdgid": int(row["pdgid"]), "pt": float(row["pt"]), "count": int(row["count"]),
             "mean": float(row["mean"]), "std": float(row["std"])}
            for row in csv.DictReader(stream)
        ]  # fmt: skip


def deviations(pdgids, width=False):
    """Recorded minus simulated mean (or variance), in standard deviations, for everything recorded."""
    result = {}
    for row in recorded_gun():
        if row["pdgid"] not in pdgids or (width and "response" not in row["quantity"]):
            continue
        values = gun(row["pdgid"], row["pt"], row["region"])[row["quantity"]]
        recorded = row["mean"]
        if width:
            values, recorded = (values - values.mean()) ** 2, row["std"] ** 2
        error = values.std() * np.sqrt(1 / row["count"] + 1 / len(values))
        name = tuple(row[key] for key in ("pdgid", "pt", "region", "quantity"))
        result[name] = (recorded - values.mean()) / error if error > 0 else 0.0
        if error == 0:
            assert recorded == pytest.approx(values.mean(), abs=3 / row["count"]), name
    return result


@pytest.mark.parametrize("pdgid", sorted(MASS))
def test_what_becomes_of_single_particles_is_what_delphes_recorded(pdgid):
    """Efficiency, probability and mean response of tracks, photons and neutral hadrons.

    4.5 standard deviations for each of the up to 80 numbers of a species, and a mean square within 1.5 of the
    expected 1, since those of one point are correlated.
    """
    found = deviations([pdgid])
    worst = max(found, key=lambda name: abs(found[name]))
    assert abs(found[worst]) < 4.5, (worst, found[worst])
    assert np.mean(np.square(list(found.values()))) < 1.5


def test_widths_of_the_response_are_those_delphes_recorded():
    """Variances of log-normals have long-tailed errors: 5 standard deviations for 180 numbers."""
    found = deviations(MASS, width=True)
    worst = max(found, key=lambda name: abs(found[name]))
    assert abs(found[worst]) < 5, (worst, found[worst])
    assert np.mean(np.square(list(found.values()))) < 1.5


def test_closure_would_notice_a_tracking_efficiency_that_is_two_percent_off():
    values = gun(13, 10.0, "barrel")["track"] * 0.98
    row = next(
        row for row in recorded_gun() if (row["pdgid"], row["pt"], row["quantity"]) == (13, 10, "track")
    )
    assert row["mean"] - values.mean() > 4.5 * values.std() / np.sqrt(row["count"])


def test_impact_parameters_of_displaced_tracks_are_exact():
    """The recording moved the production points to z = 0: the program puts the hard vertex there."""
    data = {name: column.astype(float) for name, column in np.load(DATA / "displaced_tracks.npz").items()}
    number = len(data["pt"])
    columns = {
        "pdgid": (211 * data["charge"]).astype(np.int32),
        "px": data["pt"] * np.cos(data["phi"]),
        "py": data["pt"] * np.sin(data["phi"]),
        "pz": data["pt"] * np.sinh(data["eta"]),
        "energy": np.hypot(data["pt"] * np.cosh(data["eta"]), MASS[211]),
        "x": data["x"],
        "y": data["y"],
        "z": np.zeros(number),
    }
    found = DETECTOR.candidates(batch_from(columns, np.ones(number, dtype=int)))
    track = ak.firsts(found[found.charge != 0])
    there = ~ak.to_numpy(ak.is_none(track))
    assert there.sum() > 0.8 * number
    track = track[there]
    np.testing.assert_allclose(track.d0, data["d0"][there], rtol=0, atol=1e-4)
    np.testing.assert_allclose(track.dz, data["dz"][there], rtol=0, atol=1e-4)
    turn = np.arctan2(track.py, track.px) - data["track_phi"][there]
    np.testing.assert_allclose((turn + np.pi) % (2 * np.pi) - np.pi, 0, atol=1e-5)
    eta = np.arcsinh(track.pz / np.hypot(track.px, track.py))
    np.testing.assert_allclose(eta, data["track_eta"][there], atol=1e-5)


# --- whole events -----------------------------------------------------------------------------------

REPLICAS = 100


@cache
def higgs_particles():
    data = dict(np.load(DATA / "higgs_particles.npz"))
    counts = data.pop("counts").astype(int)
    columns = {name: column.astype(float) for name, column in data.items()}
    return columns | {"pdgid": data["pdgid"].astype(np.int32)}, counts


@cache
def recorded():
    """Recorded candidates as a detector gives them."""
    data = dict(np.load(DATA / "higgs_candidates.npz"))
    pt, eta, phi = (data[name].astype(float) for name in ("pt", "eta", "phi"))
    columns = {
        "pdgid": data["pdgid"].astype(np.int32),
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * np.sinh(eta),
        "energy": pt * np.cosh(eta),
    }
    return from_columns(columns, data["counts"].astype(int))


@cache
def simulated():
    """All replicas of all 60 events, one replica after the other."""
    columns, counts = higgs_particles()
    many = {name: np.tile(column, REPLICAS) for name, column in columns.items()}
    return DETECTOR.candidates(batch_from(many, np.tile(counts, REPLICAS)))


TYPES = {
    "charged hadrons": lambda pdgid: ~np.isin(abs(pdgid), (0, 11, 13, 22)),
    "photons": lambda pdgid: pdgid == 22,
    "neutral hadrons": lambda pdgid: pdgid == 0,
    "electrons": lambda pdgid: abs(pdgid) == 11,
    "muons": lambda pdgid: abs(pdgid) == 13,
}


def of_type(candidates, name):
    flat = ak.flatten(candidates)
    chosen = ak.unflatten(TYPES[name](ak.to_numpy(flat.pdgid)), ak.num(candidates))
    return candidates[chosen]


@pytest.mark.parametrize("pt_min", [0.0, 1.0])
@pytest.mark.parametrize("name", sorted(TYPES))
def test_multiplicity_of_candidates_is_that_of_the_recorded_events(name, pt_min):
    """Total within 4 standard deviations; event by event the mean square deviation within 1 +- 0.5."""

    def counts(candidates):
        chosen = of_type(candidates, name)
        return ak.to_numpy(ak.sum(np.hypot(chosen.px, chosen.py) > pt_min, axis=1))

    expected, real = counts(simulated()).reshape(REPLICAS, -1), counts(recorded())
    variance = expected.var(axis=0, ddof=1) * (1 + 1 / REPLICAS)
    assert abs(real.sum() - expected.mean(axis=0).sum()) < 4 * np.sqrt(variance.sum()) + 0.5
    wide = variance > 1
    if wide.sum() > 20:
        assert np.mean((real - expected.mean(axis=0))[wide] ** 2 / variance[wide]) == pytest.approx(
            1, abs=0.5
        )


@pytest.mark.parametrize("name", ["charged hadrons", "photons", "neutral hadrons", "electrons"])
def test_spectra_of_candidates_are_those_of_the_recorded_events(name):
    """Kolmogorov-Smirnov p-values above 1e-3 for pT and eta."""
    real, expected = of_type(recorded(), name), of_type(simulated(), name)
    for quantity in (lambda c: np.hypot(c.px, c.py), lambda c: np.arcsinh(c.pz / np.hypot(c.px, c.py))):
        assert ks_2samp(*(ak.to_numpy(ak.flatten(quantity(c))) for c in (real, expected))).pvalue > 1e-3


def test_jets_are_those_of_the_recorded_events():
    """The recorded jet has a uniform rank among the replicas of its event: p-values above 1e-3."""
    jets = Jets(pt_min=100.0, eta_max=6.0)
    for name in ("pt", "mass"):
        real, expected = (
            ak.to_numpy(ak.fill_none(ak.firsts(cluster(candidates, jets)[name]), 0.0))
            for candidates in (recorded(), simulated())
        )
        rank = np.mean(expected.reshape(REPLICAS, -1) < real, axis=0)
        assert kstest(rank, "uniform").pvalue > 1e-3
        assert real.mean() == pytest.approx(expected.mean(), rel=0.01)


def test_recorded_neutral_candidates_lie_in_towers_that_particles_hit():
    """All photons, and the neutral hadrons but for known ones (docs/detector.md): some 3%.

    The program misplaces charged particles whose circle has a radius between 1/2 and 1/sqrt(2) of the
    cylinder's: it takes the supplement of the angle they turn by. With that angle theirs are all in place.
    """
    columns, counts = higgs_particles()
    charge, visible, _ = charge_and_visibility(columns["pdgid"])
    cylinder = Cylinder(PARAMETERS.radius, PARAMETERS.half_length, PARAMETERS.field)
    kept = visible & inside(columns["x"], columns["y"], columns["z"], cylinder)
    row = np.repeat(np.arange(len(counts)), counts)[kept]
    motion = [columns[name][kept] for name in ("x", "y", "z", "px", "py", "pz")]
    leaves = propagate(*motion, charge[kept], cylinder)
    misplaced = supplementary_exit(*motion[3:], charge[kept])
    for number, pdgid in enumerate((22, 0)):
        grid = PARAMETERS.calorimeters[number].grid
        real = recorded()[recorded().pdgid == pdgid]
        flat = ak.flatten(real)
        eta = ak.to_numpy(np.arcsinh(flat.pz / np.hypot(flat.px, flat.py)))
        cell = find_cells(eta, ak.to_numpy(np.arctan2(flat.py, flat.px)), grid)
        candidate_row = np.repeat(np.arange(len(counts)), ak.num(real))

        def unhit(*directions, cell=cell, candidate_row=candidate_row, grid=grid):
            hit = {key for d in directions for key in zip(row, find_cells(*d, grid), strict=True)}
            return np.mean([key not in hit for key in zip(candidate_row, cell, strict=True)])

        assert unhit((leaves.eta, leaves.phi)) < 0.035
        assert unhit((leaves.eta, leaves.phi), misplaced) < 0.002


def supplementary_exit(px, py, pz, charge):
    """Direction after a turn by pi minus the true angle, for particles from the beam line."""
    pt = np.hypot(px, py)
    radius = pt / (0.299792458e-3 * PARAMETERS.field)
    sine = PARAMETERS.radius**2 / (2 * radius**2) - 1
    turns = (charge != 0) & (sine > 0) & (sine < 1)
    angle = np.pi / 2 - np.arcsin(np.where(turns, sine, 0))
    phi = np.arctan2(py, px) - charge * angle / 2
    z = radius * angle * pz / pt
    eta = np.where(turns, np.arcsinh(z / (2 * radius * np.sin(angle / 2))), np.inf)
    return eta, (phi + np.pi) % (2 * np.pi) - np.pi
