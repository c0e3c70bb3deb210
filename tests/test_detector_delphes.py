import shutil
import stat
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pyhepmc
import pytest
import uproot
from jets_samples import batch_of, part

from jetresim.campaign.detector import DetectorOptions
from jetresim.campaign.errors import DetectorError
from jetresim.detectors.delphes import LEAVES, Delphes, _candidates
from jetresim.detectors.protocol import CANDIDATE_FIELDS

RECORDED = Path(__file__).parent / "data" / "detector" / "higgs6.root"
CARD = "set MaxEvents 0\nsource resolution.tcl\n"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """The recorded file and parts of it: FIRST-COUNT.root; the file itself for all 6 events."""
    folder = tmp_path_factory.mktemp("recordings")
    for first in range(6):
        shutil.copy(RECORDED, folder / f"{first}-6.root")
    for first, count in ((0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (0, 4)):
        write(folder / f"{first}-{count}.root", range(1, count + 1), slice(first % 3, first % 3 + count))
    write(folder / "other.root", [7], slice(0, 1))
    write(folder / "foreign.root", [1], slice(0, 1), leaves=())
    return folder


def write(path, numbers, chosen, leaves=LEAVES):
    arrays = {f"ParticleFlowCandidate.{leaf}": recorded(leaf)[chosen] for leaf in leaves}
    arrays["Event.Number"] = ak.Array([[number] for number in numbers])
    types = {name: str(array.type.content) for name, array in arrays.items()}
    with uproot.recreate(path) as file:
        file.mktree("Delphes", types, counter_name=lambda name: name.replace(".", "_") + "_size")
        file["Delphes"].extend(arrays)


@pytest.fixture
def program(tmp_path, monkeypatch, recordings):
    """The stand-in as an executable, beside a card that needs a neighbour."""
    folder = tmp_path / "delphes"
    folder.mkdir()
    stand_in = Path(__file__).with_name("stand_in_delphes.py")
    for name in ("DelphesHepMC3", "DelphesHepMC2", "DelphesHepMC"):
        executable = folder / name
        executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{stand_in}" "$@"\n')
        executable.chmod(executable.stat().st_mode | stat.S_IXUSR)
    (folder / "cms.tcl").write_text(CARD)
    (folder / "resolution.tcl").write_text("# resolution\n")
    log = tmp_path / "log"
    log.mkdir()
    monkeypatch.setenv("STAND_IN_DELPHES_LOG", str(log))
    monkeypatch.setenv("STAND_IN_DELPHES_RECORDINGS", str(recordings))
    monkeypatch.delenv("STAND_IN_DELPHES", raising=False)
    return folder


def detector(program, name="DelphesHepMC3", stream="nominal", **options):
    options = {"events_per_run": 10} | options
    return Delphes(
        1,
        stream,
        DetectorOptions(name="delphes", executable=str(program / name), card=program / "cms.tcl", **options),
    )


def logged(program, run=0):
    log = program.parent / "log"
    return (log / f"{run}.tcl").read_text(), log / f"{run}.hepmc"


def particle(pdgid=211, x=0.0):
    return (pdgid, 3.0, 4.0, 12.0, 14.0, x, 2 * x, 3 * x, 4 * x)


def events(number):
    """`number` events of two particles, from two vertices; the batch begins at event 10."""
    return batch_of([particle(22), particle(-211, x=1.5)] * number, [2] * number)


def recorded(leaf):
    with uproot.open(RECORDED) as file:
        return file["Delphes"][f"ParticleFlowCandidate.{leaf}"].array()


def test_recorded_output_becomes_candidates(program):
    found = detector(program).candidates(events(6))
    assert tuple(ak.fields(found)) == CANDIDATE_FIELDS
    assert ak.num(found).tolist() == [142, 313, 173, 264, 190, 131]
    assert found.pdgid.tolist() == recorded("PID").tolist()
    assert found.charge.tolist() == recorded("Charge").tolist()
    np.testing.assert_allclose(
        ak.flatten(np.hypot(found.px, found.py)), ak.flatten(recorded("PT")), rtol=1e-6
    )
    np.testing.assert_allclose(
        ak.flatten(found.energy), ak.flatten(np.sqrt(found.px**2 + found.py**2 + found.pz**2)), rtol=2e-6
    )
    assert ak.flatten(found.energy).tolist() == ak.flatten(recorded("E")).tolist()
    for name, leaf in (("d0", "D0"), ("dz", "DZ")):
        charged = found.charge != 0
        assert found[name][charged].tolist() == recorded(leaf)[charged].tolist()
        assert not ak.any(found[name][~charged])


@pytest.mark.parametrize(
    ("name", "dialect"),
    [("DelphesHepMC3", "hepmc3"), ("DelphesHepMC2", "hepmc2"), ("DelphesHepMC", "hepmc2")],
)
def test_program_reads_every_particle_at_its_vertex(program, name, dialect):
    detector(program, name).candidates(events(6))
    with pyhepmc.open(logged(program)[1], format=dialect) as file:
        read = list(file)
    assert [event.event_number for event in read] == [1, 2, 3, 4, 5, 6]
    for event in read:
        final = {p.pid: p for p in event.particles if p.status == 1}
        assert set(final) == {22, -211}
        assert list(final[22].momentum) == [3, 4, 12, 14]
        assert list(final[22].production_vertex.position) == [0, 0, 0, 0]
        assert list(final[-211].production_vertex.position) == [1.5, 3.0, 4.5, 6.0]


def test_card_keeps_its_text_and_its_neighbours_and_gets_the_seed(program):
    detector(program).candidates(events(6))
    detector(program).candidates(events(6))
    detector(program, stream="seed").candidates(events(6))
    cards = [logged(program, run)[0] for run in range(3)]
    assert all(card.startswith(CARD) for card in cards)
    seeds = [int(card.split("set RandomSeed ")[1]) for card in cards]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(1 <= seed <= 900_000_000 for seed in seeds)


def test_each_event_has_its_own_run_and_seed_unless_told_otherwise(program):
    assert DetectorOptions(name="delphes", card=Path("x")).events_per_run == 1
    batch = events(3)
    together = detector(program, events_per_run=1).candidates(batch)
    assert ak.num(together).tolist() == [142, 313, 173]
    seeds = [logged(program, run)[0].split("set RandomSeed ")[1] for run in range(3)]
    assert len(set(seeds)) == 3
    detector(program, events_per_run=1).candidates(part(batch, slice(2, 3)))
    assert logged(program, 3)[0] == logged(program, 2)[0]


def test_events_without_particles_are_not_sent_and_stay_empty(program):
    batch = batch_of([particle()] * 2, [1, 0, 1], succeeded=[True, False, True])
    found = detector(program).candidates(batch)
    assert ak.num(found).tolist() == [142, 0, 313]
    assert detector(program).candidates(batch_of([], [0, 0])).tolist() == [[], []]
    assert len(detector(program).candidates(batch_of([], []))) == 0


def test_impossible_particles_are_not_sent_and_make_the_event_absent(program, caplog):
    broken = (22, np.nan, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    found = detector(program).candidates(batch_of([particle(), broken, particle()], [1, 1, 1]))
    assert ak.num(found).tolist() == [142, None, 313]
    assert "event 11 is unphysical: it has PDG id 22, px = nan" in caplog.text


def test_program_that_fails_on_the_only_event_is_asked_for_a_pion_before_it_is_blamed(
    program, monkeypatch, caplog
):
    monkeypatch.setenv("STAND_IN_DELPHES", "crash@0")
    delphes = detector(program)
    assert delphes.candidates(events(1)).tolist() == [None]
    assert "events [10]: killed by signal" in caplog.text
    (pion,) = pyhepmc.open(logged(program, 1)[1], format="hepmc3")
    assert [p.pid for p in pion.particles if p.status == 1] == [211]
    assert ak.num(delphes.candidates(events(1))).tolist() == [173]


def test_run_is_a_block_of_event_indices_whichever_of_them_survive(program):
    batch = batch_of([particle()] * 3, [0, 1, 0, 1, 0, 0, 1])  # events 10 to 16
    found = detector(program, events_per_run=5).candidates(batch)
    assert ak.num(found).tolist() == [0, 142, 0, 313, 0, 0, 313]
    seeds = [logged(program, run)[0].split("set RandomSeed ")[1] for run in range(2)]
    detector(program, events_per_run=5).candidates(batch_of([particle()] * 2, [1, 0, 0, 0, 1]))
    assert logged(program, 2)[0].split("set RandomSeed ")[1] == seeds[0] != seeds[1]


def test_candidates_without_transverse_momentum_point_along_the_beam():
    leaves = {"PT": [0.0, 5.0], "Eta": [-999.9, 1.0], "E": [7.0, 8.0], "Charge": [0, 1]}
    found = _candidates({leaf: np.array(leaves.get(leaf, [0.0, 0.0]), dtype=np.float32) for leaf in LEAVES})
    assert found["pz"].tolist() == [-7.0, pytest.approx(5 * np.sinh(1))]


def test_fewer_events_make_the_rest_absent_and_shift_nothing(program, monkeypatch, caplog):
    monkeypatch.setenv("STAND_IN_DELPHES", "fewer=4")
    found = detector(program).candidates(events(6))
    assert ak.num(found).tolist() == [142, 313, 173, 264, None, None]
    assert "lacks events [14, 15]" in caplog.text


def test_crash_makes_the_events_of_its_run_absent(program, monkeypatch, caplog):
    monkeypatch.setenv("STAND_IN_DELPHES", "crash@1")
    found = detector(program, events_per_run=1).candidates(events(3))
    assert ak.num(found).tolist() == [142, None, 173]
    assert "events [11]: killed by signal" in caplog.text


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("crash", "killed by signal|status 139"),
        ("fail", "status 1: .*can't find module 'Calorimeters'"),
        ("mute", "no output was written: it said nothing"),
        ("damaged", "its output cannot be read"),
        ("other", "events that were not asked for"),
    ],
)
def test_program_that_never_succeeds_is_an_error_with_its_last_words(program, monkeypatch, fault, reason):
    monkeypatch.setenv("STAND_IN_DELPHES", fault)
    with pytest.raises(DetectorError, match=f"no event came back: .*({reason})") as error:
        detector(program).candidates(events(6))
    assert "\n" not in str(error.value)


def test_failure_after_a_success_makes_events_absent(program, monkeypatch):
    delphes = detector(program)
    delphes.candidates(events(6))
    monkeypatch.setenv("STAND_IN_DELPHES", "crash")
    assert delphes.candidates(events(2)).tolist() == [None, None]


def test_old_dialect_is_written_without_a_word(program, capfd):
    detector(program, "DelphesHepMC2").candidates(events(6))
    assert capfd.readouterr().err == ""


def test_program_that_hangs_is_stopped(program, monkeypatch):
    monkeypatch.setenv("STAND_IN_DELPHES", "hang")
    with pytest.raises(DetectorError, match="still running after 1 s"):
        detector(program, time_limit=1.0).candidates(events(6))


def test_card_without_candidates_is_refused(program, monkeypatch):
    monkeypatch.setenv("STAND_IN_DELPHES", "foreign")
    with pytest.raises(DetectorError, match=r"the card writes no ParticleFlowCandidate\.PT"):
        detector(program).candidates(events(6))


def test_missing_program_and_missing_card_are_refused_at_once(program):
    with pytest.raises(DetectorError, match="'NoSuchDelphes' not found"):
        Delphes(1, "nominal", DetectorOptions(name="delphes", executable="NoSuchDelphes", card=Path("x")))
    with pytest.raises(DetectorError, match=r"card .*none\.tcl cannot be read"):
        Delphes(
            1,
            "nominal",
            DetectorOptions(
                name="delphes", executable=str(program / "DelphesHepMC3"), card=program / "none.tcl"
            ),
        )


def test_batch_that_cuts_the_events_of_a_run_is_refused(program):
    with pytest.raises(DetectorError, match="begins at event 10, within 4 events that share a run"):
        detector(program, events_per_run=4).candidates(events(2))
