-- The last part of each file of a journal that was committed: what a killed process left in its journal is committed once,
-- whatever the moment in which it was killed.
CREATE TABLE IF NOT EXISTS audit_journals (
    id      TEXT   NOT NULL PRIMARY KEY,
    settled BIGINT NOT NULL,
    at      BIGINT NOT NULL
);
