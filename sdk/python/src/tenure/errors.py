"""What can go wrong: a class for each `code`. The daemon's own codes come from its answers; five more tell what a
client alone can see."""

from __future__ import annotations

from typing import Any, ClassVar


class TenureError(Exception):
    """Every failure of this package, except that of a task which was cancelled."""

    code: str

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        field: str | None = None,
        capability: str | None = None,
        agent: str | None = None,
        session_id: str | None = None,
        data: Any = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.status = status
        #: With `invalid`: the field of the request.
        self.field = field
        #: With `unsupported`: what is lacking.
        self.capability = capability
        self.agent = agent
        self.session_id = session_id
        #: Details by code.
        self.data = data


class DaemonError(TenureError):
    """The daemon has answered with a problem."""

    known: ClassVar[dict[str, type[DaemonError]]] = {}
    code = "internal"

    def __init_subclass__(cls, *, code: str) -> None:
        cls.code = code
        DaemonError.known[code] = cls


class NotFound(DaemonError, code="not_found"):
    """There is no such thing."""


class Conflict(DaemonError, code="conflict"):
    """It was decided, or made, otherwise before."""


class Busy(DaemonError, code="busy"):
    """Something else must end first."""


class Closed(DaemonError, code="closed"):
    """The session is closed: `resume` brings it back."""


class Invalid(DaemonError, code="invalid"):
    """The request makes no sense; `field` says where."""


class Unauthorized(DaemonError, code="unauthorized"):
    """No token, or a wrong one."""


class Forbidden(DaemonError, code="forbidden"):
    """It may not be done, by this token or at all."""


class Unsupported(DaemonError, code="unsupported"):
    """The agent cannot; `capability` says what."""


class NotReady(DaemonError, code="not_ready"):
    """The daemon is on its way."""


class Overloaded(DaemonError, code="overloaded"):
    """Too much at once."""


class Destroyed(DaemonError, code="destroyed"):
    """The session was destroyed."""


class AgentExited(DaemonError, code="agent_exited"):
    """The agent's process ended; `data` has its exit and the end of its stderr."""


class AgentMissing(DaemonError, code="agent_missing"):
    """There is no such agent here."""


class AuthRequired(DaemonError, code="auth_required"):
    """The agent wants a login."""


class RateLimited(DaemonError, code="rate_limited"):
    """The agent's service has had enough for now."""


class TooLarge(DaemonError, code="too_large"):
    """It is larger than what is taken."""


class CursorExpired(DaemonError, code="cursor_expired"):
    """The position to go on at is gone."""


class Storage(DaemonError, code="storage"):
    """The daemon's disk does not do what it should."""


class Internal(DaemonError, code="internal"):
    """A fault of the daemon."""


class Timeout(DaemonError, code="timeout"):
    """It took too long: the daemon, or what it waited for."""


class Unreachable(TenureError):
    """No daemon answers."""

    code = "unreachable"


class NotStarted(TenureError):
    """A daemon was started and did not get ready, or there is no `tenure` program."""

    code = "not_started"


class Unintelligible(TenureError):
    """What answers is no Tenure daemon, or one whose answer this version cannot read."""

    code = "unintelligible"


class Cancelled(TenureError):
    """The input was taken back before a turn took it."""

    code = "cancelled"


class Usage(TenureError):
    """The call itself makes no sense here."""

    code = "usage"


def of_problem(status: int, value: Any) -> DaemonError | None:
    """The daemon's problem as an error; nothing if it is none. A code of a later daemon keeps its word."""
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("code"), str)
        or not isinstance(value.get("detail"), str)
    ):
        return None
    code: str = value["code"]
    return DaemonError.known.get(code, DaemonError)(
        value["detail"],
        code=code,
        status=status,
        field=value.get("field"),
        capability=value.get("capability"),
        agent=value.get("agent"),
        session_id=value.get("session_id"),
        data=value.get("data"),
    )
