package frontdoor

import (
	"net/url"
	"strings"
	"testing"
)

func testTable(t *testing.T, rules ...Rule) table {
	t.Helper()
	for i := range rules {
		if rules[i].Backend == nil {
			rules[i].Backend = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
		}
	}
	tab, err := newTable([]string{"a.example.com", "b.example.com"}, rules, (&Door{}).ownRoutes())
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestRuleMatching(t *testing.T) {
	tab := testTable(t,
		Rule{Path: "/"}, Rule{Path: "/api"}, Rule{Path: "/api/admin/"}, Rule{Path: "/ping", Public: true},
		Rule{Hosts: []string{"B.example.com."}, Path: "/api"})
	for _, c := range []struct{ host, path, want string }{
		{"a.example.com", "/", "0 /"}, {"a.example.com", "/x", "0 /"}, {"a.example.com", "/apix", "0 /"},
		{"a.example.com", "/api", "1 /api"}, {"a.example.com", "/api/", "1 /api"}, {"a.example.com", "/api/x", "1 /api"},
		{"a.example.com", "/api/admin", "2 /api/admin"}, {"a.example.com", "/api/admin/x", "2 /api/admin"}, {"a.example.com", "/api/administrators", "1 /api"},
		{"a.example.com", "/ping", "3 /ping"}, {"a.example.com", "/pingpong", "0 /"},
		{"b.example.com", "/api/x", "4 /api"}, {"b.example.com", "/api/admin", "2 /api/admin"}, {"b.example.com", "/", "0 /"},
		{"a.example.com", "/oauth2/idpresponse", "own /oauth2/idpresponse"}, {"a.example.com", "/oauth2/session-binding", "0 /"},
		{"a.example.com", "/oauth2/public-keys/x", "own /oauth2/public-keys"},
	} {
		rt, err := tab.match(c.host, c.path)
		if err != nil || rt == nil || rt.id != c.want {
			t.Errorf("%s%s fell under %v (%v), want %s", c.host, c.path, rt, err, c.want)
		}
	}
	if rt, err := testTable(t, Rule{Path: "/only"}).match("a.example.com", "/other"); rt != nil || err != nil {
		t.Errorf("a path of no rule fell under %v (%v)", rt, err)
	}
}

// The order of the configuration does not matter.
func TestRuleOrderDoesNotMatter(t *testing.T) {
	one := testTable(t, Rule{Path: "/"}, Rule{Path: "/a"}, Rule{Path: "/a/b"})
	two := testTable(t, Rule{Path: "/a/b"}, Rule{Path: "/a"}, Rule{Path: "/"})
	for _, p := range []string{"/", "/a", "/a/b", "/a/b/c", "/x"} {
		r1, err1 := one.match("a.example.com", p)
		r2, err2 := two.match("a.example.com", p)
		if err1 != nil || err2 != nil || r1.Path != r2.Path {
			t.Errorf("%s fell under %s and %s (%v, %v)", p, r1.Path, r2.Path, err1, err2)
		}
	}
}

// Paths by which a rule could be dodged: refused, or under the rule that they would have at the most careless backend.
func TestRulesAreNotDodged(t *testing.T) {
	tab := testTable(t, Rule{Path: "/", Public: true}, Rule{Path: "/admin"}, Rule{Path: "/Files"})
	for _, raw := range []string{
		"/admin%2fx", "/x%2F..%2Fadmin", "/x/../admin", "/./admin", "/x/%2e%2e/admin", "/%2e/admin", "//admin", "/x//admin", "/%2fadmin",
		"/admin%00", "/%61dmin%0a", `/\admin`, "/x%5c..%5cadmin", "/x/..;/admin", "/x/..;a=b/admin", "/%252e%252e/admin", "/%2561dmin",
		"/ADMIN", "/Admin/x", "/admin;x", "/admin;x/y", "/admin.", "/admin%20", "/admin%20/x", "/files", "/%c0%afadmin", "/x/.", "/x/...", "/;/admin", "/%3b/admin",
		"/OAUTH2/idpresponse", "/oauth2/sign-out;x", "/oauth2/idpresponse.",
	} {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			continue // net/http refuses it before us
		}
		p, err := canonicalPath(u)
		if err == nil {
			_, err = tab.match("a.example.com", p)
		}
		if err == nil {
			t.Errorf("%q was taken for %q", raw, p)
		}
	}
	for raw, want := range map[string]string{"/%61dmin": "/admin", "/admin/": "/admin", "/admin/a%20b": "/admin", "/a.b/c;x=1": "/", "/x/..y": "/", "/caf%C3%A9": "/", "/a+b:c@d": "/", "/x/.well-known": "/"} {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			t.Fatal(err)
		}
		p, err := canonicalPath(u)
		if err != nil {
			t.Errorf("%q was refused: %v", raw, err)
			continue
		}
		if rt, err := tab.match("a.example.com", p); err != nil || rt.Path != want {
			t.Errorf("%q: %v, %v; want %s", raw, rt, err, want)
		}
	}
}

func FuzzRulesAreNotDodged(f *testing.F) {
	for _, s := range []string{"/admin", "/x/..;/admin", "/%61dmin", "/ADMIN.", "//admin", "/a%2fb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		tab := testTable(t, Rule{Path: "/", Public: true}, Rule{Path: "/admin"})
		u, err := url.ParseRequestURI(raw)
		if err != nil || u.Host != "" {
			return
		}
		p, err := canonicalPath(u)
		if err != nil {
			return
		}
		rt, err := tab.match("a.example.com", p)
		if err != nil {
			return
		}
		again := (&url.URL{Path: p}).EscapedPath()
		if v, err := url.ParseRequestURI(again); err != nil || v.Path != p {
			t.Fatalf("%q is forwarded as %q, which is read as another path", raw, again)
		}
		// The first segment as a careless backend reads it.
		first, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
		first, _, _ = strings.Cut(first, ";")
		if strings.EqualFold(strings.TrimRight(first, ". "), "admin") && rt.Public {
			t.Fatalf("%q dodged the rule of /admin", raw)
		}
	})
}

func TestRulesThatAreRefused(t *testing.T) {
	b := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	for name, c := range map[string]struct {
		rules []Rule
		want  string
	}{
		"twice":             {[]Rule{{Path: "/a", Backend: b}, {Path: "/a/", Backend: b}}, "has a rule already"},
		"case":              {[]Rule{{Path: "/a", Backend: b}, {Path: "/A", Backend: b}}, "differs in case"},
		"same host":         {[]Rule{{Path: "/a", Hosts: []string{"a.example.com"}, Backend: b}, {Path: "/a", Hosts: []string{"b.example.com", "A.EXAMPLE.COM"}, Backend: b}}, "has a rule already"},
		"own":               {[]Rule{{Path: "/oauth2/idpresponse", Backend: b}}, "belongs to the front door"},
		"own, keys":         {[]Rule{{Path: "/oauth2/public-keys", Backend: b}}, "belongs to the front door"},
		"other host":        {[]Rule{{Hosts: []string{"c.example.com"}, Backend: b}}, "no public URL"},
		"dots":              {[]Rule{{Path: "/a/../b", Backend: b}}, "cannot be matched safely"},
		"relative":          {[]Rule{{Path: "a", Backend: b}}, "cannot be matched safely"},
		"parameter":         {[]Rule{{Path: "/a;b", Backend: b}}, "some programs drop"},
		"no backend":        {[]Rule{{}}, "backend"},
		"backend with path": {[]Rule{{Backend: &url.URL{Scheme: "http", Host: "x", Path: "/y"}}}, "backend"},
		"backend of files":  {[]Rule{{Backend: &url.URL{Scheme: "file", Host: "x"}}}, "backend"},
		"action":            {[]Rule{{Backend: b, Unauthenticated: "maybe"}}, "authenticate, allow, deny"},
		"token":             {[]Rule{{Backend: b, ForwardJWT: "refresh_token"}}, "access_token, id_token"},
		"public token":      {[]Rule{{Backend: b, Public: true, SendAccessToken: true}}, "public"},
		"negative body":     {[]Rule{{Backend: b, MaxBody: -1}}, "max_body_bytes"},
	} {
		_, err := newTable([]string{"a.example.com", "b.example.com"}, c.rules, (&Door{}).ownRoutes())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want something of %q", name, err, c.want)
		}
	}
}

func TestCanonicalHost(t *testing.T) {
	for _, c := range []struct{ in, scheme, want string }{
		{"App.Example.COM", "https", "app.example.com"}, {"app.example.com.", "https", "app.example.com"}, {"app.example.com:443", "https", "app.example.com"},
		{"app.example.com:443", "http", "app.example.com:443"}, {"app.example.com:80", "http", "app.example.com"}, {"[::1]:8443", "https", "[::1]:8443"}, {"[::1]", "https", "[::1]"},
		{"", "https", ""}, {"a b", "https", ""}, {"a/b", "https", ""}, {"u@a", "https", ""}, {".", "https", ""}, {"a%41", "https", ""},
	} {
		if got, _ := canonicalHost(c.in, c.scheme); got != c.want {
			t.Errorf("%q of %s became %q, want %q", c.in, c.scheme, got, c.want)
		}
	}
}
