//go:build !linux

package main

import (
	"errors"
	"syscall"
	"time"
)

// dieWithParent needs Linux, as does all that the benchmark reads of other processes.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func cpuTime(int) (time.Duration, error) {
	return 0, errors.New("the processor time of another process is read on Linux only")
}
