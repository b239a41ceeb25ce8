package converse

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"net/http"
)

// Both answers carry the same figures: nothing was counted.
var (
	usage   = map[string]int{"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
	metrics = map[string]int{"latencyMs": 1}
)

func (t turn) stopReason() string {
	if t.tool != "" {
		return "tool_use"
	}
	return "end_turn"
}

// whole answers Converse.
func (t turn) whole(w http.ResponseWriter) {
	content := map[string]any{"text": t.text}
	if t.tool != "" {
		content = map[string]any{"toolUse": map[string]any{"toolUseId": t.id, "name": t.tool, "input": map[string]any{}}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"output":     map[string]any{"message": map[string]any{"role": "assistant", "content": []any{content}}},
		"stopReason": t.stopReason(), "usage": usage, "metrics": metrics,
	})
}

type event struct {
	name    string
	payload map[string]any
}

// events are the union members of ConverseStream's output in their order. A text comes in two parts, as from a model.
func (t turn) events() []event {
	list := []event{{"messageStart", map[string]any{"role": "assistant"}}}
	add := func(name string, payload map[string]any) {
		payload["contentBlockIndex"] = 0
		list = append(list, event{name, payload})
	}
	if t.tool != "" {
		add("contentBlockStart", map[string]any{"start": map[string]any{"toolUse": map[string]any{"toolUseId": t.id, "name": t.tool}}})
		add("contentBlockDelta", map[string]any{"delta": map[string]any{"toolUse": map[string]any{"input": "{}"}}})
	} else {
		runes := []rune(t.text)
		for _, part := range [][]rune{runes[:len(runes)/2], runes[len(runes)/2:]} {
			add("contentBlockDelta", map[string]any{"delta": map[string]any{"text": string(part)}})
		}
	}
	add("contentBlockStop", map[string]any{})
	return append(list, event{"messageStop", map[string]any{"stopReason": t.stopReason()}},
		event{"metadata", map[string]any{"usage": usage, "metrics": metrics}})
}

// stream answers ConverseStream.
func (t turn) stream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	flush := http.NewResponseController(w)
	for _, e := range t.events() {
		payload, err := json.Marshal(e.payload)
		if err != nil {
			panic(err) // maps of texts and numbers always encode
		}
		if _, err := w.Write(Frame(e.name, payload)); err != nil {
			return
		}
		_ = flush.Flush() // a connection that cannot is read at its end
	}
}

// Frame is one event of an Amazon event stream: lengths and their checksum, headers, payload, and a checksum over all.
func Frame(name string, payload []byte) []byte {
	var headers []byte
	for _, h := range [][2]string{{":event-type", name}, {":content-type", "application/json"}, {":message-type", "event"}} {
		const isString = 7
		headers = append(headers, byte(len(h[0])))
		headers = append(append(headers, h[0]...), isString)
		headers = binary.BigEndian.AppendUint16(headers, uint16(len(h[1])))
		headers = append(headers, h[1]...)
	}
	const around = 16 // two lengths and two checksums
	f := binary.BigEndian.AppendUint32(nil, uint32(around+len(headers)+len(payload)))
	f = binary.BigEndian.AppendUint32(f, uint32(len(headers)))
	f = binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
	f = append(append(f, headers...), payload...)
	return binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
}
