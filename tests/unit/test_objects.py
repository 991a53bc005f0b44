from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from noteyard.errors import NotFound, Unavailable
from noteyard.objects import Objects, blob_key, dashboard_prefix, output_key, rendering_key, run_prefix


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.in_folder(tmp_path / "objects")


def test_keys_follow_the_documented_layout() -> None:
    assert blob_key("ab" * 32) == "releases/blobs/ab/" + "ab" * 32
    assert output_key("r1", 2, "notebook.html") == "runs/r1/2/notebook.html"
    assert rendering_key("d1", 3, "card.png") == "dashboards/d1/3/card.png"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "a\\b", "-x", ".hidden", "a b", "ä", "x" * 201, "a\n"])
def test_a_name_that_is_not_one_plain_segment_is_refused(name: str) -> None:
    for make in (run_prefix, dashboard_prefix, lambda text: output_key("r1", 1, text)):
        with pytest.raises(ValueError, match="can't be part of an object's key"):
            make(name)


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "AB" * 32, "ab" * 31])
def test_a_digest_that_is_none_is_refused(sha256: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        blob_key(sha256)


async def test_what_is_put_is_got_listed_and_deleted(objects: Objects, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"from a file")
    objects.put("runs/r1/1/a", b"one")
    await objects.put_async("runs/r1/1/b", file)
    await objects.put_async("runs/r2/1/a", b"x" * 3_000_000)
    assert objects.get("runs/r1/1/a") == await objects.get_async("runs/r1/1/a") == b"one"
    assert await objects.get_async("runs/r1/1/b") == b"from a file"
    assert sorted(stored.key for stored in objects.list("runs/r1/")) == ["runs/r1/1/a", "runs/r1/1/b"]
    assert [stored.size async for stored in objects.list_async("runs/r2/")] == [3_000_000]
    assert await objects.delete_prefix_async("runs/r1/") == 2
    objects.delete(["runs/r1/1/a", "runs/r2/1/a"])
    assert not objects.exists("runs/r2/1/a")
    assert list(objects.list("runs/")) == []
    assert list((tmp_path / "objects").iterdir()) == []


async def test_a_large_object_is_read_in_chunks(objects: Objects) -> None:
    content = bytes(range(256)) * 20_000
    objects.put("runs/r1/1/large", content)
    opened = await objects.open_async("runs/r1/1/large")
    chunks = [chunk async for chunk in opened.chunks]
    assert opened.stored.size == len(content)
    assert len(chunks) > 1
    assert b"".join(chunks) == content


async def test_a_stream_that_breaks_leaves_what_was_there(objects: Objects) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"y" * 6_000_000
        raise RuntimeError("the client went away")

    objects.put("runs/r1/1/a", b"before")
    with pytest.raises(RuntimeError, match="the client went away"):
        await objects.put_async("runs/r1/1/a", broken())
    assert objects.get("runs/r1/1/a") == b"before"


async def test_a_missing_object_is_not_found_in_words(objects: Objects) -> None:
    with pytest.raises(NotFound, match=r"The stored file runs/r1/1/a does not exist\. It may have expired"):
        objects.get("runs/r1/1/a")
    with pytest.raises(NotFound):
        await objects.open_async("runs/r1/1/a")
    assert objects.head("runs/r1/1/a") is None
    assert await objects.exists_async("runs/r1/1/a") is False


def test_a_store_that_fails_is_unavailable_in_words(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / "runs").write_text("a file where a folder belongs")
    with pytest.raises(Unavailable, match="The object store failed at runs/r1/1/a"):
        Objects.in_folder(tmp_path / "objects").put("runs/r1/1/a", b"x")
