//go:build !quick

package identity_test

import (
	"testing"

	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/lanyard-id/lanyard/internal/store/storetest/pgtest"
)

// TestA39_OneRefreshForAllPostgres is TestA39_OneRefreshForAll on PostgreSQL.
func TestA39_OneRefreshForAllPostgres(t *testing.T) {
	t.Parallel()
	oneRefreshForAll(t, servertest.New(t, servertest.Postgres(pgtest.Start(t))))
}
