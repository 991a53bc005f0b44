"""What may pass between a viewer's browser and a kernel: the widgets' messages, and nothing that executes or tells.

What may come from the browser is in `viewer_messages`. From the kernel come widgets' messages and outputs that are
meant to be seen; never a cell's source, a traceback or what went to stderr.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from noteyard_lab.dashboard.execution import SENTENCE_CONTENT
from noteyard_lab.dashboard.viewer_messages import RefusedMessageError, checked, read_message

TO_VIEWER = frozenset(
    {
        "clear_output",
        "comm_close",
        "comm_info_reply",
        "comm_msg",
        "comm_open",
        "display_data",
        "error",
        "execute_result",
        "kernel_info_reply",
        "status",
        "stream",
        "update_display_data",
    }
)


class ViewerChannel(ZMQChannelsWebsocketConnection):
    """jupyter_server's bridge between a websocket and a kernel's sockets, narrowed to what a viewer needs."""

    def handle_incoming_message(self, incoming_msg: str | bytes) -> None:
        """Pass a message from the browser to the kernel if it is one of the few that may."""
        shell = self.channels.get("shell")
        if shell is None:
            return
        try:
            header, metadata, content, buffers = checked(read_message(incoming_msg))
            parts = [self.session.pack(part) for part in (header, {}, metadata, content)]
        except (RefusedMessageError, ValueError, RecursionError) as refused:
            self.log.warning("refused a message of a viewer: %.200s", refused)
            self.websocket_handler.note_refusal()
            return
        self.websocket_handler.note_message()
        self.session.send_raw(shell, [*parts, *buffers])

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Pass a message from the kernel to the browser if it is meant to be seen."""
        _, parts = self.session.feed_identities(outgoing_msg)
        kind = self.session.unpack(parts[1]).get("msg_type")
        if kind not in TO_VIEWER:
            return
        if kind in ("stream", "error"):
            content = self.session.unpack(parts[4])
            self.websocket_handler.note_output(content)
            if content.get("name") == "stderr":
                return
        if kind == "error":
            before = outgoing_msg[: -len(parts)]
            outgoing_msg = [*before, *parts[:4], self.session.pack(SENTENCE_CONTENT), *parts[5:]]
        super().handle_outgoing_message(stream, outgoing_msg)
