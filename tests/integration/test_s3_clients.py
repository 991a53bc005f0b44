"""boto3, s3fs, pyarrow and pandas in the lab's environment, with what a lab gets and no options."""

from collections.abc import Iterator

import pytest

from tests.support.s3_stack import SHOW, Stack, s3_stack

READER = """
import os, pandas as pd, s3fs
url = os.environ["NOTEYARD_TEAM_URL"]
assert "NOTEYARD_MY_URL" not in os.environ
assert pd.read_csv(f"{url}/shown.csv")["a"].tolist() == [1]
try:
    s3fs.S3FileSystem().pipe(f"{url}/shown.csv", b"NEW")
except PermissionError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with s3_stack(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.mark.parametrize("script", ["boto3_objects.py", "s3fs_files.py", "pyarrow_tables.py", "pandas_frames.py"])
def test_a_client_reads_writes_and_is_refused_in_words(stack: Stack, script: str) -> None:
    stack.write("my-bob/secret", b"bob's")
    assert stack.client(script).strip().endswith("fine")
    assert stack.contents()["my-bob/secret"] == b"bob's"


def test_a_dashboards_key_reads(stack: Stack) -> None:
    stack.write("team/shown.csv", b"a\n1\n")
    script = stack.folder.parent / "reader.py"
    script.write_text(READER)
    assert stack.client(str(script), key=SHOW) == "This access key may only read the bucket 'team'.\n"
    assert stack.contents()["team/shown.csv"] == b"a\n1\n"
