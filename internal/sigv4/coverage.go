package sigv4

import (
	"net/http"
	"slices"
	"strings"
)

// checkCoverage demands a signature over everything that decides what the
// request means. A header outside the signature may be added or replaced by
// anyone on the way.
func (q *Request) checkCoverage(r *http.Request) error {
	if h := host(r); h == "" || len(h) > maxHost {
		return incomplete("the request has no usable Host header")
	}
	if err := q.require("host"); err != nil {
		return err
	}
	if !q.Presigned {
		if err := q.coversHeaderForm(r); err != nil {
			return err
		}
	}
	if q.HeaderSigned("authorization") {
		return incomplete("SignedHeaders names authorization, which cannot sign itself")
	}
	for key := range r.Header {
		if err := q.checkHeader(key); err != nil {
			return err
		}
	}
	return nil
}

// checkHeader demands that every x-amz- header is signed. A server's header
// keys are always in canonical spelling; a second spelling beside it, which
// only code in between can add, would be read by one reader and not the next.
func (q *Request) checkHeader(key string) error {
	amz := hasPrefixFold(key, "X-Amz-")
	if !amz && !strings.EqualFold(key, headerAuthorization) && !strings.EqualFold(key, headerContentType) {
		return nil
	}
	if http.CanonicalHeaderKey(key) != key {
		return incomplete("the header %s is not in canonical spelling, so it could pass for another one", quote(key))
	}
	if amz && !q.signedFold(key) {
		return q.require(strings.ToLower(key))
	}
	return nil
}

// coversHeaderForm has the demands of the Authorization header. The presigned
// form carries the date in the query and may leave content-type to whoever
// uses the URL: its body is fixed anyway.
func (q *Request) coversHeaderForm(r *http.Request) error {
	if err := q.require("x-amz-date"); err != nil {
		return err
	}
	if len(r.Header[headerContentType]) > 0 {
		return q.require("content-type")
	}
	return nil
}

func (q *Request) require(name string) error {
	if q.HeaderSigned(name) {
		return nil
	}
	return incomplete("the header %s must be signed: add it to SignedHeaders", quote(name))
}

// signedFold is HeaderSigned for a name in any case, without a copy of it in
// lower case: it is asked of every header.
func (q *Request) signedFold(key string) bool {
	return slices.ContainsFunc(q.signedHeaders, func(name string) bool {
		return len(name) == len(key) && strings.EqualFold(name, key)
	})
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
