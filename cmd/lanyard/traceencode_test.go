package main

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"
)

func spanContext(span byte, remote bool) oteltrace.SpanContext {
	state, _ := oteltrace.ParseTraceState("vendor=value")
	return oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1, 15: 0xff}, SpanID: oteltrace.SpanID{span, 7: 0xee},
		TraceFlags: oteltrace.FlagsSampled, TraceState: state, Remote: remote})
}

func wantJSON(t *testing.T, got any, want string) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(b, &g)
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestEncodeWholeSpan spells one request out as the protocol does, with everything that a span may have.
func TestEncodeWholeSpan(t *testing.T) {
	at := time.Unix(1700000000, 123456789)
	stub := tracetest.SpanStub{
		Name: "GET /ping", SpanContext: spanContext(2, false), Parent: spanContext(1, true), SpanKind: oteltrace.SpanKindServer,
		StartTime: at, EndTime: at.Add(time.Microsecond), Attributes: []attribute.KeyValue{attribute.Int("http.response.status_code", 200)},
		Events:            []sdktrace.Event{{Name: "retry", Time: at, Attributes: []attribute.KeyValue{attribute.Bool("last", true)}, DroppedAttributeCount: 4}},
		Links:             []sdktrace.Link{{SpanContext: spanContext(3, true), Attributes: []attribute.KeyValue{attribute.String("of", "a stranger")}, DroppedAttributeCount: 5}},
		Status:            sdktrace.Status{Code: codes.Error, Description: "no"},
		DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
		Resource:             resource.NewWithAttributes("https://example.com/resource", attribute.String("service.name", "lanyard")),
		InstrumentationScope: instrumentation.Scope{Name: "scope", Version: "1", SchemaURL: "https://example.com/scope", Attributes: attribute.NewSet(attribute.String("a", "b"))},
	}
	wantJSON(t, otlpOf(tracetest.SpanStubs{stub}.Snapshots()), `{"resourceSpans": [{
		"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "lanyard"}}]},
		"schemaUrl": "https://example.com/resource",
		"scopeSpans": [{
			"scope": {"name": "scope", "version": "1", "attributes": [{"key": "a", "value": {"stringValue": "b"}}]},
			"schemaUrl": "https://example.com/scope",
			"spans": [{
				"traceId": "010000000000000000000000000000ff", "spanId": "02000000000000ee", "parentSpanId": "01000000000000ee",
				"traceState": "vendor=value", "flags": 769, "name": "GET /ping", "kind": 2,
				"startTimeUnixNano": "1700000000123456789", "endTimeUnixNano": "1700000000123457789",
				"attributes": [{"key": "http.response.status_code", "value": {"intValue": "200"}}], "droppedAttributesCount": 1,
				"events": [{"timeUnixNano": "1700000000123456789", "name": "retry", "attributes": [{"key": "last", "value": {"boolValue": true}}], "droppedAttributesCount": 4}],
				"droppedEventsCount": 2,
				"links": [{"traceId": "010000000000000000000000000000ff", "spanId": "03000000000000ee", "traceState": "vendor=value", "flags": 769,
					"attributes": [{"key": "of", "value": {"stringValue": "a stranger"}}], "droppedAttributesCount": 5}],
				"droppedLinksCount": 3,
				"status": {"code": 2, "message": "no"}
			}]
		}]
	}]}`)
}

// TestEncodeBareSpan leaves out what there is none of.
func TestEncodeBareSpan(t *testing.T) {
	stub := tracetest.SpanStub{Name: "x", SpanContext: oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2}}), Status: sdktrace.Status{Code: codes.Ok}}
	wantJSON(t, otlpOf(tracetest.SpanStubs{stub}.Snapshots()).Resources[0].Scopes[0].Spans[0], `{
		"traceId": "01000000000000000000000000000000", "spanId": "0200000000000000", "flags": 256, "name": "x", "kind": 0,
		"startTimeUnixNano": "0", "endTimeUnixNano": "0", "status": {"code": 1}}`)
}

// TestEncodeGroups: spans of one resource and scope go under one heading, in their order.
func TestEncodeGroups(t *testing.T) {
	a, b := resource.NewSchemaless(attribute.String("r", "a")), resource.NewSchemaless(attribute.String("r", "b"))
	one, two := instrumentation.Scope{Name: "one"}, instrumentation.Scope{Name: "two"}
	req := otlpOf(tracetest.SpanStubs{
		{Name: "1", Resource: a, InstrumentationScope: one}, {Name: "2", Resource: b, InstrumentationScope: one},
		{Name: "3", Resource: a, InstrumentationScope: two}, {Name: "4", Resource: a, InstrumentationScope: one},
	}.Snapshots())
	var got []string
	for _, r := range req.Resources {
		for _, s := range r.Scopes {
			line := r.Resource.Attributes[0].Value["stringValue"].(string) + " " + s.Scope.Name
			for _, span := range s.Spans {
				line += " " + span.Name
			}
			got = append(got, line)
		}
	}
	if d := cmp.Diff([]string{"a one 1 4", "a two 3", "b one 2"}, got); d != "" {
		t.Error(d)
	}
}

func TestEncodeValues(t *testing.T) {
	for _, tc := range []struct {
		v    attribute.Value
		want string
	}{
		{attribute.Value{}, `{}`},
		{attribute.BoolValue(false), `{"boolValue": false}`},
		{attribute.Int64Value(math.MinInt64), `{"intValue": "-9223372036854775808"}`},
		{attribute.Float64Value(0.5), `{"doubleValue": 0.5}`},
		{attribute.Float64Value(math.NaN()), `{"doubleValue": "NaN"}`},
		{attribute.Float64Value(math.Inf(1)), `{"doubleValue": "Infinity"}`},
		{attribute.Float64Value(math.Inf(-1)), `{"doubleValue": "-Infinity"}`},
		{attribute.StringValue(""), `{"stringValue": ""}`},
		{attribute.StringValue("\xff\"\n"), `{"stringValue": "\ufffd\"\n"}`},
		{attribute.ByteSliceValue([]byte{0xff}), `{"bytesValue": "/w=="}`},
		{attribute.BoolSliceValue([]bool{true}), `{"arrayValue": {"values": [{"boolValue": true}]}}`},
		{attribute.Int64SliceValue([]int64{1, 2}), `{"arrayValue": {"values": [{"intValue": "1"}, {"intValue": "2"}]}}`},
		{attribute.Float64SliceValue([]float64{1}), `{"arrayValue": {"values": [{"doubleValue": 1}]}}`},
		{attribute.StringSliceValue(nil), `{"arrayValue": {"values": []}}`},
		{attribute.SliceValue(attribute.BoolValue(true), attribute.StringValue("x")), `{"arrayValue": {"values": [{"boolValue": true}, {"stringValue": "x"}]}}`},
		{attribute.MapValue(attribute.Int("n", 1)), `{"kvlistValue": {"values": [{"key": "n", "value": {"intValue": "1"}}]}}`},
		{attribute.MapValue(), `{"kvlistValue": {"values": []}}`},
	} {
		wantJSON(t, otlpValueOf(tc.v), tc.want)
	}
}
