import json
from pathlib import Path

import pytest
import pythia8mc
from hypothesis import given, settings
from hypothesis import strategies as st

from jetresim.campaign.config import Campaign, load, parse, save
from jetresim.campaign.provenance import encode
from jetresim.campaign.settings import PARTICLE_PROPERTIES, Settings, canonical_name, setting_names
from jetresim.campaign.tunes import TUNES
from jetresim.generators.lhe_files import write_lhe
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.pythia_settings import hidden_settings
from jetresim.generators.survey import Survey
from jetresim.jets.simulation import simulate_realization
from jetresim.showers.registry import Job
from tests.campaigns import campaign

SURVEY = Survey(cross_section=1.0, cross_section_error=0.1)

known_names = st.sampled_from([*setting_names().values(), "25:onMode", "24:onIfAny", "-24:m0"])
values = st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
some_settings = st.dictionaries(known_names, values, max_size=6).map(Settings)


def switched(name: str, ids: set[int]) -> str:
    if name == "24:onMode":
        return "on" if 1 in ids else "off"
    return " ".join(map(str, sorted(ids)))


switches = st.lists(
    st.tuples(
        st.sampled_from(["24:onMode", "24:onIfAny", "24:offIfAny", "24:onPosIfAny", "24:onNegIfAny"]),
        st.sets(st.integers(1, 5) | st.integers(11, 16), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=6,
).map(lambda lines: [f"{name} = {switched(name, ids)}" for name, ids in lines])
"""Lists of lines that open and close decay channels of the W: another order, other channels."""


def spelt(name: str, upper: list[bool]) -> str:
    letters = zip(name, upper * len(name), strict=False)
    return "".join(letter.upper() if up else letter.lower() for letter, up in letters)


def test_names_are_those_of_the_database_of_pythia():
    database = pythia8mc.Pythia("", False).settings
    kinds = ("Flag", "Mode", "Parm", "Word", "FVec", "MVec", "PVec", "WVec")
    maps = [getattr(database, f"get{kind}Map")("") for kind in kinds]
    assert setting_names() == {key: entry.name for entries in maps for key, entry in entries.items()}


def test_properties_of_particles_are_known_to_pythia():
    values = {"onMode": "on", "all": "a b 1 0 0 1.", "new": "a b 1 0 0 1.", "addChannel": "1 0.1 0 1 -1"}
    values["oneChannel"] = values["addChannel"]
    pythia = pythia8mc.Pythia("", False)
    assert all(pythia.readString(f"25:{name} = {values.get(name, 1)}", False) for name in PARTICLE_PROPERTIES)


@given(known_names, st.lists(st.booleans(), min_size=1, max_size=7))
def test_every_spelling_of_a_name_is_the_same_setting(name, upper):
    assert canonical_name(f" {spelt(name, upper)}\t") == name
    assert Settings({spelt(name, upper): 1}) == Settings([f"{name}=1"])


def lines_or_reason(form) -> list[str]:
    try:
        return Settings(form).lines
    except ValueError as error:
        return [str(error)]


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3), min_size=1, max_size=2))
def test_any_text_is_taken_or_refused_in_one_line(raw):
    for form in (raw, [f"{name}={value}" for name, value in raw.items()]):
        said = lines_or_reason(form)
        assert said == [line for text in said for line in text.splitlines()]


@given(some_settings)
def test_lines_read_back_as_the_same_settings(made):
    assert Settings(made.lines) == made
    assert [f"{name} = {value}" for name, value in made] == made.lines


@given(st.lists(some_settings, min_size=1, max_size=4))
def test_later_layer_wins_and_stands_last_in_its_own_order(layers):
    combined = layers[0].then(*layers[1:])
    last = {name: number for number, layer in enumerate(layers) for name in layer.names}
    assert combined.pairs == tuple(
        pair for number, layer in enumerate(layers) for pair in layer if last[pair[0]] == number
    )


def test_name_that_a_list_holds_twice_is_replaced_as_a_whole():
    several = Settings(["25:onMode = off", "25:onIfMatch = 5 -5", "25:onIfMatch = 4 -4"])
    assert several.get("25:ONIFMATCH") == "4 -4"
    assert several.then({"25:onifmatch": "22 22"}).lines == ["25:onMode = off", "25:onIfMatch = 22 22"]


def test_floats_keep_their_digits():
    assert Settings({"TimeShower:alphaSvalue": 0.1 + 0.2}).lines == [
        "TimeShower:alphaSvalue = 0.30000000000000004"
    ]


def from_metadata(asked: Campaign) -> Campaign:
    """A campaign as it is read from the metadata of its files."""
    return parse(json.loads(encode(asked.model_dump(mode="json"))), "metadata")


def open_channels(lines: list[str]) -> list[int]:
    pythia = pythia8mc.Pythia("", False)
    assert all(pythia.readString(line, False) for line in lines)
    entry = pythia.particleData.findParticle(24)
    return [entry.channel(place).onMode() for place in range(entry.sizeChannels())]


@settings(max_examples=60)
@given(switches, switches)
def test_metadata_opens_the_same_channels_as_the_configuration(everywhere, of_process):
    asked = campaign(settings=everywhere, processes={"wjet": {"settings": of_process}})
    stored = from_metadata(asked)
    assert stored == asked
    assert open_channels(stored.hard_settings("wjet").lines) == open_channels(
        asked.hard_settings("wjet").lines
    )


TUNES_LINES = Settings(TUNES["CP5"]).lines


def test_channels_closed_after_all_were_opened_stay_closed():
    lines = ["24:onMode = on", "24:offIfAny = 11 13 15"]
    asked = campaign(settings=dict(line.split(" = ") for line in lines))
    assert from_metadata(asked).settings.lines == lines
    assert sum(map(bool, open_channels(from_metadata(asked).settings.lines))) == 6


def made_rows(asked: Campaign, path: Path) -> tuple[bytes, list[dict]]:
    """Hard events as they are written, and jets of `seed`."""
    events = list(Pythia8Generator(asked, "wh").events(range(6), SURVEY))
    write_lhe(path, Pythia8Generator(asked, "wh").init(SURVEY), None, events)
    parts = simulate_realization(asked, "wh", "seed", events, Job(path.parent, 0))
    return path.read_bytes(), [row for part in parts for row in part.table.to_pylist()]


def test_stored_configuration_makes_the_same_rows(tmp_path):
    lines = {"HiggsSM:ffbar2HW": True, "25:onMode": "off", "25:onIfMatch": "5 -5"}
    lines |= {"24:onMode": "on", "24:offIfAny": "11 13 15"}
    asked = campaign(processes={"wh": {"settings": lines, "targets": ["higgs", "w"]}})
    save(asked, tmp_path / "config.yaml")
    first = made_rows(asked, tmp_path / "a.lhe.gz")
    assert len(first[1]) >= 6
    assert made_rows(from_metadata(asked), tmp_path / "b.lhe.gz") == first
    assert made_rows(load(tmp_path / "config.yaml"), tmp_path / "c.lhe.gz") == first


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (TUNES_LINES, []),
        (
            ["MultipartonInteractions:pT0Ref = 1.3", "25:m0 = 120", "Tune:pp = 21"],
            ["`Tune:pp = 21` resets `MultipartonInteractions:pT0Ref`, set before it"],
        ),
        (["Tune:pp = 21", "MultipartonInteractions:pT0Ref = 1.3"], []),
        (
            ["StringZ:aLund = 0.5", "Tune:ee = 3", "StringZ:aLund = 0.6", "Tune:ee = 3"],
            [
                "`Tune:ee = 3` resets `StringZ:aLund`, set before it",
                "`Tune:ee = 3` resets `StringZ:aLund`, set before it",
            ],
        ),
    ],
)
def test_setting_that_a_later_one_resets_is_named(lines, said):
    assert hidden_settings(Settings(lines)) == said
