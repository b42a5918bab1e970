"""Reads server-sent events from bytes. It knows nothing of what they mean."""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from .errors import Unintelligible

# A frame longer than this is none of ours, in characters (an agent's line may have 32 MB).
MOST = 80_000_000
END = re.compile(r"\r?\n\r?\n")
# Not `splitlines`, which takes more for the end of a line than the format does.
LINE = re.compile(r"\r?\n")


@dataclass(frozen=True)
class Frame:
    """One frame."""

    id: str | None
    event: str
    data: str


async def frames(body: AsyncIterable[bytes]) -> AsyncIterator[Frame]:
    """The frames of a body, comments left out."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    pieces: list[str] = []
    waiting = 0
    async for chunk in body:
        text = decoder.decode(chunk)
        waiting += len(text)
        if waiting > MOST:
            raise Unintelligible("a frame of over 80 MB")
        pieces.append(text)
        # A frame ends in an empty line; a piece without a newline cannot end one.
        if "\n" not in text:
            continue
        *blocks, rest = END.split("".join(pieces))
        pieces, waiting = [rest], len(rest)
        for block in blocks:
            frame = read(block)
            if frame is not None:
                yield frame


def read(block: str) -> Frame | None:
    number, event = None, "message"
    data: list[str] = []
    for line in LINE.split(block):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            number = value
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)
    return Frame(number, event, "\n".join(data)) if data else None
