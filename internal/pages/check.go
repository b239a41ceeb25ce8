package pages

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"
)

// elements are those that a template may use. None of them holds a script or a style, and in all of them text is escaped
// alike.
var elements = words("!doctype a b body button circle code dd div dl dt form h1 h2 head html input label li link main meta p path rect span strong svg title ul")

// Attributes that may hold a value from outside: as text, or as the URL with which they begin.
var (
	textAttributes = words("value")
	urlAttributes  = words("action href")
)

func words(s string) map[string]bool {
	return maps.Collect(func(yield func(string, bool) bool) {
		for _, w := range strings.Fields(s) {
			if !yield(w, true) {
				return
			}
		}
	})
}

// place is where in the markup a template stands between two nodes: in text, in a tag, or in an attribute's value.
type place struct {
	in        position
	attribute string // in a value
	begun     bool   // a value has text already
}

type position int

const (
	inText  position = iota
	inTag            // after a space: an attribute may begin
	inEnd            // after a tag's name or an attribute: a space or the tag's end must come
	inValue          // between double quotes
)

// check walks the page as it will be written and settles how each value is escaped. It knows little HTML and refuses the
// rest: a value may stand in text and in the attributes listed above, and nowhere else.
func (t *template) check(root string) error {
	end, err := t.checkDefinition(place{}, root, nil)
	if err == nil && end.in != inText {
		err = errors.New("the page ends within a tag")
	}
	return err
}

func (t *template) checkDefinition(at place, name string, within []string) (place, error) {
	list, ok := t.definitions[name]
	switch {
	case !ok:
		return at, fmt.Errorf("no template is named %q", name)
	case slices.Contains(within, name):
		return at, fmt.Errorf("template %q shows itself", name)
	}
	end, err := t.checkList(at, list, append(slices.Clone(within), name))
	if err != nil {
		return end, fmt.Errorf("in %q: %w", name, err)
	}
	return end, nil
}

func (t *template) checkList(at place, list *parse.ListNode, within []string) (place, error) {
	if list == nil {
		return at, nil
	}
	for _, n := range list.Nodes {
		var err error
		if at, err = t.checkNode(at, n, within); err != nil {
			return at, err
		}
	}
	return at, nil
}

func (t *template) checkNode(at place, n parse.Node, within []string) (place, error) {
	switch n := n.(type) {
	case *parse.TextNode:
		return scan(at, string(n.Text))
	case *parse.ActionNode:
		return t.checkAction(at, n)
	case *parse.IfNode:
		return t.checkBranches(at, &n.BranchNode, within, isCondition)
	case *parse.RangeNode:
		if n.ElseList != nil {
			return at, fmt.Errorf("range %s has an else, which is not understood", n.Pipe)
		}
		return t.checkBranches(at, &n.BranchNode, within, isOperand) // none or one: both end alike, so any number does
	case *parse.TemplateNode:
		if n.Pipe != nil && !isOperand(n.Pipe) {
			return at, fmt.Errorf("%s is not understood", n)
		}
		return t.checkDefinition(at, n.Name, within)
	case *parse.CommentNode:
		return at, nil
	default:
		return at, fmt.Errorf("%s is not understood", n)
	}
}

func (t *template) checkBranches(at place, n *parse.BranchNode, within []string, understood func(*parse.PipeNode) bool) (place, error) {
	if !understood(n.Pipe) {
		return at, fmt.Errorf("%s is not understood", n.Pipe)
	}
	if at.in == inValue {
		return at, fmt.Errorf("%s stands within the attribute %s", n.Pipe, at.attribute)
	}
	then, err := t.checkList(at, n.List, within)
	if err != nil {
		return at, err
	}
	otherwise, err := t.checkList(at, n.ElseList, within)
	if err == nil && then != otherwise {
		err = fmt.Errorf("the branches of %s end at different places of the markup", n.Pipe)
	}
	return then, err
}

func (t *template) checkAction(at place, n *parse.ActionNode) (place, error) {
	url, refused := false, ""
	switch {
	case !isOperand(n.Pipe):
		refused = "is not understood"
	case at.in == inValue && urlAttributes[at.attribute]:
		url = true
		if at.begun {
			refused = "must begin the attribute " + at.attribute
		}
	case at.in == inValue && !textAttributes[at.attribute]:
		refused = "stands in the attribute " + at.attribute + ", which holds no value from outside"
	case at.in == inTag, at.in == inEnd:
		refused = "stands within a tag"
	}
	if refused != "" {
		return at, fmt.Errorf("%s %s", n, refused)
	}
	if before, known := t.isURL[n]; known && before != url {
		return at, fmt.Errorf("%s is a URL here and text elsewhere", n)
	}
	t.isURL[n] = url
	at.begun = at.in == inValue
	return at, nil
}

// isOperand tells a pipe that is one field or the dot.
func isOperand(p *parse.PipeNode) bool {
	return len(p.Decl) == 0 && len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 1 && areOperands(p.Cmds[0].Args)
}

// isCondition tells one field or the dot, with not before it, or several with or.
func isCondition(p *parse.PipeNode) bool {
	if isOperand(p) {
		return true
	}
	if len(p.Decl) != 0 || len(p.Cmds) != 1 {
		return false
	}
	args := p.Cmds[0].Args
	id, ok := args[0].(*parse.IdentifierNode)
	return ok && len(args) > 1 && (id.Ident == "or" || len(args) == 2) && areOperands(args[1:])
}

func areOperands(args []parse.Node) bool {
	return !slices.ContainsFunc(args, func(n parse.Node) bool { return n.Type() != parse.NodeField && n.Type() != parse.NodeDot })
}
