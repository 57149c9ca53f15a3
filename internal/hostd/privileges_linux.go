package hostd

import "golang.org/x/sys/unix"

// chown is the privilege to give a file to a group.
const chown = 1 << unix.CAP_CHOWN
