"""Importing large libraries without what they load just in case.

papermill loads the clients of every object store it can find, jsonschema a parser for every format: together a third of
what a worker loads. Both do without, and a worker uses none of them: its files are on the local disk.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

STORES = ("azure", "boto3", "gcsfs", "github", "pyarrow")
FORMATS = ("fqdn", "isoduration", "rfc3986_validator", "rfc3987", "rfc3987_syntax", "uri_template", "webcolors")


@contextmanager
def without_extras() -> Iterator[None]:
    """Let these libraries seem not installed while the block imports others; not for use by several threads at once."""
    hidden = [name for name in (*STORES, *FORMATS) if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: importing it raises ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
