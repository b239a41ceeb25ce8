package pgtest

import "syscall"

// dieWithParent ends the server with a test binary that was killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} }
