// Package policy answers whether a caller may perform an action on resources,
// in the language of IAM policy documents.
//
// It protects every operation from callers that are known but not entitled,
// and from documents that say less, or more, than their author meant. What is
// trusted is the caller record (authn proved it) and the request (the domain
// built it); a document's text is not, since whoever may write policies may
// write anything.
//
// Nothing is allowed unless a statement allows it, and an explicit Deny wins
// over every Allow. The package must never evaluate a document that it
// understands only in part: an element it does not serve (a Condition, a
// NotAction, a policy variable) may be the very thing that narrows access, so
// Parse refuses it. It never does I/O, keeps no state, and its cost is bounded
// by the size of the document times the size of the request.
package policy
