package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// sealedColumn is a column that holds ciphertexts, and how its places are named. All queries read the same columns: id,
// field of the place, version, data, MAC, ciphertext.
type sealedColumn struct {
	table, field string // field is "" where each row names its own
	hexField     bool
	query        string
	replace      string // nothing for records, whose MAC goes with the ciphertext
}

// sealedColumns lists every ciphertext there is, in the order of the walk. A column left out here would keep an old data
// key in use for ever; a test compares the list with the schema.
var sealedColumns = [...]sealedColumn{
	{
		table: "records",
		query: `SELECT id, kind, version, data, mac, sealed FROM records WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3`,
	}, {
		table: "grants", hexField: true,
		query:   `SELECT id, key, 0, NULL, NULL, sealed FROM grants WHERE account = $1 AND id > $2 AND sealed IS NOT NULL ORDER BY id LIMIT $3`,
		replace: `UPDATE grants SET sealed = $1 WHERE account = $2 AND id = $3 AND sealed = $4`,
	}, {
		table: "sessions", field: "facts",
		query:   `SELECT id, '', 0, NULL, NULL, sealed FROM sessions WHERE account = $1 AND id > $2 AND sealed IS NOT NULL ORDER BY id LIMIT $3`,
		replace: `UPDATE sessions SET sealed = $1 WHERE account = $2 AND id = $3 AND sealed = $4`,
	}, {
		table: "sessions", field: "code",
		query:   `SELECT id, '', 0, NULL, NULL, sealed_code FROM sessions WHERE account = $1 AND id > $2 AND sealed_code IS NOT NULL ORDER BY id LIMIT $3`,
		replace: `UPDATE sessions SET sealed_code = $1 WHERE account = $2 AND id = $3 AND sealed_code = $4`,
	}, {
		table: "inbound_tokens", field: "jwt",
		query:   `SELECT id, '', 0, NULL, NULL, sealed FROM inbound_tokens WHERE account = $1 AND id > $2 AND sealed IS NOT NULL ORDER BY id LIMIT $3`,
		replace: `UPDATE inbound_tokens SET sealed = $1 WHERE account = $2 AND id = $3 AND sealed = $4`,
	},
}

// SealedRows walks the ciphertexts of an account. The cursor is the column and the id of the last row.
func (s *Store) SealedRows(ctx context.Context, account, cursor string, limit int) ([]identity.SealedRow, string, error) {
	at, after, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	var rows []identity.SealedRow
	for ; at < len(sealedColumns) && len(rows) < limit; at++ {
		more, err := s.sealedRows(ctx, &sealedColumns[at], account, after, limit-len(rows))
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, more...)
		if len(rows) == limit {
			return rows, strconv.Itoa(at) + ":" + rows[limit-1].Place.Row, nil
		}
		after = ""
	}
	return rows, "", nil
}

func (s *Store) sealedRows(ctx context.Context, c *sealedColumn, account, after string, limit int) ([]identity.SealedRow, error) {
	return list(s.engine.read(ctx), c.query, []any{account, after, limit}, func(scan scanner, r *identity.SealedRow) error {
		var field []byte
		if err := scan(&r.Place.Row, &field, &r.Version, &r.Data, &r.MAC, &r.Sealed); err != nil {
			return err
		}
		r.Place.Account, r.Place.Table, r.Place.Field = account, c.table, c.field
		r.Data, r.MAC, r.Sealed = fromBytes(r.Data), fromBytes(r.MAC), fromBytes(r.Sealed)
		switch {
		case c.hexField:
			r.Place.Field = hex.EncodeToString(field)
		case c.field == "":
			r.Place.Field = string(field)
		}
		return nil
	})
}

func parseCursor(cursor string) (column int, after string, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	number, after, ok := strings.Cut(cursor, ":")
	column, err = strconv.Atoi(number)
	if !ok || err != nil || column < 0 || column >= len(sealedColumns) {
		return 0, "", fmt.Errorf("store: %q is not a cursor that SealedRows returned", cursor)
	}
	return column, after, nil
}

// ReplaceSealed stores the new ciphertext and MAC if the row still holds the old ones. A grant's version stays: a
// refresh under way must still be able to store its token.
func (s *Store) ReplaceSealed(ctx context.Context, old, new identity.SealedRow) (bool, error) {
	if old.Place != new.Place {
		return false, errors.New("store: a ciphertext is bound to its place and cannot be replaced by one of another")
	}
	var n int64
	err := s.engine.write(ctx, func(h handle) (err error) {
		if old.Place.Table == "records" {
			n, err = replaceRecord(h, &old, &new)
			return err
		}
		c, err := sealedColumnOf(old.Place)
		if err != nil {
			return err
		}
		n, err = h.exec(c.replace, toBytes(new.Sealed), old.Place.Account, old.Place.Row, toBytes(old.Sealed))
		return err
	})
	return n == 1, err
}

func sealedColumnOf(p vault.Place) (*sealedColumn, error) {
	for i := range sealedColumns {
		c := &sealedColumns[i]
		if c.table == p.Table && (c.hexField || c.field == p.Field) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("store: no ciphertexts rest in field %q of table %q", p.Field, p.Table)
}

// replaceRecord counts a change of the account: caches may hold the old ciphertext, and its data key may go.
func replaceRecord(h handle, old, new *identity.SealedRow) (int64, error) {
	if err := countChange(h, old.Place.Account); err != nil {
		return 0, err
	}
	return h.exec(`UPDATE records SET sealed = $1, mac = $2 WHERE account = $3 AND id = $4 AND kind = $5 AND version = $6
			AND sealed IS NOT DISTINCT FROM $7 AND mac IS NOT DISTINCT FROM $8`,
		toBytes(new.Sealed), toBytes(new.MAC), old.Place.Account, old.Place.Row, old.Place.Field, old.Version,
		toBytes(old.Sealed), toBytes(old.MAC))
}
