package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count and time operations. Labels are names of the table and statuses: never names of users or workloads,
// which would be unbounded, and private.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
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
	m.requests.WithLabelValues(op, statusText(status)).Inc()
	m.seconds.WithLabelValues(op).Observe(took.Seconds())
}

func statusText(status int) string {
	if status == 200 {
		return "200"
	}
	return strconv.Itoa(status)
}
