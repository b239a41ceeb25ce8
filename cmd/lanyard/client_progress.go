package main

import (
	"sync"
	"time"
)

// A step is drawn as it goes: a turning mark while it lasts, then a tick or a cross. Where a line cannot be drawn over,
// only the outcome is written.

// patience is how long a step may take without saying so.
const patience = 3 * time.Second

const clearLine = "\r\x1b[K"

var frames = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// working shows a turning mark with text until stop is called, and how long it takes if it takes long; stop may be called
// more than once.
func (t *terminal) working(text string) (stop func()) {
	if !t.live {
		return func() {}
	}
	done, began := make(chan struct{}), t.now()
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(90 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			since := ""
			if d := t.now().Sub(began); d >= patience {
				since = " " + inWords(d)
			}
			t.write(clearLine + "  " + t.drawn([]span{{accent, frames[i%len(frames)]}, plainly(" "), {dim, cut(text, t.room(4+len(since))) + since}}))
			select {
			case <-done:
				t.write(clearLine)
				return
			case <-tick.C:
			}
		}
	})
	return sync.OnceFunc(func() { close(done); wg.Wait() })
}

// during runs f under a turning mark.
func during[T any](t *terminal, text string, f func() (T, error)) (T, error) {
	stop := t.working(text)
	defer stop()
	return f()
}

// chapter begins a numbered part of a story.
func (t *terminal) chapter(n, title string) {
	t.line()
	t.line(span{accent, n}, plainly("  "), span{bold, title})
}

// done, refused and note are the lines under a chapter.
func (t *terminal) done(what string, more ...span)    { t.mark(span{good, "✓"}, what, more) }
func (t *terminal) refused(what string, more ...span) { t.mark(span{bad, "✗"}, what, more) }

func (t *terminal) mark(sign span, what string, more []span) {
	t.line(append([]span{plainly("   "), sign, plainly(" " + what)}, more...)...)
}

func (t *terminal) note(text string) { t.paragraph(5, dim, text) }
