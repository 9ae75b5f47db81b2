"""Files that are no good photos, each with the error type it must fail with."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

HOSTILE = {
    "text.jpg": "not_an_image",
    "empty.jpg": "empty_file",
    "cut.jpg": "truncated_image",
    "head.jpg": "damaged_image",
    "garbled.png": "damaged_image",
    "folder.jpg": "not_a_file",
    "pipe.jpg": "not_a_file",
    "device.jpg": "not_a_file",
    "dangling.jpg": "missing_file",
    "loop.jpg": "not_a_file",
    "bomb.png": "too_large",
    "large.png": "too_large",
}


def make_hostile(folder: Path, photo: Path) -> None:
    """Fill ``folder`` with one of each; ``photo`` is a good JPEG."""
    data = photo.read_bytes()
    (folder / "text.jpg").write_text("These are words.\n" * 100)
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "head.jpg").write_bytes(data[:20])
    (folder / "garbled.png").write_bytes(png(40, 40, b"no zlib stream"))
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "dangling.jpg").symlink_to("nowhere")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "bomb.png").write_bytes(png(100_000, 100_000))
    (folder / "large.png").write_bytes(png(15_000, 15_000))


def png(width: int, height: int, compressed: bytes | None = None) -> bytes:
    """A greyscale PNG that claims a size and has next to no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(100)) if compressed is None else compressed
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
