package lab

import "testing"

// Wheels is the directory in which pip finds all that the quickstarts install.
func (l *Lab) Wheels(t testing.TB) string {
	t.Helper()
	dir, err := l.component("quickstarts", "wheels")
	return must(t, dir, err)
}

// ToolkitPython is the directory of an interpreter and its programs that has what the quickstarts install.
func (l *Lab) ToolkitPython(t testing.TB) string {
	t.Helper()
	dir, err := l.component("quickstarts", "python", "bin")
	return must(t, dir, err)
}
