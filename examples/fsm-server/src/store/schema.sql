-- What was accepted at the door: written in the transaction that publishes the order, never changed.
CREATE TABLE intake_receipts (
    order_id          TEXT    PRIMARY KEY,
    tenant            TEXT    NOT NULL,
    sales_system      TEXT    NOT NULL,
    external_order_id TEXT    NOT NULL,
    fingerprint       BLOB    NOT NULL,
    correlation_id    TEXT    NOT NULL,
    received_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    id                TEXT    PRIMARY KEY,
    tenant            TEXT    NOT NULL,
    source_system     TEXT    NOT NULL,
    external_order_id TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    country_code      TEXT    NOT NULL,
    sequence          INTEGER NOT NULL, -- of the last event of this order
    correlation_id    TEXT    NOT NULL,
    received_at       INTEGER NOT NULL,
    data              TEXT    NOT NULL  -- the order as it was validated, JSON
) STRICT;

CREATE TABLE order_history (
    order_id TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    status   TEXT    NOT NULL,
    reason   TEXT,
    at       INTEGER NOT NULL,
    PRIMARY KEY (order_id, sequence)
) STRICT, WITHOUT ROWID;

-- What was found wrong after the 202.
CREATE TABLE order_problems (
    order_id TEXT    NOT NULL,
    code     TEXT    NOT NULL,
    message  TEXT    NOT NULL,
    field    TEXT,
    at       INTEGER NOT NULL,
    PRIMARY KEY (order_id, code)
) STRICT, WITHOUT ROWID;

-- A cancellation that came before its order.
CREATE TABLE order_tombstones (
    order_id TEXT    PRIMARY KEY,
    reason   TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE appointments (
    id              TEXT    PRIMARY KEY,
    order_id        TEXT    NOT NULL UNIQUE,
    technician_id   TEXT    NOT NULL,
    technician_name TEXT    NOT NULL,
    provider_id     TEXT    NOT NULL,
    starts_at       INTEGER NOT NULL,
    ends_at         INTEGER NOT NULL,
    latitude        REAL    NOT NULL,
    longitude       REAL    NOT NULL
) STRICT;
CREATE INDEX appointments_calendar ON appointments (technician_id, starts_at);

CREATE TABLE tasks (
    id         TEXT    PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    order_id   TEXT,
    task_type  TEXT    NOT NULL,
    priority   TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tickets (
    id            TEXT    PRIMARY KEY,
    tenant        TEXT    NOT NULL,
    number        TEXT    NOT NULL UNIQUE,
    ticket_type   TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    priority      TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    customer_id   TEXT    NOT NULL,
    order_id      TEXT    UNIQUE, -- one ticket an order, whatever is redelivered
    auto_created  INTEGER NOT NULL,
    metadata      TEXT    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX tickets_tenant ON tickets (tenant);

CREATE TABLE jobs (
    id             TEXT    PRIMARY KEY,
    tenant         TEXT    NOT NULL,
    job_type       TEXT    NOT NULL,
    title          TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    ticket_id      TEXT    NOT NULL UNIQUE, -- one job a ticket
    order_id       TEXT,
    technician_id  TEXT,
    parameters     TEXT    NOT NULL,
    checked_in_at  INTEGER,
    checked_out_at INTEGER,
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_order ON jobs (order_id);
CREATE INDEX jobs_tenant ON jobs (tenant);

CREATE TABLE wcfs (
    id        TEXT    PRIMARY KEY,
    tenant    TEXT    NOT NULL,
    number    TEXT    NOT NULL UNIQUE,
    job_id    TEXT    NOT NULL UNIQUE,
    order_id  TEXT,
    status    TEXT    NOT NULL,
    reserves  TEXT    NOT NULL,
    signed_at INTEGER
) STRICT;

CREATE TABLE audit_logs (
    id             INTEGER PRIMARY KEY,
    tenant         TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    user_id        TEXT    NOT NULL,
    entity_type    TEXT    NOT NULL,
    entity_id      TEXT    NOT NULL,
    auto_created   INTEGER NOT NULL,
    correlation_id TEXT    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_logs_tenant ON audit_logs (tenant, id);

-- What partners acknowledged: the webhook's id, or the invoice's number.
CREATE TABLE acknowledgements (
    order_id  TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    reference TEXT    NOT NULL,
    partner   TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (order_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX acknowledgements_newest ON acknowledgements (at);

-- Orders whose provider may be paid: said once, however the way there was.
CREATE TABLE payments (
    order_id TEXT    PRIMARY KEY,
    ready_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What callers reported about orders: published once, however often it is said.
CREATE TABLE order_reports (
    order_id TEXT    NOT NULL,
    what     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (order_id, what)
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Point of sale: what Conexxus sells, and how each run went.
CREATE TABLE inventory_items (
    sku         TEXT    PRIMARY KEY,
    name        TEXT    NOT NULL,
    price       TEXT    NOT NULL, -- exact decimal
    category    TEXT,
    description TEXT,
    updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The tag of the answer that inventory_items holds in full; absent while it does not.
CREATE TABLE inventory_tags (
    source TEXT PRIMARY KEY,
    etag   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sync_runs (
    id   INTEGER PRIMARY KEY,
    kind TEXT    NOT NULL, -- inventory or sales
    run  TEXT    NOT NULL  -- JSON
) STRICT;

-- What was closed on a day.
CREATE INDEX order_history_closed ON order_history (at) WHERE status = 'COMPLETED';

-- (job, location) has been done up to and including this date.
CREATE TABLE schedule_marks (
    job      TEXT NOT NULL,
    location TEXT NOT NULL,
    done     TEXT NOT NULL,
    PRIMARY KEY (job, location)
) STRICT, WITHOUT ROWID;
CREATE INDEX wcfs_order ON wcfs (order_id);
