"""Conversations, ours and other tools', as they lie on disk: listed, read, searched, counted. No agent runs for it."""

from __future__ import annotations

import uuid
from typing import Any, Literal, Unpack, cast

from .. import api
from .._connection import Connection, fill
from .._pages import Listed
from .._session import Session

# Codex and Claude Code load a conversation when they take it up; of a long one that takes its time.
ADOPT_SECONDS = 120.0


class History:
    """The past of a machine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        project: str | None = None,
        cwd: str | None = None,
        include_worktrees: bool | None = None,
        agent: str | None = None,
        branch: str | None = None,
        q: str | None = None,
        since: str | None = None,
        until: str | None = None,
        archived: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Listed[api.History]:
        """Conversations, newest first, each once."""
        query: dict[str, Any] = {"project": project, "cwd": cwd, "include_worktrees": include_worktrees, "agent": agent}
        query |= {"branch": branch, "q": q, "since": since, "until": until, "archived": archived}
        query |= {"limit": limit, "offset": offset}
        return Listed(lambda more: self._get("/v1/history", more), query)

    async def get(self, agent: str, native_id: str) -> api.History:
        """One conversation, by its agent and the agent's own id of it."""
        return cast(api.History, await self._get(fill("/v1/history/{}/{}", agent, native_id), {}))

    def messages(
        self,
        agent: str,
        native_id: str,
        *,
        branch: Literal["current", "all"] | None = None,
        subagent: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Listed[api.Message]:
        """Its messages, oldest first."""
        path = fill("/v1/history/{}/{}/messages", agent, native_id)
        query = {"branch": branch, "subagent": subagent, "limit": limit, "offset": offset}
        return Listed(lambda more: self._get(path, more), query)

    async def adopt(self, agent: str, native_id: str, /, **request: Unpack[api.AdoptConversation]) -> Session:
        """Goes on in one that another program began: a session of the agent that keeps it, with what was said before. One that a
        session here holds is `Conflict` with its `session_id`, one that another program is at work in `Busy`."""
        body = {"id": f"ses_{uuid.uuid4().hex}", **request}
        limit = None if request.get("wait") == "finished" else ADOPT_SECONDS
        path = fill("/v1/history/{}/{}/adopt", agent, native_id)
        made: api.Created = await self._connection.json("POST", path, body=body, limit=limit)
        return Session(self._connection, made["id"], made)

    async def transcript(
        self, agent: str, native_id: str, *, format: Literal["jsonl", "acp", "markdown", "html"] = "jsonl"
    ) -> str:
        """It as one text."""
        path = fill("/v1/history/{}/{}/transcript", agent, native_id)
        return (await self._connection.whole("GET", path, query={"format": format}, headers={"accept": "*/*"})).decode()

    async def index(self, *, wait_ms: int | None = None) -> api.IndexState:
        """How far the index of the past is; with `wait_ms` once it has read all that is there now."""
        return cast(api.IndexState, await self._get("/v1/index", {"wait_ms": wait_ms}))

    async def rebuild_index(self) -> api.IndexState:
        """Reads all of the past again."""
        return cast(api.IndexState, await self._connection.json("POST", "/v1/index/rebuild"))

    async def _get(self, path: str, query: dict[str, Any]) -> Any:
        return await self._connection.json("GET", path, query=query)
