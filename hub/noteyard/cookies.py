"""Names of our cookies. Under TLS they begin with `__Host-`: browsers take them only Secure, for `/` and one host, so
that another host of the same site, such as a lab's, can't set them. All of ours are HttpOnly and SameSite=Lax.
"""

SESSION = "noteyard-session"
"""The portal's session."""
LOGIN = "noteyard-login"
"""A login under way: its OAuth state, and where to go afterwards."""
PROVIDER = "noteyard-provider"
"""Which login at the provider is this browser's."""
VIEWER = "noteyard-viewer"
"""A session on a dashboard's host."""


def cookie_name(name: str, secure: bool) -> str:
    """One of the names above as browsers know it; `secure`: the installation is reached over TLS."""
    return f"__Host-{name}" if secure else name
