"""Asks the daemon, finds it again when it was restarted, and repeats what may be repeated. Every request of this client
may be: by its method, its `Idempotency-Key`, or an id in its body."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from . import _place
from ._place import Link, Place, Start, sentence
from .errors import Busy, NotReady, TenureError, Timeout, Unintelligible, Unreachable, Usage, of_problem

# What an ordinary request may take. Verbs answer when they are done.
REQUEST_SECONDS = 120.0
# How long a request looks for a daemon that was there a moment ago.
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.05

Query = Mapping[str, Any]


def fill(path: str, *ids: str) -> str:
    """Fills `{}` of a path in order."""
    for one in ids:
        if not one:
            raise Usage(f"an id for {path} is missing or empty")
    return path.format(*(quote(one, safe="") for one in ids))


def words(query: Query | None) -> dict[str, str]:
    """A query as it is written; what is None is left out."""
    written = {}
    for name, value in (query or {}).items():
        if isinstance(value, bool):
            written[name] = "true" if value else "false"
        elif isinstance(value, (list, tuple)):
            written[name] = ",".join(value)
        elif value is not None:
            written[name] = str(value)
    return written


class Connection:
    """One daemon, wherever it is at the moment."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._link: Link | None = None
        self._left: list[Link] = []
        self._finding = asyncio.Lock()
        self._closed = False

    async def json(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        limit: float | None = REQUEST_SECONDS,
    ) -> Any:
        """Asks, and reads the answer as JSON. `limit` is in seconds."""
        content = None if body is None else json.dumps(body).encode()
        head = {**(headers or {}), **({} if body is None else {"content-type": "application/json"})}
        data = await self.whole(method, path, query=query, content=content, headers=head, limit=limit)
        try:
            return json.loads(data)
        except ValueError:
            message = "the answer is no JSON; is this a Tenure daemon, and of this version?"
            raise Unintelligible(message) from None

    async def whole(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: float | None = REQUEST_SECONDS,
    ) -> bytes:
        """Asks, and reads the answer whole. A lost connection is followed by another try."""
        head = dict(headers or {})
        if method == "POST" or (method == "PUT" and head.get("content-type") == "application/json"):
            head.setdefault("idempotency-key", str(uuid.uuid4()))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            known = self._link is not None
            try:
                return await self._once(method, path, query, content, head, limit)
            except TenureError as error:
                # One that was never there is not waited for.
                if not known or not may_pass(error) or time.monotonic() > deadline:
                    raise
                lost = isinstance(error, Unreachable)
            await asyncio.sleep(PAUSE_SECONDS)
            if lost:
                try:
                    await self.find_again("killed")
                except TenureError:
                    continue

    async def _once(
        self,
        method: str,
        path: str,
        query: Query | None,
        content: bytes | None,
        headers: Mapping[str, str],
        limit: float | None,
    ) -> bytes:
        # Finding, and perhaps starting, a daemon has a limit of its own.
        link = await self.link()
        try:
            async with (
                asyncio.timeout(limit),
                self.open(method, path, query=query, content=content, headers=headers, link=link) as answer,
            ):
                return await answer.aread()
        except TimeoutError:
            raise Timeout(f"the daemon did not answer within {limit:.0f} s") from None

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        link: Link | None = None,
        silence: float | None = None,
    ) -> AsyncGenerator[httpx.Response, None]:
        """Asks once, and gives the answer's head; the body is the caller's to read. `silence` is how many seconds nothing
        may come. An answer that is a problem is raised, and so is a connection that breaks inside."""
        via = link or await self.link()
        head = {"accept": "application/json", **(headers or {})}
        timeout = httpx.Timeout(None, connect=_place.HEALTH_SECONDS, read=silence)
        try:
            async with via.http.stream(
                method, path, params=words(query), content=content, headers=head, timeout=timeout
            ) as answer:
                if answer.status_code >= 400:
                    raise problem(answer.status_code, await answer.aread())
                yield answer
        except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError) as error:
            # httpx tells by a plain error that its client was closed.
            if isinstance(error, RuntimeError) and not isinstance(error, httpx.StreamError) and not self._closed:
                raise
            raise Unreachable(f"the daemon at {via.name} is lost: {sentence(error)}") from error

    async def link(self) -> Link:
        """The way to the daemon, looked for at the first use."""
        return self._link or await self._find("always", None)

    async def find_again(self, start: Start) -> Link:
        """Looks the daemon up anew: port and socket may have changed. One that was stopped is not started."""
        return await self._find(start, self._link)

    async def _find(self, start: Start, old: Link | None) -> Link:
        # Of those who look at once one looks.
        async with self._finding:
            if self._closed:
                raise Usage("this client was closed")
            if self._link is not None and self._link is not old:
                return self._link
            found = await _place.find(self._place, start)
            # Answers that still come over the old way are not cut off; it holds no idle connection.
            if self._link is not None:
                self._left.append(self._link)
            self._link = found
            return found

    async def close(self) -> None:
        """Ends what this client holds. The daemon and its sessions go on."""
        self._closed = True
        links = [*self._left, *([self._link] if self._link else [])]
        self._link, self._left = None, []
        for link in links:
            await link.http.aclose()


def problem(status: int, body: bytes) -> TenureError:
    try:
        found = of_problem(status, json.loads(body))
    except ValueError:
        found = None
    return found or Unintelligible(f"status {status} and no problem+json; is this a Tenure daemon?")


def may_pass(error: TenureError) -> bool:
    """Whether the same request may do better in a moment."""
    if isinstance(error, Busy):
        # The first of two equal requests still runs: what a repeated one meets after its answer was lost.
        return re.search("idempotency-key", str(error), re.IGNORECASE) is not None
    return isinstance(error, (Unreachable, NotReady))
