-- One text for every engine. BYTEA holds bytes on PostgreSQL; SQLite has no such type and keeps bytes as they come.
-- TEXT becomes a column that sorts by its bytes. Times are Unix milliseconds, 0 for none. The wide ciphertext comes
-- last, so that the columns before it are read without it.

CREATE TABLE IF NOT EXISTS accounts (
    id         TEXT   NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS user_epochs (
    account  TEXT   NOT NULL,
    user_key TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (account, user_key)
);

CREATE TABLE IF NOT EXISTS data_keys (
    account    TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    wrapped    BYTEA  NOT NULL,
    PRIMARY KEY (account, version)
);

CREATE TABLE IF NOT EXISTS records (
    account    TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    parent     TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    mac        BYTEA,
    data       BYTEA  NOT NULL,
    sealed     BYTEA,
    PRIMARY KEY (account, id),
    UNIQUE (account, kind, parent, name)
);

-- Ids are found without an account (access keys, callback ids), so two accounts must never share one.
CREATE UNIQUE INDEX IF NOT EXISTS records_id ON records (id);

CREATE INDEX IF NOT EXISTS records_parent ON records (account, parent) WHERE parent <> '';

CREATE TABLE IF NOT EXISTS grants (
    account           TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    key               BYTEA  NOT NULL,
    workload_id       TEXT   NOT NULL,
    provider_id       TEXT   NOT NULL,
    user_key          TEXT   NOT NULL,
    scopes            TEXT   NOT NULL,
    state             TEXT   NOT NULL,
    reason            TEXT   NOT NULL,
    has_refresh       BIGINT NOT NULL,
    access_expires_at BIGINT NOT NULL,
    version           BIGINT NOT NULL,
    lease_owner       TEXT   NOT NULL,
    lease_until       BIGINT NOT NULL,
    last_used_at      BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    sealed            BYTEA,
    PRIMARY KEY (account, id),
    UNIQUE (account, key)
);

CREATE INDEX IF NOT EXISTS grants_workload ON grants (account, workload_id, id);

CREATE INDEX IF NOT EXISTS grants_provider ON grants (account, provider_id, id);

CREATE INDEX IF NOT EXISTS grants_user ON grants (account, user_key, id) WHERE user_key <> '';

CREATE INDEX IF NOT EXISTS grants_due ON grants (access_expires_at)
    WHERE state = 'active' AND has_refresh = 1 AND access_expires_at > 0;

CREATE TABLE IF NOT EXISTS sessions (
    account     TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    workload_id TEXT   NOT NULL,
    provider_id TEXT   NOT NULL,
    user_key    TEXT   NOT NULL,
    scopes      TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    failure     TEXT   NOT NULL,
    grant_id    TEXT   NOT NULL,
    request_id  TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    sealed_code BYTEA,
    sealed      BYTEA,
    PRIMARY KEY (account, id)
);

-- Browsers bring a session id and no account.
CREATE UNIQUE INDEX IF NOT EXISTS sessions_id ON sessions (id);

CREATE INDEX IF NOT EXISTS sessions_created ON sessions (account, created_at, id);

CREATE INDEX IF NOT EXISTS sessions_expires ON sessions (expires_at);

CREATE INDEX IF NOT EXISTS sessions_workload ON sessions (account, workload_id, user_key);

CREATE INDEX IF NOT EXISTS sessions_provider ON sessions (account, provider_id);

-- One row for each workload and user that began a session lately. Locking it makes counting the pending sessions and
-- inserting one more a single step on every engine.
CREATE TABLE IF NOT EXISTS session_counters (
    account     TEXT   NOT NULL,
    workload_id TEXT   NOT NULL,
    user_key    TEXT   NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (account, workload_id, user_key)
);

CREATE INDEX IF NOT EXISTS session_counters_expires ON session_counters (expires_at);

CREATE TABLE IF NOT EXISTS inbound_tokens (
    account    TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    sealed     BYTEA,
    PRIMARY KEY (account, id)
);

CREATE INDEX IF NOT EXISTS inbound_tokens_expires ON inbound_tokens (expires_at);

-- Of the development authorization server, which knows no accounts.
CREATE TABLE IF NOT EXISTS dev_records (
    kind       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    data       BYTEA  NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE INDEX IF NOT EXISTS dev_records_expires ON dev_records (expires_at) WHERE expires_at > 0;
