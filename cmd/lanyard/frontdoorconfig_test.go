package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

func TestFrontDoorListensOnLoopbackByName(t *testing.T) {
	cfg, err := readDoorConfig(writeDoorConfig(t, "localhost:8586", "http://127.0.0.1:1/idp", "http://127.0.0.1:2", ""))
	if err != nil || cfg.Listen != "localhost:8586" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

// Rules are counted as they are in the file, also where the process answers a path itself.
func TestFrontDoorRulesKeepTheirNumbers(t *testing.T) {
	c := &doorConfig{Rules: []doorRule{{Path: "/", Backend: "http://127.0.0.1:1"}},
		handlers: map[string]doorOf{"/own": func() (http.Handler, error) { return http.NotFoundHandler(), nil }}}
	rules, err := c.rules()
	if err != nil || len(rules) != 2 || rules[0].Path != "/" || rules[1].Handler == nil {
		t.Errorf("%+v, %v", rules, err)
	}
}

// Every setting that the front door is told reaches it.
func TestFrontDoorSettingsReachIt(t *testing.T) {
	path := writeDoorConfig(t, "127.0.0.1:1", "http://127.0.0.1:1/idp", "http://127.0.0.1:2", `trusted_proxies: [10.0.0.0/8]
forwarded_host: true
strip_headers: [X-Corp-Login]
limits: {streams_per_user: 7, streams_per_address: 8, connections: 9}
`)
	cfg, err := readDoorConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDoor(testEnvironment(nil, &strings.Builder{}, &strings.Builder{}), cfg, newLogger(&strings.Builder{}, cfg.Log))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	l := cfg.Limits.limits()
	if l != (frontdoor.Limits{StreamsPerUser: 7, StreamsPerAddress: 8, Connections: 9}) || !cfg.ForwardedHost || !slices.Equal(cfg.StripHeaders, []string{"X-Corp-Login"}) {
		t.Errorf("%+v, %+v", cfg, l)
	}
	cfg.StripHeaders = []string{"-"}
	if _, err := openDoor(testEnvironment(nil, &strings.Builder{}, &strings.Builder{}), cfg, newLogger(&strings.Builder{}, cfg.Log)); err == nil || !strings.Contains(err.Error(), "strip_headers") {
		t.Errorf("a header that is none: %v", err)
	}
}
