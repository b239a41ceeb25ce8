//go:build quick

package store_test

// keepServer has nothing to keep: quick tests need only Go.
func keepServer() func() error { return func() error { return nil } }
