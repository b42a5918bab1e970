//! The tables. There is one version and no way between versions: another one's file is made anew.

/// What `user_version` says.
pub(crate) const VERSION: i64 = 4;

/// Milliseconds take the upper bits of a piece's id, so that the newest are found first; these many are below.
pub(crate) const LOW_BITS: u32 = 20;

pub(crate) const SQL: &str = "
CREATE TABLE conversations (
    id          INTEGER PRIMARY KEY,
    agent       TEXT NOT NULL,
    native_id   TEXT NOT NULL,
    listed      INTEGER NOT NULL,
    project     TEXT,
    cwd         TEXT,
    branch      TEXT,
    archived    INTEGER NOT NULL DEFAULT 0,
    updated_ms  INTEGER NOT NULL,
    heading     TEXT NOT NULL,
    path        TEXT NOT NULL,
    entry       TEXT NOT NULL,
    stamp       TEXT NOT NULL,
    read_stamp  TEXT,
    mark        TEXT,
    left_out    TEXT,
    UNIQUE (agent, native_id)
);
CREATE INDEX conversations_newest ON conversations (listed, updated_ms, id);
CREATE INDEX conversations_unread ON conversations (id) WHERE listed = 1 AND read_stamp IS NOT stamp;
CREATE INDEX conversations_damaged ON conversations (id) WHERE left_out IS NOT NULL;
CREATE INDEX conversations_agent ON conversations (agent, listed, updated_ms, id);
CREATE INDEX conversations_project ON conversations (project, listed, updated_ms, id);
CREATE INDEX conversations_places ON conversations (project, cwd) WHERE listed = 1;
CREATE INDEX conversations_cwd ON conversations (cwd, listed, updated_ms, id);

CREATE TABLE pieces (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    message_id   TEXT,
    tool_id      TEXT,
    subagent     TEXT,
    role         TEXT NOT NULL,
    text         TEXT NOT NULL,
    files        TEXT NOT NULL,
    facets       TEXT NOT NULL
);
CREATE INDEX pieces_conversation ON pieces (conversation);

CREATE VIRTUAL TABLE words USING fts5 (
    text, files, facets,
    content = 'pieces', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER pieces_added AFTER INSERT ON pieces BEGIN
    INSERT INTO words (rowid, text, files, facets) VALUES (new.id, new.text, new.files, new.facets);
END;
CREATE TRIGGER pieces_removed AFTER DELETE ON pieces BEGIN
    INSERT INTO words (words, rowid, text, files, facets)
    VALUES ('delete', old.id, old.text, old.files, old.facets);
END;

CREATE TABLE counted (
    agent        TEXT NOT NULL,
    key          TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    ts_ms        INTEGER NOT NULL,
    model        TEXT,
    input        INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    reasoning    INTEGER NOT NULL,
    cache_read   INTEGER NOT NULL,
    cache_write  INTEGER NOT NULL,
    cost_usd     REAL,
    PRIMARY KEY (agent, key, conversation)
) WITHOUT ROWID;
CREATE INDEX counted_conversation ON counted (conversation);
CREATE INDEX counted_time ON counted (ts_ms);
";
