package server

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count and time operations. Labels are names of the table and statuses: never names of users or workloads,
// which would be unbounded, and private.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	// operations are those that were asked for, by name. Finding a series by its labels takes longer than counting.
	operations sync.Map
}

// operationMetrics are the series that every successful request of an operation touches.
type operationMetrics struct {
	succeeded prometheus.Counter
	seconds   prometheus.Observer
}

func newMetrics(reg *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lanyard_requests_total", Help: "Requests by operation and HTTP status."}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lanyard_request_seconds", Help: "Time from a request's first byte to its answer, by operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"operation"}),
	}
	reg.MustRegister(m.requests, m.seconds)
	return m
}

func (m *metrics) observe(op string, status int, took time.Duration) {
	of, ok := m.operations.Load(op)
	if !ok {
		of, _ = m.operations.LoadOrStore(op, &operationMetrics{m.requests.WithLabelValues(op, "200"), m.seconds.WithLabelValues(op)})
	}
	o := of.(*operationMetrics)
	o.seconds.Observe(took.Seconds())
	if status == http.StatusOK {
		o.succeeded.Inc()
		return
	}
	m.requests.WithLabelValues(op, strconv.Itoa(status)).Inc()
}
