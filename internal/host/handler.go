package host

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// Handler answers the server's requests. It must stand behind hostlink.Listen: it checks no caller.
func (h *Host) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+hostlink.PathInvocations, h.invoke)
	mux.HandleFunc("PUT "+hostlink.PathSpecs+"{hash}", h.putSpec)
	mux.HandleFunc("PUT "+hostlink.PathArchives+"{sha}", h.putArchiveHTTP)
	mux.HandleFunc("POST "+hostlink.PathStop, h.stop)
	mux.HandleFunc("GET "+hostlink.PathSessions, h.listSessions)
	mux.HandleFunc("GET "+hostlink.PathLogs, h.logs)
	mux.HandleFunc("GET "+hostlink.PathHealth, h.health)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		hostlink.WriteError(w, hostlink.Errorf(hostlink.CodeInvalid, "the agent host does not know this request; server and host may be of different versions"))
	})
	return mux
}

// fail answers with an error, and logs one that is the host's own.
func (h *Host) fail(w http.ResponseWriter, what string, err error) {
	if _, ok := errors.AsType[*hostlink.Error](err); !ok {
		h.log.Error("a request on the link failed", "request", what, "err", err)
	}
	hostlink.WriteError(w, err)
}

// maxSpecs bounds the specs that are remembered; the server sends one again that was forgotten.
const maxSpecs = 1000

func (h *Host) putSpec(w http.ResponseWriter, r *http.Request) {
	var s hostlink.Spec
	if !hostlink.ReadJSON(w, r, &s) {
		return
	}
	if err := s.Validate(); err != nil {
		h.fail(w, "put spec", hostlink.Errorf(hostlink.CodeInvalid, "%s", err.Error()))
		return
	}
	if s.Hash() != r.PathValue("hash") {
		h.fail(w, "put spec", hostlink.Errorf(hostlink.CodeInvalid, "the spec does not have the hash that it is put under; server and host may be of different versions"))
		return
	}
	if s.Source.Directory != "" {
		if _, err := h.allowedDirectory(s.Source.Directory); err != nil {
			h.fail(w, "put spec", err)
			return
		}
	}
	h.remember(&s)
	if err := h.deploy(r.Context(), &s); err != nil {
		h.fail(w, "put spec", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Host) remember(s *hostlink.Spec) {
	hash := s.Hash()
	h.specsMu.Lock()
	defer h.specsMu.Unlock()
	if h.specs[hash] != nil {
		return
	}
	h.specs[hash] = s
	h.order = append(h.order, hash)
	if len(h.order) > maxSpecs {
		delete(h.specs, h.order[0])
		h.order = h.order[1:]
	}
}

func (h *Host) spec(hash string) (*hostlink.Spec, error) {
	h.specsMu.Lock()
	defer h.specsMu.Unlock()
	s := h.specs[hash]
	if s == nil {
		return nil, hostlink.Errorf(hostlink.CodeUnknownSpec, "the agent host does not know this spec")
	}
	return s, nil
}

var archiveName = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (h *Host) putArchiveHTTP(w http.ResponseWriter, r *http.Request) {
	sha := r.PathValue("sha")
	if !archiveName.MatchString(sha) {
		h.fail(w, "put archive", hostlink.Errorf(hostlink.CodeInvalid, "an archive is named by its SHA-256 in lower-case hexadecimal"))
		return
	}
	if err := h.putArchive(r.Context(), sha, r.Body); err != nil {
		h.fail(w, "put archive", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Host) stop(w http.ResponseWriter, r *http.Request) {
	var in hostlink.StopRequest
	if !hostlink.ReadJSON(w, r, &in) {
		return
	}
	if err := in.Check(); err != nil {
		h.fail(w, "stop", err)
		return
	}
	hostlink.WriteJSON(w, hostlink.StopAnswer{Stopped: h.stopSessions(in)})
}

func (h *Host) listSessions(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("runtime")
	out := hostlink.SessionsAnswer{Sessions: []hostlink.Session{}}
	for _, s := range h.list(func(s *session) bool { return id == "" || s.key.runtimeID == id }) {
		out.Sessions = append(out.Sessions, s.describe())
	}
	hostlink.WriteJSON(w, out)
}

func (h *Host) health(w http.ResponseWriter, _ *http.Request) {
	n := len(h.list(func(s *session) bool { return s.live() != nil }))
	hostlink.WriteJSON(w, hostlink.Health{Status: "ok", Sessions: n, Isolation: h.Isolation()})
}

const (
	defaultTail = 1000
	mostTail    = 100_000
)

// logs writes the last lines of a runtime's sessions, then what comes.
func (h *Host) logs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	runtime, id := q.Get("runtime"), q.Get("session")
	n, err := strconv.Atoi(q.Get("tail"))
	if runtime == "" || err != nil || n < 0 || n > mostTail {
		h.fail(w, "logs", hostlink.Errorf(hostlink.CodeInvalid, "logs: name the runtime, and a tail of 0 to %d lines", mostTail))
		return
	}
	wants := func(k key) bool { return k.runtimeID == runtime && (id == "" || k.sessionID == id) }
	f := h.hub.follow(wants) // before the files are read, so that no line falls between
	defer h.hub.leave(f)
	sessions := h.list(func(s *session) bool { return wants(s.key) })
	if id != "" && len(sessions) == 0 && q.Get("follow") == "" {
		h.fail(w, "logs", hostlink.Errorf(hostlink.CodeSessionNotFound, "no such session ran within the last %s", h.cfg.Times.Keep))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := &logWriter{w: w, named: id == ""}
	for _, s := range sessions {
		lines, err := s.log.last(or(n, defaultTail))
		if err != nil {
			h.log.Error("a session's log cannot be read", "err", err)
		}
		for _, l := range lines {
			out.line(s.key, l)
		}
	}
	if q.Get("follow") != "" {
		out.follow(r, f, h.life.Done())
	}
}

// logWriter writes lines, each with its session's id where several sessions are shown.
type logWriter struct {
	w     http.ResponseWriter
	named bool
	err   error
}

func (o *logWriter) line(k key, text string) {
	if o.err != nil {
		return
	}
	if o.named {
		text = k.sessionID + " " + text
	}
	_, o.err = o.w.Write([]byte(text))
}

func (o *logWriter) flush() {
	if o.err == nil {
		o.err = http.NewResponseController(o.w).Flush()
	}
}

func (o *logWriter) follow(r *http.Request, f *follower, end <-chan struct{}) {
	o.flush()
	for o.err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-end:
			return
		case l := <-f.lines:
			o.line(l.key, l.line)
			if len(f.lines) == 0 {
				o.flush()
			}
		}
	}
}
