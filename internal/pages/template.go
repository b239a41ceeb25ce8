package pages

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"text/template/parse"
)

// template is the definitions of a page and its layout, in a small part of Go's template language: fields, if (with not
// and or), else, range, and template. Nothing in it can call a function or a method of the data.
//
// Go's own html/template is not used because it can call any method by name, so that the linker must keep every method of
// every type in the program. A test holds this one to the same bytes.
type template struct {
	definitions map[string]*parse.ListNode
	isURL       map[*parse.ActionNode]bool // of every value that check let pass
}

var conditions = map[string]any{"or": 0, "not": 0}

// parseFile adds the definitions of a file, in place of those with the same name. Text outside of definitions has no
// place on a page.
func (t *template) parseFile(source fs.FS, file string) error {
	text, err := fs.ReadFile(source, file)
	if err != nil {
		return err
	}
	trees, err := parse.Parse(file, string(text), "", "", conditions)
	if err != nil {
		return err
	}
	for name, tree := range trees {
		switch {
		case name != file:
			t.definitions[name] = tree.Root
		case !parse.IsEmptyTree(tree.Root):
			return errors.New("text outside of a definition would never be shown; put it into {{define \"content\"}}")
		}
	}
	return nil
}

// execute writes a definition, shown with data.
func (t *template) execute(w *bytes.Buffer, name string, data any) error {
	return t.list(w, t.definitions[name], reflect.ValueOf(data))
}

func (t *template) list(w *bytes.Buffer, list *parse.ListNode, dot reflect.Value) error {
	if list == nil { // an else that is not there
		return nil
	}
	for _, n := range list.Nodes {
		if err := t.node(w, n, dot); err != nil {
			return err
		}
	}
	return nil
}

func (t *template) node(w *bytes.Buffer, n parse.Node, dot reflect.Value) error {
	switch n := n.(type) {
	case *parse.TextNode:
		w.Write(n.Text)
		return nil
	case *parse.ActionNode:
		return t.action(w, n, dot)
	case *parse.IfNode:
		ok, err := condition(n.Pipe, dot)
		if err != nil {
			return err
		}
		if ok {
			return t.list(w, n.List, dot)
		}
		return t.list(w, n.ElseList, dot)
	case *parse.RangeNode:
		return t.each(w, n, dot)
	case *parse.TemplateNode:
		data, err := operand(n.Pipe, dot)
		if err != nil {
			return err
		}
		return t.list(w, t.definitions[n.Name], data)
	default:
		return nil // a comment; check let no other pass
	}
}

// action writes one value. Only a plain string is shown: a type of its own may have a String method for a reason, such as
// to show no secret.
func (t *template) action(w *bytes.Buffer, n *parse.ActionNode, dot reflect.Value) error {
	v, err := operand(n.Pipe, dot)
	if err != nil {
		return err
	}
	if !v.IsValid() || v.Type() != reflect.TypeFor[string]() {
		return fmt.Errorf("%s is not a string", n)
	}
	if t.isURL[n] {
		w.WriteString(escapeURL(v.String()))
	} else {
		w.WriteString(escapeText(v.String()))
	}
	return nil
}

func (t *template) each(w *bytes.Buffer, n *parse.RangeNode, dot reflect.Value) error {
	v, err := operand(n.Pipe, dot)
	if err != nil {
		return err
	}
	if v.Kind() != reflect.Slice {
		return fmt.Errorf("%s is not a list", n.Pipe)
	}
	for i := range v.Len() {
		if err := t.list(w, n.List, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// operand is the value of a pipe that is a field or the dot.
func operand(p *parse.PipeNode, dot reflect.Value) (reflect.Value, error) {
	if p == nil { // {{template "name"}}
		return reflect.Value{}, nil
	}
	return value(p.Cmds[0].Args[0], dot)
}

func value(n parse.Node, dot reflect.Value) (reflect.Value, error) {
	field, ok := n.(*parse.FieldNode)
	if !ok {
		return dot, nil
	}
	v := dot
	for _, name := range field.Ident {
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() == reflect.Struct {
			v = v.FieldByName(name)
		} else {
			v = reflect.Value{}
		}
		if !v.IsValid() {
			return v, fmt.Errorf("there is no %s in the data", strings.Join(field.Ident, "."))
		}
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v, nil
}

// condition is whether the field, or one of several, is not empty.
func condition(p *parse.PipeNode, dot reflect.Value) (bool, error) {
	args := p.Cmds[0].Args
	negated := false
	if word, ok := args[0].(*parse.IdentifierNode); ok {
		negated, args = word.Ident == "not", args[1:]
	}
	for _, arg := range args {
		v, err := value(arg, dot)
		if err != nil {
			return false, err
		}
		if filled, err := truth(v); err != nil || filled {
			return filled != negated, err
		}
	}
	return negated, nil
}

func truth(v reflect.Value) (bool, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String, reflect.Slice:
		return v.Len() > 0, nil
	default:
		return false, fmt.Errorf("a condition is neither bool, text nor list")
	}
}
