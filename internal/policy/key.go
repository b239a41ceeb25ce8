package policy

import "strings"

// maxKey bounds the name of a condition key; a tag key is 128 characters.
const maxKey = 640

// keyKind says who answers a condition key: the caller's record, the resource,
// or, for all others, the request's context.
type keyKind uint8

const (
	keyContext keyKind = iota
	keyUsername
	keyUserID
	keyPrincipalARN
	keyPrincipalAccount
	keyPrincipalType
	keyPrincipalTag
	keyResourceTag
	keySourceIP
	keySecureTransport
	keyCurrentTime
	keyEpochTime
	keyTokenIssueTime
	keyFederatedProvider
	keySourceIdentity
	keyRoleSessionName
)

// valueType is what a known key's values are, as Lint compares it with the
// operator.
type valueType uint8

const (
	typeString valueType = iota
	typeARN
	typeIP
	typeDate
	typeNumber
	typeBool
)

// key is a compiled condition key. Keys compare without the case of ASCII
// letters, those of tags included.
type key struct {
	kind    keyKind
	typ     valueType
	several bool   // the key has several values by its nature
	known   bool   // of our namespaces
	nowhere bool   // known, and never answered here
	name    string // in lower case
	tag     string // what follows the slash of a tag key, in lower case
	written string
}

func (k *key) timed() bool {
	return k.kind == keyCurrentTime || k.kind == keyEpochTime || k.kind == keyTokenIssueTime
}

// ours are the namespaces whose keys are all known. A misspelled key in them
// would never be answered, and the condition would quietly mean nothing.
func ours(namespace string) bool {
	switch namespace {
	case "aws", "sts", "iam", "bedrock-agentcore", "lanyard":
		return true
	}
	return false
}

// key compiles the name of a condition key; what introduces it in errors.
func (p *parser) key(what, name string) (key, error) {
	folded := fold(name)
	colon := strings.LastIndexByte(folded, ':') // an issuer's address may have a port
	if slash := strings.IndexByte(folded, '/'); slash >= 0 && ours(beforeColon(folded)) {
		colon = strings.IndexByte(folded[:slash], ':')
	}
	switch {
	case len(name) > maxKey:
		return key{}, p.fail("%s %s, which is longer than %d bytes", what, quote(name), maxKey)
	case colon <= 0 || colon == len(name)-1:
		return key{}, p.fail("%s %s, which is no condition key: it must be a namespace, a colon and a name, for instance aws:SourceIp", what, quote(name))
	case strings.TrimSpace(name) != name || strings.ContainsAny(folded[:colon], " ${}*?"):
		return key{}, p.fail("%s %s, which has a space or a sign where none may be", what, quote(name))
	}
	k := key{name: folded, written: name}
	if !ours(beforeColon(folded)) {
		return k, nil
	}
	return p.knownKey(what, k)
}

func beforeColon(s string) string {
	before, _, _ := strings.Cut(s, ":")
	return before
}

func (p *parser) knownKey(what string, k key) (key, error) {
	slash := strings.IndexByte(k.name, '/')
	for i := range knownKeys {
		known := &knownKeys[i]
		if !known.tags && foldsTo(known.name, k.name) {
			return known.fill(k), nil
		}
		if known.tags && slash >= 0 && foldsTo(known.name, k.name[:slash]) {
			if k.tag = k.name[slash+1:]; k.tag == "" {
				return k, p.fail("%s %s, which names nothing behind the slash", what, quote(k.written))
			}
			return known.fill(k), nil
		}
	}
	return k, p.fail("%s %s, which is unknown and would never match. Is %s meant?", what, quote(k.written), nearestKey(k.name))
}

// fill copies what the table knows of a key.
func (known *knownKey) fill(k key) key {
	k.kind, k.typ, k.several, k.nowhere, k.known = known.kind, known.typ, known.several, known.nowhere, true
	return k
}

// nearestKey is the known key that takes the fewest changes to become name.
func nearestKey(name string) string {
	suffix := ""
	if slash := strings.IndexByte(name, '/'); slash >= 0 {
		name, suffix = name[:slash], name[slash:]
	}
	best, least := "", maxKey
	for i := range knownKeys {
		if d := distance(fold(knownKeys[i].name), name); d < least {
			best, least = knownKeys[i].name, d
			if knownKeys[i].tags && suffix == "" {
				best += "/NAME"
			} else if knownKeys[i].tags {
				best += suffix
			}
		}
	}
	return quote(best)
}

// distance counts the insertions, deletions and replacements of bytes that
// turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
