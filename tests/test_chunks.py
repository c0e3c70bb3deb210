"""`chunk: auto`: what is chosen, and that what exists stays as it is cut."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jetresim.campaign.config import load, parse, save
from jetresim.campaign.config.chunks import cut, grown
from jetresim.campaign.errors import ConfigError
from jetresim.showers.chunks import BATCH, with_chunk

NOWHERE = Path("no-such-folder/config.yaml")
COUNTS = st.integers(1, 3_000_000)
CORES = st.integers(1, 256) | st.just(BATCH)
SIZES = st.integers(1, 400)


def campaign(events=1000, more=None, **changes):
    """Two processes, one of which may have another number of events."""
    asked = {
        "name": "cut",
        "seed": 1,
        "processes": {"higgs": {"events": events}, "qcd": {"events": more or events}},
        "augmentations": ["nominal", "seed", "fsrRenHi", "fsrRenLo"],
    }
    return parse(asked | changes, "test")


def herwig(block_events):
    return {"augmentations": ["nominal", {"name": "herwig7", "herwig": {"block_events": block_events}}]}


def jobs(made):
    """Jets jobs of a campaign."""
    return len(made.realizations) * sum(len(made.chunks(name)) for name in made.processes)


@given(COUNTS, COUNTS, CORES, st.integers(1, 2000))
def test_every_event_is_made_once_and_no_run_is_cut_whatever_is_chosen(events, more, cores, block_events):
    made = with_chunk(campaign(events, more, **herwig(block_events)), NOWHERE, cores)
    assert made.chunk % block_events == 0
    for name, count in (("higgs", events), ("qcd", more)):
        ranges = made.chunks(name)
        assert (ranges[0].start, ranges[-1].stop) == (0, count)
        assert all(a.stop == b.start for a, b in pairwise(ranges))


@given(st.integers(10_000, 3_000_000), st.integers(1, 64))
def test_cores_have_two_jobs_and_jobs_take_from_seconds_to_an_hour(events, cores):
    made = with_chunk(campaign(events), NOWHERE, cores)
    assert made.chunk * 0.040 / 3 < 1.5 * 3600
    assert jobs(made) >= 2 * cores or made.chunk * 0.040 / 3 < 10
    if jobs(made) > 16 * cores:  # more than for a good balance only where they would last hours
        assert made.chunk * 0.040 / 3 > 1800


def test_jobs_of_a_cluster_take_hours_and_shards_choose_the_same_on_every_site():
    made = with_chunk(campaign(5_000_000), NOWHERE, BATCH)
    assert 1 < made.chunk * 0.040 / 3 / 3600 < 3


def test_the_demo_has_one_job_a_realization_on_two_cores():
    assert with_chunk(campaign(1000), NOWHERE, 2).chunk == 1000


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 5000), CORES), min_size=2, max_size=3), st.integers(1, 50))
def test_a_campaign_that_grows_elsewhere_keeps_its_whole_chunks(tmp_path_factory, runs, block_events):
    saved = tmp_path_factory.mktemp("grown") / "config.yaml"
    events, before = 0, []
    for more, cores in runs:
        events += more
        made = with_chunk(campaign(events, **herwig(block_events)), saved, cores)
        save(made, saved)
        assert load(saved).chunk == made.chunk
        after = made.chunks("higgs")
        assert after[: len(before[:-1])] == before[:-1]
        assert [event for part in after for event in part] == list(range(events))
        assert all(part.start % block_events == 0 for part in after)
        before = after


@given(SIZES, st.integers(1, 5000), SIZES, st.integers(0, 5000))
def test_events_that_come_later_leave_even_a_chunk_that_is_not_full(size, done, chosen, more):
    chunk = grown(size, done, chosen, [1])
    before, after = cut(size, done), cut(chunk, done + more)
    assert after[: len(before[:-1])] == before[:-1]
    if chosen >= 2 * size or size >= 2 * chosen:
        assert after[: len(before)] == before


def test_what_was_chosen_stays_with_other_cores_and_fewer_events(tmp_path):
    saved = tmp_path / "config.yaml"
    first = with_chunk(campaign(20_000), saved, 2)
    save(first, saved)
    for events, cores in ((20_000, 64), (20_000, 1), (20_000, BATCH), (3000, 16)):
        assert with_chunk(campaign(events), saved, cores).chunk == first.chunk


def test_a_pilot_does_not_decide_how_the_whole_is_cut(tmp_path):
    save(with_chunk(campaign(100), NOWHERE, 2), tmp_path / "config.yaml")
    whole = with_chunk(campaign(5_000_000), tmp_path / "config.yaml", 2)
    assert jobs(whole) < 1.1 * jobs(with_chunk(campaign(5_000_000), NOWHERE, 2))
    assert whole.chunks("qcd")[0] == range(100)


def test_what_was_chosen_is_left_where_a_new_program_needs_whole_runs(tmp_path):
    save(campaign(1000, chunk=250), tmp_path / "config.yaml")
    asked = campaign(1000, **herwig(400))
    assert with_chunk(asked, tmp_path / "config.yaml", 2).chunk % 400 == 0


def test_a_chunk_that_is_given_is_taken():
    assert with_chunk(campaign(chunk=7), NOWHERE, 64).chunk == 7


@pytest.mark.parametrize("text", ["chunk: [", "chunk: 1\nchunk: 2"])
def test_a_damaged_saved_configuration_is_told(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        with_chunk(campaign(), tmp_path / "config.yaml", 2)


def test_an_event_is_found_in_the_chunk_that_holds_it():
    made = campaign(1000, chunk=[[0, 30], [100, 250]])
    for number, events in enumerate(made.chunks("qcd")):
        assert {made.chunk_of(events.start), made.chunk_of(events[-1])} == {number}
