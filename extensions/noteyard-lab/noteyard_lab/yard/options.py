"""Commands that take their options as one dataclass, so that related commands share groups of options.

A field's annotation is what typer reads: `files: Annotated[list[str], typer.Option("--files")] = field(...)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from noteyard_lab.yard.errors import ExitCode, YardError
from noteyard_lab.yard.screen import Screen


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command takes."""

    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False


@dataclass(frozen=True, kw_only=True)
class ReleaseOptions(Options):
    """What a release is made of."""

    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="The notebook, a file ending in .ipynb.")]
    files: Annotated[
        list[str],
        typer.Option(
            "--files",
            metavar="PATTERN",
            help="Files the notebook needs, quoted: --files 'data/*.csv'. Modules it imports are found by themselves.",
        ),
    ] = field(default_factory=list)
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="Folder the files are relative to; else the notebook's own."),
    ] = None
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Environment to run in; else this lab's.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ParameterOptions(ReleaseOptions):
    """A release and values for its parameters."""

    parameters: Annotated[
        list[str],
        typer.Option(
            "-p",
            "--parameter",
            metavar="NAME=VALUE",
            help="A parameter's value; again for more, or for a list's next.",
        ),
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions(ParameterOptions):
    """A release, its parameters, and how it is executed."""

    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="Stop after this time: 90s, 20m, 2h.")
    ] = None
    retries: Annotated[int, typer.Option("--retries", metavar="N", min=0, help="Tries after a failure.")] = 0


Chosen = TypeVar("Chosen", bound=Options)
Handler = Callable[[Chosen, Screen], ExitCode | None]


def command(app: typer.Typer, name: str, kind: type[Chosen]) -> Callable[[Handler[Chosen]], Handler[Chosen]]:
    """Add a command to `app` whose options are the fields of the dataclass `kind`; its help is the docstring.

    The handler returns the exit code (None: done). A YardError becomes its message on stderr and its exit code.
    """

    def add(handler: Handler[Chosen]) -> Handler[Chosen]:
        surplus = {"allow_extra_args": issubclass(kind, ReleaseOptions)}
        app.command(name, context_settings=surplus)(_typed(handler, kind))
        return handler

    return add


def by_default(group: typer.Typer, kind: type[Chosen]) -> Callable[[Handler[Chosen]], Handler[Chosen]]:
    """As `command`, but what the group itself does when none of its commands is named."""

    def add(handler: Handler[Chosen]) -> Handler[Chosen]:
        group.callback(invoke_without_command=True)(_typed(handler, kind))
        return handler

    return add


def _typed(handler: Handler[Chosen], kind: type[Chosen]) -> Callable[..., None]:
    """The handler as a function that typer reads the options from."""

    def run(context: typer.Context, **values: Any) -> None:
        if context.invoked_subcommand is None:
            raise typer.Exit(_finish(handler, kind(**values), context.args))

    hints = get_type_hints(kind, include_extras=True)
    parameters = [_parameter(item, hints[item.name]) for item in fields(kind)]
    parameters.sort(key=lambda parameter: parameter.name == "json")
    parameters.insert(0, inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = handler.__doc__
    return run


def _finish(handler: Handler[Chosen], options: Chosen, surplus: Sequence[str]) -> int:
    screen = Screen(as_json=options.json)
    try:
        if surplus:
            raise YardError(
                f"{surplus[0]!r} is one argument too many: yard takes one notebook.",
                "Put patterns in quotes, so that the shell leaves them alone: --files 'data/*.csv'.",
                code=ExitCode.USAGE,
            )
        return int(handler(options, screen) or ExitCode.DONE)
    except YardError as error:
        screen.refuse(error)
        return int(error.code)
    except KeyboardInterrupt:
        screen.note("Stopped.")
        return int(ExitCode.STOPPED)


def _parameter(item: Field[Any], hint: Any) -> inspect.Parameter:
    default = item.default if item.default_factory is MISSING else item.default_factory()
    given = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=given, annotation=hint)
