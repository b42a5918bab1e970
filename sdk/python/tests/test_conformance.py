"""The conformance suite of `sdk/conformance`, carried out with this client."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import unittest
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

from tenure import (
    Ask,
    ExecEnded,
    ExecOutput,
    Result,
    Session,
    Tenure,
    TenureError,
    Text,
    Thought,
    ToolCompleted,
    ToolStarted,
    is_durable,
)

from support import ROOT, Claude, Daemon

CASES = ROOT / "sdk/conformance/cases"
LIMIT_SECONDS = 60.0
FIELDS = {"do", "with", "on", "via", "as", "expect", "fails", "later", "steps"}
NAME = re.compile(r"\$([a-z_]+)((?:\.[a-z0-9_]+)*)(/.*)?")


def filled(value: Any, kept: dict[str, Any]) -> Any:
    """A value of the data with its names filled in."""
    if isinstance(value, str) and (found := NAME.fullmatch(value)):
        at = kept[found[1]]
        for field in found[2].split(".")[1:]:
            at = at[int(field)] if field.isdigit() else at[field]
        return at if found[3] is None else f"{at}{found[3]}"
    if isinstance(value, list):
        return [filled(item, kept) for item in value]
    if isinstance(value, dict):
        if "$script" in value:
            return f"@@{json.dumps(value['$script'])}@@"
        return {name: filled(item, kept) for name, item in value.items()}
    return value


def fits(pattern: Any, value: Any) -> bool:
    """Whether a value fits a pattern."""
    if isinstance(pattern, list):
        if not isinstance(value, list) or len(pattern) != len(value):
            return False
        return all(fits(one, item) for one, item in zip(pattern, value, strict=True))
    if not isinstance(pattern, dict):
        return type(pattern) is type(value) and bool(pattern == value)
    word = next(iter(pattern), "")
    if word.startswith("$"):
        return special(word, pattern[word], value)
    return isinstance(value, dict) and all(fits(one, value.get(name)) for name, one in pattern.items())


def special(word: str, of: Any, value: Any) -> bool:
    if word == "$any":
        return value is not None
    if word == "$contains":
        return isinstance(value, str) and of in value
    if word == "$count":
        return isinstance(value, list) and len(value) == of
    if word == "$not":
        return not fits(of, value)
    if word == "$has":
        items = iter(value if isinstance(value, list) else [])
        return all(any(fits(one, item) for item in items) for one in of)
    raise ValueError(f"a pattern {word}")


class Follower:
    """A follower in the background, and what it got."""

    def __init__(self, session: Session, args: dict[str, Any]) -> None:
        self._session = session
        self._after: int = args.get("after", 0)
        self._got: list[dict[str, Any]] = []
        self._passed = 0
        self._told = asyncio.Event()
        self.task = asyncio.create_task(self._read(args))

    async def _read(self, args: dict[str, Any]) -> None:
        try:
            async for event in self._session.follow(**args):
                self._got.append(event)
                self._told.set()
        finally:
            self._told.set()

    async def until(self, pattern: Any) -> Any:
        """The next event that fits; of no pattern, the end."""
        while True:
            self._told.clear()
            while self._passed < len(self._got):
                self._passed += 1
                event = self._got[self._passed - 1]
                if pattern is not None and fits(pattern, event):
                    return event
            if self.task.done():
                self.task.result()
                assert pattern is None, "the follower has ended"
                return None
            await self._told.wait()

    async def exact(self) -> None:
        """Ends it. What it got must be numbered without a hole, and be what stands in the log."""
        self.task.cancel()
        mine = [event for event in self._got if is_durable(event)]
        log = [event async for event in self._session.events(after=self._after)]
        assert [event["seq"] for event in mine] == [self._after + i + 1 for i in range(len(mine))]
        assert mine == log[: len(mine)]


class Run:
    """One case with one agent."""

    def __init__(self, daemon: Daemon, stack: AsyncExitStack, case: dict[str, Any], agent: str) -> None:
        self._daemon = daemon
        self._stack = stack
        self._case = case
        tools = str(ROOT / "sdk/conformance/tools.mjs")
        self._kept: dict[str, Any] = {"agent": agent, "cwd": daemon.workdir(), "node": shutil.which("node"), "tools": tools}
        for name, value in case["agents"][agent].items():
            self._kept[name] = filled(value, self._kept)
        self._clients: dict[str, Tenure] = {}
        self._followers: dict[str, Follower] = {}
        self._later: dict[str, asyncio.Task[Any]] = {}

    async def run(self) -> None:
        daemon = self._daemon
        await asyncio.to_thread(daemon.start)
        self._clients[""] = await self._stack.enter_async_context(daemon.client())
        try:
            for i, step in enumerate(self._case["steps"]):
                assert not set(step) - FIELDS, f"a step with {set(step) - FIELDS}"
                task = asyncio.create_task(self._bounded(step, f"step {i + 1}, {json.dumps(step)}"))
                if step.get("later"):
                    self._later[step["as"]] = task
                    # As the other clients do, which begin a call at once.
                    await asyncio.sleep(0)
                else:
                    await task
        finally:
            for begun in [*self._later.values(), *(follower.task for follower in self._followers.values())]:
                begun.cancel()

    async def _bounded(self, step: dict[str, Any], place: str) -> Any:
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                return await self._judged(step)
        except Exception as error:
            raise AssertionError(f"{place}: {type(error).__name__}: {error}") from error

    async def _judged(self, step: dict[str, Any]) -> Any:
        """Does a step, and holds what comes of it against what is expected."""
        fails = None if step["do"] == "race" else step.get("fails")
        try:
            outcome = await self._do(step)
        except TenureError as error:
            if fails is None:
                raise
            return self._failed(fails, error)
        assert fails is None, f"it did not fail: {outcome}"
        name = step.get("as", "s" if step["do"] in ("create", "fork", "adopt") else None)
        if name is not None:
            self._kept[name] = outcome
        if "expect" in step:
            pattern = filled(step["expect"], self._kept)
            assert fits(pattern, outcome), f"{outcome} does not fit {pattern}"
        return outcome

    def _failed(self, pattern: Any, error: TenureError) -> None:
        names = ("code", "status", "field", "agent", "capability")
        seen = {name: getattr(error, name) for name in names}
        seen["scope"] = error.data.get("scope") if isinstance(error.data, dict) else None
        assert fits(filled(pattern, self._kept), seen), f"{seen}: {error}"

    async def _do(self, step: dict[str, Any]) -> Any:
        args = filled(step.get("with", {}), self._kept)
        tenure = self._clients[step.get("via", "")]
        match step["do"]:
            case "connect":
                self._clients[step["as"]] = await self._connect(step["as"], args)
            case "kill_daemon":
                self._daemon.kill9()
            case "start_daemon":
                await asyncio.to_thread(self._daemon.start)
            case "leave":
                self._daemon.leave(args["path"], args["lines"])
            case "join":
                return await self._later[args["of"]]
            case "race":
                await self._race(step)
            case "follow":
                session = tenure.session(self._kept[step.get("on", "s")]["id"])
                self._followers[step["as"]] = Follower(session, args)
            case "until":
                return await self._followers[args["of"]].until(args["event"])
            case "exact":
                await self._followers[args["of"]].exact()
            case other:
                kept = None if other == "create" else self._kept.get(step.get("on", "s"))
                return await ask(other, tenure, kept and kept["id"], args)
        return None

    async def _connect(self, name: str, args: dict[str, str]) -> Tenure:
        token = {"home": self._daemon.token, "wrong": "wrong"}.get(args["token"])
        if token is None:
            scope: Any = args["token"]
            token = (await self._clients[""].tokens.create(f"t-{name}", scope))["token"]
        by_tcp = args["by"] == "tcp"
        client = Tenure(url=self._daemon.url, token=token) if by_tcp else Tenure(socket=self._daemon.socket)
        return await self._stack.enter_async_context(client)

    async def _race(self, step: dict[str, Any]) -> None:
        all_of = await asyncio.gather(*(self._do(one) for one in step["steps"]), return_exceptions=True)
        lost = [one for one in all_of if isinstance(one, BaseException)]
        assert len(lost) == len(all_of) - 1, f"one must win, and one alone: {all_of}"
        for one in lost:
            if not isinstance(one, TenureError):
                raise one
            self._failed(step["fails"], one)


async def ask(what: str, tenure: Tenure, id: str | None, args: dict[str, Any]) -> Any:
    match what:
        case "create":
            return (await tenure.sessions.create(**args)).created
        case "list":
            return await tenure.sessions.list(**args).all()
        case "info" | "agents":
            return await getattr(tenure, what)()
        case "projects" | "processes" | "tokens":
            return await getattr(tenure, what).list()
        case "all_asks":
            return await tenure.asks()
        case "answer":
            return await tenure.answer(args.pop("ask_id"), args)  # type: ignore[arg-type]
        case "index" | "rebuild_index" | "history" | "adopt" | "past" | "past_messages" | "past_transcript" | "search" | "usage":
            return await of_past(what, tenure, args)
        case "reap" | "create_token" | "remove_token" | "register_project":
            return await of_machine(what, tenure, args)
        case "workspaces" | "workspace" | "diff_workspace" | "merge_workspace" | "discard_workspace":
            return await of_workspaces(what, tenure.workspaces, args)
    assert id is not None, f"no session for {what}"
    return await of_session(what, tenure.session(id), args)


async def of_past(what: str, tenure: Tenure, args: dict[str, Any]) -> Any:
    past: Any = tenure.history
    match what:
        case "history":
            return await past.list(**args).all()
        case "adopt":
            return (await past.adopt(args.pop("agent"), args.pop("native_id"), **args)).created
        case "past":
            return await past.get(**args)
        case "past_messages":
            return await past.messages(**args).all()
        case "past_transcript":
            return await past.transcript(**args)
        case "search":
            return (await tenure.search(**args))["items"]
        case "usage":
            return await tenure.usage(**args)
        case _:
            return await getattr(past, what)(**args)


async def of_machine(what: str, tenure: Tenure, args: dict[str, Any]) -> Any:
    match what:
        case "reap":
            return await tenure.processes.reap()
        case "create_token":
            return await tenure.tokens.create(args["name"], args["scope"])
        case "remove_token":
            return await tenure.tokens.remove(args["name"])
        case _:
            return await tenure.projects.register(**args)


async def of_workspaces(what: str, workspaces: Any, args: dict[str, Any]) -> Any:
    if what == "workspaces":
        return await workspaces.list().all()
    if what == "workspace":
        return await workspaces.get(args["id"])
    return await getattr(workspaces, what.removesuffix("_workspace"))(args.pop("id"), **args)


async def of_session(what: str, session: Session, args: dict[str, Any]) -> Any:
    # Requests are made of data: that a wrong one is refused is put to the test, not its types.
    call: Any = session
    match what:
        case "get" | "suspend" | "resume" | "close" | "kill" | "clear" | "compact" | "interrupt" | "destroy" | "update":
            return await getattr(call, what)(**args)
        case "inputs" | "cancel" | "edit" | "asks" | "capabilities" | "todos" | "tasks" | "metrics" | "process":
            return await getattr(call, what)(**args)
        case "mcp" | "set_mcp" | "reconnect_mcp" | "enable_mcp" | "disable_mcp" | "task" | "stop_task":
            return await getattr(call, what)(**args)
        case "rewind" | "undo_rewind":
            return await getattr(call, what)(**args)
        case "exec" | "enqueue" | "command" | "transcript":
            return await getattr(call, what)(**args)
        case "fork":
            return (await call.fork(**args)).created
        case "config":
            return await (call.configure(**args) if args else call.config())
        case "raw":
            return (await call.raw())["items"]
        case "blob":
            return (await call.blob(args["hash"])).decode()
        case "events" | "messages" | "rows":
            return await getattr(call, what)(**args).all()
        case "send":
            return await send(session, **args)
        case "exec_stream":
            return await exec_stream(call, args)
        case _:
            return await of_files(what, session, args)


async def of_files(what: str, session: Session, args: dict[str, Any]) -> Any:
    match what:
        case "write_file":
            return await session.files.write(args["path"], args["text"])
        case "read_file":
            return await session.files.text(args["path"])
        case "remove_file":
            return await session.files.remove(**args)
        case "make_directory":
            return await session.files.make_directory(args["path"])
        case "stat_file":
            return await session.files.stat(args["path"])
        case "list_files":
            return await session.files.list(args["path"]).all()
        case "find_files":
            return await session.files.find(args["glob"]).all()
        case "grep_files":
            return await session.files.grep(args["pattern"]).all()
        case "keep_artifact" if "text" in args:
            return await session.artifacts.keep(args["key"], args["text"])
        case "keep_artifact":
            return await session.artifacts.keep_file(args["key"], args["path"])
        case "read_artifact":
            return (await session.artifacts.read(**args)).decode()
        case "artifacts":
            return await session.artifacts.list()
        case "checkpoints":
            return await session.checkpoints.list(**args).all()
        case "diff_checkpoint":
            return await session.checkpoints.diff(args["id"])
        case "create_checkpoint":
            return await session.checkpoints.create(args["label"])
        case "restore_checkpoint":
            return await session.checkpoints.restore(args["id"], dry_run=args["dry_run"])
        case _:
            raise ValueError(f"a step {what}")


async def send(session: Session, input: Any, answers: list[Any] | None = None, **how: Any) -> Any:
    text, thought, left = "", "", list(answers or [])
    tools: list[str] = []
    async for event in session.stream(input, **how):
        match event:
            case Text():
                text += event.text
            case Thought():
                thought += event.text
            case ToolStarted():
                tools.append(f"started {event.tool['tool']}")
            case ToolCompleted():
                tools.append(f"completed {event.tool['tool']}")
            case Ask() if left:
                await session.answer(event.ask["id"], left.pop(0))
            case Result():
                return {"text": text, "thought": thought, "tools": tools, "result": event.result}
    raise AssertionError("a turn without a result")


async def exec_stream(session: Any, args: dict[str, Any]) -> Any:
    output = {"stdout": b"", "stderr": b""}
    async for piece in session.exec_stream(**args):
        match piece:
            case ExecOutput():
                output[piece.stream] += piece.data
            case ExecEnded():
                said = {name: data.decode() for name, data in output.items()}
                return {**said, "result": piece.result}
    raise AssertionError("a command without an end")


class Conformance(unittest.IsolatedAsyncioTestCase):
    """A test for each case and agent; they are added below."""

    claude: ClassVar[Claude]

    @classmethod
    def setUpClass(cls) -> None:
        cls.claude = Claude()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.claude.end()

    async def carry_out(self, case: dict[str, Any], agent: str) -> None:
        daemon = Daemon(self.claude.config if agent == "claude" else "")
        self.addCleanup(daemon.end)
        async with AsyncExitStack() as stack:
            await Run(daemon, stack, case, agent).run()


def add(path: Path, i: int, case: dict[str, Any], agent: str) -> None:
    async def test(self: Conformance) -> None:
        await self.carry_out(case, agent)

    test.__doc__ = f"{path.stem}: {case['name']} ({agent})"
    setattr(Conformance, f"test_{path.stem}_{i + 1}_{agent}", test)


for file in sorted(CASES.glob("*.json")):
    for number, one in enumerate(json.loads(file.read_text())):
        for name in one["agents"]:
            add(file, number, one, name)


if __name__ == "__main__":
    unittest.main()
