package state_test

import (
	"crypto/md5" //nolint:gosec // S3's ETag of a small object
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/state"
)

// bucket speaks as much of S3 as one bucket with conditional writes needs.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	puts    []http.Header
}

func newBucket(t *testing.T, c state.S3Config) (*bucket, *state.S3) {
	t.Helper()
	b := &bucket{objects: map[string][]byte{}}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	c.Bucket, c.PathStyle = "conversations-bucket", true
	return b, state.NewS3(aws.Config{Region: "us-west-2", BaseEndpoint: aws.String(s.URL), Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}, c)
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, ok := strings.CutPrefix(r.URL.Path, "/conversations-bucket/")
	if !ok || !strings.Contains(r.Header.Get("Authorization"), "/us-west-2/s3/aws4_request") {
		fail(w, http.StatusForbidden, "AccessDenied")
		return
	}
	object, found := b.objects[key]
	etag := ""
	if found {
		etag = etagOf(object)
	}
	if r.Method == http.MethodGet {
		if !found {
			fail(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", etag)
		_, _ = w.Write(object)
		return
	}
	b.puts = append(b.puts, r.Header.Clone())
	switch {
	case r.Header.Get("If-None-Match") == "*" && found, r.Header.Get("If-Match") != "" && found && r.Header.Get("If-Match") != etag:
		fail(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	case r.Header.Get("If-Match") != "" && !found:
		fail(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	b.objects[key] = data
	w.Header().Set("ETag", etagOf(data))
}

func etagOf(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // as above
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<Error><Code>%s</Code><Message>no</Message></Error>`, code)
}

func TestS3(t *testing.T) {
	b, s := newBucket(t, state.S3Config{Encryption: "aws:kms", KMSKeyID: "alias/conversations"})
	testStore(t, s)
	for _, h := range b.puts {
		if h.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || h.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != "alias/conversations" || h.Get("If-Match")+h.Get("If-None-Match") == "" {
			t.Fatalf("an object was put with %v", h)
		}
	}
}

func TestS3Sealed(t *testing.T) {
	b, s := newBucket(t, state.S3Config{})
	sealed := state.Sealed{Store: s, Keys: keys(t, keyOf(1))}
	testStore(t, sealed)
	name := state.Name("i", "alice", "s1")
	if object := b.objects[name]; len(object) == 0 || strings.Contains(string(object), "two") {
		t.Fatalf("the bucket holds %q", object)
	}
	if h := b.puts[0].Get("X-Amz-Server-Side-Encryption"); h != "" {
		t.Fatalf("the storage was asked for %s", h)
	}
	b.objects[name][20] ^= 1
	if _, _, err := sealed.Get(t.Context(), name); !errors.Is(err, state.ErrSealed) {
		t.Fatalf("an altered object: %v", err)
	}
	if err := sealed.Put(t.Context(), name, make([]byte, 5<<20), ""); err == nil {
		t.Fatal("a giant conversation was stored")
	}
}

func TestS3Refusing(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fail(w, http.StatusNotFound, "NoSuchBucket")
			return
		}
		fail(w, http.StatusForbidden, "AccessDenied")
	}))
	t.Cleanup(s.Close)
	store := state.NewS3(aws.Config{Region: "us-west-2", BaseEndpoint: aws.String(s.URL), Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}, state.S3Config{Bucket: "conversations-bucket", PathStyle: true})
	if _, _, err := store.Get(t.Context(), "a"); err == nil || errors.Is(err, state.ErrNotFound) || !strings.Contains(err.Error(), "conversations-bucket") {
		t.Errorf("without a bucket: %v", err)
	}
	if err := store.Put(t.Context(), "a", nil, ""); err == nil || errors.Is(err, state.ErrConflict) {
		t.Errorf("without a right to write: %v", err)
	}
}
