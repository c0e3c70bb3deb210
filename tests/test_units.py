"""Durations and sizes as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.campaign.units import duration, size

SECONDS = {"ms": 1e-3, "s": 1, "min": 60, "h": 3600}
BYTES = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0 s"), (0.00852, "8.52 ms"), (1.97e-4 * 3600, "0.709 s"), (59.2, "59.2 s")),
        *((60, "1 min"), (5400, "1.5 h"), (3600 * 12345, "12345 h")),
    ],
)
def test_duration_has_the_unit_that_people_would_choose(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (512, "512 B"), (1000, "1 kB"), (1.97e9, "1.97 GB")]
)
def test_size_has_a_decimal_prefix(number, text):
    assert size(number) == text


@given(st.floats(1e-6, 1e10))
def test_nothing_but_the_fourth_digit_is_lost(value):
    for show, units in ((duration, SECONDS), (size, BYTES)):
        number, unit = show(value).split()
        assert float(number) * units[unit] == pytest.approx(value, rel=6e-3)
        assert "e+" not in number
