//go:build linux

package server_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// realGarbage asks an agent that answers with something else than HTTP; it is told from one that died.
func (w *world) realGarbage(t *testing.T) {
	t.Helper()
	a := w.invoke(t, w.Root, map[string]any{"payload": "garbage", "runtimeSessionId": "session-c-0123456789abcdef0123456789abcdef"})
	refused(t, a, api.RuntimeClientError)
	if !strings.Contains(a.Exception.Message, "did not answer POST /invocations with HTTP") || strings.Contains(a.Exception.Message, "exit status") {
		t.Errorf("garbage is told as %s", a.Exception.Message)
	}
}

// TestA51_UploadsThatClimbOut: an archive that would write outside its folder, or lead there, is refused when it is
// uploaded, by the name of the entry; what is no archive at all is, too.
func TestA51_UploadsThatClimbOut(t *testing.T) {
	t.Parallel()
	link := startHost(t, &laterUpstream{})
	w := newWorld(t, servertest.Edge(func(c *server.Config) { c.Host = link }))
	for what, archive := range map[string]string{
		"../outside": zipped(t, "../outside", 0o644),
		"/etc/cron":  zipped(t, "/etc/cron", 0o644),
		"a/../../b":  zipped(t, "a/../../b", 0o644),
		"link":       zipped(t, "link", fs.ModeSymlink|0o777),
		"archive":    "not an archive",
	} {
		a := w.Call(t, w.Root, api.UploadAgentArchive, map[string]any{"payload": archive})
		refused(t, a, api.ValidationException)
		if a.Status != 400 || !strings.Contains(a.Exception.Message, what) {
			t.Errorf("%s: %d %s", what, a.Status, a.Exception.Message)
		}
	}
}

// zipped is an archive of one entry, whose text is a way out.
func zipped(t *testing.T, name string, mode fs.FileMode) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: name}
	h.SetMode(mode)
	f, err := z.CreateHeader(h)
	check(t, err)
	_, err = io.WriteString(f, "../../outside")
	check(t, errors.Join(err, z.Close()))
	return b.String()
}
