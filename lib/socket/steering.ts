/** Which of the sockets that share a port gets a connection: the one of the CPU it came in on. */
import { SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF, SOL_SOCKET } from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { integer, invalidType, outOfRange } from '../validate.js';

const SOCKETS_MAX = 65_535;
const CPU_MAX = 65_535;
/** BPF_MAXINSNS. */
const INSTRUCTIONS_MAX = 4096;

type Instruction = readonly [code: number, value: number, whenTrue?: number, whenFalse?: number];

/** Classic BPF: loads, jumps, the remainder, and the answer, which is the number of a socket. */
const LOAD_ABSOLUTE = 0x20;
const JUMP = 0x05;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_GREATER = 0x25;
const JUMP_IF_NOT_LESS = 0x35;
const REMAINDER = 0x94;
const ANSWER_LOADED = 0x16;
const ANSWER = 0x06;
/** Offsets that stand for what is not in the packet (SKF_AD_OFF and more). */
const CPU = -0x1000 + 36;
const RANDOM = -0x1000 + 56;
/** The kernel then chooses as it does without a program. */
const NONE = 0xffff_ffff;

/**
 * Steers what comes in to a socket by the CPU that it comes in on, among all that share the port by
 * `reusePort`; they are numbered in the order in which they began to listen (or, for datagrams,
 * were bound). It holds for all of them, whichever it is set on; where it answers a socket that is
 * not there, the kernel chooses as without it.
 *
 * @param sockets how many share the port: CPU n goes to socket n modulo as many. Or the CPUs of
 *   each: one that several have is spread over them at random, one that none has as without this
 * @errno EINVAL the socket has no `reusePort`
 * @kernel 4.5 SO_ATTACH_REUSEPORT_CBPF
 * @man socket(7)
 */
export function steerByCpu(socket: FdLike, sockets: number | readonly (readonly number[])[]): void {
  const program = typeof sockets === 'number' ? moduloProgram(sockets) : tableProgram(sockets);
  const { fd } = plainDescriptor('socket', socket);
  const result = native.attachFilter(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, encode(program));
  check(result, 'setsockopt', { fd, facts: { option: 'SO_ATTACH_REUSEPORT_CBPF' } });
}

/**
 * The kernel spreads connections again as it likes.
 *
 * @errno ENOENT nothing steers them
 * @kernel 5.3 SO_DETACH_REUSEPORT_BPF
 * @man socket(7)
 */
export function stopSteering(socket: FdLike): void {
  const { fd } = plainDescriptor('socket', socket);
  const result = native.setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, Int32Array.of(0));
  check(result, 'setsockopt', { fd, facts: { option: 'SO_DETACH_REUSEPORT_BPF' } });
}

function moduloProgram(count: number): Instruction[] {
  integer('socketCount', count, 1, SOCKETS_MAX);
  return [
    [LOAD_ABSOLUTE, CPU],
    [REMAINDER, count],
    [ANSWER_LOADED, 0],
  ];
}

/** Neighbouring CPUs that go to the same sockets. */
interface Range {
  readonly first: number;
  last: number;
  readonly sockets: readonly number[];
}

function rangesOf(table: readonly (readonly number[])[]): Range[] {
  const socketsOf = new Map<number, number[]>();
  for (const [socket, cpus] of table.entries()) {
    if (!Array.isArray(cpus)) throw invalidType(`sockets[${socket}]`, 'an array of CPUs', cpus);
    for (const cpu of new Set<number>(cpus)) {
      integer(`sockets[${socket}]`, cpu, 0, CPU_MAX);
      const others = socketsOf.get(cpu);
      if (others === undefined) socketsOf.set(cpu, [socket]);
      else others.push(socket);
    }
  }
  const ranges: Range[] = [];
  for (const [cpu, sockets] of [...socketsOf].sort(([left], [right]) => left - right)) {
    const before = ranges.at(-1);
    if (before?.last === cpu - 1 && `${before.sockets}` === `${sockets}`) before.last = cpu;
    else ranges.push({ first: cpu, last: cpu, sockets });
  }
  return ranges;
}

function tableProgram(table: readonly (readonly number[])[]): Instruction[] {
  if (!Array.isArray(table)) throw invalidType('sockets', 'a count or an array of CPUs', table);
  integer('sockets.length', table.length, 1, SOCKETS_MAX);
  const program: Instruction[] = [[LOAD_ABSOLUTE, CPU]];
  for (const { first, last, sockets } of rangesOf(table)) {
    const choice = oneOf(sockets);
    // A conditional jump reaches 255 instructions, JUMP any number.
    program.push([JUMP_IF_NOT_LESS, first, 1, 0], [JUMP, choice.length + 2]);
    program.push([JUMP_IF_GREATER, last, 0, 1], [JUMP, choice.length], ...choice);
  }
  program.push([ANSWER, NONE]);
  if (program.length > INSTRUCTIONS_MAX) {
    const range = `a table that fits ${INSTRUCTIONS_MAX} instructions of BPF`;
    throw outOfRange('sockets', range, program.length);
  }
  return program;
}

function oneOf(sockets: readonly number[]): Instruction[] {
  const [only = 0] = sockets;
  if (sockets.length === 1) return [[ANSWER, only]];
  return [
    [LOAD_ABSOLUTE, RANDOM],
    [REMAINDER, sockets.length],
    ...sockets.flatMap((socket, index): Instruction[] => [
      [JUMP_IF_EQUAL, index, 0, 1],
      [ANSWER, socket],
    ]),
    [ANSWER, NONE],
  ];
}

/** `struct sock_filter`. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, value, whenTrue = 0, whenFalse = 0]] of program.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, whenTrue);
    view.setUint8(index * 8 + 3, whenFalse);
    view.setUint32(index * 8 + 4, value >>> 0, true);
  }
  return bytes;
}
