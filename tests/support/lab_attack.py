"""A script in a lab that tries what it can as the person who looks at it."""

from playwright.sync_api import BrowserContext, expect

ATTACK = """async (urls) => {
  const loot = {};
  for (const [name, [method, url]] of Object.entries(urls)) {
    try {
      const answer = await fetch(url, {method, credentials: "include"});
      loot[name] = `${answer.status} ${(await answer.text()).slice(0, 80)}`;
    } catch (error) { loot[name] = "refused"; }
    // No answer can be read, but the request goes out with what cookies the browser sends:
    await fetch(url, {method, credentials: "include", mode: "no-cors"}).catch(() => {});
  }
  loot.cookies = document.cookie;
  return loot;
}"""


def tokens(context: BrowserContext, hub: str) -> int:
    """How many tokens the person of this browser has, as the hub's token page lists them."""
    page = context.new_page()
    page.goto(f"{hub}/hub/token")
    expect(page.get_by_role("heading", name="Your tokens")).to_be_visible()
    count = page.locator("[data-revoke]").count()
    page.close()
    return count
