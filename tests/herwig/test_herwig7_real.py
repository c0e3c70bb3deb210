"""What only the real program can show. Without multiparton interactions it starts in 0.3 s instead of 6."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pyhepmc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jetresim.audit.replay.realization import replay
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.errors import DataError, ShowerError
from jetresim.campaign.herwig import HerwigOptions
from jetresim.campaign.paths import Paths, chunk_name
from jetresim.campaign.provenance import encode
from jetresim.generators.events import HardEvent
from jetresim.jets.files import jets_metadata
from jetresim.jets.parquet import METADATA_KEY, read_metadata
from jetresim.showers.herwig7.program import find_herwig
from jetresim.showers.herwig7.run import OVERRUN, HerwigRun
from jetresim.showers.herwig7.run_file import prepare
from jetresim.showers.herwig7.shower import Herwig7, check_herwig
from jetresim.showers.registry import Job
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.herwig_samples import DATA, ENERGY, SEED, needs_herwig
from tests.processes import processes_that_name, wait_for

pytestmark = needs_herwig

ROOT = Path(__file__).parents[2]
OPTIONS = HerwigOptions(mpi=False, block_events=12, time_limit=120)


@dataclass(frozen=True)
class Made:
    """Everything that came out of a shower."""

    events: np.ndarray
    succeeded: np.ndarray
    particles: ak.Array


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Keeps the run file for all tests."""
    return tmp_path_factory.mktemp("work")


def make(work: Path, events: list[HardEvent], **changes) -> Made:
    options = OPTIONS.model_copy(update=changes)
    batches = list(Herwig7("higgs", "herwig7", SEED, ENERGY, options, work, first_event=0).simulate(events))
    return Made(
        np.concatenate([batch.events for batch in batches]),
        np.concatenate([batch.succeeded for batch in batches]),
        ak.concatenate([batch.particles for batch in batches]),
    )


def without_colour_partner(event: HardEvent) -> HardEvent:
    """A hard event that Herwig fails on, since a colour line ends nowhere."""
    record = deepcopy(event.record)
    for particle in record.particles:
        if particle.color1:
            particle.color1 += 100
    return HardEvent(event.index, record)


@pytest.fixture(scope="module")
def whole(work, hard_events) -> Made:
    return make(work, hard_events())


@pytest.mark.parametrize("count", [1, 5, 11])
def test_part_of_a_block_is_the_beginning_of_the_whole_one(work, hard_events, whole, count):
    part = make(work, hard_events()[:count])
    assert ak.array_equal(part.particles, whole.particles[:count])


def test_a_campaign_that_grows_keeps_every_event(work, hard_events, whole):
    """12 + 3 events, then 24, in blocks of 12: as 150 of 300 in blocks of 100."""
    twice = hard_events() + [HardEvent(event.index + 12, event.record) for event in hard_events("qcd")]
    small, grown = make(work, twice[:15]), make(work, twice)
    assert ak.array_equal(small.particles, grown.particles[:15])
    assert ak.array_equal(whole.particles, grown.particles[:12])


def test_multiparton_interactions_change_nothing_about_that(tmp_path, hard_events):
    made = [make(tmp_path, hard_events()[:count], mpi=True, time_limit=300) for count in (4, 2)]
    assert ak.array_equal(made[0].particles[:2], made[1].particles)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dropped=st.sets(st.integers(0, 6), min_size=1))
def test_dropped_events_keep_their_place_wherever_they_are(work, hard_events, dropped):
    events = [without_colour_partner(each) if each.index in dropped else each for each in hard_events()[:7]]
    made = make(work, events)
    assert made.events.tolist() == list(range(7))
    assert set(np.flatnonzero(~made.succeeded)) == dropped
    assert ak.all((ak.num(made.particles) == 0) == ~made.succeeded)
    log = (work / "higgs-herwig7-0000000.log").read_text()
    assert OVERRUN in log
    assert "Failed to make colour connections" in log


def test_a_few_events_that_all_fail_are_absent(work, hard_events):
    made = make(work, [without_colour_partner(event) for event in hard_events()[:3]])
    assert (made.events.tolist(), made.succeeded.tolist()) == ([0, 1, 2], [False] * 3)


def test_many_events_that_all_fail_are_an_error(work, hard_events, monkeypatch):
    monkeypatch.setattr("jetresim.showers.herwig7.shower.SUSPICIOUS_FAILURES", 3)
    with pytest.raises(ShowerError, match=r"failed on all 3 events: .*Failed to make colour"):
        make(work, [without_colour_partner(event) for event in hard_events()[:3]])


def test_an_independent_reader_finds_each_hard_event_where_the_alignment_has_it(
    work, hard_events, monkeypatch
):
    """The HepMC as Herwig writes it, read by pyhepmc alone: number and outgoing partons of each event."""
    written = []

    def kept(run):
        for chunk in chunks(run):
            written.append(chunk)
            yield chunk

    chunks = Herwig7.__init__.__globals__["HerwigRun"].chunks
    monkeypatch.setattr("jetresim.showers.herwig7.run.HerwigRun.chunks", kept)
    events = [without_colour_partner(each) if each.index == 4 else each for each in hard_events("qcd")]
    made = make(work, events)
    file = work / "kept.hepmc"
    file.write_bytes(b"".join(written))
    with pyhepmc.open(file) as reader:
        read = list(reader)
    assert [event.event_number - 1 for event in read] == np.flatnonzero(made.succeeded).tolist()
    for event in read:
        place = event.event_number - 1
        for parton in hard_events("qcd")[place].record.particles:
            momenta = [p.momentum for p in event.particles if p.pid == parton.id]
            expected = [parton.px, parton.py, parton.pz]
            close = [np.allclose([p.px, p.py, p.pz], expected, rtol=1e-9) for p in momenta]
            assert parton.status != 1 or any(close)
        finals = [particle.momentum.px for particle in event.particles if particle.status == 1]
        assert sorted(made.particles[place].px.tolist()) == sorted(finals)


def test_an_unknown_line_of_the_card_is_told_alone():
    wrong = OPTIONS.model_copy(update={"card": ("set /Herwig/Shower/ShowerHandler:Nonsense 1",)})
    with pytest.raises(ShowerError) as caught:
        check_herwig(wrong, ENERGY)
    assert str(caught.value) == (
        "Herwig read refuses the card at `set /Herwig/Shower/ShowerHandler:Nonsense 1`: "
        "The interface '/Herwig/Shower/ShowerHandler:Nonsense' was not found."
    )


def test_half_a_run_file_is_not_kept_and_one_that_was_is_made_again(tmp_path):
    run_file, _ = prepare(find_herwig(OPTIONS), OPTIONS, ENERGY, tmp_path)
    whole = run_file.read_bytes()
    run_file.write_bytes(whole[: len(whole) // 2])
    assert prepare(find_herwig(OPTIONS), OPTIONS, ENERGY, tmp_path)[0].read_bytes() == whole


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB, half of what a run file needs."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_in_one_line_and_the_next_try_succeeds(small_disk):
    command = find_herwig(OPTIONS)
    with pytest.raises(ShowerError, match=r"only a part of its run file; is the disk full\?$") as caught:
        prepare(command, OPTIONS, ENERGY, small_disk)
    assert "\n" not in str(caught.value)
    assert not list(small_disk.glob("*.run"))
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    assert prepare(command, OPTIONS, ENERGY, small_disk)[0].exists()


def fill(folder: Path) -> Path:
    """Take all the space that is left on a disk."""
    file = folder / "filling"
    with suppress(OSError), file.open("wb", buffering=0) as filling:
        while True:
            filling.write(bytes(1 << 12))
    return file


def test_a_disk_that_is_full_before_a_run_is_told_and_the_next_try_succeeds(
    small_disk, work, hard_events, whole, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    filling = fill(small_disk)
    with pytest.raises(OSError, match="No space left on device") as caught:
        make(work, hard_events())
    assert caught.value.filename == str(small_disk)
    assert list(small_disk.iterdir()) == [filling]
    filling.unlink()
    assert ak.array_equal(make(work, hard_events()).particles, whole.particles)


def test_a_disk_that_fills_up_during_a_run_costs_no_event(small_disk, work, hard_events, whole, monkeypatch):
    """The events go through a pipe; what Herwig cannot write is its log."""
    chunks = HerwigRun.chunks

    def on_a_full_disk(run: HerwigRun) -> Iterator[bytes]:
        running = chunks(run)
        yield next(running)  # Herwig has opened its files
        fill(small_disk)
        yield from running

    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    monkeypatch.setattr(HerwigRun, "chunks", on_a_full_disk)
    made = make(work, hard_events())
    assert ak.array_equal(made.particles, whole.particles)
    assert made.succeeded.all()


def test_jets_that_the_disk_has_no_room_for_are_told_and_made_by_the_next_try(small_disk, tmp_path):
    campaign, paths = campaign_in(tmp_path, groups={"require": "any"}, events=10)
    hard = Path(paths.hard.format(process="higgs", chunk=chunk_name(0)))
    output = small_disk / "jets.parquet"
    filling = fill(small_disk)

    def again() -> None:
        make_jets(campaign, "higgs", 0, hard, {"herwig7": output}, Job(tmp_path / "work", 0))

    with pytest.raises(OSError, match="No space left on device") as caught:
        again()
    assert caught.value.filename == str(output)
    assert list(small_disk.iterdir()) == [filling]
    filling.unlink()
    again()
    assert pq.read_table(output).to_pylist() == herwig_rows(paths)


JOB = f"""
import itertools
import sys
from pathlib import Path

import pylhe

sys.path.insert(0, {str(ROOT)!r})
from jetresim.campaign.herwig import HerwigOptions
from jetresim.generators.events import HardEvent
from jetresim.showers.herwig7.shower import Herwig7
records = itertools.cycle(list(pylhe.LHEFile.fromfile({str(DATA / "higgs.lhe.gz")!r}).events))
events = (HardEvent(index, record) for index, record in enumerate(records))
options = HerwigOptions(block_events=12, mpi=sys.argv[2] == "mpi")
shower = Herwig7("higgs", "herwig7", 1, 13000.0, options, Path(sys.argv[1]))
for batch in shower.simulate(events):
    pass
"""


KILLS = int(os.environ.get("HERWIG_KILLS", "1"))
"""Random moments at which a job is killed, of each kind."""


@pytest.mark.parametrize("moment", range(KILLS))
@pytest.mark.parametrize(
    ("kind", "number"), [("mpi", signal.SIGKILL), ("mpi", signal.SIGTERM), ("no mpi", signal.SIGKILL)]
)
def test_nothing_is_left_of_a_job_that_was_killed(tmp_path, scratch, kind, number, moment):
    work = tmp_path / "work"
    job = subprocess.Popen(
        [sys.executable, "-c", JOB, str(work), kind], env={**os.environ, "TMPDIR": str(scratch)}
    )
    wait_for(lambda: list(work.glob("*.run")) or job.poll() is not None, 120)
    time.sleep(random.Random(f"{kind} {number} {moment}").uniform(0, 2))
    job.send_signal(number)
    assert job.wait() == -number
    wait_for(lambda: not list(scratch.iterdir()) and not processes_that_name(str(tmp_path)), 10)
    assert sorted(path.suffix for path in work.iterdir() if path.suffix != ".log") == [".in", ".run"]


CAMPAIGN = {
    "name": "real",
    "seed": SEED,
    "settings": {"PartonLevel:MPI": False},
    "chunk": 10,
    "events": 12,
    "processes": {"higgs": {"generator": "lhe", "files": [str(DATA / "higgs.lhe.gz")]}},
    "augmentations": [NOMINAL, {"name": "herwig7", "herwig": {"mpi": False, "block_events": 5}}],
    "jets": {"pt_min": 400},
}


def campaign_in(folder: Path, **changes) -> tuple[Campaign, Paths]:
    """A campaign with the jets of both realizations in its folder."""
    campaign = parse(CAMPAIGN | changes, "test")
    paths = Paths.of(campaign, str(folder))
    survey = Path(paths.survey.format(process="higgs"))
    make_survey(campaign, "higgs", survey)
    for chunk, events in enumerate(campaign.chunks("higgs")):
        names = {"process": "higgs", "chunk": chunk_name(chunk)}
        hard = Path(paths.hard.format(**names))
        make_hard(campaign, "higgs", chunk, survey, hard)
        made = {name: Path(paths.jets.format(realization=name, **names)) for name in (NOMINAL, "herwig7")}
        for name, path in made.items():
            followed = {each: made[each] for each in campaign.followed(name)}
            make_jets(
                campaign, "higgs", chunk, hard, {name: path}, Job(folder / "work", events.start), followed
            )
    return campaign, paths


def herwig_rows(paths: Paths) -> list[dict]:
    files = sorted(Path(paths.root).glob("jets/higgs/herwig7/*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_every_row_is_replayed_equal_and_told_what_it_costs(tmp_path, caplog):
    campaign, paths = campaign_in(tmp_path, groups={"require": "any"})
    stored = herwig_rows(paths)
    caplog.set_level("INFO")
    for event in (0, 4, 6, 9, 11):
        again = replay(campaign, paths, "higgs", {"herwig7": [event]})
        assert [each.jets for each in again] == [row for row in stored if row["event"] == event]
    assert "herwig7 of higgs: Herwig makes 2 events" in caplog.text
    assert "herwig" in again[0].versions
    together = replay(campaign, paths, "higgs", {"herwig7": range(12)})
    assert [each.jets for each in together] == stored


def test_survivors_have_the_same_jets_and_the_rest_of_a_block_is_not_made(tmp_path, monkeypatch):
    pt_min = 700.0  # only some of the anchors have such a jet
    everything = campaign_in(tmp_path / "all", groups={"require": "any", "pt_min": pt_min})[1]
    handed = []
    original = Herwig7._simulate_block

    def simulate_block(self, first, events, *more):
        members = list(events)
        handed.append([event.index for event in members])
        return original(self, first, iter(members), *more)

    monkeypatch.setattr(Herwig7, "_simulate_block", simulate_block)
    campaign, survivors = campaign_in(tmp_path / "few", groups={"require": "nominal", "pt_min": pt_min})
    made = [row for row in herwig_rows(survivors) if row["status"] != "not simulated"]
    alive = {row["event"] for row in made}
    assert 0 < len(alive) < 12
    assert made == [row for row in herwig_rows(everything) if row["event"] in alive]
    blocks = [[event for event in alive if event // 5 == block] for block in range(3)]
    assert handed == [list(range(min(block) // 5 * 5, max(block) + 1)) for block in blocks if block]
    event = min(alive)
    (again,) = replay(campaign, survivors, "higgs", {"herwig7": [event]})
    assert again.jets == next(row for row in made if row["event"] == event)


def test_files_made_before_are_recognized(tmp_path, monkeypatch):
    """They do not say how a part of a block relates to the whole one."""
    campaign, paths = campaign_in(tmp_path, groups={"require": "any"}, events=2)
    (file,) = Path(paths.root).glob("jets/higgs/herwig7/*.parquet")
    jets_metadata(file, campaign, "higgs", "herwig7")
    table, metadata = pq.read_table(file), read_metadata(file)
    del metadata["settings"]["herwig"]["part_of_block"]
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: encode(metadata)}), file)
    with pytest.raises(DataError, match=r"made with herwig\.part_of_block = None, .*remake the file"):
        jets_metadata(file, campaign, "higgs", "herwig7")
