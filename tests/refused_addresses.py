"""Addresses that no pattern of ALLOWED_HOSTS may lead to, in every spelling; and a listener that would notice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

SECRET = "hidden-word"
"""Stands in each of the addresses where credentials stand."""


@dataclass
class Listener:
    """On one port of every address of this machine; `connections` counts who came."""

    port: int
    connections: int = 0


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen on IPv4 and, where the machine has it, IPv6."""
    listener = Listener(0)
    sockets = [socket.create_server(("", 0))]
    listener.port = sockets[0].getsockname()[1]
    with suppress(OSError):
        sockets.append(socket.create_server(("::", listener.port), family=socket.AF_INET6))

    def accept(one: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = one.accept()
                listener.connections += 1
                connection.close()

    threads = [threading.Thread(target=accept, args=(one,)) for one in sockets]
    for thread in threads:
        thread.start()
    try:
        yield listener
    finally:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in threads:
            thread.join()


_THIS_MACHINE = (
    *("127.0.0.1", "127.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *("0.0.0.0", "0", "127.0.0.1.", "localhost", "localhost.", "LOCALHOST", "user@localhost"),  # noqa: S104
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]"),
    *("[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "１２７.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①"),
)
_INNER = (
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "[fe80::1]", "[fd00::1]", "[fec0::1]"),
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:169.254.169.254]"),
    *(
        "[fd00:ec2::254]",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "255.255.255.255",
        "224.0.0.1",
        "[ff02::1]",
    ),
)


def refused_hosts(port: int) -> list[str]:
    """Addresses for `video_url` that reach this machine's `port`, or an inner network, if they are asked."""
    tail = f":{port}/video.mp4?token={SECRET}"
    hosts = [f"http://{host}{tail}" for host in _THIS_MACHINE + _INNER]
    users = [
        f"http://user:{SECRET}@127.0.0.1{tail}",
        f"http://videos.example.com@127.0.0.1{tail}",
        f"http://videos.example.com:80@127.0.0.1{tail}",
        f"http://user:{SECRET}@[::1]{tail}",
        f"https://user:{SECRET}@localhost{tail}",
        f"HTTP://127.0.0.1{tail}",
    ]
    return hosts + users


def refused_schemes(port: int) -> list[str]:
    """Addresses that FFmpeg would open."""
    place = f"127.0.0.1:{port}/video.mp4?token={SECRET}"
    schemes = ("file", "ftp", "gopher", "rtmp", "rtsp", "tcp", "udp", "tls", "sftp", "srt", "unix", "mms", "icecast")
    return [f"{scheme}://{place}" for scheme in schemes] + [
        f"//{place}",
        f"http:{place}",
        f" http://{place}",
        f"concat:http://{place}|http://{place}",
        f"cache:http://{place}",
        f"crypto+http://{place}",
        f"hls+http://{place}",
        f"subfile,,start,0,end,9,,:http://{place}",
        "file:///etc/passwd",
        "/etc/passwd",
        "data:video/mp4;base64,AAAA",
        "pipe:0",
        "javascript:alert(1)",
    ]
