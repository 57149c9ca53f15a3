package routes

import (
	"fmt"
	"strings"
)

// Few names the first of a list, and counts the others: a text is to be read. Who
// needs all of them finds them in what scripts read.
func Few(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
