"""Output widgets of a run: what they capture is bounded like a cell's outputs."""

from __future__ import annotations

from typing import Any

from nbclient.output_widget import OutputWidget
from nbformat import NotebookNode

MOST_TEXT = 200_000
MOST_OUTPUTS = 200
CUT = "\n… more was printed here: a run keeps the beginning …\n"


class BoundedOutputWidget(OutputWidget):
    """Stands in for the browser's side of `ipywidgets.Output`; each change is sent to the kernel as a whole."""

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
