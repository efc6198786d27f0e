"""JSON Web Tokens made without Converge's own code."""
import base64
import hashlib
import hmac
import json
import time


def encoded(content):
    """Base64url without padding, as a token's parts are written."""
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def sign(claims, secret, key_id="test", algorithm="HS256"):
    """A token of these claims, signed by HMAC-SHA-256 whatever algorithm it names."""
    header = {"alg": algorithm, "typ": "JWT", "kid": key_id}
    signed = encoded(json.dumps(header).encode()) + b"." + encoded(json.dumps(claims).encode())
    return (signed + b"." + encoded(hmac.digest(secret, signed, hashlib.sha256))).decode()


def token(tenant, principal, secret, key_id="test", lifetime=3600, **claims):
    """A good token for a principal of a tenant, which expires in lifetime seconds."""
    return sign({"tenant": tenant, "sub": principal, "exp": int(time.time()) + lifetime, **claims},
                secret, key_id)
