package main

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// The JSON form of an OTLP trace request: ids in hex, 64-bit numbers as texts, enumerations as numbers.
type (
	otlpRequest struct {
		Resources []otlpResourceSpans `json:"resourceSpans"`
	}
	otlpResourceSpans struct {
		Resource  otlpResource     `json:"resource"`
		Scopes    []otlpScopeSpans `json:"scopeSpans"`
		SchemaURL string           `json:"schemaUrl,omitempty"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes,omitempty"`
	}
	otlpScopeSpans struct {
		Scope     otlpScope  `json:"scope"`
		Spans     []otlpSpan `json:"spans"`
		SchemaURL string     `json:"schemaUrl,omitempty"`
	}
	otlpScope struct {
		Name       string          `json:"name,omitempty"`
		Version    string          `json:"version,omitempty"`
		Attributes []otlpAttribute `json:"attributes,omitempty"`
	}
	otlpSpan struct {
		TraceID           string          `json:"traceId"`
		SpanID            string          `json:"spanId"`
		TraceState        string          `json:"traceState,omitempty"`
		ParentSpanID      string          `json:"parentSpanId,omitempty"`
		Flags             uint32          `json:"flags"`
		Name              string          `json:"name"`
		Kind              int             `json:"kind"`
		Start             string          `json:"startTimeUnixNano"`
		End               string          `json:"endTimeUnixNano"`
		Attributes        []otlpAttribute `json:"attributes,omitempty"`
		DroppedAttributes int             `json:"droppedAttributesCount,omitempty"`
		Events            []otlpEvent     `json:"events,omitempty"`
		DroppedEvents     int             `json:"droppedEventsCount,omitempty"`
		Links             []otlpLink      `json:"links,omitempty"`
		DroppedLinks      int             `json:"droppedLinksCount,omitempty"`
		Status            otlpStatus      `json:"status"`
	}
	otlpEvent struct {
		Time              string          `json:"timeUnixNano"`
		Name              string          `json:"name"`
		Attributes        []otlpAttribute `json:"attributes,omitempty"`
		DroppedAttributes int             `json:"droppedAttributesCount,omitempty"`
	}
	otlpLink struct {
		TraceID           string          `json:"traceId"`
		SpanID            string          `json:"spanId"`
		TraceState        string          `json:"traceState,omitempty"`
		Attributes        []otlpAttribute `json:"attributes,omitempty"`
		DroppedAttributes int             `json:"droppedAttributesCount,omitempty"`
		Flags             uint32          `json:"flags"`
	}
	otlpStatus struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code,omitempty"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	// otlpValue has one member, named after its type, or none when it is empty.
	otlpValue map[string]any
)

// otlpOf groups spans by their resource and scope.
func otlpOf(spans []sdktrace.ReadOnlySpan) otlpRequest {
	type place struct {
		resource attribute.Distinct
		scope    instrumentation.Scope
	}
	var req otlpRequest
	resources := map[attribute.Distinct]int{}
	scopes := map[place]int{}
	for _, s := range spans {
		at := place{s.Resource().Equivalent(), s.InstrumentationScope()}
		r, known := resources[at.resource]
		if !known {
			r = len(req.Resources)
			resources[at.resource] = r
			req.Resources = append(req.Resources, otlpResourceOf(s.Resource()))
		}
		list := &req.Resources[r].Scopes
		i, known := scopes[at]
		if !known {
			i = len(*list)
			scopes[at] = i
			*list = append(*list, otlpScopeOf(at.scope))
		}
		(*list)[i].Spans = append((*list)[i].Spans, otlpSpanOf(s))
	}
	return req
}

func otlpResourceOf(r *resource.Resource) otlpResourceSpans {
	return otlpResourceSpans{Resource: otlpResource{otlpAttributes(r.Attributes())}, SchemaURL: r.SchemaURL()}
}

func otlpScopeOf(s instrumentation.Scope) otlpScopeSpans {
	return otlpScopeSpans{Scope: otlpScope{s.Name, s.Version, otlpAttributes(s.Attributes.ToSlice())}, SchemaURL: s.SchemaURL}
}

func otlpSpanOf(s sdktrace.ReadOnlySpan) otlpSpan {
	sc, parent := s.SpanContext(), s.Parent()
	out := otlpSpan{
		TraceID: sc.TraceID().String(), SpanID: sc.SpanID().String(), TraceState: sc.TraceState().String(), Flags: otlpFlags(sc, parent),
		Name: s.Name(), Kind: int(s.SpanKind()), Start: otlpTime(s.StartTime()), End: otlpTime(s.EndTime()),
		Attributes: otlpAttributes(s.Attributes()), DroppedAttributes: s.DroppedAttributes(),
		DroppedEvents: s.DroppedEvents(), DroppedLinks: s.DroppedLinks(), Status: otlpStatusOf(s.Status()),
	}
	if parent.HasSpanID() {
		out.ParentSpanID = parent.SpanID().String()
	}
	for _, e := range s.Events() {
		out.Events = append(out.Events, otlpEvent{otlpTime(e.Time), e.Name, otlpAttributes(e.Attributes), e.DroppedAttributeCount})
	}
	for _, l := range s.Links() {
		to := l.SpanContext
		out.Links = append(out.Links, otlpLink{to.TraceID().String(), to.SpanID().String(), to.TraceState().String(), otlpAttributes(l.Attributes), l.DroppedAttributeCount, otlpFlags(to, to)})
	}
	return out
}

// Bits of an OTLP span's flags above those of the trace context.
const (
	otlpKnowsRemote = 0x100 // the next bit says something
	otlpIsRemote    = 0x200 // the other side is another process
)

func otlpFlags(sc, other oteltrace.SpanContext) uint32 {
	flags := uint32(sc.TraceFlags()) | otlpKnowsRemote
	if other.IsRemote() {
		flags |= otlpIsRemote
	}
	return flags
}

// otlpStatusOf renumbers: in OTLP 1 is well and 2 is an error.
func otlpStatusOf(s sdktrace.Status) otlpStatus {
	switch s.Code {
	case codes.Ok:
		return otlpStatus{s.Description, 1}
	case codes.Error:
		return otlpStatus{s.Description, 2}
	default:
		return otlpStatus{Message: s.Description}
	}
}

func otlpTime(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(max(0, t.UnixNano()), 10)
}

func otlpAttributes(list []attribute.KeyValue) []otlpAttribute {
	var out []otlpAttribute
	for _, kv := range list {
		out = append(out, otlpAttribute{string(kv.Key), otlpValueOf(kv.Value)})
	}
	return out
}

func otlpValueOf(v attribute.Value) otlpValue {
	switch v.Type() {
	case attribute.BOOL:
		return otlpValue{"boolValue": v.AsBool()}
	case attribute.INT64:
		return otlpValue{"intValue": strconv.FormatInt(v.AsInt64(), 10)}
	case attribute.FLOAT64:
		return otlpValue{"doubleValue": otlpDouble(v.AsFloat64())}
	case attribute.STRING:
		return otlpValue{"stringValue": v.AsString()}
	case attribute.BYTESLICE:
		return otlpValue{"bytesValue": base64.StdEncoding.EncodeToString(v.AsByteSlice())}
	case attribute.BOOLSLICE:
		return otlpArray(v.AsBoolSlice(), attribute.BoolValue)
	case attribute.INT64SLICE:
		return otlpArray(v.AsInt64Slice(), attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		return otlpArray(v.AsFloat64Slice(), attribute.Float64Value)
	case attribute.STRINGSLICE:
		return otlpArray(v.AsStringSlice(), attribute.StringValue)
	case attribute.SLICE:
		return otlpArray(v.AsSlice(), func(e attribute.Value) attribute.Value { return e })
	case attribute.MAP:
		return otlpValue{"kvlistValue": map[string]any{"values": append([]otlpAttribute{}, otlpAttributes(v.AsMap())...)}}
	default:
		return otlpValue{}
	}
}

func otlpArray[T any](list []T, value func(T) attribute.Value) otlpValue {
	values := make([]otlpValue, len(list))
	for i, e := range list {
		values[i] = otlpValueOf(value(e))
	}
	return otlpValue{"arrayValue": map[string]any{"values": values}}
}

// otlpDouble writes what JSON has no number for as protobuf's JSON mapping does.
func otlpDouble(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return f
	}
}
