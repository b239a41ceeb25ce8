-- Filters that name one thing have an index; the others narrow a walk in order of id. Ids are ordered by time, so the
-- primary key serves listing and retention.

CREATE TABLE IF NOT EXISTS audit (
    account    TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    request_id TEXT   NOT NULL,
    grant_id   TEXT   NOT NULL,
    session_id TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    caller     TEXT   NOT NULL,
    user_key   TEXT   NOT NULL,
    result     TEXT   NOT NULL,
    rest       TEXT   NOT NULL,
    segment    BIGINT NOT NULL,
    PRIMARY KEY (account, id)
);

-- The indexes leave the account out, which every query checks on the row: each byte here is paid for at every append.

CREATE INDEX IF NOT EXISTS audit_request ON audit (request_id) WHERE request_id <> '';

-- Grants' ids are random: in an index of them alone, each append would dirty a page of its own. A segment is a run of
-- records written one after the other, so appends stay within the few pages of the newest, and a search looks into each.
CREATE INDEX IF NOT EXISTS audit_grant ON audit (segment, grant_id) WHERE grant_id <> '';

CREATE INDEX IF NOT EXISTS audit_session ON audit (session_id) WHERE session_id <> '';
