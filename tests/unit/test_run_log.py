"""A run's log: what is printed, as it can be read later, within its limit."""

import pytest
from noteyard_lab.worker.printed_text import LineFolder, TextTail, amount
from noteyard_lab.worker.run_log import RunLog


def whole(log: RunLog, chunk: int = 1_000_000) -> str:
    """All of a log, sent in chunks."""
    log.close()
    text = ""
    while part := log.unsent(chunk):
        assert log.offset == len(text)
        text += part
        log.sent(len(part))
    return text


def test_lines_come_as_they_are_and_a_begun_line_waits() -> None:
    log = RunLog(1_000)
    log.print("one\ntw")
    assert log.unsent(100) == "one\n"
    log.print("o\n")
    assert log.unsent(100) == "one\ntwo\n"
    assert log.unsent(2) == "on"
    log.sent(2)
    assert log.unsent(100) == "e\ntwo\n"
    assert log.offset == 2


def test_a_progress_bar_is_one_line() -> None:
    log = RunLog(1_000)
    for share in range(0, 101, 5):
        log.print(f"\r{share} %")
    log.print("\ndone\r\n")
    assert whole(log) == "100 %\ndone\n"


def test_colours_are_taken_out() -> None:
    log = RunLog(1_000)
    log.print("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\n")
    assert whole(log) == "red link\n"


def test_results_and_errors_are_lines() -> None:
    log = RunLog(1_000)
    log.print("begun")
    log.add_output({"output_type": "execute_result", "data": {"text/plain": "42", "text/html": "<b>42</b>"}})
    log.add_output({"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["Trace", "\x1b[1mE: v\x1b[0m"]})
    log.add_output({"output_type": "display_data", "data": {"image/png": "…"}})
    assert whole(log) == "begun\n42\nTrace\nE: v\n"


@pytest.mark.parametrize("chunk", [7, 1_000_000])
def test_a_log_over_its_limit_keeps_beginning_and_end(chunk: int) -> None:
    log = RunLog(1_000)
    for number in range(10_000):
        log.print(f"line {number}\n")
    text = whole(log, chunk)
    lines = text.splitlines()
    assert lines[:3] == ["line 0", "line 1", "line 2"]
    assert lines[-2:] == ["line 9998", "line 9999"]
    assert "… the log is at its limit: of what is printed from here on, the end follows when the run ends …" in lines
    assert any(line.startswith("… 97.9 kB (9,8") and line.endswith(" lines) left out …") for line in lines)
    assert len(text) < 1_200


def test_characters_that_are_none_do_no_harm() -> None:
    log = RunLog(1_000)
    log.print("half \ud800 a pair\n")
    assert whole(log) == "half ? a pair\n"


def test_an_endless_line_is_passed_on() -> None:
    folder = LineFolder()
    assert folder.feed("x" * 8_000) == ""
    assert folder.feed("x" * 8_000) == "x" * 16_000
    assert folder.settle() == ""


def test_a_tail_begins_with_a_whole_line() -> None:
    tail: TextTail[str] = TextTail(10)
    tail.add("a", "first\nsecond\n")
    tail.add("b", "3rd\n")
    assert tail.pieces() == [("a", ""), ("b", "3rd\n")]
    assert (tail.characters_left_out, tail.lines_left_out) == (7, 1)


@pytest.mark.parametrize(("count", "text"), [(12, "12 characters"), (4_321, "4.3 kB"), (29_100_000, "29.1 MB")])
def test_amounts_are_for_people(count: int, text: str) -> None:
    assert amount(count) == text
