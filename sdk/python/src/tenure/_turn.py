"""One input and the turn that serves it: sent once (its id makes it so over any loss), followed to the turn's end, told
in a few words. The text pieces add up to what was said, also when some were missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from . import api
from ._connection import Connection, fill
from ._follow import Event, FollowOptions, follow
from .errors import Cancelled, Destroyed, TenureError

# Why an input can end without a turn, where its result tells the reason better.
TOLD_BY_RESULT = ("failed", "closed", "destroyed")


@dataclass(frozen=True)
class Text:
    """A piece of what the agent says. All pieces of a part are the part."""

    text: str
    message_id: str
    part_id: str


@dataclass(frozen=True)
class Thought:
    """A piece of what the agent thinks."""

    text: str
    message_id: str
    part_id: str


@dataclass(frozen=True)
class ToolStarted:
    """A tool call began."""

    tool: api.ToolStarted


@dataclass(frozen=True)
class ToolCompleted:
    """A tool call ended."""

    tool: api.ToolCompleted


@dataclass(frozen=True)
class Ask:
    """The agent asks; `Session.answer` answers, from here or anywhere."""

    ask: api.Ask


@dataclass(frozen=True)
class TurnLogged:
    """An event of the turn, also where one of the others tells of it."""

    event: Event


@dataclass(frozen=True)
class Lost:
    """The connection broke. Nothing is lost."""

    why: str


@dataclass(frozen=True)
class Connected:
    """The daemon was found: at first, and again after each loss."""


@dataclass(frozen=True)
class Result:
    """How it went; the last of all."""

    result: api.TurnResult


TurnEvent: TypeAlias = Text | Thought | ToolStarted | ToolCompleted | Ask | TurnLogged | Lost | Connected | Result


async def admit(connection: Connection, session: str, body: dict[str, Any]) -> Any:
    """Admits an input; with `wait: finished` gives the result of its turn, however long that takes."""
    path = fill("/v1/sessions/{}/inputs", session)
    limits = {} if body["wait"] == "accepted" else {"limit": None}
    return await connection.json("POST", path, body=body, **cast(Any, limits))


async def turn(
    connection: Connection, session: str, body: dict[str, Any], on_cancel: Literal["leave", "interrupt"]
) -> AsyncGenerator[TurnEvent, None]:
    """Sends an input and yields what its turn does; the last is its result. Leaving the loop leaves the turn running."""
    try:
        receipt: api.Receipt = await admit(connection, session, {**body, "wait": "accepted"})
        reader = Reader(connection, session, body["id"])
        # What a running turn has said before a steered input came is not ours.
        options = FollowOptions(
            after=receipt["seq"],
            deltas=True,
            on_lost=lambda why: reader.told.append(Lost(why)),
            on_connected=lambda: reader.told.append(Connected()),
        )
        path = fill("/v1/sessions/{}/events/stream", session)
        async with aclosing(follow(connection, path, "seq", options)) as events:
            async for event in events:
                await reader.take(event)
                for told in reader.tell():
                    yield told
                if reader.ended:
                    break
        result: api.TurnResult = await admit(connection, session, {**body, "wait": "finished"})
        yield Result(result)
    except asyncio.CancelledError:
        if on_cancel == "interrupt":
            await take_back(connection, session, body["id"])
        raise


async def take_back(connection: Connection, session: str, input_id: str) -> None:
    """Ends what a cancelled call has begun: takes its input back if it waits, else interrupts its turn."""
    try:
        await connection.json("DELETE", fill("/v1/sessions/{}/inputs/{}", session, input_id))
    except TenureError:
        # That it was cancelled is what the caller hears of; this is best effort.
        with suppress(TenureError):
            await connection.json("POST", fill("/v1/sessions/{}/interrupt", session), body={"wait": "accepted"})


@dataclass
class Said:
    """How much of each part was told, in characters (Unicode scalar values)."""

    parts: dict[str, int] = field(default_factory=dict)

    def piece(self, part_id: str, offset: int, text: str) -> str:
        """What is new in a piece; nothing if one before it was missed: the end of the message brings both."""
        had = self.parts.get(part_id, 0)
        if offset > had:
            return ""
        new = text[had - offset :]
        self.parts[part_id] = had + len(new)
        return new


class Reader:
    """Reads events until the input's turn has ended."""

    def __init__(self, connection: Connection, session: str, input_id: str) -> None:
        self._connection = connection
        self._session = session
        self._input = input_id
        self._turn: str | None = None
        self._said = Said()
        self.told: list[TurnEvent] = []
        self.ended = False

    def tell(self) -> Iterator[TurnEvent]:
        told, self.told = self.told, []
        return iter(told)

    async def take(self, event: Event) -> None:
        kind, data = event["type"], event["data"]
        if kind == "input.started" and data["input_id"] == self._input:
            self._turn = data["turn_id"]
        if kind == "input.cancelled" and data["input_id"] == self._input:
            # Whoever asks how its turn ended is told why the session failed.
            if data["reason"] not in TOLD_BY_RESULT:
                raise Cancelled(f"the input was taken back: {data['reason']}", session_id=self._session)
            self.ended = True
            return
        ours = self._turn is not None and event.get("turn_id") == self._turn
        if kind == "turn.completed":
            inputs = data.get("input_ids") or []
            self.ended = self._input in inputs or (ours and not inputs)
        if kind == "session.destroyed":
            message = "the session was destroyed before the turn ended"
            raise Destroyed(message, session_id=self._session)
        if ours:
            self.told.append(TurnLogged(event))
            await self._ours(kind, data)

    async def _ours(self, kind: str, data: Any) -> None:
        if kind == "message.delta" and not data.get("parent_tool_id"):
            text = self._said.piece(data["part_id"], data["offset"], data["text"])
            self._text(data["kind"], text, data["message_id"], data["part_id"])
        elif kind == "message.completed" and data["role"] == "assistant" and not data.get("parent_tool_id"):
            for part in data["parts"]:
                if part["type"] in ("text", "thought"):
                    await self._rest(data["message_id"], part)
        elif kind == "tool.started":
            self.told.append(ToolStarted(data))
        elif kind == "tool.completed":
            self.told.append(ToolCompleted(data))
        elif kind == "ask.opened":
            self.told.append(Ask(data))

    async def _rest(self, message_id: str, part: Any) -> None:
        """What of a part was not told yet."""
        whole: str = part["text"]
        if part.get("blob"):
            path = fill("/v1/sessions/{}/blobs/{}", self._session, part["blob"])
            whole = (await self._connection.whole("GET", path)).decode()
        self._text(part["type"], self._said.piece(part["id"], 0, whole), message_id, part["id"])

    def _text(self, kind: str, text: str, message_id: str, part_id: str) -> None:
        if text:
            made = Text if kind == "text" else Thought
            self.told.append(made(text, message_id, part_id))
