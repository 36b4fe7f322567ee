"""Web processes of their own for measuring, and a client that costs little beside them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from flask import Flask

from core.settings import ROOT

START = 600  # seconds in which a process must answer: on a busy machine its imports alone take minutes
AGENT = "placard-benchmark"


def serve(port: int) -> None:
    """A web process: the application as `serve` starts it, without a scheduler (settings by environment)."""
    from app import create_app

    app = create_app()
    app.testing = False
    _listen(app, port)


def serve_bare(port: int) -> None:
    """The ceiling: a Flask application with one view of 100 bytes, under the same server."""
    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "x" * 100)
    _listen(app, port)


def _listen(app: Flask, port: int) -> None:
    import waitress

    from operations.serving import SERVER

    waitress.serve(app, host="127.0.0.1", port=port, _quiet=True, **SERVER)


class Webs:
    """Processes of one kind ('web' or 'bare'), each on a port of its own. Raises RuntimeError when one does not answer
    in time, with its last words."""

    def __init__(self, what: str, environ: dict[str, str], count: int = 2) -> None:
        self.ports = [_free_port() for _ in range(count)]
        self._children = [
            subprocess.Popen([sys.executable, "-m", "benchmarks.web_processes", what, str(port)], cwd=ROOT,
                             env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             text=True)
            for port in self.ports
        ]
        self._words: list[list[str]] = [[] for _ in self._children]
        for child, words in zip(self._children, self._words, strict=True):
            threading.Thread(target=self._listen_to, args=[child, words], daemon=True).start()
        try:
            for port, child, words in zip(self.ports, self._children, self._words, strict=True):
                _wait_for(port, "/" if what == "bare" else "/healthz", child, words)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _listen_to(child: subprocess.Popen[str], words: list[str]) -> None:
        assert child.stderr is not None
        for line in child.stderr:
            words[:] = [*words[-20:], line]

    def processor(self) -> float:
        """Seconds of the processor that the processes have used so far (Linux)."""
        ticks = 0
        for child in self._children:
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # utime and stime, proc(5)
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, path: str, child: subprocess.Popen[str], words: list[str]) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if child.poll() is not None:
            break
        try:
            if Wire(port).ask(get(path)) == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"a web process did not answer: {''.join(words)}")


class Wire:
    """One connection, kept alive. It reads the status and as many bytes as were announced, and nothing else: the client
    shares the processors with what it measures."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> int:
        """The status of the answer. Raises OSError when the connection ends first."""
        self._socket.sendall(request)
        answer = self._receive()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._receive()
        head = answer[:end].lower()
        at = head.find(b"content-length:")
        if at < 0:
            raise OSError("an answer without its length")
        size = int(head[at + 15:].split(b"\r\n", 1)[0])
        missing = size - (len(answer) - end - 4)
        while missing > 0:
            missing -= len(self._receive())
        return int(head.split(b" ", 2)[1])

    def _receive(self) -> bytes:
        got = self._socket.recv(65536)
        if not got:
            raise OSError("the connection was closed")
        return got


def get(path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes, kind: str, cookie: str) -> bytes:
    """The bytes of a POST."""
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\nContent-Type: {kind}\r\n"
            f"Cookie: {cookie}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


if __name__ == "__main__":
    {"web": serve, "bare": serve_bare}[sys.argv[1]](int(sys.argv[2]))
