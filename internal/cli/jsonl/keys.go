package jsonl

import "strings"

// check compares the names of a line's fields, as they are written, with
// those that the op takes: the JSON decoder alone would accept any case. It
// returns the first that does not belong. The line is valid JSON.
func (f fields) check(line []byte) (name string, ok bool) {
	const head, filter = " v id op ", " interfaces destinations next_hops metrics states address_family "
	depth, object := 0, []bool{}
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '{', '[':
			depth++
			object = append(object, line[i] == '{')
		case '}', ']':
			depth--
			object = object[:depth]
		case '"':
			end := stringEnd(line, i)
			text := line[i+1 : end]
			i = end
			if depth == 0 || !object[depth-1] || !beforeColon(line, end+1) {
				continue
			}
			allowed := f.item
			switch depth {
			case 1:
				allowed = head + f.own
			case 2:
				allowed = filter
			}
			if name := string(text); !strings.Contains(allowed, " "+name+" ") {
				return clip(name), false
			}
		}
	}
	return "", true
}

// stringEnd is the place of the quote that ends the string starting at i.
func stringEnd(line []byte, i int) int {
	for i++; i < len(line)-1 && line[i] != '"'; i++ {
		if line[i] == '\\' {
			i++
		}
	}
	return i
}

func beforeColon(line []byte, i int) bool {
	for ; i < len(line); i++ {
		switch line[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return line[i] == ':'
		}
	}
	return false
}

// clip keeps a message short, whatever the input was.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "..."
	}
	return s
}
