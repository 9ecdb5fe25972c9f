// Names of the kernel that musl's headers lack; its kernel has them all the same.
#pragma once

#if defined(__linux__) && !defined(__GLIBC__)
#include <linux/falloc.h>
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
