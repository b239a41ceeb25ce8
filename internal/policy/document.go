package policy

// Document is a parsed policy, compiled for evaluation. It never changes and
// may be shared.
type Document struct {
	name       string
	statements []statement
}

// Name is the name under which the document was parsed.
func (d *Document) Name() string { return d.name }

type statement struct {
	sid       string
	deny      bool
	actions   []actionPattern
	resources []resourcePattern
}
