"""JupyterHub's logins end with the password they were made with, but for the browser that changed it.

JupyterHub's login cookie holds the user's `cookie_id`. Here it begins with a digest of the password's hash and of how
often the person was logged out everywhere: when that is another one by now, a new `cookie_id` ends the cookies of all
browsers, and the tokens by which they open labs go with it. API tokens, and the labs' own, belong to no browser and
stay.
"""

import hashlib
from typing import Any
from urllib.parse import urlsplit

from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from sqlalchemy import inspect
from sqlalchemy.orm import object_session

from noteyard.cookies import SESSION, cookie_name
from noteyard.store.sessions import redeem_renewal
from noteyard.store.tables import Account
from noteyard.tokens import new_token
from noteyard.urls import is_local


def epoch_of(account: Account) -> str:
    """Names the person's present password and the last time that all logins ended; tells nothing about either."""
    counted = f"#{account.login_epoch}" if account.login_epoch else ""
    return hashlib.sha256(f"{account.password_hash or ''}{counted}".encode()).hexdigest()[:16]


def keep_in_step(user: orm.User, epoch: str, kept_session: str = "") -> bool:
    """End the logins of before when the epoch is another one by now; whether there were none to end.

    `kept_session` is JupyterHub's id of the browser session whose labs stay open.
    """
    if user.cookie_id.startswith(f"{epoch}."):
        return True
    user.cookie_id = f"{epoch}.{new_token()}"
    db: Any = object_session(user)
    browsers = db.query(orm.APIToken).filter(
        orm.APIToken.user_id == user.id,
        orm.APIToken.session_id.is_not(None),
        orm.APIToken.session_id != kept_session,
    )
    for token in browsers:
        db.delete(token)
    db.commit()
    return False


def by_token(handler: BaseHandler | None) -> bool:
    """Whether a request is made by an API token that holds still, rather than by a cookie."""
    if handler is None or not getattr(handler, "_token_authenticated", False):
        return False
    return bool(inspect(handler.get_token()).persistent)


class RenewLogin(BaseHandler):  # type: ignore[misc]
    """The browser that has just changed the password gets the new login cookie, and goes on to where it was going."""

    def get(self) -> None:
        name, kept = self._renewed()
        user = self.find_user(name) if name else None
        if user is not None:
            with self.authenticator.database.read() as session:
                epoch = epoch_of(session.get_one(Account, name))
            keep_in_step(user.orm_user, epoch, kept)
            self.set_login_cookie(user)
            self.set_hub_cookie(user)
        target = self.get_query_argument("next", "")
        self.redirect(target if is_local(target) else "/")

    def _renewed(self) -> tuple[str, str]:
        public: Any = self.settings.get("public_url") or urlsplit("")
        cookie = self.get_cookie(cookie_name(SESSION, public.scheme == "https"), "")
        with self.authenticator.database.write() as session:
            return redeem_renewal(session, cookie)
