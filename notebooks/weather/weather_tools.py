"""What the weather notebooks share: the data's place, the observations, the model's inputs, charts.

A module beside the notebooks. A run or a dashboard gets it along with the notebook that imports it.
"""

import json
import os
from datetime import date
from functools import cache
from io import BytesIO
from typing import Any

import fsspec
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats
from vega_datasets import local_data

FIRST_YEAR, YEARS = 2012, 4
"""The data set has the years 2012 to 2015."""

MEASURES = {
    "temp_max": ("Daily high", "°C"),
    "temp_min": ("Daily low", "°C"),
    "precipitation": ("Precipitation", "mm"),
    "wind": ("Wind", "m/s"),
}
"""Name and unit of what is measured."""

SEASONS = dict(
    enumerate(["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"], 1)
)
"""The season of each month, 1 to 12."""


class NotYet(Exception):
    """Something is missing that another notebook makes; the message names it."""


# --- Where the data lies ----------------------------------------------------------------------


def location(*parts: str) -> str:
    """The address of a file of this example in the team's data, for instance `s3://team/weather/clean.parquet`."""
    team = os.environ.get("NOTEYARD_TEAM_URL")
    if not team:
        raise RuntimeError(
            "NOTEYARD_TEAM_URL is not set, so there is no place for the data. In a lab, a run or a "
            "dashboard of Noteyard it always is; elsewhere set it to a folder: "
            "NOTEYARD_TEAM_URL=file:///tmp/team."
        )
    return "/".join([team.rstrip("/"), "weather", *parts])


def save(content: bytes, *parts: str) -> str:
    """Write a file whole and return its address. Writing the same twice leaves the same."""
    address = location(*parts)
    with fsspec.open(address, "wb", auto_mkdir=address.startswith("file:")) as stream:
        stream.write(content)
    return address


def load(*parts: str, made_by: str) -> bytes:
    """Read a file; NotYet names the notebook `made_by` when there is none."""
    try:
        with fsspec.open(location(*parts), "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        raise NotYet(f"There is no {'/'.join(parts)} yet: run {made_by} first.") from None


def save_table(table: pd.DataFrame, *parts: str) -> str:
    """Write a table as Parquet and return its address."""
    return save(table.to_parquet(index=False), *parts)


def load_table(*parts: str, made_by: str) -> pd.DataFrame:
    """Read a Parquet table; NotYet names the notebook `made_by` when there is none."""
    content = load(*parts, made_by=made_by)
    return pd.read_parquet(BytesIO(content))


def collected_days() -> list[date]:
    """The days that collect.ipynb has stored, oldest first."""
    files, folder = fsspec.url_to_fs(location("raw"), use_listings_cache=False)
    try:
        names = files.ls(folder, detail=False)
    except FileNotFoundError:
        return []
    stems = (
        name.rsplit("/", 1)[-1].removesuffix(".parquet")
        for name in names
        if name.endswith(".parquet")
    )
    return sorted(date.fromisoformat(stem) for stem in stems)


# --- The observations -------------------------------------------------------------------------


@cache
def dataset() -> pd.DataFrame:
    """Seattle's weather from 2012 to 2015, one row a day (NOAA, in the public domain)."""
    return local_data.seattle_weather().set_index("date")


def observed_day(day: date) -> date:
    """The day of the data set that stands in for `day`.

    Years repeat every four: 2026 is 2014, 2028 is 2012. Leap years stand for leap years, so
    29 February needs no rule of its own.
    """
    return day.replace(year=FIRST_YEAR + (day.year - FIRST_YEAR) % YEARS)


def observations(days: list[date]) -> pd.DataFrame:
    """One row for each of `days`: the day, when it was observed really, and what was measured."""
    observed = pd.DatetimeIndex([observed_day(day) for day in days])
    table = dataset().loc[observed].reset_index(drop=True)
    table.insert(0, "day", pd.DatetimeIndex(days).as_unit("s"))
    table.insert(1, "observed", observed.as_unit("s"))
    return table


# --- The model's inputs -----------------------------------------------------------------------


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """What the model knows about each day: its place in the year, and its weather."""
    angle = 2 * np.pi * table["day"].dt.day_of_year / 365.25
    return pd.DataFrame(
        {
            "season_sin": np.sin(angle),
            "season_cos": np.cos(angle),
            "temp_max": table["temp_max"],
            "temp_min": table["temp_min"],
            "rain": np.log1p(table["precipitation"]),
            "wind": table["wind"],
        }
    )


def load_metrics(target: str) -> dict[str, Any]:
    """The metrics of the model for `target`."""
    return json.loads(load("models", target, "metrics.json", made_by="train.ipynb"))


def load_model(target: str) -> Any:
    """The model for `target`.

    Unlike a pickle, a file of skops runs no code when it is loaded: it makes only types known to
    be harmless.
    """
    import skops.io

    return skops.io.loads(load("models", target, "model.skops", made_by="train.ipynb"))


# --- How charts look --------------------------------------------------------------------------

BLUE, ORANGE, GREEN, PURPLE, GREY = "#3f88c5", "#e08543", "#4f9d69", "#9b72b0", "#7b808a"
WEATHER_COLOURS = {
    "sun": "#e3b23c",
    "drizzle": "#8fbcd4",
    "rain": BLUE,
    "fog": "#a3a8b0",
    "snow": PURPLE,
}


def chart_style() -> None:
    """Transparent charts whose greys can be read on white and on black, sharp on any screen."""
    set_matplotlib_formats("retina")
    plt.rcParams.update(
        {
            "figure.figsize": (9, 3.4),
            "figure.facecolor": "none",
            "savefig.facecolor": "none",
            "axes.facecolor": "none",
            "axes.edgecolor": GREY,
            "axes.labelcolor": GREY,
            "axes.titlecolor": GREY,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "axes.titleweight": "bold",
            "axes.titlepad": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "axes.axisbelow": True,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, PURPLE]),
            "grid.color": GREY,
            "grid.alpha": 0.25,
            "xtick.color": GREY,
            "ytick.color": GREY,
            "ytick.major.size": 0,
            "text.color": GREY,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
        }
    )


def show(figure: Figure, description: str) -> None:
    """Show a chart, with a description for those who do not see it."""
    display(figure, metadata={"image/png": {"alt": description}})
    plt.close(figure)
