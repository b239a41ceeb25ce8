package devidp

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/lanyard-id/lanyard/api"
)

// hashCost is what one password hash costs. It is stored with the hash, so that it can be raised later.
type hashCost struct {
	Passes uint32 `json:"t"`
	Memory uint32 `json:"m"` // KiB
}

// usualCost takes some tens of milliseconds (RFC 9106, 4, within the memory of a small machine).
var usualCost = hashCost{Passes: 2, Memory: 19 << 10}

// passwordHash is a hashed password as it rests sealed in the user's record.
type passwordHash struct {
	hashCost
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
}

const (
	saltBytes = 16
	hashBytes = 32
)

func (h *passwordHash) derive(password string) []byte {
	return argon2.IDKey([]byte(password), h.Salt, h.Passes, h.Memory, 1, hashBytes)
}

// hashPassword hashes a new password as one of the few that are computed at once.
func (p *Pools) hashPassword(ctx context.Context, password string) ([]byte, error) {
	h := passwordHash{hashCost: p.cost, Salt: make([]byte, saltBytes)}
	if _, err := p.cfg.Rand.Read(h.Salt); err != nil {
		return nil, fmt.Errorf("devidp: read randomness: %w", err)
	}
	done := p.attempts.compute(ctx, func() bool { h.Hash = h.derive(password); return true })
	if !done {
		return nil, ctx.Err()
	}
	return json.Marshal(h)
}

// passwordMatches compares in constant time. Where there is no hash it spends as much on one that nothing matches (A49).
func (p *Pools) passwordMatches(ctx context.Context, sealed []byte, password string) (bool, error) {
	h := passwordHash{hashCost: p.cost, Salt: make([]byte, saltBytes)}
	if len(sealed) > 0 {
		if err := json.Unmarshal(sealed, &h); err != nil {
			return false, fmt.Errorf("devidp: a stored password hash does not decode: %w", err)
		}
	}
	return p.attempts.compute(ctx, func() bool {
		return subtle.ConstantTimeCompare(h.derive(password), h.Hash) == 1
	}), nil
}

const (
	usualMinimumLength     = 8
	usualTemporaryValidity = 7 // days
)

// checkPasswordPolicy refuses rules that are not kept.
func checkPasswordPolicy(in *api.CreateUserPoolRequest) error {
	if in.Policies != nil && in.Policies.PasswordPolicy != nil && value(in.Policies.PasswordPolicy.PasswordHistorySize) != 0 {
		return invalidParameter("Policies.PasswordPolicy.PasswordHistorySize must be 0 or left out: the development user pools remember no former passwords")
	}
	return nil
}

// policiesInForce are the pool's rules with what it left out. Classes of characters are demanded only by a pool that asks
// for them: a random password without, say, a digit is as good.
func policiesInForce(in *api.CreateUserPoolRequest) *api.UserPoolPolicies {
	rules := api.PasswordPolicy{}
	if in.Policies != nil && in.Policies.PasswordPolicy != nil {
		rules = *in.Policies.PasswordPolicy
	}
	if rules.MinimumLength == nil {
		rules.MinimumLength = new(int32(usualMinimumLength))
	}
	if value(rules.TemporaryPasswordValidityDays) == 0 {
		rules.TemporaryPasswordValidityDays = new(int32(usualTemporaryValidity))
	}
	return &api.UserPoolPolicies{PasswordPolicy: &rules, SignInPolicy: &api.SignInPolicy{AllowedFirstAuthFactors: []string{"PASSWORD"}}}
}

const symbols = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+="

// checkNewPassword holds a new password to the rules of its pool.
func (p *pool) checkNewPassword(password string) error {
	rules := policiesInForce(&p.data.Asked).PasswordPolicy
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{utf8.RuneCountInString(password) < int(*rules.MinimumLength), fmt.Sprintf("Password not long enough: this user pool asks for %d characters", *rules.MinimumLength)},
		{rules.RequireUppercase && !strings.ContainsFunc(password, between('A', 'Z')), "Password must have uppercase characters"},
		{rules.RequireLowercase && !strings.ContainsFunc(password, between('a', 'z')), "Password must have lowercase characters"},
		{rules.RequireNumbers && !strings.ContainsFunc(password, between('0', '9')), "Password must have numeric characters"},
		{rules.RequireSymbols && !strings.ContainsAny(password, symbols), "Password must have symbol characters, one of " + symbols},
	} {
		if rule.broken {
			return refuseAs(api.InvalidPasswordException, "Password did not conform with policy: %s", rule.text)
		}
	}
	return nil
}

func between(low, high rune) func(rune) bool {
	return func(r rune) bool { return r >= low && r <= high }
}
