package main

import (
	"encoding/xml"
	"net/url"
	"strings"
)

// webForm is the first form of a page, as a browser would send it.
type webForm struct {
	action             string
	hidden             url.Values
	username, password string    // names of the fields, "" when the form has none
	button             [2]string // name and value of the last submit button
	failed             bool      // the page says that the last answer was wrong
}

// readPage finds the first form and the text of a page. It reads leniently and gives up where the markup makes no sense:
// what it found until then is what the page is taken for.
func readPage(body string) (*webForm, string) {
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var p pageReader
	for {
		token, err := d.Token()
		if err != nil {
			return p.form, strings.Join(p.words, " ")
		}
		switch e := token.(type) {
		case xml.StartElement:
			p.start(e.Name.Local, attributes(e))
		case xml.EndElement:
			p.end(e.Name.Local)
		case xml.CharData:
			if p.silent == 0 {
				p.words = append(p.words, strings.Fields(string(e))...)
			}
		}
	}
}

type pageReader struct {
	form   *webForm
	inForm bool
	alert  bool
	silent int // depth of elements whose text is not shown
	words  []string
}

func (p *pageReader) start(element string, a map[string]string) {
	p.alert = p.alert || a["role"] == "alert"
	switch element {
	case "style", "script", "title":
		p.silent++
	case "form":
		if p.form == nil {
			p.form, p.inForm = &webForm{action: a["action"], hidden: url.Values{}, failed: p.alert}, true
		}
	default:
		if p.inForm {
			p.form.take(element, a)
		}
	}
}

func (p *pageReader) end(element string) {
	switch element {
	case "style", "script", "title":
		p.silent--
	case "form":
		p.inForm = false
	}
}

func attributes(e xml.StartElement) map[string]string {
	m := make(map[string]string, len(e.Attr))
	for _, a := range e.Attr {
		m[strings.ToLower(a.Name.Local)] = a.Value
	}
	return m
}

// take notes a field of the form.
func (f *webForm) take(element string, a map[string]string) {
	switch {
	case element == "button" && (a["type"] == "submit" || a["type"] == ""):
		f.button = [2]string{a["name"], a["value"]}
	case element != "input":
	case a["type"] == "hidden":
		f.hidden.Set(a["name"], a["value"])
	case a["type"] == "password":
		f.password = a["name"]
	case a["type"] == "text" || a["type"] == "email" || a["type"] == "":
		f.username = a["name"]
	}
}
