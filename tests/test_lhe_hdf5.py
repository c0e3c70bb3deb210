"""Les Houches events in HDF5, in the layouts of arXiv:1905.05120 (1) and arXiv:2309.13154 (2)."""

import h5py
import numpy as np
import pylhe
import pytest
from lhe_samples import DATA

from jetresim.campaign.config import parse
from jetresim.campaign.errors import HardEventError
from jetresim.generators.lhe import LHEFiles
from jetresim.generators.lhe_files import count_events, open_lhe

PARTICLE = (
    *("id", "status", "mother1", "mother2", "color1", "color2"),
    *("px", "py", "pz", "e", "m", "lifetime", "spin"),
)


def text_events(name="zj"):
    with open_lhe(DATA / f"{name}.lhe.gz") as source:
        return source.init, source.header, list(source.events)


def layout_2(path, name="zj"):
    init, header, records = text_events(name)
    pylhe.LHEFile(init=init, header=header, events=records).tofile(str(path), lheformat=pylhe.HDF5_FORMAT)
    return path


def layout_1(path, name="zj", start="event"):
    init, _, records = text_events(name)
    columns = {f"init/{key}": value for key, value in vars_of(init.initInfo).items()}
    for key in ("procId", "xSection", "error", "unitWeight"):
        columns[f"procInfo/{key}"] = [getattr(line, key) for line in init.procInfo]
    for key in ("pid", "nparticles", "weight", "scale", "aqed", "aqcd"):
        columns[f"event/{key}"] = [getattr(record.eventinfo, key) for record in records]
    numbers = [len(record.particles) for record in records]
    columns[f"{start}/start"] = np.cumsum([0, *numbers[:-1]])
    columns["event/npLO"] = [1] * len(records)
    for key in PARTICLE:
        columns[f"particle/{key}"] = [getattr(one, key) for record in records for one in record.particles]
    with h5py.File(path, "w") as file:
        for key, column in columns.items():
            file[key] = column
    return path


def vars_of(info):
    return {key: getattr(info, key) for key in info.__dataclass_fields__}


WRITERS = {
    "layout 2": layout_2,
    "layout 1": layout_1,
    "layout 1 with an index": lambda path, name="zj": layout_1(path, name, start="index"),
}


def read(path, skip=0):
    with open_lhe(path, skip) as source:
        return source, list(source.events)


def physics(records):
    return [(record.eventinfo, record.particles) for record in records]


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
@pytest.mark.parametrize("skip", [0, 1, 14, 15])
def test_events_are_those_of_the_text(tmp_path, write, skip):
    path = write(tmp_path / "events.lhe")  # told by content, not by name
    init, _, records = text_events()
    source, found = read(path, skip)
    assert physics(found) == physics(records[skip:])
    assert (source.init.initInfo, source.init.procInfo) == (init.initInfo, init.procInfo)
    assert count_events(path) == 15


def test_named_weights_are_read(tmp_path):
    _, header, records = text_events("hz_systrwgt")
    source, found = read(layout_2(tmp_path / "events.h5", "hz_systrwgt"))
    assert [one.weights for one in found] == [one.weights for one in records]
    assert source.header.initrwgt.list_weights_ids() == header.initrwgt.list_weights_ids()


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_survey_and_events_are_those_of_the_text(tmp_path, write):
    def generator(path):
        process = {"generator": "lhe", "files": str(path), "events": 15, "targets": ["parton"]}
        raw = {"name": "x", "seed": 1, "processes": {"mine": process}, "augmentations": ["nominal"]}
        return LHEFiles(parse(raw, "x"), "mine")

    ours, theirs = generator(write(tmp_path / "a.hdf5")), generator(DATA / "zj.lhe.gz")
    survey, expected = ours.survey(), theirs.survey()
    unlike = {"files", "printed_precision"}  # text is rounded
    assert survey.model_dump(exclude=unlike) == expected.model_dump(exclude=unlike)
    chunk = list(ours.events(range(4, 9), survey))
    assert physics(one.record for one in chunk) == physics(
        one.record for one in theirs.events(range(4, 9), expected)
    )
    assert ours.init(survey).procInfo == theirs.init(expected).procInfo


def test_weight_under_its_older_name_is_the_weight_and_no_named_one(tmp_path):
    path = layout_2(tmp_path / "events.h5")
    with h5py.File(path, "a") as file:
        names = list(file["events"].attrs["properties"])
        renamed = ["weight" if name == "NOMINAL" else name for name in names]
        file["events"].attrs["properties"] = renamed
    found = read(path)[1]
    assert [one.eventinfo.weight for one in found] == [one.eventinfo.weight for one in text_events()[2]]
    assert all(not one.weights for one in found)


def set_value(table, row, column, value):
    def change(file):
        names = list(file[table].attrs["properties"])
        file[table][row, names.index(column)] = value

    return change


def rename(table, old, new):
    def change(file):
        names = list(file[table].attrs["properties"])
        changed = [new if name == old else name for name in names]
        file[table].attrs["properties"] = [name for name in changed if name is not None]

    return change


def remove(name):
    def change(file):
        del file[name]

    return change


def shorten(name, length):
    def change(file):
        kept, attributes = file[name][:length], dict(file[name].attrs)
        del file[name]
        file[name] = kept
        file[name].attrs.update(attributes)

    return change


AFTER_ANOTHER = r"event 3 \(counted from 0\): its particles are not where they should be, after those"

BAD_2 = {
    "no particles": (remove("particles"), "not a Les Houches event file; no dataset particles"),
    "no init": (remove("init"), "no dataset init"),
    "no column": (rename("particles", "px", "qx"), "no column px in particles"),
    "no weight": (rename("events", "NOMINAL", "nominal"), "no column NOMINAL in events"),
    "no scale": (rename("events", "scale", "Q"), "no column scale in events"),
    "events short of columns": (
        rename("events", "trials", None),
        r"events has the shape \(15, 10\) for 9 columns",
    ),
    "particles cut off": (
        shorten("particles", 60),
        r"event \d+ \(counted from 0\): its particles are not where they should be",
    ),
    "particles elsewhere": (set_value("events", 3, "start", 0), AFTER_ANOTHER),
    "negative number": (
        set_value("events", 3, "nparticles", -1),
        AFTER_ANOTHER,
    ),
    "no number": (set_value("events", 3, "nparticles", np.nan), AFTER_ANOTHER),
    "weight": (
        set_value("events", 3, "NOMINAL", np.nan),
        r"event 3 .* its weight, scale",
    ),
    "momentum": (set_value("particles", 0, "px", np.inf), r"event 0 .* particle 1 has a momentum"),
    "PDG id": (set_value("particles", 0, "id", np.nan), r"event 0 \(counted from 0\): cannot convert"),
    "mother": (set_value("particles", 2, "mother1", 99), "particle 3 cannot have particle 99 as its mother"),
    "process": (set_value("events", 2, "pid", 77), "event 2 .* belongs to process 77"),
    "no process": (shorten("procInfo", 0), "announces 1 processes and lists 0"),
    "no events": (shorten("events", 0), "holds no events"),
}


@pytest.mark.parametrize(("change", "message"), BAD_2.values(), ids=BAD_2.keys())
def test_bad_file_of_layout_2_is_refused_in_one_line(tmp_path, change, message):
    path = layout_2(tmp_path / "bad.h5")
    with h5py.File(path, "a") as file:
        change(file)
    refused(path, message)


BAD_1 = {
    "no column": (remove("particle/px"), "not a Les Houches event file; no dataset particle/px"),
    "no weight": (remove("event/weight"), "no dataset event/weight"),
    "no start": (remove("event/start"), "no dataset event/start"),
    "column cut off": (shorten("event/weight", 7), r"the columns of events have different lengths \[7, 15\]"),
    "particles cut off": (
        lambda file: [shorten(f"particle/{name}", 60)(file) for name in PARTICLE],
        r"event \d+ \(counted from 0\): its particles are not where they should be",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD_1.values(), ids=BAD_1.keys())
def test_bad_file_of_layout_1_is_refused_in_one_line(tmp_path, change, message):
    path = layout_1(tmp_path / "bad.h5")
    with h5py.File(path, "a") as file:
        change(file)
    refused(path, message)


@pytest.mark.parametrize("size", [8, 100, 0.5, 0.99])
def test_file_that_is_cut_off_is_refused_in_one_line(tmp_path, size):
    path = layout_2(tmp_path / "cut.h5")
    content = path.read_bytes()
    path.write_bytes(content[: size if size > 1 else int(size * len(content))])
    refused(path, "damaged or cut off HDF5 file")


def test_other_hdf5_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "jets.h5"
    with h5py.File(path, "w") as file:
        file["jets"] = [1.0, 2.0]
    refused(path, "not a Les Houches event file; no dataset init")


def refused(path, message):
    with pytest.raises(HardEventError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
