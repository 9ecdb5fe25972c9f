/** What goes on, as lines of text: redrawn on a terminal, one after the other elsewhere. */
import { shown } from './address.js';
import type { PlacedService } from './places.js';
import type { Counter, Table } from './table.js';

const EVERY_MS = 1000;
const HEAD = ['', 'state', 'weight', 'active', 'total', 'conn/s', 'in/s', 'out/s', 'failed'];
const WIDTHS = [28, 6, 7, 8, 11, 9, 9, 9, 8];

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, index) => {
      const width = WIDTHS[index] as number;
      return index === 0 ? cell.slice(0, width).padEnd(width) : cell.padStart(width);
    })
    .join(' ')
    .trimEnd();

/** With as few letters as say enough. */
export function short(number: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(number, 1)) / 3), 4);
  if (power === 0) return String(Math.round(number));
  return `${(number / 1000 ** power).toFixed(1)}${['', 'k', 'M', 'G', 'T'][power]}`;
}

export class View {
  private readonly table: Table;
  private readonly before = new Map<string, number>();
  private readonly write: (text: string) => void;
  private readonly redraws: boolean;
  private timer: NodeJS.Timeout | undefined = undefined;
  private at = Date.now();

  constructor(table: Table, output: { write(text: string): unknown; isTTY?: boolean }) {
    this.table = table;
    this.write = (text) => void output.write(text);
    this.redraws = output.isTTY === true;
  }

  start(services: () => readonly PlacedService[]): void {
    this.timer = setInterval(() => this.show(services()), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private show(services: readonly PlacedService[]): void {
    const now = Date.now();
    const lines = this.lines(services, (now - this.at) / 1000);
    this.at = now;
    // Home, each line to its end, and nothing below.
    if (this.redraws) this.write(`\x1b[H${lines.join('\x1b[K\n')}\x1b[K\n\x1b[J`);
    else this.write(`${lines.join('\n')}\n`);
  }

  /** @param seconds since the last time */
  lines(services: readonly PlacedService[], seconds: number): string[] {
    const { table } = this;
    const rate = (place: number, counter: Counter): string => {
      const count = table.countOf(place, counter);
      const key = `${place} ${counter}`;
      const more = count - (this.before.get(key) ?? count);
      this.before.set(key, count);
      return short(more / Math.max(seconds, 0.001));
    };
    const rows = services.flatMap(({ name, protocol, listen, policy, place, backends }) => {
      const active = short(table.activeOf(place));
      const refused = table.countOf(place, 'refused');
      const title = `${name}: ${protocol} ${shown(listen)}, ${policy}`;
      return [
        `${title}, ${active} active${refused > 0 ? `, ${short(refused)} refused` : ''}`,
        ...backends.map((backend) =>
          line([
            `  ${shown(backend.address)}`,
            table.isUp(backend.place) ? 'up' : 'DOWN',
            String(backend.weight),
            short(table.activeOf(backend.place)),
            short(table.countOf(backend.place, 'connections')),
            rate(backend.place, 'connections'),
            rate(backend.place, 'bytesIn'),
            rate(backend.place, 'bytesOut'),
            short(table.countOf(backend.place, 'failed')),
          ]),
        ),
      ];
    });
    return [line(HEAD), ...rows];
  }
}
