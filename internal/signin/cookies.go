package signin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// shardSize keeps a cookie with its name and attributes below the 4096 bytes that browsers keep (RFC 6265 section 6.1).
	shardSize = 3800
	// maxRecord is the most that a session may hold, which is where a load balancer gives up too.
	maxRecord = 11 << 10
	maxShards = 4
)

// jar writes and reads this gate's cookies. One place sets their attributes.
type jar struct {
	name   string // with its prefix
	secure bool
}

func newJar(c *Config) jar {
	if strings.HasPrefix(c.RedirectURL, "https:") {
		// A browser takes a __Host- cookie from this very host alone, over https: no sibling host can plant one.
		return jar{name: "__Host-" + c.CookieName, secure: true}
	}
	return jar{name: c.CookieName}
}

func (j jar) set(w http.ResponseWriter, name, value string, maxAge time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: max(int(maxAge/time.Second), 1),
		Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (j jar) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// one reads a cookie that must come once. Two of one name mean that another host planted one of them, and nothing tells
// which (A44).
func (j jar) one(r *http.Request, name string) (string, bool) {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return "", false
	}
	return found[0].Value, true
}

// shard is the name of one part of the session cookie. A session that needs one part only has -0 as well.
func (j jar) shard(i int) string { return j.name + "-" + strconv.Itoa(i) }

// readSession joins the shards. The first one begins with their number, so that a stale shard is never taken for a part.
func (j jar) readSession(r *http.Request) (string, bool) {
	first, ok := j.one(r, j.shard(0))
	if !ok || len(first) < 2 || first[1] != '.' || first[0] < '1' || first[0] > '0'+maxShards {
		return "", false
	}
	var whole strings.Builder
	whole.WriteString(first[2:])
	for i := 1; i < int(first[0]-'0'); i++ {
		part, ok := j.one(r, j.shard(i))
		if !ok {
			return "", false
		}
		whole.WriteString(part)
	}
	return whole.String(), true
}

// writeSession splits the value over as many shards as it takes and clears those that the browser still has beyond them.
func (j jar) writeSession(w http.ResponseWriter, r *http.Request, value string, maxAge time.Duration) {
	count := (len(value) + 2 + shardSize - 1) / shardSize
	value = fmt.Sprintf("%d.%s", count, value)
	for i := range count {
		part := value[i*shardSize : min((i+1)*shardSize, len(value))]
		j.set(w, j.shard(i), part, maxAge)
	}
	j.clearFrom(w, r, count)
}

// clearSession clears every shard that the browser has.
func (j jar) clearSession(w http.ResponseWriter, r *http.Request) { j.clearFrom(w, r, 0) }

func (j jar) clearFrom(w http.ResponseWriter, r *http.Request, first int) {
	for i := first; i < maxShards; i++ {
		if len(r.CookiesNamed(j.shard(i))) > 0 {
			j.clear(w, j.shard(i))
		}
	}
}

// login is the name of the cookie of one sign-in attempt.
func (j jar) login(attempt string) string { return j.name + "-login-" + attempt }

// attempts are the names of the sign-in attempts that the browser has cookies of.
func (j jar) attempts(r *http.Request) []string {
	var names []string
	for _, c := range r.Cookies() {
		if attempt, ok := strings.CutPrefix(c.Name, j.login("")); ok && len(attempt) == attemptLength {
			names = append(names, c.Name)
		}
	}
	return names
}

// owns reports a name that only this gate reads.
func (j jar) owns(name string) bool {
	rest, ok := strings.CutPrefix(name, j.name+"-")
	if !ok {
		return false
	}
	attempt, login := strings.CutPrefix(rest, "login-")
	return login && len(attempt) == attemptLength || len(rest) == 1 && rest[0] >= '0' && rest[0] < '0'+maxShards
}
