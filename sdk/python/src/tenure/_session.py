"""One session: what is said to it, how it is followed and controlled. The files it works on are in `resources`."""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Literal, TypeAlias, TypeVar, Unpack, cast

from . import api
from ._connection import Connection, fill
from ._follow import Event, FollowOptions, follow
from ._pages import Listed
from ._turn import Ask, Result, Text, Thought, ToolCompleted, ToolStarted, TurnEvent, TurnLogged, admit, take_back, turn
from .errors import Conflict, Unintelligible
from .resources.artifacts import Artifacts
from .resources.checkpoints import Checkpoints
from .resources.exec import ExecPiece, run, run_stream
from .resources.files import Files

T = TypeVar("T")

# A decision as a word, or an answer with all that belongs to it.
Answer: TypeAlias = Literal["allow", "deny", "cancel"] | api.AnswerAsk
# What a callback gives: something, or something to be awaited.
Later: TypeAlias = T | Awaitable[T]

Delivery: TypeAlias = api.Delivery
VerbWait: TypeAlias = api.VerbWait


def answer_body(answer: Answer) -> api.AnswerAsk:
    return {"decision": answer} if isinstance(answer, str) else answer


async def settled(value: Later[T]) -> T:
    return await value if inspect.isawaitable(value) else value


class Session:
    """One session of a daemon. Holds nothing but its id, and what it was created with."""

    def __init__(self, connection: Connection, id: str, created: api.Created | None = None) -> None:
        """Made by `Tenure.session` and `Tenure.sessions.create`."""
        self._connection = connection
        #: Ours, from the moment it is created.
        self.id = id
        #: What the daemon said when it was created; otherwise see `get`.
        self.created = created
        #: The files where it works.
        self.files = Files(connection, id)
        #: Named outputs with versions.
        self.artifacts = Artifacts(connection, id)
        #: States of the workspace's files that can be brought back.
        self.checkpoints = Checkpoints(connection, id)

    async def get(self) -> api.Session:
        """The session as it is now."""
        return cast(api.Session, await self._ask("GET", ""))

    async def update(self, **patch: Unpack[api.SessionPatch]) -> api.Session:
        """Changes title, tags, metadata, draft or the archived mark."""
        return cast(api.Session, await self._ask("PATCH", "", body=patch))

    async def send(
        self,
        input: api.InputContent,
        *,
        id: str | None = None,
        delivery: Delivery = "queue",
        model: str | None = None,
        effort: str | None = None,
        on_text: Callable[[str], Later[None]] | None = None,
        on_thought: Callable[[str], Later[None]] | None = None,
        on_tool: Callable[[api.ToolStarted | api.ToolCompleted, Literal["started", "completed"]], Later[None]]
        | None = None,
        on_ask: Callable[[api.Ask], Later[Answer | None]] | None = None,
        on_event: Callable[[Event], Later[None]] | None = None,
        on_cancel: Literal["leave", "interrupt"] = "leave",
    ) -> api.TurnResult:
        """Sends an input and waits for the end of its turn. A turn that fails is a result, no error. If the daemon is
        restarted meanwhile, this goes on.

        What `on_ask` gives (or what it gives is awaited to) is the answer; None leaves the ask to others. A callback that
        raises ends the call; the turn goes on. One that still thinks about an ask when the turn is over is cancelled: somebody
        else has answered.
        """
        body = body_of(input, id, delivery, model, effort)
        asked: list[asyncio.Task[None]] = []
        try:
            async with (
                asyncio.TaskGroup() as answers,
                aclosing(turn(self._connection, self.id, body, "leave")) as events,
            ):
                async for event in events:
                    if isinstance(event, Text) and on_text is not None:
                        await settled(on_text(event.text))
                    elif isinstance(event, Thought) and on_thought is not None:
                        await settled(on_thought(event.text))
                    elif isinstance(event, ToolStarted) and on_tool is not None:
                        await settled(on_tool(event.tool, "started"))
                    elif isinstance(event, ToolCompleted) and on_tool is not None:
                        await settled(on_tool(event.tool, "completed"))
                    elif isinstance(event, TurnLogged) and on_event is not None:
                        await settled(on_event(event.event))
                    elif isinstance(event, Ask) and on_ask is not None:
                        # Not awaited here: the turn may go on beside an open ask.
                        asked.append(answers.create_task(self._answered(event.ask, on_ask)))
                    elif isinstance(event, Result):
                        for one in asked:
                            one.cancel()
                        return event.result
            raise Unintelligible("a turn ended without a result")
        except asyncio.CancelledError:
            if on_cancel == "interrupt":
                await take_back(self._connection, self.id, body["id"])
            raise
        except BaseExceptionGroup as group:
            error = group.exceptions[0]
        # What the caller's own code has raised comes out as it is, and so does a failure of ours.
        raise error

    async def _answered(self, ask: api.Ask, on_ask: Callable[[api.Ask], Later[Answer | None]]) -> None:
        answer = await settled(on_ask(ask))
        if answer is None:
            return
        try:
            await self.answer(ask["id"], answer)
        except Conflict:
            # Somebody else was first: the ask is answered, which is all that was wanted.
            return

    def stream(
        self,
        input: api.InputContent,
        *,
        id: str | None = None,
        delivery: Delivery = "queue",
        model: str | None = None,
        effort: str | None = None,
        on_cancel: Literal["leave", "interrupt"] = "leave",
    ) -> AsyncGenerator[TurnEvent, None]:
        """Sends an input and yields what its turn does; the last is its `Result`. Leaving the loop leaves the turn running.

        With an `id` of yours an input is the same one however often it is sent, and always leads to the same turn.
        `on_cancel` says what becomes of the turn if the task that waits is cancelled.
        """
        return turn(self._connection, self.id, body_of(input, id, delivery, model, effort), on_cancel)

    async def enqueue(
        self,
        input: api.InputContent,
        *,
        id: str | None = None,
        delivery: Delivery = "queue",
        model: str | None = None,
        effort: str | None = None,
        wait: Literal["accepted", "started"] = "accepted",
    ) -> api.Receipt:
        """Sends an input and returns as soon as it is stored, or with `wait="started"` once a turn has taken it."""
        body = {**body_of(input, id, delivery, model, effort), "wait": wait}
        return cast(api.Receipt, await admit(self._connection, self.id, body))

    async def inputs(self, *, limit: int | None = None) -> list[api.InputView]:
        """Inputs that wait, and recent ones; newest first."""
        return cast(list[api.InputView], (await self._ask("GET", "/inputs", query={"limit": limit}))["items"])

    async def cancel(self, input_id: str) -> api.VerbReply:
        """Takes a queued input back."""
        return cast(api.VerbReply, await self._ask("DELETE", "/inputs/{}", input_id))

    async def edit(self, input_id: str, input: api.InputContent) -> api.InputView:
        """Changes what a queued input says."""
        return cast(api.InputView, await self._ask("PATCH", "/inputs/{}", input_id, body={"input": input}))

    def follow(
        self,
        *,
        after: int | Literal["now"] = 0,
        types: Sequence[str] | None = None,
        deltas: bool = False,
        patience: float = 60.0,
        on_lost: Callable[[str], None] | None = None,
        on_connected: Callable[[], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """The session's events, each once and in order, over restarts of the daemon; ends when it is destroyed."""
        options = FollowOptions(after, types, deltas, patience, on_lost, on_connected)
        return follow(self._connection, fill("/v1/sessions/{}/events/stream", self.id), "seq", options)

    def events(
        self, *, after: int = 0, limit: int | None = None, types: Sequence[str] | None = None
    ) -> Listed[api.EventEnvelope]:
        """The events that there are, by the page; does not wait for more."""
        query = {"after": after, "limit": limit, "types": types}
        return Listed(lambda more: self._ask("GET", "/events", query=more), query, by="after")

    def rows(self, *, after: int = 0, limit: int | None = None) -> Listed[api.AcpRow]:
        """The same in the words of the Agent Client Protocol: `session/update` notifications."""
        query = {"after": after, "limit": limit, "format": "acp"}
        return Listed(lambda more: self._ask("GET", "/events", query=more), query, by="after")

    async def asks(self, *, state: str | None = "open", limit: int | None = None) -> list[api.Ask]:
        """Asks of this session: open ones, or all with `state=None`."""
        query = {"state": state, "limit": limit}
        return cast(list[api.Ask], (await self._ask("GET", "/asks", query=query))["items"])

    async def answer(self, ask_id: str, answer: Answer) -> api.AskAnswered:
        """Answers an ask. The first answer wins; a later one is `Conflict`."""
        path = fill("/v1/asks/{}", ask_id)
        return cast(api.AskAnswered, await self._connection.json("POST", path, body=answer_body(answer)))

    async def interrupt(self, *, queue: api.QueueChoice = "keep", wait: VerbWait = "done") -> api.VerbReply:
        """Ends the running turn; `queue="discard"` also cancels what waits. It never kills."""
        return await self._verb("interrupt", {"queue": queue, "wait": wait})

    async def suspend(self, *, wait: VerbWait = "done") -> api.VerbReply:
        """Ends the process and keeps everything; the next input brings it back."""
        return await self._verb("suspend", {"wait": wait})

    async def resume(self, *, wait: VerbWait = "done") -> api.VerbReply:
        """Brings the process back, also of a closed session."""
        return await self._verb("resume", {"wait": wait})

    async def close(self, *, wait: VerbWait = "done") -> api.VerbReply:
        """Ends the process and all that it started; transcript and workspace stay."""
        return await self._verb("close", {"wait": wait})

    async def kill(self, *, wait: VerbWait = "done") -> api.VerbReply:
        """As `close`, without grace."""
        return await self._verb("kill", {"wait": wait})

    async def clear(self, *, wait: VerbWait = "done") -> api.VerbReply:
        """Clears the conversation's context; the old transcript stays readable."""
        return await self._verb("clear", {"wait": wait})

    async def compact(self, *, instructions: str | None = None, wait: VerbWait = "done") -> api.VerbReply:
        """Has the agent compact its context."""
        return await self._verb("compact", {"instructions": instructions, "wait": wait})

    async def destroy(self, *, keep_transcript: bool | None = None) -> api.VerbReply:
        """Removes process and data; `keep_transcript` leaves what was said. Never removes a directory that Tenure did not
        make."""
        return cast(api.VerbReply, await self._ask("DELETE", "", query={"keep_transcript": keep_transcript}))

    async def fork(self, **request: Unpack[api.ForkSession]) -> Session:
        """A session of its own with what was said up to `at` (to the end, if left out)."""
        body = {"id": f"ses_{uuid.uuid4().hex}", **request}
        made: api.Created = await self._ask("POST", "/fork", body=body)
        return Session(self._connection, made["id"], made)

    async def config(self) -> api.SessionConfig:
        """Model, mode, effort, permissions and limits in force."""
        return cast(api.SessionConfig, await self._ask("GET", "/config"))

    async def configure(self, **patch: Unpack[api.ConfigPatch]) -> api.SessionConfig:
        """Changes what is given; returns when the agent has."""
        return cast(api.SessionConfig, await self._ask("PATCH", "/config", body=patch))

    async def exec(self, **request: Unpack[api.ExecRequest]) -> api.ExecResult:
        """Runs a command where the session works, without its agent, to its end: `exec(shell="ls")`, or
        `exec(command=["ls"])`. If the task that waits is cancelled, the command goes on to its end."""
        return await run(self._connection, self.id, request)

    def exec_stream(self, **request: Unpack[api.ExecRequest]) -> AsyncGenerator[ExecPiece, None]:
        """The same, yielding what it writes as it comes. Leaving the loop cancels the command."""
        return run_stream(self._connection, self.id, request)

    def messages(
        self,
        *,
        limit: int | None = None,
        offset: int | None = None,
        epoch: int | Literal["all"] | None = None,
        branch: str | None = None,
    ) -> Listed[api.Message]:
        """Everything that was said, whole, oldest first."""
        query = {"limit": limit, "offset": offset, "epoch": epoch, "branch": branch}
        return Listed(lambda more: self._ask("GET", "/messages", query=more), query)

    async def transcript(self, *, format: Literal["jsonl", "acp", "markdown", "html"] = "jsonl") -> str:
        """The whole conversation as text."""
        path = fill("/v1/sessions/{}/transcript", self.id)
        data = await self._connection.whole("GET", path, query={"format": format}, headers={"accept": "*/*"})
        return data.decode()

    async def capabilities(self) -> api.Capabilities | None:
        """What the agent can do; None before its handshake."""
        return cast("api.Capabilities | None", await self._ask("GET", "/capabilities"))

    async def command(
        self, name: str, args: str | dict[str, Any] | None = None, *, id: str | None = None, model: str | None = None
    ) -> api.TurnResult:
        """Runs one of the agent's own commands, and waits for the end of its turn."""
        body = {"args": args, "id": id or f"in-{uuid.uuid4()}", "model": model, "wait": "finished"}
        return cast(api.TurnResult, await self._ask("POST", "/commands/{}", name, body=body, limit=None))

    async def todos(self) -> list[api.Todo]:
        """The agent's list of things to do."""
        return cast(list[api.Todo], (await self._ask("GET", "/todos"))["items"])

    async def tasks(self) -> list[api.TaskView]:
        """Background commands and subagents."""
        return cast(list[api.TaskView], (await self._ask("GET", "/tasks"))["items"])

    async def task(self, task_id: str, *, bytes: int | None = None) -> api.TaskDetail:
        """One task, with the end of what it wrote, also while it runs: the last bytes of it (64 KB unless told)."""
        return cast(api.TaskDetail, await self._ask("GET", "/tasks/{}", task_id, query={"bytes": bytes}))

    async def stop_task(self, task_id: str, *, wait: VerbWait = "done") -> api.VerbReply:
        """Stops one task; the turn goes on."""
        return cast(api.VerbReply, await self._ask("POST", "/tasks/{}/stop", task_id, body={"wait": wait}))

    async def mcp(self) -> list[api.McpServer]:
        """How the tool servers stand."""
        return cast(list[api.McpServer], (await self._ask("GET", "/mcp"))["items"])

    async def set_mcp(self, **servers: Unpack[api.SetMcpServers]) -> api.McpServersSet:
        """Replaces the tool servers that this has set; those of the create stay."""
        return cast(api.McpServersSet, await self._ask("PUT", "/mcp", body=servers))

    async def reconnect_mcp(self, name: str, *, wait: VerbWait = "done") -> api.VerbReply:
        """Connects to a tool server again."""
        return cast(api.VerbReply, await self._ask("POST", "/mcp/{}/reconnect", name, body={"wait": wait}))

    async def enable_mcp(self, name: str, *, wait: VerbWait = "done") -> api.VerbReply:
        """Uses a tool server again."""
        return cast(api.VerbReply, await self._ask("POST", "/mcp/{}/enable", name, body={"wait": wait}))

    async def disable_mcp(self, name: str, *, wait: VerbWait = "done") -> api.VerbReply:
        """Uses a tool server no more."""
        return cast(api.VerbReply, await self._ask("POST", "/mcp/{}/disable", name, body={"wait": wait}))

    async def metrics(self) -> api.Metrics:
        """Counts, tokens and cost."""
        return cast(api.Metrics, await self._ask("GET", "/metrics"))

    async def process(self) -> api.Process:
        """The agent's process."""
        return cast(api.Process, await self._ask("GET", "/process"))

    async def raw(self, *, after: int | None = None, generation: int | None = None) -> api.RawPage:
        """The agent's own lines, the last 16 MB."""
        return cast(api.RawPage, await self._ask("GET", "/raw", query={"after": after, "generation": generation}))

    async def blob(self, hash: str) -> bytes:
        """The whole of a part that was too large for its event."""
        return await self._connection.whole("GET", fill("/v1/sessions/{}/blobs/{}", self.id, hash))

    async def rewind(self, **request: Unpack[api.RewindRequest]) -> api.RewindPlan:
        """Takes files, the conversation or both back to a point, or with `dry_run` tells what that would change."""
        return cast(api.RewindPlan, await self._ask("POST", "/rewind", body=request))

    async def undo_rewind(self, **how: Unpack[api.RewindHow]) -> api.RewindPlan:
        """Undoes the last rewind."""
        return cast(api.RewindPlan, await self._ask("POST", "/rewind/undo", body=how))

    async def _verb(self, verb: str, body: dict[str, Any]) -> api.VerbReply:
        return cast(api.VerbReply, await self._ask("POST", f"/{verb}", body=body))

    async def _ask(self, method: str, rest: str, *ids: str, **how: Any) -> Any:
        return await self._connection.json(method, fill("/v1/sessions/{}" + rest, self.id, *ids), **how)


def body_of(
    input: api.InputContent, id: str | None, delivery: Delivery, model: str | None, effort: str | None
) -> dict[str, Any]:
    """An input as it is sent; with an id of its own it is repeatable without a key."""
    return {
        "input": input,
        "id": id or f"in-{uuid.uuid4()}",
        "delivery": delivery,
        "model": model,
        "effort": effort,
    }
