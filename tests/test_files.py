"""Files that appear under their name as a whole or not at all."""

import pytest

from jetresim.campaign.files import atomic_path, partial_files


def test_partial_files_of_others_are_not_those_of_a_file(tmp_path):
    for name in (
        ".partial-00000.parquet",
        ".partial-a-node.12-00000.parquet",
        ".partial-n.1-train-00000.parquet",
    ):
        (tmp_path / name).touch()
    names = {path.name for path in partial_files(tmp_path / "00000.parquet")}
    assert names == {".partial-00000.parquet", ".partial-a-node.12-00000.parquet"}


def late_writer(path, in_between):
    with atomic_path(path) as temporary:
        temporary.write_text("of the job that was given up")
        in_between()


def test_a_job_that_was_given_up_cannot_harm_its_successor(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"

    def successor():
        monkeypatch.setattr("jetresim.campaign.files.os.getpid", lambda: 999_999_999)
        with atomic_path(path) as temporary:
            temporary.write_text("whole")

    with pytest.raises(FileNotFoundError) as failed:
        late_writer(path, successor)
    assert failed.value.filename == str(path)
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
