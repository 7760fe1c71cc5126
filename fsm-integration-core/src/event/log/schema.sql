CREATE TABLE event_log (
    offset      INTEGER PRIMARY KEY AUTOINCREMENT,
    topic       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    event_id    BLOB    NOT NULL,
    headers     BLOB    NOT NULL,
    payload     BLOB    NOT NULL,
    appended_at INTEGER NOT NULL -- ms since the epoch
) STRICT;
CREATE INDEX event_log_topic ON event_log (topic, offset);

-- One row a consumer group: everything up to the offset is handled.
CREATE TABLE consumer_groups (
    name      TEXT    PRIMARY KEY,
    committed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a group has handled: inserted first in the handler's own transaction, so that a second delivery does nothing.
CREATE TABLE processed_events (
    consumer_group TEXT NOT NULL,
    event_id       BLOB NOT NULL,
    PRIMARY KEY (consumer_group, event_id)
) STRICT, WITHOUT ROWID;

-- Records waiting for another try. Only the first of a key has a due time: those behind it wait for it.
CREATE TABLE redeliveries (
    consumer_group  TEXT    NOT NULL,
    offset          INTEGER NOT NULL,
    key             TEXT    NOT NULL,
    due_at          INTEGER,          -- ms since the epoch; NULL behind another of the same key
    attempts        INTEGER NOT NULL,
    first_failed_at INTEGER NOT NULL,
    error_kind      TEXT    NOT NULL,
    error_message   TEXT    NOT NULL,
    dead_letter     TEXT,             -- set when an operator replays
    PRIMARY KEY (consumer_group, offset)
) STRICT, WITHOUT ROWID;
CREATE INDEX redeliveries_due ON redeliveries (consumer_group, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX redeliveries_key ON redeliveries (consumer_group, key, offset);

-- The embedded form of the topic integration.dlq: original topic, key, headers and bytes stay in event_log.
CREATE TABLE dead_letters (
    id              TEXT    PRIMARY KEY,
    consumer_group  TEXT    NOT NULL,
    offset          INTEGER NOT NULL REFERENCES event_log (offset),
    reason_class    TEXT    NOT NULL,
    error_kind      TEXT    NOT NULL,
    error_message   TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    first_failed_at INTEGER NOT NULL,
    failed_at       INTEGER NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('open', 'replaying', 'resolved', 'discarded')),
    replays         INTEGER NOT NULL DEFAULT 0,
    note            TEXT,
    UNIQUE (consumer_group, offset)
) STRICT;
CREATE INDEX dead_letters_open ON dead_letters (status, failed_at);
