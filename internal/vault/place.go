package vault

import (
	"encoding/binary"
	"errors"
)

// Place is where a ciphertext belongs. It is bound into the ciphertext as
// associated data, so what was sealed for one place opens in no other. Build it
// from what the caller asked for, never from the row that was found.
type Place struct {
	Account string // account id
	Table   string // the kind of row
	Row     string // the row's immutable id, never a name that can be given again
	Field   string // which of the row's values; empty when there is only one
}

// errPlace is a mistake in the calling code: an unbound ciphertext would open
// anywhere, so there are none.
var errPlace = errors.New("vault: a place needs an account, a table and a row")

func (p Place) check() error {
	if p.Account == "" || p.Table == "" || p.Row == "" {
		return errPlace
	}
	return nil
}

// placeFormat numbers the encoding below. It is authenticated like the rest, so
// a later encoding can never yield the bytes of this one.
const placeFormat = 1

// Domains keep apart the uses of a place as associated data.
const (
	domainRecordKey byte = iota + 1
	domainRecordBody
	domainToken
	domainMAC
)

// bindingPrefix is the length of domain, format and key version.
const bindingPrefix = 1 + 1 + 4

// binding is the associated data for one use of a place. The record body leaves
// the key version zero, because rewrapping changes the version and not the body.
func (p Place) binding(domain byte, version uint32, extra int) []byte {
	n := bindingPrefix + 4*4 + len(p.Account) + len(p.Table) + len(p.Row) + len(p.Field)
	b := make([]byte, 0, n+extra)
	b = appendPrefix(b, domain, version)
	b = appendField(b, p.Account)
	b = appendField(b, p.Table)
	b = appendField(b, p.Row)
	return appendField(b, p.Field)
}

func appendPrefix(b []byte, domain byte, version uint32) []byte {
	b = append(b, domain, placeFormat)
	return binary.BigEndian.AppendUint32(b, version)
}

// appendField prefixes the length, so that no two lists of fields share an
// encoding whatever bytes they hold.
func appendField[T ~string | ~[]byte](b []byte, field T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}
