import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lhe_samples import DATA, event, les_houches, powheg

from jetresim.campaign.config import parse
from jetresim.campaign.errors import ConfigError, DataError, HardEventError
from jetresim.generators.lhe import LHEFiles, weight_names
from jetresim.generators.lhe_files import last_digit, open_lhe, read_hard_events, write_lhe
from jetresim.generators.survey import Survey, read_survey, survey_warnings, write_survey


def generator(*files, events=1, targets=("parton",), energy=13000, **process):
    entry = {"generator": "lhe", "files": [str(path) for path in files], "events": events}
    raw = {
        "name": "test",
        "seed": 1,
        "beams": {"energy": energy},
        "processes": {"mine": {**entry, "targets": list(targets), **process}},
        "augmentations": ["nominal"],
    }
    return LHEFiles(parse(raw, "test"), "mine")


def real(name, **options):
    return generator(DATA / f"{name}.lhe.gz", **options)


def file(tmp_path, text, name="sample.lhe"):
    path = tmp_path / name
    path.write_text(text)
    return path


def mean_weight(made, survey):
    weights = [one.record.eventinfo.weight for one in made.events(range(survey.events), survey)]
    return math.fsum(weights) / len(weights)


def warned(survey, pattern):
    return [line for line in survey.warnings if re.search(pattern, line)]


@pytest.mark.parametrize(
    ("name", "targets", "cross_section", "error"),
    [
        ("zj", ["parton"], 0.517514, 6.237409e-03),
        ("hz_systrwgt", ["higgs"], 4.0602e-04, 5.72e-06),
        ("hz_cut_ignored_nolhapdf", ["higgs"], 9.6334e-02, 9.9316e-04),
        (
            "zjj_2proc",
            ["splitting", "parton"],
            7.501352e-01 + 2.907676e-03,
            math.hypot(1.066587e-02, 5.514314e-05),
        ),
        ("tt_madspin", ["top"], 1.870771120641, 2.100075159297e-02),
        ("z01j_mlm_scales", ["parton"], 4.2159e4 + 1.583812e4, math.hypot(222.85, 110.4505)),
        ("z_nlo_negw", ["parton"], 51620.586, 148.17099),
    ],
)
def test_cross_section_of_real_files(name, targets, cross_section, error):
    survey = real(name, targets=targets).survey()
    assert (survey.cross_section, survey.cross_section_error) == (
        pytest.approx(cross_section),
        pytest.approx(error),
    )
    assert survey.events == 15
    assert survey.files[0].weight_factor == 1.0


def test_error_of_a_measured_cross_section_is_not_counted_for_each_line(tmp_path):
    text = powheg((2.0, 4.0, 2.0, 4.0), -4, xsec=0.0)
    two = text.replace("    -4      1\n", "    -4      2\n").replace(
        "  10001\n</init>", "  10001\n 0.0 0.0 1.0 10002\n</init>"
    )
    one_line, two_lines = (generator(file(tmp_path, each)).survey() for each in (text, two))
    assert two_lines.cross_section_error == one_line.cross_section_error == pytest.approx(0.5)
    assert [line.cross_section for line in two_lines.subprocesses] == [3.0, 0.0]
    assert [line.cross_section_error for line in two_lines.subprocesses] == [0.5, 0.0]


@pytest.mark.parametrize(("trials", "cross_section"), [((1, 1), 5.0), ((4, 6), 1.0)])
def test_weights_are_divided_by_the_trials_that_events_took(tmp_path, trials, cross_section):
    events = [
        event(5.0, px=-200.0 - number).replace("<event>", f"<event trials='{number}'>") for number in trials
    ]
    made = generator(file(tmp_path, les_houches(events, strategy=-4, xsec=cross_section)), events=2)
    survey = made.survey()
    assert survey.cross_section == cross_section
    assert mean_weight(made, survey) == pytest.approx(cross_section)
    assert not warned(survey, "mean weight")
    assert all("trials" not in one.record.attributes for one in made.events(range(2), survey))


@pytest.mark.parametrize("trials", ["-3", "many", "nan"])
def test_trials_that_cannot_be_are_refused(tmp_path, trials):
    text = les_houches([event(5.0).replace("<event>", f"<event trials='{trials}'>")], strategy=-4)
    with pytest.raises(HardEventError, match="trials, expected"):
        generator(file(tmp_path, text)).survey()


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("hz_cut_ignored_nolhapdf", "higgs"),
        ("hz_systrwgt", "higgs"),
        ("tt_madspin", "top"),
        ("zj", "parton"),
        ("zjj_2proc", "parton"),
    ],
)
def test_events_whose_resonances_are_decayed_stay_as_they_are_in_the_file(name, target):
    made = real(name, targets=[target])
    survey = made.survey()
    with open_lhe(DATA / f"{name}.lhe.gz") as source:
        records = list(source.events)
    assert [one.record for one in made.events(range(15), survey)] == records
    assert not warned(survey, "undecayed")


@pytest.mark.parametrize("size", [1, 4, 15])
def test_events_do_not_depend_on_the_chunks(tmp_path, size):
    files = [
        file(tmp_path, powheg(weights), f"{weights}.lhe") for weights in ((1, 1, -1), (-1, 1, 1, 1, 1), (1,))
    ]
    for number, path in enumerate(files):  # different runs begin with different events
        path.write_text(path.read_text().replace("2.022273784E+02", f"{number + 1}.022273784E+02"))
    made = generator(*files)
    survey = made.survey()
    whole = list(made.events(range(9), survey))
    assert [one.index for one in whole] == list(range(9))
    chunks = [range(first, min(first + size, 9)) for first in range(0, 9, size)]
    assert [one for chunk in chunks for one in made.events(chunk, survey)] == whole
    assert [round(one.record.particles[5].px / 100) for one in whole] == [1] * 3 + [2] * 5 + [3]


def test_named_weights_of_real_files():
    lo, nlo = real("hz_systrwgt", targets=["higgs"]).survey(), real("z_nlo_negw").survey()
    assert list(lo.weight_names) == [str(number) for number in range(1, 10)]
    assert lo.weight_names["3"] == "MUR=0.5 MUF=2.0"
    assert lo.weight_names["9"] == "PDF=10042 MemberID=0"
    assert list(nlo.weight_names) == [str(number) for number in range(1001, 1028)]
    assert nlo.weight_names["1002"] == "tag= 0 dyn= -1 muR=0.20000E+01 muF=0.10000E+01"
    assert real("zj").survey().weight_names == {}


def test_named_weights_come_back_from_a_chunk(tmp_path):
    made = real("hz_systrwgt", targets=["higgs"])
    survey = made.survey()
    write_lhe(tmp_path / "chunk.lhe.gz", made.init(survey), made.header(), made.events(range(4, 9), survey))
    back = list(read_hard_events(tmp_path / "chunk.lhe.gz", 4))
    assert back == list(made.events(range(4, 9), survey))
    with open_lhe(tmp_path / "chunk.lhe.gz") as source:
        assert source.header.initrwgt.list_weights_ids() == list(survey.weight_names)
        assert source.init.initInfo.weightingStrategy == -4
        assert source.init.procInfo[0].xSection == survey.cross_section
        assert source.init.procInfo[0].error == survey.cross_section_error
        assert source.init.generators[0].name == "MadGraph5_aMC@NLO"


def test_negative_weights_are_counted_and_kept():
    made = real("z_nlo_negw")
    survey = made.survey()
    assert survey.negative_weights == 4
    assert sum(one.record.eventinfo.weight < 0 for one in made.events(range(15), survey)) == 4
    assert warned(survey, "NLO events")
    assert not warned(
        real("z_nlo_negw", shower_settings={"SpaceShower:pTmaxMatch": 1}).survey(), "NLO events"
    )


def test_matching_is_asked_for_as_the_process_is_now():
    """The survey is not made again when the settings of the shower change."""
    without, given = (
        parse(
            {
                "name": "test",
                "seed": 1,
                "processes": {
                    "mine": {
                        "generator": "lhe",
                        "files": [str(DATA / "z_nlo_negw.lhe.gz")],
                        "events": 1,
                        "targets": ["parton"],
                        "shower_settings": settings,
                    }
                },
                "augmentations": ["nominal"],
            },
            "test",
        )
        for settings in ({}, {"SpaceShower:pTmaxMatch": 1})
    )
    for surveyed in (without, given):
        survey = LHEFiles(surveyed, "mine").survey()
        assert any("NLO events" in line for line in survey_warnings(survey, without.process("mine")))
        assert not any("NLO events" in line for line in survey_warnings(survey, given.process("mine")))


def test_init_lists_both_processes_and_their_largest_weights():
    made = real("zjj_2proc")
    init = made.init(made.survey())
    assert init.initInfo.numProcesses == 2
    assert [(line.procId, line.unitWeight) for line in init.procInfo] == [(1, 0.7530429), (2, 0.7530429)]


# Normalization


@pytest.mark.parametrize(
    ("name", "unit_of_weight", "unit_of_cross_sections"),
    [
        ("zj", 1e-8, 1e-7),
        ("tt_madspin", 1e-7, 1e-12),
        ("zjj_2proc", 1e-8, 1e-7 + 1e-9),
        ("z01j_mlm_scales", 1e-3, 1e-2 + 1e-2),
    ],
)
def test_precision_is_that_of_the_printed_digits(name, unit_of_weight, unit_of_cross_sections):
    made = real(name, targets=["top" if name == "tt_madspin" else "parton"])
    survey = made.survey()
    mean = mean_weight(made, survey)
    expected = unit_of_weight / mean + unit_of_cross_sections / survey.cross_section
    assert survey.printed_precision == pytest.approx(expected, rel=1e-6)
    if name != "z01j_mlm_scales":
        assert mean == pytest.approx(survey.cross_section, rel=survey.printed_precision)


@pytest.mark.parametrize(
    ("weights", "strategy", "deviation"),
    [((1.5, 1.5, 1.5), -4, 0.0), ((0.1, 0.1, 0.1), -4, 0.0), ((1, -1, 1, 1), -4, 0.75**0.5),
     ((1, -1, 1, 1), -3, 10 * 0.75**0.5)],
)  # fmt: skip
def test_deviation_of_the_weights_is_in_pb(tmp_path, weights, strategy, deviation):
    survey = generator(file(tmp_path, powheg(weights, strategy, xsec=5.0))).survey()
    assert survey.weight_deviation == pytest.approx(deviation)
    assert survey.weight_deviation > 0 or len(set(weights)) == 1


@given(st.integers(1, 10**15 - 1), st.integers(-20, 20), st.integers(0, 14))
def test_last_digit_is_the_smallest_step_of_a_printed_number(digits, exponent, places):
    text = f"{digits * 10.0**exponent:.{places}E}"
    step = float(f"1E{int(text.partition('E')[2]) - places}")
    assert last_digit(text) == pytest.approx(step, rel=1e-12)
    assert last_digit(f"  {text.lower()}") == last_digit(text)


def test_measured_cross_section_is_as_precise_as_its_weights(tmp_path):
    survey = generator(file(tmp_path, powheg((2.0, 4.0), -4, xsec=0.0))).survey()
    assert survey.printed_precision == pytest.approx(1e-5 / 3)


@pytest.mark.parametrize("strategy", [2, -2, 3, -3])
def test_weights_of_any_unit_are_brought_to_the_cross_section(tmp_path, strategy):
    made = generator(file(tmp_path, powheg((1, 1, -1, 1), strategy, xsec=5.0)), events=2)
    survey = made.survey()
    assert survey.cross_section == 5.0
    assert survey.files[0].weight_factor == pytest.approx(10.0)
    assert mean_weight(made, survey) == pytest.approx(5.0)
    (first, *_) = made.events(range(1), survey)
    assert first.record.weights == {"1001": pytest.approx(10.0), "1002": pytest.approx(5.0)}
    assert made.init(survey).procInfo[0].unitWeight == pytest.approx(10.0)


@pytest.mark.parametrize("strategy", [1, -1, 4, -4])
def test_weights_in_pb_are_left_alone(tmp_path, strategy):
    made = generator(file(tmp_path, powheg((5.1, 4.9, 5.0), strategy, xsec=5.0)))
    survey = made.survey()
    assert survey.files[0].weight_factor == 1.0
    assert mean_weight(made, survey) == pytest.approx(5.0)
    assert not warned(survey, "mean weight")


def test_normalization_does_not_depend_on_how_many_events_are_used(tmp_path):
    path = file(tmp_path, powheg((1, -1, 1, 1, 1)))
    few, all_of_them = generator(path, events=2), generator(path, events=5)
    assert few.survey() == all_of_them.survey()


def test_runs_are_averaged_by_their_numbers_of_events(tmp_path):
    one = file(tmp_path, les_houches([event(4.0)] * 3, xsec=4.0, error=0.3, strategy=-4), "one.lhe")
    other = file(tmp_path, les_houches([event(8.0, px=1.0)], xsec=8.0, error=0.4, strategy=-4), "two.lhe")
    made = generator(one, other)
    survey = made.survey()
    assert survey.cross_section == pytest.approx(5.0)
    assert survey.cross_section_error == pytest.approx(math.hypot(0.75 * 0.3, 0.25 * 0.4))
    assert mean_weight(made, survey) == pytest.approx(5.0)
    assert warned(survey, "averaged as runs of the same process")


def test_runs_with_weights_that_sum_to_the_cross_section_count_by_their_events(tmp_path):
    """MadGraph's event_norm = sum: XWGTUP is the cross-section over the number of events."""
    one = file(tmp_path, les_houches([event(1.25)] * 4, xsec=5.0), "one.lhe")
    other = file(tmp_path, les_houches([event(5.0, px=1.0)], xsec=5.0), "two.lhe")
    made = generator(one, other)
    survey = made.survey()
    assert [run.weight_factor for run in survey.files] == [4.0, 1.0]
    assert [one.record.eventinfo.weight for one in made.events(range(5), survey)] == [5.0] * 5
    assert not warned(survey, "averaged")


def test_mean_weight_far_from_the_cross_section_is_reported(tmp_path):
    survey = generator(file(tmp_path, powheg((1.0, 1.1, 0.9, 1.0), -4, xsec=5.0))).survey()
    assert warned(survey, "mean weight is 1 pb, but <init> lists a cross-section of 5 pb")
    assert survey.cross_section == 5.0


@pytest.mark.parametrize("xsec", [0.0, -1.0])
def test_cross_section_that_is_not_listed_is_measured(tmp_path, xsec):
    survey = generator(file(tmp_path, powheg((2.0, 4.0), -4, xsec=xsec))).survey()
    assert survey.cross_section == pytest.approx(3.0)
    assert survey.cross_section_error == pytest.approx(1 / math.sqrt(2))
    assert warned(survey, "XSECUP is")


@pytest.mark.parametrize(("weights", "xsec"), [((1, -1), 5.0), ((1, 1), 0.0), ((1, 1), -5.0)])
def test_weights_that_cannot_be_normalized_are_refused(tmp_path, weights, xsec):
    with pytest.raises(HardEventError, match="needs XSECUP to normalize"):
        generator(file(tmp_path, powheg(weights, -3, xsec))).survey()


# What does not fit


def test_other_beams_are_refused_with_both_named():
    with pytest.raises(
        HardEventError, match=r"2212 2212 of 6500 \+ 6500 GeV, the configuration .* 7000 \+ 7000"
    ):
        real("zj", energy=14000).survey()


def test_other_beam_particles_are_refused(tmp_path):
    path = file(tmp_path, powheg().replace("     2212     2212", "     2212    -2212"))
    with pytest.raises(HardEventError, match=r"beams 2212 -2212 .*, the configuration has 2212 2212"):
        generator(path).survey()


def test_too_few_events_are_refused():
    with pytest.raises(ConfigError, match=r"processes\.mine\.events: 16 asked for, `files` hold 15"):
        real("zj", events=16).survey()
    survey = real("zj", events=15).survey()
    assert survey.events == 15
    with pytest.raises(ConfigError, match="20 asked for, `files` hold 15"):
        list(real("zj", events=20).events(range(10, 20), survey))


def test_the_same_file_twice_is_refused(tmp_path):
    path = file(tmp_path, powheg())
    link = tmp_path / "link.lhe"
    link.symlink_to(path)
    for again in (path, link, tmp_path / "." / path.name):
        with pytest.raises(ConfigError, match="is listed twice"):
            generator(path, again).survey()


def test_a_copy_of_a_file_is_refused(tmp_path):
    with pytest.raises(HardEventError, match="begin with the same event"):
        generator(file(tmp_path, powheg()), file(tmp_path, powheg((1.0,)), "copy.lhe")).survey()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("325100 325100", "325100 325300", "differ in their PDFs"),
        ("    -3      1", "    -4      1", r"weighting strategy \|IDWTUP\|: 3 and 4"),
        ("10001", "10002", "process numbers LPRUP"),
        ("renscfact=2d0", "renscfact=4d0", "named weights"),
    ],
)
def test_files_of_another_set_up_are_refused(tmp_path, old, new, message):
    one = file(tmp_path, powheg(), "one.lhe")
    other = file(
        tmp_path, powheg().replace("-2.022273784E+02", "-2.100000000E+02").replace(old, new), "two.lhe"
    )
    with pytest.raises(HardEventError, match=message):
        generator(one, other).survey()


def test_unknown_weighting_strategy_is_refused(tmp_path):
    with pytest.raises(HardEventError, match="IDWTUP is 5, must be"):
        generator(file(tmp_path, powheg(strategy=5))).survey()


def test_damage_in_the_last_file_is_found_by_the_survey(tmp_path):
    whole, cut = file(tmp_path, powheg()), file(tmp_path, powheg()[:-200], "cut.lhe")
    with pytest.raises(HardEventError, match=r"cut\.lhe: is cut off"):
        generator(whole, cut).survey()


def test_a_file_that_shrank_since_its_survey_is_noticed(tmp_path):
    path = file(tmp_path, powheg())
    made = generator(path)
    survey = made.survey()
    path.write_text(powheg((1.0, 1.0)))
    with pytest.raises((DataError, HardEventError)):
        list(made.events(range(1, 4), survey))
    with pytest.raises(DataError, match="its survey is of other files"):
        list(generator(path, path).events(range(1), survey))


# What a user is told


def test_cut_that_the_generator_ignored_is_counted():
    survey = real("hz_cut_ignored_nolhapdf", targets=["higgs"], cuts={"pt_min": 400}).survey()
    assert survey.failed_cuts == 15
    assert 4 < survey.lowest_pt < 400
    assert warned(survey, r"15 of 15 events fail the cuts \(pT > 400 GeV")


def test_cut_that_was_applied_is_silent():
    survey = real("hz_systrwgt", targets=["higgs"], cuts={"pt_min": 400}).survey()
    assert (survey.failed_cuts, survey.without_target, survey.warnings) == (0, 0, ())
    assert survey.lowest_pt > 400


def test_upper_cut_is_checked_too():
    survey = real("zj", cuts={"pt_min": 400, "pt_max": 450}).survey()
    assert 0 < survey.failed_cuts < 15
    assert warned(survey, r"pT > 400, < 450 GeV")


def test_events_without_target_are_counted():
    survey = real("zjj_2proc", targets=["splitting"]).survey()
    assert 0 < survey.without_target < 15
    assert warned(survey, f"{survey.without_target} of 15 events have no target")


@pytest.mark.parametrize(
    ("banner", "matched"),
    [
        (" 1 = ickkw\n", True),
        (" 0 = ickkw\n", False),
        ("30.0 = ktdurham\n", True),
        (" -1.0 = ktdurham\n", False),
        (" 0.0 = ktdurham\n", False),
        ("# 1 = ickkw\n", False),
    ],
)
def test_samples_for_matching_are_told_by_their_run_card(tmp_path, banner, matched):
    text = les_houches([event()], f"<header>\n<MGRunCard>\n{banner}</MGRunCard>\n</header>\n")
    assert bool(warned(generator(file(tmp_path, text)).survey(), "no matching veto")) == matched


def test_real_files_for_matching_and_with_undecayed_bosons_are_reported():
    survey = real("z01j_mlm_scales").survey()
    assert warned(survey, "no matching veto")
    assert warned(survey, "15 of 15 events hold an undecayed particle 23")
    assert not warned(real("zj").survey(), "matching|undecayed")


def test_weights_that_are_lost_or_partial_are_reported(tmp_path):
    partial = powheg().replace("<wgt id='1002'>-5.00000E-01</wgt>\n", "")
    survey = generator(file(tmp_path, partial, "partial.lhe")).survey()
    assert warned(survey, "1 named weights are missing in some events, first '1002' in 1 of 4")
    old = re.sub(
        r"<wgt id='1002'>(.*?)</wgt>", r"#new weight,renfact,facfact,pdf1,pdf2 \1 2. 2. 1 1 lha", powheg()
    )
    survey = generator(file(tmp_path, old, "old.lhe")).survey()
    assert warned(survey, "declares 1 weights that no event has, first '1002'")
    assert warned(survey, "`#new weight` lines")


def test_weights_that_nobody_declared_are_carried_by_their_ids(tmp_path):
    text = re.sub("<initrwgt>.*</initrwgt>", "", powheg(), flags=re.DOTALL)
    assert generator(file(tmp_path, text)).survey().weight_names == {"1001": "1001", "1002": "1002"}


# Names of weights


def test_weight_names_are_single_spaced_and_unique():
    names = {"1": " muR=1   muF=1\n", "2": "muR=2", "3": "", "4": "muR=2", "5": "  "}
    expected = {"1": "muR=1 muF=1", "2": "muR=2 (2)", "3": "3", "4": "muR=2 (4)", "5": "5"}
    assert weight_names(names) == expected
    assert list(weight_names(names)) == list(names)


@given(
    st.dictionaries(st.sampled_from("12345"), st.sampled_from(["", "a", "a (1)", "a  (2)", "1", "a (1) (1)"]))
)
def test_weight_names_are_always_unique(names):
    assert len(set(weight_names(names).values())) == len(names)


# The survey file


def test_survey_survives_its_file_exactly(tmp_path):
    survey = real("z_nlo_negw").survey()
    write_survey(survey, tmp_path / "hard" / "survey.json")
    assert read_survey(tmp_path / "hard" / "survey.json") == survey
    assert list(read_survey(tmp_path / "hard" / "survey.json").weight_names) == list(survey.weight_names)


def test_survey_of_a_generator_without_limit(tmp_path):
    survey = Survey(cross_section=1 / 3, cross_section_error=1e-7)
    write_survey(survey, tmp_path / "survey.json")
    assert read_survey(tmp_path / "survey.json") == survey
    assert survey.events is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cross_section": 1}', '{"cross_section": "NaN"}', '{"a": 1}']
)
def test_damaged_survey_is_refused(tmp_path, text):
    path = tmp_path / "survey.json"
    path.write_text(text)
    with pytest.raises(DataError, match="not a survey") as caught:
        read_survey(path)
    assert "\n" not in str(caught.value)


def test_missing_survey_is_refused(tmp_path):
    with pytest.raises(DataError, match="make the survey first"):
        read_survey(tmp_path / "survey.json")
