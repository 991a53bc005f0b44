"""What parameters a notebook takes, before it is released."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from noteyard.api.identity import Asking
from noteyard.api.models import Body
from noteyard.api.problems import RESPONSES
from noteyard.parameters import coerce_query, schema_from_notebook

router = APIRouter(prefix="/api/v1/parameters", tags=["parameters"], responses=RESPONSES)  # type: ignore[arg-type]


class InspectRequest(Body):
    notebook: dict[str, Any] = Field(
        description="The notebook's JSON (format 4).", examples=[{"cells": [], "nbformat": 4}]
    )
    texts: list[tuple[str, str]] = Field(
        default_factory=list,
        max_length=1000,
        description="Names and texts, as a command line has them, to be read as values.",
        examples=[[["day", "2026-11-22"]]],
    )


class InspectModel(BaseModel):
    schema_: dict[str, Any] = Field(serialization_alias="schema", description="JSON Schema of the parameters.")
    notes: list[dict[str, Any]] = Field(description="What could not be understood, with its line.")
    values: dict[str, Any] = Field(
        description="The texts as values of the declared types; checked where they are used."
    )


@router.post("/inspect")
def inspect(body: InspectRequest, asking: Asking) -> InspectModel:
    """The parameter schema of a notebook's cell tagged `parameters`."""
    schema = schema_from_notebook(body.notebook)
    notes = [{"line": note.line, "message": note.message} for note in schema.notes]
    values = coerce_query(schema.json_schema, body.texts)
    return InspectModel(schema_=dict(schema.json_schema), notes=notes, values=values)
