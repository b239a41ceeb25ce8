package frontdoor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

// unlimited lets the limits out of the figures.
func unlimited(w *world) {
	w.cfg.Limits = frontdoor.Limits{PerAddress: frontdoor.Rate{PerSecond: 1e9, Burst: 1e9}, PerUser: frontdoor.Rate{PerSecond: 1e9, Burst: 1e9}, StreamsPerUser: 1e6}
	w.cfg.Access, w.cfg.Log = nil, nil
}

// BenchmarkProxy is one small request of a signed-in user, straight to the backend and through the front door.
func BenchmarkProxy(b *testing.B) {
	w := newWorld(b, unlimited)
	w.serving(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok") })
	cookie := w.signedIn(b).cookies(b)
	for _, c := range []struct{ name, url string }{{"direct", w.backend.URL}, {"frontdoor", w.site.URL}} {
		b.Run(c.name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.ReportAllocs()
			for b.Loop() {
				fetch(b, client, c.url, cookie)
			}
		})
	}
}

func fetch(t testing.TB, client *http.Client, target, cookie string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", cookie)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
}

// BenchmarkStreams has 500 signed-in users stream at once: the backend sends each an event with the time every 500 ms, and
// what is reported is how old events are when they arrive, straight from the backend and through the front door. One
// iteration is ten events a user.
func BenchmarkStreams(b *testing.B) {
	const users, events = 500, 10
	w := newWorld(b, unlimited)
	w.serving(func(rw http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(rw)
		rw.Header().Set("Content-Type", "text/event-stream")
		_ = control.Flush()
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for range events {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
			fmt.Fprintf(rw, "data: %d\n\n", time.Now().UnixNano())
			_ = control.Flush()
		}
	})
	cookies := make([]string, users)
	for i := range cookies {
		cookies[i] = w.signedIn(b).cookies(b)
	}
	for _, c := range []struct{ name, url string }{{"direct", w.backend.URL}, {"frontdoor", w.site.URL}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				ages := streamAll(b, c.url, cookies)
				slices.Sort(ages)
				b.ReportMetric(float64(ages[len(ages)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(ages[len(ages)*99/100].Microseconds()), "p99-µs")
			}
		})
	}
}

func streamAll(b *testing.B, target string, cookies []string) []time.Duration {
	var mu sync.Mutex
	var all []time.Duration
	var work sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(cookies)}}
	defer client.CloseIdleConnections()
	for i, cookie := range cookies {
		work.Go(func() {
			<-time.After(time.Duration(i) * 4 * time.Millisecond) // so that the events spread over the interval
			ages, err := streamOne(b.Context(), client, target, cookie)
			if err != nil {
				b.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, ages...)
		})
	}
	work.Wait()
	if len(all) == 0 {
		b.Fatal("no event arrived")
	}
	return all
}

func streamOne(ctx context.Context, client *http.Client, target, cookie string) ([]time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target+"/", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Cookie", cookie)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var ages []time.Duration
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var at int64
		if n, _ := fmt.Sscanf(lines.Text(), "data: %d", &at); n == 1 {
			ages = append(ages, time.Duration(time.Now().UnixNano()-at))
		}
	}
	return ages, nil
}

// BenchmarkIdleSessions is the memory that a session keeps after it was used once. The identity provider's records of it
// are in the same process and counted too, so the figure is an upper bound.
func BenchmarkIdleSessions(b *testing.B) {
	const users = 1000
	w := newWorld(b, unlimited)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	use := func() { fetch(b, client, w.site.URL, w.signedIn(b).cookies(b)) }
	for b.Loop() {
		use()
		before := heap()
		for range users {
			use()
		}
		b.ReportMetric(float64(int64(heap())-int64(before))/users, "B/session")
		runtime.KeepAlive(w)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
