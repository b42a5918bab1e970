"""A client of Tenure, which runs coding-agent sessions that cannot be lost.

- `Tenure()` finds the daemon of this machine and starts it if none runs; with `url` and `token` it talks to one
  elsewhere.
- A `Session` is sent to, followed and controlled; what it says can be awaited, called back or looped over.
- Every failure is a `TenureError` with a `code`, and a class of its own for each code.

Requests and answers are dictionaries with the field names of the HTTP interface; their types are in `tenure.api`.
"""

from . import api, errors
from ._client import Sessions, Tenure
from ._follow import Event, is_durable
from ._pages import Listed, Page
from ._session import Answer, Session
from ._turn import Ask, Connected, Lost, Result, Text, Thought, ToolCompleted, ToolStarted, TurnEvent, TurnLogged
from .errors import TenureError
from .resources.artifacts import Artifacts
from .resources.checkpoints import Checkpoints
from .resources.exec import ExecEnded, ExecOutput, ExecPiece, ExecStarted
from .resources.files import Files
from .resources.history import History
from .resources.node import Processes, Projects, Tokens, Workspaces

__all__ = [
    "Answer",
    "Artifacts",
    "Ask",
    "Checkpoints",
    "Connected",
    "Event",
    "ExecEnded",
    "ExecOutput",
    "ExecPiece",
    "ExecStarted",
    "Files",
    "History",
    "Listed",
    "Lost",
    "Page",
    "Processes",
    "Projects",
    "Result",
    "Session",
    "Sessions",
    "Tenure",
    "TenureError",
    "Text",
    "Thought",
    "Tokens",
    "ToolCompleted",
    "ToolStarted",
    "TurnEvent",
    "TurnLogged",
    "Workspaces",
    "api",
    "errors",
    "is_durable",
]
