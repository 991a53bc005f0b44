import pytest
from noteyard.names import is_slug, slug_from


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Sales in the north", "sales-in-the-north"),
        ("  Cafés à Zürich!  ", "cafes-a-zurich"),
        ("x" * 49 + " tail", "x" * 49),
        ("売上", "dashboard"),
        ("API", "dashboard"),
    ],
)
def test_a_title_suggests_a_link_without_accents(title: str, slug: str) -> None:
    assert slug_from(title) == slug
    assert is_slug(slug)
