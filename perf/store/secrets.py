"""Keeps secrets out of every file that the suite writes, whatever message brought them along."""

from __future__ import annotations

import html
import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
_NAMED = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|ACCESS_KEY|API_KEY|PRIVATE_KEY", re.IGNORECASE)
#: `scheme://user:password@host`: the password, of whatever length; not what our own lines expect there.
_IN_URL = re.compile(r"(?<=://)(?!USER:PASSWORD@HOST)([^\s/:@\"']*):[^\s/@\"']+(?=@)")
#: What a presigned URL is signed with; `=` and `&` may be percent-encoded, where the URL is part of another.
_SIGNED = re.compile(
    r"((?:X-Amz-Signature|X-Amz-Security-Token|[?&]Signature)(?:=|%3D))((?:(?!%26)[^\s&\"'<>\\|)])+)",
    re.IGNORECASE,
)
_SHORTEST = 8


def without_secrets(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """The text with every secret of this shell hidden.

    Secrets are what variables with such names hold (AWS keys, tokens, passwords), passwords in URLs, and the
    signatures of presigned ones; also percent-encoded, in base64, and as JSON and HTML write them. A value of
    under 8 characters or of lower-case letters alone, such as `postgres`, is hidden in URLs only: it
    is a word that stands elsewhere with another meaning.
    """
    for secret in _values(environ):
        text = text.replace(secret, HIDDEN)
    return _SIGNED.sub(rf"\1{HIDDEN}", _IN_URL.sub(rf"\1:{HIDDEN}", text))


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret: by its name, or a password or a signature in its URL."""
    return bool(_NAMED.search(name) or _IN_URL.search(value) or _SIGNED.search(value))


def _values(environ: Mapping[str, str]) -> Iterator[str]:
    """As they are and in every form; the longest first, since one may hold another."""
    found = {value for name, value in environ.items() if _NAMED.search(name)}
    found |= {match[1] for value in environ.values() if (match := re.search(r"://[^/:@]*:([^/@]+)@", value))}
    found |= {match[2] for value in environ.values() for match in _SIGNED.finditer(value)}
    found |= {unquote(each) for each in found}
    telling = {
        each for each in found if len(each) >= _SHORTEST and not re.fullmatch(r"[a-z]+|[\d.]+|/.*", each)
    }
    yield from sorted({form for each in telling for form in _forms(each)}, key=len, reverse=True)


def _forms(secret: str) -> Iterator[str]:
    """The secret as it is, and as URLs, JSON, HTML and base64 write it."""
    yield secret
    yield json.dumps(secret)[1:-1]
    for quoted in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield quoted
        yield re.sub("%..", lambda code: code[0].lower(), quoted)
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    for offset in range(3):
        yield from _within_base64(secret.encode(errors="replace"), offset)


def _within_base64(secret: bytes, offset: int) -> Iterator[str]:
    """What base64 writes for it *offset* bytes after a group of three: the characters of its bytes alone."""
    start, end = -(-offset * 8 // 6), (offset + len(secret)) * 8 // 6
    for characters in (b"+/", b"-_"):
        yield b64encode(bytes(offset) + secret, characters)[start:end].decode()
