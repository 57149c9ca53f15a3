// Package rtnl is the agent's own codec and sockets for rtnetlink routes: the
// hot path. One sendto carries up to 256 routes, a strict dump is filtered in
// the kernel, and a separate socket receives changes.
//
// It never sends NLM_F_REPLACE, which would take over another manager's route
// with the same kernel key, and every delete names protocol, metric, gateway
// and link. Formats: RFC 3549, rtnetlink(7), the kernel's uapi/linux/rtnetlink.h.
package rtnl
