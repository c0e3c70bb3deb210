import pytest
from pydantic import ValidationError

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.herwig import HerwigOptions, scale_factor
from jetresim.showers.herwig7.card import Dialect, card
from tests.herwig_samples import DATA

OF_THE_BLOCK = ("NumberOfEvents", "Seed", "FileName", "MaxScan", "saverun")


def lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line]


def body(text: str) -> set[str]:
    return {" ".join(line.split()) for line in lines(text) if not any(word in line for word in OF_THE_BLOCK)}


def test_the_default_card_is_the_one_that_a_real_herwig_was_run_with():
    assert body(card(HerwigOptions(), "x")) == body((DATA / "higgs_nominal.in").read_text())


def test_a_varied_card_is_the_one_that_a_real_herwig_was_run_with():
    assert body(card(HerwigOptions(fsr_scale=0.5), "x")) == body((DATA / "higgs_fsr05.in").read_text())


def test_a_card_saves_the_run_last_and_names_neither_seed_nor_hard_events():
    text = card(HerwigOptions(card=("set A:B 1",)), "somewhere")
    assert lines(text)[-3:] == ["set A:B 1", "cd /Herwig/Generators", "saverun somewhere EventGenerator"]
    assert "Seed" not in text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"isr_scale": 2}, "set /Herwig/Shower/AlphaQCDISR:ScaleFactor 2.0"),
        ({"renormalization_scale": 0.5}, "set /Herwig/Shower/ShowerHandler:RenormalizationScaleFactor 0.5"),
        ({"factorization_scale": 2}, "set /Herwig/Shower/ShowerHandler:FactorizationScaleFactor 2.0"),
        ({"spin_correlations": True}, "set /Herwig/Shower/ShowerHandler:SpinCorrelations Yes"),
        ({"mpi": False}, "set /Herwig/Shower/ShowerHandler:MPIHandler NULL"),
        ({"decays": False}, "set LesHouchesHandler:DecayHandler NULL"),
        ({"decay_modes": {"pi0": []}}, "set /Herwig/Particles/pi0:Stable Stable"),
        (
            {"decay_modes": {"tau-": ["pi-,nu_tau", "e-,nu_ebar,nu_tau"]}},
            "do /Herwig/Particles/tau-:SelectDecayModes tau-->pi-,nu_tau; tau-->e-,nu_ebar,nu_tau;",
        ),
        ({"pdf": "CT18NLO"}, "set /Herwig/Partons/IncomingPDF:PDFName CT18NLO"),
        ({"tune": "CH3"}, "set /Herwig/Shower/AlphaQCDFSR:AlphaIn 0.118"),
        ({"tune": "Tune-pT"}, "read snippets/Tune-pT.in"),
    ],
)
def test_each_option_has_its_line(options, expected):
    assert expected in lines(card(HerwigOptions(**options), "x"))
    assert expected not in lines(card(HerwigOptions(), "x"))


@pytest.mark.parametrize(
    "options",
    [{"hadronization": False}, {"card": ("set LesHouchesHandler:HadronizationHandler NULL",)}],
)
def test_events_without_hadrons_are_refused(options):
    with pytest.raises(ValidationError, match="detectors and jets are made for hadrons"):
        HerwigOptions(**options)


def test_one_hard_event_is_scanned_however_many_there_are():
    assert "set LesHouchesReader:MaxScan 1" in lines(card(HerwigOptions(), "x"))


def test_every_object_is_created_before_it_is_used():
    text = lines(card(HerwigOptions(tune="CH3", pdf="CT18NLO"), "x"))
    for name in ("CH3ShowerPDF", "CH3MPIPDF", "IncomingPDF"):
        first = next(line for line in text if name in line)
        assert first == f"create ThePEG::LHAPDF /Herwig/Partons/{name} ThePEGLHAPDF.so"


def test_an_old_herwig_gets_only_what_it_knows():
    text = card(HerwigOptions(fsr_scale=0.5, isr_scale=0.5), "x", Dialect.OLD)
    assert "set /Herwig/Shower/AlphaQCD:ScaleFactor 0.5" in lines(text)
    assert not any(
        word in text for word in ("EventNumbering", "SpinHadronizer", "AlphaQCDFSR", "AlphaQCDISR")
    )
    with pytest.raises(ShowerError, match=r"too old for fsr_scale and isr_scale to differ: 7\.3 is needed"):
        card(HerwigOptions(fsr_scale=0.5), "x", Dialect.OLD)


@pytest.mark.parametrize("line", ["saverun a EventGenerator", "run a", "", "set A:B 1\nrun a", "exit"])
def test_lines_that_would_end_the_card_are_refused(line):
    with pytest.raises(ValidationError, match="card"):
        HerwigOptions(card=(line,))


def test_unknown_options_are_refused_and_nothing_changes_afterwards():
    with pytest.raises(ValidationError):
        HerwigOptions(fsrscale=2)
    with pytest.raises(ValidationError):
        HerwigOptions(fsr_scale=0)
    with pytest.raises(ValidationError):
        HerwigOptions().mpi = False


def test_scale_factors_answer_to_pythia_s():
    assert scale_factor(0.25) == 0.5
    assert scale_factor(0.707) == pytest.approx(0.841, abs=5e-4)
