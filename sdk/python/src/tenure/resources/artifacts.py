"""Named outputs of a session, with versions."""

from __future__ import annotations

import json
from typing import cast

from .. import api
from .._connection import Connection, fill


class Artifacts:
    """Artifacts of one session."""

    def __init__(self, connection: Connection, session: str) -> None:
        self._connection = connection
        self._session = session

    async def list(self) -> list[api.Artifact]:
        """All of them, each with its versions."""
        page = await self._connection.json("GET", fill("/v1/sessions/{}/artifacts", self._session))
        return cast("list[api.Artifact]", page["items"])

    async def read(self, key: str, *, version: int | None = None) -> bytes:
        """The bytes of the newest version, or of one."""
        query, headers = {"version": version}, {"accept": "*/*"}
        return await self._connection.whole("GET", self._path(key), query=query, headers=headers, limit=None)

    async def keep(self, key: str, content: bytes | str) -> api.ArtifactVersion:
        """Keeps bytes as a new version."""
        data = content.encode() if isinstance(content, str) else content
        headers = {"content-type": "application/octet-stream"}
        answer = await self._connection.whole("PUT", self._path(key), headers=headers, content=data, limit=None)
        return cast(api.ArtifactVersion, json.loads(answer))

    async def keep_file(self, key: str, path: str) -> api.ArtifactVersion:
        """Keeps a file of the session's directory as a new version."""
        answer = await self._connection.json("PUT", self._path(key), body={"path": path}, limit=None)
        return cast(api.ArtifactVersion, answer)

    def _path(self, key: str) -> str:
        return fill("/v1/sessions/{}/artifacts/{}", self._session, key)
