// Package sessionbinding is the application's half of session binding: the page to which a browser comes back after
// consent, and which tells the service who is signed in there.
//
// It protects a user from being made to consent for somebody else, and from having somebody else's account connected to
// theirs: whoever begins a consent can send its link to another person, who may well agree at the provider. Only the
// application knows who sits in front of the browser, so only here can the two be compared. The service compares; this
// package must tell it the truth.
//
// It trusts the User function of its configuration, which reads a verified header, and the service that it calls. It must
// never take the user from the URL, must never complete a session for a request that no person made on purpose (HEAD,
// prefetch, a frame, an image), and must never write a session id, a state or a user into a log. Those who bring their
// own page for success are trusted with its looks and with nothing else: it runs no script.
//
//	c, err := client.New(ctx)
//	…
//	h, err := sessionbinding.New(sessionbinding.Config{Client: c, User: sessionbinding.FromOIDCData(verifier), Log: log})
//	…
//	mux.Handle(sessionbinding.Path, h)
//	mux.Handle(sessionbinding.Path+"/", h) // its stylesheet
//	mux.Handle("/ping", h)
//
// The URL that ends in Path is the return URL: register it with the workload identity. The credentials of the client need
// one permission, bedrock-agentcore:CompleteResourceTokenAuth (policy LanyardSessionBinding), and must not have more: a
// principal that asks for tokens and also completes sessions could consent in everybody's name.
package sessionbinding
