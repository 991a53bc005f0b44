"""Safe names for ids, people, links, buckets and host labels.

Guarantees: `is_slug` and `host_label` results are DNS labels (a-z, 0-9, inner hyphens, at most 63 characters);
`new_id` results are lower-case, start with their kind's letter and hold 75 random bits, so that they serve as
Kubernetes names, object keys and URL parts alike; `host_label` is injective.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
DASHBOARD_ID = re.compile(rf"d[{ALPHABET}]{{15}}")
PERSON = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
SUGGESTED = 50
RESERVED_SLUGS = frozenset({"api", "apps", "assets", "hub", "outputs", "portal", "services", "user", "www"})


def new_id(kind: str) -> str:
    """A fresh id such as `r3k9…`: the kind's letter and 15 random characters."""
    # 32 letters: five bits of each byte choose one evenly.
    return kind + "".join(ALPHABET[byte & 31] for byte in secrets.token_bytes(15))


def is_slug(text: str) -> bool:
    """Whether `text` can be a dashboard's link and host label; what looks like an id can't."""
    return SLUG.fullmatch(text) is not None and text not in RESERVED_SLUGS and DASHBOARD_ID.fullmatch(text) is None


def slug_from(title: str) -> str:
    """A slug suggested for a title, without its accents; 'dashboard' when nothing of the title can be kept.

    As in publish.js, which suggests while somebody types.
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", title) if not unicodedata.combining(letter))
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:SUGGESTED].strip("-")
    return words if is_slug(words) else "dashboard"


def is_person(text: str) -> bool:
    """Whether `text` can be a person's name: lower case letters, digits, dots, hyphens, underscores, 40 at most."""
    return PERSON.fullmatch(text) is not None


def is_group(text: str) -> bool:
    """Whether `text` can be a group's name: the same characters as a person's."""
    return PERSON.fullmatch(text) is not None


def person_from(text: str, domains: Sequence[str] = ()) -> str:
    """A person's name as a login's provider tells it, in small letters and without one of the domains.

    The result may still be no name of ours: ask `is_person`. Nothing else is replaced, so that no two names become one.
    """
    name = text.strip().lower()
    local, at, domain = name.partition("@")
    return local if at and domain in {known.lower() for known in domains} else name


def group_from(text: str) -> str:
    """A group's name for a provider's, e.g. `sales` for `Sales` or Keycloak's `/sales`.

    What has other characters than ours gets a digest, so that no two of the provider's become one of ours.
    """
    name = text.removeprefix("/").lower()
    if is_group(name):
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    words = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:30].strip("-")
    return f"{words or 'group'}--{mark}"


def host_label(name: str, *, digest: bool = False) -> str:
    """`name` as a DNS label; names that are not labels get a digest (others on demand), so that no two share one."""
    if not digest and SLUG.fullmatch(name) and "--" not in name:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return f"{words}--{mark}" if words else f"x--{mark}"


def person_bucket(name: str) -> str:
    """The S3 bucket of a person's own data on one machine: `my-<label>`, 3 to 63 characters."""
    return f"my-{host_label(name)}"


TEAM_BUCKET = "team"
