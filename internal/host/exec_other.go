//go:build !linux

package host

// confine drops privileges. There are no namespaces here, and nothing ties a child's life to its parent's.
func (o *order) confine() error { return o.drop() }
