"""ipykernel's launcher for runs: no output is lost, however fast a cell prints.

A kernel's socket for outputs drops messages when a thousand are waiting, the one that says "the cell has ended" as well
as any other. In a lab a person sees that and shrugs; a run would miss outputs and wait in vain.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # A release's own files must not stand in for the kernel's modules; IPython puts the folder back afterwards.
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():
        del sys.path[0]

    import zmq
    from ipykernel.kernelapp import IPKernelApp

    class RunKernelApp(IPKernelApp):
        """ipykernel's application with an unbounded queue of outputs."""

        def init_iopub(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
            """Make the socket for outputs."""
            context.setsockopt(zmq.SNDHWM, 0)  # 0: no limit
            super().init_iopub(context)  # type: ignore[no-untyped-call]

    RunKernelApp.launch_instance()
