"""pyarrow with no options, against the embedded S3. Prints `fine` at the end."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq

TEAM = os.environ["NOTEYARD_TEAM_URL"]
folder = Path(os.environ["HOME"]) / "s3" / "team"
table = pa.table({"number": list(range(9000)), "part": ["x", "y", "z"] * 3000})
fs, bucket = pafs.FileSystem.from_uri(TEAM)
assert isinstance(fs, pafs.S3FileSystem) and bucket == "team"

pq.write_table(table, f"{TEAM}/arrow/one.parquet")
assert pq.read_table(f"{TEAM}/arrow/one.parquet").equals(table)
assert pq.read_table(folder / "arrow/one.parquet").equals(table)
pq.write_to_dataset(table, f"{TEAM}/arrow/parts", partition_cols=["part"])
assert pq.read_table(f"{TEAM}/arrow/parts").num_rows == 9000
ds.write_dataset(table, f"{TEAM}/arrow/set", format="parquet", partitioning=["part"])
assert ds.dataset(f"{TEAM}/arrow/set").count_rows() == 9000
assert sorted(path.name for path in (folder / "arrow/set").iterdir()) == ["x", "y", "z"]

with fs.open_output_stream("team/arrow/big.bin") as stream:
    for _ in range(30):
        stream.write(b"z" * (1 << 20))
assert fs.get_file_info("team/arrow/big.bin").size == 30 << 20
kinds = {info.path: info.type for info in fs.get_file_info(["team/arrow", "team/arrow/one.parquet", "team/nothing"])}
assert kinds == {
    "team/arrow": pafs.FileType.Directory,
    "team/arrow/one.parquet": pafs.FileType.File,
    "team/nothing": pafs.FileType.NotFound,
}
fs.create_dir("team/arrow/empty/deep")
assert (folder / "arrow/empty/deep").is_dir()
fs.copy_file("team/arrow/one.parquet", "team/arrow/two.parquet")
fs.move("team/arrow/two.parquet", "team/arrow/three.parquet")
assert (folder / "arrow/three.parquet").read_bytes() == (folder / "arrow/one.parquet").read_bytes()
for write, words in (
    (lambda: pq.write_table(table, f"{TEAM}/arrow/one.parquet/below"), "'arrow/one.parquet' is a file"),
    (lambda: pq.write_table(table, f"{TEAM}/arrow/parts"), "'arrow/parts' is a folder"),
    (lambda: pq.write_table(table, "s3://my-bob/x.parquet"), "does not open the bucket 'my-bob'"),
):
    try:
        write()
        raise AssertionError(f"not refused: {words}")
    except OSError as error:
        assert words in str(error), error
    assert pq.read_table(folder / "arrow/one.parquet").equals(table)
fs.delete_file("team/arrow/three.parquet")
fs.delete_dir_contents("team/arrow/parts")
assert (folder / "arrow/parts").is_dir() and not list((folder / "arrow/parts").iterdir())
fs.delete_dir("team/arrow")
assert not (folder / "arrow").exists()
print("fine")
