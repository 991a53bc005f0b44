"""The Output widget's stand-in and the reply of the running cell share a socket: neither hides the other."""

import json
import subprocess

from tests.integration.yard_tool import LAB_PYTHON

REPLY_BEFORE_SENDING = """
import asyncio, json, select
import zmq, zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient.output_widget import OutputWidget
from noteyard_lab.worker.output_widget import WakingOutputWidget


async def comes_through(kind):
    with zmq.Context() as kernel_side, kernel_side.socket(zmq.ROUTER) as kernel:
        client = AsyncKernelClient(transport="tcp", shell_port=kernel.bind_to_random_port("tcp://127.0.0.1"))
        client.session.key = b"key"
        socket = client.shell_channel.socket
        socket.linger = kernel.linger = 0
        client.session.send(socket, "execute_request", {})
        kernel.poll(10_000)
        identity, *_ = kernel.recv_multipart()
        reply = asyncio.ensure_future(client.shell_channel.get_msg())
        await asyncio.sleep(0)
        kernel.send_multipart([identity, *client.session.serialize(client.session.msg("execute_reply", {}))])
        # The reply is there, and asyncio has not looked yet:
        assert select.select([socket.FD], [], [], 10)[0]
        widget = kind("id", {"outputs": []}, client, {})
        widget.parent_header = {}
        while select.select([socket.FD], [], [], 0)[0]:  # ZeroMQ looks for arrivals at a send, but not at every one
            widget.send({"method": "update"})
        done, _ = await asyncio.wait([reply], timeout=3)
        kernel.poll(10_000)
        sent = client.session.deserialize(client.session.feed_identities(kernel.recv_multipart())[1])
        reply.cancel()
        client.stop_channels()
        return bool(done), sent["content"]


found = {kind.__name__: asyncio.run(comes_through(kind)) for kind in (OutputWidget, WakingOutputWidget)}
print(json.dumps(found))
"""


def test_a_message_of_an_output_widget_does_not_hide_the_reply_that_has_arrived() -> None:
    done = subprocess.run([LAB_PYTHON, "-W", "error", "-c", REPLY_BEFORE_SENDING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sent = {"data": {"method": "update"}, "comm_id": "id"}
    # nbclient's own waits for ever: when this says True, the stand-in's `send` is not needed any more.
    assert json.loads(done.stdout) == {"OutputWidget": [False, sent], "WakingOutputWidget": [True, sent]}
