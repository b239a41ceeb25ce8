// Package policy answers whether a caller may perform an action on resources,
// in the JSON policy language of IAM.
//
// It protects every operation from callers that are known but not entitled,
// every role from callers that its trust policy does not name, and both from
// documents that say less, or more, than their author meant. What is trusted
// is the caller record (authn proved it) and the request (the domain built
// it); a document's text is not, since whoever may write policies may write
// anything, and neither is any value in the request's context, for the caller
// chose it.
//
// Nothing is allowed unless a statement allows it, and an explicit Deny wins
// over every Allow. The package must never evaluate a document that it
// understands only in part: Parse refuses elements, operators and condition
// keys of our namespaces that it does not know, and never ignores one. It must
// never let a value of the request act as a pattern, nor let the context
// answer what the caller's record answers. It does no I/O, keeps no state, and
// its cost is bounded by the size of the documents times that of the request.
package policy
