"""Commands where a session works: run whole, or streamed."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from .. import api
from .._connection import Connection, fill
from .._sse import Frame, frames
from ..errors import Unintelligible, Unreachable

# Milliseconds that a command takes at most unless its request says otherwise.
USUAL_MS = 120_000
# What an answer may take beyond its command, in seconds.
MARGIN_SECONDS = 60.0
# The daemon sends a comment every 15 s; a stream that is silent for three of them is dead.
SILENCE_SECONDS = 45.0


@dataclass(frozen=True)
class ExecStarted:
    """It runs; the first piece."""

    exec_id: str
    pid: int


@dataclass(frozen=True)
class ExecOutput:
    """Bytes that it wrote."""

    stream: Literal["stdout", "stderr"]
    data: bytes


@dataclass(frozen=True)
class ExecEnded:
    """It ended; the last piece. Its outputs are not repeated here."""

    result: api.ExecResult


ExecPiece: TypeAlias = ExecStarted | ExecOutput | ExecEnded


async def run(connection: Connection, session: str, request: api.ExecRequest) -> api.ExecResult:
    """Runs a command to its end. A lost answer is asked for again: the command runs once."""
    limit = (request.get("timeout_ms") or USUAL_MS) / 1000 + MARGIN_SECONDS
    answer = await connection.json("POST", fill("/v1/sessions/{}/exec", session), body=request, limit=limit)
    return cast(api.ExecResult, answer)


async def run_stream(connection: Connection, session: str, request: api.ExecRequest) -> AsyncGenerator[ExecPiece, None]:
    """Runs a command and yields what it writes. Leaving the loop cancels it."""
    headers = {"accept": "text/event-stream", "content-type": "application/json"}
    path, content = fill("/v1/sessions/{}/exec", session), json.dumps(request).encode()
    asked = connection.open("POST", path, headers=headers, content=content, silence=SILENCE_SECONDS)
    async with asked as answer:
        async for frame in frames(answer.aiter_bytes()):
            piece = read(frame)
            yield piece
            if isinstance(piece, ExecEnded):
                return
    raise Unreachable("the daemon was lost before the command ended, and the command with it")


def read(frame: Frame) -> ExecPiece:
    data = json.loads(frame.data)
    if frame.event == "started":
        return ExecStarted(data["exec_id"], data["pid"])
    if frame.event == "stdout":
        return ExecOutput("stdout", decoded(data))
    if frame.event == "stderr":
        return ExecOutput("stderr", decoded(data))
    if frame.event == "ended":
        return ExecEnded(data)
    raise Unintelligible(f"a frame `{frame.event}` of a command")


def decoded(output: api.ExecOutput) -> bytes:
    encoded = output.get("base64")
    return base64.b64decode(encoded) if encoded else (output.get("text") or "").encode()
