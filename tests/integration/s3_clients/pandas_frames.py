"""pandas with no options, against the embedded S3. Prints `fine` at the end."""

import os
from pathlib import Path

import pandas as pd

TEAM = os.environ["NOTEYARD_TEAM_URL"]
folder = Path(os.environ["HOME"]) / "s3" / "team"
frame = pd.DataFrame({"number": range(1000), "part": ["x", "y"] * 500})

frame.to_csv(f"{TEAM}/pandas/f.csv", index=False)
assert pd.read_csv(f"{TEAM}/pandas/f.csv").equals(frame)
assert pd.read_csv(folder / "pandas/f.csv").equals(frame)
frame.to_csv(f"{TEAM}/pandas/f.csv.gz", index=False)
assert pd.read_csv(f"{TEAM}/pandas/f.csv.gz").equals(frame)
frame.to_parquet(f"{TEAM}/pandas/f.parquet")
assert pd.read_parquet(f"{TEAM}/pandas/f.parquet").equals(frame)
frame.to_parquet(f"{TEAM}/pandas/parts", partition_cols=["part"])
assert len(pd.read_parquet(f"{TEAM}/pandas/parts")) == 1000
frame.to_json(f"{TEAM}/pandas/f.json")
assert len(pd.read_json(f"{TEAM}/pandas/f.json")) == 1000
frame.to_pickle(f"{TEAM}/pandas/f.pickle")
assert pd.read_pickle(f"{TEAM}/pandas/f.pickle").equals(frame)
frame.to_feather(f"{TEAM}/pandas/f.feather")
assert pd.read_feather(f"{TEAM}/pandas/f.feather").equals(frame)
for _ in range(3):
    frame.to_csv(f"{TEAM}/pandas/f.csv", index=False)
    assert pd.read_csv(f"{TEAM}/pandas/f.csv").equals(frame)
try:
    frame.to_csv(f"{TEAM}/pandas/f.csv/below.csv")
    raise AssertionError("not refused")
except OSError as error:
    assert "'pandas/f.csv' is a file, so nothing can be stored below it." in str(error), error
assert pd.read_csv(folder / "pandas/f.csv").equals(frame)
print("fine")
