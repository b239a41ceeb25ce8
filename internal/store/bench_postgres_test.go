//go:build !quick

package store

import (
	"testing"

	"github.com/lanyard-id/lanyard/internal/store/storetest/pgtest"
)

func BenchmarkActiveGrantPostgres(b *testing.B) {
	benchActiveGrant(b, openConfig(b, Config{PostgresURL: pgtest.Start(b)}))
}
