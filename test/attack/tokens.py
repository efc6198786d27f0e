"""Tokens that are not good, each with why."""
import base64
import json
import os
import pathlib
import subprocess
import tempfile
import time

from database import run
from json_web_token import encoded, sign


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True).stdout


class Keys:
    """Two RSA keys, the first of which is the server's, and keys bound to an issuer and
    to a tenant."""

    def __init__(self, world):
        self.world = world
        self.folder = tempfile.TemporaryDirectory(prefix="converge-keys-")
        for name in ("own", "foreign"):
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.path(name))
        self.pem = openssl("pkey", "-in", self.path("own"), "-pubout").decode()
        self.der = openssl("pkey", "-in", self.path("own"), "-pubout", "-outform", "DER")
        run(world.session, "INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('rsa', 'RS256', %s)", self.pem)
        run(world.session, "INSERT INTO converge.jwt_key (kid, alg, secret, issuer, audience, tenant)"
            " VALUES ('bound', 'HS256', %s, 'https://issuer', 'converge', 'acme')", world.secret)
        run(world.session, "INSERT INTO converge.jwt_key (kid, alg, secret, valid_from, valid_until) VALUES"
            " ('past', 'HS256', %s, NULL, now() - interval '1 s'), ('future', 'HS256', %s, now() + interval '1 day', NULL)",
            world.secret, world.secret)

    def path(self, name):
        return str(pathlib.Path(self.folder.name, name + ".pem"))

    def rsa(self, claims, name, header=None):
        head = {"alg": "RS256", "kid": "rsa", **(header or {})}
        signed = encoded(json.dumps(head).encode()) + b"." + encoded(json.dumps(claims).encode())
        return (signed + b"." + encoded(openssl("dgst", "-sha256", "-sign", self.path(name), given=signed))).decode()


def raw(header, claims, secret):
    """A token of just these two texts."""
    import hashlib
    import hmac
    signed = encoded(header.encode()) + b"." + encoded(claims.encode())
    return (signed + b"." + encoded(hmac.digest(secret, signed, hashlib.sha256))).decode()


def good(keys):
    """What the bad ones differ from: these let one in."""
    claims = claims_of()
    return {"HS256": keys.world.token("globex", "ann"), "RS256": keys.rsa(claims, "own"),
            "bound": sign({**claims, "tenant": "acme", "iss": "https://issuer", "aud": "converge"}, keys.world.secret, "bound")}


def claims_of(**more):
    return {"tenant": "globex", "sub": "ann", "exp": int(time.time()) + 3600, **more}


def bad(keys):
    """{why: token}: each would be globex's ann if it were let in."""
    world, claims, now = keys.world, claims_of(), int(time.time())
    secret, token = world.secret, world.token("globex", "ann")
    head, body, signature = token.split(".")
    text = json.dumps(claims)
    hs256 = '{"alg":"HS256","kid":"test"}'
    jwk = {"kty": "oct", "k": encoded(b"0" * 32).decode()}
    flipped = base64.urlsafe_b64encode(bytes([base64.urlsafe_b64decode(signature + "=")[0] ^ 1]) +
                                       base64.urlsafe_b64decode(signature + "=")[1:]).rstrip(b"=").decode()
    tokens = {
        "expired": world.token("globex", "ann", lifetime=-60),
        "expired long ago": sign({**claims, "exp": 1}, secret),
        "without an end": sign({"tenant": "globex", "sub": "ann"}, secret),
        "an end that is no date": sign({**claims, "exp": "never"}, secret),
        "not valid yet": sign({**claims, "nbf": now + 3600}, secret),
        "issued in the future": sign({**claims, "iat": now + 3600}, secret),
        "a bit of the signature": f"{head}.{body}.{flipped}",
        "a part of the signature": f"{head}.{body}.{signature[:20]}",
        "without a signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{token}.{signature}",
        "other claims": f"{head}.{encoded(json.dumps({**claims, 'sub': 'ada'}).encode()).decode()}.{signature}",
        "another secret": sign(claims, os.urandom(32)),
        "an empty secret": sign(claims, b""),
        "a key that nobody has": sign(claims, secret, "unknown"),
        "a key that has ended": sign(claims, secret, "past"),
        "a key that is not valid yet": sign(claims, secret, "future"),
        "without a key's name": raw('{"alg":"HS256"}', text, secret),
        "a key's name that is SQL": sign(claims, secret, "' OR true --"),
        "another key": keys.rsa(claims, "foreign"),
        "PSS": pss(keys, claims),
        "public key as secret, PEM": sign(claims, keys.pem.encode(), "rsa"),
        "public key as secret, PEM without its end": sign(claims, keys.pem.strip().encode(), "rsa"),
        "public key as secret, DER": sign(claims, keys.der, "rsa"),
        "public key as secret, called RS256": sign(claims, keys.pem.encode(), "rsa", "RS256"),
        "RS256 of the secret's key": keys.rsa(claims, "own", {"kid": "test"}),
        "embedded jwk": raw(json.dumps({"alg": "HS256", "kid": "test", "jwk": jwk}), text, b"0" * 32),
        "embedded jwk, signed well": raw(json.dumps({"alg": "HS256", "kid": "test", "jwk": jwk}), text, secret),
        "embedded x5c": raw('{"alg":"HS256","kid":"test","x5c":["AAAA"]}', text, secret),
        "x5u": raw('{"alg":"HS256","kid":"test","x5u":"http://127.0.0.1/"}', text, secret),
        "jku": raw('{"alg":"HS256","kid":"test","jku":"http://127.0.0.1/"}', text, secret),
        "crit": raw('{"alg":"HS256","kid":"test","crit":["exp"]}', text, secret),
        "an empty crit": raw('{"alg":"HS256","kid":"test","crit":[]}', text, secret),
        "b64": raw('{"alg":"HS256","kid":"test","b64":false}', text, secret),
        "zip": raw('{"alg":"HS256","kid":"test","zip":"DEF"}', text, secret),
        "of another kind": raw('{"alg":"HS256","kid":"test","typ":"secevent+jwt"}', text, secret),
        "alg twice": raw('{"alg":"none","alg":"HS256","kid":"test"}', text, secret),
        "kid twice": raw('{"alg":"HS256","kid":"unknown","kid":"test"}', text, secret),
        "tenant twice": raw(hs256, '{"tenant":"acme",' + text[1:], secret),
        "tenant twice, once escaped": raw(hs256, '{"\\u0074enant":"acme",' + text[1:], secret),
        "exp twice": raw(hs256, '{"exp":4102444800,' + text[1:], secret),
        "tenant with a NUL": raw(hs256, text.replace("globex", "globex\\u0000"), secret),
        "an empty tenant": sign({**claims, "tenant": ""}, secret),
        "a list of tenants": sign({**claims, "tenant": ["globex"]}, secret),
        "without a principal": sign({"tenant": "globex", "exp": now + 60}, secret),
        "claims that are a list": raw(hs256, "[]", secret),
        "claims that go on": raw(hs256, text + "{}", secret),
        "an audience where the key has none": sign({**claims, "aud": "converge"}, secret),
        "another audience": sign({**claims, "tenant": "acme", "iss": "https://issuer", "aud": "other"}, secret, "bound"),
        "without an audience": sign({**claims, "tenant": "acme", "iss": "https://issuer"}, secret, "bound"),
        "another issuer": sign({**claims, "tenant": "acme", "iss": "https://issuer.evil", "aud": "converge"}, secret, "bound"),
        "without an issuer": sign({**claims, "tenant": "acme", "aud": "converge"}, secret, "bound"),
        "another tenant's key": sign({**claims, "iss": "https://issuer", "aud": "converge"}, secret, "bound"),
        "permissions that are none": sign({**claims, "permissions": {"note": "everything"}}, secret),
        "padding": f"{head}=.{body}.{signature}",
        "another base64": token.replace("-", "+").replace("_", "/") + "=",
        "a space": " " + token,
        "a newline": token + "\n",
        "revoked": sign({**claims, "jti": world.canary + "-jti"}, secret),
        "too long": sign({**claims, "more": "x" * 9000}, secret),
        "nothing": "",
        "no token": "globex",
    }
    for name in ("none", "None", "NONE", "nOnE", "", "HS512", "HS384", "ES256", "EdDSA", "RS256"):
        tokens[f"alg {name!r}"] = raw(json.dumps({"alg": name, "kid": "test"}), text, secret)
        tokens[f"alg {name!r} unsigned"] = (encoded(json.dumps({"alg": name, "kid": "test"}).encode()) + b"." +
                                            encoded(text.encode()) + b".").decode()
    return tokens


def pss(keys, claims):
    signed = encoded(b'{"alg":"RS256","kid":"rsa"}') + b"." + encoded(json.dumps(claims).encode())
    made = openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sign", keys.path("own"), given=signed)
    return (signed + b"." + encoded(made)).decode()
