/** Makes a socket. */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IORING_OP_SOCKET,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from '../../abi.js';
import { type DirectFd, OwnedFd } from '../../fd/fd.js';
import { integer, oneOf } from '../../validate.js';
import { type Into, intoKind, placeInto } from '../into.js';
import { type CommonOptions, kind, Operation } from '../operation.js';

const SOCKET = kind<OwnedFd>({
  name: 'socket',
  code: IORING_OP_SOCKET,
  since: '5.19',
  yieldsFd: true,
  decode: (result) => OwnedFd.adopt(result),
});

const SOCKET_DIRECT = intoKind(SOCKET);

const DOMAINS = { inet: AF_INET, inet6: AF_INET6, unix: AF_UNIX } as const;
const TYPES = { stream: SOCK_STREAM, dgram: SOCK_DGRAM, seqpacket: SOCK_SEQPACKET } as const;

export interface SocketOptions extends CommonOptions {
  /** Default 'stream'. */
  type?: keyof typeof TYPES;
  /** Default 0: the usual one of the domain and type. */
  protocol?: number;
}

/**
 * Makes a socket; gives an `OwnedFd`, close-on-exec and non-blocking; or, with `into`, a
 * `DirectFd`.
 *
 * @kernel 5.19 IORING_OP_SOCKET
 * @man socket(2)
 */
export function socket(domain: keyof typeof DOMAINS, options?: SocketOptions): Operation<OwnedFd>;
export function socket(
  domain: keyof typeof DOMAINS,
  options: SocketOptions & Into,
): Operation<DirectFd>;
export function socket(
  domain: keyof typeof DOMAINS,
  options: SocketOptions & Partial<Into> = {},
): Operation<OwnedFd> | Operation<DirectFd> {
  const direct = options?.into !== undefined;
  const operation = new Operation<OwnedFd | DirectFd>(direct ? SOCKET_DIRECT : SOCKET);
  operation.common(options, 'type', 'protocol', 'into');
  if (direct) placeInto(operation, options.into);
  const type = oneOf('type', options.type ?? 'stream', ['stream', 'dgram', 'seqpacket'] as const);
  operation.fd = DOMAINS[oneOf('domain', domain, ['inet', 'inet6', 'unix'] as const)];
  operation.offsetLow = TYPES[type] | SOCK_NONBLOCK | (direct ? 0 : SOCK_CLOEXEC);
  operation.length = integer('protocol', options.protocol ?? 0, 0, 2 ** 31 - 1);
  return operation as Operation<OwnedFd> | Operation<DirectFd>;
}
