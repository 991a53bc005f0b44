"""ipykernel's launcher for runs: no output is lost, however fast a cell prints.

A kernel's socket for outputs drops messages when a thousand are waiting, the one that says "the cell has ended" as well
as any other. In a lab a person sees that and shrugs; a run would miss outputs and wait in vain.

And it ends when it is told to. About one of six shutdowns of ipykernel 7.4 hangs: at exit, the thread of outputs is
ended first, while that of control may still wait for it to take a last message, and then control is waited for.
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
        """ipykernel's application with an unbounded queue of outputs and an orderly end."""

        def init_iopub(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
            """Make the socket for outputs."""
            context.setsockopt(zmq.SNDHWM, 0)  # 0: no limit
            super().init_iopub(context)  # type: ignore[no-untyped-call]

        def start(self) -> None:
            """Work until told to end. Ends control while its last message can still be sent; the rest is atexit's."""
            super().start()  # type: ignore[no-untyped-call]
            if self.control_thread and self.control_thread.is_alive():
                self.control_thread.stop()
                self.control_thread.join()

    RunKernelApp.launch_instance()
