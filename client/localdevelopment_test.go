package client

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// TestLocalDevelopment: the first use makes a workload identity and a user, later ones are the same user.
func TestLocalDevelopment(t *testing.T) {
	l := newLive(t)
	l.createAPIKeyProvider(t, "weather", "KEY")
	path := filepath.Join(t.TempDir(), LocalDevelopmentFile)
	src := LocalDevelopment(l.c, path)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if key, err := l.c.APIKey(t.Context(), "weather", FirstWorkloadToken(FromContext(), src)); err != nil || key != "KEY" {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	first, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(first), `"workload_identity_name": "workload-`) || !strings.Contains(string(first), `"user_id": "`) {
		t.Fatalf("remembered %s, %v", first, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if _, err := LocalDevelopment(l.c, path).WorkloadToken(t.Context()); err != nil {
		t.Error(err)
	}
	if again, _ := os.ReadFile(path); string(again) != string(first) {
		t.Errorf("%s became %s", first, again)
	}
	made := 0
	for w, err := range l.c.WorkloadIdentities(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(w.Name, "workload-") {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d workload identities were created", made)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("files were left: %v", entries)
	}
}

// TestLocalDevelopmentUsesWhatItFinds: a name without a user is completed, and the workload identity not created anew.
func TestLocalDevelopmentUsesWhatItFinds(t *testing.T) {
	l := newLive(t)
	path := filepath.Join(t.TempDir(), "file.json")
	write(t, path, `{"workload_identity_name":"`+l.Workload+`"}`)
	if _, err := LocalDevelopment(l.c, path).WorkloadToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	local, err := readLocal(path)
	if err != nil || local.Workload != l.Workload || len(local.UserID) != 8 {
		t.Errorf("remembered %+v, %v", local, err)
	}
}

// TestLocalDevelopmentForgets a workload identity that was refused: the file may have been mended.
func TestLocalDevelopmentForgets(t *testing.T) {
	l := newLive(t)
	path := filepath.Join(t.TempDir(), "file.json")
	write(t, path, `{"workload_identity_name":"gone-away","user_id":"alice"}`)
	src := LocalDevelopment(l.c, path)
	if _, err := src.WorkloadToken(t.Context()); !Is(err, api.ResourceNotFoundException) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	write(t, path, `{"workload_identity_name":"`+l.Workload+`","user_id":"alice"}`)
	if _, err := src.WorkloadToken(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLocalDevelopmentRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.json")
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(untouched(t)))
	write(t, path, `{"workload_identity_name": [`)
	if _, err := LocalDevelopment(c, path).WorkloadToken(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != `{"workload_identity_name": [` {
		t.Error("it was overwritten")
	}
	if _, err := LocalDevelopment(c, t.TempDir()).WorkloadToken(t.Context()); err == nil {
		t.Error("a directory is read")
	}
	inside := newTestClient(t, "http://127.0.0.1:1", WithTransport(untouched(t)), WithEnvironment(func(name string) string {
		return map[string]string{"DOCKER_CONTAINER": "1"}[name]
	}))
	if _, err := LocalDevelopment(inside, path).WorkloadToken(t.Context()); !errors.Is(err, ErrNoWorkloadToken) || !strings.Contains(err.Error(), api.HeaderRuntimeUser) {
		t.Errorf("in a container: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
