"""Alerts that could not be delivered, as those may see them who see the schedule: whom they did not reach, and why."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from noteyard.store.tables import Message
from noteyard.webhook_target import host_of


class UndeliveredModel(BaseModel):
    """A target of a schedule's alerts that nothing reaches now, and the alert that failed last."""

    channel: Literal["mail", "webhook"]
    target: str = Field(description="The mail address, or the host of the webhook: its URL may hold a secret.")
    event: str = Field(description="What it would have told, as webhooks name it: run.failed, for instance.")
    run: str | None = Field(description="The run that it is about.")
    error: str = Field(description="Why it could not be delivered.")
    failed: datetime = Field(description="When that was.")
    tries: int = Field(description="0: not tried by itself, because the server failed for the one before it.")
    next_try: datetime | None = Field(description="Empty: it is given up.")


def undelivered_models(messages: Iterable[Message], alerts: Mapping[str, list[str]]) -> list[UndeliveredModel]:
    """What is to be shown of failed messages: those to targets that the schedule still names."""
    named = {"mail": alerts.get("mail", []), "webhook": alerts.get("webhooks", [])}
    return [_model(message) for message in messages if message.recipient in named[message.channel]]


def _model(message: Message) -> UndeliveredModel:
    return UndeliveredModel.model_validate(
        {
            "channel": message.channel,
            "target": message.recipient if message.channel == "mail" else host_of(message.recipient),
            "event": message.payload.get("kind", ""),
            "run": message.payload.get("run"),
            "error": message.error,
            "failed": message.failed,
            "tries": message.tries,
            "next_try": message.next_try,
        }
    )
