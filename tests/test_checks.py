"""What `validate` finds by trying: initialization of Pythia, detectors."""

import pytest

from jetresim.campaign.errors import JetresimError
from jetresim.workflow.checks import check_detectors, check_initialization, notes_on_settings
from tests.campaigns import campaign

WH = {"HiggsSM:ffbar2HW": True, "25:onIfMatch": "5 -5", "25:onMode": "off"}
CUTS = {"pt_min": 400}


def only(settings, targets, **more):
    return {"processes": {"own": {"settings": settings, "targets": targets, "cuts": CUTS}}, **more}


NO_TARGET = (
    "expected `settings` and decay channels that make the `targets`, and a process of two or more outgoing "
    "particles for the pT of `cuts` (400 GeV)"
)

REFUSED = [
    (
        only(WH, ["higgs"]),
        "process own: Pythia cannot be initialized: all processes have vanishing cross sections; "
        "25 has no open decay channel after `25:onIfMatch = 5 -5`, `25:onMode = off`, in this order",
    ),
    (
        only({"Top:gg2ttbar": False}, ["top"]),
        "process own: Pythia cannot be initialized: no process switched on",
    ),
    (
        only({"WeakSingleBoson:ffbar2gmZ": True, "23:onMode": "off", "23:onIfAny": "1 2 3"}, ["z"]),
        "process own: none of 1000 events has a target within the cuts (the highest pT of one is 0 GeV); "
        + NO_TARGET,
    ),
    (
        only({"HardQCD:all": True}, ["higgs"]),
        "process own: none of 1000 events has a target within the cuts (there is none); " + NO_TARGET,
    ),
    (
        {"augmentations": ["nominal", {"name": "own", "settings": {"PDF:pSet": "LHAPDF6:none"}}]},
        "higgs, own: Pythia cannot be initialized: libpythia8lhapdf6.so: cannot open shared object file: "
        "No such file or directory; could not set up PDF for beam A",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_pythia_refuses_is_told_in_its_own_words(capfd, changes, message):
    with pytest.raises(JetresimError) as refused:
        check_initialization(campaign(**changes))
    assert str(refused.value) == message
    assert capfd.readouterr().out == ""


def test_every_process_and_realization_is_tried():
    check_initialization(campaign(augmentations=["nominal", "seed", "fsrRenHi", "rehadronize", "shower10"]))


def test_detector_of_every_realization_is_set_up():
    missing = {"name": "own", "detector": {"name": "cms_phase2", "parameters": "none.yaml"}}
    with pytest.raises(JetresimError) as refused:
        check_detectors(campaign(augmentations=["nominal", missing]))
    assert str(refused.value) == "detector of own: none.yaml: cannot be read (No such file or directory)"


def test_tune_that_hides_settings_is_noted_once_with_where():
    asked = campaign(settings={"StringZ:aLund": 0.6, "Tune:pp": 18})
    (note,) = notes_on_settings(asked)
    assert note.startswith("`Tune:pp = 18` resets `PDF:pSet`, `MultipartonInteractions:ecmPow`")
    assert note.endswith("`StringZ:aLund`, set before it (hard events of higgs and 9 more)")
    assert notes_on_settings(campaign()) == []
