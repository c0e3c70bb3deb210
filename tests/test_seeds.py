import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.campaign import seeds
from jetresim.campaign.config import parse
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.seeds import (
    HARD_PROCESS,
    PYTHIA_SEEDS,
    check_streams,
    event_seed,
    initialization_seed,
    stable_hash,
    stream_offset,
    unit_hash,
)

campaign_seeds = st.integers(0, 2**63 - 1)
events = st.integers(0, 2**40)
keys = st.lists(st.integers() | st.text(max_size=5), max_size=4)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,39}", fullmatch=True)
streams = names | st.just(HARD_PROCESS)

FROZEN = {
    "empty": 8180073448483349959,
    "hash": 9037673404624184246,
    "unicode": 3829395502740601494,
    "unit": 0.8291265729759393,
    "initialization": 662796945,
    "nominal": 835346327,
    "hard": 164375458,
    "last": 860472966,
}

PYTHIA_MAXIMUM = 900_000_000  # Pythia 8.3 manual, section Random-Number Seed


@given(campaign_seeds, names, events, streams)
def test_seed_is_one_that_pythia_accepts(campaign_seed, process, event, stream):
    assert 1 <= event_seed(campaign_seed, process, event, stream) <= PYTHIA_MAXIMUM
    assert 1 <= initialization_seed(campaign_seed) <= PYTHIA_MAXIMUM


@given(campaign_seeds, names, events, streams)
def test_seed_depends_on_its_key_alone(campaign_seed, process, event, stream):
    key = (campaign_seed, process, event, stream)
    first = event_seed(*key)
    event_seed(campaign_seed, process, event + 1, stream)
    event_seed(campaign_seed + 1, process, event, stream)
    assert event_seed(*key) == first


def test_members_of_a_group_never_share_a_seed():
    members = [HARD_PROCESS, "nominal", "seed", "seed_2", "fsrRenHi", "fsrRenLo", "CP5up", "herwig7"]
    check_streams(7, members)
    for process in ("higgs", "qcd"):
        for event in range(20_000):
            assert len({event_seed(7, process, event, member) for member in members}) == len(members)


@given(campaign_seeds, names, events, st.lists(streams, unique=True, min_size=2, max_size=8))
def test_streams_that_pass_the_check_differ_for_every_event(campaign_seed, process, event, members):
    check_streams(campaign_seed, members)
    assert len({event_seed(campaign_seed, process, event, member) for member in members}) == len(members)


def test_seeds_of_events_are_spread_evenly():
    # chi2 of 100 bins with 99 degrees of freedom: 149 is the 0.1% quantile
    counts = [0] * 100
    for event in range(50_000):
        counts[(event_seed(1, "higgs", event, "nominal") - 1) * 100 // PYTHIA_SEEDS] += 1
    assert sum((count - 500) ** 2 / 500 for count in counts) < 149


def test_each_part_of_the_key_changes_the_seed():
    key = (1, "higgs", 0, "nominal")
    others = [
        (2, "higgs", 0, "nominal"),
        (1, "qcd", 0, "nominal"),
        (1, "higgs", 1, "nominal"),
        (1, "higgs", 0, "seed"),
    ]
    assert event_seed(*key) not in {event_seed(*other) for other in others}


def test_seeds_are_those_of_every_dataset_made_so_far():
    """Changing one of these numbers makes every dataset impossible to continue or to make again."""
    assert stable_hash() == FROZEN["empty"]
    assert stable_hash(1, "event", "higgs", 0) == FROZEN["hash"]
    assert stable_hash("π", -1) == FROZEN["unicode"]
    assert unit_hash(1, "split") == FROZEN["unit"]
    assert initialization_seed(1) == FROZEN["initialization"]
    assert event_seed(1, "higgs", 0, "nominal") == FROZEN["nominal"]
    assert event_seed(1, "higgs", 0, HARD_PROCESS) == FROZEN["hard"]
    assert event_seed(20240307, "qcd", 2_499_999, "fsrRenLo") == FROZEN["last"]


@given(keys, keys)
def test_different_keys_have_different_hashes(one, other):
    assert (stable_hash(*one) == stable_hash(*other)) == (one == other)


@given(campaign_seeds, events)
def test_unit_hash_is_in_the_half_open_interval(campaign_seed, event):
    assert 0 <= unit_hash(campaign_seed, event) < 1


def test_unit_hash_of_the_largest_hash_is_below_one(monkeypatch):
    monkeypatch.setattr(seeds, "stable_hash", lambda *key: 2**64 - 1)
    assert unit_hash("any") < 1


def test_realizations_whose_seeds_collide_are_refused(monkeypatch):
    def colliding(campaign_seed, stream):
        return 5 if stream in ("fsrRenHi", "seed") else stable_hash(stream) % PYTHIA_SEEDS

    monkeypatch.setattr(seeds, "stream_offset", colliding)
    check_streams(1, ["nominal", "seed"])
    with pytest.raises(ConfigError) as refused:
        parse(
            {
                "name": "x",
                "seed": 1,
                "events": 1,
                "processes": {"higgs": None},
                "augmentations": ["nominal", "seed", "fsrRenHi"],
            },
            "x.yaml",
        )
    assert str(refused.value) == (
        "x.yaml: augmentations: 'seed' and 'fsrRenHi' would share their seeds; "
        "rename one of them or change `seed`"
    )


def test_realization_that_collides_with_the_hard_process_is_refused(monkeypatch):
    monkeypatch.setattr(seeds, "stream_offset", lambda campaign_seed, stream: 5)
    with pytest.raises(ConfigError, match="'hard process' and 'hard decays' would share their seeds"):
        check_streams(1, ["nominal"])


@given(campaign_seeds, streams)
def test_offset_of_a_stream_does_not_depend_on_the_event(campaign_seed, stream):
    difference = {
        (
            event_seed(campaign_seed, process, event, stream)
            - event_seed(campaign_seed, process, event, "nominal")
        )
        % PYTHIA_SEEDS
        for process in ("higgs", "qcd")
        for event in range(3)
    }
    assert len(difference) == 1
    expected = stream_offset(campaign_seed, stream) - stream_offset(campaign_seed, "nominal")
    assert difference == {expected % PYTHIA_SEEDS}
