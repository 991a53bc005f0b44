"""Rows that many tests begin with."""

import json
from hashlib import sha256
from typing import Any

from noteyard.parameters import schema_from_notebook
from noteyard.releases import Manifest, ReleaseFile
from noteyard.store.releases import add_release
from noteyard.store.runs import NewRun, create_run
from noteyard.store.tables import Account, Membership, Release, Run
from sqlalchemy.orm import Session


def add_person(session: Session, name: str, *groups: str, admin: bool = False) -> Account:
    account = Account(name=name, admin=admin)
    session.add(account)
    session.flush()
    session.add_all(Membership(person=name, group=group) for group in groups)
    session.flush()
    return account


def notebook(*cells: str, parameters: str | None = None) -> dict[str, Any]:
    """A notebook of format 4 with code cells; `parameters` becomes the cell tagged so."""
    sources: list[tuple[str, list[str]]] = [(source, []) for source in cells]
    if parameters is not None:
        sources.insert(0, (parameters, ["parameters"]))
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{index}",
                "metadata": {"tags": tags},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for index, (source, tags) in enumerate(sources)
        ],
    }


def add_some_release(
    session: Session,
    owner: str,
    name: str = "report.ipynb",
    parameters: str = "n: int = 1",
    image: str | None = None,
) -> Release:
    content = notebook("print(n)", parameters=parameters)
    size = len(json.dumps(content))
    file = ReleaseFile(name, sha256(json.dumps(content).encode()).hexdigest(), size)
    manifest = Manifest(name, "default", None, (file,), image)
    schema = schema_from_notebook(content)
    return add_release(session, manifest, dict(schema.json_schema), [], owner)[0]


def add_run(session: Session, release: Release, owner: str, **fields: Any) -> Run:
    return create_run(session, NewRun(release, owner, fields.pop("parameters", {}), **fields))
