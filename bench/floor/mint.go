package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

var errAlgorithm = errors.New("no such algorithm")

// minter signs JWTs with one key of each algorithm.
type minter struct {
	es384 *ecdsa.PrivateKey
	rs256 *rsa.PrivateKey
}

func newMinter() (*minter, error) {
	es, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	return &minter{es, rs}, err
}

// webIdentityClaims has the members of a web identity token without tags.
type webIdentityClaims struct {
	Issuer    string        `json:"iss"`
	Subject   string        `json:"sub"`
	Audience  string        `json:"aud"`
	IssuedAt  int64         `json:"iat"`
	ExpiresAt int64         `json:"exp"`
	ID        string        `json:"jti"`
	STS       stsNamespaced `json:"https://sts.amazonaws.com/"`
}

type stsNamespaced struct {
	Account   string `json:"aws_account"`
	Region    string `json:"source_region"`
	Principal string `json:"principal_id"`
}

func (m *minter) mint(alg, audience string, now time.Time, lifetime time.Duration) (string, error) {
	claims, err := json.Marshal(webIdentityClaims{
		Issuer: "http://127.0.0.1/issuer/00000000-0000-0000-0000-000000000000", Subject: "arn:aws:iam::000000000000:user/bench", Audience: audience,
		IssuedAt: now.Unix(), ExpiresAt: now.Add(lifetime).Unix(), ID: rand.Text(),
		STS: stsNamespaced{"000000000000", "us-west-2", "arn:aws:iam::000000000000:user/bench"},
	})
	if err != nil {
		return "", err
	}
	header := `{"alg":"` + alg + `","kid":"0123456789012345678901234567890123456789012","typ":"JWT"}`
	b := make([]byte, 0, 2048)
	b = base64.RawURLEncoding.AppendEncode(b, []byte(header))
	b = append(b, '.')
	b = base64.RawURLEncoding.AppendEncode(b, claims)
	sig, err := m.sign(alg, b)
	b = append(b, '.')
	return string(base64.RawURLEncoding.AppendEncode(b, sig)), err
}

func (m *minter) sign(alg string, b []byte) ([]byte, error) {
	switch alg {
	case "ES384":
		sum := sha512.Sum384(b)
		r, s, err := ecdsa.Sign(rand.Reader, m.es384, sum[:])
		if err != nil {
			return nil, err
		}
		sig := make([]byte, 96)
		r.FillBytes(sig[:48])
		s.FillBytes(sig[48:])
		return sig, nil
	case "RS256":
		sum := sha256.Sum256(b)
		return rsa.SignPKCS1v15(nil, m.rs256, crypto.SHA256, sum[:])
	}
	return nil, errAlgorithm
}

// minting answers GetWebIdentityToken: a form in, XML out.
func minting(m *minter, sig *verifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := sig.read(w, r)
		var form url.Values
		if err == nil {
			form, err = url.ParseQuery(string(body))
		}
		var seconds int
		if err == nil {
			seconds, err = strconv.Atoi(form.Get("DurationSeconds"))
		}
		now := time.Now()
		end := time.Duration(seconds) * time.Second
		var token string
		if err == nil {
			token, err = m.mint(form.Get("SigningAlgorithm"), form.Get("Audience.member.1"), now, end)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprintf(w, `<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult><WebIdentityToken>%s</WebIdentityToken><Expiration>%s</Expiration></GetWebIdentityTokenResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>`,
			token, now.Add(end).UTC().Format(time.RFC3339), rand.Text()) // the client's going away is its own affair
	})
}
