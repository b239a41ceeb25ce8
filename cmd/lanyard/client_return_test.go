package main

import (
	"net/http"
	"testing"
)

// The command goes on as soon as the browser came, but the person still gets the page that says so.
func TestReturnPointShowsItsPageBeforeItCloses(t *testing.T) {
	for range 50 {
		p, err := openReturnPoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		shown := make(chan error, 1)
		go func() {
			resp, err := http.Get(p.URL + "?session_id=s&state=" + string(p.State))
			if err == nil {
				err = resp.Body.Close()
			}
			shown <- err
		}()
		_, err = p.wait(t.Context())
		p.close()
		if err != nil {
			t.Fatal(err)
		}
		if err := <-shown; err != nil {
			t.Fatalf("the browser saw no page: %v", err)
		}
	}
}
