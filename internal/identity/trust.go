package identity

import (
	"context"
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
	doc, err := policy.ParseTrust(role, []byte(trust))
	if err != nil {
		return nil, malformed(what, err)
	}
	if err := checkShared(doc); err != nil {
		return nil, malformed(what, err)
	}
	ids := map[string]string{}
	for _, arn := range doc.Principals() {
		if ids[arn], err = s.principalID(ctx, account, arn); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// nobodyYet is the id of a principal of another account that was not there when a trust policy was written.
const nobodyYet = "-"

// principalID is the id of the user or role that a trust policy names, or whose session it names. Of other accounts
// nobody learns whether a name is taken: one that is not is pinned to nobody.
func (s *Service) principalID(ctx context.Context, account, arn string) (string, error) {
	owner, kind, name, ok := userOrRole(arn)
	if !ok {
		return "", internal(errors.New("it names neither a user nor a role"), "reading the principal "+clip(arn))
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
