package sigv4

import (
	"testing"
	"time"
)

// FuzzReadDate: a date is read as time.Parse reads it.
func FuzzReadDate(f *testing.F) {
	for _, s := range []string{
		"20150830T123600Z", "20240229T235959Z", "20230229T000000Z", "20151301T000000Z", "20150001T000000Z", "20150100T000000Z", "20150132T000000Z",
		"20150830T240000Z", "20150830T236000Z", "20150830T235960Z", "00000101T000000Z", "99991231T235959Z", "20150830t123600z", "2015083 T123600Z",
		"20150830T123600", "20150830T123600ZZ", "", "+0150830T123600Z", "20150431T000000Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := time.Parse(timeLayout, s)
		got, ok := readDate(s)
		if valid := err == nil && len(s) == len(timeLayout); ok != valid || ok && !got.Equal(want) {
			t.Errorf("%q is read as %v, %t; want %v, %v", s, got, ok, want, err)
		}
	})
}
