/** The channels of a group: who has asked for which, and what becomes of them. */
import { Channel, type ChannelOptions } from '../shared/channel.js';
import { SharedMemory } from '../shared/memory.js';
import { type ChannelToOptions, memoryFor, NAME, openLine, planChannel } from './lines.js';

/** The place of the group itself among its workers. */
export const GROUP = -1;

interface End {
  readonly index: number;
  /** Who has it: a thread, or the group; undefined until somebody has asked for it. */
  owner: object | undefined;
  over: boolean;
}

/** One channel: memory that the group keeps until both ends are over. */
export interface Line {
  readonly id: number;
  readonly memory: SharedMemory;
  readonly ends: readonly [End, End];
}

const isFor = ({ ends }: Line, index: number, peer: number): boolean =>
  ends.some((end) => end.index === index && end.owner === undefined) &&
  ends.some((end) => end.index === peer && end.owner !== undefined);

export class Channels {
  readonly #lines = new Map<number, Line>();
  /** The group's own ends. */
  readonly #own = new Set<Channel>();
  #made = 0;

  /**
   * The channel that `owner`, at `index`, has to `peer`: the first that `peer` has asked for and
   * nobody else has taken, or a new one.
   */
  ask(index: number, owner: object, peer: number, options: ChannelOptions): Line {
    const waiting = [...this.#lines.values()].find((line) => isFor(line, index, peer));
    const line = waiting ?? this.#make(index, peer, options);
    const end = line.ends.find((one) => one.index === index && one.owner === undefined) as End;
    end.owner = owner;
    return line;
  }

  /** The group's end of a channel to the worker at `index`. */
  to(index: number, options: ChannelToOptions): Channel {
    const { id, memory } = this.ask(GROUP, this.#own, index, planChannel(options));
    const channel = openLine(memory.fd?.fd ?? -1, index, options, () => {
      this.#own.delete(channel);
      this.over(id, this.#own);
    });
    this.#own.add(channel);
    return channel;
  }

  #make(index: number, peer: number, options: ChannelOptions): Line {
    const id = this.#made++;
    const memory = SharedMemory.create({ size: memoryFor(options), populate: false });
    const none = { owner: undefined, over: false };
    const line: Line = {
      id,
      memory,
      ends: [
        { index, ...none },
        { index: peer, ...none },
      ],
    };
    this.#lines.set(id, line);
    Channel.create(memory, NAME, options);
    return line;
  }

  /** `owner` has closed its end of a channel. */
  over(id: number, owner: object): void {
    const line = this.#lines.get(id);
    if (line !== undefined) this.#end(line, owner);
  }

  /** A thread has ended, and its channels with it. */
  ended(owner: object): void {
    for (const line of this.#lines.values()) {
      if (!this.#end(line, owner)) continue;
      // It may have been stopped before it had opened its end: the other would wait for it.
      if (this.#lines.has(line.id)) occupy(line.memory);
    }
  }

  /** No thread will take this worker's place. */
  gone(index: number): void {
    for (const { ends, memory } of this.#lines.values()) {
      for (const end of ends) {
        if (end.index !== index || end.owner !== undefined) continue;
        end.owner = this;
        end.over = true;
        occupy(memory);
      }
    }
  }

  close(): void {
    for (const channel of this.#own) channel.close();
    for (const line of this.#lines.values()) this.#drop(line);
  }

  #end(line: Line, owner: object): boolean {
    const end = line.ends.find((one) => one.owner === owner && !one.over);
    if (end === undefined) return false;
    end.over = true;
    // What was sent to one who never asked is for nobody.
    if (line.ends.every(({ over, owner: had }) => over || had === undefined)) this.#drop(line);
    return true;
  }

  #drop({ id, memory }: Line): void {
    this.#lines.delete(id);
    Channel.clear(memory, NAME);
    memory.close();
  }
}

/** Takes an end that nobody has opened, and closes it, so that the other end is told. */
function occupy(memory: SharedMemory): void {
  try {
    Channel.open(memory, NAME).close();
  } catch {
    // Both have been opened: who has the other one sees that this one has died.
  }
}
