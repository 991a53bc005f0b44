"""The door of routes that only Noteyard's own parts may call."""

import hmac
from typing import Annotated

from fastapi import Depends, Header

from noteyard.api.dependencies import Installation
from noteyard.errors import NoteyardError


def check_internal(instance: Installation, authorization: Annotated[str, Header()] = "") -> None:
    """Refuse a request that does not carry the installation's internal secret as bearer token."""
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or not hmac.compare_digest(token.encode(), instance.secret("internal").encode()):
        raise NoteyardError("This address is for Noteyard's own parts.", status=401)


OnlyInternal = Depends(check_internal)
