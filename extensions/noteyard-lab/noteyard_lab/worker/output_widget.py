"""Output widgets while a notebook is executed without a browser: nbclient's stand-in, made safe."""

from __future__ import annotations

from typing import Any

from nbclient.jsonutil import json_clean
from nbclient.output_widget import OutputWidget
from nbformat import NotebookNode

MOST_TEXT = 200_000
MOST_OUTPUTS = 200
CUT = "\n… more was printed here: a run keeps the beginning …\n"


class WakingOutputWidget(OutputWidget):
    """Stands in for the browser's side of `ipywidgets.Output`, without nbclient's race.

    It sends on the socket on which the reply to the running cell is awaited. Sent past asyncio, as nbclient does, a
    message can use up the one sign that the reply has arrived, and the cell would never end; so can the end of a poll
    that is begun to look for it. Sent by the asyncio socket itself, it looks for arrivals afterwards.
    """

    def send(
        self,
        data: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        buffers: list[Any] | None = None,
    ) -> None:
        """Send a message to the widget in the kernel."""
        session = self.kernel_client.session
        content = json_clean({"data": data or {}, "comm_id": self.comm_id})
        message = session.msg("comm_msg", content=content, parent=self.parent_header, metadata=metadata or {})
        self.kernel_client.shell_channel.socket.send_multipart(session.serialize(message))


class BoundedOutputWidget(WakingOutputWidget):
    """Captures no more than a run keeps; each change is sent to the kernel as a whole."""

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int) -> None:
        """Capture an output, unless the widget is full."""
        if not self.clear_before_next_output:
            if len(self.outputs) >= MOST_OUTPUTS:
                return
            if msg["msg_type"] == "stream":
                room = MOST_TEXT - sum(len(kept.get("text", "")) for kept in self.outputs)
                if room <= 0:
                    return
                text = msg["content"]["text"]
                msg["content"]["text"] = text if len(text) < room else text[:room] + CUT
        super().output(outs, msg, display_id, cell_index)
