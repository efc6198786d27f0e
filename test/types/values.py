"""Random values of every type that the functions of Converge take, as SQL: valid
states, states that were cut or had bits flipped, NULLs, empties and huge ones."""
import json
import random

NUMBERS = [0, 1, 2, 3, 7, 100, -1, 2**31 - 1, -2**31, 2**31, 2**53 - 1, 2**53, 2**63 - 1, -2**63]
TEXTS = ["", "a", "key", "ключ", "語x😀y", "\u00e9" * 40, " ", "\\", "'\"\n\t\x01", "%s{}[]", "\ufffd",
         "𝕏" * 5, "9007199254740991", "{}", "null", '{"1": 2}', "\\x", "\\x11"]
JSONS = ["null", "true", "0", "-1.50", "1e400", '""', '"语"', "[]", "{}", "[1, [2, {\"a\": null}]]",
         '{"a": 1, "b": {"c": [1.0, "ü"]}}', "[" * 90 + "]" * 90]
# Yjs 13.6's own: all shared types, marks, an embed, a subdocument, what was deleted and
# collected, by two clients; what the second did, as an update v2; an array of objects.
YJS_UPDATES = [bytes.fromhex(update) for update in (
    "02020900c405010502036d6964a80514017d03170500040101740368c3a9840501016c81050202810504018405"
    "050bf09f98802077c3b6726c6446050004626f6c640474727565c10504050501c60502050304626f6c64046e75"
    "6c6cc5051005030d7b2261223a5b312c2278225d7dc105110503012101016d0161022101016d0162012701016d"
    "016e0128000516016b017e2901016d01640167760001010161018805190378760101787d407702c3bcc7051905"
    "1a020400051d02696e410519010101017801000687052105016801050503030f01120419012008",
    "000003094501020226010403c400a805036d696403000001010102007d0301050503020900020303000607",
    "010107000801016103" "7602016e7d010174770178" "7602016e7d02017479" "75017602016e7d0301747e" "00")]
POOL = 120           # states kept of a type
STATE_LIMIT = 20_000  # bytes of a kept state; now and then one is larger


def quote(text):
    """A text as a literal."""
    return "'" + text.replace("\x00", "").replace("'", "''") + "'"


def hex_literal(data):
    return f"'\\x{data.hex()}'::bytea"


class Values:
    """`states`: the qualified names of the types whose values are encoded states."""

    def __init__(self, chance: random.Random, states):
        self.chance = chance
        self.states = {name: [b""] for name in states}
        self.blobs = [b""]  # what functions gave as bytea: other encodings

    def keep(self, kind, data):
        """A state that the server gave becomes one to go on from."""
        pool = self.blobs if kind == "bytea" else self.states[kind]
        if len(data) > STATE_LIMIT and self.chance.random() > 0.02:
            return
        if len(pool) < POOL:
            pool.append(data)
        else:
            pool[self.chance.randrange(POOL)] = data

    def mutate(self, data):
        chance = self.chance
        out = bytearray(data)
        for _ in range(chance.choice([1, 1, 1, 2, 4])):
            at = chance.randrange(len(out) + 1)
            end = min(len(out), at + chance.choice([1, 1, 2, 8, 64]))
            what = chance.randrange(7)
            if what == 0 and at < len(out):
                out[at] ^= 1 << chance.randrange(8)
            elif what == 1 and at < len(out):
                out[at] = chance.choice([0, 1, 0x7f, 0x80, 0xff])
            elif what == 2:
                del out[at:]
            elif what == 3:
                del out[at:end]
            elif what == 4:
                out[at:at] = out[at:end]
            elif what == 5:
                out[at:at] = chance.choice([b"\x00", b"\xff" * 9 + b"\x01", b"\x80", chance.randbytes(3)])
            else:
                other = chance.choice(self.states[chance.choice(list(self.states))])
                out[at:end] = other[chance.randrange(len(other) + 1):][:end - at + 4]
        return bytes(out)

    def state(self, kind):
        """A state as bytes: valid at most times."""
        data = self.chance.choice(self.states[kind])
        return self.mutate(data) if self.chance.random() < 0.3 else data

    def text(self):
        chance = self.chance
        if chance.random() < 0.01:
            return chance.choice(TEXTS) * chance.choice([1000, 30_000])
        if chance.random() < 0.3:
            return "".join(chance.choice(TEXTS) for _ in range(chance.randrange(6)))
        return chance.choice(TEXTS)

    def json(self):
        chance = self.chance
        if chance.random() < 0.2:
            return json.dumps({self.text().replace("\x00", ""): chance.choice(NUMBERS)
                               for _ in range(chance.randrange(5))})
        return chance.choice(JSONS)

    def number(self, low, high):
        chance = self.chance
        number = chance.choice(NUMBERS) if chance.random() < 0.5 else chance.randrange(-3, 40)
        return number if low <= number <= high else chance.randrange(20)

    def sql(self, kind):
        """An expression of the type."""
        chance = self.chance
        if chance.random() < 0.03:
            return f"NULL::{kind}"
        if kind in self.states:
            return f"{hex_literal(self.state(kind))}::{kind}"
        if kind.endswith("[]"):
            if chance.random() < 0.1:
                return f"'{{}}'::{kind}"
            if chance.random() < 0.03:
                return f"ARRAY[ARRAY[{self.sql(kind[:-2])}], ARRAY[{self.sql(kind[:-2])}]]::{kind}"
            return f"ARRAY[{', '.join(self.sql(kind[:-2]) for _ in range(chance.randrange(1, 6)))}]::{kind}"
        if kind in ("text", "name", "cstring", "character varying"):
            text = self.text()
            if chance.random() < 0.3:
                text = "\\x" + self.state(chance.choice(list(self.states))).hex()
            return f"{quote(text)}::{kind}"
        if kind in ("jsonb", "json"):
            return f"{quote(self.json())}::{kind}"
        if kind == "bytea":
            if chance.random() < 0.5:
                return hex_literal(self.state(chance.choice(list(self.states))))
            data = chance.choice(YJS_UPDATES if chance.random() < 0.2 else self.blobs)
            return hex_literal(self.mutate(data) if chance.random() < 0.3 else data)
        if kind == "integer":
            return f"({self.number(-2**31, 2**31 - 1)})::integer"
        if kind == "smallint":
            return f"({self.number(-2**15, 2**15 - 1)})::smallint"
        if kind == "bigint":
            return f"('{self.number(-2**63, 2**63 - 1)}')::bigint"
        if kind == "converge.hlc":
            return f"('{self.number(-2**63, 2**63 - 1)}')::bigint::converge.hlc"
        if kind == "boolean":
            return chance.choice(["true", "false"])
        if kind == "timestamp with time zone":
            return chance.choice(["'infinity'", "'-infinity'", "'2026-11-21'", "'4713-01-01 BC'",
                                  "'294276-12-31'", "'1970-01-01'"]) + "::timestamptz"
        # Whatever there is besides: by its text form.
        return f"{quote(self.text())}::{kind}"
