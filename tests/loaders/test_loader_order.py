from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.campaign.errors import ConfigError
from jetresim.dataset.reader import RowGroup
from jetresim.loaders.order import EpochOrder, Index, share, windows

SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=6)


def index_of(sizes):
    row_groups = [RowGroup(Path(f"{number}.parquet"), 0, size + 2) for number, size in enumerate(sizes)]
    # not every row is usable
    return Index(row_groups, [np.arange(1, size + 1, dtype=np.int32) for size in sizes], left_out=0)


def identities(segments):
    return [(segment.row_group.path.name, int(row)) for segment in segments for row in segment.rows]


def everything(sizes):
    return sorted((f"{number}.parquet", row + 1) for number, size in enumerate(sizes) for row in range(size))


@given(st.integers(0, 200), st.integers(1, 9))
def test_shares_hold_every_group_once(total, world_size):
    shares = [share(total, rank, world_size, "keep") for rank in range(world_size)]
    assert [place for start, stop in shares for place in range(start, stop)] == list(range(total))
    sizes = [stop - start for start, stop in shares]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 200), st.integers(1, 9), st.sampled_from(["drop", "pad"]))
def test_equal_shares_drop_or_repeat_fewer_groups_than_there_are_ranks(total, world_size, uneven):
    shares = [share(total, rank, world_size, uneven) for rank in range(world_size)]
    assert len({stop - start for start, stop in shares}) == 1
    places = [place % total for start, stop in shares for place in range(start, stop)]
    assert abs(len(places) - total) < world_size
    if uneven == "pad":
        assert set(places) == set(range(total))
    else:
        assert len(set(places)) == len(places)


@given(st.integers(0, 50), st.integers(0, 200), st.integers(1, 20), st.integers(1, 60))
def test_windows_hold_whole_batches_but_the_last(start, size, batch_size, buffer):
    found = windows(start, start + size, batch_size, buffer)
    assert [place for first, last in found for place in range(first, last)] == list(
        range(start, start + size)
    )
    assert all(last - first <= max(buffer, batch_size) for first, last in found)
    assert all((last - first) % batch_size == 0 for first, last in found[:-1])


@given(SIZES, st.data(), st.booleans())
def test_pieces_of_an_epoch_are_the_epoch(sizes, data, shuffle):
    index = index_of(sizes)
    total = len(index)
    if not total:
        return
    order = EpochOrder(index, 5, 1, shuffle)
    whole = identities(order.segments(0, total))
    assert sorted(whole) == everything(sizes)
    cut = data.draw(st.integers(0, total))
    pieces = [(start, stop) for start, stop in ((0, cut), (cut, total)) if stop > start]
    assert [each for piece in pieces for each in identities(order.segments(*piece))] == whole
    assert identities(order.segments(total - 1, 2 * total + 1)) == [whole[-1], *whole, whole[0]]
    if not shuffle:
        assert whole == everything(sizes)


def test_order_is_a_function_of_seed_and_epoch():
    index = index_of([40, 40, 40])
    orders = {
        (seed, epoch): identities(EpochOrder(index, seed, epoch, True).segments(0, 120))
        for seed in (1, 2)
        for epoch in (0, 1)
    }
    assert len(set(map(tuple, orders.values()))) == 4
    assert identities(EpochOrder(index, 1, 0, True).segments(0, 120)) == orders[1, 0]


def test_ranks_that_do_not_exist_are_refused():
    with pytest.raises(ConfigError, match="rank: 2; expected 0 to 1, as world_size is 2"):
        share(10, 2, 2, "keep")
    with pytest.raises(ConfigError, match="uneven: unknown choice 'dorp'; did you mean 'drop'"):
        share(10, 0, 2, "dorp")
