//go:build linux

package host

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// ask is what the tests' agent is told to do by one invocation.
type ask struct {
	Do   string `json:"do"`
	Text string `json:"text"`
	N    int    `json:"n"`
}

// agentMain is the tests' agent: a plain net/http server, as the contract of containers has it.
func agentMain(mode string) {
	ln, err := net.Listen("tcp", listenAddress(mode))
	if err != nil {
		fmt.Println("cannot listen:", err)
		syscall.Exit(1)
	}
	switch mode {
	case "exit":
		fmt.Println("the model's key is missing")
		syscall.Exit(3)
	case "ignore-term":
		signal.Ignore(syscall.SIGTERM)
	case "garbage":
		garbage(ln)
	case "graceful":
		go func() {
			c := make(chan os.Signal, 1)
			signal.Notify(c, syscall.SIGTERM)
			<-c
			fmt.Println("asked to end")
			syscall.Exit(0)
		}()
	}
	busy := "Healthy"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, r *http.Request) {
		if mode == "never" {
			fmt.Println("still loading")
			w.WriteHeader(503)
			return
		}
		fmt.Fprintf(w, `{"status":%q,"time_of_last_update":1}`, busy)
	})
	mux.HandleFunc("POST /invocations", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var a ask
		_ = json.Unmarshal(b, &a)
		if a.Do == "busy" {
			busy = "HealthyBusy"
		}
		a.answer(w, r, b)
	})
	_ = http.Serve(ln, mux)
}

func listenAddress(mode string) string {
	if mode == "all-interfaces" {
		return ":" + os.Getenv("PORT")
	}
	return "127.0.0.1:" + os.Getenv("PORT")
}

// garbage answers health checks with HTTP and all else without.
func garbage(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			if strings.HasPrefix(string(b[:n]), "GET /ping") {
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
			} else {
				fmt.Fprint(c, "SSH-2.0-nothing\r\n")
			}
			c.Close()
		}()
	}
}

func (a ask) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	switch a.Do {
	case "headers":
		_ = json.NewEncoder(w).Encode(r.Header)
	case "environment":
		_ = json.NewEncoder(w).Encode(os.Environ())
	case "pid":
		fmt.Fprintf(w, "%d %d", os.Getpid(), os.Getuid())
	case "size":
		fmt.Fprintf(w, "%d", len(body))
	case "crash":
		fmt.Println("about to crash")
		syscall.Exit(7)
	case "crash-midway":
		fmt.Fprint(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // gives the first piece time to leave
		syscall.Exit(7)
	case "status":
		w.Header().Set("Set-Cookie", "session=stolen")
		w.Header().Set("Location", "https://evil.example")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.N)
		fmt.Fprint(w, `{"error":"teapot"}`)
	case "log":
		fmt.Println(a.Text)
	case "read":
		b, err := os.ReadFile(a.Text)
		fmt.Fprintf(w, "%s|%v", b, err)
	case "write":
		fmt.Fprint(w, os.WriteFile(a.Text, []byte("x"), 0o600))
	case "list":
		names, err := os.ReadDir(a.Text)
		fmt.Fprint(w, names, err)
	case "daemon":
		a.daemon(w)
	case "stream":
		a.stream(w, r)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
}

// daemon leaves a process that went to some length not to be found: a session and a group of its own.
func (a ask) daemon(w io.Writer) {
	c := exec.Command("/bin/sleep", "300")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err := c.Start()
	fmt.Fprintf(w, "%v", err)
}

// stream sends one event, waits for the rest of the request's time, then ends when the caller says so by a second call.
func (a ask) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range a.N {
		fmt.Fprintf(w, "data: %d %s\n\n", i, a.Text)
		w.(http.Flusher).Flush()
	}
	if a.Text == "hang" {
		<-r.Context().Done()
	}
}
