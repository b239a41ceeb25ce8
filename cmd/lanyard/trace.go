package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// trace wraps the handler with spans sent by OTLP, if an endpoint is configured; otherwise it costs nothing. Spans carry
// method, path and status, and who asked; no query, no header, no body. A stranger's traceparent is linked, not obeyed.
func trace(ctx context.Context, env *environment, c tracingConfig, h http.Handler) (http.Handler, func(), error) {
	if c.OTLPEndpoint == "" {
		return h, func() {}, nil
	}
	exporter, err := newOTLPExporter(c.OTLPEndpoint, env.getenv, http.DefaultTransport.(*http.Transport).Clone(), env.now)
	if err != nil {
		return nil, nil, fmt.Errorf("tracing.otlp_endpoint: %w", err)
	}
	tp := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.SampleRatio))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "lanyard"), attribute.String("service.version", env.version))))
	stop := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = tp.Shutdown(ctx) // spans that cannot be sent at the end are lost, and nothing hangs on them
	}
	name := func(_ string, r *http.Request) string { return r.Method + " " + r.URL.Path }
	traced := otelhttp.NewHandler(restoreQuery(h), "lanyard", otelhttp.WithTracerProvider(tp), otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }), otelhttp.WithPropagators(propagation.TraceContext{}), otelhttp.WithSpanNameFormatter(name))
	return hideQuery(traced), stop, nil
}

type queryKey struct{}

// hideQuery takes the query, which may hold a code or a state (A63), out of what tracing sees; restoreQuery
// gives it back to ours.
func hideQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := *r.URL
		q := *r
		q.URL = &u
		ctx := context.WithValue(r.Context(), queryKey{}, u.RawQuery)
		u.RawQuery = ""
		next.ServeHTTP(w, q.WithContext(ctx))
	})
}

func restoreQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if raw, ok := r.Context().Value(queryKey{}).(string); ok && raw != "" {
			u := *r.URL
			u.RawQuery = raw
			q := *r
			q.URL = &u
			r = &q
		}
		next.ServeHTTP(w, r)
	})
}
