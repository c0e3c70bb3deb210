import pytest

from jetresim.campaign.errors import ConfigError
from jetresim.campaign.reserved import RESERVED
from jetresim.campaign.settings import Settings, setting_names
from jetresim.generators.pythia_settings import check_campaign_settings, check_settings
from tests.campaigns import campaign


def test_all_shipped_settings_are_known_to_pythia():
    from jetresim.campaign.augmentations import AUGMENTATIONS
    from jetresim.campaign.processes import PROCESSES

    shipped = campaign(
        processes={name: {} for name in PROCESSES},
        augmentations=list(AUGMENTATIONS),
        tune="Monash",
        chunk=5000,
        detector={"name": "cms_phase2"},
    )
    check_campaign_settings(shipped)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"TimeShower:renormMultFact": 0.5},
            "x: unknown Pythia setting 'TimeShower:renormMultFact'; did you mean 'TimeShower:renormMultFac'?",
        ),
        (
            {"TimeShower:renormMultFac": 1000},
            "x: `TimeShower:renormMultFac = 1000`: expected a number from 0.1 up to 10",
        ),
        (
            {"TimeShower:renormMultFac": "half"},
            "x: `TimeShower:renormMultFac = half`: expected a number from 0.1 up to 10",
        ),
        ({"Tune:pp": 3.5}, "x: `Tune:pp = 3.5`: expected a whole number from -1 up to 33"),
        ({"PartonLevel:MPI": "maybe"}, "x: `PartonLevel:MPI = maybe`: expected on or off"),
        ({"25:m0": "heavy"}, "x: `25:m0 = heavy`: expected a number"),
        ({"25:mass": 125}, "x: `25:mass = 125`: Pythia has no such particle or property"),
        ({"9999999:m0": 1}, "x: `9999999:m0 = 1`: Pythia has no such particle or property"),
        (
            {"Random:seed": 1},
            "x: `Random:seed` cannot be set here; all random numbers follow from the campaign's `seed`",
        ),
        ({"beams:ecm": 8000}, "x: `Beams:eCM` cannot be set here; it is set by `beams.energy`"),
        (
            {"PhaseSpace:pTHatMin": 20},
            "x: `PhaseSpace:pTHatMin` cannot be set here; it is set by `processes.*.cuts.pt_min`",
        ),
        (
            {"hardqcd:gg2gg": True},
            "x: `HardQCD:gg2gg = on` chooses a hard process; that belongs to `processes.*.settings`",
        ),
        (
            {"Charmonium:gg2ccbar(3S1)[3S1(1)]g": "{on,off}"},
            "x: `Charmonium:gg2ccbar(3S1)[3S1(1)]g = {on,off}` chooses a hard process; "
            "that belongs to `processes.*.settings`",
        ),
    ],
)
def test_wrong_setting_is_refused_with_one_line(settings, message):
    with pytest.raises(ConfigError) as error:
        check_settings(Settings(settings), "x")
    assert str(error.value) == message


def test_setting_of_an_augmentation_is_named_with_its_place():
    wrong = campaign(augmentations=["nominal", {"name": "mine", "settings": {"TimeShower:foo": 1}}])
    with pytest.raises(ConfigError, match=r"^augmentations\.mine\.settings: unknown Pythia setting"):
        check_campaign_settings(wrong)


def test_reserved_settings_exist_and_are_spelt_as_in_pythia():
    assert set(RESERVED) <= set(setting_names().values())


@pytest.mark.parametrize("switch", ["HardQCD:all", "HiddenValley:FSR", "Top:all", "WeakDoubleBoson:all"])
def test_a_hard_process_is_chosen_where_hard_events_are_made_and_nowhere_else(switch):
    check_settings(Settings({switch: True}), "x", hard_process=True)
    check_settings(Settings({switch: False}), "x")
    if switch != "HiddenValley:FSR":
        with pytest.raises(ConfigError, match="chooses a hard process"):
            check_settings(Settings({switch: True}), "x")
