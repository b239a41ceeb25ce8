package host

import (
	"errors"
	"os/exec"
	"runtime"
)

// starter starts processes from one thread that lives as long as the host. The kernel signals a child when the thread
// that made it ends (prctl(2), PR_SET_PDEATHSIG), and Go ends threads as it pleases.
type starter struct {
	jobs chan startJob
	done chan struct{}
}

type startJob struct {
	cmd    *exec.Cmd
	result chan error
}

func newStarter() *starter { return &starter{jobs: make(chan startJob), done: make(chan struct{})} }

// run serves until done is closed. Its goroutine keeps its thread to the end, and takes it along.
func (s *starter) run() {
	runtime.LockOSThread()
	for {
		select {
		case <-s.done:
			return
		case j := <-s.jobs:
			j.result <- j.cmd.Start()
		}
	}
}

func (s *starter) start(cmd *exec.Cmd) error {
	j := startJob{cmd, make(chan error, 1)}
	select {
	case s.jobs <- j:
		return <-j.result
	case <-s.done:
		return errors.New("the agent host is being shut down")
	}
}

func (s *starter) stop() { close(s.done) }
