"""The body of S3's DeleteObjects, and its answer. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from noteyard.s3_names import name_problem
from noteyard.s3_refusals import xml_text

BODY_BYTES = 8 * 1024 * 1024
KEYS = 1000
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class RefusedKey:
    """Why one of the keys is not deleted."""

    key: str
    code: str
    message: str


@dataclass(frozen=True)
class Deletions:
    """What a DeleteObjects asks for: keys to delete, and those refused one by one. `quiet`: answer refusals only."""

    keys: tuple[str, ...]
    refused: tuple[RefusedKey, ...]
    quiet: bool


def parse_deletions(body: bytes) -> Deletions | None:
    """The keys in the XML of a DeleteObjects; None when it is not one (or has more than 1,000 keys)."""
    # Entities have no place here and can be made to grow without end; a zero byte tells of UTF-16.
    if b"<!DOCTYPE" in body or b"\x00" in body:
        return None
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    objects = [child for child in root if _name(child) == "Object"]
    if _name(root) != "Delete" or not 0 < len(objects) <= KEYS:
        return None
    keys, refused = [], []
    for item in objects:
        fields = {_name(field): field.text or "" for field in item}
        problem = _problem(fields)
        if problem is None:
            keys.append(fields["Key"])
        else:
            refused.append(problem)
    quiet = any(_name(child) == "Quiet" and (child.text or "").strip().lower() == "true" for child in root)
    return Deletions(tuple(keys), tuple(refused), quiet)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _problem(fields: dict[str, str]) -> RefusedKey | None:
    key = fields.get("Key", "")
    conditions = sorted(name for name, value in fields.items() if name != "Key" and value)
    if conditions:
        message = f"{conditions[0]} is not available here: there are no versions and no conditions. Not deleted."
        return RefusedKey(key, "NotImplemented", message)
    if not key:
        return RefusedKey(key, "InvalidArgument", "The key is empty.")
    if problem := name_problem(key):
        return RefusedKey(key, "InvalidArgument", f"The key {problem}.")
    return None


def deletions_xml(deleted: Iterable[str], refused: Iterable[RefusedKey]) -> bytes:
    """The answer to a DeleteObjects."""
    done = "".join(f"<Deleted><Key>{xml_text(key)}</Key></Deleted>" for key in deleted)
    errors = "".join(
        f"<Error><Key>{xml_text(error.key)}</Key><Code>{error.code}</Code>"
        f"<Message>{xml_text(error.message)}</Message></Error>"
        for error in refused
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<DeleteResult xmlns="{NAMESPACE}">{done}{errors}</DeleteResult>'.encode()
