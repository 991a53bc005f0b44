"""What a lab has to tell the person who works in it."""

import json
from pathlib import Path

import pytest
from noteyard_lab.lab.notices import s3_notice


def test_all_is_well_or_there_is_no_such_thing(tmp_path: Path) -> None:
    status = tmp_path / "status.json"
    assert s3_notice(status) == ""
    status.write_text(json.dumps({"state": "ready", "said": ""}))
    assert s3_notice(status) == ""


def test_what_the_sidecar_says_is_told(tmp_path: Path) -> None:
    status = tmp_path / "status.json"
    status.write_text(json.dumps({"state": "away", "said": "The storage does not answer."}))
    assert s3_notice(status) == "The storage does not answer."


@pytest.mark.parametrize("content", ["", "[]", "{}", "null"])
def test_a_status_that_cannot_be_understood_is_told(tmp_path: Path, content: str) -> None:
    status = tmp_path / "status.json"
    status.write_text(content)
    assert s3_notice(status) == "How s3/team and s3/me are can't be told now."
