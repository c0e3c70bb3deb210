import io

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jets_samples import batch_of, candidates_of, part, pythia_batch

from jetresim.campaign.config import Jets
from jetresim.campaign.status import Status
from jetresim.detectors.columns import from_columns, to_columns
from jetresim.detectors.none import NoDetector
from jetresim.generators.events import Parton, TruthTarget
from jetresim.jets import analysis
from jetresim.jets.analysis import jets_table
from jetresim.jets.clustering import cluster
from jetresim.jets.matching import Truth
from jetresim.jets.schema import JETS_SCHEMA, STATUSES
from jetresim.jets.substructure import substructure

JETS = Jets()


def truth_at(*directions, passes_cuts=True):
    partons = tuple(Parton(1, 500.0, eta, phi, 500.0 * np.cosh(eta)) for eta, phi in directions)
    return Truth(tuple(TruthTarget("parton", 1, one, ()) for one in partons), partons, passes_cuts)


def truth_at_jets(candidates, jets=JETS):
    """One target in the direction of each jet."""
    return [
        truth_at(*zip(event.eta.tolist(), event.phi.tolist(), strict=True))
        for event in cluster(candidates, jets)
    ]


def synthetic(events, succeeded=None):
    """A batch without particles, and candidates to go with it."""
    return batch_of([], [0] * len(events), succeeded), candidates_of(events)


TWO_JETS = [(600, 1.0, 0.5), (5, 1.1, 0.6), (5, 1.2, 0.4), (500, -1.0, -2.5)]


def test_one_row_for_each_target_in_order_of_event_and_target():
    batch, candidates = synthetic([TWO_JETS, [(500, 0, 0)], TWO_JETS])
    truth = [truth_at((-1.0, -2.5), (1.0, 0.5)), truth_at(), truth_at((0, 0), (1.0, 0.5))]
    table = jets_table(batch, candidates, truth, JETS)
    assert table.schema == JETS_SCHEMA
    assert table.column("event").to_pylist() == [10, 10, 12, 12]
    assert table.column("target").to_pylist() == [0, 1, 0, 1]
    assert table.column("seed").to_pylist() == [1000, 1000, 1002, 1002]
    assert table.column("status").to_pylist() == ["matched", "matched", "no jet", "matched"]
    pt = [row and row["pt"] for row in table.column("jet").to_pylist()]
    assert pt == [pytest.approx(500), pytest.approx(610, rel=1e-2), None, pytest.approx(610, rel=1e-2)]


def test_rows_without_a_jet_have_a_null_jet_and_no_constituents():
    batch, candidates = synthetic([TWO_JETS])
    table = jets_table(batch, candidates, [truth_at((0, 0), (1.0, 0.5))], JETS)
    assert table.column("jet").is_valid().to_pylist() == [False, True]
    assert table.column("constituents").is_valid().to_pylist() == [True, True]
    assert [len(row) for row in table.column("constituents").to_pylist()] == [0, 3]


def test_events_that_were_cut_or_failed_say_so_whatever_their_jets():
    batch, candidates = synthetic([TWO_JETS] * 4, succeeded=[True, True, False, False])
    here = (1.0, 0.5)
    truth = [
        truth_at(here),
        truth_at(here, here, passes_cuts=False),
        truth_at(here),
        truth_at(here, passes_cuts=False),
    ]
    table = jets_table(batch, candidates, truth, JETS)
    assert table.column("status").to_pylist() == ["matched", "cut", "cut", "failed", "cut"]
    assert table.column("jet").is_valid().to_pylist() == [True, False, False, False, False]
    assert table.column("event").to_pylist() == [10, 11, 11, 12, 13]


def test_event_that_the_detector_gave_up_on_has_failed():
    batch, candidates = synthetic([TWO_JETS] * 3)
    truth = [truth_at((1.0, 0.5))] * 3
    table = jets_table(batch, ak.mask(candidates, [True, False, True]), truth, JETS)
    assert table.column("status").to_pylist() == ["matched", "failed", "matched"]


@pytest.mark.parametrize(
    ("field", "value"), [("px", np.nan), ("energy", 1.0), ("energy", -3.0), ("dz", np.inf)]
)
def test_event_with_an_impossible_candidate_is_unphysical_and_the_others_unchanged(field, value, caplog):
    batch, candidates = synthetic([TWO_JETS] * 4, succeeded=[True, True, True, False])
    truth = [truth_at((1.0, 0.5))] * 4
    columns, counts = to_columns(candidates)
    columns[field] = columns[field].astype(np.float64)
    columns[field][len(TWO_JETS) + 2] = value
    table = jets_table(batch, from_columns(columns, counts), truth, JETS)
    assert table.column("status").to_pylist() == ["matched", "unphysical", "matched", "failed"]
    whole = jets_table(batch, candidates, truth, JETS)
    for row in (0, 2, 3):
        assert table.slice(row, 1).to_pylist() == whole.slice(row, 1).to_pylist()
    assert table["jet"].is_valid().to_pylist() == [True, False, True, False]
    (record,) = caplog.records
    assert record.message.startswith("event 11 is unphysical: it has PDG id 211, px = ")


def test_reason_of_an_event_without_candidates_is_in_its_particles():
    good, bad = (
        (22, 3.0, 4.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0),
        (99999999, 3.0, 4.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0),
    )
    batch = batch_of([good, bad, good], [1, 1, 1])
    candidates = ak.mask(NoDetector().candidates(batch), [True, True, False])
    table = jets_table(batch, candidates, [truth_at((1.0, 0.5))] * 3, JETS)
    assert table.column("status").to_pylist() == ["no jet", "unphysical", "failed"]


def test_batch_of_nothing_but_impossible_candidates_gives_rows():
    batch, candidates = synthetic([TWO_JETS] * 2)
    columns, counts = to_columns(candidates)
    columns["energy"] = np.full_like(columns["energy"], np.nan)
    table = jets_table(batch, from_columns(columns, counts), [truth_at((1.0, 0.5))] * 2, JETS)
    assert table.column("status").to_pylist() == ["unphysical"] * 2


def test_constituents_are_in_order_of_pt_and_ties_keep_the_order_of_candidates():
    event = [(1.5, 0.1, 0), (500, 0, 0), (3, 0.2, 0), (2, 0, 0.3), (2, 0, 0.2), (2, 0, 0.1)]
    batch, candidates = synthetic([event])
    table = jets_table(batch, candidates, [truth_at((0, 0))], JETS)
    [constituents] = table.column("constituents").to_pylist()
    assert [one["pt"] for one in constituents] == pytest.approx([500, 3, 2, 2, 2, 1.5])
    assert [one["d0"] for one in constituents] == [1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 0]
    assert [one["dz"] for one in constituents] == [-1 / 4, -2 / 4, -3 / 4, -4 / 4, -5 / 4, 0]
    assert {(one["charge"], one["pdgid"]) for one in constituents} == {(1, 211)}


def test_truncation_keeps_the_hardest_and_leaves_the_jet_alone():
    batch = pythia_batch("qcd", 12)
    candidates = NoDetector(pt_min=1.0).candidates(batch)
    truth = truth_at_jets(candidates)
    full = jets_table(batch, candidates, truth, JETS)
    short = jets_table(batch, candidates, truth, Jets(constituents_max=5))
    assert short.column("jet").equals(full.column("jet"))
    for few, all_ in zip(
        short.column("constituents").to_pylist(), full.column("constituents").to_pylist(), strict=True
    ):
        assert few == all_[:5]
    counts = [len(row) for row in full.column("constituents").to_pylist()]
    assert [row["nconstituents"] for row in full.column("jet").to_pylist()] == counts
    assert min(counts) > 5


def test_values_are_those_of_the_jets_in_single_precision():
    batch = pythia_batch("higgs", 12)
    candidates = NoDetector().candidates(batch)
    jets = ak.flatten(cluster(candidates, JETS), axis=1)
    rows = jets_table(batch, candidates, truth_at_jets(candidates), JETS).column("jet").to_pylist()
    expected = substructure(jets, JETS) | {
        name: jets[name].to_numpy() for name in ("pt", "eta", "phi", "energy")
    }
    assert len(rows) == len(jets) > 10
    for name, values in expected.items():
        assert [row[name] for row in rows] == values.astype(np.float32).tolist(), name


def test_constituents_add_up_to_their_jet():
    batch = pythia_batch("higgs", 12)
    candidates = NoDetector().candidates(batch)
    table = jets_table(batch, candidates, truth_at_jets(candidates), JETS)
    for jet, constituents in zip(
        table.column("jet").to_pylist(), table.column("constituents").to_pylist(), strict=True
    ):
        columns = {
            name: np.array([one[name] for one in constituents]) for name in ("pt", "eta", "phi", "energy")
        }
        assert np.all(np.diff(columns["pt"]) <= 0)
        assert columns["energy"].sum() == pytest.approx(jet["energy"], rel=1e-5)
        px, py = (np.sum(columns["pt"] * function(columns["phi"])) for function in (np.cos, np.sin))
        assert np.hypot(px, py) == pytest.approx(jet["pt"], rel=1e-5)
        assert np.sum(columns["pt"] * np.sinh(columns["eta"])) == pytest.approx(
            jet["pt"] * np.sinh(jet["eta"]), rel=1e-4, abs=1e-2
        )


def test_azimuth_stays_within_its_interval_in_single_precision():
    phi = np.nextafter(-np.pi, 0)
    assert float(np.float32(phi)) < -np.pi  # rounding alone would leave the interval
    batch, candidates = synthetic([[(500, 0, phi)]])
    table = jets_table(batch, candidates, [truth_at((0, phi))], JETS)
    [jet], [[constituent]] = table.column("jet").to_pylist(), table.column("constituents").to_pylist()
    assert jet["phi"] == constituent["phi"] == np.float32(np.pi)


@pytest.mark.parametrize("process", ["qcd", "higgs"])
def test_rows_of_an_event_do_not_depend_on_its_batch(process):
    batch = pythia_batch(process, 12)

    def table(rows):
        some = part(batch, rows)
        candidates = NoDetector(pt_min=1.0).candidates(some)
        return jets_table(some, candidates, truth[rows], JETS)

    truth = truth_at_jets(NoDetector().candidates(batch))
    together = table(slice(0, 12))
    for size in (1, 5):
        pieces = [table(slice(first, min(first + size, 12))) for first in range(0, 12, size)]
        assert pa.concat_tables(pieces).combine_chunks().equals(together.combine_chunks())


def test_substructure_is_computed_for_matched_jets_only(monkeypatch):
    seen = []

    def spy(jets, settings):
        seen.append(jets.pt.tolist())
        return substructure(jets, settings)

    monkeypatch.setattr(analysis, "substructure", spy)
    batch, candidates = synthetic([TWO_JETS, TWO_JETS], succeeded=[True, False])
    jets_table(batch, candidates, [truth_at((-1.0, -2.5))] * 2, JETS)
    assert seen == [[pytest.approx(500)]]


@pytest.mark.parametrize("events", [[], [[]], [[(600, 1.0, 0.5)]]])
def test_batches_without_targets_give_a_table_without_rows(events):
    batch, candidates = synthetic(events)
    table = jets_table(batch, candidates, [truth_at()] * len(events), JETS)
    assert table.schema == JETS_SCHEMA
    assert table.num_rows == 0


def test_batch_without_any_match_gives_rows():
    batch, candidates = synthetic([[], []])
    table = jets_table(batch, candidates, [truth_at((0, 0))] * 2, JETS)
    assert table.column("status").to_pylist() == ["no jet", "no jet"]
    assert table.column("constituents").to_pylist() == [[], []]


def test_table_survives_parquet():
    batch = pythia_batch("qcd", 12)
    candidates = NoDetector().candidates(batch)
    table = jets_table(batch, candidates, [truth_at((0, 0)), *truth_at_jets(candidates)[1:]], JETS)
    file = io.BytesIO()
    pq.write_table(table, file)
    back = pq.read_table(file)
    assert back.schema == JETS_SCHEMA
    assert back.to_pylist() == table.to_pylist()
    back.validate(full=True)


def test_status_dictionary_is_always_the_same():
    assert [status.value for status in Status] == [status.value for status in STATUSES]
    batch, candidates = synthetic([[]])
    column = jets_table(batch, candidates, [truth_at((0, 0))], JETS).column("status").chunk(0)
    assert column.dictionary.to_pylist() == [status.value for status in Status]
