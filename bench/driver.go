package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// load is one closed loop: each connection sends its next request when the answer to the last one has come.
type load struct {
	addr     string
	requests [][]byte // whole HTTP/1.1 requests, signed beforehand
	want     string   // with which every answer's body begins
	conns    int
	warm     time.Duration // not counted
	duration time.Duration
	pid      int // of the server, whose CPU time is counted
}

// sample is what one loop measured.
type sample struct {
	requests int
	perSec   float64
	cpu      float64 // microseconds a request
	p50, p99 time.Duration
}

// Phases of a loop. Answers that end in phaseCount are counted: of those that are under way at its beginning as much of the work
// lies outside as of those at its end.
const (
	phaseWarm int32 = iota
	phaseCount
	phaseDone
)

// maxLatencies bounds what one connection remembers; later answers are counted without a latency.
const maxLatencies = 1 << 18

type worker struct {
	latencies []time.Duration
	counted   atomic.Int64
}

// run drives the server. It fails when any answer is not what was wanted: figures of refusals say nothing.
func (l *load) run(ctx context.Context) (sample, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var phase atomic.Int32
	var wg sync.WaitGroup
	workers := make([]*worker, l.conns)
	for i := range workers {
		workers[i] = &worker{}
		wg.Go(func() {
			if err := workers[i].loop(ctx, l, i, &phase); err != nil {
				cancel(err)
			}
		})
	}
	s, err := l.watch(ctx, workers, &phase)
	phase.Store(phaseDone)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return sample{}, cause
	}
	s.quantiles(workers)
	return s, err
}

// watch waits through the phases and reads the server's clock at both ends of the counted one.
func (l *load) watch(ctx context.Context, workers []*worker, phase *atomic.Int32) (sample, error) {
	if err := pause(ctx, l.warm); err != nil {
		return sample{}, err
	}
	before, err := cpuTime(l.pid)
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	phase.Store(phaseCount)
	if err := pause(ctx, l.duration); err != nil {
		return sample{}, err
	}
	n := 0
	for _, w := range workers {
		n += int(w.counted.Load())
	}
	took := time.Since(start)
	after, err := cpuTime(l.pid)
	if err != nil {
		return sample{}, err
	}
	if n == 0 {
		return sample{}, errors.New("the server answered nothing while it was measured")
	}
	return sample{requests: n, perSec: float64(n) / took.Seconds(), cpu: float64((after - before).Microseconds()) / float64(n)}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sample) quantiles(workers []*worker) {
	var all []time.Duration
	for _, w := range workers {
		all = append(all, w.latencies...)
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	s.p50, s.p99 = all[len(all)/2], all[len(all)*99/100]
}

// loop sends every conns-th request, beginning with the i-th, over and over on one connection.
func (w *worker) loop(ctx context.Context, l *load, i int, phase *atomic.Int32) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 16<<10)
	want := []byte(l.want)
	for next := i % len(l.requests); phase.Load() != phaseDone && ctx.Err() == nil; next = (next + l.conns) % len(l.requests) {
		began, whole := time.Now(), phase.Load() == phaseCount
		if _, err := conn.Write(l.requests[next]); err != nil {
			return fmt.Errorf("sending a request: %w", err)
		}
		if err := readAnswer(in, want); err != nil {
			return err
		}
		if phase.Load() != phaseCount {
			continue
		}
		w.counted.Add(1)
		if whole && len(w.latencies) < maxLatencies {
			w.latencies = append(w.latencies, time.Since(began))
		}
	}
	return nil
}

// readAnswer reads one answer and checks that it is a success whose body begins as wanted.
func readAnswer(in *bufio.Reader, want []byte) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	ok, status := bytes.HasPrefix(line, []byte("HTTP/1.1 200")), string(bytes.TrimSpace(line))
	n, err := readHeader(in)
	if err != nil {
		return err
	}
	body, err := in.Peek(n)
	if err != nil {
		return fmt.Errorf("reading an answer's body: %w", err)
	}
	if !ok || !bytes.HasPrefix(body, want) {
		return fmt.Errorf("the server answered %s: %.300s", status, body)
	}
	_, err = in.Discard(n)
	return err
}

// readHeader reads up to the body and returns its length.
func readHeader(in *bufio.Reader) (length int, err error) {
	length = -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, fmt.Errorf("reading an answer's header: %w", err)
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, fmt.Errorf("the answer's Content-Length: %w", err)
			}
		}
	}
	if length < 0 {
		return 0, errors.New("the answer has no Content-Length, and this driver reads no chunks")
	}
	return length, nil
}
