// Package lab is the bench on which the conformance tests put a running Lanyard, real clients, real identity providers
// and a real browser together.
//
// It builds the lanyard program from the checkout, starts and kills it, starts the providers on free loopback ports,
// runs the clients' programs with an environment that holds nothing of the developer's own, and drives Chromium through
// sign-in and consent as a person would. It never skips: a component that is absent fails the test with the command
// that installs it.
//
// Whatever runs here trusts every process on the machine; nothing of it may be part of a service.
package lab
