package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
)

func (w *world) try(p devidptest.Person, username, password string) *devidptest.Page {
	w.t.Helper()
	return w.submit(p, w.signInPage(p), url.Values{"username": {username}, "password": {password}})
}

// TestA49_WrongNameAndWrongPasswordLookAlike: the page does not tell whether a user exists.
func TestA49_WrongNameAndWrongPasswordLookAlike(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	wrongPassword, wrongName := w.try(p, "dev", "wrong"), w.try(p, "bob", password)
	long := w.try(p, "dev", password+strings.Repeat(" ", 72))
	for name, page := range map[string]*devidptest.Page{"wrong password": wrongPassword, "wrong name": wrongName, "too long": long} {
		if page.Status != http.StatusForbidden || !strings.Contains(page.Body, `role="alert"`) {
			t.Errorf("%s: status %d: %s", name, page.Status, page.Text())
		}
	}
	if a, b := wrongPassword.Text(), wrongName.Text(); a != b {
		t.Errorf("the pages differ:\n%s\n%s", a, b)
	}
	if strings.Contains(wrongPassword.Body, `value="wrong"`) {
		t.Error("the page repeats the password")
	}
}

// TestPasswordIsNeverCutOff: bcrypt reads 72 bytes, so that whatever follows them must not be ignored.
func TestPasswordIsNeverCutOff(t *testing.T) {
	longest := strings.Repeat("p", 72)
	hash, err := bcrypt.GenerateFromPassword([]byte(longest), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *devidp.Config) { c.User.PasswordHash = hash })
	if page := w.try(w.person(), "dev", longest+"x"); page.Status != http.StatusForbidden {
		t.Errorf("a longer password: status %d, want 403", page.Status)
	}
	if page := w.try(w.person(), "dev", longest); page.Action() != "/devidp/consent" {
		t.Errorf("the password itself: status %d: %s", page.Status, page.Text())
	}
}

func TestEmptyFieldsAreNamedAndCostNothing(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	for range 20 {
		if page := w.try(p, "dev", ""); page.Status != http.StatusForbidden || !strings.Contains(page.Text(), "Please enter") {
			t.Fatalf("status %d: %s", page.Status, page.Text())
		}
	}
	if page := w.try(p, "dev", password); page.Action() != "/devidp/consent" {
		t.Errorf("empty forms counted as guesses: %s", page.Text())
	}
}

// TestA49_GuessingIsSlowedDown: after a burst of failures the right password has to wait as well, and time mends it.
func TestA49_GuessingIsSlowedDown(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	for i := range 10 {
		if page := w.try(p, "dev", "guess"); page.Status != http.StatusForbidden {
			t.Fatalf("guess %d: status %d", i, page.Status)
		}
	}
	page := w.try(p, "dev", password)
	if page.Status != http.StatusTooManyRequests || page.Header.Get("Retry-After") == "" {
		t.Fatalf("after ten failures: status %d, Retry-After %q", page.Status, page.Header.Get("Retry-After"))
	}
	if page := w.try(p, "somebody else", "guess"); page.Status != http.StatusTooManyRequests {
		t.Errorf("another name from the same address: status %d, want 429", page.Status)
	}
	w.advance(6 * time.Second)
	if page := w.try(p, "dev", password); page.Action() != "/devidp/consent" {
		t.Errorf("after the wait: status %d: %s", page.Status, page.Text())
	}
}

func TestSuccessfulSignInsAreNeverSlowedDown(t *testing.T) {
	w := newWorld(t)
	for range 30 {
		if page := w.try(w.person(), "dev", password); page.Action() != "/devidp/consent" {
			t.Fatalf("status %d: %s", page.Status, page.Text())
		}
	}
}
