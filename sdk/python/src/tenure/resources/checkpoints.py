"""States of the workspace's files that can be brought back."""

from __future__ import annotations

from typing import Any, Unpack, cast

from .. import api
from .._connection import Connection, fill
from .._pages import Listed


class Checkpoints:
    """Checkpoints of one session."""

    def __init__(self, connection: Connection, session: str) -> None:
        self._connection = connection
        self._session = session

    def list(self, *, limit: int | None = None) -> Listed[api.Checkpoint]:
        """All of them, newest first."""
        return Listed(lambda query: self._ask("GET", "", query=query), {"limit": limit})

    async def create(self, label: str | None = None) -> api.Checkpoint:
        """Records the files as they are now."""
        return cast(api.Checkpoint, await self._ask("POST", "", body={"label": label}))

    async def diff(self, checkpoint: str, *, against: str | None = None) -> api.CheckpointDiff:
        """What differs: `against` is `previous` (if left out), `workspace` or another checkpoint's id."""
        found = await self._ask("GET", "/{}/diff", checkpoint, query={"against": against})
        return cast(api.CheckpointDiff, found)

    async def restore(self, checkpoint: str, **how: Unpack[api.RewindHow]) -> api.RewindPlan:
        """Brings its state back, or with `dry_run` tells what that would change."""
        return cast(api.RewindPlan, await self._ask("POST", "/{}/restore", checkpoint, body=how))

    async def _ask(self, method: str, rest: str, *ids: str, **how: Any) -> Any:
        path = fill("/v1/sessions/{}/checkpoints" + rest, self._session, *ids)
        return await self._connection.json(method, path, **how)
