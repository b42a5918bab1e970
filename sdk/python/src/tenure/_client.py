"""The client of one daemon, and what belongs to no single session."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType
from typing import Any, Literal, Self, Unpack, cast

from . import api
from ._connection import Connection, fill
from ._follow import Event, FollowOptions, follow
from ._pages import Listed
from ._place import Place
from ._session import Answer, Session, answer_body
from .resources.history import History
from .resources.node import Processes, Projects, Tokens, Workspaces

# What a create may take, in seconds: a large worktree takes time, and so may its setup.
CREATE_SECONDS = 120.0
WORKTREE_SECONDS = 4500.0


class Tenure:
    """A client of one daemon. Connects at its first use; `async with` closes it, or `aclose`.

    With nothing given: the daemon of the home (`home`, else `TENURE_HOME`, else the XDG state directory), by its Unix
    socket, started if none runs (with `binary`, else `TENURE_BIN`, else the `tenure` on the PATH) unless `start` is False.
    With `url` and `token`, or with `socket`: that daemon; nothing is started.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        socket: str | None = None,
        home: str | None = None,
        start: bool = True,
        binary: str | None = None,
    ) -> None:
        self._connection = Connection(Place(url, token, socket, home, start, binary))
        #: Sessions: made, found, listed.
        self.sessions = Sessions(self._connection)
        #: Directories by a stable id.
        self.projects = Projects(self._connection)
        #: Directories in which sessions work, git worktrees among them.
        self.workspaces = Workspaces(self._connection)
        #: Processes of agents and commands.
        self.processes = Processes(self._connection)
        #: Narrower tokens.
        self.tokens = Tokens(self._connection)
        #: Conversations, ours and other tools'.
        self.history = History(self._connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends what this client holds. The daemon and its sessions go on."""
        await self._connection.close()

    def session(self, id: str) -> Session:
        """A session by its id, without asking whether there is one."""
        return Session(self._connection, id)

    async def health(self) -> api.HealthReply:
        """The daemon's version and whether it answers."""
        return cast(api.HealthReply, await self._connection.json("GET", "/healthz"))

    async def info(self) -> api.Info:
        """What the daemon is, counts, and limits in force."""
        return cast(api.Info, await self._connection.json("GET", "/v1/info"))

    async def agents(self) -> list[api.AgentEntry]:
        """The agents that it knows, installed or not."""
        return cast(list[api.AgentEntry], (await self._connection.json("GET", "/v1/agents"))["items"])

    async def asks(self, *, state: str | None = "open", limit: int | None = None) -> list[api.Ask]:
        """Asks of all sessions: open ones, or all with `state=None`."""
        page = await self._connection.json("GET", "/v1/asks", query={"state": state, "limit": limit})
        return cast(list[api.Ask], page["items"])

    async def answer(self, ask_id: str, answer: Answer) -> api.AskAnswered:
        """Answers an ask of any session. The first answer wins; a later one is `Conflict`."""
        path = fill("/v1/asks/{}", ask_id)
        return cast(api.AskAnswered, await self._connection.json("POST", path, body=answer_body(answer)))

    def follow(
        self,
        *,
        session: str | None = None,
        tag: str | None = None,
        after: int | Literal["now"] = 0,
        types: Sequence[str] | None = None,
        deltas: bool = False,
        patience: float = 60.0,
        on_lost: Callable[[str], None] | None = None,
        on_connected: Callable[[], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Events of all sessions, or of those with a tag, by `gseq`; over restarts of the daemon."""
        narrowed = {"session": session, "tag": tag}
        options = FollowOptions(after, types, deltas, patience, on_lost, on_connected, narrowed)
        return follow(self._connection, "/v1/events/stream", "gseq", options)

    async def search(
        self,
        q: str | None = None,
        *,
        role: str | None = None,
        tool: str | None = None,
        file: str | None = None,
        agent: str | None = None,
        native_id: str | None = None,
        project: str | None = None,
        cwd: str | None = None,
        since: str | None = None,
        until: str | None = None,
        order: Literal["newest", "rank"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> api.SearchReply:
        """Finds words in what was said, in all conversations of this machine."""
        query = {"q": q, "role": role, "tool": tool, "file": file, "agent": agent, "native_id": native_id}
        query |= {"project": project, "cwd": cwd, "since": since, "until": until, "order": order, "cursor": cursor}
        found = await self._connection.json("GET", "/v1/search", query={**query, "limit": limit})
        return cast(api.SearchReply, found)

    async def usage(
        self,
        *,
        by: Literal["day", "model", "project", "agent", "session"] | None = None,
        agent: str | None = None,
        project: str | None = None,
        cwd: str | None = None,
        model: str | None = None,
        since: str | None = None,
        until: str | None = None,
        utc_offset_minutes: int | None = None,
    ) -> api.UsageReply:
        """Counts tokens and their cost, over all conversations of this machine."""
        query = {"by": by, "agent": agent, "project": project, "cwd": cwd, "model": model, "since": since}
        counted = {**query, "until": until, "utc_offset_minutes": utc_offset_minutes}
        return cast(api.UsageReply, await self._connection.json("GET", "/v1/usage", query=counted))

    async def request(
        self, method: str, path: str, *ids: str, query: dict[str, Any] | None = None, body: Any = None
    ) -> Any:
        """Any request of the HTTP interface: `request("GET", "/v1/sessions/{}/todos", "s1")`."""
        return await self._connection.json(method, fill(path, *ids), query=query, body=body)


class Sessions:
    """Sessions of a daemon."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, **request: Unpack[api.CreateSession]) -> Session:
        """Creates one: `create(agent="claude", cwd="/src/project")`. It starts its agent at once; `wait="live"` waits for
        that. The same `id` and request again is the same one."""
        body = {"id": f"ses_{uuid.uuid4().hex}", **request}
        workspace = request.get("workspace")
        limit: float | None = WORKTREE_SECONDS if isinstance(workspace, dict) else CREATE_SECONDS
        if request.get("wait") == "finished":
            limit = None
        made: api.Created = await self._connection.json("POST", "/v1/sessions", body=body, limit=limit)
        return Session(self._connection, made["id"], made)

    async def get(self, id: str) -> api.Session:
        """One of them, as it is now."""
        return cast(api.Session, await self._connection.json("GET", fill("/v1/sessions/{}", id)))

    def list(
        self,
        *,
        lifecycle: str | None = None,
        activity: str | None = None,
        agent: str | None = None,
        project: str | None = None,
        cwd: str | None = None,
        native_id: str | None = None,
        workspace: str | None = None,
        tag: str | None = None,
        archived: Literal["true", "false", "any"] | None = None,
        q: str | None = None,
        limit: int | None = None,
    ) -> Listed[api.Session]:
        """Those that fit; newest activity first."""
        query = {"lifecycle": lifecycle, "activity": activity, "agent": agent, "project": project, "cwd": cwd}
        query |= {"native_id": native_id, "workspace": workspace, "tag": tag, "archived": archived, "q": q}
        return Listed(lambda more: self._connection.json("GET", "/v1/sessions", query=more), {**query, "limit": limit})
