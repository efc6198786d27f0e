"""TLS: its versions, and certificates that are replaced while the bridge runs."""
import signal
import socket
import ssl
import subprocess

import pytest
import websocket

from clients import BUILD
from database import wait_until


def make_certificate(folder, name):
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "1", "-subj", f"/CN={name}", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def files(tmp_path):
    return make_certificate(tmp_path, "first")


@pytest.fixture
def bridge(database, start_bridge, files):
    return start_bridge(database, "--tls-certificate", str(files[0]), "--tls-key", str(files[1]))


def shake_hands(bridge, **versions):
    """The TLS connection; its certificate is not checked."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, version in versions.items():
        setattr(context, name, version)
    host, port = bridge.address.rsplit(":", 1)
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=60))


def common_name(bridge):
    with shake_hands(bridge) as connection:
        der = connection.getpeercert(binary_form=True)
    text = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject"], input=der,
                          capture_output=True, check=True).stdout.decode()
    return text.strip().rsplit("=", 1)[1].strip()


def answer_of(peer):
    """The next message that is no change: the stream may come late with what the document had."""
    from wire import ServerMessage
    while True:
        message = ServerMessage.FromString(peer.recv())
        if message.WhichOneof("message") != "changes":
            return message


def follow(bridge, database, document):
    from wire import ClientMessage
    peer = websocket.create_connection(f"wss://{bridge.address}/sync", timeout=60, sslopt={"cert_reqs": ssl.CERT_NONE})

    def ask(fill):
        message = ClientMessage()
        fill(message)
        peer.send_binary(message.SerializeToString())
        return answer_of(peer)

    def hello(message):
        message.hello.protocol = 2
        message.hello.token = database.token()

    def subscribe(message):
        message.subscribe.request = 1
        message.subscribe.document.collection = "note"
        message.subscribe.document.key = document
    assert ask(hello).WhichOneof("message") == "welcome"
    answer = ask(subscribe).subscribed
    return peer, ask, answer


@pytest.mark.parametrize("size", [10, 3_000_000])  # more than a record, and than a socket takes at once
def test_a_document_over_tls(database, bridge, size):
    import random
    body = "".join(random.Random(size).choices("abcdefghijklmnopqrstuvwxyz ", k=size))
    database.insert("secret", body=body)
    peer, ask, answer = follow(bridge, database, "secret")
    assert len(answer.pull.SerializeToString()) > size
    # And in: beyond one record, several at once.
    for nonce in range(20):
        message_answer = ask(lambda message: setattr(message.ping, "nonce", nonce + 1))
        assert message_answer.pong.nonce == nonce + 1
    from frames import ping_message
    for nonce in range(20):
        peer.send_binary(ping_message(nonce + 1, 60_000))
    assert [answer_of(peer).pong.nonce for _ in range(20)] == list(range(1, 21))
    peer.close()


def test_only_the_latest_version_by_default(bridge):
    with shake_hands(bridge) as connection:
        assert connection.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        shake_hands(bridge, maximum_version=ssl.TLSVersion.TLSv1_2)


def test_an_older_version_by_choice(database, start_bridge, files):
    bridge = start_bridge(database, "--tls-certificate", str(files[0]), "--tls-key", str(files[1]), "--tls-version", "1.2")
    with shake_hands(bridge, maximum_version=ssl.TLSVersion.TLSv1_2) as connection:
        assert connection.version() == "TLSv1.2"
    with pytest.raises((ssl.SSLError, OSError)):
        shake_hands(bridge, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_a_certificate_is_replaced_while_the_bridge_runs(database, bridge, files, tmp_path):
    database.insert("stays")
    peer, ask, _ = follow(bridge, database, "stays")
    assert common_name(bridge) == "first"
    for old, new in zip(files, make_certificate(tmp_path, "second")):
        new.replace(old)
    bridge.process.send_signal(signal.SIGHUP)
    wait_until(lambda: common_name(bridge) == "second", "the new certificate")
    # Who was connected stays so.
    assert ask(lambda message: setattr(message.ping, "nonce", 9)).pong.nonce == 9
    # One that cannot be used changes nothing.
    files[0].write_text("no certificate")
    bridge.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "stays in use" in bridge.log(), "the complaint")
    assert common_name(bridge) == "second"
    peer.close()


def test_who_does_not_speak_tls_is_sent_away(bridge):
    with pytest.raises((websocket.WebSocketException, OSError)):
        websocket.create_connection(f"ws://{bridge.address}/sync", timeout=60)
    assert common_name(bridge) == "first"  # others notice nothing


@pytest.mark.parametrize("which,message", [
    ("no certificate", "cannot use the certificate"), ("another's key", "cannot use the key"), ("no file", "a file that can be read")])
def test_settings_that_cannot_work(tmp_path, files, which, message):
    certificate, key = files
    if which == "no certificate":
        certificate.write_text("nothing")
    elif which == "another's key":
        key = make_certificate(tmp_path, "other")[1]
    else:
        certificate = tmp_path / "absent"
    run = subprocess.run([BUILD / "converge-bridge", "--check-config", "--tls-certificate", certificate, "--tls-key", key],
                         capture_output=True, text=True)
    assert run.returncode == 2 and message in run.stderr, run.stderr
