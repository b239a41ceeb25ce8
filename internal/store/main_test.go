package store_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store"
	"go.uber.org/goleak"
)

// helperDir names the directory that this binary writes to instead of running tests, when a test starts it as another
// process.
const helperDir = "STORE_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(helper(dir))
	}
	release := keepServer()
	code := m.Run()
	for _, err := range []error{release(), goleak.Find()} {
		if err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// helper is the other process: it writes until it is killed or has written enough, and says what was acknowledged.
func helper(dir string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, onSQLite(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for i := range helperWrites {
		if err := helperWrite(ctx, s, i); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(i)
	}
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

const (
	helperWrites  = 400
	helperAccount = "000000000007"
)

func helperWrite(ctx context.Context, s *store.Store, i int) error {
	err := s.PutInboundToken(ctx, helperAccount, fmt.Sprint("jwt-", i), []byte("sealed"), time.UnixMilli(1))
	if err != nil {
		return err
	}
	return s.AppendAudit(ctx, identity.AuditRecord{Account: helperAccount, Action: fmt.Sprint(i), At: time.UnixMilli(1)})
}
