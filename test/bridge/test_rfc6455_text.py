"""RFC 6455, 5.6 and 8.1: a text is UTF-8, whole messages and not frames. A text
that is well-formed is answered (the bridge has no use for it), another ends the
connection with 1007."""
import itertools

import pytest

from frames import CONTINUATION, TEXT, frame

WELL_FORMED = {
    "nothing": b"",
    "U+0000": b"\0",
    "ASCII": bytes(range(1, 128)),
    "U+0080": "\u0080".encode(),
    "U+07FF": "\u07ff".encode(),
    "U+0800": "\u0800".encode(),
    "U+0FFF": "\u0fff".encode(),
    "U+1000": "\u1000".encode(),
    "U+CFFF": "\ucfff".encode(),
    "U+D7FF": "\ud7ff".encode(),
    "U+E000": "\ue000".encode(),
    "U+FFFD": "\ufffd".encode(),
    "U+FFFE": "\ufffe".encode(),
    "U+FFFF": "\uffff".encode(),
    "U+10000": "\U00010000".encode(),
    "U+3FFFF": "\U0003ffff".encode(),
    "U+40000": "\U00040000".encode(),
    "U+10FFFF": "\U0010ffff".encode(),
    "Greek": "κόσμε".encode(),
    "many scripts": "naïve 日本語 Ελλάδα 👩‍👩‍👧 עברית".encode(),
}
MALFORMED = {
    "a continuation alone": b"\x80",
    "the last continuation alone": b"\xbf",
    "a continuation too many": b"\xc3\xa9\xa9",
    "two bytes, one missing": b"\xc3",
    "two bytes, then ASCII": b"\xc3a",
    "three bytes, one missing": b"\xe2\x82",
    "three bytes, two missing": b"\xe2",
    "three bytes, then ASCII": b"\xe2\x82a",
    "four bytes, one missing": b"\xf0\x9f\x98",
    "four bytes, two missing": b"\xf0\x9f",
    "four bytes, three missing": b"\xf0",
    "four bytes, then ASCII": b"\xf0\x9f\x98a",
    "overlong / in two": b"\xc0\xaf",
    "overlong U+007F": b"\xc1\xbf",
    "overlong / in three": b"\xe0\x80\xaf",
    "overlong U+07FF": b"\xe0\x9f\xbf",
    "overlong / in four": b"\xf0\x80\x80\xaf",
    "overlong U+FFFF": b"\xf0\x8f\xbf\xbf",
    "overlong NUL": b"\xc0\x80",
    "the first surrogate": b"\xed\xa0\x80",
    "the last high surrogate": b"\xed\xaf\xbf",
    "the first low surrogate": b"\xed\xb0\x80",
    "the last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "U+110000": b"\xf4\x90\x80\x80",
    "U+13FFFF": b"\xf4\xbf\xbf\xbf",
    "byte F5": b"\xf5\x80\x80\x80",
    "byte F8": b"\xf8\x88\x80\x80\x80",
    "byte FC": b"\xfc\x84\x80\x80\x80\x80",
    "byte FE": b"\xfe",
    "byte FF": b"\xff",
    "good, then bad": "κόσμε".encode() + b"\xed\xa0\x80" + b"edited",
}


def cases(texts, clause):
    return [pytest.param(text, id=f"{clause}: {name}") for name, text in texts.items()]


@pytest.mark.parametrize("text", cases(WELL_FORMED, "5.6"))
def test_well_formed(raw, text):
    client = raw()
    client.send(frame(TEXT, text))
    client.expect_text_refused()


@pytest.mark.parametrize("text", cases(MALFORMED, "8.1"))
def test_malformed(raw, text):
    client = raw()
    client.send(frame(TEXT, text))
    client.expect_close(1007)


@pytest.mark.parametrize("text", cases(
    {name: WELL_FORMED[name] for name in ("U+07FF", "U+FFFD", "U+10FFFF", "Greek", "many scripts")}, "5.6"))
def test_characters_may_be_cut_anywhere(raw, text):
    client = raw()
    client.send(*(frame(TEXT if i == 0 else CONTINUATION, bytes([byte]), fin=i == len(text) - 1)
                  for i, byte in enumerate(text)))
    client.expect_text_refused()


@pytest.mark.parametrize("text", cases(
    {name: text for name, text in MALFORMED.items() if len(text) > 1}, "8.1"))
def test_malformed_across_fragments(raw, text):
    client = raw()
    for cut in itertools.islice(range(1, len(text)), 3):
        client.send(frame(TEXT, text[:cut], fin=False))
        client.send(frame(CONTINUATION, text[cut:]))
        client.expect_close(1007)
        client = raw()


def test_a_character_that_the_last_fragment_does_not_end(raw):
    """8.1"""
    client = raw()
    client.send(frame(TEXT, b"\xe2", fin=False), frame(CONTINUATION, b"\x82"))
    client.expect_close(1007)


def test_a_bad_fragment_ends_the_connection_before_the_last_has_come(raw):
    """8.1"""
    client = raw()
    client.send(frame(TEXT, b"ok \xff", fin=False))
    client.expect_close(1007)


def test_what_a_binary_message_holds_is_not_looked_at(raw):
    """5.6"""
    client = raw()
    client.send(frame(0x2, b"\xff\xfe\xed\xa0\x80"))
    assert "no ClientMessage" in client.message().problem.message
