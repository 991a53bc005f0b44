"""Whether a certificate and its key fit each other, cover the names that are needed, and are good for some time yet."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from noteyard.findings import Finding, Weight

SOON = timedelta(days=21)


def certificate_elsewhere(names: list[str]) -> Finding:
    return Finding(
        Weight.UNCHECKED,
        f"Whether the certificate in the Secret edge.tlsSecret covers {', '.join(names)}, and until when: only the "
        "edge has it.",
        "Look at it: kubectl get secret NAME -o jsonpath='{.data.tls\\.crt}' | base64 -d | openssl x509 -noout "
        "-enddate -ext subjectAltName",
    )


def check_certificate(path: Path, key: Path, names: list[str]) -> Iterator[Finding]:
    for option, file in (("tls.certificate", path), ("tls.key", key)):
        if not os.access(file, os.R_OK):
            yield Finding(
                Weight.PROBLEM, f"{option}: {file} can't be read.", "Correct the path, or who may read the file."
            )
            return
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError) as error:
        yield Finding(Weight.PROBLEM, f"{path} or {key} is not a PEM file: {error}.", "Convert it to PEM, unencrypted.")
        return
    form: dict[str, Any] = {"encoding": Encoding.DER, "format": PublicFormat.SubjectPublicKeyInfo}
    if private.public_key().public_bytes(**form) != certificate.public_key().public_bytes(**form):
        yield Finding(Weight.PROBLEM, f"{key} is not the key of {path}.", "Set tls.certificate and tls.key to a pair.")
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if left < SOON:
        when = "has ended" if left < timedelta(0) else f"ends in {left.days} days"
        weight = Weight.PROBLEM if left < timedelta(0) else Weight.WARNING
        yield Finding(weight, f"The certificate {path} {when}.", "Put a new one in its place.")
    covered = _names_in(certificate)
    missing = sorted({name for name in names if name and not _covers(covered, name)})
    if missing:
        yield Finding(
            Weight.PROBLEM,
            f"The certificate {path} does not cover {', '.join(missing)}.",
            "Get one that names all of them.",
        )


def _names_in(certificate: x509.Certificate) -> set[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {name.lower() for name in extension.value.get_values_for_type(x509.DNSName)}


def _covers(covered: set[str], name: str) -> bool:
    return name in covered or (not name.startswith("*.") and f"*.{name.partition('.')[2]}" in covered)
