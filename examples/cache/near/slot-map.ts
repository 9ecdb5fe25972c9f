/** Which server of a cluster has which slots, as it says itself. */
import type { Value } from '../protocol/value.js';
import { SLOTS } from '../server/slots.js';
import { nameOf, type Target } from './target.js';

export class SlotMap {
  /** By name. */
  readonly targets = new Map<string, Target>();
  private readonly owners: (Target | undefined)[] = new Array(SLOTS).fill(undefined);
  /** The same text: nothing has moved. */
  readonly text: string;

  /** `answer` is the one to CLUSTER SLOTS, of the server at `asked`. */
  constructor(answer: Value, asked: Target) {
    const lines: string[] = [];
    for (const range of answer as readonly Value[]) {
      const [first, last, owner] = range as [number, number, readonly Value[]];
      const [host, port] = owner as [string | null, number];
      // A server that does not know its own address is where we have found it.
      const target = { host: host || asked.host, port };
      this.targets.set(nameOf(target), target);
      this.owners.fill(target, first, last + 1);
      lines.push(`${first} ${last} ${nameOf(target)}`);
    }
    this.text = lines.sort().join('\n');
  }

  ownerOf(slot: number): Target | undefined {
    return this.owners[slot];
  }

  move(slot: number, target: Target): void {
    this.owners[slot] = target;
    this.targets.set(nameOf(target), target);
  }

  any(): Target | undefined {
    return this.targets.values().next().value;
  }
}

export interface Redirect {
  readonly asks: boolean;
  readonly slot: number;
  readonly target: Target;
}

/** What an error says about where to ask instead. */
export function redirectOf(error: string, asked: Target): Redirect | undefined {
  const [, word, slot, host, port] =
    /^-(MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})\r\n$/.exec(error) ?? [];
  if (port === undefined || Number(slot) >= SLOTS) return undefined;
  const target = { host: (host ?? '').replace(/^\[|\]$/g, '') || asked.host, port: Number(port) };
  return { asks: word === 'ASK', slot: Number(slot), target };
}
