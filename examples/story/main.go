// Command story starts the whole picture of docs/own-compute.md on this machine, for somebody who has only Go: Lanyard with
// its front door, the agent, and stand-ins for GitHub and for the model. `make story` builds what it needs and runs it.
//
// With GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET in the environment it is the real GitHub, and with OPENAI_BASE_URL,
// OPENAI_MODEL and OPENAI_API_KEY a real model.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	s := story{getenv: os.Getenv}
	flag.StringVar(&s.lanyard, "lanyard", "bin/lanyard", "the program")
	flag.StringVar(&s.agent, "agent", "bin/github-agent", "the agent")
	flag.StringVar(&s.dir, "data-dir", "lanyard-story", "directory where everything is kept")
	flag.StringVar(&s.listen, "listen", "127.0.0.1:8585", "address of Lanyard")
	flag.StringVar(&s.door, "front-door", "127.0.0.1:8586", "address of the front door, where the page is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "story:", err)
		os.Exit(1)
	}
}

type story struct {
	lanyard, agent, dir, listen, door string
	getenv                            func(string) string
}

// run returns when it is told to end, or when one of the programs does.
func (s *story) run(ctx context.Context, out io.Writer) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	programs := &programs{ctx: ctx, dir: s.dir, ended: make(chan error, 2)}
	defer programs.wait()
	defer cancel()

	backend, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	envFile := filepath.Join(s.dir, "env")
	if err := os.Remove(envFile); err != nil && !os.IsNotExist(err) {
		return err
	}
	err = programs.start("lanyard", nil, s.lanyard, "dev", "--listen", s.listen, "--data-dir", filepath.Join(s.dir, "lanyard"), "--env-file", envFile,
		"--front-door-listen", s.door, "--front-door-backend", "http://"+backend)
	if err != nil {
		return err
	}
	env, err := programs.exports(envFile)
	if err != nil {
		return err
	}
	world, err := s.world(ctx)
	if err != nil {
		return err
	}
	defer world.close()
	developer, err := asDeveloper(ctx, env)
	if err != nil {
		return err
	}
	key, err := s.register(ctx, developer, world)
	if err != nil {
		return err
	}
	settings, err := s.settings(env, key, world, backend)
	if err != nil {
		return err
	}
	if err := programs.start("agent", settings, s.agent); err != nil {
		return err
	}
	s.say(out, env, world)
	return programs.first()
}

func (s *story) say(out io.Writer, env map[string]string, w *world) {
	github := "a stand-in: sign in there under any name"
	if w.github == nil {
		github = "the real one; its callback URL is " + w.callback
	}
	fmt.Fprintf(out, `
  The page is at http://%s

    sign in as   %s
    password     %s
    GitHub       %s
    logs         %s

  Ask who you are on GitHub, give consent, and see the answer come. Then, in another terminal,
  every step of it, from the sign-in to each call:

    eval "$(%s env --data-dir %s)" && %s audit find

  Ctrl-C ends it.
`, s.door, env["LANYARD_DEV_USERNAME"], env["LANYARD_DEV_PASSWORD"], github, filepath.Join(s.dir, "*.log"), s.lanyard, filepath.Join(s.dir, "lanyard"), s.lanyard)
}
