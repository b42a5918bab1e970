"""Following events: each durable one once and in order, over lost connections and restarts of the daemon. The position is
the number of the last event that was handed on, so a stream that is joined anew begins right after it. It keeps no
events; a reader that is slow slows the socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, cast


from ._connection import Connection, may_pass
from ._sse import Frame, frames
from .errors import NotStarted, TenureError, Unintelligible, Unreachable

# The daemon sends a comment every 15 s; a stream that is silent for three of them is dead.
SILENCE_SECONDS = 45.0
FIRST_PAUSE_SECONDS = 0.025
LONGEST_PAUSE_SECONDS = 2.0
PATIENCE_SECONDS = 60.0

# `type` tells the shape of `data`; a later daemon may send kinds that are not in `api`. An event without a `seq` has no
# number: it is a piece of what is being written (`message.delta`, …), or a `gap` that retention has left.
Event = dict[str, Any]


def is_durable(event: Event) -> bool:
    """Whether it is a numbered fact."""
    return event.get("seq") is not None


@dataclass
class FollowOptions:
    """Where to begin, and what to bring."""

    #: The number of the last event that is known already: `seq`, or `gseq` over all sessions. `"now"` for what comes.
    after: int | Literal["now"] = 0
    #: Names of the events wanted, for example `turn.*`; all if left out.
    types: Sequence[str] | None = None
    #: Bring ephemeral events too.
    deltas: bool = False
    #: How long a daemon that does not answer is looked for, in seconds.
    patience: float = PATIENCE_SECONDS
    #: Told once when the connection breaks; nothing is lost.
    on_lost: Callable[[str], None] | None = None
    #: Told when the daemon was found: at first, and again after each loss.
    on_connected: Callable[[], None] | None = None
    query: dict[str, Any] = field(default_factory=dict)


async def follow(
    connection: Connection, path: str, number: Literal["seq", "gseq"], options: FollowOptions
) -> AsyncGenerator[Event, None]:
    """Yields what comes until the session is destroyed, the loop is left or patience ends."""
    follower = Follower(connection, path, number, options)
    pause = FIRST_PAUSE_SECONDS
    while True:
        before = follower.after
        start: Literal["killed", "never"] = "killed"
        try:
            async with aclosing(follower.one_stream()) as events:
                async for event in events:
                    yield event
            if follower.ended:
                return
            # Ended properly, as by a daemon that was stopped: looked for, but not started.
            start = "never"
            follower.lose("the daemon was stopped")
        except Raised as raised:
            raise raised.error from None
        except TenureError as error:
            if not may_pass(error):
                raise
            follower.lose(str(error))
        if follower.after != before:
            pause = FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        await follower.find(start)


class Raised(Exception):
    """What a callback raised while a connection was open, so that an error of the operating system's is not taken for that
    connection's."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Follower:
    """The position, and what it takes to go on there."""

    def __init__(
        self, connection: Connection, path: str, number: Literal["seq", "gseq"], options: FollowOptions
    ) -> None:
        self._connection = connection
        self._path = path
        self._number = number
        self._options = options
        self._generation: str | None = None
        self._lost_since: float | None = None
        self.after = options.after
        self.ended = False

    async def one_stream(self) -> AsyncGenerator[Event, None]:
        headers = {"accept": "text/event-stream"}
        if self._generation is not None:
            headers["tenure-log-generation"] = self._generation
        options = self._options
        query = {**options.query, "after": self.after, "types": options.types, "deltas": options.deltas}
        asked = self._connection.open("GET", self._path, query=query, headers=headers, silence=SILENCE_SECONDS)
        async with asked as answer:
            self._generation = self._generation or answer.headers.get("tenure-log-generation")
            position = answer.headers.get("tenure-position")
            if self.after == "now" and position is not None:
                self.after = int(position)
            self._lost_since = None
            if options.on_connected is not None:
                try:
                    options.on_connected()
                except Exception as error:
                    raise Raised(error) from error
            async for frame in frames(answer.aiter_bytes()):
                event = self._take(frame)
                if event is not None:
                    yield event

    def _take(self, frame: Frame) -> Event | None:
        try:
            value = json.loads(frame.data)
            if frame.event == "gap":
                if self._number == "seq":
                    self.after = int(value["to"])
                return {"type": "gap", "data": value}
            if frame.id is None:
                return cast(Event, value)
            position = int(value[self._number])
        except (ValueError, KeyError, TypeError) as error:
            raise Unintelligible(f"a frame of the stream cannot be read: {error}") from error
        if self.after != "now" and position <= self.after:
            return None
        self.after = position
        self.ended = self.ended or (self._number == "seq" and value["type"] == "session.destroyed")
        return cast(Event, value)

    def lose(self, why: str) -> None:
        if self._lost_since is None:
            self._lost_since = time.monotonic()
            if self._options.on_lost is not None:
                self._options.on_lost(why)

    async def find(self, start: Literal["killed", "never"]) -> None:
        try:
            await self._connection.find_again(start)
        except (Unreachable, NotStarted):
            if time.monotonic() - (self._lost_since or 0) > self._options.patience:
                raise
