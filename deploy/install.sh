#!/bin/sh
# Installs what `make build` made: programs, units and samples of the
# configuration. `make install` calls it with DESTDIR and PREFIX; BIN is the folder
# of the programs. It starts nothing and overwrites no configuration.
set -eu
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr/local} destdir=${DESTDIR:-} bin=${BIN:-bin}

for program in hcsrouted hcsroute hcsroute-agent; do
	install -D -m 0755 "$bin/$program" "$destdir$prefix/bin/$program"
done
units=$destdir$prefix/lib/systemd/system
for unit in hcsrouted.service hcsroute-agent.service; do
	install -d "$units"
	sed "s|/usr/local/|$prefix/|g" "deploy/systemd/$unit" > "$units/$unit"
	chmod 0644 "$units/$unit"
done
install -D -m 0644 deploy/sysusers.d/hcsroute.conf "$destdir$prefix/lib/sysusers.d/hcsroute.conf"
install -D -m 0644 deploy/networkd.conf.d/10-hcsroute.conf "$destdir$prefix/lib/systemd/networkd.conf.d/10-hcsroute.conf"
install -D -m 0644 deploy/rt_protos.d/hcsroute.conf "$destdir/etc/iproute2/rt_protos.d/hcsroute.conf"
for page in docs/*.md; do
	install -D -m 0644 "$page" "$destdir$prefix/share/doc/hcsroute/${page#docs/}"
done
# For the certificates, which the operator copies there.
install -d -m 0755 "$destdir/etc/hcsroute/pki"
for sample in deploy/config/*.yaml; do
	name=${sample#deploy/config/}
	install -D -m 0644 "$sample" "$destdir$prefix/share/doc/hcsroute/examples/$name"
	[ -e "$destdir/etc/hcsroute/$name" ] || install -D -m 0644 "$sample" "$destdir/etc/hcsroute/$name"
done
