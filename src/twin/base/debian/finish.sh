# Runs in the new system once its packages are there.
set -eu
export DEBIAN_FRONTEND=noninteractive

systemctl enable systemd-networkd.service systemd-resolved.service
# cloud-init makes the host keys; nothing upgrades or scrubs by itself.
systemctl disable sshd-keygen.service apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service cloud-init-hotplugd.socket
# One seed on the boot partition would be every instance's; EC2 and QEMU give random numbers themselves.
systemctl mask systemd-boot-random-seed.service
# Caches are as fresh as /usr: instances need not make them again on their first start.
touch -r /usr /etc/.updated /var/.updated

# Nothing may be in the image that an instance makes for itself, or that tells of its making.
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id /etc/hostname /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- \
    /etc/subuid- /etc/subgid- /etc/apt/sources.list /var/lib/systemd/random-seed /root/.bash_history /root/.wget-hsts
: >/etc/machine-id
find /var/log /var/cache/apt /var/cache/debconf /var/backups /var/tmp /tmp -type f -delete
rm -rf /var/lib/apt/lists /var/log/journal /var/log/apt /var/lib/cloud/instances /var/lib/cloud/data
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
install -d -m 0700 /boot/efi
