// Names of the kernel that musl's headers lack, or have a view of their own on.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef __GLIBC__
#include <linux/falloc.h>
// Here with O_PATH in it.
#undef O_ACCMODE
#define O_ACCMODE 3
// What kernels before 5.4 had.
#undef SOMAXCONN
#define SOMAXCONN 4096
#ifndef POLLREMOVE
#define POLLREMOVE 0x1000
#endif
// <linux/stat.h> would have them, and the struct that <sys/stat.h> has too.
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000
#endif
#ifndef STATX_ATTR_COMPRESSED
#define STATX_ATTR_COMPRESSED 0x4
#define STATX_ATTR_IMMUTABLE 0x10
#define STATX_ATTR_APPEND 0x20
#define STATX_ATTR_NODUMP 0x40
#define STATX_ATTR_ENCRYPTED 0x800
#define STATX_ATTR_AUTOMOUNT 0x1000
#define STATX_ATTR_MOUNT_ROOT 0x2000
#define STATX_ATTR_VERITY 0x100000
#define STATX_ATTR_DAX 0x200000
#endif
#endif
