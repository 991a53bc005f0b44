"""Which viewer tokens the launcher believes."""

import time
from typing import Any

import jwt
import pytest
from noteyard_lab.dashboard.viewer_token import ViewerTokens
from noteyard_lab.viewer import ANONYMOUS, Viewer, viewer

from tests.support.dashboard_side import DASHBOARD, Signer

signer = Signer()
tokens = ViewerTokens(signer.public_pem, DASHBOARD)


def test_a_good_token_says_who_looks() -> None:
    read = tokens.read(signer.token("sid-1", "grace", parameters={"n": 3}))
    assert read is not None
    assert read.sid == "sid-1"
    assert read.viewer == Viewer("grace", ("analysts", "admirals"), False)
    assert read.parameters == {"n": 3}


def test_the_public_is_anonymous() -> None:
    read = tokens.read(signer.token("sid-2", ""))
    assert read is not None
    assert read.viewer == ANONYMOUS
    assert read.parameters is None


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-dashboard"},
        {"aud": None},
        {"iss": "somebody"},
        {"iss": None},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"sid": None},
        {"sid": ""},
        {"sid": 7},
        {"sub": None},
        {"parameters": ["n"]},
    ],
)
def test_a_token_with_a_wrong_claim_is_nobody(changed: dict[str, Any]) -> None:
    assert tokens.read(signer.token(**changed)) is None


def test_only_our_key_and_our_algorithm_count() -> None:
    claims = jwt.decode(signer.token(), options={"verify_signature": False})
    assert tokens.read(Signer().token()) is None
    assert tokens.read(jwt.encode(claims, None, algorithm="none")) is None
    assert tokens.read(jwt.encode(claims, "x" * 64, algorithm="HS256")) is None
    for broken in (None, "", "a.b.c", signer.token()[:-2], signer.token() + "AA"):
        assert tokens.read(broken) is None


def test_a_notebook_learns_who_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTEYARD_VIEWER", raising=False)
    assert viewer() == ANONYMOUS
    monkeypatch.setenv("NOTEYARD_VIEWER", '{"name": "ada", "groups": ["analysts"], "anonymous": false}')
    assert viewer() == Viewer("ada", ("analysts",), False)
