"""Logging in and out by Keycloak in a browser, as a person does; for both shapes."""

from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.keycloak import PASSWORD, Keycloak
from tests.support.product import Product


def login_settings(keycloak: Keycloak, client: str, **more: Any) -> dict[str, Any]:
    """The section `login` for the tests' realm."""
    return {
        "method": "oauth",
        "issuer": keycloak.issuer,
        "provider": "Keycloak",
        "client_id": client,
        "roles_claim": "realm_access.roles",
        "allowed_groups": ["/analysts"],
        "admin_groups": ["/noteyard-admins"],
        "group_names": {"publisher": "publishers"},
        **more,
    }


def to_keycloak(page: Page, product: Product, path: str = "/") -> None:
    """As far as the provider: the portal sends one to the hub's login page, and its button on."""
    page.goto(f"{product.url}/portal/login?next={path}")
    page.get_by_role("link", name="Log in with Keycloak").click()


def fill_in(page: Page, name: str) -> None:
    """Keycloak's own form."""
    page.locator("#username").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("#kc-login").click()


def log_in_by_keycloak(context: BrowserContext, product: Product, name: str, path: str = "/") -> Page:
    """A page of a browser in which a person has logged in."""
    page = context.new_page()
    to_keycloak(page, product, path)
    fill_in(page, name)
    page.wait_for_url(f"{product.url}/**")
    expect(page.locator(".who")).to_contain_text(name)
    return page


def groups_on_page(page: Page, product: Product) -> str:
    """What the portal's page of one's account says of groups."""
    page.goto(f"{product.url}/portal/account")
    return page.locator("dt:text-is('Groups') + dd").inner_text()


def log_out(page: Page, product: Product) -> None:
    """By the portal's button, through the provider, to the page that says so."""
    page.goto(f"{product.url}/portal/account")
    page.get_by_role("button", name="Log out", exact=True).click()
    page.wait_for_url(f"{product.url}/hub/logged-out**")
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
