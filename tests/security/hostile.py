"""What a hostile or broken WebSocket client sends, and what must come of it. Made from a random source, by its seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import Struct

from tests.security import protocol_messages
from tests.security.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FINAL,
    PING,
    PONG,
    TEXT,
    fragments,
    frame,
    length,
)

MESSAGE_BYTES = 64 * 1024
PROTOCOL_ERROR, INVALID_TEXT, NOT_ALLOWED, TOO_BIG = 1002, 1007, 1008, 1009
# Those of RFC 6455 section 7.4.1 that a server has for a client; 1000 is the answer to a goodbye.
CLOSE_CODES = frozenset({1000, PROTOCOL_ERROR, 1003, INVALID_TEXT, NOT_ALLOWED, TOO_BIG})


class Deed(Struct, kw_only=True):
    """Something to send, and what is to come of it.

    ``codes``: the connection is closed with one of these, or ``may_stay``; without any it stays open. ``answers``: the
    types of which one message at least must be (none: anything of the protocol). ``pong``: what the pong must carry.
    ``is_torn``: the client ends in the middle of it, and all that the server can do is end as well. ``goes_on``: more
    comes after what ends the connection, and where that is not read, TCP may take back the server's last words.
    """

    name: str
    data: bytes
    codes: frozenset[int] = frozenset()
    may_stay: bool = False
    answers: frozenset[str] = frozenset()
    pong: bytes | None = None
    is_torn: bool = False
    goes_on: bool = False

    @property
    def ends(self) -> bool:
        """Whether the server has to end the connection."""
        return bool(self.codes) and not self.may_stay


def deed(random: Random) -> Deed:
    """One of all kinds; those that keep the connection open are as frequent as all others."""
    made = random.choice(_STAYING if random.random() < 0.5 else _BREAKING)(random)
    made.name = f"{made.name}: {made.data[:80]!r}"
    return made


def _bytes(random: Random, low: int, high: int) -> bytes:
    return random.randbytes(random.randint(low, high))


def _closing(name: str, data: bytes, *codes: int, goes_on: bool = False) -> Deed:
    return Deed(name=name, data=data, codes=frozenset(codes or (PROTOCOL_ERROR,)), goes_on=goes_on)


def _reserved_bits(random: Random) -> Deed:
    first = FINAL | random.randrange(1, 8) << 4 | random.choice((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
    return _closing("reserved bits", frame(0, _bytes(random, 0, 100), first=first))


def _unknown_opcode(random: Random) -> Deed:
    opcode = random.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15))
    first = opcode | random.choice((0, FINAL))
    return _closing("an unknown opcode", frame(0, _bytes(random, 0, 100), first=first))


def _fragmented_control(random: Random) -> Deed:
    return _closing("a control frame in fragments", frame(0, b"", first=random.choice((CLOSE, PING, PONG))))


def _long_control(random: Random) -> Deed:
    data = frame(random.choice((CLOSE, PING, PONG)), b"\x03\xe8" + _bytes(random, 124, 500))
    return _closing("a control frame that is too long", data)


def _continuation_of_nothing(random: Random) -> Deed:
    first = CONTINUATION | random.choice((0, FINAL))
    return _closing("a continuation of nothing", frame(0, _bytes(random, 1, 50), first=first))


def _message_within_message(random: Random) -> Deed:
    begun = frame(0, b"[", first=random.choice((TEXT, BINARY)))
    return _closing("a message within a message", begun + frame(random.choice((TEXT, BINARY)), b"1"))


def _short_goodbye(random: Random) -> Deed:
    return _closing("a goodbye with half a code", frame(CLOSE, _bytes(random, 1, 1)))


def _goodbye_with_a_wrong_code(random: Random) -> Deed:
    # Not 1006: aiohttp takes it (conformance case 7.9.5).
    code = random.choice((0, 1, 999, 1004, 1005, 1015, 1016, 1100, 2000, 2999))
    return _closing("a goodbye with a wrong code", frame(CLOSE, code.to_bytes(2, "big") + b"bye"))


def _goodbye_that_is_no_text(random: Random) -> Deed:
    return _closing("a goodbye that is no text", frame(CLOSE, b"\x03\xe8" + _not_utf8(random)), INVALID_TEXT)


def _goodbye(random: Random) -> Deed:
    code = random.choice((1000, 1001, 1003, 1011, 3000, 4999))
    payload = random.choice((b"", code.to_bytes(2, "big"), code.to_bytes(2, "big") + "grüß dich".encode()))
    return Deed(name="a goodbye", data=frame(CLOSE, payload), codes=CLOSE_CODES | {code})


def _text_that_is_none(random: Random) -> Deed:
    payload = b'{"type":"' + _not_utf8(random) + b'"}'
    sizes = [random.randint(0, 5) for _ in range(random.randint(0, 4))]
    return _closing("text that is not UTF-8", b"".join(fragments(TEXT, payload, sizes)), INVALID_TEXT)


def _not_utf8(random: Random) -> bytes:
    wrong = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\xf8\x88\x80\x80\x80")
    return b"a" * random.randint(0, 20) + random.choice(wrong)


def _too_long(random: Random) -> Deed:
    size = random.choice((MESSAGE_BYTES + 1, 2**20, 2**32, 2**62, 2**63 - 1))
    head = bytes((FINAL | random.choice((TEXT, BINARY)),)) + length(size, form=64)
    data = head + b"\0\0\0\0" + _bytes(random, 0, 500)
    return _closing("a message that is too long", data, TOO_BIG, goes_on=True)


def _impossibly_long(random: Random) -> Deed:
    head = bytes((FINAL | TEXT,)) + length(random.randint(2**63, 2**64 - 1), form=64)
    data = head + b"\0\0\0\0abc"
    return _closing("a length with its highest bit set", data, PROTOCOL_ERROR, TOO_BIG, goes_on=True)


def _too_long_in_fragments(random: Random) -> Deed:
    payload = b" " * (MESSAGE_BYTES + random.randint(1, 20_000))
    data = b"".join(fragments(random.choice((TEXT, BINARY)), payload, [random.randint(1, 9_000) for _ in range(20)]))
    return _closing("fragments that are too long together", data, TOO_BIG, goes_on=True)


def _torn(random: Random) -> Deed:
    whole = _message(random).data
    return Deed(name="torn off", data=whole[: random.randrange(1, len(whole))], is_torn=True)


def _garbage(random: Random) -> Deed:
    return Deed(name="garbage", data=_bytes(random, 1, 2_000), is_torn=True)


def _damaged(random: Random) -> Deed:
    data = bytearray(_message(random).data)
    for _ in range(random.randint(1, 3)):
        data[random.randrange(min(len(data), 40))] ^= 1 << random.randrange(8)
    return Deed(name="a frame with bits turned over", data=bytes(data), is_torn=True)


def _message(random: Random) -> Deed:
    """A message of the protocol, right or wrong, in one of the many ways a frame may be written."""
    message, answers = protocol_messages.message(random)
    payload = message if isinstance(message, bytes) else _json(random, message)
    write: Callable[[Random, bytes], bytes] = random.choice((_plainly, _unmasked, _at_length, _in_fragments))
    if len(payload) > MESSAGE_BYTES:
        return _closing("a message that is too big", _plainly(random, payload), TOO_BIG)
    return Deed(name="a message", data=write(random, payload), answers=answers)


def _token(random: Random) -> Deed:
    payload = _json(random, protocol_messages.token(random))
    data, codes = _plainly(random, payload), frozenset({NOT_ALLOWED})
    return Deed(name="a token", data=data, codes=codes, may_stay=True, goes_on=True)


def _json(random: Random, value: Any) -> bytes:
    separators = random.choice(((",", ":"), (", ", " :")))
    return json.dumps(value, ensure_ascii=random.random() < 0.5, separators=separators).encode()


def _plainly(random: Random, payload: bytes) -> bytes:
    return frame(random.choice((TEXT, BINARY)), payload, mask=_bytes(random, 4, 4))


def _unmasked(_: Random, payload: bytes) -> bytes:
    return frame(TEXT, payload, mask=None)


def _at_length(random: Random, payload: bytes) -> bytes:
    """With a longer length field than is needed."""
    form = random.choice((16, 64)) if len(payload) < 65_536 else 64
    return bytes((FINAL | TEXT,)) + length(len(payload), form=form) + b"\0\0\0\0" + payload


def _in_fragments(random: Random, payload: bytes) -> bytes:
    pieces = fragments(TEXT, payload, [random.randint(0, len(payload)) for _ in range(random.randint(1, 6))])
    between = random.choice((b"", frame(PONG, b"unasked"), frame(PING, b"still there?")))
    return between.join(pieces)


def _ping(random: Random) -> Deed:
    payload = _bytes(random, 0, 125)
    return Deed(name="a ping", data=frame(PING, payload), pong=payload)


def _pong(random: Random) -> Deed:
    return Deed(name="a pong that nobody asked for", data=frame(PONG, _bytes(random, 0, 125)))


_STAYING = (*[_message] * 12, _ping, _pong)
_BREAKING = (
    _reserved_bits,
    _unknown_opcode,
    _fragmented_control,
    _long_control,
    _continuation_of_nothing,
    _message_within_message,
    _short_goodbye,
    _goodbye_with_a_wrong_code,
    _goodbye_that_is_no_text,
    _goodbye,
    _text_that_is_none,
    _too_long,
    _impossibly_long,
    _too_long_in_fragments,
    _token,
    _torn,
    _garbage,
    _damaged,
)
