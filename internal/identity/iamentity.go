package identity

import (
	"context"
	"errors"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// entity is an IAM noun: a user, a role, a managed policy or an OpenID Connect provider.
type entity interface {
	ARN() string
	labels() map[string]string // its tags
	row() (*Record, any)       // where it is stored, and what is to be stored there
}

// target is the entity that a request is about. It is read before policy is asked, so that policy decides on its own
// ARN, path and tags.
type target[T entity] struct {
	// absent is the ARN asked about when there is no such entity: who may not ask learns from the refusal nothing of
	// what there is.
	absent string
	find   func(ctx context.Context) (T, error) // NotFound
}

// iamRequest is what an IAM operation brings to the choke point.
type iamRequest struct {
	caller     *policy.Caller
	operation  string
	read       bool
	conditions func(*call) // sets what condition keys ask of the request; nil for none
	// becomes is the ARN that the target has afterwards, if that is another: it must be allowed as well, for policies and
	// trust are written for ARNs (A41).
	becomes string
}

// resources are the target's ARN and what becomes of it.
func (q *iamRequest) resources(arn string) []string {
	if q.becomes == "" || q.becomes == arn {
		return []string{arn}
	}
	return []string{arn, q.becomes}
}

// onEntity authorises an IAM operation on the target, and runs f on it.
func onEntity[T entity, R any](ctx context.Context, s *Service, q iamRequest, t target[T], f func(context.Context, T) (R, error)) (R, error) {
	var found T
	var missing error
	r := request{caller: q.caller, action: "iam:" + q.operation, durable: !q.read, resources: func(ctx context.Context, c *call) ([]string, error) {
		if q.conditions != nil {
			q.conditions(c)
		}
		if found, missing = t.find(ctx); missing != nil {
			if codeOf(missing) != NotFound {
				return []string{t.absent}, missing
			}
			return q.resources(t.absent), nil
		}
		arns := q.resources(found.ARN())
		for _, arn := range arns {
			c.tagged(arn, found.labels())
		}
		return arns, nil
	}}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (R, error) {
		if missing != nil {
			var none R
			return none, missing
		}
		return f(ctx, found)
	})
}

// getEntity answers an operation that reads the target and no more.
func getEntity[T entity](ctx context.Context, s *Service, caller *policy.Caller, operation string, t target[T]) (T, error) {
	return onEntity(ctx, s, iamRequest{caller: caller, operation: operation, read: true}, t, func(_ context.Context, e T) (T, error) { return e, nil })
}

// errUnchanged tells edit that there is nothing to store.
var errUnchanged = errors.New("nothing to change")

// maxEdits is how often an edit is tried: tools attach a dozen policies to one role at the same moment.
const maxEdits = 20

// editEntity authorises an operation that changes the target, and stores it. Where somebody else was faster the change
// is made anew on what they stored, as long as it is still the entity that policy decided on (A59).
func editEntity[T entity](ctx context.Context, s *Service, q iamRequest, t target[T], change func(context.Context, T) error) (T, error) {
	return onEntity(ctx, s, q, t, func(ctx context.Context, e T) (T, error) { return edited(ctx, s, e, t, change) })
}

// edited stores the change of an entity.
func edited[T entity](ctx context.Context, s *Service, e T, t target[T], change func(context.Context, T) error) (T, error) {
	row, _ := e.row()
	id := row.ID
	for range maxEdits {
		err := change(ctx, e)
		if errors.Is(err, errUnchanged) {
			return e, nil
		}
		if err != nil {
			return e, err
		}
		row, data := e.row()
		if err = s.replace(ctx, row, data, vault.Secret{}); !errors.Is(err, ErrVersion) {
			return e, internal(err, "storing "+row.Kind+" "+row.Name)
		}
		if e, err = t.find(ctx); err != nil {
			return e, err
		}
		if row, _ = e.row(); row.ID != id {
			return e, refuse(NotFound, "%s %s was deleted at the same moment, and made again; try again if you mean the new one", row.Kind, row.Name)
		}
	}
	return e, refuse(Unavailable, "%s was changed by others at the same moment, again and again; try again", e.ARN())
}

// createEntity authorises making an entity with the tags, and stores it.
func createEntity[T entity](ctx context.Context, s *Service, caller *policy.Caller, operation, tagging string, e T, check func(context.Context) error) (T, error) {
	r := request{caller: caller, action: "iam:" + operation, durable: true, resources: onTagged([]string{e.ARN()}, e.labels())}
	if len(e.labels()) > 0 {
		r.also = []string{"iam:" + tagging}
	}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (T, error) {
		if err := check(ctx); err != nil {
			return e, err
		}
		row, data := e.row()
		err := s.insert(ctx, row, data, vault.Secret{})
		if errors.Is(err, ErrExists) {
			return e, refuse(Conflict, "a %s named %s exists already", strings.ReplaceAll(row.Kind, "-", " "), row.Name)
		}
		return e, internal(err, "storing "+row.Kind+" "+row.Name)
	})
}

// deleteEntity authorises removing the target, and removes it with what it owns, if free allows it.
func deleteEntity[T entity](ctx context.Context, s *Service, caller *policy.Caller, operation string, t target[T], free func(context.Context, T) error) error {
	_, err := onEntity(ctx, s, iamRequest{caller: caller, operation: operation}, t, func(ctx context.Context, e T) (struct{}, error) {
		if err := free(ctx, e); err != nil {
			return struct{}{}, err
		}
		row, _ := e.row()
		return struct{}{}, s.remove(ctx, row)
	})
	return err
}

// onList authorises a list of entities whose path begins with the prefix: only who may see them all sees any.
func onList[R any](ctx context.Context, s *Service, caller *policy.Caller, operation, kind, pathPrefix string, f func(context.Context) (R, error)) (R, error) {
	if pathPrefix == "" {
		pathPrefix = "/"
	}
	r := request{caller: caller, action: "iam:" + operation, resources: on([]string{iamARN(caller.Account, kind+pathPrefix+"*")})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (R, error) { return f(ctx) })
}

const (
	// scanChunk is how many records one query reads of a list that is filtered.
	scanChunk = 500
	// maxScan is how many are looked at for one page: a short page with a next token is what clients of IAM expect of a
	// filter.
	maxScan = 10 * scanChunk
)

// listUnder is listRecords of those whose path begins with the prefix.
func listUnder[T any](ctx context.Context, s *Service, account, kind, prefix string, p Page, dec decoder[T], path func(T) string) (List[T], error) {
	if prefix == "" || prefix == "/" {
		return listRecords(ctx, s, account, kind, p, dec)
	}
	after, err := pageStart(kind, p.Token)
	if err != nil {
		return List[T]{}, err
	}
	out := List[T]{Items: []T{}}
	for range maxScan / scanChunk {
		rows, err := s.Store.ListRecords(ctx, account, kind, "", after, scanChunk)
		if err != nil {
			return List[T]{}, internal(err, "listing "+kind)
		}
		for _, r := range rows {
			e, err := decode(ctx, s, r, dec)
			if err != nil {
				return List[T]{}, err
			}
			if strings.HasPrefix(path(e), prefix) {
				if len(out.Items) == p.Max {
					out.Next = pageToken(kind, after)
					return out, nil
				}
				out.Items = append(out.Items, e)
			}
			after = r.Name
		}
		if len(rows) < scanChunk {
			return out, nil
		}
	}
	out.Next = pageToken(kind, after)
	return out, nil
}

// everyRecord calls f with every record of the kind in the account that has no owner.
func everyRecord[T any](ctx context.Context, s *Service, account, kind string, dec decoder[T], f func(T) error) error {
	return everyOwned(ctx, s, account, kind, "", dec, f)
}

// everyOwned calls f with every record of the kind that the owner has, in order of name.
func everyOwned[T any](ctx context.Context, s *Service, account, kind, owner string, dec decoder[T], f func(T) error) error {
	for after := ""; ; {
		rows, err := s.Store.ListRecords(ctx, account, kind, owner, after, scanChunk)
		if err != nil {
			return internal(err, "listing "+kind)
		}
		for _, r := range rows {
			e, err := decode(ctx, s, r, dec)
			if err != nil {
				return err
			}
			if err := f(e); err != nil {
				return err
			}
			after = r.Name
		}
		if len(rows) < scanChunk {
			return nil
		}
	}
}

// pageOf cuts a page out of a short list whose items have keys in ascending order.
func pageOf[T any](kind string, all []T, p Page, key func(T) string) (List[T], error) {
	after, err := pageStart(kind, p.Token)
	if err != nil {
		return List[T]{}, err
	}
	out := List[T]{Items: []T{}}
	for _, t := range all {
		if p.Token != "" && key(t) <= after {
			continue
		}
		if len(out.Items) == p.Max {
			out.Next = pageToken(kind, key(out.Items[p.Max-1]))
			break
		}
		out.Items = append(out.Items, t)
	}
	return out, nil
}

func iamARN(account, rest string) string { return "arn:aws:iam::" + account + ":" + rest }

// iamName tells whether IAM takes s for a name of at most so many characters.
func iamName(s string, most int) bool {
	return len(s) > 0 && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_+=,.@-", r)
	})
}

func checkName(field, what, name string, most int) error {
	if iamName(name, most) {
		return nil
	}
	return invalid(field, "a %s's name has 1 to %d letters, digits and _+=,.@-; %q has not", what, most, clip(name))
}

const (
	maxPath        = 512
	maxDescription = 1000
)

// checkPath accepts / and /a/b/. Stars and question marks are refused beyond what IAM does: in a policy that is written
// for the path they would be wildcards.
func checkPath(path string) error {
	bad := func(r rune) bool { return r < '!' || r > '~' || r == '*' || r == '?' }
	if path == "/" || len(path) <= maxPath && len(path) > 2 && path[0] == '/' && path[len(path)-1] == '/' && !strings.Contains(path, "//") && !strings.ContainsFunc(path, bad) {
		return nil
	}
	return invalid("Path", "a path begins and ends with /, such as /agents/, and has at most %d printable characters without * and ?; %q has not", maxPath, clip(path))
}

func checkDescription(text string) error {
	if len([]rune(text)) <= maxDescription {
		return nil
	}
	return invalid("Description", "a description has at most %d characters", maxDescription)
}

// malformed is the refusal of a policy document; its message has the place.
func malformed(what string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: MalformedPolicy, Field: "PolicyDocument", Message: what + " is refused: " + err.Error()}
}

// checkSize bounds a document as IAM counts it, white space aside.
func checkSize(what, document string, most int) error {
	n := 0
	for _, r := range document {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	if n <= most {
		return nil
	}
	return refuse(LimitExceeded, "%s has %d characters besides white space, more than the %d that it may have; name fewer resources one by one, or split it", what, n, most)
}
