package server

import (
	"fmt"
	"path"
	"strings"

	"github.com/hcsroute/hcsroute/routes"
)

// Bounds of the patterns of one filter. A device has a handful of ports, and a
// pattern longer than an alias matches none that a shorter one does not.
const (
	maxPatterns = 64
	maxPattern  = 256 // bytes
)

// portMatch matches aliases with patterns of '*' and '?', each alias once.
type portMatch struct {
	patterns []string            // folded, for path.Match
	exact    map[string]struct{} // folded
	known    map[string]bool     // what was found of an alias
}

// newPortMatch compiles the patterns; exact are the aliases without wildcards.
func newPortMatch(given []string, exact map[string]struct{}) (*portMatch, error) {
	if len(given) > maxPatterns {
		return nil, &routes.Error{
			Reason: routes.BatchTooLarge, Field: "interfaces", Value: fmt.Sprint(len(given)), Problem: fmt.Sprintf("more than %d patterns", maxPatterns),
			Action: "Give fewer patterns; one * can stand for many ports", Params: map[string]string{"limit": fmt.Sprint(maxPatterns)},
		}
	}
	m := &portMatch{exact: exact, known: map[string]bool{}}
	// path.Match's other special characters are escaped, and "/" is as good as any.
	escape := strings.NewReplacer(`\`, `\\`, `[`, `\[`, "/", "\x01")
	for _, text := range given {
		if len(text) > maxPattern {
			return nil, &routes.Error{
				Reason: routes.BadRequest, Field: "interfaces", Value: fmt.Sprintf("%.32q...", text), Problem: fmt.Sprintf("a pattern longer than %d bytes", maxPattern),
				Action: "Give a shorter pattern, such as Port*",
			}
		}
		m.patterns = append(m.patterns, escape.Replace(routes.FoldAlias(strings.TrimSpace(text))))
	}
	return m, nil
}

func (m *portMatch) takes(alias string) bool {
	taken, ok := m.known[alias]
	if !ok {
		taken = m.match(routes.FoldAlias(alias))
		m.known[alias] = taken
	}
	return taken
}

func (m *portMatch) match(alias string) bool {
	if _, ok := m.exact[alias]; ok {
		return true
	}
	alias = strings.ReplaceAll(alias, "/", "\x01")
	for _, pattern := range m.patterns {
		if ok, err := path.Match(pattern, alias); ok && err == nil {
			return true
		}
	}
	return false
}
