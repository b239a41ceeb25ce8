-- Version 1, of before the first release, had a row for each record.

-- One row for all records that were committed together, in the order of commits. A row, an index entry and a page each
-- cost more than the record itself, so records are kept as text that SQL can read (docs/operations.md shows how), and are
-- found by their terms, not by columns.
CREATE TABLE IF NOT EXISTS audit_groups (
    n        SERIAL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    terms    BYTEA  NOT NULL,
    records  TEXT   NOT NULL
);

-- What a run of groups, first to last, holds: a filter of their terms, so that a search passes over the run unread.
-- Segments follow one upon the other without a gap; the groups after the newest one are searched one by one.
CREATE TABLE IF NOT EXISTS audit_segments (
    first    BIGINT NOT NULL PRIMARY KEY,
    last     BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);

-- Filters have a table of their own, so that a search for a time passes over them.
CREATE TABLE IF NOT EXISTS audit_filters (
    first  BIGINT NOT NULL PRIMARY KEY,
    filter BYTEA  NOT NULL
);
