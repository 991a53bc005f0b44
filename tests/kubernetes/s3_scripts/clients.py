"""boto3, s3fs, pyarrow and pandas with no options, on the team's data and one's own. Prints `fine` at the end."""

import io
import os

import boto3
import pandas as pd
import pyarrow.parquet as pq
import s3fs
from pyarrow import fs

assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(os.environ)
frame = pd.DataFrame({"number": range(1000), "part": ["x", "y"] * 500})

for url in (os.environ["NOTEYARD_TEAM_URL"], os.environ["NOTEYARD_MY_URL"]):
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    below = f"{prefix}/" if prefix else ""

    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=f"{below}clients/a.txt", Body=b"by boto3")
    assert s3.get_object(Bucket=bucket, Key=f"{below}clients/a.txt")["Body"].read() == b"by boto3"
    big = os.urandom(20 << 20)
    s3.upload_fileobj(io.BytesIO(big), bucket, f"{below}clients/big.bin")
    assert s3.list_objects_v2(Bucket=bucket, Prefix=f"{below}clients/")["KeyCount"] == 2
    s3.copy_object(
        Bucket=bucket, Key=f"{below}clients/b.txt", CopySource={"Bucket": bucket, "Key": f"{below}clients/a.txt"}
    )

    files = s3fs.S3FileSystem()
    files.makedirs(f"{url}/clients", exist_ok=True)
    files.pipe(f"{url}/clients/c.txt", b"by s3fs")
    assert files.cat(f"{url}/clients/c.txt") == b"by s3fs"
    assert files.isdir(url) or not prefix
    assert not files.exists(f"{url}/clients/none.txt")
    assert len(files.glob(f"{url}/clients/*.txt")) == 3

    frame.to_csv(f"{url}/clients/f.csv", index=False)
    assert pd.read_csv(f"{url}/clients/f.csv").equals(frame)
    frame.to_parquet(f"{url}/clients/f.parquet")
    assert pd.read_parquet(f"{url}/clients/f.parquet").equals(frame)

    store, path = fs.FileSystem.from_uri(url)
    assert pq.read_table(f"{path}/clients/f.parquet", filesystem=store).num_rows == 1000
    with store.open_output_stream(f"{path}/clients/d.bin") as out:
        out.write(big)
    assert store.get_file_info(f"{path}/clients/d.bin").size == len(big)
    if not prefix:
        frame.to_parquet(f"{url}/clients/parts", partition_cols=["part"])
        assert len(pd.read_parquet(f"{url}/clients/parts")) == 1000
    files.rm(f"{url}/clients", recursive=True)
print("fine")
