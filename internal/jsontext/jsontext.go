// Package jsontext writes JSON strings into buffers, for the few documents that are written for every request: answers,
// audit records, claims. Whatever a text holds, what comes out is valid JSON: a name that somebody chose never becomes
// structure. It must never be used to splice JSON that somebody else wrote.
package jsontext

import "encoding/json"

// AppendString writes s as a JSON string (RFC 8259 section 7). Bytes that are no UTF-8 become U+FFFD. Nearly all texts
// need no escape and are copied as they are.
func AppendString(b []byte, s string) []byte {
	if Plain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	j, _ := json.Marshal(s) // a string always marshals
	return append(b, j...)
}

// AppendMember writes a member of an object, after a comma unless it is the object's first. The name must be Plain.
func AppendMember(b []byte, name, value string) []byte {
	return AppendString(AppendName(b, name), value)
}

// AppendName is AppendMember without the value.
func AppendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}
