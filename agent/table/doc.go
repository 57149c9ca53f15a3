// Package table makes a node's kernel hold exactly the desired routes, keeps
// it so against drift, and says of each route whether the kernel has it.
//
// One goroutine, Run, owns everything and compares levels, not edges: requests
// and kernel events only mark routes as due, and each due route is decided again
// from the desired set, the links' facts and what the kernel is known to hold.
// A route counts as programmed only after the kernel itself has described it.
package table
