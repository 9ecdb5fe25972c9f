/** `struct signalfd_siginfo` in words. */
import { signalName } from './signal-numbers.js';

export const SIGNAL_INFO_BYTES = 128;

/** A signal that was read. Which fields mean something depends on who sent it. */
export interface SignalInfo {
  readonly signal: number;
  /** Undefined for real-time signals. */
  readonly name: NodeJS.Signals | undefined;
  /** SI_USER (0), SI_KERNEL (128), SI_QUEUE (-1), CLD_EXITED (1) and so on: see sigaction(2). */
  readonly code: number;
  /** Who sent it, or which child it is about. */
  readonly pid: number;
  readonly uid: number;
  /** Of SIGIO. */
  readonly fd: number;
  readonly band: number;
  /** Of a POSIX timer. */
  readonly timerId: number;
  readonly overrun: number;
  /** Of SIGCHLD: how the child ended, and the CPU time it had, in clock ticks. */
  readonly status: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  /** The integer that sigqueue(3) sent. */
  readonly value: number;
}

/** Reads 128 bytes at `offset`. */
export function signalInfo(view: DataView, offset: number): SignalInfo {
  const unsigned = (at: number): number => view.getUint32(offset + at, true);
  const signed = (at: number): number => view.getInt32(offset + at, true);
  const wide = (at: number): number => Number(view.getBigUint64(offset + at, true));
  const signal = unsigned(0);
  return {
    signal,
    name: signalName(signal),
    code: signed(8),
    pid: unsigned(12),
    uid: unsigned(16),
    fd: signed(20),
    timerId: unsigned(24),
    band: unsigned(28),
    overrun: unsigned(32),
    status: signed(40),
    value: signed(44),
    userTicks: wide(56),
    systemTicks: wide(64),
  };
}
