package awskms

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	region   = "eu-central-1"
	keyARN   = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	otherARN = "arn:aws:kms:eu-central-1:111122223333:key/ffffffff-12ab-34cd-56ef-1234567890ab"
)

var _ vault.KeySource = (*Source)(nil)

var bound = map[string]string{"lanyard:account": "000000000000", "lanyard:data-key-version": "1", "lanyard:purpose": "data-key"}

// stub speaks as much of KMS's JSON protocol as the two calls need, and keeps
// what was wrapped under which key and context.
type stub struct {
	mu      sync.Mutex
	wrapped map[string]record
	refuse  string // error code for every call
}

type record struct {
	KeyId             string
	Plaintext         []byte
	EncryptionContext map[string]string
}

type request struct {
	record
	CiphertextBlob []byte
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in request
	if r.Header.Get("Content-Type") != "application/x-amz-json-1.1" || json.Unmarshal(body, &in) != nil {
		reply(w, http.StatusBadRequest, map[string]string{"__type": "SerializationException"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != "" {
		reply(w, http.StatusBadRequest, map[string]string{"__type": s.refuse, "message": "no"})
		return
	}
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.Encrypt":
		blob := "blob-" + string(rune('a'+len(s.wrapped)))
		s.wrapped[blob] = in.record
		reply(w, http.StatusOK, map[string]any{"KeyId": in.KeyId, "CiphertextBlob": []byte(blob)})
	case "TrentService.Decrypt":
		s.decrypt(w, in)
	default:
		reply(w, http.StatusBadRequest, map[string]string{"__type": "UnknownOperationException"})
	}
}

func (s *stub) decrypt(w http.ResponseWriter, in request) {
	found, ok := s.wrapped[string(in.CiphertextBlob)]
	switch {
	case !ok || !maps.Equal(found.EncryptionContext, in.EncryptionContext):
		reply(w, http.StatusBadRequest, map[string]string{"__type": "InvalidCiphertextException"})
	case in.KeyId != found.KeyId:
		reply(w, http.StatusBadRequest, map[string]string{"__type": "IncorrectKeyException"})
	default:
		reply(w, http.StatusOK, map[string]any{"KeyId": found.KeyId, "Plaintext": found.Plaintext})
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// newStub returns a stub and a maker of sources that talk to it.
func newStub(t *testing.T) (*stub, func(arn string) *Source) {
	t.Helper()
	isolate(t)
	s := &stub{wrapped: make(map[string]record)}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, func(arn string) *Source {
		source, err := New(t.Context(), arn, region, func(o *kms.Options) {
			o.BaseEndpoint = aws.String(server.URL)
			o.Credentials = credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "not-a-secret", "")
			o.RetryMaxAttempts = 1
		})
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
}

// isolate keeps the machine's own AWS configuration out of the test.
func isolate(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("AWS_CONFIG_FILE", dir+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", dir+"/credentials")
	t.Setenv("AWS_PROFILE", "")
}

func TestWrapUnwrap(t *testing.T) {
	s, source := newStub(t)
	wrapped, err := source(keyARN).Wrap(t.Context(), []byte("data key"), bound)
	if err != nil {
		t.Fatal(err)
	}
	sent := s.wrapped[string(wrapped)]
	if sent.KeyId != keyARN || !maps.Equal(sent.EncryptionContext, bound) {
		t.Errorf("sent key %s and context %v", sent.KeyId, sent.EncryptionContext)
	}
	got, err := source(keyARN).Unwrap(t.Context(), wrapped, bound)
	if err != nil || string(got) != "data key" {
		t.Errorf("Unwrap = %q, %v", got, err)
	}
}

func TestA32_DataKeyOfAnotherContextDoesNotUnwrap(t *testing.T) {
	_, source := newStub(t)
	wrapped, err := source(keyARN).Wrap(t.Context(), []byte("data key"), bound)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"lanyard:account": "111122223333", "lanyard:data-key-version": "2", "lanyard:purpose": "x"} {
		altered := maps.Clone(bound)
		altered[name] = value
		if _, err := source(keyARN).Unwrap(t.Context(), wrapped, altered); !errors.Is(err, vault.ErrSealed) {
			t.Errorf("altered %s: got error %v, want ErrSealed", name, err)
		}
	}
	if _, err := source(keyARN).Unwrap(t.Context(), []byte("tampered"), bound); !errors.Is(err, vault.ErrSealed) {
		t.Errorf("tampered: got error %v, want ErrSealed", err)
	}
}

func TestAnotherKMSKeyIsNotAccepted(t *testing.T) {
	_, source := newStub(t)
	wrapped, err := source(otherARN).Wrap(t.Context(), []byte("data key"), bound)
	if err != nil {
		t.Fatal(err)
	}
	_, err = source(keyARN).Unwrap(t.Context(), wrapped, bound)
	if !errors.Is(err, vault.ErrKeySource) || !strings.Contains(err.Error(), "another KMS key") {
		t.Errorf("got error %v", err)
	}
}

func TestRefusalsNameTheKeyAndTheFix(t *testing.T) {
	s, source := newStub(t)
	for code, fix := range map[string]string{
		"AccessDeniedException":    "allow kms:Decrypt",
		"NotFoundException":        "check the configured ARN",
		"DisabledException":        "enable it",
		"KMSInvalidStateException": "enable it",
		"ThrottlingException":      "kms:Decrypt failed",
	} {
		s.refuse = code
		_, err := source(keyARN).Unwrap(t.Context(), []byte("x"), bound)
		if !errors.Is(err, vault.ErrKeySource) || errors.Is(err, vault.ErrSealed) {
			t.Errorf("%s: got error %v, want ErrKeySource", code, err)
			continue
		}
		if !strings.Contains(err.Error(), fix) || !strings.Contains(err.Error(), keyARN) {
			t.Errorf("%s: the error lacks the key or the fix: %v", code, err)
		}
	}
	s.refuse = "AccessDeniedException"
	if _, err := source(keyARN).Wrap(t.Context(), []byte("marker"), bound); err == nil || !strings.Contains(err.Error(), "kms:Encrypt") || strings.Contains(err.Error(), "marker") {
		t.Errorf("Wrap: got error %v", err)
	}
}

func TestUnreachableKMSIsAKeySourceError(t *testing.T) {
	source := &Source{kms: hanging{}, keyARN: keyARN}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, wrapErr := source.Wrap(ctx, nil, bound)
	_, unwrapErr := source.Unwrap(ctx, nil, bound)
	for _, err := range []error{wrapErr, unwrapErr} {
		if !errors.Is(err, vault.ErrKeySource) || !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v", err)
		}
	}
}

func TestCallsAreBoundedInTime(t *testing.T) {
	probe := &deadlines{}
	source := &Source{kms: probe, keyARN: keyARN}
	_, _ = source.Wrap(t.Context(), nil, bound)
	_, _ = source.Unwrap(t.Context(), nil, bound)
	if len(probe.seen) != 2 {
		t.Fatalf("%d calls with a deadline, want 2", len(probe.seen))
	}
	for _, left := range probe.seen {
		if left <= 0 || left > callTimeout {
			t.Errorf("deadline in %v", left)
		}
	}
}

func TestKeyMustBeAnARNOfAKey(t *testing.T) {
	isolate(t)
	for _, arn := range []string{
		"", "1234abcd-12ab-34cd-56ef-1234567890ab", "alias/lanyard",
		"arn:aws:kms:eu-central-1:111122223333:alias/lanyard",
		"arn:aws:s3:eu-central-1:111122223333:key/x",
		"arn:aws:kms::111122223333:key/x",
	} {
		if _, err := New(t.Context(), arn, ""); !errors.Is(err, vault.ErrKeySource) {
			t.Errorf("%q: got error %v, want ErrKeySource", arn, err)
		}
	}
	if _, err := New(t.Context(), keyARN, "us-east-1"); !errors.Is(err, vault.ErrKeySource) {
		t.Errorf("another region: got error %v, want ErrKeySource", err)
	}
	if _, err := New(t.Context(), keyARN, ""); err != nil {
		t.Errorf("region of the key: %v", err)
	}
}

// hanging answers only when its caller gives up.
type hanging struct{}

func (hanging) Encrypt(ctx context.Context, _ *kms.EncryptInput, _ ...func(*kms.Options)) (*kms.EncryptOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) Decrypt(ctx context.Context, _ *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// deadlines notes how long each call may take.
type deadlines struct{ seen []time.Duration }

func (d *deadlines) note(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok {
		d.seen = append(d.seen, time.Until(at))
	}
	return &types.KeyUnavailableException{}
}

func (d *deadlines) Encrypt(ctx context.Context, _ *kms.EncryptInput, _ ...func(*kms.Options)) (*kms.EncryptOutput, error) {
	return nil, d.note(ctx)
}

func (d *deadlines) Decrypt(ctx context.Context, _ *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	return nil, d.note(ctx)
}
