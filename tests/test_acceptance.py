import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from synthetic import all_splits, make_campaign
from typer.testing import CliRunner

from jetresim.audit.acceptance import acceptance_tables, read_acceptance, report_acceptance
from jetresim.campaign.config import save
from jetresim.campaign.errors import DataError
from jetresim.campaign.status import Status
from jetresim.dataset.acceptance import Acceptance
from jetresim.jets.parquet import read_metadata
from jetresim.workflow.cli import app

COUNTS = st.fixed_dictionaries({status: st.integers(0, 1000) for status in Status})


def acceptance(name="seed", kept=0, **counts):
    return Acceptance(name, {status: counts.get(status.name.lower(), 0) for status in Status}, kept)


NOMINAL = acceptance("nominal", 600, matched=700, no_jet=100, below_pt=180, failed=20)
SURVIVORS = acceptance("seed", 600, matched=651, no_jet=28, below_pt=21, not_simulated=300)


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(groups={"require": "nominal"})


@pytest.fixture(scope="module")
def results(tmp_path_factory, campaign):
    folder = tmp_path_factory.mktemp("results")
    all_splits(folder / campaign.name / "dataset", campaign)
    return folder


def text(found, width=80):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(*acceptance_tables(found))
    return capture.get()


def cells(printed, realization):
    return [line.split()[1:] for line in printed.splitlines() if line.split()[:1] == [realization]]


def test_efficiencies_are_fractions_of_what_was_simulated():
    assert (NOMINAL.simulated, NOMINAL.matching, NOMINAL.accepted) == (1000, 0.88, 0.7)
    assert (SURVIVORS.simulated, SURVIVORS.matching, SURVIVORS.accepted) == (700, 0.96, 0.93)
    cut = acceptance(cut=500, matched=50, ambiguous=30, shared=20)
    assert (cut.simulated, cut.accepted, cut.survivors_only) == (100, 0.5, False)


@given(COUNTS)
def test_efficiencies_are_ordered_or_absent(counts):
    found = Acceptance("seed", counts, 0)
    if found.simulated:
        assert 0 <= found.accepted <= found.matching <= 1
    else:
        assert found.accepted is None
        assert found.matching is None


def test_acceptance_of_survivors_stands_apart_from_that_of_all_targets():
    printed = text({"higgs": [NOMINAL, SURVIVORS]})
    heading = next(line for line in printed.splitlines() if "of survivors" in line)
    row = {name: next(x for x in printed.splitlines() if name in x) for name in ("nominal", "seed")}
    assert "higgs: jets of 1000 targets" in printed
    assert row["nominal"].index("70.0%") < heading.index("of survivors")
    assert row["seed"].index("93.0%") >= heading.index("of survivors")
    assert cells(printed, "nominal")[0] == ["1000", "700", "600", "88.0%", "70.0%"]
    assert cells(printed, "seed")[0] == ["700", "651", "600", "96.0%", "93.0%"]


def test_every_reason_that_occurs_has_a_column():
    printed = text({"higgs": [NOMINAL, SURVIVORS]})
    assert "ambiguous" not in printed
    reasons = ["not simulated", "failed", "no jet", "below pt"]
    assert cells(printed, "seed")[1] == ["300", "0", "28", "21"]
    assert all(reason in printed for reason in reasons)


def test_tables_fit_terminals():
    all_reasons = acceptance("nominal", 1, **{status.name.lower(): 123456 for status in Status})
    assert "…" not in text({"higgs": [NOMINAL, SURVIVORS]})
    assert "…" not in text({"higgs": [all_reasons]}, width=132)


def test_process_without_targets_has_no_efficiencies():
    assert cells(text({"higgs": [acceptance("nominal")]}), "nominal") == [["0", "0", "0", "–", "–"]]


def test_numbers_are_those_of_the_metadata_of_the_dataset(results, campaign):
    dataset = results / campaign.name / "dataset"
    found = read_acceptance(dataset)
    counts = read_metadata(next((dataset / "test").glob("*.parquet")))["counts"]
    assert list(found) == sorted(campaign.processes)
    for process, realizations in found.items():
        assert [each.realization for each in realizations] == campaign.realizations
        for each in realizations:
            stored = counts[process][each.realization]
            assert sum(each.counts.values()) == stored["tried"]
            assert each.kept == stored["kept"]
            assert each.counts[Status.MATCHED] == stored["matched"] > 0


def test_command_prints_every_process_and_realization(results, campaign, tmp_path):
    save(campaign, tmp_path / "config.yaml")
    command = ["acceptance", str(tmp_path / "config.yaml"), "--results", str(results)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    for name in (*campaign.processes, *campaign.realizations):
        assert name in done.stdout


def test_dataset_that_is_not_there_is_an_error_of_the_command(tmp_path):
    with pytest.raises(DataError, match="no Parquet files"):
        read_acceptance(tmp_path)


def test_report_after_a_run_is_silent_without_a_dataset(tmp_path, capsys):
    report_acceptance(tmp_path / "dataset")
    assert capsys.readouterr().out == ""


def test_report_after_a_run_says_what_is_wrong_and_does_not_fail(tmp_path, capsys):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "train-00000.parquet").write_bytes(b"not Parquet")
    report_acceptance(tmp_path)
    assert capsys.readouterr().out.startswith("no table of acceptances: ")
