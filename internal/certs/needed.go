package certs

// Needed reports whether what goes over a network, as net.Addr and the schemes of
// addresses name it, needs mutual TLS. Unix sockets alone do without: the modes of file
// and folder protect them, and the kernel names the peer. A transport that is not
// known here needs it, so that a new one starts out strict.
func Needed(network string) bool { return network != "unix" }
