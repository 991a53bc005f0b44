"""The values that a dashboard's address gives."""

from typing import Any

import pytest
from noteyard.api.viewer.authz import page_parameters
from noteyard.errors import InvalidParameters
from noteyard.parameters import schema_from_notebook

from tests.support.rows import notebook

CELL = """
from datetime import datetime
t: datetime = datetime(2026, 1, 1)
ts: list[datetime] = []
s: str = ""
"""
SCHEMA = dict(schema_from_notebook(notebook(parameters=CELL)).json_schema)


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("t=2026-01-31T08:30:00+00:00", {"t": "2026-01-31T08:30:00+00:00"}),
        ("t=2026-01-31T08:30+02:00", {"t": "2026-01-31T08:30:00+02:00"}),
        ("t=2026-01-31T08:30:00.5%2B02:00", {"t": "2026-01-31T08:30:00.500000+02:00"}),
        ("t=2026-01-31T08:30:00.5+02:00", {"t": "2026-01-31T08:30:00.500000+02:00"}),
        ("t=2026-01-31+08:30", {"t": "2026-01-31T08:30:00"}),
        ("t=2026-01-31+08:30+02:00", {"t": "2026-01-31T08:30:00+02:00"}),
        ("ts=2026-01-31T08:30+02:00&ts=2026-01-31", None),
        (
            "ts=2026-01-31T08:30+02:00&ts=2026-02-28T08:30-02:00",
            {"ts": ["2026-01-31T08:30:00+02:00", "2026-02-28T08:30:00-02:00"]},
        ),
        ("s=08:30+09:30", {"s": "08:30 09:30"}),
    ],
)
def test_a_plus_of_a_moments_offset_need_not_be_escaped(query: str, given: dict[str, Any] | None) -> None:
    if given is None:
        with pytest.raises(InvalidParameters):
            page_parameters(SCHEMA, {}, query)
        return
    assert page_parameters(SCHEMA, {}, query) == {"t": "2026-01-01T00:00:00", "ts": [], "s": "", **given}


@pytest.mark.parametrize("query", ["s=x", "__import__('os').system('id')%3B_=1"])
@pytest.mark.parametrize("cell", ["%%time\ns = ''", "s ="])
def test_what_could_not_be_read_of_a_notebook_no_link_can_set(cell: str, query: str) -> None:
    unread = dict(schema_from_notebook(notebook(parameters=cell)).json_schema)
    assert page_parameters(unread, {"s": "published"}, "") is None
    with pytest.raises(InvalidParameters, match="can't be set by a link: the parameters of this dashboard's notebook"):
        page_parameters(unread, {"s": "published"}, query)
