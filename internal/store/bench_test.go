package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// cpuTime is what the process has used; on a shared machine it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func reportCPU(b *testing.B, before time.Duration) {
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

func benchStore(b *testing.B) *Store {
	dir := b.TempDir()
	return openConfig(b, Config{SQLiteDir: dir, JournalDir: dir})
}

func tokenReadRecord(n int64) identity.AuditRecord {
	return identity.AuditRecord{
		At: time.UnixMilli(1_700_000_000_000 + n), Account: "000000000000",
		RequestID: fmt.Sprintf("0191a0b0-%04x-7%03x-8000-%012x", n>>24&0xffff, n>>12&0xfff, n),
		Caller:    "arn:aws:iam::000000000000:user/agent", AccessKey: "AKIAIOSFODNN7EXAMPLE", SourceIP: "10.0.0.17",
		Action:    "bedrock-agentcore:GetResourceOauth2Token",
		Resources: []string{"arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default/oauth2credentialprovider/github"},
		Result:    identity.AuditAllowed, Decision: "AgentPolicy#tokens", Workload: "agent", Provider: "github",
		User: "jwt:https:%2F%2Fissuer.example|alice", GrantID: fmt.Sprintf("gr-%032x", n%1000),
	}
}

func BenchmarkAppendAudit32(b *testing.B) {
	s := benchStore(b)
	var n atomic.Int64
	b.SetParallelism(16) // times 2 cores
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.AppendAudit(context.Background(), tokenReadRecord(n.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	reportCPU(b, before)
}

// BenchmarkFindAudit looks for one request among many, of which nearly all are summarised.
func BenchmarkFindAudit(b *testing.B) {
	const records = 300_000
	s := benchStore(b)
	var n atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := n.Add(1); i <= records; i = n.Add(1) {
				if err := s.AppendAudit(context.Background(), tokenReadRecord(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	before := cpuTime(b)
	segments := 0
	for more := true; more; segments++ {
		var err error
		if more, err = s.IndexAudit(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	indexing := cpuTime(b) - before
	for i := int64(1); b.Loop(); i += 7919 {
		r := tokenReadRecord(i%records + 1)
		got, err := s.FindAudit(context.Background(), r.Account, identity.AuditFilter{RequestID: r.RequestID}, "", 10)
		if err != nil || len(got) != 1 {
			b.Fatalf("%d records, %v", len(got), err)
		}
	}
	b.ReportMetric(float64(indexing.Nanoseconds())/records, "index-cpu-ns/record")
	b.ReportMetric(float64(segments), "segments")
}

func benchGrant(n int) identity.Grant {
	g := identity.Grant{
		Account: "000000000000", ID: fmt.Sprintf("gr-%032x", n), WorkloadID: "wl-1", ProviderID: "pr-1",
		User: fmt.Sprintf("userid:%d", n), Scopes: []string{"repo", "read:user"}, State: identity.GrantActive,
		Sealed: make([]byte, 2048), HasRefresh: true, AccessExpiresAt: time.UnixMilli(1_700_000_000_000),
		LastUsedAt: time.UnixMilli(1_700_000_000_000), CreatedAt: time.UnixMilli(1_700_000_000_000), UpdatedAt: time.UnixMilli(1_700_000_000_000),
	}
	g.Key = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return g
}

const benchGrants = 100_000

func fillGrants(b *testing.B, s *Store, n int) {
	const chunk = 2000
	for at := 0; at < n; at += chunk {
		err := s.engine.write(context.Background(), func(h handle) error {
			for i := range chunk {
				g := benchGrant(at + i)
				if err := putGrant(h, &g); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGrant(b *testing.B) {
	s := benchStore(b)
	fillGrants(b, s, benchGrants)
	var n atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1)*7919) % benchGrants
			g := benchGrant(i)
			if _, err := s.Grant(context.Background(), g.Account, g.Key); err != nil {
				b.Error(err)
				return
			}
		}
	})
	reportCPU(b, before)
}

func BenchmarkActiveGrantSQLite(b *testing.B) { benchActiveGrant(b, benchStore(b)) }

// benchActiveGrant reads as requests do: many at once, with contexts that may end.
func benchActiveGrant(b *testing.B, s *Store) {
	const grants = 2000
	fillGrants(b, s, grants)
	keys := make([][32]byte, grants)
	for i := range keys {
		keys[i] = benchGrant(i).Key
	}
	var n atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for pb.Next() {
			if _, err := s.ActiveGrant(ctx, "000000000000", keys[n.Add(1)*7919%grants]); err != nil {
				b.Error(err)
				return
			}
		}
	})
	reportCPU(b, before)
}
