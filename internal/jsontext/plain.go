package jsontext

// Eight bytes at once: a token of 2 KiB is looked at byte by byte for longer than it is encrypted.
const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// Plain tells a text that JSON spells as it is: printable ASCII without quotes and backslashes.
func Plain[T ~string | ~[]byte](s T) bool {
	for len(s) >= 8 {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		odd := x | (x + everyByte) // the high bit of what is no ASCII, and of DEL
		odd |= below(x, ' ') | below(x^'"'*everyByte, 1) | below(x^'\\'*everyByte, 1)
		if odd&highBits != 0 {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// below has a high bit set if a byte of x is below n, which is 128 at most. Where there is none, there is no such byte.
func below(x, n uint64) uint64 { return (x - n*everyByte) &^ x }
