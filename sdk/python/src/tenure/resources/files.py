"""The files where a session works, as bytes. Paths are relative to its directory, or absolute and below it."""

from __future__ import annotations

import json
from typing import Any, cast

from .. import api
from .._connection import Connection, fill
from .._pages import Listed


class Files:
    """Files of one session. Needs no live agent."""

    def __init__(self, connection: Connection, session: str) -> None:
        self._connection = connection
        self._session = session

    async def read(self, path: str) -> bytes:
        """A file's bytes."""
        at = self._path("")
        return await self._connection.whole("GET", at, query={"path": path}, headers={"accept": "*/*"}, limit=None)

    async def text(self, path: str) -> str:
        """A file's text, UTF-8."""
        return (await self.read(path)).decode()

    async def write(
        self, path: str, content: bytes | str, *, mode: str | None = None, if_match: str | None = None
    ) -> api.FileEntry:
        """Writes a file whole, beside the old one, and replaces it. Directories on the way are made.

        `mode` are permissions, for example `755`; else those of the file that is replaced. With `if_match` it is written
        only if the file's etag is this one; with `"absent"` only if there is none; else `Conflict`.
        """
        headers = {"content-type": "application/octet-stream"}
        if if_match == "absent":
            headers["if-none-match"] = "*"
        elif if_match is not None:
            headers["if-match"] = if_match
        data = content.encode() if isinstance(content, str) else content
        query = {"path": path, "mode": mode}
        answer = await self._connection.whole(
            "PUT", self._path(""), query=query, headers=headers, content=data, limit=None
        )
        return cast(api.FileEntry, json.loads(answer))

    async def make_directory(self, path: str) -> api.FileEntry:
        """Makes a directory, and those on the way."""
        query = {"path": path, "directory": True}
        return cast(api.FileEntry, await self._connection.json("PUT", self._path(""), query=query))

    async def remove(self, path: str, *, recursive: bool = False) -> api.FileEntry:
        """Removes a file, a link or an empty directory; a full one with `recursive`."""
        query = {"path": path, "recursive": recursive}
        return cast(api.FileEntry, await self._connection.json("DELETE", self._path(""), query=query))

    async def stat(self, path: str) -> api.FileEntry:
        """What a path is."""
        return cast(api.FileEntry, await self._get("/stat", {"path": path}))

    def list(self, path: str = ".", *, limit: int | None = None) -> Listed[api.FileEntry]:
        """What a directory holds, by name."""
        return Listed(lambda query: self._get("/list", query), {"path": path, "limit": limit})

    def find(
        self, glob: str, *, path: str | None = None, honour_ignore: bool | None = None, limit: int | None = None
    ) -> Listed[str]:
        """Files by a glob. A page may end early; it has a `next` then."""
        query = {"glob": glob, "path": path, "honour_ignore": honour_ignore, "limit": limit}
        return Listed(lambda more: self._get("/find", more), query)

    def grep(
        self,
        pattern: str,
        *,
        fixed: bool | None = None,
        ignore_case: bool | None = None,
        path: str | None = None,
        glob: str | None = None,
        honour_ignore: bool | None = None,
        limit: int | None = None,
    ) -> Listed[api.GrepLine]:
        """Lines by a regular expression, or by plain text with `fixed`."""
        query: dict[str, Any] = {"pattern": pattern, "fixed": fixed, "ignore_case": ignore_case, "path": path}
        query |= {"glob": glob, "honour_ignore": honour_ignore, "limit": limit}
        return Listed(lambda more: self._get("/grep", more), query)

    async def _get(self, rest: str, query: dict[str, Any]) -> Any:
        return await self._connection.json("GET", self._path(rest), query=query)

    def _path(self, rest: str) -> str:
        return fill("/v1/sessions/{}/files" + rest, self._session)
