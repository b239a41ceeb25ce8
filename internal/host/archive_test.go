//go:build linux

package host

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// entry is one file of an archive under test.
type entry struct {
	name, body string
	kind       byte // of a tar
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(map[byte]fs.FileMode{0: 0o644, tar.TypeReg: 0o755, tar.TypeSymlink: fs.ModeSymlink | 0o777, tar.TypeChar: fs.ModeDevice | fs.ModeCharDevice, tar.TypeFifo: fs.ModeNamedPipe, tar.TypeDir: fs.ModeDir | 0o755}[e.kind])
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(w, e.body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Typeflag: e.kind, Size: int64(len(e.body))}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if e.kind == tar.TypeSymlink || e.kind == tar.TypeLink {
			h.Linkname, h.Size = e.body, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, e.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func shaOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestArchiveRuns(t *testing.T) {
	f := start(t, nil)
	for kind, archive := range map[string][]byte{
		"zip":    zipOf(t, entry{name: "sub/prompt.txt", body: "be kind"}, entry{"run.sh", "#!/bin/sh\n", tar.TypeReg}, entry{"link", "sub/prompt.txt", tar.TypeSymlink}),
		"tar.gz": tarOf(t, entry{"./", "", tar.TypeDir}, entry{name: "sub/prompt.txt", body: "be kind"}, entry{"link", "sub/prompt.txt", tar.TypeSymlink}),
	} {
		sha := shaOf(archive)
		asked := 0
		c, err := hostlink.Dial(hostlink.Config{URL: f.url, Own: f.server, Peer: f.own.Fingerprint(), Archive: func(_ context.Context, s string) (io.ReadCloser, error) {
			asked++
			return io.NopCloser(bytes.NewReader(archive)), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		f.client = c
		spec := f.spec("plain", func(s *hostlink.Spec) { s.Source = hostlink.Source{Archive: sha} })
		session := kind + sessionA
		if out := f.must(spec, session, "alice", ask{Do: "read", Text: "link"}); out != "be kind|<nil>" || asked != 1 {
			t.Errorf("%s: %s, asked %d times", kind, out, asked)
		}
		if out := f.must(spec, session, "alice", ask{Do: "write", Text: "sub/prompt.txt"}); out == "<nil>" {
			t.Errorf("%s: the agent may write its code", kind)
		}
	}
}

func TestA51_ArchivesThatClimbOut(t *testing.T) {
	f := start(t, func(c *Config) { c.Limits.Files, c.Limits.SourceBytes = 10, 1000 })
	many := make([]entry, 11)
	for i := range many {
		many[i] = entry{name: fmt.Sprintf("f%d", i)}
	}
	outside := filepath.Join(filepath.Dir(f.host.cfg.StateDir), "outside")
	for what, es := range map[string][]entry{
		"../outside":     {{name: "../outside", body: "x"}},
		"a/../../../b":   {{name: "a/../../../b", body: "x"}},
		outside:          {{name: outside, body: "x"}},
		`..\\outside`:    {{name: `..\outside`, body: "x"}},
		"link":           {{"link", "../..", tar.TypeSymlink}},
		"absolute":       {{"absolute", "/etc/passwd", tar.TypeSymlink}},
		"inside-abs":     {{name: "f", body: "x"}, {"inside-abs", f.host.path("code"), tar.TypeSymlink}},
		"through/f":      {{"through", "/tmp", tar.TypeSymlink}, {name: "through/f", body: "x"}},
		"deep/l/escape":  {{"deep/l", "..", tar.TypeSymlink}, {"deep/l/escape", "../../x", tar.TypeSymlink}},
		"device":         {{"device", "", tar.TypeChar}},
		"pipe":           {{"pipe", "", tar.TypeFifo}},
		"twice":          {{name: "twice", body: "1"}, {name: "twice", body: "2"}},
		"f10":            many,
		"bomb":           {{name: "bomb", body: strings.Repeat("0", 1001)}},
		"second":         {{name: "first", body: strings.Repeat("0", 600)}, {name: "second", body: strings.Repeat("0", 600)}},
		"file/below":     {{name: "file", body: "x"}, {name: "file/below", body: "x"}},
		"nul\\x00l/nul.": {{name: "nul\x00l/nul.", body: "x"}},
	} {
		for kind, archive := range map[string][]byte{"zip": zipOf(t, es...), "tar.gz": tarSafe(t, es)} {
			if archive == nil {
				continue
			}
			err := f.client.PutArchive(t.Context(), shaOf(archive), bytes.NewReader(archive))
			if e := f.wants(err, hostlink.CodeSource); !strings.Contains(e.Message, what) {
				t.Errorf("%s, %s: the entry is not named: %s", kind, what, e.Message)
			}
		}
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was written outside")
	}
	if left, err := os.ReadDir(f.host.path("code")); err != nil || len(left) != 0 {
		t.Errorf("refused archives left %v %v", left, err)
	}
}

// tarSafe leaves out names that a tar cannot carry.
func tarSafe(t *testing.T, es []entry) []byte {
	for _, e := range es {
		if strings.ContainsRune(e.name, 0) {
			return nil
		}
	}
	return tarOf(t, es...)
}

func TestA51_HardLinkIsRefused(t *testing.T) {
	f := start(t, nil)
	archive := tarOf(t, entry{"passwd", "/etc/passwd", tar.TypeLink})
	err := f.client.PutArchive(t.Context(), shaOf(archive), bytes.NewReader(archive))
	f.wants(err, hostlink.CodeSource)
}

func TestArchiveThatIsNone(t *testing.T) {
	f := start(t, nil)
	for _, text := range []string{"", "x", "PK", "PK\x03\x04 but no more", "\x1f\x8b but no more", "#!/bin/sh"} {
		err := f.client.PutArchive(t.Context(), shaOf([]byte(text)), strings.NewReader(text))
		f.wants(err, hostlink.CodeSource)
	}
	err := f.client.PutArchive(t.Context(), shaOf([]byte("a")), strings.NewReader("b"))
	f.wants(err, hostlink.CodeInvalid)
	err = f.client.PutArchive(t.Context(), "../../etc/passwd", strings.NewReader("b"))
	f.wants(err, hostlink.CodeInvalid)
}

func TestA51_DirectoriesThatNobodyListed(t *testing.T) {
	listed := t.TempDir()
	f := start(t, func(c *Config) { c.AnyDirectory, c.Directories = false, []string{listed} })
	inside := filepath.Join(listed, "agent")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(f.sourceDir(), filepath.Join(listed, "link")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{f.sourceDir(), "/etc", listed + "x", filepath.Join(listed, "link"), filepath.Join(listed, "gone"), f.host.cfg.StateDir} {
		spec := f.spec("plain", func(s *hostlink.Spec) { s.Source.Directory = dir })
		_, err := f.call(spec, sessionA, "alice", ask{})
		f.wants(err, hostlink.CodeSource)
	}
	f.must(f.spec("plain", func(s *hostlink.Spec) { s.Source.Directory = inside }), sessionA, "alice", ask{})
}

func TestCopyLeavesOutLanyardsDataAndEnvironments(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "lanyard-data")
	for _, path := range []string{"agent.py", "lanyard-data/root.key", "my-venv/pyvenv.cfg", ".git/config", "__pycache__/a.pyc", "lib/tool.py"} {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := start(t, func(c *Config) { c.Hide = []string{data} })
	spec := f.spec("plain", func(s *hostlink.Spec) { s.Source.Directory = dir })
	f.must(spec, sessionA, "alice", ask{})
	var got []string
	copied := f.host.path("code", "copy-"+spec.Hash())
	err := filepath.WalkDir(copied, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(copied, p)
			got = append(got, rel)
		}
		return err
	})
	if err != nil || strings.Join(got, " ") != "agent.py lib/tool.py" {
		t.Errorf("copied %v, %v", got, err)
	}
}

// FuzzA51_Archive feeds the unpacker whatever comes: nothing may be written beside its folder.
func FuzzA51_Archive(f *testing.F) {
	f.Add(zipOf(f, entry{name: "a/b", body: "x"}, entry{"l", "a/b", tar.TypeSymlink}))
	f.Add(zipOf(f, entry{name: "../b", body: "x"}))
	f.Add(tarOf(f, entry{name: "a/b", body: "x"}, entry{"l", "..", tar.TypeSymlink}, entry{name: "l/x", body: "x"}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		dir := t.TempDir()
		into := filepath.Join(dir, "into")
		path := filepath.Join(dir, "archive")
		if os.Mkdir(into, 0o755) != nil || os.WriteFile(path, archive, 0o600) != nil {
			t.Fatal("cannot prepare")
		}
		h := &Host{cfg: Config{Limits: Limits{Files: 100, SourceBytes: 1 << 20}}}
		err := h.unpackArchive(t.Context(), path, into)
		all, _ := os.ReadDir(dir)
		if len(all) != 2 {
			t.Fatalf("something was written beside the folder: %v", all)
		}
		if err != nil {
			return
		}
		_ = filepath.WalkDir(into, func(p string, e fs.DirEntry, err error) error {
			if real, err := filepath.EvalSymlinks(p); err == nil && !within(real, into) {
				t.Errorf("%s leads to %s", p, real)
			}
			return err
		})
	})
}
