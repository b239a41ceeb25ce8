package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/store"
)

func TestDevRecordsSQLite(t *testing.T) { testDevRecords(t, onSQLite(t.TempDir())) }

func testDevRecords(t *testing.T, c store.Config) {
	t.Helper()
	var clock atomic.Int64
	start := time.UnixMilli(1_900_000_000_000)
	c.Now = func() time.Time { return start.Add(time.Duration(clock.Load())) }
	d := open(t, c).DevRecords()
	put := func(kind, id, data string, lifetime time.Duration) {
		t.Helper()
		expires := time.Time{}
		if lifetime != 0 {
			expires = start.Add(lifetime)
		}
		if err := d.PutRecord(t.Context(), kind, id, []byte(data), expires); err != nil {
			t.Fatal(err)
		}
	}
	check := func(kind, id, want string) {
		t.Helper()
		data, ok, err := d.Record(t.Context(), kind, id)
		if err != nil || ok != (want != "") || string(data) != want {
			t.Fatalf("%s %s is %q, %v, %v; want %q", kind, id, data, ok, err, want)
		}
	}
	put("code", "1", "one", time.Minute)
	put("refresh", "1", "two", time.Minute)
	put("consent", "1", "for ever", 0)
	check("code", "1", "one")
	check("refresh", "1", "two")
	check("code", "2", "")
	put("code", "1", "replaced", 2*time.Minute)
	check("code", "1", "replaced")
	if err := d.DeleteRecord(t.Context(), "refresh", "1"); err != nil {
		t.Fatal(err)
	}
	check("refresh", "1", "")
	check("consent", "1", "for ever")
	clock.Store(int64(2 * time.Minute))
	check("code", "1", "")
	if _, ok, err := d.TakeRecord(t.Context(), "code", "1"); ok || err != nil {
		t.Fatalf("an expired record was taken (%v)", err)
	}
	clock.Store(int64(24 * time.Hour))
	check("consent", "1", "for ever")
	testTakeOnce(t, d)
}

// testTakeOnce: of many who take a code, one gets it.
func testTakeOnce(t *testing.T, d *store.DevRecords) {
	t.Helper()
	if err := d.PutRecord(t.Context(), "code", "once", []byte("x"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	var took atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			data, ok, err := d.TakeRecord(t.Context(), "code", "once")
			if err != nil {
				t.Error(err)
			}
			if ok {
				took.Add(1)
				if string(data) != "x" {
					t.Errorf("took %q", data)
				}
			}
		})
	}
	all.Wait()
	if took.Load() != 1 {
		t.Errorf("%d took the record", took.Load())
	}
}
