package server

import "reflect"

// append writes a struct of texts. It writes nothing, and says so, when the value needs more than that.
func (p *flatPlan) append(v reflect.Value) ([]byte, bool) {
	if p == nil || len(p.members) != v.NumField() {
		return nil, false
	}
	size := len("{}")
	for i := range p.members {
		m := &p.members[i]
		text := v.Field(m.index)
		if m.kind != flatText || !plainText(text.String()) {
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
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), m.name...), `":"`...)
		b = append(append(b, text...), '"')
	}
	return append(b, '}'), true
}
