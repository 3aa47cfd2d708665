# Boots systemd in namespaces of its own: sh boot.sh WORK CHECKOUT PYTHON. Whoever runs this is in a cgroup of its own, and
# has left its namespaces but that of the network. What the machine writes is in memory, but for the folders of WORK.
set -e
work=$1 checkout=$2 python=$3
root=$work/root
mount --make-rprivate /
mount -t tmpfs memory "$work/overlay"
mkdir "$work/overlay/upper" "$work/overlay/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/overlay/upper,workdir=$work/overlay/work" "$root"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys" -o ro
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs run "$root/run" -o mode=755
mount -t tmpfs tmp "$root/tmp" -o mode=1777
mount -t tmpfs dev "$root/dev" -o mode=755
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
mount -t tmpfs shm "$root/dev/shm" -o mode=1777
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /dev/null "$root/dev/console"

# Nothing of this machine's own is started, and nothing generated: only what a service depends on by default is there.
library=$root/usr/lib/systemd
mount -t tmpfs units "$library/system"
mount -t tmpfs generators "$library/system-generators"
for target in sysinit basic shutdown umount final network network-online multi-user test; do
    printf '[Unit]\nDescription=%s\n' "$target" > "$library/system/$target.target"
done
mkdir -p "$root/etc/systemd/system" "$root/etc/catalogd" "$root/opt/catalogd" "$root/var/log/catalogd"
mount --bind "$work/units" "$root/etc/systemd/system"
mount --bind "$work/settings" "$root/etc/catalogd"
mount --bind "$work/log" "$root/var/log/catalogd"
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"

# The unit's ProtectHome= and PrivateTmp= hide where the checkout and its Python may lie.
mount -t tmpfs opt "$root/opt/catalogd" -o mode=755
mkdir "$root/opt/catalogd/checkout" "$root/opt/catalogd/python" "$root/opt/catalogd/bin"
mount --bind "$checkout" "$root/opt/catalogd/checkout"
mount --bind "$python" "$root/opt/catalogd/python"
cp "$work/catalogd" "$root/opt/catalogd/bin/catalogd"

cd "$root"
mkdir -p old
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
    --system --unit=test.target --log-target=console --log-level=info --show-status=no
