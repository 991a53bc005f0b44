"""Whether workers and launchers can report at all: the API that they report to answers, and its database."""

import httpx
import structlog

log = structlog.get_logger(__name__)

SECONDS = 3.0
"""How long an answer may take."""


class Reporting:
    """Keeps asking; `works` is what the last answer said."""

    def __init__(self, api_url: str) -> None:
        self._health = f"{api_url}/internal/v1/health"
        self.http = httpx.AsyncClient(timeout=SECONDS, trust_env=False)
        self.works = True

    async def turn(self) -> None:
        """Ask once."""
        try:
            works = (await self.http.get(self._health)).is_success
        except httpx.HTTPError:
            works = False
        if works != self.works:
            log.warning("the api takes reports again" if works else "the api takes no reports; nobody is called silent")
        self.works = works
