# Puts a disk together from a root file system's tar, without loop devices and without mounting:
# assemble.sh TAR DISK WORK. Every size and identifier comes in the environment.
set -eu
tar=$1 disk=$2 work=$3
root=$work/root
esp=$work/esp
rm -rf "$root" "$esp"
mkdir -p "$root" "$esp/EFI/BOOT" "$esp/EFI/systemd" "$esp/loader/entries"

echo 'unpacking the root file system'
# Device files can't be made here and are the kernel's to make there.
tar --extract --numeric-owner --same-permissions --file "$tar" --directory "$root" --exclude './dev/*'

echo 'laying out the EFI system partition'
version=$(basename "$root"/boot/vmlinuz-*)
version=${version#vmlinuz-}
loader=$root/usr/lib/systemd/boot/efi/systemd-bootx64.efi
[ -e "$loader" ] || loader=$loader.signed
cp "$loader" "$esp/EFI/BOOT/BOOTX64.EFI"
cp "$loader" "$esp/EFI/systemd/systemd-bootx64.efi"
mkdir -p "$esp/debian/$version"
cp "$root/boot/vmlinuz-$version" "$esp/debian/$version/linux"
cp "$root/boot/initrd.img-$version" "$esp/debian/$version/initrd.img-$version"
printf 'timeout 0\neditor no\nconsole-mode keep\n' >"$esp/loader/loader.conf"
printf 'type1\n' >"$esp/loader/entries.srel"
. "$root/etc/os-release"
cat >"$esp/loader/entries/debian-$version.conf" <<END
title      $PRETTY_NAME
version    $version
sort-key   debian
options    $KERNEL_OPTIONS
linux      /debian/$version/linux
initrd     /debian/$version/initrd.img-$version
END
find "$esp" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

echo 'partitioning the disk'
rm -f "$disk"
truncate -s "$DISK_BYTES" "$disk"
sfdisk --quiet "$disk" <<END
label: gpt
label-id: $DISK_UUID
start=$((ESP_START_BYTES / 512)), size=$((ESP_BYTES / 512)), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=$ESP_PARTITION_UUID, name=esp
start=$((ROOT_START_BYTES / 512)), size=$((ROOT_BYTES / 512)), type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=$ROOT_PARTITION_UUID, name=root
END

echo 'writing the EFI system partition'
# Small clusters: FAT32 needs 65,525 of them.
mkfs.vfat -F 32 -s 1 -n ESP --invariant --offset $((ESP_START_BYTES / 512)) "$disk" $((ESP_BYTES / 1024)) >/dev/null
mcopy -i "$disk@@$ESP_START_BYTES" -s -m -Q "$esp"/* ::/

echo 'writing the root file system'
# Features that e2fsprogs 1.47 adds by default and older readers refuse are left out.
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -F -t ext4 -b 4096 -L root -U "$ROOT_UUID" -m 1 -O '^metadata_csum_seed' \
    -E "offset=$ROOT_START_BYTES,hash_seed=$HASH_SEED,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard" \
    -d "$root" "$disk" $((ROOT_BYTES / 1024))k
fallocate --dig-holes "$disk"
rm -rf "$root" "$esp"
