"""Strangers on the agents' port: refused and counted, and nobody else notices."""

import os
import socket
import ssl
import struct

import pytest

from fleet import Fleet

REFUSED = "jessica_link_refused_total"
PROTOCOL = "jessica-fleet/1"


def connect(fleet: Fleet) -> socket.socket:
    return socket.create_connection(("127.0.0.1", fleet.link_port), 10)


def is_closed(peer: socket.socket) -> bool:
    """Whether the other side ends the connection; whatever it says before is its own affair."""
    peer.settimeout(10)
    try:
        while peer.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def secure(fleet: Fleet, node: str | None = None, protocol: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(fleet.state / "nodes" / "agx-01" / "tls" / "ca.crt"))
    if node:
        folder = fleet.state / "nodes" / node / "tls"
        context.load_cert_chain(folder / "node.crt", folder / "node.key")
    if protocol:
        context.set_alpn_protocols([protocol])
    return context


def assert_refused_and_well(fleet: Fleet, before: float, attempts: int = 1) -> None:
    fleet.until(lambda: fleet.metric(REFUSED) >= before + attempts, 15, lambda: f"{attempts} refusals to be counted, there are {fleet.metric(REFUSED) - before}")
    assert fleet.controller.is_alive()
    assert not fleet.unready()


GARBAGE = {
    "random bytes": os.urandom(4096),
    "plain HTTP": b"GET / HTTP/1.1\r\nHost: spark\r\n\r\n",
    "zeros": bytes(4096),
    "a TLS record of 64 KiB": b"\x16\x03\x01\xff\xff" + os.urandom(65535),
    "a frame without TLS": b"JF\x01\x00\xff\xff\xff\xff" + bytes(100),
}


@pytest.mark.parametrize("bytes_", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage(fleet: Fleet, bytes_: bytes) -> None:
    before = fleet.metric(REFUSED)
    with connect(fleet) as peer:
        try:
            peer.sendall(bytes_)
        except OSError:
            pass  # It was ended before all was said: fine.
        assert is_closed(peer)
    assert_refused_and_well(fleet, before)
    fleet.succeed(fleet.submit("text", {"prompt": "hello"}), 20)


def test_nobody_without_a_certificate(fleet: Fleet) -> None:
    before = fleet.metric(REFUSED)
    with connect(fleet) as plain:
        try:
            with secure(fleet).wrap_socket(plain, server_hostname="127.0.0.1") as peer:
                assert is_closed(peer)
        except OSError:
            pass
    assert_refused_and_well(fleet, before)


NONSENSE = {
    "a frame of 4 GiB": b"JF\x01\x00" + struct.pack(">I", 0xFFFFFFFF) + bytes(64),
    "a frame that is no hello": b"JF\x01\x00" + struct.pack(">I", 16) + os.urandom(16),
    "no frame": os.urandom(64),
}


@pytest.mark.parametrize("frame", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_of_a_node_with_a_good_certificate(fleet: Fleet, frame: bytes) -> None:
    before = fleet.metric(REFUSED)
    mark = fleet.mark()
    with connect(fleet) as plain, secure(fleet, "agx-15", PROTOCOL).wrap_socket(plain, server_hostname="127.0.0.1") as peer:
        peer.sendall(frame)
        assert is_closed(peer)
    assert_refused_and_well(fleet, before)
    # The real agent of that name was not disturbed.
    assert not list(fleet.seen(mark, type="node.state", node="agx-15"))


def test_a_hundred_silent_connections_disturb_nobody(fleet: Fleet) -> None:
    pods = fleet.pods()
    peers = []
    try:
        for _ in range(100):
            try:
                peers.append(connect(fleet))
            except OSError:
                break  # Refusing is what it should do.
        fleet.succeed(fleet.submit("text", {"prompt": "hello"}), 20)
        assert all(is_closed(peer) for peer in peers), "a silent connection was kept"
    finally:
        for peer in peers:
            peer.close()
    assert not fleet.unready() and fleet.pods() == pods

