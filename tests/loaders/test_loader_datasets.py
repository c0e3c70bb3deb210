import gc
import shutil
import subprocess
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jetresim.campaign.errors import ConfigError
from jetresim.dataset.reader import open_groups
from jetresim.dataset.standardization import read_standardization

torch = pytest.importorskip("torch", reason="the loaders need PyTorch")

from torch.utils.data import DataLoader  # noqa: E402

from jetresim.loaders.batches import JET_FIELDS  # noqa: E402
from jetresim.loaders.datasets import EpochBatches, GroupDataset, IterableGroupDataset  # noqa: E402
from jetresim.loaders.views import AllViews  # noqa: E402

# from 3.12 on, Python warns of a fork beside other threads, which is how DataLoader makes workers
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

BATCH = 8
BUFFER = 24


def groups_of(batches):
    return [
        tuple(identity)
        for batch in batches
        for identity in zip(*(batch[name].tolist() for name in ("process", "event", "target")), strict=True)
    ]


def contents(batches):
    """What each batch holds, bit by bit, whatever order the batches come in."""
    return sorted(
        tuple((name, values.numpy().tobytes()) for name, values in batch.items()) for batch in batches
    )


def rows_of(dataset, split="train"):
    return [row for path in sorted((dataset / split).iterdir()) for row in pq.read_table(path).to_pylist()]


def present(row):
    return [member["present"] for member in row["realizations"]]


def iterable(dataset, **options):
    options = {"seed": 3, "constituents": 12, "shuffle_buffer": BUFFER} | options
    return IterableGroupDataset(open_groups(dataset, split="train"), BATCH, **options)


def test_two_ranks_with_two_workers_each_see_every_group_once(dataset):
    expected = sum(any(present(row)) for row in rows_of(dataset))
    seen = []
    for rank in (0, 1):
        data = iterable(dataset, views=AllViews(), rank=rank, world_size=2)
        mine = groups_of(DataLoader(data, batch_size=None, num_workers=2))
        assert 0 <= len(mine) - expected // 2 <= 1
        seen += mine
    assert len(seen) == len(set(seen)) == expected


def test_batches_do_not_depend_on_the_number_of_workers(dataset):
    data = iterable(dataset)
    alone, *others = (list(DataLoader(data, batch_size=None, num_workers=workers)) for workers in (0, 1, 2))
    assert len(alone) == len(data) > 4
    for batches in others:
        assert contents(batches) == contents(alone)


def test_epochs_differ_and_runs_do_not(dataset):
    data = iterable(dataset)
    first = list(data)
    data.set_epoch(1)
    second = list(data)
    assert groups_of(first) != groups_of(second)
    assert sorted(groups_of(first)) == sorted(groups_of(second))
    assert contents(iterable(dataset)) == contents(first)
    assert contents(iterable(dataset, seed=4)) != contents(first)


def test_pairs_are_drawn_anew_in_every_epoch(dataset):
    data = iterable(dataset)
    first = pair_of(data)
    data.set_epoch(1)
    second = pair_of(data)
    assert first.keys() == second.keys()
    # each group keeps its pair with a probability of about 1/4
    assert sum(first[group] == second[group] for group in first) < len(first) / 2


def test_without_shuffling_the_order_is_that_of_the_files(dataset):
    data = iterable(dataset, shuffle=False, views=AllViews())
    assert groups_of(data) == [
        (data.processes.index(row["process"]), row["event"], row["target"]) for row in rows_of(dataset)
    ]


def test_persistent_workers_follow_the_epoch(dataset):
    data = iterable(dataset)
    loader = DataLoader(data, batch_size=None, num_workers=2, persistent_workers=True)
    for epoch in (0, 1, 0):
        data.set_epoch(epoch)
        fresh = iterable(dataset)
        fresh.set_epoch(epoch)
        assert contents(loader) == contents(fresh)


def test_equal_ranks_have_equally_many_batches(dataset):
    for uneven in ("drop", "pad"):
        ranks = [
            iterable(dataset, rank=rank, world_size=3, uneven=uneven, drop_last=uneven == "drop")
            for rank in range(3)
        ]
        batches = [list(data) for data in ranks]
        assert len({len(each) for each in batches}) == 1
        assert [len(data) for data in ranks] == [len(each) for each in batches]
    assert {len(batch["event"]) for batch in iterable(dataset, drop_last=True)} == {BATCH}


def test_pairs_are_of_present_members_and_other_groups_are_counted(dataset):
    data = iterable(dataset)
    rows = rows_of(dataset)
    usable = [row for row in rows if present(row)[0] and sum(present(row)) > 1]
    assert 0 < len(usable) < len(rows)
    assert data.left_out == len(rows) - len(usable)
    batches = list(data)
    assert len(groups_of(batches)) == len(usable)
    for batch in batches:
        assert batch["present"].all()
        assert batch["mask"].any(dim=-1).all()
        assert (batch["realization"][:, 0] == data.realizations.index("nominal")).all()
        assert (batch["realization"][:, 1] != 0).all()


def test_all_views_mask_absent_members(dataset):
    data = iterable(dataset, views=AllViews(), standardize=True)
    found = {group: there for batch in data for group, there in zip_present(batch)}
    names = data.processes
    assert found == {
        (names.index(row["process"]), row["event"], row["target"]): present(row) for row in rows_of(dataset)
    }
    for batch in data:
        assert batch["mask"].any(dim=-1).equal(batch["present"])
        assert not batch["x"][~batch["mask"]].any()
        assert not batch["jet"][~batch["present"]].any()
        assert batch["jet"][batch["present"]].all(dim=-1).any()


def zip_present(batch):
    return zip(groups_of([batch]), batch["present"].tolist(), strict=True)


def test_batches_hold_what_the_reader_gives(dataset):
    groups = open_groups(dataset, split="train")
    values, mask = groups.padded(12)
    jets = groups.to_awkward().realizations.jet
    batches = list(iterable(dataset, views=AllViews(), shuffle=False))
    assert np.array_equal(np.concatenate([batch["x"] for batch in batches]), values)
    assert np.array_equal(np.concatenate([batch["mask"] for batch in batches]), mask)
    found = np.concatenate([batch["jet"] for batch in batches])
    there = np.concatenate([batch["present"] for batch in batches])
    for column, name in enumerate(JET_FIELDS):
        expected = np.array([[jet or 0 for jet in row] for row in jets[name].tolist()], np.float32)
        assert np.array_equal(found[..., column], np.where(there, expected, 0))


def test_selected_groups_keep_their_pairs(dataset):
    groups = open_groups(dataset, split="train")
    every = pair_of(IterableGroupDataset(groups, BATCH, seed=3))
    tops = pair_of(IterableGroupDataset(groups.select(processes=["top"]), BATCH, seed=3))
    assert 0 < len(tops) < len(every)
    assert tops == {group: every[group] for group in tops}


def pair_of(data):
    return {
        group: tuple(pair)
        for batch in data
        for group, pair in zip(groups_of([batch]), batch["realization"].tolist(), strict=True)
    }


def in_memory(dataset, **options):
    options = {"seed": 3, "constituents": 12} | options
    return GroupDataset(open_groups(dataset, split="train"), **options)


def test_groups_in_memory_are_those_that_are_streamed(dataset):
    data, stream = in_memory(dataset), iterable(dataset)
    for epoch in (0, 1):
        sampler = EpochBatches(data, BATCH)
        sampler.set_epoch(epoch)
        stream.set_epoch(epoch)
        batches = list(DataLoader(data, sampler=sampler, batch_size=None))
        assert len(batches) == len(sampler)
        assert pair_of(batches) == pair_of(stream)
        one = {group: x.tolist() for batch in batches for group, x in zip_x(batch)}
        assert one == {group: x.tolist() for batch in stream for group, x in zip_x(batch)}


def zip_x(batch):
    return zip(groups_of([batch]), batch["x"], strict=True)


def test_batches_in_memory_do_not_depend_on_workers_at_all(dataset):
    data = in_memory(dataset)
    seen = []
    for rank in (0, 1):
        sampler = EpochBatches(data, BATCH, rank=rank, world_size=2)
        runs = [
            groups_of(DataLoader(data, sampler=sampler, batch_size=None, num_workers=workers))
            for workers in (0, 2)
        ]
        assert runs[0] == runs[1]
        seen += runs[0]
    assert len(seen) == len(set(seen)) == len(data)


def test_one_group_is_a_row_of_its_batch(dataset):
    data = in_memory(dataset)
    batch = data[[4, 1]]
    for name, values in data[1].items():
        assert values.equal(batch[name][1])
    assert data[-1]["event"].equal(data[len(data) - 1]["event"])
    with pytest.raises(IndexError, match=f"of {len(data)}"):
        data[len(data)]
    stacked = next(iter(DataLoader(data, batch_size=4)))
    assert stacked["x"].equal(data[range(4)]["x"])


def test_layouts_hold_the_same_constituents(dataset):
    options = {"views": AllViews(), "standardize": True, "features": "jetclr"}
    padded, packed, pyg = (
        in_memory(dataset, layout=layout, **options)[range(20)] for layout in ("padded", "packed", "pyg")
    )
    lengths = padded["mask"].sum(dim=-1).flatten()
    assert (lengths == 0).any()
    assert packed["x"].equal(padded["x"][padded["mask"]])
    assert packed["cu_seqlens"].dtype == torch.int32
    assert packed["cu_seqlens"].diff().equal(lengths.to(torch.int32))
    assert packed["max_seqlen"] == lengths.max()
    assert pyg["x"].equal(packed["x"])
    assert pyg["batch"].bincount(minlength=len(lengths)).equal(lengths)
    assert (pyg["batch"].diff() >= 0).all()
    assert pyg["ptr"].equal(packed["cu_seqlens"].long())
    assert packed["present"].equal(padded["present"])


def test_stored_standardization_is_applied(dataset):
    raw, standardized = (
        in_memory(dataset, features="rs3l", standardize=choice)[range(20)] for choice in (False, True)
    )
    scale = read_standardization(dataset)
    expected = scale.apply(raw["x"].numpy(), "rs3l", raw["mask"].numpy())
    assert np.array_equal(standardized["x"], expected)
    assert np.array_equal(standardized["jet"], scale.apply_jet(raw["jet"].numpy(), JET_FIELDS))


def test_memory_is_flat_over_ten_epochs(dataset):
    data = iterable(dataset, views=AllViews())
    held = []
    tracemalloc.start()
    for epoch in range(12):
        data.set_epoch(epoch)
        for _ in data:
            pass
        if epoch in (1, 11):
            gc.collect()
            held.append((pa.total_allocated_bytes(), tracemalloc.get_traced_memory()[0]))
    tracemalloc.stop()
    (arrow, python), (arrow_after, python_after) = held
    assert arrow_after == arrow
    # a batch is larger than this
    assert abs(python_after - python) < 2**15


def test_a_larger_dataset_takes_no_more_memory(tmp_path, dataset):
    peaks = []
    for copies in (1, 4):
        for copy in range(copies):
            for path in (dataset / "train").iterdir():
                shutil.copy(path, tmp_path / f"{copy}-{path.name}")
        data = IterableGroupDataset(tmp_path, BATCH, views=AllViews(), shuffle_buffer=BUFFER)
        iterator = iter(data)
        next(iterator)
        tracemalloc.start()
        for _ in iterator:
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_what_does_not_exist_is_refused(dataset):
    for options, message in (
        ({"layout": "paded"}, "layout: unknown layout 'paded'; did you mean 'padded'"),
        ({"jet": ["mas"]}, "jet: unknown field 'mas'; did you mean 'mass'"),
        ({"features": ["ptt"]}, "features: unknown feature 'ptt'"),
        ({"constituents": 0}, "constituents: 0; expected at least 1"),
        ({"rank": 1, "world_size": 1}, "rank: 1; expected 0 to 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            iterable(dataset, **options)
    with pytest.raises(ConfigError, match="batch_size: 0; expected at least 1"):
        IterableGroupDataset(dataset, 0)


def test_missing_pytorch_is_one_clear_line_where_it_is_needed():
    program = """
import sys
sys.modules["torch"] = None
import jetresim.loaders.batches, jetresim.loaders.order, jetresim.loaders.views
for module in ("datasets", "transforms"):
    try:
        __import__(f"jetresim.loaders.{module}")
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["torch is not installed; pip install 'jetresim[torch]'"] * 2
