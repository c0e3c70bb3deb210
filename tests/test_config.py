import copy
import math
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jetresim.campaign.augmentations import AUGMENTATIONS
from jetresim.campaign.config import Campaign, load, parse, save
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.processes import LABELS, PROCESSES
from jetresim.campaign.settings import Settings
from jetresim.campaign.tunes import TUNES
from jetresim.generators.pythia_settings import check_campaign_settings

CONFIG = Path(__file__).parents[1] / "config"

MINIMAL: dict[str, Any] = {
    "name": "small",
    "seed": 1,
    "events": 10,
    "processes": {"higgs": {}},
    "augmentations": ["nominal", "seed"],
}
LEFT_OUT = object()

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,39}", fullmatch=True)


def changed(**changes: Any) -> dict[str, Any]:
    raw = {**copy.deepcopy(MINIMAL), **changes}
    return {key: value for key, value in raw.items() if value is not LEFT_OUT}


def campaign(**changes: Any) -> Campaign:
    return parse(changed(**changes), "x.yaml")


def higgs(**keys: Any) -> dict[str, Any]:
    return {"processes": {"higgs": keys}}


def added(augmentation: Any) -> dict[str, Any]:
    return {"augmentations": ["nominal", augmentation]}


TARGET = {"kind": "resonance", "pdgid": 25, "daughters": [5], "label": 4}
OWN = {"settings": {"HardQCD:all": True}, "targets": ["parton"]}
RULE = "expected letters, digits and _, beginning with a letter"
NAME_RULE = "expected letters, digits, _ and -, beginning with a letter"
MAPPING = "expected a mapping of keys to values"
SETTINGS_RULE = "expected a mapping of names to values, or a list of lines"
LINE_RULE = "expected lines such as `25:onMode = off`"
NOMINAL_RULE = (
    "augmentations: 'nominal' takes no settings, tune, replicas or intervention; "
    "change `tune` and `settings` of the campaign"
)

BAD = [
    # keys
    ({"chnk": 3}, "chnk: unknown key 'chnk'; did you mean 'chunk'?"),
    ({"jets": {"radus": 3}}, "jets.radus: unknown key 'radus'; did you mean 'radius'?"),
    ({"jets": {"soft_drop": {"zcut": 1}}}, "jets.soft_drop.zcut: unknown key 'zcut'; did you mean 'z_cut'?"),
    (
        {"groups": {"q": 1}},
        "groups.q: unknown key 'q'; known: of, require, pt_min, pt_max, survivors_only, parton_veto",
    ),
    ({"dataset": {"split": {}}}, "dataset.split: unknown key 'split'; did you mean 'splits'?"),
    (higgs(evnts=3), "processes.higgs.evnts: unknown key 'evnts'; did you mean 'events'?"),
    (higgs(cuts={"ptmin": 3}), "processes.higgs.cuts.ptmin: unknown key 'ptmin'; did you mean 'pt_min'?"),
    (
        higgs(targets=[{**TARGET, "pdg": 25}]),
        "processes.higgs.targets.0.pdg: unknown key 'pdg'; did you mean 'pdgid'?",
    ),
    (
        added({"name": "x", "setings": {}}),
        "augmentations.1.setings: unknown key 'setings'; did you mean 'settings'?",
    ),
    ({"name": LEFT_OUT}, "name: is required"),
    ({"seed": LEFT_OUT}, "seed: is required"),
    ({"processes": LEFT_OUT}, "processes: is required"),
    ({"augmentations": LEFT_OUT}, "augmentations: is required"),
    ({"events": LEFT_OUT}, "processes.higgs: generator `pythia8` needs `events`, here or in the campaign"),
    # names
    ({"name": "a/b"}, f"name: {NAME_RULE} (found 'a/b')"),
    ({"name": "../up"}, f"name: {NAME_RULE} (found '../up')"),
    ({"name": "-a"}, f"name: {NAME_RULE} (found '-a')"),
    ({"name": 3}, "name: expected a text (found 3)"),
    ({"processes": {"a b": {**OWN}}}, f"processes.a b: {RULE} (found 'a b')"),
    (added({"name": "x y"}), f"augmentations.1.name: {RULE} (found 'x y')"),
    (added({"name": ["x"]}), "augmentations.1.name: expected a text (found ['x'])"),
    ({"tune": "cp5"}, "tune: must be 'CP5', 'CP5up', 'CP5down' or 'Monash' (found 'cp5')"),
    # numbers
    ({"seed": "x"}, "seed: expected an integer (found 'x')"),
    ({"seed": -1}, "seed: must be greater than or equal to 0 (found -1)"),
    ({"seed": 2**63}, f"seed: must be less than {2**63} (found {2**63})"),
    ({"chunk": 0}, "chunk: must be greater than 0 (found 0)"),
    ({"chunk": 2.5}, "chunk: expected an integer (found 2.5)"),
    ({"chunk": "big"}, "chunk: must be 'auto' (found 'big')"),
    ({"chunk": [[0, 5], [9, 0]]}, "chunk.steps.1.1: must be greater than 0 (found 0)"),
    ({"chunk": [[5, 5]]}, "chunk: steps must begin at event 0 and ascend, found [5]"),
    ({"events": "1e6"}, "events: expected an integer (found '1e6')"),
    ({"events": 0}, "events: must be greater than 0 (found 0)"),
    ({"beams": {"energy": 5}}, "beams.energy: must be greater than 10 (found 5)"),
    ({"beams": {"energy": float("inf")}}, "beams.energy: must be a finite number (found inf)"),
    ({"beams": {"energy": "high"}}, "beams.energy: expected a number (found 'high')"),
    ({"beams": {"particles": [2212]}}, "beams.particles.1: is required"),
    ({"jets": {"radius": 0}}, "jets.radius: must be greater than 0 (found 0)"),
    ({"jets": {"soft_drop": {"z_cut": 0.5}}}, "jets.soft_drop.z_cut: must be less than 0.5 (found 0.5)"),
    (
        {"jets": {"algorithm": "anti-kt"}},
        "jets.algorithm: must be 'antikt', 'cambridge' or 'kt' (found 'anti-kt')",
    ),
    ({"jets": {"pt_min": 500}}, "groups.pt_min (450) must not be below jets.pt_min (500)"),
    ({"groups": {"require": "every"}}, "groups.require: must be 'all', 'nominal' or 'any' (found 'every')"),
    ({"dataset": {"splits": {"train": 0.5}}}, "dataset.splits: train + val + test = 0.7, must be 1"),
    (
        {"dataset": {"formats": ["hdf5"]}},
        "dataset.formats.0: must be 'rs3l', 'rs3l_pairs', 'jetclass', 'toptagging', 'huggingface' "
        "or 'omnilearned' (found 'hdf5')",
    ),
    # shapes
    ({"beams": 13000}, f"beams: {MAPPING} (found 13000)"),
    ({"settings": 3}, f"settings: {SETTINGS_RULE} (found 3)"),
    ({"settings": ["PartonLevel:MPI"]}, f"settings: {LINE_RULE} (found 'PartonLevel:MPI')"),
    ({"settings": ["= off"]}, f"settings: {LINE_RULE} (found '= off')"),
    (
        {"settings": [{"PartonLevel:MPI": False}]},
        f"settings: {LINE_RULE} (found {{'PartonLevel:MPI': False}})",
    ),
    (
        {"settings": {"PartonLevel:MPI": [1]}},
        "settings: PartonLevel:MPI: expected a number, a text, on or off (found [1])",
    ),
    (
        {"settings": {"PartonLevel:MPI": None}},
        "settings: PartonLevel:MPI: expected a number, a text, on or off (found None)",
    ),
    ({"settings": {"a:b": float("nan")}}, "settings: a:b: must be a finite number (found nan)"),
    ({"settings": {1: 2}}, "settings: expected the name of a setting (found 1)"),
    (
        {"settings": {"timeshower:alphasvalue": 0.12, "TimeShower:alphaSvalue": 0.13}},
        "settings: `TimeShower:alphaSvalue` is set twice, as `timeshower:alphasvalue` and "
        "`TimeShower:alphaSvalue`; keep one",
    ),
    ({"augmentations": "nominal"}, "augmentations: expected a list (found 'nominal')"),
    ({"augmentations": []}, "augmentations: must not be empty (found [])"),
    # processes
    ({"processes": {}}, "processes: must not be empty"),
    ({"processes": []}, f"processes: {MAPPING} (found [])"),
    ({"processes": {"higgs": 3}}, f"processes.higgs: {MAPPING} (found 3)"),
    ({"processes": {"higs": None}}, "processes: unknown process 'higs'; did you mean 'higgs'?"),
    (
        {"processes": {"own": None}},
        f"processes: unknown process 'own'; known: {', '.join(PROCESSES)}",
    ),
    ({"processes": {"own": {"settings": OWN["settings"]}}}, "processes.own.targets: is required"),
    (higgs(settings=["x"]), f"processes.higgs.settings: {LINE_RULE} (found 'x')"),
    (
        {"processes": {"own": {"generator": "lhe", "files": ["a.lhe"], **OWN}}},
        "processes.own: `settings` define the process of generator `pythia8`; for events of `lhe` give "
        "`decay_settings` for what is undecayed, `shower_settings` for every realization",
    ),
    (
        higgs(cuts={"pt_min": 6500}),
        "processes.higgs.cuts.pt_min (6500 GeV) is out of reach: beams.energy is 13000 GeV, "
        "so no pT is above 6500 GeV",
    ),
    (
        {"beams": {"energy": 14}},
        "processes.higgs.cuts.pt_min (400 GeV) is out of reach: beams.energy is 14 GeV, "
        "so no pT is above 7 GeV",
    ),
    (
        {"beams": {"energy": 700}, **higgs(cuts={"pt_min": 100})},
        "jets.pt_min (400 GeV) is out of reach: beams.energy is 700 GeV, so no pT is above 350 GeV",
    ),
    (
        {"chunk": 10, "detector": {"name": "delphes", "card": "a.tcl", "events_per_run": 4}},
        "chunk (10) must be a multiple of events_per_run of nominal (4): a run has one seed and cannot be "
        "continued in another job; write `chunk: 12`, or leave it out",
    ),
    (higgs(generator="lhe"), "processes.higgs: generator `lhe` needs `files`"),
    (higgs(files=["a.lhe"]), "processes.higgs: `files` are for generator `lhe`"),
    (higgs(sha256=["0" * 64]), "processes.higgs: `sha256` is for generator `lhe`"),
    (
        higgs(decay_settings={"24:onMode": "off"}),
        "processes.higgs: `decay_settings` are for generator `lhe`, `madgraph` or `gun`",
    ),
    (
        higgs(generator="lhe", files="a.lhe", decay_settings={"TimeShower:alphaSvalue": 0.12}),
        "processes.higgs: `decay_settings`: `TimeShower:alphaSvalue` is no property of a particle such as "
        "`24:onMode`; settings of the shower go to `shower_settings`",
    ),
    (
        {"processes": {"own": {"generator": "pythia8", "targets": ["parton"]}}},
        "processes.own: generator `pythia8` needs the `settings` that define the process",
    ),
    (
        higgs(cuts={"pt_min": 500, "pt_max": 400}),
        "processes.higgs.cuts: pt_max (400) must be above pt_min (500)",
    ),
    (higgs(targets="higgs"), "processes.higgs.targets: expected a list (found 'higgs')"),
    (higgs(targets=["higs"]), "processes.higgs.targets.0: unknown target 'higs'; did you mean 'higgs'?"),
    (
        higgs(targets=[{"kind": "resonance", "pdgid": 25}]),
        "processes.higgs.targets.0: a resonance needs pdgid, daughters and label",
    ),
    (
        higgs(targets=[{"kind": "parton", "label": 3}]),
        "processes.higgs.targets.0: a parton takes no pdgid, daughters, number or label",
    ),
    # augmentations
    (added("fsrHi"), "augmentations.1: unknown augmentation 'fsrHi'; did you mean 'fsrRenHi'?"),
    (added(3), f"augmentations.1: {MAPPING} (found 3)"),
    (added({"settings": {}}), "augmentations.1.name: is required"),
    (
        added({"name": "x", "replicas": 0}),
        "augmentations.1.replicas: must be greater than or equal to 1 (found 0)",
    ),
    ({"augmentations": ["seed"]}, "augmentations: 'nominal' is missing; it is the anchor of every group"),
    (added("nominal"), "augmentations: 'nominal' appears twice; every realization needs its own name"),
    (
        {"augmentations": ["nominal", {"name": "seed", "replicas": 2}, {"name": "seed_2"}]},
        "augmentations: 'seed_2' appears twice; every realization needs its own name",
    ),
    ({"augmentations": [{"name": "nominal", "tune": "Monash"}]}, NOMINAL_RULE),
    ({"augmentations": [{"name": "nominal", "replicas": 2}]}, NOMINAL_RULE),
    ({"augmentations": [{"name": "nominal", "settings": {"PartonLevel:MPI": False}}]}, NOMINAL_RULE),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_bad_configuration_is_refused_in_one_line_that_says_what_is_right(changes, message):
    with pytest.raises(ConfigError) as refused:
        campaign(**changes)
    assert str(refused.value) == f"x.yaml: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a mapping of keys to values, found NoneType"),
        (b"- name: small\n", "expected a mapping of keys to values, found list"),
        (b"\x89HDF\r\n\x1a\n\xff", "not a text file; expected YAML"),
        (b"name: [small\n", "not valid YAML: "),
        (b"name: small\n\tseed: 1\n", "not valid YAML: "),
    ],
)
def test_file_that_is_no_configuration_is_refused(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refused.value)


def test_key_that_is_given_twice_is_refused_with_both_lines(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("name: a\nsettings:\n  24:onMode: off\n  24:onIfAny: 1\n  24:onMode: on\n")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: key '24:onMode' is given twice, in lines 3 and 5; keep one"


def test_name_of_a_campaign_can_hold_a_hyphen():
    assert campaign(name="tt-vs-qcd").name == "tt-vs-qcd"


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read \(No such file or directory\)"):
        load(tmp_path / "none.yaml")


def test_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(list(PROCESSES)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=5,
)
COMPLETE = parse(MINIMAL, "x.yaml").model_dump(mode="json")


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A complete configuration with one value, anywhere in it, replaced by something else."""
    raw = copy.deepcopy(COMPLETE)
    place = raw
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or draw(st.booleans()):
            place[key] = draw(values)
            return raw
        place = inner


@settings(max_examples=300)
@given(damaged())
def test_any_damage_is_either_accepted_or_refused_in_one_line(raw):
    with suppress(ConfigError):
        parse(raw, "x.yaml")
        return
    with pytest.raises(ConfigError) as refused:
        parse(raw, "x.yaml")
    assert len(str(refused.value).splitlines()) == 1


@given(events=st.integers(1, 5000), chunk=st.integers(1, 6000))
def test_chunks_hold_every_event_once_and_in_order(events, chunk):
    chunks = campaign(events=events, chunk=chunk).chunks("higgs")
    assert [event for part in chunks for event in part] == list(range(events))
    assert all(len(part) == chunk for part in chunks[:-1])
    assert 0 < len(chunks[-1]) <= chunk


@given(
    blocks=st.lists(st.integers(1, 40), max_size=3),
    events_per_run=st.integers(1, 12),
    chunk=st.integers(1, 2000),
)
def test_the_chunk_cuts_no_run_of_a_program_if_it_is_as_told(blocks, events_per_run, chunk):
    asked = {
        "augmentations": ["nominal", *(herwig(f"h{number}", size) for number, size in enumerate(blocks))],
        "detector": {"name": "delphes", "card": "a.tcl", "events_per_run": events_per_run},
    }
    whole = math.lcm(events_per_run, *blocks)
    try:
        chosen = campaign(**asked, chunk=chunk)
    except ConfigError as error:
        told = int(re.search(r"`chunk: (\d+)`, or leave it out$", str(error))[1])
        assert chunk < told == campaign(**asked, chunk=told).chunk < chunk + whole
        assert chunk % whole
    else:
        assert chosen.chunk == chunk
        assert chunk % whole == 0


def herwig(name, block_events):
    return {"name": name, "shower": "herwig7", "herwig": {"block_events": block_events}}


@given(few=st.integers(1, 2000), more=st.integers(0, 2000), chunk=st.integers(1, 500))
def test_more_events_leave_the_whole_chunks_unchanged(few, more, chunk):
    before = campaign(events=few, chunk=chunk).chunks("higgs")
    after = campaign(events=few + more, chunk=chunk).chunks("higgs")
    assert after[: few // chunk] == before[: few // chunk]


def test_events_of_a_process_win_over_those_of_the_campaign():
    made = campaign(events=10, processes={"higgs": {"events": 20}, "qcd": None})
    assert made.process("higgs").events == 20
    assert made.process("qcd").events == 10


@given(st.lists(st.tuples(names, st.integers(1, 4)), max_size=5))
def test_realizations_are_in_the_order_of_the_file_and_know_their_augmentation(wanted):
    wanted = [("nominal", 1), *wanted]
    expected = [
        name if copy == 1 else f"{name}_{copy}"
        for name, replicas in wanted
        for copy in range(1, replicas + 1)
    ]
    raw = changed(augmentations=[{"name": name, "replicas": replicas} for name, replicas in wanted])
    if len(set(expected)) < len(expected):
        with pytest.raises(ConfigError, match="appears twice"):
            parse(raw, "x.yaml")
        return
    made = parse(raw, "x.yaml")
    assert made.realizations == expected
    owners = [made.augmentation(realization).name for realization in expected]
    assert owners == [name for name, replicas in wanted for _ in range(replicas)]


def test_unknown_realization_and_process_are_refused():
    made = campaign()
    with pytest.raises(ConfigError, match="unknown realization 'sed'; did you mean 'seed'"):
        made.augmentation("sed")
    with pytest.raises(ConfigError, match="unknown process 'qcd'"):
        made.process("qcd")


SETTINGS = ["Tune:pp", "SpaceShower:alphaSvalue", "TimeShower:renormMultFac", "own:setting"]
some_settings = st.dictionaries(st.sampled_from(SETTINGS), st.integers(0, 9), max_size=4).map(Settings)


@given(
    tune=st.sampled_from(list(TUNES)),
    other_tune=st.none() | st.sampled_from(list(TUNES)),
    everywhere=some_settings,
    of_process=some_settings,
    of_augmentation=some_settings,
)
def test_later_settings_win_and_nothing_is_lost(tune, other_tune, everywhere, of_process, of_augmentation):
    made = campaign(
        tune=tune,
        settings=everywhere,
        processes={"higgs": {"shower_settings": of_process}},
        augmentations=["nominal", {"name": "own", "tune": other_tune, "settings": of_augmentation}],
    )
    layers = [Settings(TUNES[other_tune or tune]), everywhere, of_process, of_augmentation]
    effective = made.shower_settings("higgs", "own")
    assert set(effective.names) == {name for layer in layers for name in layer.names}
    for name, value in effective:
        assert value == [layer.get(name) for layer in layers if name in layer.names][-1]
    tuned = Settings(TUNES[tune])
    assert made.shower_settings("higgs", "nominal") == tuned.then(everywhere, of_process)
    assert made.hard_settings("higgs") == tuned.then(everywhere, PROCESSES["higgs"]["settings"])


def test_settings_of_a_catalogue_process_are_added_behind_its_own():
    process = campaign(**higgs(settings={"25:m0": 120.0, "25:onIfMatch": "4 -4"})).process("higgs")
    assert process.settings.lines == [
        "HiggsSM:ffbar2HZ = on",
        "25:onMode = off",
        "23:onMode = off",
        "23:onIfAny = 12 14 16",
        "25:m0 = 120.0",
        "25:onIfMatch = 4 -4",
    ]


def test_process_that_reads_files_keeps_the_targets_of_the_catalogue_alone():
    process = campaign(**higgs(generator="lhe", files=["a.lhe.gz"])).process("higgs")
    assert not process.settings
    assert [target.label for target in process.targets] == [4]


def test_shipped_augmentation_can_be_given_replicas():
    made = campaign(**added({"name": "fsrRenHi", "replicas": 2}))
    assert made.realizations == ["nominal", "fsrRenHi", "fsrRenHi_2"]
    for realization in made.realizations[1:]:
        assert made.shower_settings("higgs", realization).get("TimeShower:renormMultFac") == "0.707"


def test_everything_in_the_catalogues_is_accepted_by_pythia():
    made = campaign(
        processes=dict.fromkeys(PROCESSES),
        augmentations=list(AUGMENTATIONS),
        chunk=5000,
        detector={"name": "cms_phase2"},
    )
    check_campaign_settings(made)
    for tune in TUNES:
        check_campaign_settings(campaign(tune=tune))


def test_targets_of_the_catalogue_have_rs3l_labels():
    made = campaign(processes=dict.fromkeys(PROCESSES))
    labels = {target.label for process in made.processes.values() for target in process.targets}
    assert labels - {None} == {4, *range(9, 22)}
    assert labels - {None} <= set(LABELS)


def test_campaign_cannot_be_changed():
    with pytest.raises(ValidationError):
        campaign().seed = 2


@pytest.mark.parametrize(
    "path", sorted({*CONFIG.glob("*.yaml"), *CONFIG.glob("rs3l/*.yaml")}), ids=lambda path: path.name
)
def test_saved_campaign_reads_back_the_same(path, tmp_path):
    made = load(path)
    save(made, tmp_path / "saved.yaml")
    assert load(tmp_path / "saved.yaml") == made


def test_demo_has_both_classes_and_the_realizations_of_rs3l():
    demo = load(CONFIG / "config.yaml")
    assert list(demo.processes) == ["higgs", "qcd"]
    assert all(process.events >= 500 for process in demo.processes.values())
    assert demo.realizations == ["nominal", "seed", "fsrRenHi", "fsrRenLo", "herwig7"]
    assert demo.tune == "CP5"
    assert "rs3l" in demo.dataset.formats


def test_rs3l_campaign_states_what_the_defaults_are():
    written = yaml.safe_load((CONFIG / "rs3l.yaml").read_text(encoding="utf-8"))
    made = load(CONFIG / "rs3l.yaml")
    assert {name: process.events for name, process in made.processes.items()} == {
        "higgs": 2_500_000,
        **dict.fromkeys(("zquark", "g_qq", "g_cc", "g_bb", "g_gg"), 500_000),
    }
    assert made.realizations == ["nominal", "seed", "fsrRenHi", "fsrRenLo", "herwig7"]
    defaults = parse(
        {key: value for key, value in written.items() if key not in ("beams", "jets", "groups")}, ""
    )
    assert (made.beams, made.jets, made.groups) == (defaults.beams, defaults.jets, defaults.groups)
