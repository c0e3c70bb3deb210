"""Disks that fill up and bytes that rot: a clear message, and the same bytes once the cause is gone."""

import re
import shutil
import subprocess

import pytest

from jetresim.campaign.config import load
from jetresim.campaign.errors import JetresimError
from jetresim.dataset.assemble import write_split
from jetresim.workflow.stages.groups import make_groups
from tests.workflow.commands import SMALL, files_in, make_campaign, run_snakemake, write_config

CONFIG = {
    **SMALL,
    "processes": {"qcd": {"events": 12, "cuts": {"pt_min": 500}}},
    "chunk": 12,
    "augmentations": ["nominal", "rehadronize"],
    "dataset": {"formats": []},
}
STAGES = ("hard", "jets", "groups", "dataset")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, run):
    return make_campaign(run, tmp_path_factory.mktemp("undisturbed"), CONFIG)


@pytest.fixture
def disk(tmp_path):
    """A small disk in the place of the campaign's folder; called, it changes its size."""
    folder = tmp_path / "results" / "small"
    folder.mkdir(parents=True)

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")

    mount("size=100k")
    yield lambda size: mount(f"remount,size={size}")
    subprocess.run(["umount", str(folder)], check=True)


def test_run_on_a_disk_that_fills_up_goes_on_when_there_is_room(tmp_path, disk, undisturbed):
    config = write_config(tmp_path, CONFIG)
    made = tmp_path / "results" / "small"
    failed = run_snakemake(tmp_path, config)
    assert failed.code == 1
    assert "No space left on device" in failed.errors
    whole = {
        f"{stage}/{name}": content
        for stage in STAGES
        if (made / stage).is_dir()
        for name, content in files_in(made / stage).items()
    }
    assert whole, "the disk was full from the start"
    assert not (made / "dataset").exists()
    assert all((undisturbed / name).read_bytes() == content for name, content in whole.items())
    disk("20m")
    run_snakemake(tmp_path, config, "--until", "card").succeeded()
    for stage in STAGES:
        assert files_in(made / stage) == files_in(undisturbed / stage)
    assert list(made.rglob(".partial-*")) == []


def flipped(path, count):
    """The content of a file with one bit wrong, at places spread over it and in the version it names."""
    content = path.read_bytes()
    version = re.search(rb"jetresim\W+\d", content)
    places = [*range(0, len(content), -(-len(content) // count)), *([version.end()] if version else [])]
    for place in places:
        yield place, content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def groups_from(campaign, folder, output):
    names = [folder / "jets" / "qcd" / name / "00000.parquet" for name in campaign.realizations]
    survey, hard = folder / "hard" / "qcd" / "survey.json", folder / "hard" / "qcd" / "00000.lhe.gz"
    make_groups(campaign, "qcd", 0, survey, hard, names, output)
    return output.read_bytes()


def split_from(campaign, folder, output):
    write_split(output, [folder / "groups" / "qcd" / "00000.parquet"], campaign, "train")
    return files_in(output)


READERS = {
    "hard events": ("hard/qcd/00000.lhe.gz", groups_from),
    "jets": ("jets/qcd/rehadronize/00000.parquet", groups_from),
    "groups": ("groups/qcd/00000.parquet", split_from),
}


@pytest.mark.parametrize(("name", "read"), READERS.values(), ids=READERS.keys())
def test_wrong_bit_is_refused_or_does_not_matter(undisturbed, tmp_path, name, read):
    folder = shutil.copytree(undisturbed, tmp_path / "small")
    campaign = load(write_config(tmp_path, CONFIG))
    expected = read(campaign, folder, tmp_path / "expected")
    harmless, refusals = [], []
    for place, content in flipped(folder / name, 100):
        (folder / name).write_bytes(content)
        output = tmp_path / f"{place}"
        try:
            found = read(campaign, folder, output)
        except JetresimError as error:
            refusals.append(str(error))
        else:
            assert found == expected, f"byte {place} of {name} made another result"
            harmless.append(place)
    assert [said for said in refusals if not said.startswith(f"{folder / name}: ") or "\n" in said] == []
    assert len(refusals) > 10 * len(harmless), harmless
    assert not list(tmp_path.rglob(".partial-*"))


def test_damaged_file_is_made_again_once_it_is_deleted(tmp_path, undisturbed):
    made = shutil.copytree(undisturbed, tmp_path / "results" / "small")
    config = write_config(tmp_path, CONFIG)
    jets, groups = made / "jets/qcd/rehadronize/00000.parquet", made / "groups/qcd/00000.parquet"
    jets.write_bytes(jets.read_bytes()[:-100])
    groups.unlink()
    refused = run_snakemake(tmp_path, config, "--", groups.relative_to(tmp_path))
    assert refused.code == 1
    assert f"error: {jets.relative_to(tmp_path)}: cannot be read as Parquet" in refused.errors
    assert not groups.exists()
    jets.unlink()
    run_snakemake(tmp_path, config, "--", groups.relative_to(tmp_path)).succeeded()
    assert jets.read_bytes() == (undisturbed / jets.relative_to(made)).read_bytes()
    assert groups.read_bytes() == (undisturbed / groups.relative_to(made)).read_bytes()
