"""Requests to Noteyard's REST API, and its refusals as YardErrors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from noteyard_lab.yard.errors import ExitCode, YardError

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]
PAGE = 100
NO_URL = "yard does not know where Noteyard is: NOTEYARD_URL is not set."
NO_TOKEN = "yard has no token: neither NOTEYARD_TOKEN nor, as in a lab, JUPYTERHUB_API_TOKEN is set."
GET_TOKEN = "Make a token on Noteyard's token page and set NOTEYARD_TOKEN to it."
CHECK_URL = "Check NOTEYARD_URL (now {url}): it is the address that you open in the browser."


@dataclass(frozen=True)
class Access:
    """Where Noteyard is and the token to use there. The token is left out of its repr.

    `inside` is its address for labs on a cluster, where the public one may lead nowhere; empty: the same.
    """

    url: str
    token: str = field(repr=False)
    inside: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Access:
        """NOTEYARD_URL and NOTEYARD_TOKEN, or what a lab has; raises YardError when one is missing."""
        url = environment.get("NOTEYARD_URL", "").rstrip("/")
        token = environment.get("NOTEYARD_TOKEN") or environment.get("JUPYTERHUB_API_TOKEN", "")
        if not url:
            raise YardError(NO_URL, "Set it to the address that you open in the browser, and NOTEYARD_TOKEN.")
        if not _is_address(url):
            raise YardError(
                f"NOTEYARD_URL is {url!r}, which is not an address.", "Write it as https://notes.example.org."
            )
        if not token:
            raise YardError(NO_TOKEN, GET_TOKEN)
        if not token.isascii() or not token.isprintable():
            raise YardError("The token in NOTEYARD_TOKEN has characters that no token has.", GET_TOKEN)
        return cls(url, token, environment.get("NOTEYARD_API_URL", "").rstrip("/"))


def _is_address(url: str) -> bool:
    try:
        address = urlsplit(url)
        return address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        return False


def segment(name: str) -> str:
    """An id or name as one segment of a path."""
    return quote(name, safe="")


class Api:
    """A client of `{url}/api/v1`. Every method raises YardError."""

    def __init__(self, access: Access) -> None:
        import httpx

        self.url = access.url
        base = access.inside or access.url
        address = urlsplit(base)
        nearby = address.hostname in ("localhost", "127.0.0.1", "::1")
        self.http = httpx.Client(
            base_url=f"{base}/api/v1",
            headers={"Authorization": f"Bearer {access.token}", "Accept": "application/json"},
            timeout=httpx.Timeout(60.0, connect=10.0),
            # Proxies are for what is elsewhere; certificates cost a tenth of a second and plain http has none.
            trust_env=not nearby,
            verify=address.scheme == "https",
        )

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET; query values that are None or empty are left out."""
        given = {name: value for name, value in query.items() if value}
        return self._json(self.send("GET", path, params=given))

    def post(self, path: str, body: Json | None = None) -> Any:
        """The JSON answer to a POST, None when it has none."""
        answer = self.send("POST", path, json=body)
        return self._json(answer) if answer.content else None

    def patch(self, path: str, body: Json) -> Any:
        """The JSON answer to a PATCH."""
        return self._json(self.send("PATCH", path, json=body))

    def delete(self, path: str) -> None:
        """DELETE."""
        self.send("DELETE", path)

    def text(self, path: str) -> str:
        """The text answer to a GET."""
        return self.send("GET", path).text

    def items(self, path: str, limit: int | None = None, **query: Any) -> list[Json]:
        """The items of a list, page by page, `limit` of them at most."""
        found: list[Json] = []
        cursor = None
        while limit is None or len(found) < limit:
            wanted = PAGE if limit is None else min(PAGE, limit - len(found))
            page = self.get(path, limit=wanted, cursor=cursor, **query)
            found += page["items"]
            cursor = page.get("next")
            if not cursor:
                break
        return found

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request and its successful answer."""
        with self.stream(method, path, **request) as answer:
            with self._reaching():
                answer.read()
            return answer

    @contextmanager
    def stream(self, method: str, path: str, **request: Any) -> Iterator[httpx.Response]:
        """One request and its successful answer, whose body is not read yet."""
        with self._reaching():
            answer = self.http.send(self.http.build_request(method, path, **request), stream=True)
        try:
            if not answer.is_success:
                with self._reaching():
                    answer.read()
                raise refusal(answer, self.url)
            yield answer
        finally:
            answer.close()

    def download(self, path: str, write: Callable[[bytes], object]) -> None:
        """GET a body and hand it to `write` piece by piece."""
        with self.stream("GET", path) as answer, self._reaching():
            for piece in answer.iter_bytes(1 << 16):
                write(piece)

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise YardError(
                f"{answer.request.url} answered with something else than JSON.", CHECK_URL.format(url=self.url)
            ) from None

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.TransportError as error:
            raise YardError(
                f"Noteyard at {self.url} could not be reached: {str(error) or type(error).__name__}.",
                CHECK_URL.format(url=self.url) + " `noteyard status` on its machine shows whether it runs.",
                code=ExitCode.UNREACHABLE,
            ) from None


def refusal(answer: httpx.Response, url: str) -> YardError:
    """The YardError for an answer that is no success: a problem document's words, else what can be told."""
    code = ExitCode.UNREACHABLE if answer.status_code in (502, 503, 504) else ExitCode.REFUSED
    status: int | None = answer.status_code
    try:
        problem = answer.json()
        fields = tuple((str(item["field"]), str(item["message"])) for item in problem.get("fields") or ())
        message = problem.get("detail") or problem["title"]
        hint = problem.get("hint")
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{answer.request.url} answered {answer.status_code} {answer.reason_phrase}.".replace(" .", ".")
        hint, fields = CHECK_URL.format(url=url), ()
        status = None  # an edge that has no routes yet also says 404, and it is not the API's
        if answer.is_redirect:
            message = message.rstrip(".") + f", a redirect to {answer.headers.get('location', 'somewhere')}."
    if answer.status_code == 401 and not hint:
        hint = GET_TOKEN
    return YardError(str(message), hint, fields, code, status)
