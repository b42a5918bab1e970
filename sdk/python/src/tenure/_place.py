"""Where the daemon is: by an address, a socket, or the files of its home, from which it is started if it may be.

`tenure up --detach` does the starting: of two that start one at once, it waits for the one that wins.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx

from .errors import NotStarted, TenureError, Unintelligible, Unreachable, Usage

# A daemon that is there answers within a millisecond; a busy machine gets more.
HEALTH_SECONDS = 5.0
# How long a daemon may take to start; it takes some 50 ms.
START_SECONDS = 30.0
# How much of its words is shown when it did not, in characters.
WORDS = 1500

Start = Literal["always", "killed", "never"]


@dataclass(frozen=True)
class Place:
    """Where a daemon is looked for."""

    url: str | None = None
    token: str | None = None
    socket: str | None = None
    home: str | None = None
    start: bool = True
    binary: str | None = None


@dataclass(frozen=True)
class Link:
    """A way to one daemon that has answered. `name` is for messages."""

    name: str
    http: httpx.AsyncClient


def choose_home(given: str | None) -> Path:
    """`given`, else `TENURE_HOME`, else `tenure` in the XDG state directory."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local/state"
    return Path(given or os.environ.get("TENURE_HOME") or base / "tenure").absolute()


async def find(place: Place, start: Start) -> Link:
    """The daemon at a place. `start` says whether one may be started if none runs; with `killed` only where one ended
    without taking leave."""
    if place.url is not None:
        return await by_url(place.url, place.token)
    if place.socket is not None:
        return await by_socket(place.socket)
    home = choose_home(place.home)
    killed = (home / "daemon.json").exists()
    try:
        return await of_home(home)
    except Unreachable:
        if not (place.start and (start == "always" or (start == "killed" and killed))):
            raise
    await start_daemon(home, place.binary or os.environ.get("TENURE_BIN") or "tenure")
    return await of_home(home)


async def of_home(home: Path) -> Link:
    try:
        file = json.loads((home / "daemon.json").read_text())
        socket = str(file["socket"])
    except (OSError, ValueError, KeyError, TypeError):
        message = f"no daemon answers at {home}: none runs there (`tenure up` starts one)"
        raise Unreachable(message) from None
    # Not by the address beside it: after the daemon's death it may be anybody's, who would be shown the token.
    return await by_socket(socket)


async def by_socket(path: str) -> Link:
    transport = httpx.AsyncHTTPTransport(uds=path, limits=LIMITS)
    return await checked(Link(path, client("http://localhost", transport, {})))


async def by_url(url: str, token: str | None) -> Link:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Usage(f"`url` is no address: {url}")
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    # The caller's own: proxies of the environment are not for a daemon on loopback.
    return await checked(Link(url.rstrip("/"), client(url, httpx.AsyncHTTPTransport(limits=LIMITS), headers)))


# Streams hold a connection each, so there is no sum.
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=8)


def client(base: str, transport: httpx.AsyncHTTPTransport, headers: dict[str, str]) -> httpx.AsyncClient:
    timeout = httpx.Timeout(None, connect=HEALTH_SECONDS)
    return httpx.AsyncClient(base_url=base, transport=transport, headers=headers, timeout=timeout, trust_env=False)


async def checked(link: Link) -> Link:
    """The link itself, once `/healthz` has said that a daemon answers."""
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            answer = await link.http.get("/healthz")
        if answer.status_code != 200 or b'"version"' not in answer.content:
            raise Unintelligible(f"what answers at {link.name} is no Tenure daemon")
        return link
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        await link.http.aclose()
        raise Unreachable(f"no daemon answers at {link.name}: {sentence(error)}") from error
    except (TenureError, asyncio.CancelledError):
        await link.http.aclose()
        raise


async def start_daemon(home: Path, program: str) -> None:
    try:
        child = await asyncio.create_subprocess_exec(
            program,
            "--home",
            str(home),
            "up",
            "--detach",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        why = f"there is no `{program}`; install it, or name it by TENURE_BIN or `binary`"
        raise NotStarted(f"the daemon did not start: {why}") from None
    except OSError as error:
        raise NotStarted(f"the daemon did not start: {program}: {error}") from error
    try:
        async with asyncio.timeout(START_SECONDS):
            _, words = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        why = f"`{program} up --detach` has not come to an end in {START_SECONDS:.0f} s"
        raise NotStarted(f"the daemon did not start: {why}") from None
    if child.returncode != 0:
        said = words.decode(errors="replace").strip()[-WORDS:]
        raise NotStarted(f"the daemon did not start: `{program} up --detach` ended with {child.returncode}: {said}")


def sentence(error: BaseException) -> str:
    """What was raised, in words; some errors of a connection have none."""
    return str(error) or type(error).__name__
