"""The shapes of the HTTP interface.

Made of its OpenAPI document by tools/generate.py; not to be edited.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AccountInfo(TypedDict):
    """Who is logged in."""
    email: NotRequired[str | None]
    key_source: NotRequired[str | None]
    organization: NotRequired[str | None]
    plan: NotRequired[str | None]
    token_source: NotRequired[str | None]

class AcpRow(TypedDict):
    """An event as a row of the Agent Client Protocol (`format=acp`)."""
    # `session/update`.
    method: str
    # The notification's parameters.
    params: Any
    seq: NotRequired[Seq | None]
    # Whose.
    session_id: SessionId
    # When.
    ts: Timestamp

class Activity(TypedDict):
    """Activity of a live session."""
    reason: NotRequired[WaitReason | None]
    # Since when it has been in this state.
    since: Timestamp
    # What it is doing.
    state: ActivityState
    turn_id: NotRequired[TurnId | None]
    until: NotRequired[Timestamp | None]

ActivityState: TypeAlias = "Literal['idle', 'queued', 'running', 'waiting', 'compacting', 'interrupting', 'stalled']"
"""What a live session is doing."""

class AdoptConversation(TypedDict):
    """`POST /v1/history/{agent}/{native_id}/adopt`: the session that goes on in the conversation. Fields are those
    of a create.
    """
    # The agent that goes on in it: one that keeps its conversations in the same place and form (default: the one of
    # the path).
    agent: NotRequired[str | None]
    # The directory to work in (default: where the conversation last worked).
    cwd: NotRequired[str | None]
    # The effort.
    effort: NotRequired[str | None]
    # Environment for the agent; null unsets.
    env: NotRequired[dict[str, str | None]]
    # The client's id of the session; the same id and body again is the same session.
    id: NotRequired[str | None]
    inherit_env: NotRequired[InheritEnv | None]
    input: NotRequired[InputContent | None]
    instructions: NotRequired[Instructions | None]
    # Limits.
    limits: NotRequired[Limits]
    # Tool servers.
    mcp_servers: NotRequired[list[McpServerConfig]]
    # What clients keep with it.
    metadata: NotRequired[dict[str, Any]]
    # The mode.
    mode: NotRequired[str | None]
    # The model.
    model: NotRequired[str | None]
    # Permissions.
    permissions: NotRequired[Permissions]
    # `false` starts nothing yet (default true).
    start: NotRequired[bool | None]
    # Tags (default: those of the conversation).
    tags: NotRequired[list[str] | None]
    # Title (default: the one that the conversation was given).
    title: NotRequired[str | None]
    # The directory's own settings may be used by the agent; remembered for the project.
    trust_project: NotRequired[bool | None]
    # Until when the call waits.
    wait: NotRequired[CreateWait]

class AgentChoice(TypedDict):
    """A subagent that the agent can use."""
    # What it is for.
    description: str
    # Its model, if fixed.
    model: NotRequired[str | None]
    # Its name.
    name: str

class AgentEntry(TypedDict):
    """An agent of `GET /v1/agents`."""
    auth: NotRequired[AuthState | None]
    capabilities: NotRequired[Capabilities | None]
    # It was configured, not built in.
    configured: bool
    # How to get it, if it is missing.
    how_to_install: NotRequired[str | None]
    # It can be started.
    installed: bool
    # Where it was looked for, if it is missing.
    looked_in: NotRequired[list[str]]
    # Its name: pass it as `agent`.
    name: str
    # The program.
    path: NotRequired[str | None]
    # `acp`, `claude`, `codex`, `pi` or `scripted`.
    protocol: str
    # Its version, as it prints it.
    version: NotRequired[str | None]

class AgentInfo(TypedDict):
    """Which program runs the session."""
    # Its name, as it says.
    name: str
    # The protocol spoken with it, for example `acp/1`.
    protocol: NotRequired[str | None]
    # Its version, as it says.
    version: NotRequired[str | None]

class AnswerAsk(TypedDict):
    """`POST /v1/asks/{ask_id}`."""
    # For questions: `{question: label | [labels]}`.
    answers: NotRequired[Any]
    # `allow`, `deny`, `cancel`. The aliases `once` and `always` mean allow with that scope, `reject` means deny.
    decision: str
    # Goes to the agent.
    message: NotRequired[str | None]
    # The agent's own option to take.
    option_id: NotRequired[str | None]
    scope: NotRequired[Scope | None]
    # What the tool is called with instead.
    updated_input: NotRequired[Any]

class Artifact(TypedDict):
    """An artifact."""
    # Its size in bytes.
    bytes: int
    # When it was kept.
    created_at: Timestamp
    # SHA-256 of its bytes, in hex.
    hash: str
    # The file that it was taken from.
    path: NotRequired[str | None]
    # Who declared it.
    source: ArtifactSource
    # From 1.
    version: int
    # What it is called.
    key: str
    # All versions, oldest first.
    versions: list[ArtifactVersion]

class ArtifactCreated(TypedDict):
    """Data of `artifact.created`."""
    # Its size in bytes.
    bytes: int
    # SHA-256 of its bytes, in hex.
    hash: str
    # What it is called.
    key: str
    # The file that it was taken from.
    path: NotRequired[str | None]
    # Who declared it.
    source: ArtifactSource
    # From 1, for this key.
    version: int

class ArtifactRule(TypedDict):
    """A rule at create: whenever a turn has ended, the file is looked at, and kept as a new version of the artifact
    if it changed.
    """
    # What the artifact is called: 1 to 64 of `A-Z a-z 0-9 . _ -`, but neither `.` nor `..`.
    key: str
    # The file, from the session's directory.
    path: str

ArtifactSource: TypeAlias = "Literal['client', 'rule', 'tool']"
"""Who declared an artifact."""

class ArtifactVersion(TypedDict):
    """One version of an artifact. Its bytes never change."""
    # Its size in bytes.
    bytes: int
    # When it was kept.
    created_at: Timestamp
    # SHA-256 of its bytes, in hex.
    hash: str
    # The file that it was taken from.
    path: NotRequired[str | None]
    # Who declared it.
    source: ArtifactSource
    # From 1.
    version: int

class Ask(TypedDict):
    """A request of the agent to a person."""
    decision: NotRequired[Decision | None]
    expires_at: NotRequired[Timestamp | None]
    # Our id.
    id: AskId
    # What the tool would be called with.
    input: NotRequired[Any]
    # What kind of answer is wanted.
    kind: AskKind
    # When it was opened.
    opened_at: Timestamp
    # What the agent offers.
    options: NotRequired[list[AskOption]]
    # The path of subagents that led here, outermost first.
    path: NotRequired[list[str]]
    # For kind `question`: what is asked.
    questions: NotRequired[list[Question]]
    scope: NotRequired[Scope | None]
    # The session that asks.
    session_id: SessionId
    # Where it stands.
    state: AskState
    # A line for people.
    title: str
    # The tool it is about.
    tool: NotRequired[str | None]
    # The agent's id of the tool call.
    tool_id: NotRequired[str | None]
    turn_id: NotRequired[TurnId | None]

class AskAnswered(TypedDict):
    """Answer to an answer: the ask as it is now."""
    decision: NotRequired[Decision | None]
    expires_at: NotRequired[Timestamp | None]
    # Our id.
    id: AskId
    # What the tool would be called with.
    input: NotRequired[Any]
    # What kind of answer is wanted.
    kind: AskKind
    # When it was opened.
    opened_at: Timestamp
    # What the agent offers.
    options: NotRequired[list[AskOption]]
    # The path of subagents that led here, outermost first.
    path: NotRequired[list[str]]
    # For kind `question`: what is asked.
    questions: NotRequired[list[Question]]
    scope: NotRequired[Scope | None]
    # The session that asks.
    session_id: SessionId
    # Where it stands.
    state: AskState
    # A line for people.
    title: str
    # The tool it is about.
    tool: NotRequired[str | None]
    # The agent's id of the tool call.
    tool_id: NotRequired[str | None]
    turn_id: NotRequired[TurnId | None]

class AskEnded(TypedDict):
    """`ask.expired` (denied) and `ask.withdrawn`."""
    # The ask.
    ask_id: AskId
    # Why: `deadline`, `interrupted`, `agent`, `process_exited`, `turn_ended`.
    reason: str

AskId: TypeAlias = "str"
"""A request of the agent to a person."""

AskKind: TypeAlias = "Literal['permission', 'question', 'plan', 'elicitation']"
"""What kind of answer an ask wants."""

class AskOpened(TypedDict):
    """`ask.opened`."""
    decision: NotRequired[Decision | None]
    expires_at: NotRequired[Timestamp | None]
    # Our id.
    id: AskId
    # What the tool would be called with.
    input: NotRequired[Any]
    # What kind of answer is wanted.
    kind: AskKind
    # When it was opened.
    opened_at: Timestamp
    # What the agent offers.
    options: NotRequired[list[AskOption]]
    # The path of subagents that led here, outermost first.
    path: NotRequired[list[str]]
    # For kind `question`: what is asked.
    questions: NotRequired[list[Question]]
    scope: NotRequired[Scope | None]
    # The session that asks.
    session_id: SessionId
    # Where it stands.
    state: AskState
    # A line for people.
    title: str
    # The tool it is about.
    tool: NotRequired[str | None]
    # The agent's id of the tool call.
    tool_id: NotRequired[str | None]
    turn_id: NotRequired[TurnId | None]
    whole: NotRequired[Whole | None]

class AskOption(TypedDict):
    """One option that the agent offers."""
    # The agent's id of it.
    id: str
    # What it means.
    kind: OptionKind
    # A word for people.
    name: str

class AskResolved(TypedDict):
    """`ask.resolved`."""
    # Answers by question.
    answers: NotRequired[Any]
    # The ask.
    ask_id: AskId
    # `client` or `policy`.
    by: str
    # The decision.
    decision: Decision
    # What was said with it.
    message: NotRequired[str | None]
    # The agent's option that was taken.
    option_id: NotRequired[str | None]
    # How far it reaches.
    scope: Scope
    # What the tool is called with instead.
    updated_input: NotRequired[Any]

AskState: TypeAlias = "Literal['open', 'resolved', 'expired', 'withdrawn']"
"""Where an ask stands."""

class AuthState(TypedDict):
    """Whether an agent can reach its model's provider."""
    # How to log in.
    how: NotRequired[str | None]
    # `yes`, `no` or `unknown`.
    logged_in: str
    # Where that is known from.
    source: NotRequired[str | None]

class Axes(TypedDict):
    """All axes, as they are after an event."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int

class Capabilities(TypedDict):
    """What a session's agent can do."""
    account: NotRequired[AccountInfo | None]
    # Subagents.
    agents: NotRequired[list[AgentChoice]]
    # Commands by name.
    commands: NotRequired[list[CommandInfo]]
    # The agent's own answer at the handshake.
    handshake: NotRequired[Any]
    # Models to choose from.
    models: NotRequired[list[ModelInfo]]
    # Modes to choose from.
    modes: NotRequired[list[ModeInfo]]
    # The output style in force.
    output_style: NotRequired[str | None]
    # Output styles to choose from.
    output_styles: NotRequired[list[str]]
    # Verb → `true`, or the reason why it cannot.
    supports: NotRequired[dict[str, Support]]

class Checkpoint(TypedDict):
    """A checkpoint."""
    # Files that the turn made, or that are new since the parent.
    added: int
    # Their bytes.
    bytes: int
    # Why it was taken.
    cause: CheckpointCause
    # When.
    created_at: Timestamp
    # Files that are gone.
    deleted: int
    # Files and links that it holds.
    files: int
    # Its id.
    id: CheckpointId
    input_id: NotRequired[InputId | None]
    # What somebody called it.
    label: NotRequired[str | None]
    # Files that are other.
    modified: int
    # What could not be read, with the reason; the first 20.
    not_covered: NotRequired[list[str]]
    parent: NotRequired[CheckpointId | None]
    # What it holds is still there: retention removes old ones.
    restorable: bool
    rewind_id: NotRequired[RewindId | None]
    # Its event.
    seq: Seq
    # The tool call that it was taken after.
    tool_id: NotRequired[str | None]
    # Name of what it holds. Equal directories have equal names.
    tree: str
    turn_id: NotRequired[TurnId | None]

CheckpointCause: TypeAlias = "Literal['before', 'after', 'tool', 'manual', 'guard', 'rewind']"
"""Why a checkpoint was taken."""

class CheckpointChoice(TypedDict):
    """`checkpoints` of a create."""
    # When they are taken.
    mode: CheckpointMode

class CheckpointCreated(TypedDict):
    """`checkpoint.created`."""
    # Files that are new, against `base` or else the parent.
    added: int
    # For `after` and `rewind`: name of what was there before.
    base: NotRequired[str | None]
    # Their bytes.
    bytes: int
    # Why.
    cause: CheckpointCause
    # Which.
    checkpoint_id: CheckpointId
    # Files that are gone, against the same.
    deleted: int
    # Files and links that it holds.
    files: int
    input_id: NotRequired[InputId | None]
    # What somebody called it.
    label: NotRequired[str | None]
    # Files that are other, against the same.
    modified: int
    # What could not be read, with the reason; the first 20.
    not_covered: NotRequired[list[str]]
    parent: NotRequired[CheckpointId | None]
    rewind_id: NotRequired[RewindId | None]
    # The tool call that it was taken after.
    tool_id: NotRequired[str | None]
    # Name of what it holds. Equal directories have equal names.
    tree: str
    turn_id: NotRequired[TurnId | None]

CheckpointDiff = TypedDict(
    "CheckpointDiff",
    {
        "deletions": "int",
        "files": "list[CheckpointFileDiff]",
        "files_total": "int",
        "from": "str",
        "insertions": "int",
        "to": "str",
    },
)
"""What differs between two states of a workspace."""

class CheckpointFileDiff(TypedDict):
    """A file that differs."""
    # The same after.
    after: NotRequired[str | None]
    # Kind and permission bits before, for example `file 0644`, `link`, `directory 0755`.
    before: NotRequired[str | None]
    # It is no text, on one side at least.
    binary: bool
    # `diff` is cut, or left out because the answer would be too long.
    cut: bool
    # Lines that went.
    deletions: int
    # The difference in the unified form, at most 64 KB.
    diff: NotRequired[str | None]
    # Lines that came.
    insertions: int
    # It is too large to be compared line by line.
    large: bool
    # Bytes after.
    new_bytes: NotRequired[int | None]
    # Bytes before.
    old_bytes: NotRequired[int | None]
    # Relative to the workspace; bytes that are no text as `\xNN`.
    path: str
    # How.
    status: FileStatus

CheckpointId: TypeAlias = "str"
"""A restorable state of a workspace's files."""

CheckpointMode: TypeAlias = "Literal['auto', 'tool', 'manual', 'off']"
"""When checkpoints are taken."""

class CommandInfo(TypedDict):
    """A command (slash command) that can be run by name."""
    # What its argument is.
    argument_hint: NotRequired[str | None]
    # What it does.
    description: str
    # Its name without a slash.
    name: str

class Compact(TypedDict):
    """`POST …/compact`."""
    # What the summary is to keep, where the agent takes such a wish.
    instructions: NotRequired[str | None]
    # Until when the call waits.
    wait: NotRequired[VerbWait]

class Compaction(TypedDict):
    """`compaction.started`, `compaction.completed`."""
    # Why it failed, if it did.
    error: NotRequired[str | None]
    # Tokens after.
    tokens_after: NotRequired[int | None]
    # Tokens before.
    tokens_before: NotRequired[int | None]
    # `auto` or `manual`, where told.
    trigger: NotRequired[str | None]

class ConfigChanged(TypedDict):
    """`config.changed`: only what changed is given."""
    # Seconds until an ask is denied.
    ask_timeout_seconds: NotRequired[int | None]
    # `client` or `agent`.
    by: str
    # The number of the command to this process that it answers.
    command: NotRequired[int | None]
    # The effort in force.
    effort: NotRequired[str | None]
    limits: NotRequired[LimitsChanged | None]
    # The mode in force.
    mode: NotRequired[str | None]
    # The model that was asked for.
    model: NotRequired[str | None]
    # The model that the agent says it uses.
    model_effective: NotRequired[str | None]
    permission_default: NotRequired[PermissionDefault | None]
    # All rules for permission asks.
    permission_rules: NotRequired[list[PermissionRule] | None]
    restart: NotRequired[RestartPolicy | None]

class ConfigPatch(TypedDict):
    """`PATCH …/config`: what is given is set."""
    # The effort.
    effort: NotRequired[str | None]
    limits: NotRequired[LimitsPatch | None]
    # The mode.
    mode: NotRequired[str | None]
    # The model.
    model: NotRequired[str | None]
    permissions: NotRequired[PermissionsPatch | None]
    restart: NotRequired[RestartPolicy | None]

class ContextUse(TypedDict):
    """Use of the model's context window, in tokens."""
    # Size of the window, if known.
    max: NotRequired[int | None]
    # Tokens in the window now.
    used: int

CostBasis: TypeAlias = "Literal['reported', 'estimated', 'unknown']"
"""Where a cost figure comes from."""

class CrashPolicy(TypedDict):
    """How often a process that ended by itself is started again."""
    # At most so many times …
    max: NotRequired[int]
    # … within so many seconds; then the breaker opens.
    seconds: NotRequired[int]

class CreateCheckpoint(TypedDict):
    """`POST …/checkpoints`."""
    # What to call it; at most 200 characters.
    label: NotRequired[str | None]

class CreateProject(TypedDict):
    """`POST /v1/projects`."""
    # The client's id of it; the same id and path again is the same project. For a directory that is recorded
    # already it is another name of that project.
    id: NotRequired[str | None]
    # Its directory.
    path: str
    # Its title, in place of the one that it had.
    title: NotRequired[str | None]

class CreateSession(TypedDict):
    """`POST /v1/sessions`."""
    # Name of the agent.
    agent: str
    # Offer the agent a tool server of Tenure's own, named `tenure`, by which it keeps files as artifacts (default
    # false). Only for agents that take tool servers.
    artifact_tool: NotRequired[bool]
    # Files that are kept as artifacts whenever a turn has ended.
    artifacts: NotRequired[list[ArtifactRule]]
    checkpoints: NotRequired[CheckpointChoice | None]
    # The directory to work in. One of `cwd`, `project`, `workspace`.
    cwd: NotRequired[str | None]
    # Text that waits to be sent by a person; nothing is started.
    draft: NotRequired[str | None]
    # The effort.
    effort: NotRequired[str | None]
    # Environment for the agent; null unsets.
    env: NotRequired[dict[str, str | None]]
    # The client's id; the same id and body again is the same session.
    id: NotRequired[str | None]
    inherit_env: NotRequired[InheritEnv | None]
    input: NotRequired[InputContent | None]
    instructions: NotRequired[Instructions | None]
    # Limits.
    limits: NotRequired[Limits]
    # Tool servers.
    mcp_servers: NotRequired[list[McpServerConfig]]
    # What clients keep with it.
    metadata: NotRequired[dict[str, Any]]
    # The mode.
    mode: NotRequired[str | None]
    # The model.
    model: NotRequired[str | None]
    # Permissions.
    permissions: NotRequired[Permissions]
    # A project's id: its directory.
    project: NotRequired[str | None]
    # What happens when the process ends by itself.
    restart: NotRequired[RestartPolicy]
    resume: NotRequired[ResumeRequest | None]
    # Leave out the text that Tenure adds of its own to the agent's instructions. It adds none: every session is as
    # if this were true, and the descriptions of its tools (`artifact_tool`) stay.
    skip_default_instructions: NotRequired[bool]
    # `false` starts nothing yet (default true).
    start: NotRequired[bool | None]
    # Tags.
    tags: NotRequired[list[str]]
    # Title.
    title: NotRequired[str | None]
    # The directory's own settings may be used by the agent; remembered for the project.
    trust_project: NotRequired[bool | None]
    # Until when the call waits.
    wait: NotRequired[CreateWait]
    workspace: NotRequired[WorkspaceChoice | None]

class CreateToken(TypedDict):
    """`POST /v1/tokens`."""
    # A name for it, 1 to 64 of `A-Z a-z 0-9 . _ -`, but neither `.` nor `..`.
    name: str
    # What it may do.
    scope: TokenScope

CreateWait: TypeAlias = "Literal['created', 'live', 'finished']"
"""Until when create waits."""

class Created(TypedDict):
    """Answer to create: the session, and what became of its first input."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # Name of its agent.
    agent: str
    agent_info: NotRequired[AgentInfo | None]
    # Rises with each rewind of the conversation.
    branch: NotRequired[int]
    capabilities: NotRequired[Capabilities | None]
    # When it was created.
    created_at: Timestamp
    # Its directory, as it was given.
    cwd: str
    # Text that waits to be sent by a person.
    draft: NotRequired[str | None]
    # The effort in force.
    effort: NotRequired[str | None]
    # Rises with each `clear`.
    epoch: int
    # The first thing that was said, at most 200 characters of it.
    first_input: NotRequired[str | None]
    # Ours, from the moment it is created.
    id: SessionId
    # Its last event.
    last_seq: Seq
    # The limit that holds its queue until it is raised: `turns`, `budget`, `time` or `memory`.
    limit_reached: NotRequired[str | None]
    # What clients keep with it.
    metadata: dict[str, Any]
    # The mode in force.
    mode: NotRequired[str | None]
    # The model that was asked for.
    model: NotRequired[str | None]
    # The model that the agent says it uses.
    model_effective: NotRequired[str | None]
    # The agent's own id; null until the agent has confirmed it.
    native_id: NotRequired[str | None]
    # The machine.
    node: str
    parent: NotRequired[Parent | None]
    # Asks that are open.
    pending_asks: list[Ask]
    process: NotRequired[Process | None]
    # The project it belongs to.
    project: ProjectRef
    # Inputs that wait.
    queue: list[QueuedInput]
    # Its tags.
    tags: list[str]
    # Its title.
    title: NotRequired[str | None]
    # Its last activity.
    updated_at: Timestamp
    # What it used so far.
    usage: Usage
    # Where it works.
    workspace: WorkspaceRef
    receipt: NotRequired[Receipt | None]
    result: NotRequired[TurnResult | None]

Decision: TypeAlias = "Literal['allow', 'deny', 'cancel']"
"""The answer to an ask."""

Delivery: TypeAlias = "Literal['queue', 'steer', 'interrupt']"
"""How an input is to reach the agent."""

class DiscardWorkspace(TypedDict):
    """`POST /v1/workspaces/{id}/discard`."""
    # Also what would be lost by it.
    force: NotRequired[bool]

class Discarded(TypedDict):
    """What went with a worktree."""
    # The branch that is gone with it; null if it was there before, or has work that was not to be lost.
    branch: NotRequired[str | None]
    # What was lost.
    lost: Unsaved
    # The directory that is gone.
    path: str

Durability: TypeAlias = "Literal['power', 'process']"
"""What an acknowledged change survives."""

class EditInput(TypedDict):
    """`PATCH …/inputs/{input_id}`."""
    # What it says now.
    input: InputContent

class EphemeralMessageDelta(TypedDict):
    """A piece of a message."""
    # A piece of a message.
    data: MessageDelta
    type: Literal['message.delta']
    # The last durable event before it.
    after: Seq
    # Whose.
    session_id: SessionId
    # When.
    ts: Timestamp
    turn_id: NotRequired[TurnId | None]

class EphemeralToolProgressed(TypedDict):
    """A running tool tells more."""
    # A running tool tells more.
    data: ToolProgressed
    type: Literal['tool.progressed']
    # The last durable event before it.
    after: Seq
    # Whose.
    session_id: SessionId
    # When.
    ts: Timestamp
    turn_id: NotRequired[TurnId | None]

class EphemeralTaskProgressed(TypedDict):
    """A running task tells more."""
    # A running task tells more.
    data: TaskProgressed
    type: Literal['task.progressed']
    # The last durable event before it.
    after: Seq
    # Whose.
    session_id: SessionId
    # When.
    ts: Timestamp
    turn_id: NotRequired[TurnId | None]

Ephemeral: TypeAlias = "EphemeralMessageDelta | EphemeralToolProgressed | EphemeralTaskProgressed"
"""An event without a number."""

class EphemeralKindMessageDelta(TypedDict):
    """A piece of a message."""
    # A piece of a message.
    data: MessageDelta
    type: Literal['message.delta']

class EphemeralKindToolProgressed(TypedDict):
    """A running tool tells more."""
    # A running tool tells more.
    data: ToolProgressed
    type: Literal['tool.progressed']

class EphemeralKindTaskProgressed(TypedDict):
    """A running task tells more."""
    # A running task tells more.
    data: TaskProgressed
    type: Literal['task.progressed']

EphemeralKind: TypeAlias = "EphemeralKindMessageDelta | EphemeralKindToolProgressed | EphemeralKindTaskProgressed"
"""What an ephemeral event tells, with its name on the wire."""

ErrorCode: TypeAlias = "Literal['not_found', 'conflict', 'busy', 'closed', 'invalid', 'unauthorized', 'forbidden', 'unsupported', 'not_ready', 'overloaded', 'timeout', 'destroyed', 'agent_exited', 'agent_missing', 'auth_required', 'rate_limited', 'too_large', 'cursor_expired', 'storage', 'internal']"
"""Stable codes, one per thing that a caller can do about it."""

class ErrorInfo(TypedDict):
    """An error as data: a stable code and a sentence that says what to do."""
    # Stable, one word.
    code: str
    # Details by code.
    data: NotRequired[Any]
    # For people.
    message: str

class EventEnvelope(TypedDict):
    """A stored event."""
    # By type.
    data: Any
    # Rises over the node.
    gseq: Gseq
    # 1, 2, 3, … per session.
    seq: Seq
    # Whose.
    session_id: SessionId
    # When.
    ts: Timestamp
    turn_id: NotRequired[TurnId | None]
    # For example `turn.started`.
    type: str

EventItem: TypeAlias = "EventEnvelope | AcpRow"
"""An item of a page of events."""

class EventKindSessionCreated(TypedDict):
    """EventKindSessionCreated"""
    data: SessionCreated
    type: Literal['session.created']

class EventKindSessionUpdated(TypedDict):
    """EventKindSessionUpdated"""
    data: SessionUpdated
    type: Literal['session.updated']

class EventKindSessionActivityChanged(TypedDict):
    """EventKindSessionActivityChanged"""
    data: SessionChanged
    type: Literal['session.activity_changed']

class EventKindSessionHealthChanged(TypedDict):
    """EventKindSessionHealthChanged"""
    data: SessionChanged
    type: Literal['session.health_changed']

class EventKindSessionNativeBound(TypedDict):
    """EventKindSessionNativeBound"""
    data: NativeBound
    type: Literal['session.native_bound']

class EventKindSessionSuspended(TypedDict):
    """EventKindSessionSuspended"""
    data: SessionSuspended
    type: Literal['session.suspended']

class EventKindSessionResumed(TypedDict):
    """EventKindSessionResumed"""
    data: SessionChanged
    type: Literal['session.resumed']

class EventKindSessionClosed(TypedDict):
    """EventKindSessionClosed"""
    data: SessionClosed
    type: Literal['session.closed']

class EventKindSessionCleared(TypedDict):
    """EventKindSessionCleared"""
    data: SessionCleared
    type: Literal['session.cleared']

class EventKindSessionForked(TypedDict):
    """EventKindSessionForked"""
    data: SessionForked
    type: Literal['session.forked']

class EventKindSessionFailed(TypedDict):
    """EventKindSessionFailed"""
    data: SessionFailed
    type: Literal['session.failed']

class EventKindSessionDestroyed(TypedDict):
    """EventKindSessionDestroyed"""
    data: SessionChanged
    type: Literal['session.destroyed']

class EventKindInputAdmitted(TypedDict):
    """EventKindInputAdmitted"""
    data: InputAdmitted
    type: Literal['input.admitted']

class EventKindInputStarted(TypedDict):
    """EventKindInputStarted"""
    data: InputStarted
    type: Literal['input.started']

class EventKindInputCancelled(TypedDict):
    """EventKindInputCancelled"""
    data: InputCancelled
    type: Literal['input.cancelled']

class EventKindTurnStarted(TypedDict):
    """EventKindTurnStarted"""
    data: TurnStarted
    type: Literal['turn.started']

class EventKindTurnCompleted(TypedDict):
    """EventKindTurnCompleted"""
    data: TurnCompleted
    type: Literal['turn.completed']

class EventKindMessageCompleted(TypedDict):
    """EventKindMessageCompleted"""
    data: MessageCompleted
    type: Literal['message.completed']

class EventKindToolStarted(TypedDict):
    """EventKindToolStarted"""
    data: ToolStarted
    type: Literal['tool.started']

class EventKindToolCompleted(TypedDict):
    """EventKindToolCompleted"""
    data: ToolCompleted
    type: Literal['tool.completed']

class EventKindAskOpened(TypedDict):
    """EventKindAskOpened"""
    data: AskOpened
    type: Literal['ask.opened']

class EventKindAskResolved(TypedDict):
    """EventKindAskResolved"""
    data: AskResolved
    type: Literal['ask.resolved']

class EventKindAskExpired(TypedDict):
    """EventKindAskExpired"""
    data: AskEnded
    type: Literal['ask.expired']

class EventKindAskWithdrawn(TypedDict):
    """EventKindAskWithdrawn"""
    data: AskEnded
    type: Literal['ask.withdrawn']

class EventKindTodosUpdated(TypedDict):
    """EventKindTodosUpdated"""
    data: TodosUpdated
    type: Literal['todos.updated']

class EventKindUsageUpdated(TypedDict):
    """EventKindUsageUpdated"""
    data: UsageUpdated
    type: Literal['usage.updated']

class EventKindConfigChanged(TypedDict):
    """EventKindConfigChanged"""
    data: ConfigChanged
    type: Literal['config.changed']

class EventKindRequestRefused(TypedDict):
    """EventKindRequestRefused"""
    data: RequestRefused
    type: Literal['request.refused']

class EventKindMcpChanged(TypedDict):
    """EventKindMcpChanged"""
    data: McpChanged
    type: Literal['mcp.changed']

class EventKindTaskStarted(TypedDict):
    """EventKindTaskStarted"""
    data: TaskStarted
    type: Literal['task.started']

class EventKindTaskCompleted(TypedDict):
    """EventKindTaskCompleted"""
    data: TaskCompleted
    type: Literal['task.completed']

class EventKindCompactionStarted(TypedDict):
    """EventKindCompactionStarted"""
    data: Compaction
    type: Literal['compaction.started']

class EventKindCompactionCompleted(TypedDict):
    """EventKindCompactionCompleted"""
    data: Compaction
    type: Literal['compaction.completed']

class EventKindCheckpointCreated(TypedDict):
    """EventKindCheckpointCreated"""
    data: CheckpointCreated
    type: Literal['checkpoint.created']

class EventKindRewindCompleted(TypedDict):
    """EventKindRewindCompleted"""
    data: RewindCompleted
    type: Literal['rewind.completed']

class EventKindRewindUndone(TypedDict):
    """EventKindRewindUndone"""
    data: RewindCompleted
    type: Literal['rewind.undone']

class EventKindArtifactCreated(TypedDict):
    """EventKindArtifactCreated"""
    data: ArtifactCreated
    type: Literal['artifact.created']

class EventKindProcessStarted(TypedDict):
    """EventKindProcessStarted"""
    data: ProcessStarted
    type: Literal['process.started']

class EventKindProcessExited(TypedDict):
    """EventKindProcessExited"""
    data: ProcessExited
    type: Literal['process.exited']

class EventKindNativeReceived(TypedDict):
    """EventKindNativeReceived"""
    data: NativeReceived
    type: Literal['native.received']

class EventKindWarningRaised(TypedDict):
    """EventKindWarningRaised"""
    data: WarningRaised
    type: Literal['warning.raised']

EventKind: TypeAlias = "EventKindSessionCreated | EventKindSessionUpdated | EventKindSessionActivityChanged | EventKindSessionHealthChanged | EventKindSessionNativeBound | EventKindSessionSuspended | EventKindSessionResumed | EventKindSessionClosed | EventKindSessionCleared | EventKindSessionForked | EventKindSessionFailed | EventKindSessionDestroyed | EventKindInputAdmitted | EventKindInputStarted | EventKindInputCancelled | EventKindTurnStarted | EventKindTurnCompleted | EventKindMessageCompleted | EventKindToolStarted | EventKindToolCompleted | EventKindAskOpened | EventKindAskResolved | EventKindAskExpired | EventKindAskWithdrawn | EventKindTodosUpdated | EventKindUsageUpdated | EventKindConfigChanged | EventKindRequestRefused | EventKindMcpChanged | EventKindTaskStarted | EventKindTaskCompleted | EventKindCompactionStarted | EventKindCompactionCompleted | EventKindCheckpointCreated | EventKindRewindCompleted | EventKindRewindUndone | EventKindArtifactCreated | EventKindProcessStarted | EventKindProcessExited | EventKindNativeReceived | EventKindWarningRaised"
"""`type` and `data` of an `EventEnvelope`. Kinds may be added: skip those that you do not know."""

class ExecCancelled(TypedDict):
    """`DELETE /v1/sessions/{id}/exec/{exec_id}`."""
    # The command, and how many of its processes were signalled.
    hit: list[str]
    # Processes that could not be ended.
    remained: list[str]

class ExecOutput(TypedDict):
    """A frame `stdout` or `stderr`: what was written, in its order. Exactly one of the two is there."""
    # As base64, if it is not UTF-8.
    base64: NotRequired[str | None]
    # As text; a character is never cut.
    text: NotRequired[str | None]

class ExecRequest(TypedDict):
    """`POST /v1/sessions/{id}/exec`: one of `command` and `shell`."""
    # Program and arguments, as they are: no shell is between.
    command: NotRequired[list[str] | None]
    # Where it runs: a directory below the session's, by default that one.
    cwd: NotRequired[str | None]
    # Added to the session's environment; null unsets.
    env: NotRequired[dict[str, str | None]]
    # A text for `/bin/sh -c`.
    shell: NotRequired[str | None]
    # What it reads on its standard input, as text; else nothing.
    stdin: NotRequired[str | None]
    # The same as base64, for bytes that are no text.
    stdin_base64: NotRequired[str | None]
    # Milliseconds until its whole tree is killed: 1 to 86400000, by default 120000.
    timeout_ms: NotRequired[int | None]

class ExecResult(TypedDict):
    """How a command ended, and what it wrote."""
    # It was cancelled, and its whole tree was killed.
    cancelled: NotRequired[bool]
    # How long it ran, in milliseconds.
    duration_ms: int
    # Its id, as long as it ran.
    exec_id: str
    # Its exit code, unless a signal ended it.
    exit_code: NotRequired[int | None]
    # The signal that ended it.
    signal: NotRequired[int | None]
    # Its standard error; empty at the end of a stream. Bytes that are no UTF-8 are replaced.
    stderr: str
    # The exact bytes of `stderr`, if they are not UTF-8.
    stderr_base64: NotRequired[str | None]
    # Its standard output; empty at the end of a stream. Bytes that are no UTF-8 are replaced.
    stdout: str
    # The exact bytes of `stdout`, if they are not UTF-8.
    stdout_base64: NotRequired[str | None]
    # Its time was over, and its whole tree was killed.
    timed_out: bool
    # It wrote more than is told here: of each output the first megabyte (2^20 bytes).
    truncated: bool

class ExecStarted(TypedDict):
    """The first frame of a stream, `started`."""
    # By which it can be cancelled.
    exec_id: str
    # Its process.
    pid: int

FileAction: TypeAlias = "Literal['restore', 'change', 'delete']"
"""What a way back does to a file."""

class FileDiff(TypedDict):
    """A change to a file as an agent tells it."""
    # Its text after.
    new_text: str
    # Its text before; null for a new file.
    old_text: NotRequired[str | None]
    # The file.
    path: str

class FileEntry(TypedDict):
    """A file, directory or link."""
    # Its size in bytes; 0 unless it is a file.
    bytes: int
    # Of a file: changes with its content; `ETag` of its bytes.
    etag: NotRequired[str | None]
    # What it is; a link is not followed.
    kind: FileKind
    # Permission bits, in octal.
    mode: str
    # When it was last changed.
    modified_at: Timestamp
    # The last name of it.
    name: str
    # From the session's directory; that one itself is `.`. Bytes that are no UTF-8 are replaced, and then it cannot
    # be asked for by this name.
    path: str
    # What a link says.
    target: NotRequired[str | None]

FileKind: TypeAlias = "Literal['file', 'directory', 'symlink', 'pipe', 'socket', 'device']"
"""What stands at a path."""

FileStatus: TypeAlias = "Literal['added', 'modified', 'deleted']"
"""How a file differs."""

class FilesFound(TypedDict):
    """A page of names that were found."""
    # In the order of their paths.
    items: list[FileEntry]
    # The cursor of the next page. A search that took too long has one too, be its page empty.
    next: NotRequired[str | None]

ForkFiles: TypeAlias = "Literal['shared', 'copy', 'worktree']"
"""In which files a fork works."""

class ForkSession(TypedDict):
    """`POST …/fork`. What is not given is as in the session that is forked."""
    at: NotRequired[RewindTo | None]
    # The effort.
    effort: NotRequired[str | None]
    # In which files it works.
    files: NotRequired[ForkFiles]
    # The client's id; the same id and body again is the same session.
    id: NotRequired[str | None]
    input: NotRequired[InputContent | None]
    # What clients keep with it.
    metadata: NotRequired[dict[str, Any] | None]
    # The mode.
    mode: NotRequired[str | None]
    # The model.
    model: NotRequired[str | None]
    # `false` starts nothing yet (default true).
    start: NotRequired[bool | None]
    # Tags.
    tags: NotRequired[list[str] | None]
    # Title.
    title: NotRequired[str | None]
    # Until when the call waits.
    wait: NotRequired[CreateWait]

class GrepFound(TypedDict):
    """A page of lines that match."""
    # In the order of paths and lines.
    items: list[GrepLine]
    # The cursor of the next page. A search that took too long has one too, be its page empty.
    next: NotRequired[str | None]
    # Files of this page that were not searched: no text, over 16 MB, or not to be read.
    skipped: int

class GrepLine(TypedDict):
    """A line that matches."""
    # Where in it the match begins, in bytes, from 1.
    column: int
    # It is not the whole line.
    cut: NotRequired[bool]
    # The line, from 1.
    line: int
    # The file, from the session's directory.
    path: str
    # The line without its end; of one over 1 KB the part about the match. Bytes that are no UTF-8 are replaced.
    text: str

Gseq: TypeAlias = "int"
"""Position in the node's log: rises over all sessions, may have holes."""

class Health(TypedDict):
    """Health with its reason."""
    # How well it is.
    state: HealthState
    why: NotRequired[HealthReason | None]

HealthReason: TypeAlias = "Literal['starting', 'process_gone', 'not_running', 'stalled', 'mcp', 'spool_full', 'rate_limited', 'storage']"
"""Why a session is not healthy."""

class HealthReply(TypedDict):
    """`GET /healthz`."""
    # `ok`, or `starting`.
    status: str
    # The daemon's version.
    version: str

HealthState: TypeAlias = "Literal['healthy', 'degraded', 'unhealthy']"
"""Whether a session is well."""

class History(TypedDict):
    """A conversation, ours or another tool's."""
    # The agent that held it.
    agent: str
    # Put away.
    archived: NotRequired[bool]
    created_at: NotRequired[Timestamp | None]
    # A title that a person or the agent gave it.
    custom_title: NotRequired[str | None]
    # The directory it worked in, as its records say.
    cwd: NotRequired[str | None]
    # What was asked first, short.
    first_input: NotRequired[str | None]
    # The conversation whose beginning it shares, by its native id.
    forked_from: NotRequired[str | None]
    # The branch it was last on.
    git_branch: NotRequired[str | None]
    # The model that spoke last, where that is told.
    model: NotRequired[str | None]
    # The agent's own id of it; of a session whose agent keeps nothing that is read here, the session's id.
    native_id: str
    project: NotRequired[ProjectRef | None]
    session_id: NotRequired[SessionId | None]
    # Size of what holds it, in bytes.
    size_bytes: int
    # Subagents with records of their own.
    subagents: NotRequired[int]
    # Tags.
    tags: NotRequired[list[str]]
    # A line for lists.
    title: NotRequired[str | None]
    # When it was last written.
    updated_at: Timestamp

class HistoryWarning(TypedDict):
    """Something of the past that could not be read. Everything else was."""
    # For people.
    detail: str
    # In a word: `unreadable`, `link`, `not_a_file`, `malformed`, `torn`, `oversized`, `shrunk`, `clock`, `layout`.
    kind: str
    # Where in it, in bytes.
    offset: NotRequired[int | None]
    # The file or directory.
    path: str

class IndexState(TypedDict):
    """How far the index of the past is."""
    # It is reading now.
    busy: bool
    # Conversations that are listed.
    conversations: int
    # False where the configuration turns it off.
    enabled: bool
    looked_at: NotRequired[Timestamp | None]
    # Something changed that may not be listed or found yet: a look at it is due or under way.
    pending: NotRequired[bool]
    # Of them, those of which everything can be searched.
    read: int
    # What is left out of lists and searches: the path, and why. It stays as long as that cannot be read.
    warnings: NotRequired[list[HistoryWarning]]

class Info(TypedDict):
    """`GET /v1/info`."""
    # Something wrong with the configuration, if there is.
    config_warning: NotRequired[str | None]
    # How many there are.
    counts: InfoCounts
    # What an acknowledged change survives.
    durability: Durability
    # Limits in force.
    limits: InfoLimits
    # Cursors of another generation are void.
    log_generation: int
    # The machine's name.
    node: str
    # The daemon's process id.
    pid: int
    # When it was started.
    started_at: Timestamp
    # For how long it has run.
    uptime_seconds: int
    # The daemon's version.
    version: str

class InfoCounts(TypedDict):
    """How many there are."""
    # Followers of event streams.
    followers: int
    # Sessions with a process.
    live: int
    # Asks that are open.
    open_asks: int
    # Sessions that are not destroyed.
    sessions: int

class InfoLimits(TypedDict):
    """Limits in force."""
    # Largest other request body, in bytes.
    body_bytes: int
    # Largest input, in bytes.
    input_bytes: int
    # Longest line of an agent, in bytes.
    line_bytes: int
    # Largest `limit` of a list.
    page_items: int

InheritEnv: TypeAlias = "bool | list[str]"
"""Names of environment variables to pass on."""

class InputAdmitted(TypedDict):
    """`input.admitted`."""
    # How it is to reach the agent.
    delivery: Delivery
    # The effort to set when its turn starts.
    effort: NotRequired[str | None]
    # The input.
    input_id: InputId
    # The model to set when its turn starts.
    model: NotRequired[str | None]
    # What it says.
    parts: list[Part]
    # Its place in the queue, from 0, at this moment.
    position: int

class InputCancelled(TypedDict):
    """`input.cancelled`."""
    # The input.
    input_id: InputId
    # Why: `request`, `discarded`, `closed`, `destroyed`.
    reason: str

class InputContentText(TypedDict):
    """`{text}`."""
    # The text.
    text: str

class InputContentParts(TypedDict):
    """`{parts: […]}`."""
    # The parts, in order.
    parts: list[InputPart]

InputContent: TypeAlias = "str | InputContentText | InputContentParts"
"""What an input says: a JSON string, `{text}`, or `{parts: […]}`."""

InputHow: TypeAlias = "Literal['turn', 'steered']"
"""How an input came into a turn."""

InputId: TypeAlias = "str"
"""Something a client sent."""

class InputPartText(TypedDict):
    """Text."""
    # The text.
    text: str
    type: Literal['text']

class InputPartImage(TypedDict):
    """An image."""
    # Base64 of the bytes.
    data: str
    # For example `image/png`.
    mime_type: str
    type: Literal['image']

class InputPartFile(TypedDict):
    """A file's content, as text or base64."""
    # Base64 of its bytes.
    data: NotRequired[str | None]
    # For example `text/plain`.
    mime_type: NotRequired[str | None]
    # Its text.
    text: NotRequired[str | None]
    type: Literal['file']
    # Its name or URI.
    uri: str

class InputPartResourceLink(TypedDict):
    """A pointer to a resource."""
    # For example `text/plain`.
    mime_type: NotRequired[str | None]
    # Its name.
    name: NotRequired[str | None]
    type: Literal['resource_link']
    # Where it is.
    uri: str

InputPart: TypeAlias = "InputPartText | InputPartImage | InputPartFile | InputPartResourceLink"
"""One part of an input."""

class InputStarted(TypedDict):
    """`input.started`."""
    # How.
    how: InputHow
    # The input.
    input_id: InputId
    # The turn that takes it in.
    turn_id: TurnId

class InputView(TypedDict):
    """An input in a list."""
    # When it was admitted.
    admitted_at: Timestamp
    # How it was to reach the agent.
    delivery: Delivery
    # The input.
    input_id: InputId
    # What it says.
    parts: list[Part]
    # How many inputs came before it when it was admitted, as its receipt told.
    position: NotRequired[int]
    # Its `input.admitted` event.
    seq: Seq
    # `queued`, `started`, `completed` or `cancelled`.
    state: str
    turn_id: NotRequired[TurnId | None]

class Instructions(TypedDict):
    """Text for the agent's instructions."""
    # Added to the agent's own.
    append: NotRequired[str | None]
    # Used instead of them.
    replace: NotRequired[str | None]

class Interrupt(TypedDict):
    """`POST …/interrupt`."""
    # What happens to inputs that wait.
    queue: NotRequired[QueueChoice]
    # Until when the call waits.
    wait: NotRequired[VerbWait]

class KeepArtifact(TypedDict):
    """`PUT /v1/sessions/{id}/artifacts/{key}` with a body of JSON: a file of the session's directory is kept."""
    # The file, from the session's directory or absolute and below it.
    path: str

Lifecycle: TypeAlias = "Literal['creating', 'live', 'suspended', 'closed', 'destroyed', 'failed']"
"""How far a session's life has come."""

class Limits(TypedDict):
    """Limits of a session. What reaches one pauses with outcome `limit`, keeps its queue, and goes on when it is
    raised.
    """
    # US dollars that the session may cost, as its agent tells; 0 for no limit. An agent that never tells its cost
    # is refused.
    cost_usd: NotRequired[float | None]
    # Seconds without a turn, queue, ask or task until it is suspended (default 1800, 0 never). It is no outcome.
    idle_seconds: NotRequired[int | None]
    # Megabytes (of 1,000,000 bytes) that all its processes may use together; 0 for no limit.
    memory_mb: NotRequired[int | None]
    # Seconds that one turn may take; 0 for no limit. Time in which the daemon is down counts, time that waits for
    # the reset of a provider's rate limit does not.
    turn_seconds: NotRequired[int | None]
    # Turns that the session may have; 0 for no limit. The next one waits in the queue until it is raised.
    turns: NotRequired[int | None]

class LimitsChanged(TypedDict):
    """Limits that were set; only what changed is given, and 0 is no limit."""
    # US dollars that the session may cost.
    cost_usd: NotRequired[float | None]
    # Seconds of idleness until it is suspended.
    idle_seconds: NotRequired[int | None]
    # Megabytes (of 1,000,000 bytes) that all its processes may use together.
    memory_mb: NotRequired[int | None]
    # Seconds that one turn may take.
    turn_seconds: NotRequired[int | None]
    # Turns of the session.
    turns: NotRequired[int | None]

class LimitsPatch(TypedDict):
    """Limits to set; what is absent stays, and null or 0 takes one away."""
    # US dollars that the session may cost.
    cost_usd: NotRequired[float | None]
    # Seconds of idleness until it is suspended.
    idle_seconds: NotRequired[int | None]
    # Megabytes that all its processes may use together.
    memory_mb: NotRequired[int | None]
    # Seconds that one turn may take.
    turn_seconds: NotRequired[int | None]
    # Turns that the session may have.
    turns: NotRequired[int | None]

class LimitsView(TypedDict):
    """Limits in force, and how far they are used up."""
    # Some of it used tokens whose cost was not told: it cost more than `cost_used_usd`.
    cost_incomplete: bool
    # US dollars that the session may cost; null for no limit.
    cost_usd: NotRequired[float | None]
    # US dollars that it cost, as far as its agent told.
    cost_used_usd: float
    # Seconds of idleness until it is suspended; null for never.
    idle_seconds: NotRequired[int | None]
    # Megabytes that all its processes may use together; null for no limit.
    memory_mb: NotRequired[int | None]
    # The limit that holds the queue until it is raised: `turns`, `budget`, `time` or `memory`. `resume` or the next
    # input also go on after the last two.
    reached: NotRequired[str | None]
    # Seconds that one turn may take; null for no limit.
    turn_seconds: NotRequired[int | None]
    # Turns that the session may have; null for no limit.
    turns: NotRequired[int | None]
    # Turns that it had.
    turns_used: int

class McpChange(TypedDict):
    """What was done with tool servers."""
    # Servers that are new.
    added: NotRequired[list[str]]
    # Servers that do not work, and why.
    errors: NotRequired[dict[str, str]]
    # The server that it is about; absent when the set was replaced.
    name: NotRequired[str | None]
    # Servers that are gone.
    removed: NotRequired[list[str]]
    # What was asked for.
    verb: McpVerb

class McpChanged(TypedDict):
    """`mcp.changed`: the whole list."""
    change: NotRequired[McpChange | None]
    # The number of the command to the process that it answers, if one was needed.
    command: NotRequired[int | None]
    # Every tool server as it stands.
    servers: list[McpServer]

class McpServer(TypedDict):
    """A tool server of a session."""
    # Why it failed.
    error: NotRequired[str | None]
    # Its name.
    name: str
    # Where it was configured.
    scope: NotRequired[str | None]
    # What it told of itself.
    server_info: NotRequired[Any]
    # How it stands.
    status: McpStatus
    # Names of its tools.
    tools: NotRequired[list[str]]
    # `stdio`, `http` or `sse`, where known.
    type: NotRequired[str | None]

class McpServerConfigStdio(TypedDict):
    """As a process of the agent."""
    # Arguments.
    args: NotRequired[list[str]]
    # Program.
    command: str
    # Environment; shown by name only.
    env: NotRequired[dict[str, str]]
    type: Literal['stdio']
    # Its name.
    name: str

class McpServerConfigHttp(TypedDict):
    """By streamable HTTP."""
    # Headers; shown by name only.
    headers: NotRequired[dict[str, str]]
    type: Literal['http']
    # Where.
    url: str
    # Its name.
    name: str

class McpServerConfigSse(TypedDict):
    """By server-sent events."""
    # Headers; shown by name only.
    headers: NotRequired[dict[str, str]]
    type: Literal['sse']
    # Where.
    url: str
    # Its name.
    name: str

McpServerConfig: TypeAlias = "McpServerConfigStdio | McpServerConfigHttp | McpServerConfigSse"
"""A tool server."""

class McpServersSet(TypedDict):
    """Answer to `PUT /v1/sessions/{id}/mcp`."""
    # Servers that are new or changed.
    added: list[str]
    # Servers that do not work, and why. They are in the set all the same, and can be reconnected.
    errors: dict[str, str]
    # Servers that are gone, or were there otherwise.
    removed: list[str]

McpStatus: TypeAlias = "Literal['connected', 'failed', 'needs_auth', 'pending', 'disabled']"
"""How a tool server stands."""

class McpTransportConfigStdio(TypedDict):
    """As a process of the agent."""
    # Arguments.
    args: NotRequired[list[str]]
    # Program.
    command: str
    # Environment; shown by name only.
    env: NotRequired[dict[str, str]]
    type: Literal['stdio']

class McpTransportConfigHttp(TypedDict):
    """By streamable HTTP."""
    # Headers; shown by name only.
    headers: NotRequired[dict[str, str]]
    type: Literal['http']
    # Where.
    url: str

class McpTransportConfigSse(TypedDict):
    """By server-sent events."""
    # Headers; shown by name only.
    headers: NotRequired[dict[str, str]]
    type: Literal['sse']
    # Where.
    url: str

McpTransportConfig: TypeAlias = "McpTransportConfigStdio | McpTransportConfigHttp | McpTransportConfigSse"
"""How a tool server is reached."""

McpVerb: TypeAlias = "Literal['set', 'enable', 'disable', 'reconnect']"
"""What can be asked of tool servers."""

MergeHow: TypeAlias = "Literal['nothing', 'fast_forward', 'merge', 'squash']"
"""How work came into a branch."""

class MergeWorkspace(TypedDict):
    """`POST /v1/workspaces/{id}/merge`."""
    # Commit what is not committed, with this message, before the merge. Without it such work is refused by name.
    commit: NotRequired[str | None]
    # Only tell what would happen. Nothing is committed.
    dry_run: NotRequired[bool]
    # The branch that takes the work in (default: the worktree's `base_branch`).
    into: NotRequired[str | None]
    # Message of the merge, where one is made.
    message: NotRequired[str | None]
    # One commit with all of the work instead of its commits.
    squash: NotRequired[bool]

class Merged(TypedDict):
    """What a merge did, or with `dry_run` would do."""
    # Its commit after; null for a merge that was only planned.
    after: NotRequired[str | None]
    # The branch's commit before.
    before: str
    # Commits that came.
    commits: int
    # The commit that `commit` made.
    committed: NotRequired[str | None]
    # It was only planned.
    dry_run: bool
    # Files that changed in the branch.
    files: int
    # How.
    how: MergeHow
    # The branch.
    into: str
    # The directory in which the branch is checked out, whose files were brought along.
    updated: NotRequired[str | None]

class Message(TypedDict):
    """A message as the `messages` path gives it: whole, with its tools as they stand now."""
    # Rises with each `clear`.
    epoch: int
    # Our id.
    id: MessageId
    # The model that wrote it.
    model: NotRequired[str | None]
    # Every native record that was folded into it.
    native_ids: list[str]
    origin: NotRequired[MessageOrigin | None]
    # The tool call of the subagent that said it.
    parent_tool_id: NotRequired[str | None]
    # It was cut short; what was seen is kept.
    partial: NotRequired[bool]
    # Its parts, whole.
    parts: list[Part]
    # Who speaks.
    role: Role
    seq: NotRequired[Seq | None]
    # The text parts joined.
    text: str
    # When.
    ts: Timestamp
    turn_id: NotRequired[TurnId | None]
    usage: NotRequired[Usage | None]

class MessageCompleted(TypedDict):
    """`message.completed`."""
    # The epoch it belongs to.
    epoch: NotRequired[int]
    # The message.
    message_id: MessageId
    # The model that wrote it.
    model: NotRequired[str | None]
    # Every native record folded into it.
    native_ids: NotRequired[list[str]]
    origin: NotRequired[MessageOrigin | None]
    # The tool call of the subagent that said it.
    parent_tool_id: NotRequired[str | None]
    # It was cut short.
    partial: NotRequired[bool]
    # Its parts; a tool part says how it stood at this moment.
    parts: list[Part]
    # Who speaks.
    role: Role
    said_at: NotRequired[Timestamp | None]
    usage: NotRequired[Usage | None]
    whole: NotRequired[Whole | None]

class MessageDelta(TypedDict):
    """`message.delta`: a piece of a message that is being written."""
    # Text or thought.
    kind: TextKind
    # The message.
    message_id: MessageId
    # Where `text` begins in the part, in Unicode scalar values.
    offset: int
    # The tool call of the subagent that says it.
    parent_tool_id: NotRequired[str | None]
    # The part of it.
    part_id: str
    # The piece.
    text: str

MessageId: TypeAlias = "str"
"""One message of a conversation."""

MessageOrigin: TypeAlias = "Literal['native']"
"""A message that did not originate in a turn that Tenure saw."""

class Metrics(TypedDict):
    """`GET …/metrics`: counts since the session was created, over all its processes and epochs."""
    context: NotRequired[ContextUse | None]
    # Whole messages of all roles, subagents included; what an agent replays is not counted again.
    messages: int
    # Messages of the agent, each the work of one call of its model.
    steps: int
    # Tool calls that ended.
    tool_calls: int
    # Ended tool calls by tool. Past 256 names the rest is counted as `other`.
    tool_usage: dict[str, int]
    # Turns that ended.
    turns: int
    # Tokens, and cost with its basis.
    usage: Usage

class ModeInfo(TypedDict):
    """A mode (permission mode) that can be chosen."""
    # What it does.
    description: NotRequired[str | None]
    # What to pass as `mode`.
    id: str
    # A name for people.
    name: str

class ModelInfo(TypedDict):
    """A model that can be chosen."""
    # What it is good for.
    description: NotRequired[str | None]
    # Values of `effort` that it takes.
    efforts: NotRequired[list[str]]
    # What to pass as `model`.
    id: str
    # A name for people.
    name: str

class NativeBound(TypedDict):
    """`session.native_bound`."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # The agent's own id of the conversation; null when it was let go.
    native_id: NotRequired[str | None]

class NativeReceived(TypedDict):
    """`native.received`: something that has no event of its own, as the agent sent it."""
    # Its length in bytes.
    bytes: int
    # Why it is here: `unknown`, `malformed`, `oversized`, `late`, or the agent's own kind.
    kind: str
    # Where the line begins in the process's output.
    offset: int
    # Else its first 1 KB as text.
    text: NotRequired[str | None]
    # The line as JSON, where it is JSON and no longer than 64 KB.
    value: NotRequired[Any]

OptionKind: TypeAlias = "Literal['allow_once', 'allow_always', 'reject_once', 'reject_always', 'other']"
"""What an offered option means."""

Outcome: TypeAlias = "Literal['completed', 'interrupted', 'failed', 'limit', 'crashed']"
"""How a turn ended."""

class PageAgentEntry(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[AgentEntry]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageArtifactItemsItem(TypedDict):
    """An artifact."""
    # Its size in bytes.
    bytes: int
    # When it was kept.
    created_at: Timestamp
    # SHA-256 of its bytes, in hex.
    hash: str
    # The file that it was taken from.
    path: NotRequired[str | None]
    # Who declared it.
    source: ArtifactSource
    # From 1.
    version: int
    # What it is called.
    key: str
    # All versions, oldest first.
    versions: list[ArtifactVersion]

class PageArtifact(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[PageArtifactItemsItem]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageAsk(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[Ask]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageCheckpoint(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[Checkpoint]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageEventItem(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[EventEnvelope | AcpRow]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageFileEntry(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[FileEntry]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageHistory(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[History]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageInputView(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[InputView]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageMcpServer(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[McpServer]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageMessage(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[Message]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageProcess(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[Process]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageProject(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[Project]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageSessionItemsItem(TypedDict):
    """A session."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # Name of its agent.
    agent: str
    agent_info: NotRequired[AgentInfo | None]
    # Rises with each rewind of the conversation.
    branch: NotRequired[int]
    capabilities: NotRequired[Capabilities | None]
    # When it was created.
    created_at: Timestamp
    # Its directory, as it was given.
    cwd: str
    # Text that waits to be sent by a person.
    draft: NotRequired[str | None]
    # The effort in force.
    effort: NotRequired[str | None]
    # Rises with each `clear`.
    epoch: int
    # The first thing that was said, at most 200 characters of it.
    first_input: NotRequired[str | None]
    # Ours, from the moment it is created.
    id: SessionId
    # Its last event.
    last_seq: Seq
    # The limit that holds its queue until it is raised: `turns`, `budget`, `time` or `memory`.
    limit_reached: NotRequired[str | None]
    # What clients keep with it.
    metadata: dict[str, Any]
    # The mode in force.
    mode: NotRequired[str | None]
    # The model that was asked for.
    model: NotRequired[str | None]
    # The model that the agent says it uses.
    model_effective: NotRequired[str | None]
    # The agent's own id; null until the agent has confirmed it.
    native_id: NotRequired[str | None]
    # The machine.
    node: str
    parent: NotRequired[Parent | None]
    # Asks that are open.
    pending_asks: list[Ask]
    process: NotRequired[Process | None]
    # The project it belongs to.
    project: ProjectRef
    # Inputs that wait.
    queue: list[QueuedInput]
    # Its tags.
    tags: list[str]
    # Its title.
    title: NotRequired[str | None]
    # Its last activity.
    updated_at: Timestamp
    # What it used so far.
    usage: Usage
    # Where it works.
    workspace: WorkspaceRef

class PageSession(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[PageSessionItemsItem]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageTaskView(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[TaskView]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageTodo(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[Todo]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageTokenEntry(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[TokenEntry]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class PageWorkspace(TypedDict):
    """A page of a list."""
    # What is on it.
    items: list[Workspace]
    # Pass as `cursor` (for events: as `after`) to go on; null at the end.
    next: NotRequired[str | None]

class Parent(TypedDict):
    """Where a session was forked from."""
    # Messages before it that are not shown here, the oldest ones: there were too many. They stand in that session.
    messages_left_out: NotRequired[int | None]
    # Its last event that is shared.
    seq: Seq
    # The session.
    session_id: SessionId

class PartText(TypedDict):
    """Said text."""
    # The whole text, or its first 4 KB when `blob` is given.
    text: str
    type: Literal['text']
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

class PartThought(TypedDict):
    """Thought text."""
    # The whole text, or its first 4 KB when `blob` is given.
    text: str
    type: Literal['thought']
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

class PartTool(TypedDict):
    """A tool call inside a message."""
    # Why it failed.
    error: NotRequired[str | None]
    # What it was called with.
    input: NotRequired[Any]
    # What it does.
    kind: ToolKind
    # What it gave: text, or the agent's own structure.
    output: NotRequired[Any]
    # Where it stands.
    state: ToolState
    # A line for people.
    title: str
    # The tool's name.
    tool: str
    # The agent's id of the call.
    tool_id: str
    type: Literal['tool']
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

class PartImage(TypedDict):
    """An image."""
    # Base64 of the bytes; empty when `blob` is given.
    data: NotRequired[str]
    # For example `image/png`.
    mime_type: str
    type: Literal['image']
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

class PartFile(TypedDict):
    """A file's content."""
    # Base64 of its bytes, if it is not.
    data: NotRequired[str | None]
    # For example `text/plain`.
    mime_type: NotRequired[str | None]
    # Its text, if it is text.
    text: NotRequired[str | None]
    type: Literal['file']
    # Its name or URI.
    uri: str
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

class PartResourceLink(TypedDict):
    """A pointer to a resource."""
    # For example `text/plain`.
    mime_type: NotRequired[str | None]
    # Its name.
    name: NotRequired[str | None]
    type: Literal['resource_link']
    # Where it is.
    uri: str
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

class PartPlan(TypedDict):
    """A plan."""
    # Its text.
    text: str
    type: Literal['plan']
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

class PartOther(TypedDict):
    """Something that has no word here yet, as the agent sent it."""
    type: Literal['other']
    # The agent's own structure.
    value: Any
    # Hash under which `…/blobs/{hash}` gives the whole.
    blob: NotRequired[str | None]
    # Size of the whole in bytes, when it stands in a blob.
    bytes: NotRequired[int | None]
    # Unique in its session: the message's id, a dot and a number.
    id: str

Part: TypeAlias = "PartText | PartThought | PartTool | PartImage | PartFile | PartResourceLink | PartPlan | PartOther"
"""One part of a message."""

class PartBodyText(TypedDict):
    """Said text."""
    # The whole text, or its first 4 KB when `blob` is given.
    text: str
    type: Literal['text']

class PartBodyThought(TypedDict):
    """Thought text."""
    # The whole text, or its first 4 KB when `blob` is given.
    text: str
    type: Literal['thought']

class PartBodyTool(TypedDict):
    """A tool call inside a message."""
    # Why it failed.
    error: NotRequired[str | None]
    # What it was called with.
    input: NotRequired[Any]
    # What it does.
    kind: ToolKind
    # What it gave: text, or the agent's own structure.
    output: NotRequired[Any]
    # Where it stands.
    state: ToolState
    # A line for people.
    title: str
    # The tool's name.
    tool: str
    # The agent's id of the call.
    tool_id: str
    type: Literal['tool']

class PartBodyImage(TypedDict):
    """An image."""
    # Base64 of the bytes; empty when `blob` is given.
    data: NotRequired[str]
    # For example `image/png`.
    mime_type: str
    type: Literal['image']

class PartBodyFile(TypedDict):
    """A file's content."""
    # Base64 of its bytes, if it is not.
    data: NotRequired[str | None]
    # For example `text/plain`.
    mime_type: NotRequired[str | None]
    # Its text, if it is text.
    text: NotRequired[str | None]
    type: Literal['file']
    # Its name or URI.
    uri: str

class PartBodyResourceLink(TypedDict):
    """A pointer to a resource."""
    # For example `text/plain`.
    mime_type: NotRequired[str | None]
    # Its name.
    name: NotRequired[str | None]
    type: Literal['resource_link']
    # Where it is.
    uri: str

class PartBodyPlan(TypedDict):
    """A plan."""
    # Its text.
    text: str
    type: Literal['plan']

class PartBodyOther(TypedDict):
    """Something that has no word here yet, as the agent sent it."""
    type: Literal['other']
    # The agent's own structure.
    value: Any

PartBody: TypeAlias = "PartBodyText | PartBodyThought | PartBodyTool | PartBodyImage | PartBodyFile | PartBodyResourceLink | PartBodyPlan | PartBodyOther"
"""The content of a part, by `type`."""

PermissionDefault: TypeAlias = "Literal['ask', 'allow', 'deny']"
"""What happens to permission asks that no rule decides."""

class PermissionRule(TypedDict):
    """A rule for permission asks. Of several the first that matches decides. What is absent matches everything; `*`
    stands for any text and `?` for one character.
    """
    # What is done with an ask that matches.
    decision: PermissionDefault
    # What the tool is called with: its commands, files and addresses, under whatever names the agent gives them. A
    # rule that allows matches only if each of them fits, and never a command with one of ``; & | ` $ < >`` or a
    # line break in it unless the pattern has that character too, nor a path that goes up (`..`) more often than the
    # pattern. A rule that denies or asks matches if any of them fits: a path as it is or made absolute, a command
    # as a whole or one of a line's.
    input: NotRequired[str | None]
    kind: NotRequired[ToolKind | None]
    # The tool's name, for example `Bash` or `mcp__*`.
    tool: NotRequired[str | None]

class Permissions(TypedDict):
    """Permissions of a session."""
    # A mode of the agent that bypasses permissions may be used.
    allow_bypass: NotRequired[bool]
    # Seconds until an ask is denied (default 86400; 0 denies at once).
    ask_timeout_seconds: NotRequired[int | None]
    # What happens to asks that no rule decides.
    default: NotRequired[PermissionDefault]
    # Rules that decide before `default` does; the first that matches counts.
    rules: NotRequired[list[PermissionRule]]

class PermissionsPatch(TypedDict):
    """Permissions to set; what is absent stays."""
    # Seconds until an ask is denied (0 denies at once).
    ask_timeout_seconds: NotRequired[int | None]
    default: NotRequired[PermissionDefault | None]
    # All rules, in place of those before.
    rules: NotRequired[list[PermissionRule] | None]

class PermissionsView(TypedDict):
    """Who answers permission asks, and when."""
    # A mode of the agent that bypasses permissions may be used. Set at create only.
    allow_bypass: bool
    # Seconds until an ask is denied.
    ask_timeout_seconds: int
    # What happens to asks that no rule decides.
    default: PermissionDefault
    # Rules of `config.toml` that apply to it; they decide where none of `rules` matches.
    policy: NotRequired[list[PolicyRule]]
    # Rules that decide before; the first that matches counts.
    rules: list[PermissionRule]

PolicyRule = TypedDict(
    "PolicyRule",
    {
        "from": "str",
        "rule": "PermissionRule",
    },
)
"""A rule of the configuration."""

class Problem(TypedDict):
    """An error as it is sent."""
    # The agent it is about.
    agent: NotRequired[str | None]
    # With `unsupported`: the capability that lacks.
    capability: NotRequired[str | None]
    # Stable.
    code: ErrorCode
    # Details by code: for `agent_exited` the exit `code` or `signal` and `stderr_tail`; for a second answer to an
    # ask the first one's `decision`; for `forbidden` the `scope`.
    data: NotRequired[Any]
    # What happened and what to do.
    detail: str
    # With `invalid`: the field.
    field: NotRequired[str | None]
    # The session it is about.
    session_id: NotRequired[str | None]
    # The HTTP status.
    status: int
    # The code in words.
    title: str
    # Always `about:blank`: `code` tells the kind.
    type: str

class Process(TypedDict):
    """A process that Tenure started, or that such a one left behind."""
    # For a command: by which it can be cancelled.
    exec_id: NotRequired[str | None]
    exit: NotRequired[ProcessExit | None]
    # What it is for.
    kind: ProcessKind
    # Memory of its whole tree, in MB (10^6 bytes); 0 when it has exited, absent where it was not measured (in a
    # list of sessions: `GET /v1/processes` measures all, a session by itself has its own).
    memory_mb: NotRequired[float | None]
    # Its process id.
    pid: int
    # How long it has run, or ran.
    runtime_seconds: int
    session_id: NotRequired[SessionId | None]
    # When it was started.
    started_at: Timestamp
    # Whether it runs.
    state: ProcessState

class ProcessExit(TypedDict):
    """How it ended."""
    # Its exit code, unless a signal ended it.
    code: NotRequired[int | None]
    # The signal that ended it.
    signal: NotRequired[int | None]

class ProcessExited(TypedDict):
    """`process.exited`."""
    # Its exit code, unless a signal ended it.
    code: NotRequired[int | None]
    # Which process.
    generation: int
    # The signal that ended it.
    signal: NotRequired[int | None]
    # The end of its standard error, as text.
    stderr_tail: NotRequired[str]
    # Nobody saw how it ended: its shim is gone too.
    unseen: NotRequired[bool]

ProcessKind: TypeAlias = "Literal['agent', 'exec', 'orphan']"
"""What a process is for."""

class ProcessStarted(TypedDict):
    """`process.started`."""
    # Rises with each process of the session, from 1.
    generation: int
    # Its process id.
    pid: int
    # The native conversation that it continues.
    resumes: NotRequired[str | None]

ProcessState: TypeAlias = "Literal['running', 'exited']"
"""Whether it runs."""

class Project(TypedDict):
    """A project."""
    # Agents that worked in it.
    agents: list[str]
    # Other ids of it: those that clients gave the directory after it was recorded. Each names the project wherever
    # an id is asked for.
    aliases: NotRequired[list[ProjectId]]
    # Conversations of any agent in it, ours and those of other tools, as far as the index of the past is.
    conversations: NotRequired[int]
    # When it was recorded.
    created_at: Timestamp
    # Its id.
    id: ProjectId
    last_activity: NotRequired[Timestamp | None]
    # Its directory, canonical.
    path: str
    # Every directory that belongs to it, its own first: worktrees, and where it was before it was moved (at most
    # 100 others).
    paths: list[str]
    # Sessions that are not destroyed.
    sessions: int
    # Its title.
    title: NotRequired[str | None]

ProjectId: TypeAlias = "str"
"""The identity of a directory across sessions."""

class ProjectRef(TypedDict):
    """The project that a session belongs to."""
    # Its id.
    id: ProjectId
    # Its path, canonical.
    path: str

class Question(TypedDict):
    """One question of an ask of kind `question`."""
    # What may be chosen; free text is allowed too.
    choices: list[QuestionChoice]
    # A short heading.
    header: NotRequired[str | None]
    # More than one may be chosen.
    multiple: NotRequired[bool]
    # The question; also the key of its answer.
    question: str

class QuestionChoice(TypedDict):
    """One choice of a question."""
    # What it means.
    description: NotRequired[str | None]
    # What is answered when it is taken.
    label: str

QueueChoice: TypeAlias = "Literal['keep', 'discard']"
"""What happens to inputs that wait."""

class QueuedInput(TypedDict):
    """An input that waits."""
    # When it was admitted.
    admitted_at: Timestamp
    # How it is to reach the agent.
    delivery: Delivery
    # The input.
    input_id: InputId
    # Its text, at most 200 characters of it.
    text: str

class RawItem(TypedDict):
    """A line of the agent's own output."""
    # Else its bytes.
    base64: NotRequired[str | None]
    # The line, if it is UTF-8.
    line: NotRequired[str | None]
    # Where it begins in the process's output; pass as `after` to go on.
    offset: int

class RawPage(TypedDict):
    """`GET …/raw`."""
    # Whose lines they are: the session's n-th process. Offsets count in its output alone. 0: none has run.
    generation: int
    # In order.
    items: list[RawItem]

class Reaped(TypedDict):
    """`POST /v1/processes/reap`."""
    # Each once.
    items: list[Process]

class Receipt(TypedDict):
    """An input was admitted."""
    # How it will reach the agent (a steer on an idle session is a plain input).
    delivery: Delivery
    # The input.
    input_id: InputId
    # Its place in the queue at admission, from 0.
    position: int
    # Its `input.admitted` event.
    seq: Seq
    turn_id: NotRequired[TurnId | None]

class RequestRefused(TypedDict):
    """`request.refused`: the agent did not do what a client asked of it."""
    # The number of the command to this process that it answers.
    command: int
    # Why.
    error: ErrorInfo
    # What was asked for, as capabilities name it: `set_model`, `compact`, …
    verb: str

RestartPolicy: TypeAlias = "RestartWord | RestartRule"

class RestartRule(TypedDict):
    """RestartRule"""
    on_crash: CrashPolicy

RestartWord: TypeAlias = "Literal['never', 'on_crash']"

class ResumeRequest(TypedDict):
    """Continue a conversation that exists."""
    # Begin another conversation that shares what was said in it, which goes on as it was.
    fork: NotRequired[bool]
    # The newest conversation of this agent in the directory.
    latest: NotRequired[bool]
    # This one.
    native_id: NotRequired[str | None]

class RewindCompleted(TypedDict):
    """`rewind.completed` and `rewind.undone`."""
    checkpoint_id: NotRequired[CheckpointId | None]
    # What was not touched, with the reason; the first 1000.
    conflicts: list[RewindConflict]
    # How many were not touched.
    conflicts_total: int
    # Lines that went.
    deletions: int
    # What was changed; the first 1000.
    files: list[RewindFile]
    # How many were changed.
    files_total: int
    # Conflicts were taken back, too.
    force: bool
    guard: NotRequired[CheckpointId | None]
    # Lines that came.
    insertions: int
    kept_seq: NotRequired[Seq | None]
    # Messages that went; the first 1000.
    messages_removed: NotRequired[list[MessageId]]
    # How many went.
    messages_removed_total: NotRequired[int]
    # Which.
    rewind_id: RewindId
    # What was taken back: `files`, `conversation` or `both`.
    scope: str
    # To where, as it was asked.
    to: str
    undoes: NotRequired[RewindId | None]

class RewindConflict(TypedDict):
    """Something that differs and is not touched."""
    # For people.
    detail: str
    # Relative to the workspace; bytes that are no text as `\xNN`.
    path: str
    # Stable word: `not_ours`, `since`, `between`, `other_session`, `was_ignored`, `unknown`, `failed`.
    reason: str

class RewindFile(TypedDict):
    """A file, link or directory that a way back touches."""
    # What happens to it.
    action: FileAction
    # Lines that go.
    deletions: int
    # Lines that come; 0 for what is no text.
    insertions: int
    # Relative to the workspace; bytes that are no text as `\xNN`.
    path: str

class RewindHow(TypedDict):
    """`POST …/rewind/undo` and `POST …/checkpoints/{checkpoint_id}/restore`."""
    # Only tell what would happen.
    dry_run: NotRequired[bool]
    # Take conflicts back, too. What stands there now is kept in the guard checkpoint.
    force: NotRequired[bool]

RewindId: TypeAlias = "str"
"""One way back to an earlier state."""

class RewindPlan(TypedDict):
    """A way back: what it would do (`dry_run`), or what it did."""
    checkpoint_id: NotRequired[CheckpointId | None]
    # What differs and is not touched; the first 1000.
    conflicts: list[RewindConflict]
    # How many.
    conflicts_total: int
    # Lines that go.
    deletions: int
    # It was only planned.
    dry_run: bool
    # What changes; the first 1000.
    files: list[RewindFile]
    # How many change.
    files_total: int
    guard: NotRequired[CheckpointId | None]
    # Lines that come.
    insertions: int
    # Messages that go; the first 1000.
    messages_removed: list[str]
    # How many go.
    messages_removed_total: NotRequired[int]
    # What no checkpoint covers.
    not_covered: str
    # It can be done.
    possible: bool
    # Why not.
    reason: NotRequired[str | None]
    rewind_id: NotRequired[RewindId | None]

class RewindRequest(TypedDict):
    """`POST …/rewind`."""
    # Only tell what would happen.
    dry_run: NotRequired[bool]
    # Take conflicts back, too. What stands there now is kept in the guard checkpoint.
    force: NotRequired[bool]
    # What is taken back.
    scope: RewindScope
    # To where.
    to: RewindTo

RewindScope: TypeAlias = "Literal['conversation', 'files', 'both']"
"""What is taken back."""

RewindTo: TypeAlias = "str | RewindToKind"
"""To where: an id of its kind, or of any kind."""

class RewindToKindMessage(TypedDict):
    """What was there when this message was said, ours or native."""
    # What was there when this message was said, ours or native.
    message: str

class RewindToKindTurn(TypedDict):
    """What was there after this turn."""
    # What was there after this turn.
    turn: str

class RewindToKindInput(TypedDict):
    """What was there before this input."""
    # What was there before this input.
    input: str

class RewindToKindCheckpoint(TypedDict):
    """What this checkpoint holds."""
    # What this checkpoint holds.
    checkpoint: str

RewindToKind: TypeAlias = "RewindToKindMessage | RewindToKindTurn | RewindToKindInput | RewindToKindCheckpoint"
"""An id of one kind."""

Role: TypeAlias = "Literal['user', 'assistant', 'system']"
"""Who speaks."""

class RunCommand(TypedDict):
    """`POST …/commands/{name}`."""
    # A text, or an object where the command declares its arguments by name; they are written in that order.
    args: NotRequired[dict[str, Any] | None]
    # The input's id: the same one again is the same run.
    id: NotRequired[str | None]
    # The model to set before, and to keep.
    model: NotRequired[str | None]
    # Until when the call waits.
    wait: NotRequired[SendWait]

Scope: TypeAlias = "Literal['once', 'session', 'always']"
"""How far an answer reaches."""

class SearchHit(TypedDict):
    """Something that was found."""
    # The conversation.
    conversation: History
    # The found words in it.
    marks: list[SnippetMark]
    # The message, as `messages` of the conversation has it.
    message_id: NotRequired[str | None]
    # `user`, `assistant`, `system`, or `tool` for what a tool gave.
    role: str
    # The words around, on one line.
    snippet: str
    # The subagent that said it.
    subagent: NotRequired[str | None]
    # The tool call that it is, or whose result.
    tool_id: NotRequired[str | None]
    # When it was said.
    ts: Timestamp

class SearchReply(TypedDict):
    """`GET /v1/search`."""
    # How far the index is: while it still reads, there may be more to find.
    index: IndexState
    # In the order that was asked for.
    items: list[SearchHit]
    # Pass it as `cursor` for more; null at the end.
    next: NotRequired[str | None]

class SendInput(TypedDict):
    """`POST /v1/sessions/{id}/inputs`."""
    # How it is to reach the agent.
    delivery: NotRequired[Delivery]
    # Set when its turn starts, and kept.
    effort: NotRequired[str | None]
    # The client's id; the same id again is the same input.
    id: NotRequired[str | None]
    # What it says.
    input: InputContent
    # Set when its turn starts, and kept.
    model: NotRequired[str | None]
    # Until when the call waits.
    wait: NotRequired[SendWait]

SendReply: TypeAlias = "TurnResult | Receipt"
"""Answer to an input: its receipt, or with `wait: finished` the result of its turn."""

SendWait: TypeAlias = "Literal['accepted', 'started', 'finished']"
"""Until when a call waits."""

Seq: TypeAlias = "int"
"""Position in one session's log: 1, 2, 3, … without gaps. 0 means "before the first"."""

class Session(TypedDict):
    """A session."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # Name of its agent.
    agent: str
    agent_info: NotRequired[AgentInfo | None]
    # Rises with each rewind of the conversation.
    branch: NotRequired[int]
    capabilities: NotRequired[Capabilities | None]
    # When it was created.
    created_at: Timestamp
    # Its directory, as it was given.
    cwd: str
    # Text that waits to be sent by a person.
    draft: NotRequired[str | None]
    # The effort in force.
    effort: NotRequired[str | None]
    # Rises with each `clear`.
    epoch: int
    # The first thing that was said, at most 200 characters of it.
    first_input: NotRequired[str | None]
    # Ours, from the moment it is created.
    id: SessionId
    # Its last event.
    last_seq: Seq
    # The limit that holds its queue until it is raised: `turns`, `budget`, `time` or `memory`.
    limit_reached: NotRequired[str | None]
    # What clients keep with it.
    metadata: dict[str, Any]
    # The mode in force.
    mode: NotRequired[str | None]
    # The model that was asked for.
    model: NotRequired[str | None]
    # The model that the agent says it uses.
    model_effective: NotRequired[str | None]
    # The agent's own id; null until the agent has confirmed it.
    native_id: NotRequired[str | None]
    # The machine.
    node: str
    parent: NotRequired[Parent | None]
    # Asks that are open.
    pending_asks: list[Ask]
    process: NotRequired[Process | None]
    # The project it belongs to.
    project: ProjectRef
    # Inputs that wait.
    queue: list[QueuedInput]
    # Its tags.
    tags: list[str]
    # Its title.
    title: NotRequired[str | None]
    # Its last activity.
    updated_at: Timestamp
    # What it used so far.
    usage: Usage
    # Where it works.
    workspace: WorkspaceRef

class SessionChanged(TypedDict):
    """`session.activity_changed`, `session.health_changed`, `session.resumed`, `session.destroyed`."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int

class SessionCleared(TypedDict):
    """`session.cleared`: a new epoch begins."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # The epoch that begins.
    epoch: int

class SessionClosed(TypedDict):
    """`session.closed`."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # Process ids that had to be killed.
    hit: NotRequired[list[int]]
    # Process ids that could not be ended.
    remained: NotRequired[list[int]]

class SessionConfig(TypedDict):
    """`GET …/config`."""
    # The effort in force, where known.
    effort: NotRequired[str | None]
    # Limits, and how far they are used up.
    limits: LimitsView
    # The mode in force, where known.
    mode: NotRequired[str | None]
    # The model that was asked for; null for the agent's own choice.
    model: NotRequired[str | None]
    # The model that the agent says it uses.
    model_effective: NotRequired[str | None]
    # Who answers permission asks.
    permissions: PermissionsView
    # What happens when the process ends by itself.
    restart: RestartPolicy

class SessionCreated(TypedDict):
    """`session.created`."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # Name of the agent.
    agent: str
    # The directory, as it was given.
    cwd: str
    parent: NotRequired[Parent | None]
    # The project's id.
    project_id: ProjectId
    # The native conversation that it continues.
    resumes: NotRequired[str | None]
    # Its tags.
    tags: NotRequired[list[str]]
    # Its title, if one was given.
    title: NotRequired[str | None]
    # The workspace's id.
    workspace_id: WorkspaceId

class SessionFailed(TypedDict):
    """`session.failed`."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # What went wrong.
    error: ErrorInfo

class SessionForked(TypedDict):
    """`session.forked`, recorded in the session that was forked."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # The new session.
    child: SessionId
    # The last event that is shared.
    seq: Seq

SessionId: TypeAlias = "str"
"""One conversation with one agent in one workspace."""

class SessionPatch(TypedDict):
    """`PATCH /v1/sessions/{id}`: what is given is set; null clears a title."""
    # Hidden from the usual lists.
    archived: NotRequired[bool | None]
    draft: NotRequired[InputContent | None]
    # The metadata.
    metadata: NotRequired[dict[str, Any] | None]
    # The tags.
    tags: NotRequired[list[str] | None]
    # The title; null clears it.
    title: NotRequired[str | None]

class SessionSuspended(TypedDict):
    """`session.suspended`."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # Why.
    by: SuspendedBy

class SessionUpdated(TypedDict):
    """`session.updated`: only what changed is given."""
    activity: NotRequired[Activity | None]
    # Hidden from the usual lists.
    archived: bool
    # Whether it is well.
    health: Health
    last_outcome: NotRequired[Outcome | None]
    # How far its life has come.
    lifecycle: Lifecycle
    suspended_by: NotRequired[SuspendedBy | None]
    # Background tasks that run now.
    tasks_running: int
    # Who changed it: `client` or `agent`.
    by: NotRequired[str | None]
    # The new metadata.
    metadata: NotRequired[dict[str, Any] | None]
    # The new tags.
    tags: NotRequired[list[str] | None]
    # The new title.
    title: NotRequired[str | None]

class SetMcpServers(TypedDict):
    """`PUT /v1/sessions/{id}/mcp`: the whole set of what such requests set. Servers that the session was created
    with stay.
    """
    # Names of servers that an earlier request set and that stay as they are: their headers and environment cannot
    # be read back, so nobody could name them again.
    keep: NotRequired[list[str]]
    # Servers to have, new ones and those that change.
    mcp_servers: NotRequired[list[McpServerConfig]]

class SnippetMark(TypedDict):
    """A found word, by characters of the snippet."""
    # How long it is.
    length: int
    # Where it begins.
    start: int

Support: TypeAlias = "bool | str"
"""Whether a verb can be used: `true`, or why not."""

SuspendedBy: TypeAlias = "Literal['request', 'idle', 'limit', 'crash']"
"""Why a session is suspended."""

class TaskCompleted(TypedDict):
    """`task.completed`."""
    output: NotRequired[TaskOutput | None]
    # How it ended.
    status: TaskStatus
    # What the agent says of it.
    summary: NotRequired[str | None]
    # The agent's id of the task.
    task_id: str

class TaskDetail(TypedDict):
    """One task, with what it wrote."""
    # It goes on when the turn ends.
    background: bool
    ended_at: NotRequired[Timestamp | None]
    # `shell`, `agent` or the agent's own word.
    kind: str
    # When it was started.
    started_at: Timestamp
    # How it stands.
    state: TaskState
    # What the agent says of its end; its output, as far as the agent tells it.
    summary: NotRequired[str | None]
    # The agent's id of the task.
    task_id: str
    # A line for people.
    title: str
    # The tool call that started it.
    tool_id: NotRequired[str | None]
    output: NotRequired[TaskText | None]

class TaskOutputText(TypedDict):
    """The end of it."""
    kind: Literal['text']
    # Its last 32 KB at most.
    text: str
    # There was more before that.
    truncated: NotRequired[bool]

class TaskOutputPath(TypedDict):
    """The agent has it in a file of its own, which goes when the agent removes it."""
    kind: Literal['file']
    # Where.
    path: str

TaskOutput: TypeAlias = "TaskOutputText | TaskOutputPath"
"""What a task wrote, or where it wrote it."""

class TaskProgressed(TypedDict):
    """`task.progressed`: a running task tells more."""
    # The agent's id of the task.
    task_id: str
    # A line for people.
    title: NotRequired[str | None]

class TaskStarted(TypedDict):
    """`task.started`."""
    # It goes on when the turn ends.
    background: NotRequired[bool]
    # `shell`, `agent` or the agent's own word.
    kind: str
    # The agent's id of the task.
    task_id: str
    # A line for people.
    title: str
    # The tool call that started it.
    tool_id: NotRequired[str | None]

TaskState: TypeAlias = "Literal['running', 'completed', 'failed', 'stopped']"
"""How a task stands."""

TaskStatus: TypeAlias = "Literal['completed', 'failed', 'stopped']"
"""How a task ended."""

class TaskText(TypedDict):
    """What a task wrote."""
    # The agent's own file with all of it, if it has one.
    path: NotRequired[str | None]
    # The end of it. What is no text is shown as well as it can be.
    text: str
    # There was more before that.
    truncated: bool

class TaskView(TypedDict):
    """A background command or subagent within a session."""
    # It goes on when the turn ends.
    background: bool
    ended_at: NotRequired[Timestamp | None]
    # `shell`, `agent` or the agent's own word.
    kind: str
    # When it was started.
    started_at: Timestamp
    # How it stands.
    state: TaskState
    # What the agent says of its end; its output, as far as the agent tells it.
    summary: NotRequired[str | None]
    # The agent's id of the task.
    task_id: str
    # A line for people.
    title: str
    # The tool call that started it.
    tool_id: NotRequired[str | None]

TextKind: TypeAlias = "Literal['text', 'thought']"
"""The two kinds of streamed text."""

Timestamp: TypeAlias = "str"

class Todo(TypedDict):
    """An entry of the agent's list of things to do."""
    # What is to be done.
    content: str
    # Its id, ours where the agent has none.
    id: str
    # The agent's word for its priority.
    priority: NotRequired[str | None]
    # Where it stands.
    status: TodoStatus

TodoStatus: TypeAlias = "Literal['pending', 'in_progress', 'completed', 'cancelled']"
"""Where a todo stands."""

class TodosUpdated(TypedDict):
    """`todos.updated`: the whole list."""
    # The whole list.
    todos: list[Todo]

class TokenCreated(TypedDict):
    """A new token. The secret is shown this once."""
    # When it was made.
    created_at: Timestamp
    # Its name.
    name: str
    # What it may do.
    scope: TokenScope
    # Pass it as `Authorization: Bearer TOKEN`.
    token: str

class TokenEntry(TypedDict):
    """A token in a list: never the secret itself."""
    # When it was made.
    created_at: Timestamp
    # Its name.
    name: str
    # What it may do.
    scope: TokenScope

TokenScope: TypeAlias = "Literal['read', 'sessions', 'workspace', 'admin']"
"""What a token may do. Each contains those before it."""

class ToolCompleted(TypedDict):
    """`tool.completed`."""
    # Hash of the output's blob when it was too large for the event.
    blob: NotRequired[str | None]
    # Size in bytes of what stands in the blob.
    bytes: NotRequired[int | None]
    # Changes to files, where the agent tells them.
    diffs: NotRequired[list[FileDiff]]
    # Why it failed.
    error: NotRequired[str | None]
    # What it was called with at the end (an answer may have edited it).
    input: NotRequired[Any]
    # What it does.
    kind: ToolKind
    # The message it belongs to.
    message_id: MessageId
    # What it gave: text, or the agent's own structure.
    output: NotRequired[Any]
    # How it ended: `completed`, `failed`, `denied` or `cancelled`.
    state: ToolState
    # A line for people.
    title: str
    # The tool's name.
    tool: str
    # The agent's id of the call.
    tool_id: str
    whole: NotRequired[Whole | None]

ToolKind: TypeAlias = "Literal['read', 'edit', 'delete', 'move', 'search', 'execute', 'think', 'fetch', 'switch_mode', 'other']"
"""What a tool does, in one word. Unknown words are kept as `other`."""

class ToolPart(TypedDict):
    """A tool call inside a message."""
    # Why it failed.
    error: NotRequired[str | None]
    # What it was called with.
    input: NotRequired[Any]
    # What it does.
    kind: ToolKind
    # What it gave: text, or the agent's own structure.
    output: NotRequired[Any]
    # Where it stands.
    state: ToolState
    # A line for people.
    title: str
    # The tool's name.
    tool: str
    # The agent's id of the call.
    tool_id: str

class ToolProgressed(TypedDict):
    """`tool.progressed`: a running tool tells more."""
    # Output so far, or a piece of it.
    output: NotRequired[str | None]
    # A new title.
    title: NotRequired[str | None]
    # The agent's id of the call.
    tool_id: str

class ToolStarted(TypedDict):
    """`tool.started`."""
    # What it is called with.
    input: NotRequired[Any]
    # What it does.
    kind: ToolKind
    # Files it is about.
    locations: NotRequired[list[str]]
    # The message it belongs to: its tool part is there, or is added to it.
    message_id: MessageId
    # The tool call of the subagent that calls it.
    parent_tool_id: NotRequired[str | None]
    # `pending` or `running`.
    state: ToolState
    # A line for people.
    title: str
    # The tool's name.
    tool: str
    # The agent's id of the call.
    tool_id: str
    whole: NotRequired[Whole | None]

ToolState: TypeAlias = "Literal['pending', 'running', 'completed', 'failed', 'denied', 'cancelled']"
"""Where a tool call stands."""

class TurnCompleted(TypedDict):
    """`turn.completed`: a turn's result without its text and parts."""
    # What it cost in US dollars, where known.
    cost_usd: NotRequired[float | None]
    error: NotRequired[ErrorInfo | None]
    # Every input that it took in.
    input_ids: NotRequired[list[InputId]]
    # With outcome `limit`: `turns`, `budget`, `time`, `tokens` or `memory`.
    limit: NotRequired[str | None]
    message_id: NotRequired[MessageId | None]
    # How it ended.
    outcome: Outcome
    # The agent's own word for why it stopped.
    stop_reason: NotRequired[str | None]
    # The turn.
    turn_id: TurnId
    usage: NotRequired[Usage | None]

TurnId: TypeAlias = "str"
"""A stretch of agent work that ends exactly once."""

TurnOrigin: TypeAlias = "Literal['input', 'agent']"
"""Who made a turn begin."""

class TurnResult(TypedDict):
    """How a turn ended, whole."""
    # What it cost in US dollars, where known.
    cost_usd: NotRequired[float | None]
    error: NotRequired[ErrorInfo | None]
    # With outcome `limit`: which.
    limit: NotRequired[str | None]
    message_id: NotRequired[MessageId | None]
    # How it ended.
    outcome: Outcome
    # All that the agent said and did in the turn.
    parts: list[Part]
    # The agent's own word for why it stopped.
    stop_reason: NotRequired[str | None]
    # The text of the last message.
    text: str
    # The turn.
    turn_id: TurnId
    usage: NotRequired[Usage | None]

class TurnStarted(TypedDict):
    """`turn.started`."""
    # The inputs that it serves from its start.
    input_ids: list[InputId]
    # Who made it begin.
    origin: TurnOrigin
    # The turn.
    turn_id: TurnId

class Unsaved(TypedDict):
    """Work that is nowhere but in a worktree. Files that git ignores are not counted."""
    # Commits on its branch that no other branch or tag has: hash and subject, newest first; the first 100.
    commits: list[str]
    # Files that are not committed, as `git status --short` tells them; the first 200.
    files: list[str]
    # How many.
    files_total: int
    # What git is in the middle of there, for example `rebase`.
    in_progress: NotRequired[str | None]
    # Commits that not even its own branch has; the first 100.
    loose_commits: list[str]

class Usage(TypedDict):
    """Tokens by kind and their cost."""
    # Tokens read from the provider's cache.
    cache_read_tokens: NotRequired[int]
    # Tokens written to the provider's cache.
    cache_write_tokens: NotRequired[int]
    # Where the cost comes from.
    cost_basis: NotRequired[CostBasis]
    # Cost in US dollars, absent when not known.
    cost_usd: NotRequired[float | None]
    # Tokens sent to the model, without cached ones.
    input_tokens: NotRequired[int]
    # Tokens that the model wrote.
    output_tokens: NotRequired[int]
    # Of these, tokens of reasoning, where told.
    reasoning_tokens: NotRequired[int]

class UsageItem(TypedDict):
    """One row of a count."""
    # Calls of a model.
    calls: int
    # The day (`2026-11-20`), model, agent, project's id, or `AGENT/NATIVE_ID`; null for what has none.
    key: NotRequired[str | None]
    # What is known of the cost, in US dollars.
    known_cost_usd: float
    # Models whose price is not known. While there is one, the whole cost is not known either.
    unpriced_models: NotRequired[list[str]]
    # Tokens, and the cost where all of it is known.
    usage: Usage

class UsageReply(TypedDict):
    """`GET /v1/usage`."""
    # How far the index is.
    index: IndexState
    # Days oldest first; all others by tokens.
    items: list[UsageItem]
    # The day of the price table by which costs are estimated where the agent told none.
    prices_date: str
    # Their sum.
    total: UsageItem

class UsageUpdated(TypedDict):
    """`usage.updated`."""
    context: NotRequired[ContextUse | None]
    # Cost of the session so far in US dollars, where the agent tells it.
    cost_usd: NotRequired[float | None]
    usage: NotRequired[Usage | None]

class VerbReply(TypedDict):
    """What a verb hit and what remains."""
    # What was ended or brought back, for example `turn:trn_…`, `process:4711`, `input:inp_…`. Empty when there was
    # nothing to do.
    hit: list[str]
    # What could not be ended.
    remained: list[str]
    # The session after it.
    session: Session

class VerbRequest(TypedDict):
    """`POST …/suspend|resume|close|kill`."""
    # Until when the call waits.
    wait: NotRequired[VerbWait]

VerbWait: TypeAlias = "Literal['accepted', 'done']"
"""Until when a verb waits."""

WaitReason: TypeAlias = "Literal['permission', 'question', 'plan', 'elicitation', 'rate_limit', 'auth', 'retry']"
"""What a waiting session waits for."""

class WarningRaised(TypedDict):
    """`warning.raised`."""
    # Stable, one word.
    code: str
    # For people: what is wrong and what to do.
    message: str

class Whole(TypedDict):
    """Where the whole data of an event stands that was too large. In the event itself every text over 4 KB is cut to
    its first 4 KB, and a structure that is still over 64 KB is the first 4 KB of its JSON, as a text.
    """
    # Hash of the blob: the `data` of the event, as JSON.
    blob: str
    # Its size in bytes.
    bytes: int

class Workspace(TypedDict):
    """`GET /v1/workspaces/{id}`."""
    # Bytes on the disk of what Tenure made; null for any other directory, and where there is too much to count.
    bytes: NotRequired[int | None]
    # When it was recorded.
    created_at: Timestamp
    # Its id.
    id: WorkspaceId
    # `directory`, `scratch`, `copy` (of a fork's parent) or `worktree`.
    kind: str
    # Tenure made it, and may remove it. Any other directory is never removed.
    owned: bool
    # Its path, canonical.
    path: str
    # The directory is there.
    present: bool
    # Sessions that work in it and are not destroyed; the first 1000.
    sessions: list[SessionId]
    worktree: NotRequired[Worktree | None]

class WorkspaceChoiceScratch(TypedDict):
    """A new directory under Tenure's home, removed with its last session."""
    # Must be true.
    scratch: bool

class WorkspaceChoiceWorktree(TypedDict):
    """A new git worktree under Tenure's home."""
    # Of what.
    worktree: WorktreeChoice

WorkspaceChoice: TypeAlias = "str | WorkspaceChoiceScratch | WorkspaceChoiceWorktree"
"""Which workspace: an id, `{scratch: true}` or `{worktree: {…}}`."""

class WorkspaceDiff(TypedDict):
    """What a worktree has that its base has not, committed or not."""
    # The commit that it is compared with: where its branch left `base_branch`, else where its work began.
    base: str
    # Commits from the one to the other.
    commits: int
    # Lines that went.
    deletions: int
    # Files that differ, by path; the first 1000. A new file that git ignores is none.
    files: list[CheckpointFileDiff]
    # How many differ.
    files_total: int
    # The commit that is checked out in it.
    head: str
    # Lines that came, in the files that are listed.
    insertions: int
    # Files that are not committed are among the changes.
    uncommitted: bool

WorkspaceId: TypeAlias = "str"
"""A directory in which sessions work."""

class WorkspaceRef(TypedDict):
    """Where a session works."""
    # Its id.
    id: WorkspaceId
    # `directory`, `scratch`, `copy` (of a fork's parent) or `worktree`.
    kind: str
    # Its path, canonical.
    path: str

class Worktree(TypedDict):
    """What a worktree belongs to."""
    # The commit at which its work began.
    base: str
    # The branch that `base` was on: where a merge goes unless it says otherwise.
    base_branch: NotRequired[str | None]
    # The branch that was checked out when it was made.
    branch: str
    # The branch was made with it.
    branch_made: bool
    # The repository's own directory.
    repo: str
    setup: NotRequired[ExecResult | None]
    unsaved: NotRequired[Unsaved | None]

class WorktreeChoice(TypedDict):
    """`worktree` of a create."""
    # Where a new branch begins: a branch, a tag or a commit (default: what `repo` has checked out). What is not
    # committed there does not come along.
    base: NotRequired[str | None]
    # The branch. One that exists is checked out as it is; another name, or none, is a new one (`tenure/…` without a
    # name).
    branch: NotRequired[str | None]
    # A directory in the repository, or a bare repository; an absolute path.
    repo: str
    setup: NotRequired[WorktreeSetup | None]

class WorktreeSetup(TypedDict):
    """A command that makes a new worktree ready. Exactly one of `command` and `shell`."""
    # Program and arguments.
    command: NotRequired[list[str] | None]
    # A text for `/bin/sh -c`.
    shell: NotRequired[str | None]
    # How long it may take, in milliseconds (default 600000, at most 3600000).
    timeout_ms: NotRequired[int | None]
