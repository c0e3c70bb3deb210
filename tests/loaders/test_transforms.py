import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.campaign.errors import ConfigError

torch = pytest.importorskip("torch", reason="the transforms need PyTorch")

from jetresim.loaders.transforms import (  # noqa: E402
    AngularSmearing,
    CollinearSplitting,
    Compose,
    PtSmearing,
    Rotation,
    Translation,
    relative_features,
    seeded,
)

EVERY = [Rotation(), Translation(), PtSmearing(), AngularSmearing(), CollinearSplitting()]
NAMES = [type(transform).__name__ for transform in EVERY]
PT, ETA, PHI, CHARGE = range(4)


@st.composite
def jets(draw):
    """Jets with two leading axes, a column that goes along, and empty slots anywhere."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(1, 12)))
    random = seeded("jets", draw(st.integers(0, 2**32)))
    mask = torch.rand(shape, generator=random) < draw(st.sampled_from([0.0, 0.3, 0.8, 1.0]))
    pt = 1 + 200 * torch.rand(shape, generator=random) ** 3
    angles = 0.4 * torch.randn((2, *shape), generator=random)
    charge = torch.randint(-1, 2, shape, generator=random).float()
    x = torch.stack([pt, *angles, charge], dim=-1)
    return torch.where(mask[..., None], x, 0), mask


seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("transform", EVERY, ids=NAMES)
@given(jets(), seeds)
def test_a_transform_is_a_function_of_its_input_and_generator(transform, jets, seed):
    x, mask = jets
    before = x.clone(), mask.clone()
    y, kept = transform(x, mask, seeded(seed))
    assert x.equal(before[0])
    assert mask.equal(before[1])
    again, same = transform(x, mask, seeded(seed))
    assert y.equal(again)
    assert kept.equal(same)
    assert y.shape == x.shape
    assert y.dtype == x.dtype


@pytest.mark.parametrize("transform", EVERY, ids=NAMES)
@given(jets(), seeds)
def test_empty_slots_stay_empty_but_for_splitting(transform, jets, seed):
    x, mask = jets
    y, kept = transform(x, mask, seeded(seed))
    assert not y[~kept].any()
    assert (y[..., PT][kept] > 0).all()
    assert (kept | ~mask).all()
    if not isinstance(transform, CollinearSplitting):
        assert kept.equal(mask)
        assert y[..., CHARGE].equal(x[..., CHARGE])


@given(jets(), seeds)
def test_rotation_keeps_pt_distances_to_the_axis_and_between_constituents(jets, seed):
    x, mask = jets
    y, _ = Rotation()(x, mask, seeded(seed))
    assert y[..., PT].equal(x[..., PT])
    torch.testing.assert_close(y[..., 1:3].norm(dim=-1), x[..., 1:3].norm(dim=-1))
    for first in range(x.shape[-2]):
        distances = [(each - each[..., first : first + 1, :])[..., 1:3].norm(dim=-1) for each in (x, y)]
        torch.testing.assert_close(*(each[mask & mask[..., first, None]] for each in distances))


def test_angles_of_rotation_are_uniform_and_one_a_jet():
    x = torch.tensor([[[10.0, 1.0, 0.0], [5.0, 0.0, 1.0]]]).expand(20_000, -1, -1)
    y, _ = Rotation()(x, torch.ones(x.shape[:-1], dtype=bool), seeded(1))
    angles = torch.atan2(y[..., PHI], y[..., ETA])
    turned = (angles[:, 1] - angles[:, 0]) % (2 * math.pi)
    torch.testing.assert_close(turned, torch.full_like(turned, math.pi / 2), rtol=0, atol=1e-5)
    # mean of cos and sin of n uniform angles: normal of width 1/sqrt(2n); five of them
    assert y[:, 0, 1:3].mean(dim=0).abs().max() < 5 / math.sqrt(2 * len(x))


@given(jets(), seeds, st.floats(0, 2))
def test_translation_shifts_all_constituents_of_a_jet_alike(jets, seed, width):
    x, mask = jets
    y, _ = Translation(width)(x, mask, seeded(seed))
    shift = (y - x)[..., 1:3]
    assert y[..., PT].equal(x[..., PT])
    assert shift.abs().max() <= width + 1e-5
    first = mask.to(torch.uint8).argmax(dim=-1)[..., None, None].expand(*mask.shape[:-1], 1, 2)
    torch.testing.assert_close(shift[mask], shift.gather(-2, first).expand_as(shift)[mask], atol=1e-5, rtol=0)


@given(jets(), seeds)
def test_smearing_of_no_strength_is_the_identity(jets, seed):
    x, mask = jets
    for transform in (
        PtSmearing(0),
        AngularSmearing(0),
        Translation(0),
        CollinearSplitting(0),
        Compose([]),
    ):
        y, kept = transform(x, mask, seeded(seed))
        assert y.equal(x)
        assert kept.equal(mask)


@given(jets(), seeds)
def test_smearing_changes_one_thing_only(jets, seed):
    x, mask = jets
    y, _ = PtSmearing()(x, mask, seeded(seed))
    assert y[..., 1:].equal(x[..., 1:])
    y, _ = AngularSmearing()(x, mask, seeded(seed))
    assert y[..., PT].equal(x[..., PT])


def test_widths_of_smearing_are_those_of_the_formulas():
    pt = torch.tensor([1.0, 20.0, 300.0])
    x = torch.stack([pt, 0 * pt, 0 * pt], dim=-1).expand(40_000, -1, -1)
    mask = torch.ones(x.shape[:-1], dtype=bool)
    # a standard deviation of n numbers has a relative error of 1/sqrt(2n) = 0.4%; five of them
    y, _ = AngularSmearing(0.1)(x, mask, seeded(2))
    for column in (ETA, PHI):
        torch.testing.assert_close(y[..., column].std(dim=0), 0.1 / pt, rtol=0.02, atol=0)
    y, _ = PtSmearing(0.2)(x, mask, seeded(3))
    torch.testing.assert_close(y[..., PT].mean(dim=0), pt, rtol=0.005, atol=0)
    torch.testing.assert_close(torch.log(y[..., PT]).std(dim=0), torch.full((3,), 0.2), rtol=0.02, atol=0)


@given(jets(), seeds, st.sampled_from([0.3, 1.0]))
def test_splitting_keeps_the_sum_of_pt_and_every_pt_weighted_mean(jets, seed, probability):
    x, mask = jets
    y, kept = CollinearSplitting(probability)(x, mask, seeded(seed))
    for column in (ETA, PHI, CHARGE):
        before, after = ((each[..., PT] * each[..., column]).sum(-1) for each in (x, y))
        torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(y[..., PT].double().sum(-1), x[..., PT].double().sum(-1), rtol=1e-14, atol=0)
    if probability == 1:
        free, filled = (~mask).sum(-1), mask.sum(-1)
        # a share of exactly nothing, once in 2^24, would make no second constituent
        assert (kept.sum(-1) - filled).equal(torch.minimum(free, filled))


@given(jets(), seeds)
def test_parts_of_a_splitting_have_the_direction_of_the_whole_and_add_up_exactly(jets, seed):
    x, mask = jets
    y, kept = CollinearSplitting(1.0)(x, mask, seeded(seed))
    for before, after, there, now in zip(
        x.flatten(0, 1), y.flatten(0, 1), mask.flatten(0, 1), kept.flatten(0, 1), strict=True
    ):
        for slot in torch.nonzero(now & ~there).flatten():
            (parent,) = torch.nonzero(there & (before[:, 1:] == after[slot, 1:]).all(dim=-1)).flatten()
            assert after[parent, PT] + after[slot, PT] == before[parent, PT]
            assert after[parent, PT] >= after[slot, PT] > 0
            assert after[parent, 1:].equal(before[parent, 1:])


def test_shares_of_splitting_are_uniform():
    x = torch.tensor([[8.0, 0.1, 0.2], [0.0, 0.0, 0.0]]).expand(20_000, -1, -1)
    mask = torch.tensor([True, False]).expand(20_000, -1)
    y, kept = CollinearSplitting(0.5)(x, mask, seeded(4))
    split = kept[:, 1]
    # five standard deviations of a binomial fraction and of the mean of a uniform number
    assert abs(split.float().mean() - 0.5) < 5 * 0.5 / math.sqrt(len(x))
    share = y[split][:, 0, PT] / 8
    assert abs(share.mean() - 0.75) < 5 * 0.5 / math.sqrt(12 * len(share))


@given(jets(), seeds)
def test_compose_applies_transforms_in_their_order(jets, seed):
    x, mask = jets
    first, second = CollinearSplitting(), AngularSmearing()
    random = seeded(seed)
    expected = second(*first(x, mask, random), random)
    found = Compose([first, second])(x, mask, seeded(seed))
    assert all(each.equal(other) for each, other in zip(found, expected, strict=True))


@given(jets())
def test_relative_features_are_finite_and_zero_in_empty_slots(jets):
    x, mask = jets
    features = relative_features(x, mask)
    assert torch.isfinite(features).all()
    assert not features[~mask].any()
    shares = torch.where(mask, features[..., 1].exp(), 0).sum(-1)
    torch.testing.assert_close(shares, mask.any(-1).float())
    torch.testing.assert_close(features[..., 4], x[..., 1:3].norm(dim=-1))


def test_strengths_that_cannot_be_are_refused():
    for make, message in (
        (lambda: AngularSmearing(-1), "AngularSmearing: scale -1; expected a number from 0"),
        (lambda: PtSmearing(math.nan), "PtSmearing: strength nan"),
        (lambda: Translation(math.inf), "Translation: width inf"),
        (lambda: CollinearSplitting(1.5), "CollinearSplitting: probability 1.5; expected 0 to 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            make()
