"""`yard download`: a run's outputs into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from noteyard_lab.yard.api import Access, Api, Json, segment
from noteyard_lab.yard.errors import YardError
from noteyard_lab.yard.options import Options
from noteyard_lab.yard.screen import Bar, Screen
from noteyard_lab.yard.times import size


@dataclass(frozen=True, kw_only=True)
class DownloadOptions(Options):
    """A run's outputs and where to."""

    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `yard runs` shows it.")]
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder to write to; else a new one, named RUN."),
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False


def download(options: DownloadOptions, screen: Screen) -> None:
    """Download a run's outputs.

    They are the notebook as it was executed, and the same as an HTML page.
    """
    api = Api(Access.from_environment())
    outputs: list[Json] = api.get(f"/runs/{segment(options.run)}/outputs")
    if not outputs:
        raise YardError(
            f"Run {options.run} has no outputs.",
            "It has not ended yet, or they have expired: `yard show` tells.",
        )
    folder = options.folder or Path(options.run)
    targets = [_target(folder, item["name"]) for item in outputs]
    taken = [target for target in targets if target.exists()]
    if taken and not options.force:
        raise YardError(f"{taken[0]} is there already.", "Name another folder with -o, or replace it with --force.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with screen.bytes_bar("Fetching", sum(item["size"] for item in outputs)) as bar:
            for item, target in zip(outputs, targets, strict=True):
                _fetch(api, f"/runs/{segment(options.run)}/outputs/{segment(item['name'])}", target, bar)
    except OSError as error:
        raise YardError(f"{error.filename} can't be written: {error.strerror}.") from None
    if screen.as_json:
        screen.result({"items": [{"path": str(target), "size": target.stat().st_size} for target in targets]})
    for target in targets:
        screen.line(f"{target}  {size(target.stat().st_size)}")


def _target(folder: Path, name: str) -> Path:
    # The name comes from elsewhere: it must not lead out of the folder.
    if not name or name in (".", "..") or Path(name).name != name or "\\" in name:
        raise YardError(f"The run has an output named {name!r}, which is no file name; nothing was written.")
    return folder / name


def _fetch(api: Api, path: str, target: Path, bar: Bar) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as stream:

            def write(piece: bytes) -> None:
                stream.write(piece)
                bar.advance(len(piece))

            api.download(path, write)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
