package policy

// Document is a parsed policy, compiled for evaluation. It never changes and
// may be shared.
type Document struct {
	name       string
	trust      bool // a role's trust policy; never mixed with the other kind
	variables  bool // its version knows policy variables
	statements []statement
	index      index
}

// Name is the name under which the document was parsed.
func (d *Document) Name() string { return d.name }

// statement has what evaluation touches first in front.
type statement struct {
	deny        bool
	notAction   bool // actions are those that do not match
	notResource bool
	perResource bool // the conditions speak of the resource's tags
	actions     []actionPattern
	resources   []resourcePattern
	conditions  []condition
	principals  []principal // of trust policies
	sid         string
	start, end  place
	hollow      bool // an empty Condition, or operator in it, was written
}

// place is where something stands in a document, both from 1.
type place struct{ line, column int }

func (s *statement) effect() string {
	if s.deny {
		return "Deny"
	}
	return "Allow"
}
