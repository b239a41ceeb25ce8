//go:build !quick

package identity_test

import (
	"testing"

	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/lanyard-id/lanyard/internal/store/storetest/pgtest"
)

// TestA39_TwoReplicasRevokeOncePostgres is TestA39_TwoReplicasRevokeOnce on PostgreSQL.
func TestA39_TwoReplicasRevokeOncePostgres(t *testing.T) {
	t.Parallel()
	revokeTwice(t, servertest.New(t, servertest.Postgres(pgtest.Start(t))))
}
