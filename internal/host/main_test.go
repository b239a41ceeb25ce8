//go:build linux

package host

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary play every part: the child that confines itself, the agent, and a host of its own. These
// end by syscall.Exit, because os.Exit waits a second under the race detector.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "host-exec":
			if err := ExecMain(); err != nil {
				fmt.Fprintln(os.Stderr, "lanyard: "+err.Error())
				syscall.Exit(127)
			}
			syscall.Exit(0)
		case "agent":
			agentMain(os.Args[2])
			return
		case "whole-host":
			wholeHost(os.Args[2])
			return
		}
	}
	goleak.VerifyTestMain(m)
}
