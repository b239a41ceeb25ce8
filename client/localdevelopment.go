package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/lanyard-id/lanyard/api"
)

// LocalDevelopmentFile is where LocalDevelopment remembers, if it is not told otherwise: the file that the agent SDKs of
// other languages share.
const LocalDevelopmentFile = ".agentcore.json"

// maxLocalFile bounds the file: it holds two names.
const maxLocalFile = 64 << 10

type localFile struct {
	Workload string `json:"workload_identity_name"`
	UserID   string `json:"user_id"`
}

// localSource makes up a workload identity and a user, once, and acts for them.
type localSource struct {
	c    *Client
	path string

	mu    sync.Mutex // held while a workload identity is created, so that only one is
	token WorkloadTokenSource
}

// LocalDevelopment is a source for a developer's machine, where nobody invokes the agent: it acts for a user that it
// makes up, as a workload identity that it creates, and remembers both in the file at path ("" for
// LocalDevelopmentFile in the working directory). Whoever edits the file chooses the user, so nothing takes this source
// by itself, and in a container (DOCKER_CONTAINER=1) it refuses: a request without a token would there become
// everybody's one user.
func LocalDevelopment(c *Client, path string) WorkloadTokenSource {
	return &localSource{c: c, path: cmp.Or(path, LocalDevelopmentFile)}
}

// WorkloadToken gets a token for the user of the file.
func (s *localSource) WorkloadToken(ctx context.Context) (api.Sensitive, error) {
	src, err := s.source(ctx)
	if err != nil {
		return "", fmt.Errorf("local development: %w", err)
	}
	wat, err := src.WorkloadToken(ctx)
	if err != nil {
		s.DropWorkloadToken("")
		return "", fmt.Errorf("local development, as %s says: %w", s.path, err)
	}
	return wat, nil
}

// DropWorkloadToken has the next token begin with the file again: what it names may have been mended.
func (s *localSource) DropWorkloadToken(api.Sensitive) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = nil
}

func (s *localSource) source(ctx context.Context) (WorkloadTokenSource, error) {
	if s.c.getenv("DOCKER_CONTAINER") == "1" {
		return nil, fmt.Errorf("%w: this is a container, where the token comes with the request. Invoke the agent with a JWT, or signed and with the header %s", ErrNoWorkloadToken, api.HeaderRuntimeUser)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != nil {
		return s.token, nil
	}
	local, err := s.settle(ctx)
	if err != nil {
		return nil, err
	}
	s.token = s.c.WorkloadTokenForUserID(local.Workload, local.UserID)
	return s.token, nil
}

// settle reads the file and fills in what it lacks. Unlike a file that is not there, one that cannot be read is an error:
// to overwrite it would lose the user whose consents it remembers.
func (s *localSource) settle(ctx context.Context) (localFile, error) {
	local, err := readLocal(s.path)
	if err != nil || local.Workload != "" && local.UserID != "" {
		return local, err
	}
	if local.Workload == "" {
		made, err := s.c.CreateWorkloadIdentity(ctx, &api.CreateWorkloadIdentityRequest{Name: "workload-" + eightHex(), ReturnURLs: []string{}})
		if err != nil {
			return localFile{}, err
		}
		local.Workload = made.Name
	}
	local.UserID = cmp.Or(local.UserID, eightHex())
	return local, writeLocal(s.path, local)
}

func readLocal(path string) (localFile, error) {
	var local localFile
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return local, nil
	}
	if err != nil {
		return local, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLocalFile))
	if err != nil {
		return local, err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return local, nil
	}
	if err := json.Unmarshal(b, &local); err != nil {
		return local, fmt.Errorf(`%s is not the JSON that it should be, {"workload_identity_name": …, "user_id": …}: mend it, or remove it and consent again as a new user`, path)
	}
	return local, nil
}

// writeLocal replaces the file at once, for whoever reads it meanwhile.
func writeLocal(path string, local localFile) error {
	b, err := json.MarshalIndent(local, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is there only if it was not renamed
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func eightHex() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
