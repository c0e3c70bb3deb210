"""What a configuration may ask of MadGraph, and what it is told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.provenance import survey_inputs
from jetresim.campaign.seeds import PYTHIA_SEEDS, RUNS_OF_BLOCK, block_seed, integration_seed
from jetresim.generators.madgraph.scripts import definition, integration

LINE = "generate p p > h z, h > b b~, z > vl vl~"
ASKED = {"process": [LINE], "run_card": {"misset": 400}}


BASE = {"name": "test", "seed": 1, "events": 1000, "augmentations": ["nominal"]}


def campaign(madgraph=ASKED, options=None, process=None, **changes) -> Campaign:
    hz = {"generator": "madgraph", "madgraph": madgraph, "targets": ["higgs"], **(process or {})}
    return parse(
        {
            **BASE,
            "processes": {"hz": hz},
            **({"madgraph": options} if options else {}),
            **changes,
        },
        "x.yaml",
    )


@pytest.mark.parametrize(
    ("madgraph", "message"),
    [
        ({"process": [LINE, "output DIR"]}, "`output DIR`: the folder is the pipeline's; leave the line out"),
        ({"process": [LINE, "launch"]}, "`launch`: the run is started for you; leave the line out"),
        (
            {"process": [LINE, "set run_card ptj 20"]},
            "`set run_card ptj 20`: cuts and scales go to `run_card`, parameters of the model to "
            "`param_card`",
        ),
        (
            {"process": [LINE, "display particles"]},
            "`display particles`: expected `import model`, `define`, `generate` or `add process`",
        ),
        (
            {"process": ["generate p p > z j [QCD]"]},
            "`[QCD]`: MadGraph is run at leading order; make files of other events with it and use generator "
            "`lhe`",
        ),
        ({"process": ["generate p p > z; launch"]}, "each entry must be one line of MadGraph's"),
        (
            {"process": ["define q = u d s"]},
            "`process` has 0 lines with `generate`, expected one; more processes follow with `add process`",
        ),
        (
            {"process": ["generate p p > z z", "generate p p > w+ z"]},
            "`process` has 2 lines with `generate`, expected one; more processes follow with `add process`",
        ),
        ({"process": ["import command x"]}, "`import command x`: expected `import model` or `add process`"),
        ({"process": [LINE], "run_card": {"iseed": 3}}, "`iseed` follows from the campaign's `seed`"),
        ({"process": [LINE], "run_card": {"nevents": 3}}, "`nevents` is `events` of the process"),
        ({"process": [LINE], "run_card": {"ebeam1": 7000}}, "`ebeam1` follows from the campaign's `beams`"),
        (
            {"process": [LINE], "run_card": {"ickkw": 1}},
            "`ickkw` is for merged events, which need a veto in the shower: make files and use generator "
            "`lhe`",
        ),
        ({"process": [LINE], "run_card": {"lhaid": 1}}, "`lhaid` is read with `pdlabel: lhapdf` only"),
        ({"process": [LINE], "run_card": {"Misset": 1}}, "`Misset`: MadGraph's names are in lower case"),
    ],
)
def test_what_is_not_the_process_s_own_is_refused_in_one_line(madgraph, message):
    with pytest.raises(ConfigError) as refused:
        campaign(madgraph)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chunk": 700}, "chunk (700) must be a multiple of block_events of `madgraph` (500)"),
        ({"beams": {"particles": [11, -11]}}, "is set up for protons and antiprotons, not [11, -11]"),
        ({"process": {"madgraph": None}}, "generator `madgraph` needs `madgraph: {process: …}`"),
        ({"process": {"generator": "pythia8", "settings": {"HardQCD:all": "on"}}}, "and no other has it"),
        ({"process": {"files": ["a.lhe"]}}, "`files` are for generator `lhe`"),
    ],
)
def test_what_does_not_go_with_the_campaign_is_refused(changes, message):
    with pytest.raises(ConfigError) as refused:
        campaign(**changes)
    assert message in str(refused.value)


PARTS = st.lists(st.sampled_from(["z > vl vl~", "h > b b~", "t > w+ b"]), max_size=3)


@given(PARTS, PARTS)
def test_lines_that_yaml_cut_at_their_commas_are_whole_again(first, second):
    lines = [", ".join(["generate p p > h z", *first]), ", ".join(["add process p p > w+ z", *second])]
    cut = [part for line in lines for part in line.split(", ")]
    assert list(campaign({"process": cut}).process("hz").madgraph.process) == lines
    assert campaign({"process": "\n".join(lines)}) == campaign({"process": lines})


def test_splittings_of_the_catalogue_can_be_changed_in_part():
    given = {"g_gg": None, "g_bb": {"madgraph": {"run_card": {"misset": 500}}}}
    asked = parse({**BASE, "processes": given}, "x.yaml")
    g_gg, g_bb = asked.process("g_gg"), asked.process("g_bb")
    assert g_gg.madgraph.process == ("generate p p > z g g, z > vl vl~",)
    assert g_bb.madgraph.process == ("generate p p > z b b~, z > vl vl~",)
    assert g_bb.madgraph.run_card == {**g_gg.madgraph.run_card, "misset": 500}
    files = parse({**BASE, "processes": {"g_bb": {"generator": "lhe", "files": ["a.lhe"]}}}, "x.yaml")
    assert files.process("g_bb").madgraph is None
    assert files.process("g_bb").targets == g_bb.targets


def test_configuration_that_is_stored_makes_the_same_campaign_again():
    card = {"pt_min_pdg": {25: 400}, "misset": 400, "cut_decays": True, "pdlabel": "lhapdf", "lhaid": 325100}
    asked = campaign(
        {"process": [LINE], "run_card": card, "param_card": {"mass 25": 126.0, "decay 25": "auto"}}
    )
    assert parse(asked.model_dump(mode="json"), "x.yaml") == asked


def test_madgraph_is_told_beams_seed_and_the_own_values_last():
    card = {"pt_min_pdg": {25: 400, 6: 10.5}, "cut_decays": True, "pdlabel": "cteq6l1"}
    asked = campaign(
        {"process": [LINE], "run_card": card, "param_card": {"mass 25": 126.0}}, beams={"energy": 14000}
    )
    script = integration(asked, "hz").splitlines()
    assert {"set run_card ebeam1 7000.0", "set run_card ebeam2 7000.0", "set run_card lpp1 1"} < set(script)
    assert f"set run_card iseed {integration_seed(1, 'hz')}" in script
    assert "set run_card pt_min_pdg {25: 400, 6: 10.5}" in script
    assert "set run_card cut_decays True" in script
    assert [line for line in script if "pdlabel" in line] == ["set run_card pdlabel cteq6l1"]
    assert script.index("set param_card mass 25 126.0") < script.index("create_gridpack")
    assert LINE in definition(asked.process("hz").madgraph).splitlines()


def test_other_campaigns_say_nothing_of_madgraph():
    other = parse(
        {"name": "a", "seed": 1, "events": 1, "processes": {"higgs": None}, "augmentations": ["nominal"]}, "x"
    )
    assert "madgraph" not in other.model_dump_json()


def test_what_changes_the_events_is_an_input_of_the_survey_and_what_does_not_is_none():
    asked = survey_inputs(campaign(), "hz")
    assert survey_inputs(campaign(options={"threads": 7, "executable": "/x", "time_limit": 1}), "hz") == asked
    assert survey_inputs(campaign(options={"block_events": 250}), "hz") != asked
    assert survey_inputs(campaign(options={"accuracy": 0.1}), "hz") != asked
    assert survey_inputs(campaign({"process": [LINE], "run_card": {"misset": 401}}), "hz") != asked


RUNS = st.tuples(st.integers(-1, 10**6), st.integers(0, RUNS_OF_BLOCK - 1))


@given(st.integers(0, 2**63 - 1), st.lists(RUNS, unique=True, max_size=20))
def test_no_two_runs_of_a_process_share_a_seed(campaign_seed, runs):
    seeds = [block_seed(campaign_seed, "hz", block, run) for block, run in runs]
    seeds.append(integration_seed(campaign_seed, "hz"))
    assert len(set(seeds)) == len(seeds)
    assert all(1 <= seed <= PYTHIA_SEEDS for seed in seeds)


def test_seeds_of_runs_are_what_they_were():
    assert [block_seed(1, "hz", *run) for run in ((-1, 0), (0, 0), (0, 1), (7, 3))] == [
        integration_seed(1, "hz") + offset for offset in (32, 64, 65, 291)
    ]
    assert integration_seed(1, "hz") != integration_seed(1, "zgg") != integration_seed(2, "zgg")
