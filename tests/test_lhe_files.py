import gzip
import re
import struct
import warnings
from dataclasses import replace

import pylhe
import pytest
import pythia8mc
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lhe_samples import DATA, REAL, event, les_houches, particle, powheg, pythia, record

from jetresim.campaign.errors import DataError, HardEventError
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import open_lhe, read_hard_events, write_lhe


def read(path, skip=0):
    with open_lhe(path, skip) as source:
        return source, list(source.events)


def write(path, text):
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def rewrite(name, path, first=0):
    source, records = read(DATA / name)
    events = [HardEvent(index, one) for index, one in enumerate(records, start=first)]
    write_lhe(path, source.init, source.header, events)
    return events


INIT = pylhe.LHEInit(
    pylhe.LHEInitInfo(2212, 2212, 6500.0, 6500.0, 0, 0, 0, 0, -4, 1),
    [pylhe.LHEProcInfo(1.0, 0.1, 1.0, 1)],
    [],
)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read_as_pylhe_reads_them(name):
    source, records = read(DATA / name)
    reference = pylhe.LHEFile.fromfile(DATA / name)
    assert len(records) >= 15
    assert records == list(reference.events)
    assert (source.init.initInfo, source.init.procInfo) == (reference.init.initInfo, reference.init.procInfo)
    assert (source.header.initrwgt if source.header else pylhe.LHEInitRWGT()) == reference.header.initrwgt


@pytest.mark.parametrize("name", REAL)
def test_events_survive_writing_bit_by_bit(name, tmp_path):
    path = tmp_path / "chunk.lhe.gz"
    events = rewrite(name, path, first=500)
    assert list(read_hard_events(path, 500)) == events
    assert [event.record.weights for event in events] == [
        one.weights for one in pylhe.LHEFile.fromfile(path).events
    ]


@pytest.mark.parametrize("name", REAL)
def test_pythia_showers_every_event_of_a_written_file(name, tmp_path):
    path = tmp_path / "chunk.lhe.gz"
    events = rewrite(name, path)
    shower = pythia8mc.Pythia("", False)
    for line in ("Beams:frameType = 4", f"Beams:LHEF = {path}", "PartonLevel:MPI = off", "Print:quiet = on"):
        assert shower.readString(line)
    assert shower.init()
    assert [shower.next() for _ in events] == [True] * len(events)
    assert not shower.next()
    assert shower.infoPython().atEndOfFile()


def test_written_files_are_reproducible_and_carry_no_name_or_time(tmp_path):
    rewrite(REAL[1], tmp_path / "one.lhe.gz")
    rewrite(REAL[1], tmp_path / "two.lhe.gz")
    data = (tmp_path / "one.lhe.gz").read_bytes()
    assert data == (tmp_path / "two.lhe.gz").read_bytes()
    _, flags, time = struct.unpack("<3sBI", data[:8])
    assert (flags, time) == (0, 0)


def test_event_number_is_the_last_line_of_an_event_with_weights(tmp_path):
    path = tmp_path / "chunk.lhe.gz"
    rewrite("hz_systrwgt.lhe.gz", path, first=40)
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    ends = [place for place, line in enumerate(lines) if line == "</event>"]
    assert [lines[place - 1] for place in ends] == [
        f"<!-- <event num> {index} </event num> -->" for index in range(40, 55)
    ]
    assert all(lines[place - 2] == "</rwgt>" for place in ends)


def test_header_keeps_its_closing_tag_for_readers_that_go_by_lines(tmp_path):
    path = tmp_path / "chunk.lhe.gz"
    write_lhe(path, INIT, pylhe.LHEHeader(pylhe.LHEInitRWGT()), [HardEvent(0, record(particle(21)))])
    assert gzip.decompress(path.read_bytes()).decode().splitlines()[1:3] == ["<header>", "</header>"]


def test_a_shifted_chunk_is_noticed(tmp_path):
    path = tmp_path / "chunk.lhe.gz"
    rewrite("zj.lhe.gz", path, first=500)
    with pytest.raises(DataError, match="holds event 500 where event 0 belongs"):
        list(read_hard_events(path, 0))


def test_events_out_of_order_are_not_written(tmp_path):
    events = [HardEvent(index, record(particle(21))) for index in (3, 5)]
    with pytest.raises(ValueError, match="5 follows hard event 3"):
        write_lhe(tmp_path / "chunk.lhe.gz", INIT, None, events)
    assert list(tmp_path.iterdir()) == []


floats = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters="\x7f\x85\xa0"), max_size=30
)


@settings(max_examples=60)
@example(
    [(0.1, 1 / 3, 1e-300, -0.0, 5e-324, 1e300, 9.0)],
    (0.1, 0.2, 0.3, 0.4),
    {"<b> & 'c'": 0.1},
    ["#a < b & c &lt;"],
)
@given(
    st.lists(st.tuples(*[floats] * 7), min_size=1, max_size=4),
    st.tuples(*[floats] * 4),
    st.dictionaries(st.sampled_from(["1", "muR=2 & 'muF'", "<b>", "rwgt_1"]), floats),
    st.lists(texts.map(lambda text: f"#{text}".strip()), max_size=3),
)
def test_any_event_reads_back_identical(tmp_path_factory, momenta, info, weights, remarks):
    path = tmp_path_factory.mktemp("any") / "chunk.lhe.gz"
    finals = [
        replace(particle(21, momentum=(px, py, pz, e)), m=m, lifetime=lifetime, spin=spin)
        for px, py, pz, e, m, lifetime, spin in momenta
    ]
    one = record(*finals)
    weight, scale, aqed, aqcd = info
    one.eventinfo = replace(one.eventinfo, weight=weight, scale=scale, aqed=aqed, aqcd=aqcd)
    one.weights, one.optional = weights, remarks
    write_lhe(path, INIT, None, [HardEvent(0, one)])
    assert next(read_hard_events(path, 0)).record == one


def test_powheg_file_is_read_whole(tmp_path):
    path = write(tmp_path / "pwgevents.lhe", powheg())
    with pytest.warns(RuntimeWarning), pytest.raises(ValueError, match="header"):
        pylhe.LHEFile.fromfile(path)  # the reason for reading it another way
    source, records = read(path)
    assert "POWHEG-BOX-V2" in source.banner
    assert source.header.initrwgt.list_weights_ids() == ["1001", "1002"]
    assert [one.eventinfo.weight for one in records] == [1.0, 1.0, -1.0, 1.0]
    assert [one.weights for one in records] == [{"1001": w, "1002": w / 2} for w in (1.0, 1.0, -1.0, 1.0)]
    assert [line.split()[0] for line in records[0].optional] == ["#rwgt", "#pdf"]


def test_powheg_weights_without_ids_follow_initrwgt(tmp_path):
    compact = re.sub(r"<wgt id='\d+'>(.*?)</wgt>", r"\1", powheg()).replace("rwgt>\n", "weights>\n")
    compact = compact.replace("initweights", "initrwgt")
    _, records = read(write(tmp_path / "pwgevents.lhe", compact))
    assert [one.weights for one in records] == [{"1001": w, "1002": w / 2} for w in (1.0, 1.0, -1.0, 1.0)]


def test_pythia_file_is_read_whole(tmp_path):
    source, records = read(write(tmp_path / "pythia.lhe", pythia()))
    assert source.header is None
    assert [one.particles[2].px for one in records] == [-202.2273784, -203.2273784, -204.2273784]
    assert records[0].optional[0].startswith("#pdf    2   21")


@pytest.mark.parametrize(
    "banner",
    [
        "<header>\n<MGRunCard>\n 20 = ptj ! pt > 20 & eta < 5 <jets>\n</MGRunCard>\n</header>\n",
        "<header>\n  no tags, 1 < 2\n</header>\n",
        "<header>\n<!-- ------ -->\n</header>\n",
        "<header>\n<a>\n</header>\n",
        "",
    ],
)
def test_headers_that_are_no_xml_do_not_matter(tmp_path, banner):
    source, records = read(write(tmp_path / "old.lhe", les_houches([event(), event()], banner)))
    assert len(records) == 2
    assert banner.strip() in source.banner


def test_generator_tag_may_come_before_the_numbers(tmp_path):
    text = les_houches([event()]).replace(
        "<init>", '<init><generator name="g" version="1">of events</generator>'
    )
    source, _ = read(write(tmp_path / "other.lhe", text))
    assert [generator.name for generator in source.init.generators] == ["g"]
    assert source.init.procInfo[0].procId == 10001


def test_numbers_of_events_are_read_from_bare_tags_and_comments(tmp_path):
    numbers = ["<event num> 7 </event num>\n", "<!-- <event num> 8 </event num> -->\n", ""]
    path = write(tmp_path / "numbered.lhe", les_houches([event(extra=number) for number in numbers]))
    with open_lhe(path) as source:
        assert [number for number, _ in source.numbered_events] == [7, 8, None]


def test_blank_lines_comments_and_windows_line_ends_do_not_matter(tmp_path):
    text = les_houches([event(), "\n<!-- a < b -->\n", event(extra="\n\n#pdf 1\n\n"), "# between\n"])
    _, records = read(write(tmp_path / "odd.lhe", text.replace("\n", "\r\n")))
    assert [one.optional for one in records] == [[], ["#pdf 1"]]


@pytest.mark.parametrize("number", [0, 1, 2000])
def test_any_number_of_comments_may_stand_before_the_root(tmp_path, number):
    comment = "<!-- a < b -->\n <?a b?> <!-- -- >\n--> <!DOCTYPE x>\n"
    text = f"\ufeff{comment * number}{les_houches([event()])}"
    assert len(read(write(tmp_path / "old.lhe", text))[1]) == 1
    with pytest.raises(HardEventError, match="not a Les Houches event file"):
        read(write(tmp_path / "web.lhe", f"{comment * number}<html></html>"))


@pytest.mark.parametrize("opening", ["<!--", "<initrwgt>", "<jetresim>"])
def test_openings_without_an_end_are_passed_over(tmp_path, opening):
    text = les_houches([event()], f"<header>\n{opening * 2000}\n</header>\n")
    source, records = read(write(tmp_path / "odd.lhe", text))
    assert (len(records), source.header, source.provenance) == (1, None, {})


def test_blank_line_that_merging_leaves_after_the_first_line_of_an_event_does_not_matter(tmp_path):
    merged = powheg().replace("  9.41660E-02\n", "  9.41660E-02\n\n")
    assert merged.count("\n\n") == 4
    assert read(write(tmp_path / "merged.lhe", merged))[1] == read(write(tmp_path / "one.lhe", powheg()))[1]


@pytest.mark.parametrize("suffix", [".lhe", ".lhe.gz"])
def test_compression_is_told_by_content_not_by_name(tmp_path, suffix):
    plain, packed = tmp_path / f"plain{suffix}", tmp_path / f"packed{suffix}"
    plain.write_text(pythia())
    packed.write_bytes(gzip.compress(pythia().encode()))
    assert read(plain)[1] == read(packed)[1]


@pytest.mark.parametrize("size", range(40, 60))
def test_tags_are_found_wherever_the_file_is_read_in_pieces(tmp_path, monkeypatch, size):
    path = write(tmp_path / "pwgevents.lhe", powheg())
    expected = read(path)[1]
    monkeypatch.setattr("jetresim.generators.lhe_files._READ_BYTES", size)
    assert read(path)[1] == expected


@pytest.mark.parametrize("skip", [0, 1, 14, 15])
def test_skipping_gives_the_rest(skip):
    assert read(DATA / "z_nlo_negw.lhe.gz", skip)[1] == read(DATA / "z_nlo_negw.lhe.gz")[1][skip:]


def test_skipping_too_far_is_an_error():
    with pytest.raises(HardEventError, match="ends after 15 events"):
        read(DATA / "zj.lhe.gz", 16)


GOOD = les_houches([event(), event(extra="<rwgt>\n<wgt id='1'>1.0</wgt>\n</rwgt>\n"), event()])
BAD = {
    "empty": ("", "is empty"),
    "blank": (" \n\n", "is empty"),
    "web page": ("<!DOCTYPE html><html><body>404</body></html>", "not a Les Houches event file"),
    "plain text": ("pt eta phi\n1 2 3\n", "not a Les Houches event file; it begins with 'pt eta phi"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "damaged or cut off HDF5|not a Les Houches event file"),
    "another root": (GOOD.replace("LesHouchesEvents", "HepMC"), "not a Les Houches event file"),
    "no init": (re.sub("<init>.*</init>\n", "", GOOD, flags=re.DOTALL), "no complete <init>"),
    "cut in header": ('<LesHouchesEvents version="3.0">\n<header>\n', "no complete <init>"),
    "cut in init": (GOOD[: GOOD.index("</init>")], "no complete <init>"),
    "init without numbers": (
        GOOD.replace(" 2212 ", " proton ", 1),
        "<init> or <initrwgt>: could not convert",
    ),
    "init too short": (GOOD.replace("  1.00000E+00  10001\n</init>", "\n</init>"), "too few numbers"),
    "two processes announced": (
        GOOD.replace("     3      1\n", "     3      2\n"),
        "announces 2 processes and lists 1",
    ),
    "process listed twice": (
        GOOD.replace("     3      1\n", "     3      2\n 5. 0.1 1. 10001\n"),
        "lists a process number twice",
    ),
    "infinite cross-section": (GOOD.replace(" 5.00000E+00", " inf"), "not finite"),
    "no events": (les_houches([]), "holds no events"),
    "cut between events": (GOOD[: GOOD.rindex("<event>")], "is cut off after 2 events"),
    "cut in an event": (GOOD[: GOOD.rindex("</event>") - 200], "is cut off within event 2"),
    "end lost": (
        GOOD.replace("</LesHouchesEvents>", ""),
        "is cut off after 3 events: no </LesHouchesEvents>",
    ),
    "event runs into the next": (GOOD.replace("</event>\n", "", 1), "event 0 .* damaged: 2 <event> tags"),
    "event without beginning": (GOOD.replace("<event>\n", "", 1), "event 0 .* damaged: 0 <event> tags"),
    "two files in one": (GOOD + GOOD, "event 3 .* damaged"),
    "text after the end": (GOOD + "and so on", "unexpected text 'and so on' after 3 events"),
    "text between events": (GOOD.replace("<event>", "Segmentation fault\n<event>", 1), "unexpected text"),
    "text before the end": (
        GOOD.replace("</Les", "Killed\n</Les"),
        "unexpected text 'Killed' after 3 events",
    ),
    "correlated events": (
        GOOD.replace("<event>", "<eventgroup>\n<event>", 1),
        "unexpected text '<eventgroup>'",
    ),
    "wrong number of particles": (
        GOOD.replace("      6  10001", "      7  10001", 1),
        "event 0 .* announces 7 .* has 6",
    ),
    "particle lost": (GOOD.replace("      23     2", "#     23     2", 1), "announces 6 particles and has 5"),
    "letters for a number": (GOOD.replace("7.117297118E+02", "seven", 1), "event 0 .*could not convert"),
    "Fortran exponent": (
        GOOD.replace("7.117297118E+02", "7.117297118D+02", 1),
        "event 0 .*could not convert",
    ),
    "column lost": (GOOD.replace("  0.00000E+00  9.000E+00", "", 1), "event 0 .* too few numbers"),
    "NaN momentum": (GOOD.replace("7.117297118E+02", "NaN", 1), "event 0 .* particle 1 has a momentum"),
    "infinite energy": (
        GOOD.replace("5.781043690E+02", "Infinity", 1),
        "event 0 .* particle 6 has a momentum",
    ),
    "NaN weight": (
        GOOD.replace("  10001  1.00000E+00", "  10001  NaN", 1),
        "event 0 .* weight, scale or couplings",
    ),
    "NaN status": (GOOD.replace("      23     2", "      23   nan", 1), "event 0 .*cannot convert"),
    "mother out of range": (
        GOOD.replace("      16     1     3     3", "      16     1     9     9"),
        "particle 4 .* 9",
    ),
    "its own mother": (
        GOOD.replace("      16     1     3     3", "      16     1     4     4"),
        "particle 4 .* 4",
    ),
    "one incoming": (
        GOOD.replace("      21    -1", "      21     1", 1),
        "has 1 incoming particles, expected 2",
    ),
    "foreign process": (
        GOOD.replace("      6  10001", "      6  10002", 1),
        "process 10002, which <init> does not",
    ),
    "bad XML in an event": (GOOD.replace("</wgt>", "</wgt"), "event 1 .*not well-formed"),
    "weight without id": (GOOD.replace("<wgt id='1'>", "<wgt>"), "event 1 .* lacks its 'id'"),
    "NaN named weight": (GOOD.replace("'1'>1.0<", "'1'>NaN<"), "event 1 .* weight '1' is not finite"),
    "empty event": (GOOD.replace("<event>", "<event>\n</event>\n<event>", 1), "event 0 .* too few numbers"),
    "weights nobody declared": (GOOD.replace("rwgt>", "weights>"), "event 1 .*<weights>"),
    "bad weight declaration": (
        les_houches(
            [event()], "<header>\n<initrwgt>\n<weight id='1'> a < b </weight>\n</initrwgt>\n</header>\n"
        ),
        "<initrwgt> is not well-formed XML",
    ),
    "declared without id": (
        les_houches([event()], "<header>\n<initrwgt>\n<weight a='1'>x</weight>\n</initrwgt>\n</header>\n"),
        "weight must have attribute 'id'",
    ),
    "binary noise": (GOOD.replace("7.117297118E+02", "7.1\x00\x01", 1), "event 0 .*not well-formed"),
}


@pytest.mark.parametrize("suffix", [".lhe", ".lhe.gz"])
@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_file_is_refused_in_one_line(tmp_path, text, message, suffix):
    path = write(tmp_path / f"bad{suffix}", text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(HardEventError, match=message) as caught:
            read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_good_file_is_not_refused(tmp_path):
    assert len(read(write(tmp_path / "good.lhe", GOOD))[1]) == 3


def test_missing_folder_and_unreadable_files_are_refused(tmp_path):
    with pytest.raises(HardEventError, match="No such file"):
        read(tmp_path / "missing.lhe")
    with pytest.raises(HardEventError, match="Is a directory"):
        read(tmp_path)
    (tmp_path / "loop.lhe").symlink_to(tmp_path / "loop.lhe")
    with pytest.raises(HardEventError, match="cannot be read"):
        read(tmp_path / "loop.lhe")


@settings(max_examples=150)
@given(st.data())
def test_no_cut_goes_unnoticed(tmp_path_factory, data):
    text = powheg().encode()
    end = text.index(b"</LesHouchesEvents>") + len(b"</LesHouchesEvents>")
    size = data.draw(st.integers(0, end - 1))
    path = tmp_path_factory.mktemp("cut") / "cut.lhe"
    path.write_bytes(text[:size])
    with pytest.raises(HardEventError):
        read(path)


@pytest.mark.parametrize("missing", [1, 4, 8, 9, 50, 3000])
def test_no_cut_of_compressed_data_goes_unnoticed(tmp_path, missing):
    path = tmp_path / "cut.lhe.gz"
    path.write_bytes((DATA / "zj.lhe.gz").read_bytes()[:-missing])
    with pytest.raises(HardEventError, match="compressed file is cut off"):
        read(path)


@pytest.mark.parametrize("place", [-8, -1, 2000])
def test_damaged_compressed_data_are_refused(tmp_path, place):
    data = bytearray((DATA / "zj.lhe.gz").read_bytes())
    data[place] ^= 0x55
    path = tmp_path / "damaged.lhe.gz"
    path.write_bytes(bytes(data))
    with pytest.raises(HardEventError, match="damaged gzip data"):
        read(path)


def test_errors_of_the_user_of_a_file_are_left_alone():
    with pytest.raises(OSError, match="no space"), open_lhe(DATA / "zj.lhe.gz"):
        raise OSError("no space")
