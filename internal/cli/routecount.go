package cli

import "fmt"

// routeCount counts routes in English.
func routeCount(n uint64) string {
	if n == 1 {
		return "1 route"
	}
	return fmt.Sprintf("%d routes", n)
}
