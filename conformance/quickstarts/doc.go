// Package quickstarts plays two public quickstart documents against a running lanyard, from their first command to their
// last: one in which an agent proves itself with a token of its own, and one in which a user consents to it.
//
//	make quickstarts SEEDS=DIR
//
// The documents are not part of this project and nothing of them is copied here: DIR holds them, and package document
// finds their shell blocks and files. Package terminal is the terminal into which they are pasted, package converse the
// model that the agents call. docs/seeds.md is the ledger: it numbers what the documents say and names the test that
// shows it; a number that nothing showed fails the run.
//
// What runs here are unmodified clients and the documents' own code. It protects nobody and is no part of a service.
package quickstarts
