package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// running serves the app until stop is called, and then tells how it ended.
func running(t *testing.T, a *App) (url string, stop func() error) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), func() error { cancel(); return <-ended }
}

func post(t *testing.T, url string) (string, error) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/invocations", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func listens(t *testing.T, url string) bool {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// TestEndWaits for the invocation and the task that run.
func TestEndWaits(t *testing.T) {
	a, _ := newApp(nil)
	began, release := make(chan struct{}), make(chan struct{})
	worked := false
	a.Handler = func(ctx context.Context, _ Invocation, out *Response) error {
		a.Task(ctx, "work", func(ctx context.Context) error {
			<-release
			worked = ctx.Err() == nil
			return nil
		})
		close(began)
		<-release
		return errors.Join(ctx.Err(), out.Answer("done"))
	}
	url, stop := running(t, a)
	answer := make(chan string, 1)
	go func() {
		body, err := post(t, url)
		if err != nil {
			t.Error(err)
		}
		answer <- body
	}()
	<-began
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for listens(t, url) { // until it has begun to end
	}
	close(release)
	if got := <-answer; got != `"done"` {
		t.Errorf("answered %s", got)
	}
	if err := <-ended; err != nil || !worked {
		t.Errorf("ended with %v, the task undisturbed: %v", err, worked)
	}
	if _, err := post(t, url); err == nil {
		t.Error("it still answers")
	}
}

// TestEndCutsOff what does not end: its contexts end, and Run says so.
func TestEndCutsOff(t *testing.T) {
	a, _ := newApp(nil)
	a.GracePeriod = time.Millisecond
	began, over := make(chan struct{}), make(chan struct{}, 2)
	a.Handler = func(ctx context.Context, _ Invocation, _ *Response) error {
		a.Task(ctx, "work", func(ctx context.Context) error {
			<-ctx.Done()
			over <- struct{}{}
			return ctx.Err()
		})
		close(began)
		<-ctx.Done()
		over <- struct{}{}
		return ctx.Err()
	}
	url, stop := running(t, a)
	failed := make(chan error, 1)
	go func() {
		_, err := post(t, url)
		failed <- err
	}()
	<-began
	if err := stop(); err == nil || !strings.Contains(err.Error(), "work undone") {
		t.Errorf("ended with %v", err)
	}
	<-over
	<-over
	<-failed
}

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		env       map[string]string
		container bool
		want      string
	}{
		{nil, false, "127.0.0.1:8080"},
		{nil, true, "0.0.0.0:8080"},
		{map[string]string{"PORT": "9"}, false, "127.0.0.1:9"},
		{map[string]string{"DOCKER_CONTAINER": "1"}, false, "0.0.0.0:8080"},
		{map[string]string{"DOCKER_CONTAINER": "1", "HOST": "127.0.0.1", "PORT": "41000"}, true, "127.0.0.1:41000"},
		{map[string]string{"HOST": "::1"}, false, "[::1]:8080"},
		{map[string]string{"PORT": "http"}, false, ""},
		{map[string]string{"PORT": "0"}, false, ""},
		{map[string]string{"PORT": "65536"}, false, ""},
	} {
		got, err := address(func(name string) string { return c.env[name] }, func() bool { return c.container })
		if got != c.want || (err != nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "PORT is") {
			t.Errorf("%v in a container: %v: %q, %v", c.env, c.container, got, err)
		}
	}
}

func TestRunWhereItCannot(t *testing.T) {
	a, _ := newApp(nil)
	if err := a.Run(t.Context(), "127.0.0.1:99999"); err == nil || !strings.Contains(err.Error(), "127.0.0.1:99999") {
		t.Errorf("got %v", err)
	}
	t.Setenv("PORT", "x")
	if err := a.Run(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "PORT") {
		t.Errorf("got %v", err)
	}
}

// TestListenerThatFails ends the agent, and its tasks with it.
func TestListenerThatFails(t *testing.T) {
	a, _ := newApp(nil)
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	a.Task(t.Context(), "work", func(ctx context.Context) error {
		<-ctx.Done()
		close(over)
		return ctx.Err()
	})
	l.Close()
	if err := a.Serve(t.Context(), l); err == nil {
		t.Error("it ended well")
	}
	<-over
}
