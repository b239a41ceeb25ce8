package identity

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// maxTrust is how long a trust policy may be, white space aside.
const maxTrust = 4096

// checkTrust refuses a trust policy that cannot be right: one that does not parse, one that names a user or role of this
// account that does not exist, and one that trusts everybody at a shared issuer (A61). It returns the ids of the users
// and roles that are named.
func (s *Service) checkTrust(ctx context.Context, account, role, trust string) (map[string]string, error) {
	what := "the trust policy of role " + role
	if err := checkSize(what, trust, maxTrust); err != nil {
		return nil, err
	}
	if _, err := policy.ParseTrust(role, []byte(trust)); err != nil {
		return nil, malformed(what, err)
	}
	doc, err := readTrust(trust)
	if err != nil {
		return nil, malformed(what, err)
	}
	if err := doc.checkShared(); err != nil {
		return nil, malformed(what, err)
	}
	ids := map[string]string{}
	for _, arn := range doc.principals("AWS") {
		id, err := s.principalID(ctx, account, arn)
		if err != nil {
			return nil, err
		}
		if id != "" {
			ids[arn] = id
		}
	}
	return ids, nil
}

// nobodyYet is the id of a principal of another account that was not there when a trust policy was written.
const nobodyYet = "-"

// principalID is the id of the user or role that a trust policy names, or whose session it names; "" for an account. Of
// other accounts nobody learns whether a name is taken: one that is not is pinned to nobody.
func (s *Service) principalID(ctx context.Context, account, arn string) (string, error) {
	owner, kind, name, ok := userOrRole(arn)
	if !ok {
		return "", nil
	}
	storeKind := KindRole
	if kind == "user" {
		storeKind = KindUser
	}
	r, err := s.Store.Record(ctx, owner, storeKind, "", name)
	found := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", internal(err, "reading "+kind+" "+name)
	}
	if found {
		found, err = s.isPrincipal(ctx, r, arn)
		if err != nil {
			return "", err
		}
	}
	switch {
	case found:
		return r.ID, nil
	case owner == account:
		return "", &Error{Code: MalformedPolicy, Field: "PolicyDocument", Message: "Invalid principal in policy: there is no " + kind + " " + clip(arn) + ". Create it first, or check its path"}
	}
	return nobodyYet, nil
}

// isPrincipal tells whether the record is the one that the ARN means: the path counts.
func (s *Service) isPrincipal(ctx context.Context, r Record, arn string) (bool, error) {
	if r.Kind == KindUser {
		u, err := decode(ctx, s, r, decodePrincipal)
		return err == nil && u.ARN() == arn, err
	}
	role, err := decode(ctx, s, r, decodeRole)
	return err == nil && (role.ARN() == arn || strings.HasPrefix(arn, "arn:aws:sts::"+role.Account+":assumed-role/"+role.Name+"/")), err
}

// userOrRole takes apart the ARN of a user or role, or of a role's session.
func userOrRole(arn string) (account, kind, name string, ok bool) {
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || part[0] != "arn" {
		return "", "", "", false
	}
	kind, path, ok := strings.Cut(part[5], "/")
	switch {
	case !ok:
		return "", "", "", false
	case part[2] == "sts" && kind == "assumed-role":
		name, _, _ = strings.Cut(path, "/")
		return part[4], "role", name, true
	case part[2] == "iam" && (kind == "user" || kind == "role"):
		return part[4], kind, path[strings.LastIndexByte(path, '/')+1:], true
	}
	return "", "", "", false
}

// checkPinned refuses a caller that the role's trust policy names by its ARN but does not mean: one that was deleted and
// made again under its old name is another (A59). A caller that is not named by its ARN passes: what lets it in names an
// account, or everybody.
func (r *Role) checkPinned(c *policy.Caller) error {
	id, arns := c.UserID, []string{c.ARN}
	if c.Session != nil && c.Session.RoleARN != "" {
		id, arns = c.Session.RoleID, []string{c.ARN, c.Session.RoleARN}
	}
	for _, arn := range arns {
		if pinned, ok := r.Principals[arn]; ok && pinned != id {
			return refuse(Denied, "role %s trusts an earlier %s, which was deleted. If it should trust this one, write its trust policy again (UpdateAssumeRolePolicy)", r.Name, arn)
		}
	}
	return nil
}

// trustDocument is what checks of trust policies read besides package policy. It is decoded from a document that
// ParseTrust accepted, which has no element twice and none that is unknown.
type trustDocument struct {
	Statement oneOrMore[trustStatement]
}

type trustStatement struct {
	Effect    string
	Principal trustPrincipal
	Condition map[string]map[string]oneOrMore[any]
}

// trustPrincipal are the names by their kind; "*" is everybody's AWS principal.
type trustPrincipal map[string]oneOrMore[string]

func (p *trustPrincipal) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*p = trustPrincipal{"AWS": {"*"}}
		return nil
	}
	return json.Unmarshal(b, (*map[string]oneOrMore[string])(p))
}

// oneOrMore is a value, or a list of them.
type oneOrMore[T any] []T

func (l *oneOrMore[T]) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]T)(l))
	}
	*l = make(oneOrMore[T], 1)
	return json.Unmarshal(b, &(*l)[0])
}

func readTrust(trust string) (*trustDocument, error) {
	var d trustDocument
	if err := json.Unmarshal([]byte(trust), &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// principals are all that the document names of one kind.
func (d *trustDocument) principals(kind string) []string {
	var all []string
	for _, st := range d.Statement {
		all = append(all, st.Principal[kind]...)
	}
	return all
}
