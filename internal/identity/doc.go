// Package identity is the domain: workload identities, credential providers, grants, authorization sessions, principals
// and the use-cases over them. It is the only place that authorises, audits, and combines policy, vault, store, oauth
// and issuer.
//
// It protects each user's consent and each operator's secrets from other users, other workloads, other accounts, from
// callers without permission, and from a reader or writer of the database. What it trusts: the authenticated caller
// handed to it (package authn), the root key, its clock. What it never does: act without a policy decision and an audit
// record; hand a credential to a workload or user other than the one it was granted to; fall back to a default account,
// workload or user; keep a plaintext longer than the frame that needs it (the one exception: the keys that sign our own
// JWTs stay opened in memory, see minting); call a provider inside a transaction.
//
// Every use-case runs through do (service.go), so that none can forget to authorise or to audit.
package identity
