"""Structured logs: one JSON object a line on standard error, with the request's id, and without secrets.

`configure(level)` at the start of api and controller; JupyterHub takes `logging_config(level)` as
`c.JupyterHub.logging_config`. Code logs with `structlog.get_logger(__name__)`, an event and keywords; what other
libraries log by the standard library comes out the same. `request_id` is bound by structlog.contextvars.
"""

import logging
import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
SECRET_NAME = re.compile(
    r"pass(word|wd)|secret|token|authori[sz]ation|cookie|api_?key|private_?key|ticket", re.IGNORECASE
)
NOT_SECRET = frozenset({"token_id", "tokens"})
SECRET_TEXT = (
    re.compile(r"(?i)(\b(?:bearer|token|basic)\s+)[A-Za-z0-9._~+/=-]{12,}"),
    re.compile(r"(?i)((?:token|ticket|code|password|secret|_xsrf|signature)=)[^&\s\"']{4,}"),
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
)
# Loggers that print every request, or every retry of a library: a line of our own says it once.
CHATTY = {"uvicorn.access": "WARNING", "httpx": "WARNING", "httpcore": "WARNING", "alembic": "WARNING"}


def configure(level: str = "info") -> None:
    """Set up logging of this process: structlog's, the standard library's, and warnings."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            **logging_config(level),
            "root": {"handlers": ["console"], "level": level.upper()},
            "loggers": {
                # uvicorn puts handlers of its own there before the application is made.
                **{name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")},
                **{name: {"level": least, "handlers": [], "propagate": True} for name, least in CHATTY.items()},
            },
        }
    )
    logging.captureWarnings(True)


def logging_config(level: str = "info") -> dict[str, Any]:
    """A handler named `console` that writes JSON, as logging.config.dictConfig and traitlets applications take it."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"console": {"()": f"{__name__}.formatter"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "console",
                "level": level.upper(),
                "stream": "ext://sys.stderr",
            }
        },
    }


def formatter(*_: Any, **__: Any) -> logging.Formatter:
    """The JSON formatter; arguments that other code gives to formatters of its own are of no use to it."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(default=str),
        ],
    )


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank what is secret by its name, and what looks like a credential inside texts."""
    return {key: _hidden(key, value) for key, value in event.items()}


def _hidden(key: str, value: Any) -> Any:
    if value is not None and SECRET_NAME.search(key) and key not in NOT_SECRET:
        return HIDDEN
    if isinstance(value, dict):
        return {str(inner): _hidden(str(inner), content) for inner, content in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden("", content) for content in value]
    return hide_in_text(value) if isinstance(value, str) else value


def hide_in_text(text: str) -> str:
    """A text without bearer tokens, secrets in queries, and passwords in URLs."""
    for pattern in SECRET_TEXT:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
