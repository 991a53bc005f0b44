"""Sets and ends cookies of ours, all in one way: HttpOnly, SameSite=Lax, host-only, for `/`, Secure under TLS."""

from fastapi import Request, Response

from noteyard.cookies import cookie_name
from noteyard.urls import PublicUrls


def read_cookie(request: Request, name: str) -> str:
    """The cookie's value, empty when there is none. Names are those of noteyard.cookies."""
    return request.cookies.get(cookie_name(name, request.app.state.urls.secure), "")


def set_cookie(answer: Response, urls: PublicUrls, name: str, value: str, seconds: int) -> None:
    """Have the browser keep a cookie for so long."""
    answer.set_cookie(cookie_name(name, urls.secure), value, seconds, httponly=True, secure=urls.secure, samesite="lax")


def end_cookie(answer: Response, urls: PublicUrls, name: str) -> None:
    """Have the browser forget a cookie; one with `__Host-` only when its end is marked as it was."""
    answer.delete_cookie(cookie_name(name, urls.secure), httponly=True, secure=urls.secure, samesite="lax")
