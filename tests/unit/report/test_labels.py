from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET

import numpy as np

from framework.report.axes import Panel
from framework.report.charts import NARROW, WIDE, Axis
from framework.report.labels import SERIES, Name, canvas, dot, end_labels, settled, side_texts

PANEL = Panel(Axis(0, 1, 50, 800, (0.0, 1.0)), Axis(0, 1, 400, 100, (0.0, 1.0)))


def test_boxes_that_fit_keep_clear_and_in_order() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        heights = rng.uniform(10, 40, 8).tolist()
        wanted = rng.choice(rng.uniform(0, 400, 3), 8).tolist()
        middles = settled(wanted, heights, 0, 400)
        order = sorted(range(8), key=lambda index: (wanted[index], index))
        ends = [(middles[index] - heights[index] / 2, middles[index] + heights[index] / 2) for index in order]
        assert ends[0][0] >= -1e-9
        assert ends[-1][1] <= 400 + 1e-9
        assert all(one[1] <= other[0] + 1e-9 for one, other in itertools.pairwise(ends))


def test_a_box_with_room_stays_where_it_is_wanted() -> None:
    assert settled([50.0, 150.0], [20, 20], 0, 400) == [50.0, 150.0]


def test_texts_that_would_touch_stand_on_steps() -> None:
    parts = side_texts([(100, "43,497 units", "a"), (104, "39,256 units", "b"), (300, "1 unit", "c")], NARROW, 200, -16)
    heights = [re.search(r' y="([\d.]+)"', part).group(1) for part in parts]  # type: ignore[union-attr]
    assert heights == ["200", "184", "200"]


def test_a_text_without_room_at_the_right_goes_left_and_never_out() -> None:
    (part,) = side_texts([(330, "units", "a")], NARROW, 10, 0)
    assert float(ET.fromstring(part).get("x", "nan")) == 330 - 6 - 5 * NARROW.size * 0.6  # noqa: S314
    (part,) = side_texts([(170, "a word of twenty-seven signs", "a")], NARROW, 10, 0)
    assert 0 <= float(ET.fromstring(part).get("x", "nan")) <= NARROW.width - 28 * NARROW.size * 0.6 + 0.01  # noqa: S314


def test_series_differ_by_shape_not_only_by_colour() -> None:
    drawn = [re.sub(r"\bs\d\b", "", dot(series, 0, 0)) for series in range(SERIES)]
    assert len(set(drawn)) == SERIES


def test_many_names_make_a_wide_panel_higher_and_stay_apart() -> None:
    names = [Name(f"design {n} of a long and winding description", series=n) for n in range(30)]
    space = canvas(WIDE, ends=names)
    assert space.bottom - space.top > 900
    panel = Panel(Axis(0, 1, 50, space.right, (0.0, 1.0)), Axis(0, 1, space.bottom, space.top, (0.0, 1.0)))
    parts = end_labels(
        [(name, space.right, math.nan if n == 3 else space.top) for n, name in enumerate(names)], panel, WIDE
    )
    lines = [ET.fromstring(part) for part in parts if part.startswith("<text")]  # noqa: S314
    heights = sorted(float(line.get("y", "nan")) for line in lines)
    assert min(np.diff(heights)) > WIDE.size
    assert heights[0] > space.top - 20
    assert heights[-1] < space.bottom + 20


def test_a_narrow_picture_names_its_lines_in_the_key() -> None:
    names = [Name("with covariates"), Name("without", series=1)]
    assert "with covariates" in "".join(canvas(NARROW, ends=names).parts)
    assert "with covariates" not in "".join(canvas(WIDE, ends=names).parts)
    assert end_labels([(names[0], 1, 1)], PANEL, NARROW) == []
    assert "with covariates" in "".join(end_labels([(names[0], 1, 1)], PANEL, WIDE))
