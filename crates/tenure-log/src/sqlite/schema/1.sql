-- Format 1. Never edited once released: a change is a further file.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;

-- Names of event kinds, and their numbers in this file.
CREATE TABLE kinds (
    no INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- Sessions that were ever appended to, and their numbers in this file.
-- base: the last position that is no longer kept.
CREATE TABLE streams (
    no INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL UNIQUE,
    base INTEGER NOT NULL DEFAULT 0
);

-- id: number of the session << 40 | position in it. So the events of a session lie together, in order.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    gseq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX events_gseq ON events (gseq);

-- Sessions with events at or before `base` that are still to be removed from the file.
CREATE TABLE erasures (
    no INTEGER PRIMARY KEY
);

-- What lists look at. shelf: 0 usual, 1 archived, 2 destroyed. Kept narrow: views and states lie elsewhere.
CREATE TABLE sessions (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    shelf INTEGER NOT NULL,
    lifecycle TEXT NOT NULL,
    activity TEXT,
    agent TEXT NOT NULL,
    native_id TEXT,
    project_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    cwd TEXT NOT NULL,
    title TEXT,
    tags TEXT NOT NULL,
    archived INTEGER NOT NULL,
    live INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX sessions_recent ON sessions (shelf, updated_at, no, id, title);
CREATE INDEX sessions_lifecycle ON sessions (lifecycle, shelf, updated_at);
CREATE INDEX sessions_activity ON sessions (activity, shelf, updated_at) WHERE activity IS NOT NULL;
CREATE INDEX sessions_agent ON sessions (agent, shelf, updated_at);
CREATE INDEX sessions_project ON sessions (project_id, shelf, updated_at);
CREATE INDEX sessions_workspace ON sessions (workspace_id, shelf, updated_at);
CREATE INDEX sessions_cwd ON sessions (cwd, shelf, updated_at);
CREATE INDEX sessions_native ON sessions (native_id, shelf, updated_at) WHERE native_id IS NOT NULL;
CREATE INDEX sessions_live ON sessions (live) WHERE live = 1;

CREATE TABLE tags (
    tag TEXT NOT NULL,
    shelf INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    no INTEGER NOT NULL,
    PRIMARY KEY (tag, shelf, updated_at, no)
) WITHOUT ROWID;

-- The public view, as JSON.
CREATE TABLE views (
    no INTEGER PRIMARY KEY,
    view TEXT NOT NULL
);

-- The private state, as its owner wrote it.
CREATE TABLE states (
    no INTEGER PRIMARY KEY,
    state BLOB NOT NULL
);

CREATE TABLE outbox (
    no INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    n INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (no, generation, n)
) WITHOUT ROWID;

CREATE TABLE asks (
    id TEXT PRIMARY KEY,
    session_no INTEGER NOT NULL,
    state TEXT NOT NULL,
    expires_at INTEGER,
    opened_at INTEGER NOT NULL,
    view TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX asks_session ON asks (session_no, opened_at, id);
CREATE INDEX asks_state ON asks (state, opened_at, id);
CREATE INDEX asks_recent ON asks (opened_at, id);

CREATE TABLE inputs (
    row INTEGER PRIMARY KEY,
    session_no INTEGER NOT NULL,
    id TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    admitted_seq INTEGER NOT NULL,
    turn_id TEXT,
    ended_seq INTEGER,
    view TEXT NOT NULL
);
CREATE UNIQUE INDEX inputs_id ON inputs (session_no, id);
CREATE INDEX inputs_recent ON inputs (session_no, admitted_seq, id);

CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    body_hash TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    owned INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX workspaces_path ON workspaces (path, created_at, id);

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    title TEXT,
    trusted INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
