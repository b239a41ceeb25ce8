package server

import (
	"reflect"

	"github.com/lanyard-id/lanyard/internal/jsontext"
)

// append writes a struct of texts. It writes nothing, and says so, when the value needs more than that.
func (p *flatPlan) append(v reflect.Value) ([]byte, bool) {
	if p == nil || len(p.members) != v.NumField() {
		return nil, false
	}
	size := len("{}")
	for i := range p.members {
		m := &p.members[i]
		text := v.Field(m.index)
		if m.kind != flatText || !jsontext.Plain(text.String()) {
			return nil, false
		}
		size += len(m.name) + text.Len() + len(`"":"",`)
	}
	b := append(make([]byte, 0, size), '{')
	for i := range p.members {
		m := &p.members[i]
		text := v.Field(m.index).String()
		if text == "" && m.omitEmpty {
			continue
		}
		b = jsontext.AppendName(b, m.name)
		b = append(append(append(b, '"'), text...), '"') // it was looked at above
	}
	return append(b, '}'), true
}
