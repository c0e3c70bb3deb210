"""What is refused: in one line on standard error that says what, where and what would be right."""

import contextlib
import copy
import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.workflow.commands import ROOT, SMALL, run_snakemake, stages, write_config

QCD = ("--process", "qcd")
FIRST = (*QCD, "--chunk", "0")
SURVEY = "results/small/hard/qcd/survey.json"
HARD = "results/small/hard/qcd/00000.lhe.gz"
NOMINAL = "results/small/jets/qcd/nominal/00000.parquet"
JETS = "results/small/jets/qcd/seed/00000.parquet"
GROUPS = "results/small/groups/qcd/00000.parquet"
TRAIN = "results/small/dataset/train"
SHARD = f"{TRAIN}/train-00000.parquet"
RS3L = "results/small/dataset/rs3l/train"
PAIRS = "results/small/dataset/rs3l_pairs/train.h5"
STANDARDIZATION = "results/small/dataset/standardization.json"
MANIFEST = "results/small/dataset/manifest.json"

COMMANDS = {
    "survey": ("survey", *QCD),
    "hard": ("hard", *FIRST),
    "jets": ("jets", *FIRST, "--realization", "seed"),
    "groups": ("groups", *FIRST),
    "dataset": ("dataset", "--split", "train"),
    "rs3l": ("export", "--format", "rs3l", "--split", "train"),
    "rs3l_pairs": ("export", "--format", "rs3l_pairs", "--split", "train"),
    "standardization": ("standardization",),
    "card": ("card",),
}
OUTPUTS = dict(
    zip(COMMANDS, (SURVEY, HARD, JETS, GROUPS, TRAIN, RS3L, PAIRS, STANDARDIZATION, MANIFEST), strict=True)
)


@pytest.fixture
def campaign(small, tmp_path):
    """A copy of the small campaign, complete, to be damaged."""
    return shutil.copytree(small, tmp_path / "campaign")


def refusal(run, folder, command, config="config.yaml", **limits):
    """Run a command that must fail without leaving a trace; returns the line that says why."""
    before = {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*")}
    name, *options = command
    outcome = run.jetresim(folder, name, config, *options, **limits)
    assert outcome.code == 1, outcome
    assert outcome.output == ""
    *progress, last = outcome.errors.splitlines()
    assert last.startswith("error: "), outcome.errors
    assert not [line for line in progress if "Traceback" in line or line.startswith(" ")]
    after = {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*")}
    assert {path for path in after if path.is_file()} - before.keys() == set()
    assert [path for path in before if path.is_file() and after.get(path) != before[path]] == []
    return last.removeprefix("error: ")


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


# The configuration and the command line


def with_changes(**changes):
    return {**copy.deepcopy(SMALL), **changes}


def brought(**changes):
    return with_changes(processes={"higgs": {**SMALL["processes"]["higgs"], **changes}})


BAD_CONFIGS = {
    "key": (with_changes(chnk=5), "chnk: unknown key 'chnk'; did you mean 'chunk'?"),
    "value": (with_changes(chunk=0), "chunk: must be greater than 0 (found 0)"),
    "process": (
        with_changes(processes={"higs": {"events": 3}}),
        "processes: unknown process 'higs'; did you mean 'higgs'?",
    ),
    "augmentation": (
        with_changes(augmentations=["nominal", "sede"]),
        "augmentations.1: unknown augmentation 'sede'; did you mean 'seed'?",
    ),
    "setting": (
        with_changes(settings={"PartonLevel:MPPI": False}),
        "settings: unknown Pythia setting 'PartonLevel:MPPI'; did you mean 'PartonLevel:MPI'?",
    ),
    "value of a setting": (
        with_changes(settings={"TimeShower:renormMultFac": "high"}),
        "settings: `TimeShower:renormMultFac = high`: expected a number from 0.1 up to 10",
    ),
    "setting of an augmentation": (
        with_changes(augmentations=["nominal", {"name": "own", "settings": {"Tune:ppp": 3}}]),
        "augmentations.own.settings: unknown Pythia setting 'Tune:ppp'; did you mean 'Tune:pp'?",
    ),
    "setting that the pipeline makes": (
        with_changes(settings={"Random:seed": 3}),
        "settings: `Random:seed` cannot be set here; all random numbers follow from the campaign's `seed`",
    ),
    "hadronization off": (
        with_changes(settings={"hadronlevel:all": False}),
        "settings: `HadronLevel:all` cannot be set here; jets are made of hadrons",
    ),
    "soft constituents": (
        with_changes(jets={"constituent_pt_min": 0.5}),
        "jets.constituent_pt_min: 0.5 GeV; dataset.formats 'rs3l' marks a constituent by ln pT > 0 and needs "
        "at least 1 GeV",
    ),
    "nothing to pair": (
        with_changes(augmentations=["nominal"]),
        "dataset.formats: 'rs3l_pairs' needs an augmentation beside 'nominal'",
    ),
    "file that is not there": (
        brought(files=["none.lhe"]),
        "processes.higgs.files: none.lhe does not exist; expected an .lhe or .lhe.gz file, or LHEH5",
    ),
}


@pytest.mark.parametrize(("config", "message"), BAD_CONFIGS.values(), ids=BAD_CONFIGS.keys())
@pytest.mark.parametrize(
    "command", [("validate",), COMMANDS["survey"], COMMANDS["groups"]], ids=lambda one: one[0]
)
def test_bad_configuration_is_refused_up_to_the_groups(run, tmp_path, command, config, message):
    path = write_config(tmp_path, config)
    assert refusal(run, tmp_path, command, path) == f"{path}: {message}"


@pytest.mark.parametrize(("config", "message"), BAD_CONFIGS.values(), ids=BAD_CONFIGS.keys())
def test_bad_configuration_is_refused_by_snakemake_before_anything_runs(run, tmp_path, config, message):
    path = write_config(tmp_path, config)
    outcome = run.snakemake(tmp_path, "--cores", 1, "--configfile", path)
    assert outcome.code == 1
    assert [line for line in (outcome.output + outcome.errors).splitlines() if line.endswith(message)]
    assert "Traceback" not in outcome.output + outcome.errors
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: x\nseed: 1\n", "processes: is required"),
        ("name: x\nseed: 1\nname: y\n", "key 'name' is given twice, in lines 1 and 3; keep one"),
    ],
)
def test_snakemake_takes_a_configuration_as_it_stands_in_its_file(run, tmp_path, content, message):
    (tmp_path / "config").symlink_to(ROOT / "config")  # with the demo, which must not be merged into it
    (tmp_path / "own.yaml").write_text(content, encoding="utf-8")
    outcome = run.snakemake(tmp_path, "-n", "--configfile", "own.yaml")
    assert outcome.code == 1
    assert [line for line in (outcome.output + outcome.errors).splitlines() if line.endswith(message)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "expected a mapping of keys to values, found NoneType"),
        (b"name: [small\n", "not valid YAML: "),
        (b"\x89HDF\r\n\x1a\n\xff", "not a text file; expected YAML"),
    ],
)
def test_file_that_is_no_configuration_is_refused(run, tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.yaml").write_bytes(content)
    assert refusal(run, tmp_path, ("validate",)).startswith(f"config.yaml: {message}")


BAD_OPTIONS = {
    "process": (
        ("hard", "--process", "qdc", "--chunk", "0"),
        "unknown process 'qdc'; did you mean 'qcd'?",
    ),
    "chunk": (
        ("groups", *QCD, "--chunk", "2"),
        "--chunk 2: process qcd has 2 chunks, 0 to 1",
    ),
    "realization": (
        ("jets", *FIRST, "--realization", "seeed"),
        "unknown realization 'seeed'; did you mean 'seed'?",
    ),
    "realizations that share nothing": (
        ("jets", *FIRST, "--realization", "nominal", "--realization", "seed"),
        "--realization seed has a shower of its own; only nominal, rehadronize can be made together",
    ),
    "format": (
        ("export", "--split", "val", "--format", "hdf5"),
        "--format: unknown format 'hdf5'; "
        "known: rs3l, rs3l_pairs, jetclass, toptagging, huggingface, omnilearned",
    ),
}


@pytest.mark.parametrize(("command", "message"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_option_that_does_not_fit_the_campaign_is_refused(run, campaign, command, message):
    assert refusal(run, campaign, command) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shower", "config.yaml"), "No such command 'shower'"),
        (("jets", "config.yaml"), "Missing option '--process'"),
        (("hard", "config.yaml", *QCD, "--chunk", "-1"), "Invalid value for '--chunk'"),
        (
            ("dataset", "config.yaml", "--split", "validation"),
            "'validation' is not one of 'train', 'val', 'test'",
        ),
        (("verify", "results/small", "--format", "jsn"), "'jsn' is not one of 'table', 'json'"),
        (("replay", "config.yaml", "--format", "svg"), "'svg' is not one of 'table', 'json', 'hepmc', 'png'"),
        (("card", "config.yaml", "--result", "x"), "No such option: --result"),
        (("card",), "Missing argument 'config'"),
    ],
)
def test_wrong_use_is_explained(run, tmp_path, arguments, message):
    outcome = run.jetresim(tmp_path, *arguments)
    assert outcome.code == 2
    (line,) = outcome.errors.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert "--help`" in line


# Files of the stage before


@pytest.mark.parametrize(
    ("stage", "path", "maker"),
    [
        ("hard", SURVEY, "survey"),
        ("jets", HARD, "hard"),
        ("jets", NOMINAL, "jets"),
        ("groups", HARD, "hard"),
        ("groups", JETS, "jets"),
        ("groups", SURVEY, "survey"),
        ("dataset", GROUPS, "groups"),
        ("rs3l", TRAIN, "dataset"),
        ("rs3l_pairs", TRAIN, "dataset"),
        ("card", TRAIN, "dataset"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(run, campaign, stage, path, maker):
    remove(campaign / path)
    message = f"{path}: does not exist; `jetresim {maker}` makes it"
    assert refusal(run, campaign, COMMANDS[stage]) == message


def cut(part):
    """Keep a fraction of the bytes of a file."""

    def damage(path):
        content = path.read_bytes()
        path.write_bytes(content[: int(part * len(content))])

    return damage


def overwrite(path):
    """Zeros in the middle of a file, ends intact."""
    content = path.read_bytes()
    third = len(content) // 3
    path.write_bytes(content[:third] + bytes(third) + content[2 * third :])


def replace_by(other):
    return lambda path: shutil.copy(path.parents[len(Path(JETS).parents) - 2] / other, path)


def drop_last_event(path):
    text = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress((text[: text.rindex("<event>")] + "</LesHouchesEvents>\n").encode()))


def write_text(text):
    return lambda path: path.write_text(text)


NO_PARQUET = "cannot be read as Parquet; delete it"
UNREADABLE = "cannot be read as Parquet; delete it"
DAMAGES = {
    "survey cut": ("hard", SURVEY, cut(0.5), "not a survey (text: Invalid JSON"),
    "survey empty": ("hard", SURVEY, cut(0), "not a survey (text: Invalid JSON"),
    "survey of something else": ("hard", SURVEY, write_text('{"a": 1}'), "not a survey (cross_section: "),
    "hard events cut": ("jets", HARD, cut(0.5), "the compressed file is cut off"),
    "hard events cut at the end": ("groups", HARD, cut(0.999), "the compressed file is cut off"),
    "hard events empty": ("jets", HARD, cut(0), "is empty"),
    "hard events overwritten": ("jets", HARD, overwrite, "damaged gzip data"),
    "hard events no LHE": ("jets", HARD, write_text("pt eta phi\n"), "not a Les Houches event file"),
    "hard events incomplete": (
        "jets",
        HARD,
        drop_last_event,
        "holds 9 hard events, expected 10 (events 0 to 9)",
    ),
    "hard events incomplete for groups": (
        "groups",
        HARD,
        drop_last_event,
        "holds 9 hard events, expected 10 (events 0 to 9)",
    ),
    "jets cut": ("groups", JETS, cut(0.5), NO_PARQUET),
    "jets empty": ("groups", JETS, cut(0), NO_PARQUET),
    "jets overwritten": ("groups", JETS, overwrite, UNREADABLE),
    "jets no Parquet": ("groups", JETS, write_text("pt,eta\n1,2\n"), NO_PARQUET),
    "anchor cut": ("jets", NOMINAL, cut(0.5), NO_PARQUET),
    "groups cut": ("dataset", GROUPS, cut(0.9), NO_PARQUET),
    "groups overwritten": ("dataset", GROUPS, overwrite, UNREADABLE),
    "shard cut": ("rs3l", SHARD, cut(0.9), NO_PARQUET),
    "shard overwritten": ("rs3l_pairs", SHARD, overwrite, UNREADABLE),
    "shard cut for the card": ("card", SHARD, cut(0.9), NO_PARQUET),
    "shard missing": ("rs3l", SHARD, Path.unlink, "is missing; write the split again"),
    "shard missing for the card": ("card", SHARD, Path.unlink, "is missing; write the split again"),
    "HDF5 cut": ("card", f"{RS3L}/rs3l_0.h5", cut(0.5), "cannot be read"),
    "HDF5 missing": ("card", PAIRS, Path.unlink, "does not exist; the card comes after all it lists"),
}


@pytest.mark.parametrize(("stage", "path", "damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_file_is_refused(run, campaign, stage, path, damage, message):
    damage(campaign / path)
    assert refusal(run, campaign, COMMANDS[stage]).startswith(f"{path}: {message}")


SWAPS = {
    "hard events of another chunk": (
        "jets",
        HARD,
        "results/small/hard/qcd/00001.lhe.gz",
        "made with first_event = 10, but the campaign has 0; remake the file",
    ),
    "jets of another realization": ("groups", JETS, NOMINAL, "jets of realization 'nominal'; expected"),
    "jets of another chunk": (
        "groups",
        JETS,
        "results/small/jets/qcd/seed/00001.parquet",
        "row 0 has event 10 target 0; the hard events have event 0 target 0",
    ),
    "jets of another process": (
        "groups",
        JETS,
        "results/small/jets/higgs/seed/00000.parquet",
        "jets of process 'higgs'; expected",
    ),
    "groups in place of jets": ("groups", JETS, GROUPS, "jets of realization None; expected"),
    "groups twice": (
        "dataset",
        GROUPS,
        "results/small/groups/qcd/00001.parquet",
        "groups of qcd events 0 to 9 are missing",
    ),
    "jets in place of groups": ("dataset", GROUPS, JETS, "metadata without campaign, realizations, totals"),
    "shard of another split": (
        "rs3l",
        SHARD,
        "results/small/dataset/val/val-00000.parquet",
        "is no file of split 'val'",
    ),
}


@pytest.mark.parametrize(("stage", "path", "other", "message"), SWAPS.values(), ids=SWAPS.keys())
def test_file_of_something_else_is_refused(run, campaign, stage, path, other, message):
    shutil.copy(campaign / other, campaign / path)
    assert refusal(run, campaign, COMMANDS[stage]).startswith(f"{path}: {message}")


OUTDATED = {
    "seed for the groups": ("groups", {"seed": 5}, "made with seed = 20240307, but the campaign has 5"),
    "seed for the dataset": ("dataset", {"seed": 5}, "seed = 20240307, but the campaign has 5"),
    "seed for the export": ("rs3l", {"seed": 5}, "seed = 20240307, but the campaign has 5"),
    "seed for the card": ("card", {"seed": 5}, "seed = 20240307, but the campaign has 5"),
    "tune": ("groups", {"tune": "Monash"}, "but the campaign has"),
    "radius": ("groups", {"jets": {"radius": 1.0}}, "made with jets.radius = 0.8, but the campaign has 1.0"),
    "anchor": ("jets", {"jets": {"radius": 1.0}}, "made with jets.radius = 0.8, but the campaign has 1.0"),
    "chunk": ("jets", {"chunk": 7}, "holds 10 hard events, expected 7 (events 0 to 6)"),
    "rule of the groups": (
        "dataset",
        {"groups": {"pt_min": 400, "require": "nominal"}},
        "made with groups.require = 'all', but the campaign has 'nominal'",
    ),
    "augmentations for the dataset": (
        "dataset",
        {"augmentations": ["nominal", "seed"]},
        "realizations ['nominal', 'seed', 'rehadronize'], but the campaign has ['nominal', 'seed']",
    ),
    "order of augmentations for the export": (
        "rs3l_pairs",
        {"augmentations": ["seed", "nominal", "rehadronize"]},
        "realizations ['nominal', 'seed', 'rehadronize'], but the campaign has ['seed', 'nominal', ",
    ),
    "splits": (
        "rs3l",
        {"dataset": {**SMALL["dataset"], "splits": {"train": 0.6, "val": 0.3, "test": 0.1}}},
        "made with dataset.splits.train = 0.8, but the campaign has 0.6",
    ),
}


@pytest.mark.parametrize(("stage", "changes", "message"), OUTDATED.values(), ids=OUTDATED.keys())
def test_file_made_with_another_configuration_is_refused(run, campaign, stage, changes, message):
    write_config(campaign, with_changes(**changes))
    said = refusal(run, campaign, COMMANDS[stage])
    assert said.startswith("results/small/")
    assert message in said


def test_groups_of_more_events_are_asked_for(run, campaign):
    config = with_changes()
    config["processes"]["qcd"]["events"] = 30
    write_config(campaign, config)
    assert "groups/qcd/00002.parquet: does not exist" in refusal(run, campaign, COMMANDS["dataset"])


# Brought files


def lhe(folder, change):
    """The brought file with its text changed."""
    (path,) = SMALL["processes"]["higgs"]["files"]
    text = gzip.decompress(Path(path).read_bytes()).decode()
    changed = folder / "mine.lhe"
    changed.write_text(change(text))
    return changed


BAD_EVENTS = {
    "cut": (lambda text: text[: text.rindex("</event>")], "is cut off within event 14"),
    "end lost": (lambda text: text.replace("</LesHouchesEvents>", ""), "is cut off after 15 events"),
    "other beams": (lambda text: text.replace("6.500000e+03", "7.000000e+03"), "7000"),
    "no events": (
        lambda text: text[: text.index("<event>")] + "</LesHouchesEvents>\n",
        "holds no events",
    ),
    "no LHE": (lambda text: "<html>404</html>", "not a Les Houches event file"),
    "not a number": (lambda text: text.replace("8.55819800e+02", "nan"), "event 0 (counted from 0)"),
}


@pytest.mark.parametrize(("change", "message"), BAD_EVENTS.values(), ids=BAD_EVENTS.keys())
def test_bad_event_file_is_refused_by_the_survey(run, tmp_path, change, message):
    path = lhe(tmp_path, change)
    config = write_config(tmp_path, brought(files=[str(path)]))
    said = refusal(run, tmp_path, ("survey", "--process", "higgs"), config)
    assert said.startswith(f"{path}: ")
    assert message in said
    assert not list(tmp_path.rglob("survey.json"))


def test_more_events_than_the_files_hold_are_refused(run, tmp_path):
    config = write_config(tmp_path, brought(events=16))
    said = refusal(run, tmp_path, ("survey", "--process", "higgs"), config)
    assert said == f"{config}: processes.higgs.events: 16 asked for, `files` hold 15"


def test_event_file_that_shrank_since_its_survey_is_refused(run, tmp_path):
    path = lhe(tmp_path, str)
    config = write_config(tmp_path, brought(files=[str(path)]))
    run.jetresim(tmp_path, "survey", config, "--process", "higgs").succeeded()
    path.write_text(path.read_text().rsplit("<event>", 3)[0] + "</LesHouchesEvents>\n")
    said = refusal(run, tmp_path, ("hard", "--process", "higgs", "--chunk", "1"), config)
    assert said == f"{config}: processes.higgs.events: 15 asked for, `files` hold 12"


def test_event_file_that_changed_since_its_survey_is_refused(run, tmp_path):
    path = lhe(tmp_path, str)
    config = write_config(tmp_path, brought(files=[str(path)]))
    run.jetresim(tmp_path, "survey", config, "--process", "higgs").succeeded()
    path.write_text(path.read_text().replace("<event>", "<event >", 1))
    said = refusal(run, tmp_path, ("hard", "--process", "higgs", "--chunk", "1"), config)
    assert "survey.json: made with process.sha256[0] = " in said


# The file system


@pytest.mark.parametrize("stage", COMMANDS)
def test_file_that_cannot_grow_is_named_and_not_left_half_written(run, campaign, stage):
    remove(campaign / OUTPUTS[stage])
    said = refusal(run, campaign, COMMANDS[stage], file_size=200)
    assert said == f"{OUTPUTS[stage]}: File too large"


# the folder of the ones left out holds their input, too
@pytest.mark.parametrize("stage", sorted(COMMANDS.keys() - {"hard", "card", "standardization"}))
def test_file_in_the_place_of_a_folder_is_left_alone(run, campaign, stage):
    folder = (campaign / OUTPUTS[stage]).parent
    remove(folder)
    folder.write_text("precious")
    said = refusal(run, campaign, COMMANDS[stage])
    assert said == f"{Path(OUTPUTS[stage]).parent}: Not a directory"
    assert folder.read_text() == "precious"


@pytest.mark.parametrize("stage", COMMANDS)
def test_what_is_in_the_place_of_an_output_but_of_another_kind_is_left_alone(run, campaign, stage):
    output = campaign / OUTPUTS[stage]
    was_folder = output.is_dir()
    remove(output)
    precious = output if was_folder else output / "precious"
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("precious")
    said = refusal(run, campaign, COMMANDS[stage])
    assert said == f"{OUTPUTS[stage]}: {'Not a directory' if was_folder else 'Is a directory'}"
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("stage", COMMANDS)
def test_what_a_killed_job_left_does_no_harm(run, campaign, stage):
    output = campaign / OUTPUTS[stage]
    expected = {path.name: path.read_bytes() for path in (output.iterdir() if output.is_dir() else [output])}
    partial = output.with_name(f".partial-{output.name}")
    if output.is_dir():
        partial.mkdir()
        partial = partial / "train-00099.parquet"
    partial.write_bytes(b"half")
    remove(output)
    name, *options = COMMANDS[stage]
    run.jetresim(campaign, name, "config.yaml", *options).succeeded()
    found = {path.name: path.read_bytes() for path in (output.iterdir() if output.is_dir() else [output])}
    assert found == expected
    assert not list(campaign.rglob(".partial-*"))


@pytest.fixture
def mounted(tmp_path):
    """Mount a small file system in memory with some options; only root may."""
    folders = []

    def mount(name, options, *, again=False):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        mode = f"remount,{options}" if again else options
        command = ["mount", "-t", "tmpfs", "-o", mode, "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")
        folders.append(folder)
        return folder

    yield mount
    for folder in set(folders):
        subprocess.run(["umount", str(folder)], check=True)


def fill(ballast):
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize("stage", COMMANDS)
def test_full_disk_is_named_and_nothing_half_written_is_left(run, small, mounted, stage):
    full = mounted("full", "size=4m")
    shutil.copytree(small, full, dirs_exist_ok=True)
    remove(full / OUTPUTS[stage])
    fill(full / "ballast")
    said = refusal(run, full, COMMANDS[stage])
    assert said == f"{OUTPUTS[stage]}: No space left on device"


@pytest.mark.parametrize("stage", COMMANDS)
def test_folder_that_cannot_be_written_is_named(run, small, mounted, stage):
    folder = mounted("read-only", "size=4m")
    shutil.copytree(small, folder, dirs_exist_ok=True)
    mounted("read-only", "ro", again=True)
    said = refusal(run, folder, COMMANDS[stage])
    assert said == f"{OUTPUTS[stage]}: Read-only file system"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("stage", COMMANDS)
def test_folder_without_permission_is_named(run, campaign, stage):
    folder = (campaign / OUTPUTS[stage]).parent
    folder.chmod(0o555)
    said = refusal(run, campaign, COMMANDS[stage])
    folder.chmod(0o755)
    assert said == f"{OUTPUTS[stage]}: Permission denied"


# Through Snakemake


def test_job_of_snakemake_that_is_refused_says_why(run, tmp_path):
    path = lhe(tmp_path, BAD_EVENTS["other beams"][0])
    config = write_config(tmp_path, brought(files=[str(path)]))
    outcome = run_snakemake(tmp_path, config, "--retries", 0)
    assert outcome.code == 1
    lines = [line for line in outcome.errors.splitlines() if line.startswith(f"error: {path}: ")]
    assert lines
    assert not list((tmp_path / "results/small/hard").rglob("*.*"))
    assert (tmp_path / "results/small/logs/survey/higgs.log").read_text().splitlines() == [lines[0]]


def test_every_stage_is_covered():
    assert {name for name, *_ in COMMANDS.values()} == {name for name, *_ in stages(SMALL)}
