"""Physics closure with fixed seeds and at least 3 000 jets a sample.

Each family of comparisons is at the 0.1% level: a test of n comparisons asks p > 0.001 / n of each
(Bonferroni). Multiparton interactions are off on both sides of every comparison.
"""

import numpy as np
import pytest
from scipy import stats

from tests.physics import OBSERVABLES, SURVEY, asked, direct, hard_events, sample, weighted

LEVEL = 0.001
JETS = 3000
PROCESSES = ("higgs", "qcd")


@pytest.fixture(params=PROCESSES)
def process(request) -> str:
    return request.param


def paired(process: str, realization: str) -> dict[str, np.ndarray]:
    """Differences realization − nominal of the jets of the same hard event."""
    nominal, other = sample(process, "nominal"), sample(process, realization)
    _, ours, theirs = np.intersect1d(nominal["event"], other["event"], return_indices=True)
    return {name: other[name][theirs] - nominal[name][ours] for name in OBSERVABLES}


def test_hard_event_file_and_shower_equal_direct_generation(process):
    ours, theirs = sample(process, "nominal"), direct(process)
    assert min(len(ours["pt"]), len(theirs["pt"])) >= JETS
    for name in OBSERVABLES:
        p = stats.ks_2samp(ours[name], theirs[name]).pvalue
        assert p > LEVEL / (len(PROCESSES) * len(OBSERVABLES)), (name, p)


def test_matching_efficiency_equals_that_of_direct_generation(process):
    events = len(hard_events(process))
    matched = [len(found["pt"]) for found in (sample(process, "nominal"), direct(process))]
    table = [[found, events - found] for found in matched]
    assert stats.fisher_exact(table).pvalue > LEVEL / len(PROCESSES)


def test_resimulated_isr_scale_agrees_with_pythias_weights(process):
    resimulated, (nominal, weights) = sample(process, "isr"), weighted(process)
    assert weights.sum() ** 2 / (weights**2).sum() > 0.8 * len(weights)  # the weights stand for most events
    for name in OBSERVABLES:
        edges = np.unique(np.quantile(nominal[name], np.linspace(0, 1, 13)[1:-1]))
        edges = np.concatenate([[-np.inf], edges, [np.inf]])
        expected, _ = np.histogram(nominal[name], edges, weights=weights)
        variance, _ = np.histogram(nominal[name], edges, weights=weights**2)
        found, _ = np.histogram(resimulated[name], edges)
        chi2 = ((found - expected) ** 2 / (found + variance)).sum()
        assert stats.chi2.sf(chi2, len(found)) > LEVEL / (len(PROCESSES) * len(OBSERVABLES)), (name, chi2)


def test_seed_differs_event_by_event_but_not_in_distribution(process):
    differences = paired(process, "seed")
    assert (differences["pt"] != 0).all()
    for name in OBSERVABLES:
        p = stats.ks_2samp(sample(process, "nominal")[name], sample(process, "seed")[name]).pvalue
        assert p > LEVEL / (len(PROCESSES) * len(OBSERVABLES)), (name, p)
        mean, error = differences[name].mean(), stats.sem(differences[name])
        assert abs(mean) < stats.norm.isf(LEVEL / (4 * len(OBSERVABLES))) * error, (name, mean, error)


def test_members_share_their_hard_event(process):
    weights = {event.record.eventinfo.weight for event in hard_events(process)}
    assert weights == {SURVEY.cross_section}
    assert len(hard_events(process)) == asked(process).process(process).events
