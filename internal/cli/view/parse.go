package view

import (
	"slices"
	"strings"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// StatusWord is a word that a filter by status takes.
type StatusWord struct {
	Word, Meaning string
	state         pb.State // unspecified for a code
}

// StatusWords are the states of a stored route, then the codes that say more of
// one: causes, conditions and warnings.
func StatusWords() []StatusWord {
	words := []StatusWord{
		{string(routes.Programmed), "in the kernel of every node", pb.State_STATE_PROGRAMMED},
		{string(routes.Waiting), "not yet in every kernel", pb.State_STATE_WAITING},
		{string(routes.Removing), "removed, but not yet proved gone", pb.State_STATE_REMOVING},
		{string(routes.Failed), "refused by a node", pb.State_STATE_FAILED},
	}
	for _, c := range routes.Causes() {
		words = append(words, StatusWord{Word: c.Code, Meaning: c.Meaning})
	}
	for _, w := range routes.Warnings() {
		twice := slices.ContainsFunc(words, func(s StatusWord) bool { return s.Word == string(w.Code) })
		// These two are said of a call, and no stored route has them.
		if ofCall := w.Code == routes.WarnNotProgrammed || w.Code == routes.WarnStoreBehind; !ofCall && !twice {
			words = append(words, StatusWord{Word: string(w.Code), Meaning: strings.TrimSuffix(w.Meaning, ".")})
		}
	}
	return words
}

// AddStatus adds a word to a filter's states or codes. Case, '_' and '-' are of no
// account: PowerShell shows LinkDown, the tables LINK_DOWN. Field and value of the
// refusal are the caller's.
func AddStatus(f *pb.RouteFilter, word string) *routes.Error {
	var codes []string
	for _, s := range StatusWords() {
		isCode := s.state == pb.State_STATE_UNSPECIFIED
		switch same := plain(word) == plain(s.Word); {
		case same && isCode:
			f.Codes = append(f.Codes, s.Word)
			return nil
		case same:
			f.States = append(f.States, s.state)
			return nil
		case isCode:
			codes = append(codes, s.Word)
		}
	}
	return &routes.Error{
		Reason: routes.BadRequest, Problem: "not a state (PROGRAMMED, WAITING, REMOVING or FAILED), and not a code of one",
		Action: "Use a state, or one of the codes " + strings.Join(codes, ", "),
	}
}

func plain(word string) string {
	return strings.ToUpper(strings.NewReplacer("_", "", "-", "").Replace(word))
}

// ParseFamily reads IPv4 or IPv6, in any case; empty is both.
func ParseFamily(s string) (pb.AddressFamily, bool) {
	switch strings.ToLower(s) {
	case "":
		return pb.AddressFamily_ADDRESS_FAMILY_UNSPECIFIED, true
	case "ipv4":
		return pb.AddressFamily_ADDRESS_FAMILY_IPV4, true
	case "ipv6":
		return pb.AddressFamily_ADDRESS_FAMILY_IPV6, true
	}
	return 0, false
}
