"""A lab's log does not grow without end."""

import os
import subprocess
from pathlib import Path

from noteyard.backends.local.lab_log import LEFT_OUT, last_lines, open_log, trim


def test_a_log_keeps_its_first_and_its_last_lines_while_it_is_written_to(tmp_path: Path) -> None:
    log = tmp_path / "ada.log"
    descriptor = open_log(log)
    for number in range(2000):
        os.write(descriptor, b"line %d\n" % number)
        if number % 300 == 0:
            trim(log, limit=2000, first=100, last=500)
    subprocess.run(["echo", "its last words"], stdout=descriptor, check=True)
    trim(log, limit=2000, first=100, last=500)
    os.close(descriptor)
    content = log.read_bytes()
    assert len(content) < 2000
    first, rest = content.split(LEFT_OUT)
    assert first.splitlines() == [b"line %d" % number for number in range(len(first.splitlines()))]
    lines = rest.splitlines()
    assert lines[-1] == b"its last words" and lines[-2] == b"line 1999"
    assert lines[:-1] == [b"line %d" % number for number in range(2001 - len(lines), 2000)]
    assert last_lines(log).endswith("line 1999\nits last words")


def test_a_log_within_its_limit_is_left_alone_and_the_last_one_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "ada.log"
    descriptor = open_log(log)
    os.write(descriptor, b"one\ntwo\n")
    trim(log, limit=8)
    os.close(descriptor)
    assert log.read_bytes() == b"one\ntwo\n"
    os.close(open_log(log))
    assert (log.read_bytes(), (tmp_path / "ada.log.1").read_bytes()) == (b"", b"one\ntwo\n")
    assert log.stat().st_mode & 0o777 == 0o600
    trim(tmp_path / "none.log")
    assert last_lines(tmp_path / "none.log") == ""
