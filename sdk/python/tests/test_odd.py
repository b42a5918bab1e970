"""Daemons as they should not be: newer, old, cut off in a frame, repeating themselves, speaking nonsense, gone; and readers that
stop reading, callbacks that raise."""

from __future__ import annotations

import asyncio
import json
import unittest
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from tenure import Tenure, errors, is_durable

from support import Daemon, script

HEALTH = b'{"status":"ok","version":"99.0.0"}'
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def frame(seq: int, kind: str) -> bytes:
    event = {"session_id": "s", "seq": seq, "gseq": seq, "ts": "2026-01-01T00:00:00Z", "type": kind, "data": {"new": 1}}
    return f"id: {seq}\nevent: {kind}\ndata: {json.dumps(event)}\n\n".encode()


def answer(status: int, body: bytes) -> bytes:
    kind = "application/problem+json" if status >= 400 else "application/json"
    head = f"HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


class Fake:
    """Answers `/healthz` as a daemon does, and the n-th other request with the n-th of these bytes."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __aenter__(self) -> Tenure:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._client = Tenure(url=f"http://127.0.0.1:{port}", token="t")
        return self._client

    async def __aexit__(self, *_: Any) -> None:
        await self._client.aclose()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        if path == "/healthz":
            writer.write(answer(200, HEALTH))
        else:
            self.asked.append(path)
            writer.write(self._answers.pop(0) if self._answers else answer(404, b""))
        await writer.drain()
        writer.close()


def raising(error: Exception) -> Callable[..., None]:
    def call(*_: Any) -> None:
        raise error

    return call


class Odd(unittest.IsolatedAsyncioTestCase):
    """What answers is odd."""

    async def test_one_that_is_newer_is_cut_off_and_repeats_itself_loses_and_repeats_no_event(self) -> None:
        newer = b'event: moon.dimmed\ndata: {"type":"moon.dimmed"}\n\n'
        first = frame(1, "session.created") + b": a comment\n\n" + frame(2, "moon.risen") + newer
        fake = Fake(
            STREAM + first + frame(3, "turn.started")[:40],
            answer(503, b'{"code":"not_ready","detail":"starting"}'),
            STREAM + frame(2, "moon.risen") + frame(3, "turn.started") + b"\r\n",
            STREAM + frame(4, "session.destroyed").replace(b"\n", b"\r\n"),
        )
        async with fake as tenure:
            seen = [(event.get("seq"), event["type"]) async for event in tenure.session("s").follow()]
        kinds = [(1, "session.created"), (2, "moon.risen"), (None, "moon.dimmed"), (3, "turn.started")]
        self.assertEqual(seen, [*kinds, (4, "session.destroyed")])
        self.assertEqual([path.split("after=")[1].split("&")[0] for path in fake.asked], ["0", "2", "2", "3"])

    async def test_nonsense_is_told_by_its_class_and_a_code_that_nobody_knows_by_its_word(self) -> None:
        nonsense = [answer(200, b"nonsense"), answer(500, b"<html>"), answer(418, b'{"code":"teapot","detail":"short"}')]
        async with Fake(STREAM + b"id: 1\ndata: {nonsense\n\n", *nonsense) as tenure:
            async with aclosing(tenure.session("s").follow()) as events:
                with self.assertRaises(errors.Unintelligible):
                    await anext(events)
            for _ in range(2):
                with self.assertRaises(errors.Unintelligible):
                    await tenure.info()
            with self.assertRaises(errors.TenureError) as told:
                await tenure.info()
            self.assertEqual((told.exception.code, told.exception.status), ("teapot", 418))

    async def test_one_that_is_old_says_which_path_or_field_it_lacks(self) -> None:
        lacks = answer(404, b'{"code":"not_found","detail":"there is no GET /v1/search here"}')
        refuses = answer(400, b'{"code":"invalid","detail":"unknown field `restart`","field":"restart"}')
        async with Fake(lacks, refuses) as tenure:
            with self.assertRaisesRegex(errors.NotFound, "v1/search"):
                await tenure.search("x")
            with self.assertRaises(errors.Invalid) as told:
                await tenure.sessions.create(agent="a", restart="never")
            self.assertEqual(told.exception.field, "restart")

    async def test_what_a_callback_raises_is_neither_hidden_nor_taken_for_a_lost_connection(self) -> None:
        # One of an operating system's, as a callback that writes to a closed pipe has.
        mine = BrokenPipeError("mine")
        fake = Fake(STREAM + frame(1, "session.created"), STREAM + frame(1, "session.created"))
        async with fake as tenure:
            async with aclosing(tenure.session("s").follow(on_connected=raising(mine))) as events:
                with self.assertRaises(BrokenPipeError):
                    await anext(events)
            async with aclosing(tenure.session("s").follow(on_lost=raising(mine))) as events:
                self.assertEqual((await anext(events))["seq"], 1)
                with self.assertRaises(BrokenPipeError):
                    await anext(events)
        self.assertEqual(len(fake.asked), 2)


class Reading(unittest.IsolatedAsyncioTestCase):
    """Readers of a real daemon."""

    async def asyncSetUp(self) -> None:
        self.daemon = Daemon()
        self.addCleanup(self.daemon.end)
        await asyncio.to_thread(self.daemon.start)

    async def test_one_that_stops_reading_holds_up_nobody_and_misses_nothing(self) -> None:
        async with self.daemon.client() as tenure:
            session = await tenure.sessions.create(agent="scripted", cwd=self.daemon.workdir())
            async with aclosing(session.follow(deltas=True)) as idle:
                first = await anext(idle)
                results = await asyncio.gather(*(session.send(script({"flood": 2000})) for _ in range(5)))
                self.assertEqual({result["outcome"] for result in results}, {"completed"})
                seqs, ends = [first["seq"]], 0
                while ends < len(results):
                    event = await anext(idle)
                    if is_durable(event):
                        seqs.append(event["seq"])
                        ends += event["type"] == "turn.completed"
            self.assertEqual(seqs, list(range(1, len(seqs) + 1)))


if __name__ == "__main__":
    unittest.main()
