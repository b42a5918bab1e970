"""Finding a daemon, errors by their class, callbacks, cancelling: what a conformance case cannot say."""

from __future__ import annotations

import asyncio
import json
import os
import unittest
from contextlib import aclosing
from typing import Any

from tenure import Lost, Result, Tenure, Text, errors

from support import BINARY, Daemon, script


class Finding(unittest.IsolatedAsyncioTestCase):
    """Daemons that are absent, foreign, or killed."""

    def setUp(self) -> None:
        self.daemon = Daemon()
        self.addCleanup(self.daemon.end)

    async def test_one_that_is_not_there_differs_from_one_that_cannot_be_started(self) -> None:
        nowhere = str(self.daemon.scratch / "nowhere")
        async with Tenure(home=nowhere, start=False) as none:
            with self.assertRaisesRegex(errors.Unreachable, "tenure up"):
                await none.info()
        async with Tenure(home=nowhere, binary=f"{nowhere}/tenure") as no:
            with self.assertRaisesRegex(errors.NotStarted, "TENURE_BIN"):
                await no.info()
        async with Tenure(home=nowhere, binary="/bin/false") as bad:
            with self.assertRaises(errors.NotStarted):
                await bad.info()
        async with Tenure(url="no address") as odd:
            with self.assertRaises(errors.Usage):
                await odd.info()

    async def test_who_has_the_address_of_a_daemon_that_was_killed_is_not_shown_the_token(self) -> None:
        asked = []

        async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        server = await asyncio.start_server(stranger, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        home = self.daemon.scratch / "killed"
        home.mkdir()
        (home / "token").write_text("secret\n")
        file = {"url": f"http://127.0.0.1:{port}", "socket": str(home / "tenure.sock"), "pid": 1}
        (home / "daemon.json").write_text(json.dumps(file))
        async with Tenure(home=str(home), start=False) as client:
            with self.assertRaises(errors.Unreachable):
                await client.info()
        self.assertEqual(asked, [])
        server.close()
        await server.wait_closed()

    async def test_something_that_is_no_daemon_is_told_apart(self) -> None:
        async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with Tenure(url=f"http://127.0.0.1:{port}") as client:
            with self.assertRaises(errors.Unintelligible):
                await client.info()
        server.close()
        await server.wait_closed()

    async def test_anything_of_the_interface_can_be_asked(self) -> None:
        await asyncio.to_thread(self.daemon.start)
        async with self.daemon.client() as client:
            health = await client.health()
            self.assertEqual(health["version"], (await client.info())["version"])
            session = await client.sessions.create(agent="scripted", cwd=self.daemon.workdir(), start=False)
            self.assertEqual(await client.request("GET", "/v1/sessions/{}/todos", session.id), {"items": [], "next": None})
            patched = await client.request("PATCH", "/v1/sessions/{}", session.id, body={"title": "t"})
            self.assertEqual(patched["title"], "t")
            with self.assertRaises(errors.NotFound):
                await client.request("GET", "/v1/sessions/{}", "../info")

    async def test_several_clients_start_one_and_a_killed_one_again(self) -> None:
        # The daemon inherits it from whoever starts it.
        os.environ["HOME"] = str(self.daemon.user)
        clients = [Tenure(home=str(self.daemon.home), binary=BINARY) for _ in range(3)]
        infos = await asyncio.gather(*(client.info() for client in clients))
        self.assertEqual(len({info["pid"] for info in infos}), 1)
        self.daemon.kill9()
        after = await asyncio.gather(*(client.info() for client in clients))
        self.assertEqual(len({info["pid"] for info in [infos[0], *after]}), 2)
        # A daemon that was stopped is not started by somebody who only follows.
        session = await clients[0].sessions.create(agent="scripted", cwd=self.daemon.workdir())
        follower = session.follow(types=["turn.*"], patience=0.2)
        waiting = asyncio.create_task(anext(follower))
        await session.get()
        await asyncio.to_thread(self.daemon.cli, "down")
        with self.assertRaises(errors.Unreachable):
            await waiting
        for client in clients:
            await client.aclose()


class Sending(unittest.IsolatedAsyncioTestCase):
    """What happens around a turn."""

    def setUp(self) -> None:
        self.daemon = Daemon()
        self.addCleanup(self.daemon.end)

    async def asyncSetUp(self) -> None:
        await asyncio.to_thread(self.daemon.start)
        self.tenure = await self.enterAsyncContext(self.daemon.client())
        self.session = await self.tenure.sessions.create(agent="scripted", cwd=self.daemon.workdir())

    async def test_callbacks_are_plain_or_async_and_are_told_everything(self) -> None:
        text, tools, kinds = "", [], set()

        async def say(piece: str) -> None:
            nonlocal text
            text += piece

        async def decide(ask: Any) -> Any:
            return {"decision": "deny", "scope": "once"}

        prompt = script({"text": "a", "chunks": 1}, {"ask": "may I?"}, {"text": " b", "same_message": True})
        result = await self.session.send(
            prompt,
            on_text=say,
            on_ask=decide,
            on_tool=lambda tool, phase: tools.append(f"{phase} {tool['title']}"),
            on_event=lambda event: kinds.add(event["type"]),
        )
        self.assertEqual(result["outcome"], "completed")
        self.assertIn("denied", text)
        self.assertEqual(tools, ["started may I?", "completed may I?"])
        self.assertLessEqual({"input.started", "ask.opened", "ask.resolved", "turn.completed"}, kinds)

    async def test_a_callback_that_raises_ends_the_call_and_not_the_turn(self) -> None:
        def fail(_: Any) -> Any:
            raise ValueError("mine")

        with self.assertRaisesRegex(ValueError, "mine"):
            await self.session.send(script({"text": "a"}, {"gate": "go"}), on_text=fail)
        self.assertEqual((await self.session.get())["lifecycle"], "live")
        await self.session.files.write("go", "")
        with self.assertRaisesRegex(ValueError, "mine"):
            await self.session.send(script({"ask": "may I?"}), on_ask=fail)
        await self.session.interrupt()
        self.assertEqual((await self.session.send("x"))["text"], "You said: x")

    async def test_a_callback_that_still_thinks_about_an_ask_holds_up_no_result(self) -> None:
        ended: list[str] = []

        async def think(ask: Any) -> None:
            await self.session.answer(ask["id"], "deny")
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(ask["id"])

        result = await asyncio.wait_for(self.session.send(script({"ask": "may I?"}), on_ask=think), 60)
        self.assertIn("denied", result["text"])
        self.assertEqual(len(ended), 1)

    async def test_a_cancelled_task_leaves_the_turn_or_ends_it(self) -> None:
        seen = 0
        for on_cancel in ("leave", "interrupt"):
            begun = asyncio.Event()
            prompt = script({"text": "a"}, {"gate": "go"})
            how: Any = {"on_cancel": on_cancel, "on_text": lambda _, begun=begun: begun.set()}
            task = asyncio.create_task(self.session.send(prompt, **how))
            await begun.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            if on_cancel == "leave":
                state = (await self.session.get())["activity"]
                self.assertEqual(state and state["state"], "running")
                await self.session.interrupt()
            async with aclosing(self.session.follow(after=seen, types=["turn.completed"])) as events:
                end = await anext(events)
            self.assertEqual(end["data"]["outcome"], "interrupted")
            seen = end["seq"]

    async def test_a_stream_tells_that_the_daemon_was_lost_and_goes_on(self) -> None:
        prompt = script({"text": "One, "}, {"gate": "go"}, {"text": "two.", "same_message": True})
        text, lost = "", 0
        async for event in self.session.stream(prompt):
            match event:
                case Text():
                    if not text:
                        self.daemon.kill9()
                        await asyncio.to_thread(self.daemon.start)
                        await self.session.files.write("go", "")
                    text += event.text
                case Lost():
                    lost += 1
                case Result():
                    self.assertEqual(event.result["outcome"], "completed")
        self.assertEqual((text, lost), ("One, two.", 1))

    async def test_a_command_goes_with_the_loop_that_reads_it(self) -> None:
        async with aclosing(self.session.exec_stream(shell="echo $$ > pid; echo; sleep 60")) as pieces:
            async for piece in pieces:
                if type(piece).__name__ == "ExecOutput":
                    break
        while (await self.session.exec(shell="kill -0 $(cat pid)")).get("exit_code") == 0:
            await asyncio.sleep(0)

    async def test_the_past_is_listed_searched_and_counted(self) -> None:
        await self.session.send("a needle in the hay")
        await self.tenure.history.index(wait_ms=20_000)
        past = await self.tenure.history.list(agent="scripted").all()
        self.assertEqual([one.get("session_id") for one in past], [self.session.id])
        said = await self.tenure.history.messages("scripted", past[0]["native_id"]).all()
        self.assertEqual([one["role"] for one in said], ["user", "assistant"])
        found = await self.tenure.search("needle")
        self.assertEqual({hit["role"] for hit in found["items"]}, {"user", "assistant"})
        used = await self.tenure.usage(by="agent")
        self.assertIn("total", used)

    async def test_a_closed_client_says_so(self) -> None:
        await self.tenure.aclose()
        with self.assertRaises(errors.Usage):
            await self.tenure.info()
        with self.assertRaises(errors.Usage):
            await self.tenure.session("").get()


if __name__ == "__main__":
    unittest.main()
