import gzip
import shutil

import pytest
from lhe_samples import DATA, event, les_houches

from jetresim.campaign.config import parse
from jetresim.campaign.errors import ConfigError, HardEventError
from jetresim.campaign.provenance import survey_inputs
from jetresim.generators import brought
from jetresim.generators.brought import (
    read_contents,
    with_brought_files,
    with_remembered_files,
    write_contents,
)
from jetresim.generators.lhe import LHEFiles
from jetresim.generators.lhe_files import open_lhe
from jetresim.generators.provenance import hard_provenance

REAL = DATA / "zj.lhe.gz"


def campaign(files, **fields):
    process = {"generator": "lhe", "files": files, "targets": ["parton"], **fields}
    return parse({"name": "x", "seed": 1, "processes": {"mine": process}, "augmentations": ["nominal"]}, "x")


def completed(files, contents=None, **fields):
    return with_brought_files(campaign(files, **fields), {} if contents is None else contents)


def run(path, events=2, px=-202.2):
    path.write_text(les_houches([event(px=px - number) for number in range(events)]))
    return path


def test_pattern_stands_for_its_files_in_the_order_of_their_names(tmp_path):
    for number, name in enumerate(("b.lhe", "c.lhe", "a.lhe")):
        run(tmp_path / name, events=number + 1)
    (tmp_path / "d.lhe").mkdir()
    process = completed(str(tmp_path / "*.lhe")).process("mine")
    assert [path.name for path in process.files] == ["a.lhe", "b.lhe", "c.lhe"]
    assert process.events == 3 + 1 + 2


def test_pattern_may_cross_folders_and_stand_beside_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("run_2", "run_1"):
        (tmp_path / name).mkdir()
        run(tmp_path / name / "events.lhe")
    run(tmp_path / "more.lhe")
    files = completed(["more.lhe", "run_*/events.lhe"]).process("mine").files
    assert [str(path) for path in files] == ["more.lhe", "run_1/events.lhe", "run_2/events.lhe"]


def test_file_whose_name_looks_like_a_pattern_is_itself(tmp_path):
    path = run(tmp_path / "pt[400].lhe")
    assert completed(str(path)).process("mine").files == (path,)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("nix_*.lhe", "processes.mine.files: no file matches nix_*.lhe"),
        (
            ["nix.lhe"],
            "processes.mine.files: nix.lhe does not exist; expected an .lhe or .lhe.gz file, or LHEH5",
        ),
    ],
)
def test_files_that_are_not_there_are_refused(files, message):
    with pytest.raises(ConfigError) as refused:
        completed(files)
    assert str(refused.value) == message


def test_all_events_are_taken_where_nothing_else_is_asked_for():
    made = completed(str(REAL))
    assert made.process("mine").events == 15
    assert made.chunks("mine") == [range(15)]
    assert completed(str(REAL), events=4).process("mine").events == 4


def test_more_events_than_there_are_are_refused():
    with pytest.raises(ConfigError, match=r"processes.mine.events: 16 asked for, `files` hold 15"):
        completed(str(REAL), events=16)


@pytest.mark.parametrize(
    "name", [path.name for path in sorted(DATA.glob("*.lhe.gz"))], ids=lambda name: name.split(".")[0]
)
def test_counted_events_are_those_that_are_read(name):
    with open_lhe(DATA / name) as source:
        assert completed(str(DATA / name)).process("mine").events == sum(1 for _ in source.events)


def test_file_that_is_cut_off_is_refused_where_its_events_are_counted(tmp_path):
    path = run(tmp_path / "cut.lhe", events=3)
    path.write_text(path.read_text()[:-200])
    with pytest.raises(HardEventError, match=r"cut.lhe: is cut off within event 2"):
        completed(str(path))


def test_complete_processes_are_not_read_again(tmp_path):
    path = tmp_path / "mine.lhe.gz"
    shutil.copy(REAL, path)
    made = completed(str(path))
    path.unlink()
    assert with_brought_files(made, {}) is made


def test_files_are_read_once_until_they_look_changed(tmp_path, monkeypatch):
    path, notes = run(tmp_path / "mine.lhe"), tmp_path / "folder" / "brought.json"
    contents = read_contents(notes)
    first = completed(str(path), contents)
    write_contents(contents, notes)
    read = []
    digest = brought.file_digest
    monkeypatch.setattr(brought, "file_digest", lambda path: read.append(path) or digest(path))
    assert completed(str(path), read_contents(notes)) == first
    assert read == []
    run(path, events=5)
    assert completed(str(path), read_contents(notes)).process("mine").events == 5
    assert read == [path]


def test_damaged_notes_are_as_good_as_none(tmp_path):
    notes = tmp_path / "brought.json"
    notes.write_text("{")
    assert read_contents(notes) == {}


def test_a_file_is_known_by_its_content_and_not_by_its_path(tmp_path):
    moved = tmp_path / "another_name.lhe.gz"
    shutil.copy(REAL, moved)
    here, there = completed(str(REAL)), completed(str(moved))
    assert survey_inputs(here, "mine") == survey_inputs(there, "mine")
    surveys = [LHEFiles(each, "mine").survey() for each in (here, there)]
    assert surveys[0] == surveys[1]
    assert list(LHEFiles(there, "mine").events(range(15), surveys[0]))


def test_hard_events_of_a_moved_file_stay_valid_though_warnings_name_paths(tmp_path):
    one = run(tmp_path / "one.lhe")
    one.write_text(les_houches([event()], strategy=-4, xsec=0.0))
    other = tmp_path / "other.lhe"
    shutil.copy(one, other)
    campaigns = [completed(str(path)) for path in (one, other)]
    surveys = [LHEFiles(each, "mine").survey() for each in campaigns]
    assert surveys[0].warnings != surveys[1].warnings
    provenances = [
        hard_provenance(each, "mine", 0, survey) for each, survey in zip(campaigns, surveys, strict=True)
    ]
    assert provenances[0] == provenances[1]


def test_other_content_under_the_same_name_is_another_input(tmp_path):
    path = tmp_path / "mine.lhe.gz"
    text = gzip.decompress(REAL.read_bytes())
    shutil.copy(REAL, path)
    before = completed(str(path))
    survey = LHEFiles(before, "mine").survey()
    path.write_bytes(gzip.compress(text.replace(b"e+02", b"e+01", 1)))
    assert survey_inputs(completed(str(path)), "mine") != survey_inputs(before, "mine")
    with pytest.raises(HardEventError, match=r"its content .* is not the one that process mine was set up"):
        LHEFiles(before, "mine").survey()
    with pytest.raises(HardEventError, match=r"its content .* is not the one that process mine was set up"):
        list(LHEFiles(before, "mine").events(range(1), survey))


def test_digests_of_the_configuration_must_be_those_of_the_files():
    digest = brought.file_digest(REAL)
    assert completed(str(REAL), sha256=[digest]).process("mine").sha256 == (digest,)
    with pytest.raises(
        ConfigError, match=rf"processes.mine.sha256: .*zj.lhe.gz has {digest}, not {'0' * 64}"
    ):
        completed(str(REAL), sha256=["0" * 64])
    with pytest.raises(ConfigError, match="has 2 digests for 1 files"):
        completed(str(REAL), sha256=[digest, digest])


def test_where_files_are_gone_the_campaign_that_was_made_tells_of_them(tmp_path):
    path = tmp_path / "mine.lhe.gz"
    shutil.copy(REAL, path)
    asked = campaign(str(tmp_path / "*.lhe.gz"))
    made = with_brought_files(asked, {})
    assert with_remembered_files(asked, [made]) == asked
    path.unlink()
    assert with_remembered_files(asked, [made]) == made
    with pytest.raises(ConfigError, match="no file matches"):
        with_brought_files(with_remembered_files(asked, []), {})
