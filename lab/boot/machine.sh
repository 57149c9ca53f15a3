# Makes the file systems of a machine and becomes its first process, "$@". It runs
# in the machine's namespaces; all mounts end with them.
#   $work   a folder for what the machine changes
#   $name   its host name
#   $shown  folders of this system that it sees as they are, one a line
#   $copied folders of this system that it has a copy of: a line "from", a line "to"
mount --make-rprivate /
root=$work/root
mkdir -p "$work/changed" "$work/overlay" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$work/changed,workdir=$work/overlay" machine "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# Not the settings of the kernel, which the machine shares with this system.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o nosuid,nodev,mode=755 run "$root/run"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmp "$root/tmp"
mount -t tmpfs -o nosuid,mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
	: > "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
# What is started on this system is not started there, too.
if [ ! -e "$work/begun" ]; then
	rm -rf "$root/etc/systemd/system" "$root/etc/init.d"
	mkdir "$root/etc/systemd/system"
	for unit in systemd-udevd.service systemd-udev-trigger.service systemd-networkd.service systemd-timesyncd.service \
		systemd-resolved.service systemd-modules-load.service systemd-sysctl.service getty.target; do
		ln -s /dev/null "$root/etc/systemd/system/$unit"
	done
	: > "$root/etc/fstab"
	printf %s "$name" | md5sum | cut -c 1-32 > "$root/etc/machine-id"
	echo "$name" > "$root/etc/hostname"
	: > "$work/begun"
fi
echo "$shown" | while read -r folder && [ -n "$folder" ]; do
	mkdir -p "$root$folder"
	mount --bind "$folder" "$root$folder"
done
echo "$copied" | while read -r from && read -r to; do
	layer=$work/copies$to
	mkdir -p "$layer/changed" "$layer/overlay" "$root$to"
	mount -t overlay -o "lowerdir=$from,upperdir=$layer/changed,workdir=$layer/overlay" copy "$root$to"
done
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=hcsroute PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
