package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// workloadToken is what a workload access token (WAT) says: this workload, acting for this user or none. It travels
// sealed under a key of the account, so nobody can read or alter it; epochs of account, workload and user revoke it.
type workloadToken struct {
	workloadID string
	user       User
	mintedAt   time.Time
	expiresAt  time.Time
	jwt        string // the inbound JWT, when it fits into the token
	jwtID      string // else the row where it rests sealed
}

const (
	kindWorkloadToken = "workload-access-token"
	watFormat         = 1
	// maxTokenSize keeps a WAT fit for headers: 3 KiB as text, of which the seal takes about 60.
	maxTokenSize = 3 * 1024
	maxPayload   = maxTokenSize*3/4 - 64
)

// encode writes the token's payload: a format byte, two times, and length-prefixed strings.
func (t *workloadToken) encode() []byte {
	b := make([]byte, 0, 64+len(t.workloadID)+len(t.user.Issuer)+len(t.user.Subject)+len(t.jwt)+len(t.jwtID))
	b = append(b, watFormat)
	b = binary.BigEndian.AppendUint64(b, uint64(t.mintedAt.UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, uint64(t.expiresAt.UnixMilli()))
	return appendTexts(b, t.workloadID, t.user.Issuer, t.user.Subject, t.jwt, t.jwtID)
}

func decodeWorkloadToken(b []byte) (*workloadToken, error) {
	if len(b) < 17 || b[0] != watFormat {
		return nil, errors.New("not a token of this format")
	}
	t := &workloadToken{
		mintedAt:  time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:9]))),
		expiresAt: time.UnixMilli(int64(binary.BigEndian.Uint64(b[9:17]))),
	}
	err := readTexts(b[17:], &t.workloadID, &t.user.Issuer, &t.user.Subject, &t.jwt, &t.jwtID)
	return t, err
}

// appendTexts appends strings with their lengths in front, so that no two lists of strings encode alike.
func appendTexts(b []byte, texts ...string) []byte {
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// readTexts reads exactly the strings that appendTexts wrote; anything left over is an error.
func readTexts(b []byte, into ...*string) error {
	for _, p := range into {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return errors.New("truncated")
		}
		*p = string(b[used : used+int(n)])
		b = b[used+int(n):]
	}
	if len(b) != 0 {
		return errors.New("trailing bytes")
	}
	return nil
}

// WorkloadToken mints a token of the workload alone.
func (s *Service) WorkloadToken(ctx context.Context, caller *policy.Caller, name string) (vault.Secret, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetWorkloadAccessToken", workload: name, resources: s.onWorkload(name)}
	return do(ctx, s, r, func(ctx context.Context, c *call) (vault.Secret, error) {
		return s.mint(ctx, c, name, User{}, "", time.Time{})
	})
}

// WorkloadTokenForUserID mints a token of the workload acting for a user id that the caller vouches for.
func (s *Service) WorkloadTokenForUserID(ctx context.Context, caller *policy.Caller, name, userID string) (vault.Secret, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetWorkloadAccessTokenForUserId", workload: name,
		resources: func(ctx context.Context, c *call) ([]string, error) {
			c.condition("bedrock-agentcore:userid", userID)
			return s.onWorkload(name)(ctx, c)
		}}
	return do(ctx, s, r, func(ctx context.Context, c *call) (vault.Secret, error) {
		if err := checkUserID(userID); err != nil {
			return vault.Secret{}, err
		}
		u := User{Subject: userID}
		c.rec.User = u.Key()
		if err := s.vouchable(c.workload, userID); err != nil {
			return vault.Secret{}, err
		}
		return s.mint(ctx, c, name, u, "", time.Time{})
	})
}

// WorkloadTokenForJWT mints a token of the workload acting for the user that the inbound JWT proves. It is verified
// before policy decides, for its claims are among the conditions; who could not be allowed whatever the JWT says learns
// nothing of it, and makes nobody fetch keys.
func (s *Service) WorkloadTokenForJWT(ctx context.Context, caller *policy.Caller, name string, userToken vault.Secret) (vault.Secret, error) {
	var claims *issuer.Claims
	r := request{caller: caller, action: "bedrock-agentcore:GetWorkloadAccessTokenForJWT", workload: name,
		resources: func(ctx context.Context, c *call) ([]string, error) {
			arns, err := s.onWorkload(name)(ctx, c)
			if err != nil || c.workload == nil || !s.couldAllow(ctx, c, "bedrock-agentcore:GetWorkloadAccessTokenForJWT", arns) {
				return arns, err
			}
			if claims, err = s.verifyInbound(ctx, c.workload, userToken); err == nil {
				c.inboundClaims(claims)
			}
			return arns, err
		}}
	return do(ctx, s, r, func(ctx context.Context, c *call) (vault.Secret, error) {
		if c.workload == nil {
			_, err := s.workload(ctx, caller.Account, name, true)
			return vault.Secret{}, cmp.Or(err, error(refuse(Conflict, "workload identity %s was made at this very moment; try again", name)))
		}
		if claims == nil { // what was denied at first has just been allowed
			return vault.Secret{}, refuse(Conflict, "the caller's policies were changed at this very moment; try again")
		}
		u := User{Issuer: claims.Issuer, Subject: claims.Subject}
		c.rec.User = u.Key()
		return s.mint(ctx, c, name, u, userToken.RevealString(), claims.ExpiresAt)
	})
}

// inboundClaims sets the condition keys of a verified JWT (contract 5.2). client_id is there only if the token has it.
func (c *call) inboundClaims(cl *issuer.Claims) {
	const prefix = "bedrock-agentcore:InboundJwtClaim/"
	c.condition(prefix+"iss", cl.Issuer)
	c.condition(prefix+"sub", cl.Subject)
	if len(cl.Audience) > 0 {
		c.condition(prefix+"aud", cl.Audience...)
	}
	if cl.Scope != "" {
		c.condition(prefix+"scope", strings.Fields(cl.Scope)...)
	}
	if id, ok := cl.Raw["client_id"].(string); ok {
		c.condition(prefix+"client_id", id)
	}
}

// mint seals a token; notAfter (zero for none) is the end of the inbound JWT, which the token never outlives.
func (s *Service) mint(ctx context.Context, c *call, name string, u User, jwt string, notAfter time.Time) (vault.Secret, error) {
	account, w := c.caller.Account, c.workload
	if w == nil {
		var err error
		if w, err = s.workload(ctx, account, name, false); err != nil {
			return vault.Secret{}, err
		}
	}
	if w.RuntimeID != "" {
		return vault.Secret{}, linked(w)
	}
	return s.mintToken(ctx, w, u, jwt, notAfter)
}

// mintToken seals a token of a workload for whoever was found to have a right to it.
func (s *Service) mintToken(ctx context.Context, w *Workload, u User, jwt string, notAfter time.Time) (vault.Secret, error) {
	account := w.Account
	st, err := s.state(ctx, account, false)
	if err != nil {
		return vault.Secret{}, err
	}
	if err := s.checkBlocked(ctx, account, st, u.Key()); err != nil {
		return vault.Secret{}, err
	}
	now := s.Now()
	ttl := cmp.Or(w.TokenTTL, s.cfg.TokenTTL)
	t := workloadToken{workloadID: w.ID, user: u, mintedAt: now, expiresAt: now.Add(ttl), jwt: jwt}
	if !notAfter.IsZero() && t.expiresAt.After(notAfter) {
		t.expiresAt = notAfter
	}
	payload := t.encode()
	if len(payload) > maxPayload && jwt != "" {
		if t.jwtID, err = s.keepInbound(ctx, account, jwt, notAfter); err != nil {
			return vault.Secret{}, err
		}
		t.jwt = ""
		payload = t.encode()
	}
	token, err := s.Vault.SealToken(ctx, account, kindWorkloadToken, payload)
	if err != nil {
		return vault.Secret{}, internal(err, "sealing a workload access token")
	}
	return vault.SecretString(token), nil
}

// keepInbound stores a JWT too large for a token, sealed, until it expires.
func (s *Service) keepInbound(ctx context.Context, account, jwt string, expiresAt time.Time) (string, error) {
	h := sha256.Sum256([]byte(jwt))
	id := hex.EncodeToString(h[:])
	place := vault.Place{Account: account, Table: "inbound_tokens", Row: id, Field: "jwt"}
	sealed, err := s.Vault.Seal(ctx, place, vault.SecretString(jwt))
	if err == nil {
		err = s.Store.PutInboundToken(ctx, account, id, sealed, expiresAt)
	}
	return id, internal(err, "keeping an inbound JWT")
}

// openToken opens a workload access token and checks that it still holds: its time, the workload, and the epochs of
// account, workload and user (A16, A55). The token proves nothing about who brings it: the caller is authorised beside it.
func (s *Service) openToken(ctx context.Context, account, token string) (*workloadToken, *Workload, error) {
	payload, err := s.Vault.OpenToken(ctx, account, kindWorkloadToken, token)
	if errors.Is(err, vault.ErrKeySource) {
		return nil, nil, internal(err, "the root key source")
	}
	if err != nil {
		return nil, nil, badToken("is not one that this account issued: it was altered, cut off, or comes from another account or Lanyard")
	}
	t, err := decodeWorkloadToken(payload)
	if err != nil {
		return nil, nil, badToken("has a format that this release does not read")
	}
	if now := s.Now(); !now.Before(t.expiresAt) {
		return nil, nil, badToken("expired at " + t.expiresAt.UTC().Format(time.RFC3339))
	}
	w, err := s.holds(ctx, account, t, false)
	if code := codeOf(err); code == Unauthorized || code == Denied { // a refusal never rests on a cached state
		w, err = s.holds(ctx, account, t, true)
	}
	return t, w, err
}

func badToken(why string) error {
	return refuse(Unauthorized, "the workload access token %s. Get a new one with GetWorkloadAccessToken, GetWorkloadAccessTokenForJWT or GetWorkloadAccessTokenForUserId", why)
}

// holds checks the token's workload and epochs.
func (s *Service) holds(ctx context.Context, account string, t *workloadToken, fresh bool) (*Workload, error) {
	st, err := s.state(ctx, account, fresh)
	if err != nil {
		return nil, err
	}
	w, err := lookupID(ctx, s, st, account, KindWorkload, t.workloadID, decodeWorkload)
	if errors.Is(err, ErrNotFound) {
		return nil, badToken("is of a workload identity that was deleted")
	}
	if err != nil {
		return nil, internal(err, "reading a workload identity")
	}
	user := t.user.Key()
	userEpoch, err := s.epochOf(ctx, account, st, user)
	if err != nil {
		return nil, err
	}
	if err := s.checkBlocked(ctx, account, st, user); err != nil {
		return nil, err
	}
	if w.VerifiedUsersOnly && user != "" && t.user.Issuer == "" { // minted before the workload was held to them (A54)
		return nil, badToken("is for a user id, and workload identity " + w.Name + " acts for verified users only")
	}
	for _, epoch := range []time.Time{st.epoch, w.Epoch, userEpoch} {
		if t.mintedAt.Before(epoch) {
			return nil, badToken("was revoked")
		}
	}
	return w, nil
}

// epochOf is the user's epoch, zero when it was never raised.
func (s *Service) epochOf(ctx context.Context, account string, st *accountState, user string) (time.Time, error) {
	if user == "" {
		return time.Time{}, nil
	}
	if st.allEpochs {
		return st.epochs[user], nil
	}
	e, err := s.Store.UserEpoch(ctx, account, user)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	return e.At, internal(err, "reading a user's epoch")
}

// onToken opens the workload access token before policy is asked, because the workload it names is one of the
// resources on which policy decides.
func (s *Service) onToken(token string, others resources) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		arns, err := others(ctx, c)
		if err != nil {
			return arns, err
		}
		t, w, err := s.openToken(ctx, c.caller.Account, token)
		if err != nil {
			return arns, err
		}
		c.token, c.workload = t, w
		c.rec.Workload, c.rec.User = w.Name, t.user.Key()
		of := s.workloadResources(w.Account, w.Name)
		c.tagged(of[0], w.Tags)
		return append(arns, of...), nil
	}
}

// RevokeTokens raises an epoch: workload access tokens minted until now are refused. With a workload's name it is that
// workload's, with a user's key that user's, with neither the whole account's.
func (s *Service) RevokeTokens(ctx context.Context, account, workload, user string) error {
	_, err := admin(ctx, s, account, "RevokeWorkloadAccessTokens", func(ctx context.Context) (struct{}, error) {
		at := s.Now().Add(time.Millisecond) // see raiseUserEpoch
		defer s.changed(account)
		switch {
		case workload != "":
			_, err := s.editWorkload(ctx, account, workload, func(w *Workload) { w.Epoch = at })
			return struct{}{}, err
		case user != "":
			return struct{}{}, s.raiseUserEpoch(ctx, account, user)
		default:
			return struct{}{}, internal(s.Store.RaiseAccountEpoch(ctx, account, at), "raising the account's epoch")
		}
	})
	return err
}
