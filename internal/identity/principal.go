package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Principal is an IAM user with access keys and inline policies. The root of an account is no record: its
// access keys say so themselves.
type Principal struct {
	Account, ID, Name string
	Path              string // "/" or "/a/b/"
	Tags              map[string]string
	Attached          []string // ids of managed policies, ARNs of supplied ones
	CreatedAt         time.Time

	record Record
}

// AccessKey is a key pair of a principal; the secret is sealed.
type AccessKey struct {
	Account, ID string
	UserID      string // "" for root
	Active      bool
	CreatedAt   time.Time

	record Record
}

type principalData struct {
	identified
	Path     string            `json:"path,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Attached []string          `json:"attached,omitempty"`
}

// ARN is the user's.
func (u *Principal) ARN() string { return "arn:aws:iam::" + u.Account + ":user" + u.Path + u.Name }

func (u *Principal) data() principalData {
	return principalData{identified{Name: u.Name}, u.Path, u.Tags, u.Attached}
}

type accessKeyData struct {
	identified
	Root   bool `json:"root,omitempty"`
	Active bool `json:"active"`
}

type policyData struct {
	identified
	Document string `json:"document"`
}

func decodePrincipal(r Record) (*Principal, error) {
	var d principalData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding user "+r.Name)
	}
	return &Principal{Account: r.Account, ID: r.ID, Name: r.Name, Path: cmp.Or(d.Path, "/"), Tags: d.Tags, Attached: d.Attached, CreatedAt: r.CreatedAt, record: r}, nil
}

func decodeAccessKey(r Record) (*AccessKey, error) {
	var d accessKeyData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding access key "+r.ID)
	}
	k := &AccessKey{Account: r.Account, ID: r.ID, UserID: r.Parent, Active: d.Active, CreatedAt: r.CreatedAt, record: r}
	if d.Root == (r.Parent != "") { // exactly one of them: a key belongs to root or to a user
		return nil, internal(errors.New("neither root's nor a user's"), "decoding access key "+r.ID)
	}
	return k, nil
}

func decodePolicy(r Record) (*policy.Document, error) {
	var d policyData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding policy "+r.Name)
	}
	return policy.Parse(r.Name, []byte(d.Document))
}

// Principal returns the principal of an access key, and what reads the secret with which its requests are signed. With a
// session token the key is temporary and rests in the token. A key that is unknown, inactive or of a deleted user is
// refused alike (A30, A49). As long as nothing of the account has changed, an access key has the same *policy.Caller.
func (s *Service) Principal(ctx context.Context, accessKeyID, sessionToken string) (*policy.Caller, func() (vault.Secret, error), error) {
	if sessionToken != "" {
		caller, secret, err := s.authenticateSession(ctx, accessKeyID, sessionToken)
		return caller, func() (vault.Secret, error) { return secret, nil }, err
	}
	caller, key, err := s.callerOf(ctx, accessKeyID)
	if err != nil {
		return nil, nil, err
	}
	return caller, func() (vault.Secret, error) {
		secret, err := s.Vault.Open(ctx, recordPlace(&key.record), key.record.Sealed)
		return secret, internal(err, "opening access key "+accessKeyID)
	}, nil
}

// Authenticate is Principal with the secret read.
func (s *Service) Authenticate(ctx context.Context, accessKeyID, sessionToken string) (*policy.Caller, vault.Secret, error) {
	caller, read, err := s.Principal(ctx, accessKeyID, sessionToken)
	if err != nil {
		return nil, vault.Secret{}, err
	}
	secret, err := read()
	return caller, secret, err
}

func unknownKey() error {
	return refuse(Unrecognized, "The security token included in the request is invalid: no active access key of that id is known here. Check AWS_ACCESS_KEY_ID, and that the endpoint is the Lanyard that issued it (lanyard env prints both)")
}

// keyEntry remembers under which account an access key was found.
type keyEntry struct {
	key    *AccessKey
	caller *policy.Caller
}

// keyPrefix begins the keys of an account's cached access keys.
const keyPrefix = "key\x00"

// callerOf finds the caller of an access key. On a miss the key is read again after the account's state: what is cached
// under a version must not be older than it, or a key switched off in between would stay.
func (s *Service) callerOf(ctx context.Context, accessKeyID string) (*policy.Caller, *AccessKey, error) {
	if account, known := s.keyAccount(accessKeyID); known {
		st, err := s.state(ctx, account, false)
		if err != nil {
			return nil, nil, err
		}
		if v, ok := st.get(keyPrefix + accessKeyID); ok {
			e := v.(keyEntry)
			return e.caller, e.key, nil
		}
	}
	r, err := s.keyRecord(ctx, accessKeyID)
	if err != nil {
		return nil, nil, err
	}
	st, err := s.state(ctx, r.Account, true)
	if err != nil {
		return nil, nil, err
	}
	if r, err = s.keyRecord(ctx, accessKeyID); err != nil {
		return nil, nil, err
	}
	key, err := decode(ctx, s, r, decodeAccessKey)
	if err != nil {
		return nil, nil, err
	}
	if !key.Active {
		return nil, nil, unknownKey()
	}
	caller, err := s.principalCaller(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	st.put(keyPrefix+accessKeyID, keyEntry{key, caller})
	return caller, key, nil
}

func (s *Service) keyRecord(ctx context.Context, accessKeyID string) (Record, error) {
	r, err := s.Store.RecordByID(ctx, KindAccessKey, accessKeyID)
	if errors.Is(err, ErrNotFound) {
		return Record{}, unknownKey()
	}
	return r, internal(err, "reading an access key")
}

// keyAccount finds the account of a cached access key: there are few accounts, and each state knows its keys.
func (s *Service) keyAccount(accessKeyID string) (account string, ok bool) {
	s.states.Range(func(k, v any) bool {
		if _, hit := v.(*accountState).get(keyPrefix + accessKeyID); hit {
			account, ok = k.(string), true
		}
		return !ok
	})
	return account, ok
}

func (s *Service) principalCaller(ctx context.Context, key *AccessKey) (*policy.Caller, error) {
	if key.UserID == "" {
		return &policy.Caller{Account: key.Account, ARN: rootARN(key.Account), UserID: key.Account, Name: "root", Kind: policy.KindRoot, AccessKeyID: key.ID}, nil
	}
	return s.userCaller(ctx, key.Account, key.UserID, key.ID)
}

func (s *Service) userCaller(ctx context.Context, account, userID, accessKeyID string) (*policy.Caller, error) {
	r, err := s.Store.RecordByID(ctx, KindUser, userID)
	if errors.Is(err, ErrNotFound) || err == nil && r.Account != account {
		return nil, unknownKey()
	}
	if err != nil {
		return nil, internal(err, "reading a user")
	}
	u, err := decode(ctx, s, r, decodePrincipal)
	if err != nil {
		return nil, err
	}
	docs, err := s.documents(ctx, account, userID, u.Attached)
	if err != nil {
		return nil, err
	}
	return &policy.Caller{Account: account, ARN: u.ARN(), UserID: u.ID, Name: u.Name, Kind: policy.KindUser, AccessKeyID: accessKeyID, Policies: docs, Tags: u.Tags}, nil
}

const (
	maxPolicies = 50 // inline policies of one principal
	maxAttached = 20 // managed policies attached to one
)

// documents are the policies that speak for a principal: its own, and the default versions of those attached. One that
// cannot be read fails them all, for it might hold a Deny.
func (s *Service) documents(ctx context.Context, account, owner string, attached []string) ([]*policy.Document, error) {
	docs, err := s.inlineDocuments(ctx, account, owner)
	if err != nil {
		return nil, err
	}
	for _, id := range attached {
		d, err := s.attachedDocument(ctx, account, id)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// inlineDocuments are all of them, whatever the limit was when they were written: one that is not read might hold a Deny.
func (s *Service) inlineDocuments(ctx context.Context, account, owner string) ([]*policy.Document, error) {
	var docs []*policy.Document
	err := everyOwned(ctx, s, account, KindPolicy, owner, decodePolicy, func(d *policy.Document) error {
		docs = append(docs, d)
		return nil
	})
	return docs, err
}

// freshCaller reads the caller's policies anew.
func (s *Service) freshCaller(ctx context.Context, c *policy.Caller) (*policy.Caller, error) {
	switch c.Kind {
	case policy.KindUser:
		fresh, err := s.userCaller(ctx, c.Account, c.UserID, c.AccessKeyID)
		if err != nil {
			return nil, err
		}
		fresh.SourceIP, fresh.SecureTransport, fresh.Session = c.SourceIP, c.SecureTransport, c.Session
		return fresh, nil
	case policy.KindRoleSession:
		return s.freshSession(ctx, c)
	default:
		return c, nil
	}
}

// CallerIdentity says who is calling. Nobody needs a permission for it, as at AWS.
func (s *Service) CallerIdentity(ctx context.Context, caller *policy.Caller) error {
	r := request{caller: caller, action: "sts:GetCallerIdentity", resources: on([]string{"*"}), decide: known}
	_, err := do(ctx, s, r, func(context.Context, *call) (struct{}, error) { return struct{}{}, nil })
	return err
}

// known allows whoever has signed.
func known(*policy.Caller, *policy.Request) policy.Decision {
	return policy.Decision{Allowed: true, Policy: "any caller"}
}
