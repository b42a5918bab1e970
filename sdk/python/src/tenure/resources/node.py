"""What belongs to the daemon and to no session: projects, workspaces, processes, tokens."""

from __future__ import annotations

from typing import Unpack, cast

from .. import api
from .._connection import Connection, fill
from .._pages import Listed

# Git may have much to read or to write, in seconds.
GIT_SECONDS = 900.0


class Projects:
    """Directories by a stable id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self) -> list[api.Project]:
        """All that are known."""
        return cast("list[api.Project]", (await self._connection.json("GET", "/v1/projects"))["items"])

    async def register(self, **project: Unpack[api.CreateProject]) -> api.Project:
        """Names a directory. The same id and path again is the same project; another path is `Conflict`."""
        return cast(api.Project, await self._connection.json("POST", "/v1/projects", body=project))


class Workspaces:
    """Directories in which sessions work, and git worktrees among them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, kind: str | None = None, limit: int | None = None) -> Listed[api.Workspace]:
        """All that there are."""
        query = {"kind": kind, "limit": limit}
        return Listed(lambda more: self._connection.json("GET", "/v1/workspaces", query=more), query)

    async def get(self, id: str) -> api.Workspace:
        """One of them; of a worktree also what would be lost with it."""
        path = fill("/v1/workspaces/{}", id)
        return cast(api.Workspace, await self._connection.json("GET", path, limit=GIT_SECONDS))

    async def diff(self, id: str) -> api.WorkspaceDiff:
        """What was done in a worktree since its base, committed or not."""
        path = fill("/v1/workspaces/{}/diff", id)
        return cast(api.WorkspaceDiff, await self._connection.json("GET", path, limit=GIT_SECONDS))

    async def merge(self, id: str, **how: Unpack[api.MergeWorkspace]) -> api.Merged:
        """Merges a worktree's work, or with `dry_run` tells what that would do."""
        path = fill("/v1/workspaces/{}/merge", id)
        return cast(api.Merged, await self._connection.json("POST", path, body=how, limit=GIT_SECONDS))

    async def discard(self, id: str, *, force: bool = False) -> api.Discarded:
        """Removes a worktree that Tenure made; with `force` also work that is nowhere else."""
        path = fill("/v1/workspaces/{}/discard", id)
        return cast(api.Discarded, await self._connection.json("POST", path, body={"force": force}, limit=GIT_SECONDS))


class Processes:
    """Processes of agents and commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reap(self) -> list[api.Process]:
        """Forgets those that have ended; each is given once."""
        return cast("list[api.Process]", (await self._connection.json("POST", "/v1/processes/reap"))["items"])

    async def list(self) -> list[api.Process]:
        """Those that run, and those that have ended and were not reaped."""
        return cast("list[api.Process]", (await self._connection.json("GET", "/v1/processes"))["items"])


class Tokens:
    """Tokens that may do less than the home's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self) -> list[api.TokenEntry]:
        """Names and scopes."""
        return cast("list[api.TokenEntry]", (await self._connection.json("GET", "/v1/tokens"))["items"])

    async def create(self, name: str, scope: api.TokenScope) -> api.TokenCreated:
        """Makes one; it is told this once."""
        body = {"name": name, "scope": scope}
        return cast(api.TokenCreated, await self._connection.json("POST", "/v1/tokens", body=body))

    async def remove(self, name: str) -> api.TokenEntry:
        """Removes one."""
        return cast(api.TokenEntry, await self._connection.json("DELETE", fill("/v1/tokens/{}", name)))
