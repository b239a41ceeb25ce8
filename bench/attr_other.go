//go:build !linux

package main

import "syscall"

// dieWithParent needs Linux, as does all that the benchmark reads from /proc.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
