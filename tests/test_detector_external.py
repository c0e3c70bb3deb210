"""Candidates of another program: through HepMC3, a program of its own and ROOT, back into the jets."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
import yaml

from jetresim import simulate
from jetresim.campaign.detector import DetectorOptions
from jetresim.campaign.errors import ConfigError, DetectorError
from jetresim.campaign.status import Status
from jetresim.detectors.external import ExternalDetector, _components
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import UNIT_SURVEY
from jetresim.jets.full_events import write_full_events
from jetresim.showers.pythia8 import Pythia8Shower
from jetresim.showers.registry import Job
from tests.campaigns import campaign

EVENTS = 6
PROGRAM = Path(__file__).parents[1] / "examples" / "external_detector.py"


def asked(detector, **changes):
    chosen = {"chunk": EVENTS, "augmentations": ["nominal", "seed"]} | changes
    return campaign(
        events=EVENTS,
        processes={"qcd": {"cuts": {"pt_min": 500}}},
        settings={"PartonLevel:MPI": False},
        detector=detector,
        **chosen,
    )


def external(pattern, **options):
    return {"name": "external", "candidates": str(pattern), **options}


def hard(chosen):
    return list(make_generator(chosen, "qcd").events(range(EVENTS), UNIT_SURVEY))


@pytest.fixture(scope="module")
def built_in():
    return asked({"name": "cms_phase2"})


@pytest.fixture(scope="module")
def simulated(built_in, tmp_path_factory):
    """ROOT files of the program, made of the HepMC3 of both realizations."""
    folder = tmp_path_factory.mktemp("external")
    for name in built_in.realizations:
        events, output = folder / f"{name}.hepmc3.gz", folder / f"{name}.root"
        made = list(hard(built_in))
        write_full_events({"hepmc3": events}, built_in, "qcd", name, made, len(made), Job(folder, 0))
        command = [sys.executable, str(PROGRAM), str(events), str(output), "--seed", str(built_in.seed)]
        subprocess.run(command, check=True)
    return folder


def jets(chosen, realization="nominal"):
    return pa.concat_tables(simulate(chosen, "qcd", realization, survey=UNIT_SURVEY))


@pytest.fixture(scope="module")
def expected(built_in):
    return jets(built_in)


@pytest.fixture(scope="module")
def rows(simulated):
    with uproot.open(simulated / "nominal.root") as file:
        arrays = file["events"].arrays()
    return {name: arrays[name] for name in arrays.fields if not name.startswith("n")}


@pytest.fixture(scope="module")
def batch(built_in):
    """The particles that the candidates were made of."""
    return Pythia8Shower(built_in, "qcd", "nominal").shower(hard(built_in))


@pytest.fixture
def stored(tmp_path):
    """Campaign of the candidates of a Parquet file with these columns."""

    def made(rows, **options):
        table = pa.table({name: ak.to_arrow(values, extensionarray=False) for name, values in rows.items()})
        pq.write_table(table, tmp_path / "made.parquet")
        return asked(external(tmp_path / "made.parquet", **options), augmentations=["nominal"])

    return made


@pytest.fixture
def read(stored, batch):
    """Candidates of a Parquet file with these columns."""

    def made(rows, **options):
        return ExternalDetector(stored(rows, **options), "qcd", "nominal").candidates(batch)

    return made


def taken(rows, places):
    return {name: values[places] for name, values in rows.items()}


@pytest.mark.parametrize("realization", ["nominal", "seed"])
def test_events_through_another_program_and_back_equal_the_built_in_path(built_in, simulated, realization):
    found = jets(asked(external(simulated / "{realization}.root")), realization)
    assert found.equals(jets(built_in, realization))
    assert Status.MATCHED in found["status"].to_pylist()


def fields(rows):
    return {name: rows[name].tolist() for name in CANDIDATE_FIELDS}


def test_parquet_in_any_order_of_rows_is_the_same(read, rows):
    assert fields(read(taken(rows, np.arange(EVENTS)[::-1]))) == fields(rows)


def test_records_in_lists_are_read_by_their_dotted_names(read, rows):
    nested = {name: rows[name] for name in rows if name not in CANDIDATE_FIELDS}
    columns = {name: name for name in nested} | {name: f"found.{name}" for name in CANDIDATE_FIELDS}
    nested["found"] = ak.zip({name: rows[name] for name in CANDIDATE_FIELDS})
    assert fields(read(nested, columns=columns)) == fields(rows)


def test_masses_stand_for_energies_and_resolutions_travel_along(stored, rows, expected):
    names = ("event", "digest", "pdgid", "charge", "px", "py", "pz", "d0", "dz")
    columns = {name: name for name in names} | {"mass": "m", "d0err": "sigma", "dzerr": "sigma"}
    made = rows | {"m": rows["px"] * 0, "sigma": np.abs(rows["d0"]) + 0.01}
    found = jets(stored(made, columns=columns))
    for name in ("pt", "energy", "sdmass"):  # these candidates are massless
        new, old = (ak.drop_none(ak.from_arrow(table["jet"])[name]) for table in (found, expected))
        np.testing.assert_allclose(new, old, rtol=1e-5)
    constituents = ak.flatten(ak.from_arrow(found["constituents"]))
    sigma = np.where(constituents.charge != 0, np.abs(constituents.d0) + np.float32(0.01), 0)
    for name in ("d0err", "dzerr"):
        np.testing.assert_allclose(constituents[name], sigma, rtol=1e-5)


def test_events_that_are_left_out_are_absent_and_the_others_stay(stored, rows, expected, caplog):
    found = jets(stored(taken(rows, np.arange(EVENTS) != 2)))
    there = found["event"].to_numpy() != 2
    assert set(found.filter(pa.array(~there))["status"].to_pylist()) == {Status.NO_CANDIDATES}
    assert found.filter(pa.array(there)).equals(expected.filter(pa.array(there)))
    assert "lacks events [2]" in caplog.text


def swapped(rows):
    return rows | {"event": rows["event"][[1, 0, 2, 3, 4, 5]]}


def with_value(name, value):
    def changed(rows):
        values = ak.to_list(rows[name])
        values[3][1] = value
        return rows | {name: ak.Array(values)}

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: taken(rows, [0, 1, 2, 3, 4, 5, 3]), "event 3 is there twice, in rows 3 and 6"),
        (swapped, "event 0 was made of other particles"),
        (lambda rows: rows | {"event": rows["event"] + 1}, "has event 6; expected events 0 to 5"),
        (lambda rows: rows | {"process": ak.Array(["higgs"] * EVENTS)}, "process 'higgs'; expected qcd"),
        (with_value("px", float("nan")), r"'px' \(px\) is nan in event 3"),
        (with_value("charge", 0.5), "'charge' .* holds no integers"),
        (lambda rows: rows | {"dz": rows["d0"][:, 1:]}, "'dz' .* values in event 0"),
        (lambda rows: rows | {"event": rows["event"] * 1.0}, "'event' .* is float64, expected integers"),
        (lambda rows: rows | {"pz": rows["digest"]}, "'pz' .* no list of numbers"),
        (lambda rows: {name: rows[name] for name in rows if name != "py"}, "'py' .* is not there"),
        (lambda rows: rows | {"digest": ak.Array([None, *rows["digest"][1:]])}, "no value in event 0"),
        (lambda rows: rows | {"digest": rows["event"]}, "event 0 was made of other particles"),
    ],
    ids=[
        "doubled",
        "swapped",
        "beyond",
        "foreign",
        "nan",
        "charge",
        "lengths",
        "dtype",
        "texts",
        "missing",
        "no digest",
        "other digest",
    ],
)
def test_files_that_cannot_be_believed_are_refused(read, rows, change, message):
    with pytest.raises(DetectorError, match=message):
        read(change(rows))


def test_candidates_of_another_realization_are_refused(simulated):
    columns = {name: name for name in ("event", "digest", "pdgid", "charge", "px", "py", "pz", "energy")}
    chosen = asked(external(simulated / "seed.root", columns=columns), augmentations=["nominal"])
    with pytest.raises(DetectorError, match="event 0 was made of other particles"):
        jets(chosen)


def test_missing_and_damaged_files_are_named(tmp_path, simulated):
    with pytest.raises(DetectorError, match=r"nominal\.root: does not exist"):
        jets(asked(external(tmp_path / "{realization}.root")))
    (tmp_path / "nominal.root").write_bytes((simulated / "nominal.root").read_bytes()[:3000])
    with pytest.raises(DetectorError, match=r"nominal\.root: .*cannot be read"):
        jets(asked(external(tmp_path / "{realization}.root")))
    with pytest.raises(DetectorError, match="has no tree 'other'"):
        jets(asked(external(simulated / "{realization}.root", tree="other")))


def delphes_tree(path, rows, chosen):
    """The candidates as Delphes writes them, with the generated particles in single precision."""
    pt = np.hypot(rows["px"], rows["py"])
    leaves = {
        "PT": pt,
        "Eta": np.arcsinh(rows["pz"] / pt),
        "Phi": np.arctan2(rows["py"], rows["px"]),
        "E": rows["energy"],
        "PID": rows["pdgid"],
        "Charge": rows["charge"],
        "D0": rows["d0"],
        "DZ": rows["dz"],
    }
    arrays = {
        f"ParticleFlowCandidate.{name}": ak.values_astype(column, "f4") for name, column in leaves.items()
    }
    arrays["Event.Number"] = ak.Array([[number] for number in rows["event"].tolist()])
    hard_particles = [event.record.particles for event in hard(chosen)]
    for name, value in {
        "PID": lambda each: int(each.id),
        "PT": lambda each: np.hypot(each.px, each.py),
        "Eta": lambda each: np.arcsinh(each.pz / max(np.hypot(each.px, each.py), 1e-9)),
        "Phi": lambda each: np.arctan2(each.py, each.px),
    }.items():
        listed = ak.Array([[value(each) for each in particles] for particles in hard_particles])
        arrays[f"Particle.{name}"] = listed if name == "PID" else ak.values_astype(listed, "f4")
    types = {name: str(array.type.content) for name, array in arrays.items()}
    with uproot.recreate(path) as file:
        file.mktree("Delphes", types, counter_name=lambda name: name.replace(".", "_") + "_size")
        file["Delphes"].extend(arrays)


def documented(what):
    """The options of the detector that the documentation has for a program."""
    text = (Path(__file__).parents[1] / "docs" / "detector.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (block,) = [block for block in blocks if "name: external" in block and what in block]
    return yaml.safe_load(block)["detector"]


def test_output_of_delphes_is_read_by_its_hard_partons(tmp_path, built_in, rows, expected):
    delphes_tree(tmp_path / "delphes.root", rows, built_in)
    options = documented("Event.Number") | {"candidates": str(tmp_path / "delphes.root")}
    found = jets(asked(options, augmentations=["nominal"]))
    assert found["status"].equals(expected["status"])
    there = [place for place, status in enumerate(found["status"].to_pylist()) if status == Status.MATCHED]
    for name in ("pt", "mass"):
        new, old = (
            np.array([table["jet"][place][name].as_py() for place in there]) for table in (found, expected)
        )
        np.testing.assert_allclose(new, old, rtol=1e-4)
    delphes_tree(tmp_path / "delphes.root", swapped(rows), built_in)
    with pytest.raises(DetectorError, match="event 0 was made of other particles"):
        jets(asked(options, augmentations=["nominal"]))


def test_impact_parameters_of_cms_get_our_sign_and_unit(read, rows):
    cms = rows | {"d0": -rows["d0"] / 10, "dz": rows["dz"] / 10}
    found = read(cms, impact_parameters="cms")
    for name in ("d0", "dz"):
        np.testing.assert_allclose(ak.flatten(found[name]), ak.flatten(rows[name]), rtol=1e-14)
        assert ak.any(found[name] != 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs its `candidates`"),
        ({"candidates": "{run}.root"}, "wildcard 'run'; expected process, realization, chunk"),
        ({"candidates": "{process}/{realization}.csv"}, "must end in"),
        ({"candidates": "{process}.root"}, "is the same for qcd nominal and qcd seed"),
        ({"candidates": "{realization}.root", "columns": {"event": "event"}}, "pdgid is missing"),
        (
            {
                "candidates": "{realization}.root",
                "columns": dict.fromkeys(("event", "pdgid", "charge", "px", "py", "pz", "energy"), "x"),
            },
            "expected digest, or parton_pdgid",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        asked({"name": "external", **options})


def test_the_job_of_the_anchor_makes_nothing_ahead_that_waits_for_candidates():
    geant = {"name": "geant", "intervene": "nothing", "detector": external("geant/{process}/{chunk}.root")}
    again = {"name": "again", "intervene": "detector"}
    chosen = asked({"name": "cms_phase2"}, augmentations=["nominal", again, geant, "rehadronize", "seed"])
    assert chosen.made_ahead == ["nominal", "again"]  # a chain simulates what survives geant


@pytest.mark.parametrize("program", ["Event.Number", "MCParticles.PDG", "GenPart_pdgId"])
def test_documented_columns_of_programs_are_accepted(program):
    assert DetectorOptions.model_validate(documented(program)).name == "external"


def test_listing_keeps_the_order_of_particles(simulated, built_in):
    text = gzip.decompress((simulated / "nominal.hepmc3.gz").read_bytes()).decode()
    numbers = [int(line.split()[1]) for line in text.splitlines() if line.startswith("P ")]
    starts = [place for place, number in enumerate(numbers) if number == 1]
    assert all(np.diff(each).tolist() == [1] * (len(each) - 1) for each in np.split(numbers, starts[1:]))


def test_a_candidate_without_pt_is_at_rest_in_all_directions():
    given = {"pt": np.array([0.0, 2.0]), "eta": np.array([999.0, 0.0]), "phi": np.array([0.0, 0.0])}
    with np.errstate(all="raise"):
        found = _components(given)
    assert {name: values.tolist() for name, values in found.items()} == {
        "px": [0.0, 2.0],
        "py": [0.0, 0.0],
        "pz": [0.0, 0.0],
    }
