/** Sockets by plain system calls: those of a ring are younger than most that is tested on them. */
import { OwnedFd } from 'nearmetal/ring';
import * as abi from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { socketOption, socketOptionBytes } from '../../lib/ring/ops/socket-option.js';

const DOMAINS = { inet: abi.AF_INET, inet6: abi.AF_INET6, unix: abi.AF_UNIX };
const TYPES = { stream: abi.SOCK_STREAM, dgram: abi.SOCK_DGRAM };

/** Nonblocking, closed on exec, and its user's to close. */
export function openSocket(domain: keyof typeof DOMAINS, type: keyof typeof TYPES = 'stream') {
  const flags = TYPES[type] | abi.SOCK_CLOEXEC | abi.SOCK_NONBLOCK;
  const fd = native.socket(DOMAINS[domain], flags, 0);
  if (fd < 0) throw new Error(`socket answers ${fd}`);
  return OwnedFd.adopt(fd);
}

/** As `ring.setsockopt`, which is younger. */
export function setOption(
  socket: OwnedFd,
  level: string,
  option: string,
  value: number | boolean,
): void {
  const { level: number, name } = socketOption(level, option);
  const result = native.setsockopt(socket.fd, number, name, socketOptionBytes('value', value));
  if (result < 0) throw new Error(`setsockopt ${level} ${option} answers ${result}`);
}
