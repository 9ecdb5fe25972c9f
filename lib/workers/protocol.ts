/** What goes between a group and the threads of its workers. */
import type { MessagePort } from 'node:worker_threads';
import type { AnonymousOptions } from '../memory/options.js';
import type { RingOptions } from '../ring/options.js';
import type { RingStats } from '../ring/stats.js';
import type { ChannelOptions } from '../shared/channel.js';
import type { SocketAddress } from '../socket/address.js';

/** When a worker counts as ready: its module has been evaluated, or it has said so. */
export type ReadyWhen = 'evaluated' | 'called';

/** What every thread is told when it starts. */
export interface Orders {
  readonly entry: string;
  readonly index: number;
  readonly count: number;
  /** How many threads this worker has had before. */
  readonly generation: number;
  /** In the kernel's list format. */
  readonly cpus: string;
  readonly node: number | undefined;
  readonly data: unknown;
  readonly readyWhen: ReadyWhen;
  readonly heartbeatMs: number;
  readonly ring: RingOptions;
  readonly arena: AnonymousOptions;
  /** This worker's sockets, which the group keeps open for as long as the thread runs. */
  readonly listeners: readonly number[];
  readonly addresses: readonly SocketAddress[];
}

/** The workerData of a thread, until it has taken it. */
export interface Envelope {
  readonly orders: Orders;
  readonly port: MessagePort;
  /** Shared words: see BEATS and POSTED. */
  readonly words: Int32Array;
}

/** Counts the turns of the thread's timer, or of its own loop. */
export const BEATS = 0;
/** Counts the messages to the thread: a loop of its own has nothing else to tell it of them. */
export const POSTED = 1;
export const WORDS = 2;

/** To the thread. `last`: no other thread will take its place. */
export type Command =
  | { readonly what: 'drain'; readonly last: boolean }
  | { readonly what: 'stats'; readonly id: number }
  | { readonly what: 'channel'; readonly id: number; readonly line: GivenLine | Refusal };

/** A channel, by the descriptor of its memory, which the group keeps open while it is used. */
export interface GivenLine {
  readonly id: number;
  readonly fd: number;
}

/** Why there is no channel: the other worker has ended, or a system call failed. */
export type Refusal =
  | { readonly ended: true }
  | { readonly errno: number; readonly syscall: string };

/** What a worker counts, by its own names. */
export type Report = Readonly<Record<string, number>>;

/** From the thread. */
export type Told =
  | { readonly what: 'ready' }
  | {
      readonly what: 'channel';
      readonly id: number;
      readonly peer: number;
      readonly options: ChannelOptions;
    }
  | { readonly what: 'over'; readonly line: number }
  | {
      readonly what: 'stats';
      readonly id: number;
      readonly ring: RingStats | undefined;
      readonly reported: Report;
    };
