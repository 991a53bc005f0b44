"""Runs in a pod: makes an S3 server on the node as slow to one connection as S3 is over a network.

python - HOST PORT < far_s3.py

Each connection gets BYTES a second, and each request waits for DELAY. The rate is what AWS's guide on S3's performance
counts for one request (85 to 90 MB/s); the delay is a cautious one of those it tells for the first byte of small
objects (100 to 200 ms), for larger ones wait less.
"""

import os
import socket
import sys
import threading
import time

BYTES = 90_000_000
DELAY = 0.03
PORT = 9000
PIECE = 1 << 20
SO_MAX_PACING_RATE = 47


def requests(near: socket.socket, far: socket.socket) -> None:
    while piece := near.recv(PIECE):
        time.sleep(DELAY)
        far.sendall(piece)
    far.shutdown(socket.SHUT_WR)


def answers(far: socket.socket, near: socket.socket) -> None:
    out, into = os.pipe()
    try:
        while moved := os.splice(far.fileno(), into, PIECE):
            while moved:
                moved -= os.splice(out, near.fileno(), moved)
        near.shutdown(socket.SHUT_WR)
    finally:
        os.close(out)
        os.close(into)


def relay(near: socket.socket) -> None:
    near.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, BYTES)
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with near, socket.create_connection((sys.argv[1], int(sys.argv[2]))) as far:
        back = threading.Thread(target=quietly, args=(answers, far, near))
        back.start()
        quietly(requests, near, far)
        back.join()


def quietly(pass_on: object, source: socket.socket, target: socket.socket) -> None:
    try:
        pass_on(source, target)  # type: ignore[operator]
    except OSError:
        # One side has gone: the other is told.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


with socket.create_server(("", PORT), backlog=256) as listener:
    while True:
        threading.Thread(target=relay, args=(listener.accept()[0],), daemon=True).start()
