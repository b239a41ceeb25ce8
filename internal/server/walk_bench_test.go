package server_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/lanyard-id/lanyard/internal/sigv4"
	"github.com/prometheus/client_golang/prometheus"
)

// unaudited leaves out the audit's writer, which has benchmarks of its own.
type unaudited struct{ identity.Store }

func (unaudited) AppendAudit(context.Context, identity.AuditRecord) error { return nil }

// discard is the connection of nobody.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// agentPolicy is like one that an operator writes for an agent.
const agentPolicy = `{"Version":"2012-10-17","Statement":[
{"Sid":"Mint","Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessToken*","Resource":["arn:aws:bedrock-agentcore:*:000000000000:workload-identity-directory/default","arn:aws:bedrock-agentcore:*:000000000000:workload-identity-directory/default/workload-identity/shop*"]},
{"Sid":"Prove","Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"},
{"Sid":"Read","Effect":"Allow","Action":["bedrock-agentcore:GetResourceOauth2Token","bedrock-agentcore:GetResourceApiKey"],"Resource":["arn:aws:bedrock-agentcore:*:000000000000:workload-identity-directory/default*","arn:aws:bedrock-agentcore:*:000000000000:token-vault/default*"]},
{"Sid":"NeverDelete","Effect":"Deny","Action":["bedrock-agentcore:Delete*","bedrock-agentcore:Update*"],"Resource":"*"}]}`

// BenchmarkWalk is one operation from the request that net/http has read to the answer that it is to write: who is
// calling, may they, and what they asked for. The network and the audit's writer are left out.
func BenchmarkWalk(b *testing.B) {
	s := servertest.New(b)
	s.Identity.Now, s.Identity.Store = time.Now, unaudited{s.Identity.Store}
	agent := s.User(b, "agent", agentPolicy)
	s.Call(b, s.Root, api.CreateWorkloadIdentity, map[string]string{"name": "shop"})
	s.Call(b, s.Root, api.EnableOutboundWebIdentityFederation, nil)
	s.Call(b, s.Root, api.CreateApiKeyCredentialProvider, map[string]string{"name": "maps", "apiKey": "0123456789abcdef"})
	var minted api.WorkloadAccessTokenResponse
	s.Call(b, agent, api.GetWorkloadAccessTokenForUserId, map[string]string{"workloadName": "shop", "userId": "alice"}).Into(b, &minted)
	public, err := url.Parse(s.Public)
	check(b, err)
	edge, err := server.New(server.Config{PublicURL: public}, server.Deps{Identity: s.Identity, Authn: authn.New(s.Identity, time.Now), Metrics: prometheus.NewRegistry(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	check(b, err)
	for _, of := range []struct {
		op   api.Operation
		body any
	}{
		{api.GetWorkloadAccessTokenForUserId, `{"workloadName":"shop","userId":"alice"}`},
		{api.GetResourceApiKey, `{"workloadIdentityToken":"` + string(minted.Token) + `","resourceCredentialProviderName":"maps"}`},
		{api.GetCallerIdentity, nil},
		{api.GetWebIdentityToken, "Audience.member.1=https%3A%2F%2Fapi.example.com&SigningAlgorithm=ES384&DurationSeconds=300"},
	} {
		b.Run(of.op.Name, func(b *testing.B) { walk(b, edge, s, agent, of.op, of.body) })
	}
}

func walk(b *testing.B, edge http.Handler, s *servertest.Service, c servertest.Credentials, op api.Operation, in any) {
	r := s.Request(b, op, in)
	body, err := io.ReadAll(r.Body)
	check(b, err)
	r.RequestURI, r.RemoteAddr, r.Host = op.Path, "127.0.0.1:40000", r.URL.Host
	r.Header["Accept-Encoding"], r.Header["User-Agent"] = []string{"identity"}, []string{"Boto3/1.40 md/Botocore ua/2.1 os/linux lang/python"}
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret}, s.Region, servertest.SignedAs(op), time.Now())
	r.Body = nil
	w := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		sent := *r
		sent.Body = io.NopCloser(bytes.NewReader(body))
		w.header = http.Header{}
		if edge.ServeHTTP(w, &sent); w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
}
