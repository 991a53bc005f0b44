"""Which messages of a viewer's browser may reach a kernel, and in what shape they do."""

import json
from typing import Any

import pytest
from noteyard_lab.dashboard.viewer_messages import RefusedMessageError, checked, read_message

HEADER = {"msg_id": "m1", "username": "", "session": "s1", "date": "2026-11-22T21:54:00Z", "version": "5.4"}
COMM = {"comm_id": "c1", "data": {"method": "update", "state": {"value": 6}}}


def raw(channel: str, *parts: bytes) -> bytes:
    """A message of the v1 websocket protocol."""
    count = len(parts) + 2
    ends = [8 * (count + 1)]
    for part in (channel.encode(), *parts):
        ends.append(ends[-1] + len(part))
    numbers = [count, *ends]
    return b"".join(number.to_bytes(8, "little") for number in numbers) + channel.encode() + b"".join(parts)


def message(kind: Any, content: Any, channel: str = "shell", metadata: Any = None, *buffers: bytes) -> bytes:
    parts = ({**HEADER, "msg_type": kind}, {}, metadata or {}, content)
    return raw(channel, *(json.dumps(part).encode() for part in parts), *buffers)


def passed(given: bytes | str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[bytes]]:
    return checked(read_message(given))


def test_a_message_to_a_widget_passes_with_its_buffers() -> None:
    header, metadata, content, buffers = passed(message("comm_msg", COMM, "shell", {"version": "2.1.0"}, b"\x00pixels"))
    assert header == {**HEADER, "msg_type": "comm_msg"}
    assert (metadata, content, buffers) == ({"version": "2.1.0"}, COMM, [b"\x00pixels"])


def test_the_widgets_state_may_be_asked_for() -> None:
    asked = {"comm_id": "c2", "target_name": "jupyter.widget.control", "data": {"anything": 1}, "target_module": "os"}
    assert passed(message("comm_open", asked))[2] == {
        "comm_id": "c2",
        "target_name": "jupyter.widget.control",
        "data": {},
    }


@pytest.mark.parametrize("kind", ["kernel_info_request", "comm_info_request"])
def test_harmless_questions_pass_without_what_else_they_carry(kind: str) -> None:
    assert passed(message(kind, {"code": "print(1)"}))[2] == {}


def test_nothing_but_known_fields_reaches_the_kernel() -> None:
    parts = ({**HEADER, "msg_type": "comm_msg", "subshell_id": "x"}, {"msg_id": "spoofed"}, {"cellId": "y"}, COMM)
    header, metadata, _, _ = passed(raw("shell", *(json.dumps(part).encode() for part in parts)))
    assert "subshell_id" not in header
    assert metadata == {}


def test_a_key_that_stands_twice_is_read_once() -> None:
    """Of two parsers one may take the first and one the last: what was checked is what is sent."""
    twice = json.dumps(HEADER)[:-1].encode() + b', "msg_type": "execute_request", "msg_type": "comm_msg"}'
    header, _, _, _ = passed(raw("shell", twice, b"{}", b"{}", json.dumps(COMM).encode()))
    assert json.dumps(header).count("msg_type") == 1
    assert header["msg_type"] == "comm_msg"


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("execute_request", "shell"),
        ("execute_request", "control"),
        ("inspect_request", "shell"),
        ("complete_request", "shell"),
        ("history_request", "shell"),
        ("is_complete_request", "shell"),
        ("debug_request", "control"),
        ("debug_request", "shell"),
        ("shutdown_request", "shell"),
        ("shutdown_request", "control"),
        ("interrupt_request", "control"),
        ("create_subshell_request", "control"),
        ("input_reply", "stdin"),
        ("apply_request", "shell"),
        ("comm_msg", "control"),
        ("comm_msg", "iopub"),
        ("comm_msg", ""),
        ("kernel_info_request", "control"),
        (["comm_msg"], "shell"),
        (None, "shell"),
        ("COMM_MSG", "shell"),
    ],
)
def test_everything_else_is_refused(kind: Any, channel: str) -> None:
    with pytest.raises(RefusedMessageError):
        passed(message(kind, {"code": "1+1", **COMM}, channel))


@pytest.mark.parametrize("target", ["jupyter.widget", "matplotlib", "", None, ["jupyter.widget.control"]])
def test_a_browser_opens_no_widgets_and_no_other_comms(target: Any) -> None:
    with pytest.raises(RefusedMessageError, match="comm_open for"):
        passed(message("comm_open", {"comm_id": "c", "target_name": target, "data": {"state": {}}}))


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"\x00",
        json.dumps({"channel": "shell"}),
        # counts and offsets that a trusting reader would fill its memory with, or read backwards by
        (2**60).to_bytes(8, "little"),
        (200).to_bytes(8, "little") + b"\x00" * 64,
        message("comm_msg", COMM)[:-1],
        message("comm_msg", COMM) + b"more",
        raw("shell", b"{}", b"{}", b"{}"),
        raw("shell", b"not json", b"{}", b"{}", b"{}"),
        raw("shell", b"[]", b"{}", b"{}", b"{}"),
        raw("shell", b'{"msg_type": "comm_msg"}', b"{}", b"{}", b'{"comm_id": 5, "data": {}}'),
        raw("shell", b'{"msg_type": "comm_msg"}', b"{}", b"{}", b'{"comm_id": "c", "data": [1]}'),
        raw("shell", b'{"msg_type": "comm_msg", "msg_id": {}}', b"{}", b"{}", b'{"comm_id": "c"}'),
    ],
)
def test_what_is_not_a_message_is_refused(given: bytes | str) -> None:
    with pytest.raises((RefusedMessageError, ValueError)):
        passed(given)


def test_offsets_may_not_go_backwards() -> None:
    good = bytearray(message("comm_msg", COMM))
    good[16:24], good[24:32] = good[24:32], good[16:24]
    with pytest.raises(RefusedMessageError, match="don't add up"):
        passed(bytes(good))


def test_deep_nesting_ends_in_an_error_the_channel_expects() -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    with pytest.raises((RefusedMessageError, ValueError, RecursionError)):
        passed(raw("shell", b'{"msg_type": "comm_msg"}', b"{}", b"{}", deep))
