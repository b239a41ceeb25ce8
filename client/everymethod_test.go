package client

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// method is the client's method of an operation, by its name: a row of the table without one fails every test here.
func method(t *testing.T, c *Client, op api.Operation) reflect.Value {
	t.Helper()
	m := reflect.ValueOf(c).MethodByName(op.Name)
	if !m.IsValid() {
		t.Fatalf("no method calls %s", op.Name)
	}
	return m
}

func TestEveryOperationHasAMethod(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(untouched(t)))
	rows := append(api.Operations(), api.CognitoOperations()...)
	for _, op := range rows {
		method(t, c, op)
	}
	if len(rows) < 100 {
		t.Errorf("the table has %d rows", len(rows))
	}
}

// TestEveryShapeTravels calls every operation of IAM with every member of its request set: each must be in the form, and
// an answer with every member must be read whole.
func TestEveryShapeTravels(t *testing.T) {
	for _, op := range api.Operations() {
		if op.Service != api.IAM {
			continue
		}
		var form url.Values
		text := ""
		c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			form, _ = url.ParseQuery(string(body))
			return answer(200, text), nil
		})))
		m := method(t, c, op)
		in := arguments(m.Type())
		var want reflect.Value
		text = "<" + op.Name + "Response/>"
		if m.Type().NumOut() == 2 {
			want = reflect.New(m.Type().Out(0).Elem())
			fill(want.Elem())
			text = "<" + op.Name + "Response>" + element(op.Name+"Result", want) + "</" + op.Name + "Response>"
		}
		out := m.Call(append([]reflect.Value{reflect.ValueOf(t.Context())}, in...))
		if err := out[len(out)-1]; !err.IsNil() {
			t.Errorf("%s: %v", op.Name, err)
			continue
		}
		if form.Get("Action") != op.Name || len(form)-2 != leaves(in) {
			t.Errorf("%s: of %d members it sent %v", op.Name, leaves(in), form)
		}
		if want.IsValid() && !reflect.DeepEqual(out[0].Interface(), want.Interface()) {
			t.Errorf("%s: read %+v of %s", op.Name, out[0].Elem(), text)
		}
	}
}

// TestEveryPoolOperation calls every operation of user pools with every member set: each is in the body.
func TestEveryPoolOperation(t *testing.T) {
	for _, op := range api.CognitoOperations() {
		var target, authorization string
		var sent any
		c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			target, authorization = r.Header.Get("X-Amz-Target"), r.Header.Get("Authorization")
			return answer(200, "{}"), json.NewDecoder(r.Body).Decode(&sent)
		})))
		m := method(t, c, op)
		in := arguments(m.Type())
		out := m.Call(append([]reflect.Value{reflect.ValueOf(t.Context())}, in...))
		if err := out[len(out)-1]; !err.IsNil() || target != api.CognitoTarget+op.Name || (authorization == "") != op.Unsigned {
			t.Errorf("%s: sent %s: %v", op.Name, target, err)
		}
		if in[0].Kind() == reflect.String {
			continue
		}
		b, _ := json.Marshal(in[0].Interface())
		var want any
		_ = json.Unmarshal(b, &want)
		if !reflect.DeepEqual(sent, want) {
			t.Errorf("%s: sent %v, want %v", op.Name, sent, want)
		}
	}
}

// arguments are those of a method beside the context, with every member set.
func arguments(m reflect.Type) []reflect.Value {
	var out []reflect.Value
	for i := 1; i < m.NumIn(); i++ {
		v := reflect.New(m.In(i)).Elem()
		fill(v)
		out = append(out, v)
	}
	return out
}

func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case api.Timestamp:
		v.Set(reflect.ValueOf(api.Timestamp(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))))
		return
	case *api.Unserved: // never sent
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"a":1}`))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		one := reflect.New(v.Type().Elem()).Elem()
		fill(one)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), one)
	case reflect.String:
		v.SetString(`a "<&%2B é`)
	case reflect.Int32:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic(fmt.Sprintf("no shape has a %s", v.Type()))
	}
}

// leaves counts the texts, numbers and truths; a text that is an argument of its own is one.
func leaves(in []reflect.Value) int {
	n := 0
	for _, v := range in {
		var inner []reflect.Value
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				inner = []reflect.Value{v.Elem()}
			}
		case reflect.Struct:
			for i := range v.NumField() {
				inner = append(inner, v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				inner = append(inner, v.Index(i))
			}
		default:
			n++
		}
		n += leaves(inner)
	}
	return n
}

// element writes a value as IAM does.
func element(name string, v reflect.Value) string {
	var inner strings.Builder
	m, isText := v.Interface().(encoding.TextMarshaler)
	switch {
	case isText:
		b, _ := m.MarshalText()
		inner.Write(b)
	case v.Kind() == reflect.Pointer:
		return element(name, v.Elem())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			inner.WriteString(element(wireName(v.Type().Field(i)), v.Field(i)))
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			inner.WriteString(element("member", v.Index(i)))
		}
	case v.Kind() == reflect.String:
		text := v.String()
		if v.Type() == reflect.TypeFor[api.PolicyDocument]() {
			text = url.PathEscape(text)
		}
		inner.WriteString(strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(text))
	default:
		fmt.Fprint(&inner, v.Interface())
	}
	return "<" + name + ">" + inner.String() + "</" + name + ">"
}
