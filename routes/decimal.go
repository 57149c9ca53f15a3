package routes

import (
	"errors"
	"strconv"
	"strings"
)

// ParseDecimal reads a whole number that is written in digits alone. "0100",
// "0x64", "1_000" and "+1" are other numbers to other readers (0100 is 64 in
// YAML and C), so that here, as in addresses, they are none. The error is a
// clause about the text.
func ParseDecimal(text string) (uint64, error) {
	s := strings.TrimSpace(text)
	notDigit := func(r rune) bool { return r < '0' || r > '9' }
	switch {
	case s == "":
		return 0, errors.New("not a number")
	case s[0] == '-' || s[0] == '+':
		return 0, errors.New("written with a sign; write digits only")
	case strings.ContainsFunc(s, notDigit):
		return 0, errors.New("not a decimal number; write digits only")
	case s[0] == '0' && len(s) > 1:
		return 0, errors.New("written with leading zeros; write " + withoutZeros(s))
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, errors.New("larger than any number here")
	}
	return n, nil
}

func withoutZeros(s string) string {
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return s
}
