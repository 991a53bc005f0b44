"""Scripts, styles and fonts of live pages: whose address tells their content, and one script in the place of hundreds.

They are parts of published packages, the same for everyone, so they need no viewer; nothing a notebook made is here.

Voila's page is built by webpack: its entry script and each widget's ask for the rest in chunks, a request each, one
after another. A chunk only adds functions to a list that the entry script takes over when it starts; so all of them in
one script before it make the requests unnecessary. A chunk that is not in it is still fetched when it is needed.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

LARGEST_CHUNK = 400_000
"""Bytes; larger ones hold whole libraries that few pages use, such as diagrams."""
SOURCE_MAP = ".map"
CHUNK = re.compile(
    rb'\s*(/\*.*?\*/\s*)?("use strict";)?\s*\(self\.(\w+)\s*=\s*self\.\3\s*\|\|\s*\[\]\)\.push\(\[\[', re.S
)


class PageAssets:
    """Files below `static` and `labextensions`, folders of which the first that has a file counts.

    `extensions` are those the page loads, as JupyterLab describes them; `url` changes whenever any file does.
    """

    def __init__(
        self,
        base_url: str,
        static: Sequence[str],
        labextensions: Sequence[str],
        extensions: Sequence[Mapping[str, Any]],
    ) -> None:
        self.static = list(static)
        self.labextensions = list(labextensions)
        self._extensions = [(str(extension["name"]), str(extension["load"])) for extension in extensions]
        self.url = url_path_join(base_url, "assets", self._digest()) + "/"
        self.static_url = f"{self.url}static"
        self.labextensions_url = f"{self.url}labextensions"
        self.chunks_url = f"{self.url}chunks.js"
        self._compressed: bytes | None = None

    def page_config(self) -> dict[str, Any]:
        """What the page is told of it."""
        return {
            "fullStaticUrl": self.static_url,
            "fullLabextensionsUrl": self.labextensions_url,
            "noteyardChunksUrl": self.chunks_url,
        }

    def chunks(self) -> bytes:
        """The chunks as one script, compressed by gzip; made once."""
        if self._compressed is None:
            # Each in a function of its own: they differ in whether they are strict.
            script = b"\n".join(b"(function(){\n%b\n})();" % chunk for chunk in self._chunks())
            self._compressed = gzip.compress(script, compresslevel=6, mtime=0)
        return self._compressed

    def _chunks(self) -> Iterator[bytes]:
        found = {file.name: file for folder in reversed(self.static) for file in sorted(Path(folder).glob("*.js"))}
        files = list(found.values())
        for name, _ in self._extensions:
            built = (Path(folder) / name / "static" for folder in self.labextensions)
            files += next((sorted(folder.glob("*.js")) for folder in built if folder.is_dir()), [])
        for file in files:
            if file.stat().st_size <= LARGEST_CHUNK:
                text = file.read_bytes()
                if CHUNK.match(text):
                    yield text

    def _digest(self) -> str:
        digest = hashlib.sha256(repr(self._extensions).encode())
        digest.update(Path(__file__).read_bytes())
        for folder in (*self.static, *self.labextensions):
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file() and file.suffix != SOURCE_MAP:
                    content = hashlib.sha256(file.read_bytes()).hexdigest()
                    digest.update(f"{file.relative_to(folder)} {content}\n".encode())
        return digest.hexdigest()[:16]
