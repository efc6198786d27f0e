#!/usr/bin/python3
"""Memory of the bridge for each client that follows a document over TLS and says
nothing: the idle workload's figure, with TLS, which the load generator does not
speak. bench/live/run starts the bridge.

    idle_tls.py PORT PROCESS CLIENTS TOKEN KEY-PREFIX
"""
import os
import re
import resource
import socket
import ssl
import struct
import sys
import time

REQUEST = (b"GET /sync HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
PER_DOCUMENT = 10


def field(number, content):
    """A field of a protobuf message: bytes, or a small number."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + size + content


def frame(message):
    """A WebSocket frame, masked with zeroes."""
    length = len(message)
    head = bytes([0x82, 0x80 | length]) if length < 126 else b"\x82\xfe" + struct.pack(">H", length)
    return head + bytes(4) + message


def connect(context, port, token, key):
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    client = context.wrap_socket(plain)
    client.sendall(REQUEST)
    assert client.recv(4096).startswith(b"HTTP/1.1 101"), "no upgrade"
    hello = field(1, 2) + field(2, token.encode())  # protocol 2
    client.sendall(frame(field(1, hello)))
    client.recv(4096)  # Welcome
    document = field(1, b"note") + field(2, key.encode())
    client.sendall(frame(field(2, field(1, 1) + field(2, document))))
    client.recv(4096)  # Subscribed
    return client


def resident_kilobytes(process):
    with open(f"/proc/{process}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def main(port, process, clients, token, prefix):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # its own certificate
    before = resident_kilobytes(process)
    held = [connect(context, port, token, f"{prefix}{i // PER_DOCUMENT}") for i in range(clients)]
    time.sleep(1)
    each = (resident_kilobytes(process) - before) / len(held)
    print(f"  {clients} idle clients over TLS: {each:.2f} kB each")
    print(f"figure idle_tls_kB {each:.4g} kB", flush=True)
    os._exit(0)  # not thousands of goodbyes


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
