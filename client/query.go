package client

import (
	"bytes"
	"context"
	"encoding"
	"encoding/xml"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// query runs one operation of the AWS Query protocol: a form out, XML in.
func query[Resp any](ctx context.Context, c *Client, op api.Operation, in any) (*Resp, error) {
	return queryElement[Resp](ctx, c, op, in, op.Name+"Result")
}

// queryDo runs one that answers no result.
func queryDo(ctx context.Context, c *Client, op api.Operation, in any) error {
	_, err := queryElement[api.Empty](ctx, c, op, in, op.Name+"Response")
	return err
}

func queryElement[Resp any](ctx context.Context, c *Client, op api.Operation, in any, element string) (*Resp, error) {
	form := url.Values{"Action": {op.Name}, "Version": {op.Service.Version()}}
	addToForm(form, "", reflect.ValueOf(in))
	answer, err := c.send(ctx, op, []byte(form.Encode()))
	if err != nil {
		return nil, err
	}
	out := new(Resp)
	if err := readResult(answer, element, out); err != nil {
		return nil, fmt.Errorf("%s: the answer of %s cannot be read; is it Lanyard, and of this release or a later one?", op.Name, c.endpoints.of(op))
	}
	return out, nil
}

func wireName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// addToForm names every value by its place: Tags.member.1.Key. What is nil or an empty text is left out.
func addToForm(form url.Values, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if e := v.Elem(); e.Kind() == reflect.String { // an empty text behind a pointer is meant
			form.Set(name, e.String())
		} else {
			addToForm(form, name, e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			addToForm(form, strings.TrimPrefix(name+"."+wireName(v.Type().Field(i)), "."), v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			addToForm(form, name+".member."+strconv.Itoa(i+1), v.Index(i))
		}
	case reflect.String:
		if v.Len() > 0 {
			form.Set(name, v.String())
		}
	case reflect.Int32:
		form.Set(name, strconv.FormatInt(v.Int(), 10))
	case reflect.Bool:
		if v.Bool() { // false is what the server takes where nothing is said
			form.Set(name, "true")
		}
	default:
		panic("client: no operation sends a " + v.Type().String())
	}
}

// readResult fills a shape from the result element of an answer.
func readResult(answer []byte, element string, into any) error {
	d := xml.NewDecoder(bytes.NewReader(answer))
	for {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		if start, ok := tok.(xml.StartElement); ok && start.Name.Local == element {
			return readElement(d, reflect.ValueOf(into).Elem())
		}
	}
}

// readElement fills a value from the element that was just opened, up to its end. Members of a later release are skipped.
func readElement(d *xml.Decoder, v reflect.Value) error {
	var text strings.Builder
	for {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			text.Write(tok)
		case xml.StartElement:
			if m := member(v, tok.Name.Local); m.IsValid() {
				err = readElement(d, m)
			} else {
				err = d.Skip()
			}
			if err != nil {
				return err
			}
		case xml.EndElement:
			return setText(v, text.String())
		}
	}
}

// member is where a child element belongs, the zero Value when nowhere.
func member(v reflect.Value, name string) reflect.Value {
	switch {
	case v.Kind() == reflect.Slice && name == "member":
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		return v.Index(v.Len() - 1)
	case v.Kind() != reflect.Struct:
		return reflect.Value{}
	}
	for i := range v.NumField() {
		if wireName(v.Type().Field(i)) != name {
			continue
		}
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
			f = f.Elem()
		}
		return f
	}
	return reflect.Value{}
}

func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[api.PolicyDocument]() {
			var err error
			if text, err = url.PathUnescape(text); err != nil {
				return err
			}
		}
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	case reflect.Int32:
		n, err := strconv.ParseInt(text, 10, 32)
		v.SetInt(n)
		return err
	default: // a struct and a list have no text of their own
	}
	return nil
}
