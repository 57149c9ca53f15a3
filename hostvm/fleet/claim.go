package fleet

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
)

// maxClaim is the longest text of a node that is taken over, in bytes.
const maxClaim = 512

// claim is a text that a node says, fit for messages, tables and terminals:
// what is not printable, such as control and bidirectional characters, and all
// beyond maxClaim is left out. It does not hold the original in memory.
func claim(s string) string {
	plain := len(s) <= maxClaim
	for i := 0; plain && i < len(s); i++ {
		plain = ' ' <= s[i] && s[i] <= '~'
	}
	if plain {
		return s
	}
	cut := len(s) > maxClaim
	if cut {
		s = s[:maxClaim]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, s)
	const dots = "..."
	if !cut {
		return strings.Clone(s)
	}
	return agentapi.Head(s, maxClaim-len(dots)) + dots
}

// token reports whether s can be the word of a cause or condition, also of one
// that this version does not know.
func token(s string) bool {
	if len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
