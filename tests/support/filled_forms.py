"""What a browser sends of a page's form that nobody has touched."""

import re
from html.parser import HTMLParser

FITTING = {
    "number": re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime-local": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?"),
}


def filled_form(page: str) -> list[tuple[str, str]]:
    """Names and texts of the page's form for parameters, as browsers make them by the standard of HTML."""
    form = re.search(r'<form method="post"[^>]*>\s*<input type="hidden" name="release".*?</form>', page, re.DOTALL)
    assert form
    reader = _Reader()
    reader.feed(form.group(0).replace("\r\n", "\n").replace("\r", "\n"))
    reader.close()
    return [(name, text.replace("\n", "\r\n")) for name, text in reader.sent]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._area: list[str] | None = None
        self._options: list[tuple[str, bool]] = []
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "input" and given.get("name"):
            self._input(given, "checked" in given)
        elif tag in ("textarea", "select"):
            self._name = given["name"]
            self._area = [] if tag == "textarea" else None
            self._options = []
        elif tag == "option":
            self._options.append((given["value"], "selected" in given))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            assert self._area is not None
            self.sent.append((self._name, "".join(self._area).removeprefix("\n")))
            self._area = None
        elif tag == "select":
            chosen = [value for value, selected in self._options if selected]
            self.sent.append((self._name, chosen[-1] if chosen else self._options[0][0]))

    def _input(self, given: dict[str, str], checked: bool) -> None:
        kind, text = given.get("type", "text"), given.get("value", "")
        if kind == "checkbox" and not checked:
            return
        if kind == "text":
            text = text.replace("\n", "")
        if kind in FITTING and not FITTING[kind].fullmatch(text):
            text = ""
        if kind == "datetime-local":
            text = text.removesuffix(":00") if text.count(":") == 2 else text
        self.sent.append((given["name"], text))
