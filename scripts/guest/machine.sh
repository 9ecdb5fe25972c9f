# Sourced by kernel-guest.sh: what differs between the processors that a guest can have.

# What every guest has: random numbers, and lines that end in files, so that nothing it
# prints is lost, or reaches our own terminal.
devices=(-nodefaults -display none -no-reboot -net none
  -object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-pci,rng=rng0
  -chardev "file,id=console,path=$run/console" -serial chardev:console
  -chardev "file,id=out,path=$run/out" -chardev "file,id=status,path=$run/status")

case $GUEST_ARCH in
  amd64)
    qemu=qemu-system-x86_64
    qemu_package=qemu-system-x86
    : "${GUEST_FLAVOUR:=cloud-amd64}"
    machine=(-machine pc -cpu max -serial chardev:out -serial chardev:status)
    console_line=ttyS0 out_line=ttyS1 status_line=ttyS2
    boot='tsc=unstable no_timer_check'
    ;;
  arm64)
    qemu=qemu-system-aarch64
    qemu_package=qemu-system-arm
    : "${GUEST_FLAVOUR:=cloud-arm64}"
    # Signed pointers by the architecture's own cipher take most of the emulator's time.
    machine=(-machine virt,gic-version=3 -cpu max,pauth-impdef=on
      -device pci-serial-2x,chardev1=out,chardev2=status)
    console_line=ttyAMA0 out_line=ttyS0 status_line=ttyS1
    boot=
    ;;
  *) die "GUEST_ARCH is amd64 or arm64, not $GUEST_ARCH" ;;
esac
