"""s3fs with no options, against the embedded S3. Prints `fine` at the end."""

import os
from collections.abc import Callable
from pathlib import Path

import s3fs

TEAM, MINE = os.environ["NOTEYARD_TEAM_URL"], os.environ["NOTEYARD_MY_URL"]
folder = Path(os.environ["HOME"]) / "s3"
fs = s3fs.S3FileSystem()


def refused(kind: type[Exception], words: str, call: Callable[[], object]) -> None:
    """A call that must fail with these words, and change nothing."""
    try:
        call()
    except kind as error:
        assert words in str(error), error
        assert (folder / "team/fs/a.txt").read_bytes() == b"original"
        return
    raise AssertionError(f"not refused: {words}")


fs.pipe(f"{TEAM}/fs/a.txt", b"original")
assert fs.cat(f"{TEAM}/fs/a.txt") == b"original"
assert fs.ls("") == ["my-ada", "team"]
assert fs.exists(f"{TEAM}/fs") and not fs.exists(f"{TEAM}/nothing")
assert fs.info(f"{TEAM}/fs/a.txt")["size"] == 8

big = os.urandom(60 << 20)
with fs.open(f"{TEAM}/fs/big.bin", "wb") as file:
    file.write(big)
assert (folder / "team/fs/big.bin").read_bytes() == big
with fs.open(f"{TEAM}/fs/big.bin", "rb") as file:
    file.seek(30 << 20)
    assert file.read(1000) == big[30 << 20 : (30 << 20) + 1000]
    # Replaced while it is read: the reader is told, and reads no mixture.
    (folder / "team/fs/big.bin").write_bytes(big[::-1])
    try:
        file.seek(0)
        file.read()
        raise AssertionError("a mixture was read")
    except OSError:
        pass

with fs.open(f"{TEAM}/fs/more.txt", "wb") as file:
    file.write(b"one")
with fs.open(f"{TEAM}/fs/more.txt", "ab") as file:
    file.write(b" two")
assert (folder / "team/fs/more.txt").read_bytes() == b"one two"
refused(OSError, "Parts can't be copied here", lambda: fs.open(f"{TEAM}/fs/big.bin", "ab").__exit__(None, None, None))

refused(OSError, "Nothing was changed", lambda: fs.put_tags(f"{TEAM}/fs/a.txt", {"a": "b"}))
refused(OSError, "?tagging is not available here", lambda: fs.get_tags(f"{TEAM}/fs/a.txt"))
refused(OSError, "?acl is not available here", lambda: fs.chmod(f"{TEAM}/fs/a.txt", "public-read"))
refused(OSError, "x-amz-meta-colour is not available", lambda: fs.setxattr(f"{TEAM}/fs/a.txt", colour="red"))
refused(OSError, "if-none-match is not available", lambda: fs.pipe_file(f"{TEAM}/fs/a.txt", b"x", mode="create"))
refused(OSError, "'fs/a.txt' is a file", lambda: fs.pipe(f"{TEAM}/fs/a.txt/below", b"x"))
refused(OSError, "'fs/a.txt' is a file", lambda: fs.pipe(f"{TEAM}/fs/a.txt/below", b"x" * (20 << 20)))
refused(PermissionError, "does not open the bucket 'my-bob'", lambda: fs.find("my-bob"))
refused(PermissionError, "does not open the bucket 'my-bob'", lambda: fs.pipe("my-bob/secret", b"x" * (20 << 20)))
refused(PermissionError, "Buckets are made and removed by Noteyard", lambda: fs.mkdir("another"))

fs.copy(f"{TEAM}/fs/a.txt", f"{TEAM}/fs/b b+c.txt")
fs.mv(f"{TEAM}/fs/b b+c.txt", f"{MINE}/c.txt")
assert (folder / "my-ada/c.txt").read_bytes() == b"original"
assert sorted(fs.glob(f"{TEAM}/fs/*.txt")) == ["team/fs/a.txt", "team/fs/more.txt"]
fs.rm(f"{TEAM}/fs/a.txt/x")
assert (folder / "team/fs/a.txt").read_bytes() == b"original"
fs.rm(f"{TEAM}/fs", recursive=True)
fs.rm(f"{MINE}/c.txt")
assert not (folder / "team/fs").exists() and not fs.exists(f"{TEAM}/fs")
print("fine")
