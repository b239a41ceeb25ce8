package store

import (
	"encoding/binary"
	"slices"
	"sort"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// A term is a hash of one value of a record, together with its account and what kind of value it is. Terms only say
// where to look: what is found is compared with the filter itself, so two values that share a term cost time and nothing
// else.

// Kinds of values that records are found by. Their numbers are stored.
const (
	termAccount byte = iota
	termRequest
	termGrant
	termSession
	termUser
	termCaller
	termAction
	termResult
	termAccessKey
	termKinds
)

// termHash is FNV-1a of 32 bits.
type termHash uint32

const (
	termBasis termHash = 2166136261
	termPrime termHash = 16777619
)

func (h termHash) text(s string) termHash {
	for i := range len(s) {
		h = (h ^ termHash(s[i])) * termPrime
	}
	return h
}

func (h termHash) kind(k byte) termHash { return (h ^ termHash(k)) * termPrime }

// termList collects the terms of the values that are there, one of each kind at most.
type termList struct {
	account termHash
	list    [termKinds]uint32
	n       int
}

func termsOf(account string) termList {
	l := termList{account: termBasis.text(account).kind(0xff)} // no text holds the byte 0xff
	l.list[0], l.n = uint32(l.account.kind(termAccount)), 1
	return l
}

func (l *termList) add(kind byte, value string) {
	if value != "" {
		l.list[l.n] = uint32(l.account.kind(kind).text(value))
		l.n++
	}
}

func (l *termList) all() []uint32 { return l.list[:l.n] }

func recordTerms(r *identity.AuditRecord) termList {
	l := termsOf(washed(r.Account))
	l.add(termRequest, washed(r.RequestID))
	l.add(termGrant, washed(r.GrantID))
	l.add(termSession, washed(r.SessionID))
	l.add(termUser, washed(r.User))
	l.add(termCaller, washed(r.Caller))
	l.add(termAction, washed(r.Action))
	l.add(termResult, washed(r.Result))
	if r.Caller != "" {
		l.add(termAccessKey, washed(r.AccessKey))
	}
	return l
}

// filterTerms are those that every record has that the filter keeps.
func filterTerms(account string, f *identity.AuditFilter) []uint32 {
	l := termsOf(account)
	l.add(termRequest, f.RequestID)
	l.add(termGrant, f.GrantID)
	l.add(termSession, f.SessionID)
	l.add(termUser, f.User)
	l.add(termCaller, f.Caller)
	l.add(termAction, f.Action)
	l.add(termResult, f.Result)
	l.add(termAccessKey, f.AccessKey)
	return l.all()
}

const termSize = 4 // bytes

// packTerms writes each term once, in ascending order.
func packTerms(terms []uint32) []byte {
	slices.Sort(terms)
	terms = slices.Compact(terms)
	b := make([]byte, 0, termSize*len(terms))
	for _, t := range terms {
		b = binary.BigEndian.AppendUint32(b, t)
	}
	return b
}

// packed reads what packTerms wrote.
type packed []byte

func (p packed) len() int        { return len(p) / termSize }
func (p packed) at(i int) uint32 { return binary.BigEndian.Uint32(p[termSize*i:]) }

func (p packed) has(term uint32) bool {
	i := sort.Search(p.len(), func(i int) bool { return p.at(i) >= term })
	return i < p.len() && p.at(i) == term
}

func (p packed) hasAll(terms []uint32) bool {
	return !slices.ContainsFunc(terms, func(t uint32) bool { return !p.has(t) })
}

// A termFilter tells of many terms whether one may be among them: a Bloom filter, which is wrong about one in 300 of
// those that are not, and never about one that is.
type termFilter []byte

const (
	filterBits   = 12 // for each term
	filterProbes = 8
)

func newTermFilter(terms []uint32) termFilter {
	f := make(termFilter, (len(terms)*filterBits+7)/8+1)
	for _, t := range terms {
		for p := f.probe(t); p.left > 0; p.next() {
			f[p.at/8] |= 1 << (p.at % 8)
		}
	}
	return f
}

func (f termFilter) hasAll(terms []uint32) bool {
	return !slices.ContainsFunc(terms, func(t uint32) bool { return !f.has(t) })
}

func (f termFilter) has(term uint32) bool {
	if len(f) == 0 {
		return true // it knows nothing, so it excludes nothing
	}
	for p := f.probe(term); p.left > 0; p.next() {
		if f[p.at/8]&(1<<(p.at%8)) == 0 {
			return false
		}
	}
	return true
}

// filterProbe walks the bits of a term in a filter of that many bits.
type filterProbe struct {
	at, step, bits uint32
	left           int
}

func (f termFilter) probe(term uint32) filterProbe {
	h, bits := mix(term), uint32(8*len(f))
	return filterProbe{at: uint32(h) % bits, step: 1 + uint32(h>>32)%(bits-1), bits: bits, left: filterProbes}
}

func (p *filterProbe) next() {
	p.left--
	if p.at += p.step; p.at >= p.bits {
		p.at -= p.bits
	}
}

// mix spreads a term over 64 bits (the finaliser of SplitMix64).
func mix(term uint32) uint64 {
	x := uint64(term) + 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
