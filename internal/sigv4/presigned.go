package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The parameters of the presigned form.
const (
	paramAlgorithm = iota
	paramCredential
	paramDate
	paramExpires
	paramSignedHeaders
	paramSignature
	paramToken
	paramPayload
	numAuthParams
)

// authParamName names the parameter with a given index.
func authParamName(i int) string {
	return [numAuthParams]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
		"X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256"}[i]
}

// authParams are the presigned form's parameters, decoded.
type authParams struct {
	value [numAuthParams]string
	found [numAuthParams]bool
	first string // the first one found, for messages
}

func (a *authParams) present() bool { return a.first != "" }

// noAuthParams are those of a query that has none, which is nearly every one.
// It is never written to.
var noAuthParams authParams

// findAuthParams picks the presigned form's parameters out of the query. One
// that is repeated, or in another letter case, could be read differently by
// the next reader and is refused.
func findAuthParams(params []param) (*authParams, error) {
	a := &noAuthParams
	for _, p := range params {
		if !hasPrefixFold(p.key, "X-Amz-") {
			continue
		}
		if a == &noAuthParams {
			a = &authParams{}
		}
		for i := range numAuthParams {
			if !strings.EqualFold(p.key, authParamName(i)) {
				continue
			}
			if err := a.set(i, p); err != nil {
				return nil, err
			}
		}
	}
	return a, nil
}

func (a *authParams) set(i int, p param) (err error) {
	name := authParamName(i)
	if p.key != name && i != paramPayload { // some clients lower-case the hoisted payload hash
		return incomplete("the query parameter %s must be spelled %s", quote(p.key), name)
	}
	if a.found[i] {
		return incomplete("the query parameter %s is present twice", name)
	}
	if a.first == "" {
		a.first = name
	}
	a.found[i] = true
	a.value[i], err = url.PathUnescape(p.value)
	return err
}

// parseQueryForm reads the presigned form and returns the parameters that the
// signature covers: all but the signature itself.
func (q *Request) parseQueryForm(r *http.Request, params []param, a *authParams) ([]param, error) {
	q.Presigned = true
	for _, i := range []int{paramAlgorithm, paramCredential, paramDate, paramSignedHeaders, paramSignature} {
		if a.value[i] == "" {
			return nil, incomplete("the presigned URL lacks %s", authParamName(i))
		}
	}
	if a.value[paramAlgorithm] != algorithm {
		return nil, incomplete("the signing algorithm %s is not supported: sign with %s", quote(a.value[paramAlgorithm]), algorithm)
	}
	if err := refuseHeaders(r, headerDate, headerToken); err != nil {
		return nil, err
	}
	if err := q.setCommon(a.value[paramCredential], a.value[paramSignedHeaders], a.value[paramSignature]); err != nil {
		return nil, err
	}
	if err := q.setPresigned(r, a); err != nil {
		return nil, err
	}
	covered := params[:0]
	for _, p := range params {
		if p.key != authParamName(paramSignature) {
			covered = append(covered, p)
		}
	}
	return covered, nil
}

// setPresigned fills in what the presigned form carries in the query and the
// header form in headers.
func (q *Request) setPresigned(r *http.Request, a *authParams) (err error) {
	if err := q.setDate(a.value[paramDate]); err != nil {
		return err
	}
	if q.Expires, err = parseExpires(a); err != nil {
		return err
	}
	q.SessionToken = a.value[paramToken]
	if err := q.checkToken(a.found[paramToken]); err != nil {
		return err
	}
	q.payload = a.value[paramPayload]
	declared, err := oneHeader(r, headerPayloadHash)
	if err != nil {
		return err
	}
	if declared != "" && a.found[paramPayload] {
		return incomplete("%s is present both as header and in the query: send one of them", headerPayloadHash)
	}
	if declared != "" {
		q.payload = declared
	}
	return nil
}

// refuseHeaders refuses the header form's fields beside a presigned URL, where
// they would be a second date or a second token.
func refuseHeaders(r *http.Request, names ...string) error {
	for _, name := range names {
		if len(r.Header[name]) > 0 {
			return incomplete("the presigned request also has the header %s: remove the header, the URL has it", name)
		}
	}
	return nil
}

// parseExpires reads X-Amz-Expires. Some SDKs leave it out; then the URL gets
// no longer window than the header form has.
func parseExpires(a *authParams) (time.Duration, error) {
	if !a.found[paramExpires] {
		return maxSkew, nil
	}
	v := a.value[paramExpires]
	n, err := strconv.ParseUint(v, 10, 32)
	d := time.Duration(n) * time.Second
	if err != nil || n == 0 || v[0] == '0' || v[0] == '+' || d > maxExpires {
		return 0, incomplete("X-Amz-Expires is %s and must be 1 to %d seconds", quote(v), int(maxExpires.Seconds()))
	}
	return d, nil
}
