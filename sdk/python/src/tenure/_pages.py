"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any, Generic, TypedDict, TypeVar

T = TypeVar("T")


class Page(TypedDict, Generic[T]):
    """A page of a list, and where the next one begins."""

    items: list[T]
    next: str | None


class Listed(Generic[T]):
    """A list: awaited it is its first page; looped over it is all of it. Asks for nothing until then."""

    def __init__(
        self, page: Callable[[dict[str, Any]], Awaitable[Any]], query: dict[str, Any], *, by: str = "cursor"
    ) -> None:
        self._page = page
        self._query = query
        self._by = by

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._page(self._query).__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        query = self._query
        while True:
            page: Page[T] = await self._page(query)
            for item in page["items"]:
                yield item
            after = page.get("next")
            if after is None:
                return
            # A place to begin counts once; the pages after it are found by their cursor.
            query = {**self._query, "offset": None, self._by: after}

    async def all(self) -> list[T]:
        """All of it at once."""
        return [item async for item in self]
