package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// asker asks the person at the terminal. Without one, every question has its default as the answer: scripts and pipes are
// never left waiting.
type asker struct {
	t  *terminal
	in *bufio.Reader // nil: nobody is asked
}

// newAsker asks only where somebody can answer.
func newAsker(env *environment, t *terminal, never bool) *asker {
	f, ok := env.stdin.(*os.File)
	if never || !ok || !term.IsTerminal(int(f.Fd())) {
		return &asker{t: t}
	}
	return &asker{t: t, in: bufio.NewReader(f)}
}

func (a *asker) asks() bool { return a.in != nil }

// question asks for a text; Enter takes what is offered. check says why an answer will not do, and it is asked again.
func (a *asker) question(text, offered string, check func(string) error) (string, error) {
	if !a.asks() {
		return offered, nil
	}
	for {
		a.t.write(a.t.drawn([]span{{bold, text}}) + " ")
		if offered != "" {
			a.t.write(a.t.drawn([]span{{dim, "[" + offered + "]"}}) + " ")
		}
		answer, err := a.line()
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = offered
		}
		if check == nil {
			return answer, nil
		}
		problem := check(answer)
		if problem == nil {
			return answer, nil
		}
		a.t.warning(problem.Error())
	}
}

// yes asks for a yes or a no.
func (a *asker) yes(text string, otherwise bool) (bool, error) {
	offered := map[bool]string{true: "yes", false: "no"}[otherwise]
	answer, err := a.question(text+" (yes/no)", offered, func(s string) error {
		switch strings.ToLower(s) {
		case "y", "yes", "n", "no":
			return nil
		}
		return fmt.Errorf("answer yes or no")
	})
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}

func (a *asker) line() (string, error) {
	line, err := a.in.ReadString('\n')
	if errors.Is(err, io.EOF) && line == "" {
		return "", errors.New("stopped: the input ended before the question was answered. Nothing was changed")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// secret asks for what must not be seen. It is asked without echo, so only of a real terminal.
func (a *asker) secret(env *environment, text string) (string, error) {
	f, ok := env.stdin.(*os.File)
	if !a.asks() || !ok {
		return "", nil
	}
	a.t.write(a.t.drawn([]span{{bold, text}}) + " ")
	b, err := term.ReadPassword(int(f.Fd()))
	a.t.line()
	if err != nil {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return string(b), nil
}
