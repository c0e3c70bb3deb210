"""What only the real program can show. Every process is compiled once for all tests."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.madgraph_pythia import compared, pythia_events
from jetresim.audit.replay.comparison import Verdict, compare_stored
from jetresim.audit.replay.realization import replay_targets
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, parse, save
from jetresim.campaign.errors import HardEventError
from jetresim.campaign.paths import Paths, chunk_name
from jetresim.campaign.seeds import block_seed
from jetresim.generators.lhe_files import open_lhe, read_hard_events
from jetresim.generators.madgraph.blocks import Blocks
from jetresim.generators.madgraph.generator import MadGraph
from jetresim.generators.madgraph.gridpack import kept_gridpack, unpack
from jetresim.generators.madgraph.program import gridpack_script, scratch
from jetresim.generators.survey import read_survey
from jetresim.jets.parquet import read_metadata
from jetresim.showers.registry import Job
from jetresim.workflow.stages.groups import make_groups
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.processes import processes_that_name, wait_for


def missing() -> str | None:
    """What the real program lacks here."""
    for program in ("mg5_aMC", "gfortran"):
        if shutil.which(program) is None:
            return f"{program} is not on the PATH"
    if subprocess.run(["/usr/bin/env", "python3", "-c", "import six"], capture_output=True).returncode:
        return "the python3 on the PATH, which runs MadGraph, has no six"
    return None


pytestmark = pytest.mark.skipif(
    missing() is not None, reason=f"{missing()}; docs/madgraph.md says how to get MadGraph"
)

ROOT = Path(__file__).parents[2]
SIZE = 50
EVENTS = 100
# Without `hel_recycling`, and with some of the initial states alone, there is less to compile.
NEAR = {"misset": 400, "drjj": 0.05, "drjjmax": 0.8, "drbb": 0.05, "drbbmax": 0.8, "hel_recycling": False}
PROCESSES = {
    "hz": {
        "generator": "madgraph",
        "madgraph": {
            "process": ["generate p p > h z, h > b b~, z > vl vl~"],
            "run_card": {
                "misset": 400,
                "hel_recycling": False,
                "pt_min_pdg": {25: 450},  # on the decayed h, so not applied
            },
        },
        "targets": ["higgs"],
    },
    "zgg": {
        "generator": "madgraph",
        "madgraph": {"process": ["generate u u~ > z g g, z > ve ve~"], "run_card": NEAR},
        "targets": ["splitting"],
    },
    "zqq": {
        "generator": "madgraph",
        "madgraph": {
            "process": [
                "define q = s c",
                "define q~ = s~ c~",
                "generate g g > z q q~, z > ve ve~",
                "add process g g > z b b~, z > ve ve~",
            ],
            "run_card": NEAR,
        },
        "targets": ["splitting"],
    },
}


def asked(**changes) -> Campaign:
    base = {
        "name": "real",
        "seed": 11,
        "settings": {"PartonLevel:MPI": False},
        "chunk": EVENTS,
        "events": EVENTS,
        "madgraph": {"block_events": SIZE, "accuracy": 0.2, "threads": 2},
        "processes": PROCESSES,
        "augmentations": [NOMINAL, "seed"],
        "groups": {"pt_min": 400, "require": "any"},
    }
    return parse(base | changes, "test")


CAMPAIGN = asked()


def place(paths: Paths, what: str, process: str, chunk: int = 0, **names: str) -> Path:
    return Path(getattr(paths, what).format(process=process, chunk=chunk_name(chunk), **names))


def hard(campaign: Campaign, paths: Paths, process: str, chunk: int) -> Path:
    output = place(paths, "hard", process, chunk)
    make_hard(campaign, process, chunk, place(paths, "survey", process), output)
    return output


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Paths:
    """The campaign with surveys, gridpacks and hard events."""
    paths = Paths.of(CAMPAIGN, str(tmp_path_factory.mktemp("results")))
    for process in CAMPAIGN.processes:
        make_survey(CAMPAIGN, process, place(paths, "survey", process))
        hard(CAMPAIGN, paths, process, 0)
    return paths


@pytest.fixture(scope="module")
def groups(made) -> dict[str, Path]:
    """Groups of every process."""
    files = {}
    for process in CAMPAIGN.processes:
        jets = {name: place(made, "jets", process, realization=name) for name in CAMPAIGN.realizations}
        events, files[process] = place(made, "hard", process), place(made, "groups", process)
        for name, file in jets.items():
            followed = {each: jets[each] for each in CAMPAIGN.followed(name)}
            make_jets(CAMPAIGN, process, 0, events, {name: file}, Job(Path(), 0), followed)
        survey = place(made, "survey", process)
        make_groups(CAMPAIGN, process, 0, survey, events, list(jets.values()), files[process])
    return files


@pytest.fixture
def own(made, tmp_path) -> Paths:
    """A copy of the surveys and gridpacks, without the rest."""
    paths = Paths.of(CAMPAIGN, str(tmp_path / "results"))
    for process in CAMPAIGN.processes:
        for what in ("survey", "gridpack"):
            target = place(paths, what, process)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place(made, what, process), target)
    return paths


def test_processes_come_out_as_groups_with_the_labels_of_their_classes(groups):
    labels = Counter()
    for process, file in groups.items():
        table = pq.read_table(file, columns=["process", "label"])
        labels.update(table["label"].to_pylist())
        assert set(table["process"].to_pylist()) == {process}
    assert set(labels) == {4, 5, 6, 7, 8}
    assert min(labels[4], labels[8], labels[5] + labels[6] + labels[7]) > 0.5 * EVENTS


def test_files_say_which_madgraph_made_them_of_what(made, groups):
    assert read_metadata(groups["zgg"])["versions"]["madgraph"] == "3.5.7"
    gridpack = read_survey(place(made, "survey", "zgg")).gridpack
    assert len(gridpack.cards) == len(gridpack.grids) == 16
    with open_lhe(place(made, "hard", "zgg")) as source:
        said = source.provenance
    assert said["versions"]["madgraph"] == "3.5.7"
    assert said["made_with"]["process"]["madgraph"]["process"] == ["generate u u~ > z g g, z > ve ve~"]
    assert said["gridpack"] == gridpack.model_dump(mode="json")


def test_events_do_not_depend_on_chunks_and_cores_and_stay_when_the_campaign_grows(made, own):
    other = asked(
        chunk=SIZE,
        events=EVENTS + SIZE,
        madgraph={"block_events": SIZE, "accuracy": 0.2, "threads": 1},
        name="other",
    )
    before = list(read_hard_events(place(made, "hard", "zgg"), 0))
    after = [
        event
        for chunk in range(3)
        for event in read_hard_events(hard(other, own, "zgg", chunk), chunk * SIZE)
    ]
    assert after[:EVENTS] == before
    assert len(after) == EVENTS + SIZE
    assert len({event.record.particles[0].pz for event in after}) == EVENTS + SIZE


def test_gridpack_that_is_made_again_with_other_cores_has_the_same_grids(made, own):
    file = place(own, "gridpack", "hz")
    before = kept_gridpack(file)
    file.unlink()
    one_core = asked(madgraph={"block_events": SIZE, "accuracy": 0.2, "threads": 1})
    make_survey(one_core, "hz", place(own, "survey", "hz"))
    assert kept_gridpack(file) == before
    assert hard(one_core, own, "hz", 0).read_bytes() == place(made, "hard", "hz").read_bytes()


def test_realization_is_made_again_from_its_block(made, own, groups):
    row = pq.read_table(groups["zqq"]).to_pylist()[-1]
    assert not place(own, "hard", "zqq").exists()
    (again,) = replay_targets(CAMPAIGN, own, "zqq", "seed", row["event"], row["target"])
    assert compare_stored(CAMPAIGN, made, again).verdict == Verdict.EQUAL


def test_events_that_are_missing_in_a_block_come_from_runs_with_its_next_seeds(made, tmp_path):
    file, unpacked = tmp_path / "gridpack.tar.gz", tmp_path / "unpacked"
    unpack(place(made, "gridpack", "hz"), unpacked)
    (unpacked / "run.sh").rename(unpacked / "whole.sh")
    (unpacked / "run.sh").write_text('#!/bin/sh\nexec ./whole.sh $(($1 - 8)) "$2"\n')
    (unpacked / "run.sh").chmod(0o755)
    with tarfile.open(file, "w:gz") as packed:
        for part in unpacked.iterdir():
            packed.add(part, part.name)
    blocks = Blocks(gridpack_script(CAMPAIGN.madgraph), file, None, 11, "hz", SIZE, 600)
    runs = []
    for attempt in range(2):
        with scratch() as folder, open_lhe(blocks.run(3, attempt, folder)) as source:
            runs.append(list(source.events))
    assert [len(run) for run in runs] == [SIZE - 8, SIZE - 8]
    assert blocks.events(3) == [*runs[0], *runs[1][:8]] == blocks.events(3)
    assert block_seed(11, "hz", 3, 0) != block_seed(11, "hz", 3, 1)


def test_cut_that_madgraph_shows_and_does_not_apply_is_told(made):
    warnings = read_survey(place(made, "survey", "hz")).warnings
    assert any("pt_min_pdg = {25: 450}" in warning and "of 50 events" in warning for warning in warnings)
    assert not any("misset" in warning for warning in warnings)
    for process in ("zgg", "zqq"):
        assert not read_survey(place(made, "survey", process)).warnings


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["generate p p > z gg"], "No particle gg in model"),
        (["generate p p > t t"], "No amplitudes generated from process"),
        (["import model nosuchmodel", "generate p p > z g"], "Model not found locally"),
    ],
)
def test_wrong_process_is_refused_in_one_line_without_compiling(lines, reason, tmp_path):
    wrong = {**PROCESSES["hz"], "madgraph": {"process": lines}}
    with pytest.raises(HardEventError) as refused:
        MadGraph(asked(processes={"hz": wrong}), "hz").check()
    assert str(refused.value).startswith(f"process hz: MadGraph: {reason}")
    assert "\n" not in str(refused.value)


def test_process_that_madgraph_knows_passes_the_check():
    MadGraph(CAMPAIGN, "hz").check()


def test_unknown_name_in_the_run_card_is_refused_before_anything_is_compiled(tmp_path):
    wrong = {**PROCESSES["hz"], "madgraph": {**PROCESSES["hz"]["madgraph"], "run_card": {"nosuchcut": 3}}}
    campaign = asked(processes={"hz": wrong})
    paths = Paths.of(campaign, str(tmp_path))
    with pytest.raises(HardEventError) as refused:
        make_survey(campaign, "hz", place(paths, "survey", "hz"))
    assert str(refused.value) == "process hz: MadGraph: there is no such parameter: `run_card nosuchcut 3`"
    assert not place(paths, "gridpack", "hz").exists()
    assert place(paths, "madgraph", "hz").joinpath("integration.log").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
def test_nothing_is_left_of_a_compilation_that_was_killed(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    save(CAMPAIGN, tmp_path / "config.yaml")
    line = [
        "survey",
        str(tmp_path / "config.yaml"),
        "--process",
        "zqq",
        "--results",
        str(tmp_path / "results"),
    ]
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    job = subprocess.Popen([sys.executable, "-m", "jetresim", *line], env=environment)
    try:
        wait_for(
            lambda: list(temporary.glob("*/*/SubProcesses/P*/matrix1*.f")) or job.poll() is not None, 300
        )
    finally:
        job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    wait_for(lambda: not list(temporary.iterdir()), 60)
    wait_for(lambda: not processes_that_name(str(temporary)), 60)
    assert not place(Paths.of(CAMPAIGN, str(tmp_path / "results")), "gridpack", "zqq").exists()


KS_LEVEL = 1e-3
SAMPLE = 3000


def test_higgs_and_z_agree_with_pythia_at_leading_order(made):
    """The same PDF set on both sides: NNPDF2.3 LO with alpha_s(m_Z) = 0.130."""
    script, file = gridpack_script(CAMPAIGN.madgraph), place(made, "gridpack", "hz")
    theirs = Blocks(script, file, None, 11, "hz", SAMPLE, 600).events(0)
    found = compared(theirs, pythia_events(SAMPLE))
    assert {name: chance for name, (chance, *_) in found.items() if chance < KS_LEVEL} == {}
