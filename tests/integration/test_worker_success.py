"""A run that goes well: what the notebook gets, what is reported, what is stored."""

from pathlib import Path

from tests.support.worker_side import claim_of, code, notebook, run, text

SCHEMA = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "format": "date", "x-type": "date"},
        "at": {"type": "string", "format": "date-time", "x-type": "datetime"},
        "share": {"type": "number", "x-type": "float"},
        "region": {"enum": ["NORTH", "SOUTH"], "x-type": "enum", "x-enum": {"SOUTH": "Region.SOUTH"}},
        "days": {"type": "array", "x-type": "list", "items": {"type": "string", "format": "date", "x-type": "date"}},
        "note": {"type": ["string", "null"], "x-type": "str"},
    },
}


def test_a_run_is_executed_reported_and_stored(tmp_path: Path) -> None:
    side = claim_of(
        {
            "reports/daily.ipynb": notebook(
                text("# Daily"),
                code("day = None", "parameters"),
                "import helper\nprint('first', helper.double(21))",
                "open('data.txt').read()",
            ),
            "reports/helper.py": b"def double(x):\n    return 2 * x\n",
            "reports/data.txt": b"the data",
        },
        parameters={"day": "2026-11-03"},
        schema=SCHEMA,
    )
    assert run(side, tmp_path) == 0
    assert side.finished == {"outcome": "succeeded", "error": None, "cells_done": 4, "cells": 4}
    assert side.claims == 1
    assert side.request_ids == {"request-1"}
    assert side.log == "first 42\n'the data'\n"
    assert [cell["cell_type"] for cell in side.cells] == ["markdown", "code", "code", "code", "code"]
    injected = ["# Parameters", "import datetime as _datetime", "day = _datetime.date(2026, 11, 3)"]
    assert "".join(side.cells[2]["source"]).splitlines() == injected
    assert side.printed(3) == "first 42\n"
    page = side.outputs["notebook.html"]
    assert 'id="cell-3"' in page
    assert 'src="/_assets/require.js"' in page
    assert "https://" not in page.split("</head>")[0]


def test_parameters_have_their_declared_types(tmp_path: Path) -> None:
    cell = "day = at = share = region = days = note = None\nfrom enum import Enum\nclass Region(Enum):\n    SOUTH = 's'"
    side = claim_of(
        {"x.ipynb": notebook(code(cell, "parameters"), "print([day, at, share, region, days, note])")},
        schema=SCHEMA,
        parameters={
            "day": "2026-11-03",
            "at": "2026-11-03T12:00:00+01:00",
            "share": 1,
            "region": "SOUTH",
            "days": ["2026-11-01", "2026-11-02"],
            "note": None,
        },
    )
    assert run(side, tmp_path) == 0
    assert side.printed(2) == (
        "[datetime.date(2026, 11, 3), datetime.datetime(2026, 11, 3, 12, 0, tzinfo=datetime.timezone("
        "datetime.timedelta(seconds=3600))), 1.0, <Region.SOUTH: 's'>, [datetime.date(2026, 11, 1), "
        "datetime.date(2026, 11, 2)], None]\n"
    )


def test_the_kernel_sees_its_environment_and_no_secret(tmp_path: Path) -> None:
    look = """
import os, pathlib, site, shutil, sys
print(os.environ['NOTEYARD_TEAM_URL'], os.environ.get('SOME_TOKEN'), site.ENABLE_USER_SITE)
print(shutil.which('python') == sys.executable, os.listdir())
parent = pathlib.Path(f'/proc/{os.getppid()}')
print(any('secret-token' in (parent / name).read_text() for name in ('cmdline', 'environ')))
"""
    side = claim_of({"a b/{x} \N{GREEK SMALL LETTER ALPHA}.ipynb": notebook(look)})
    assert run(side, tmp_path) == 0
    lines = side.printed(0).splitlines()
    assert lines[0] == "s3://team/ None False"
    assert lines[1] == "True ['{x} \N{GREEK SMALL LETTER ALPHA}.ipynb']"
    assert lines[2] == "False"


def test_what_a_notebook_may_do_is_no_failure(tmp_path: Path) -> None:
    side = claim_of(
        {"x.ipynb": notebook(code("1/0", "raises-exception"), "import sys\nsys.exit(0)", "print('not reached')")}
    )
    assert run(side, tmp_path) == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded"
    assert "not reached" not in side.log
