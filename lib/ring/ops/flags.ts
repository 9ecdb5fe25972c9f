/** Options that are true or false, each a bit of one word. */
import { boolean } from '../../validate.js';

/** The options of a table of bits. */
export type FlagOptions<Table> = { [Name in keyof Table]?: boolean };

/** The bits of what is true in `options`, each checked by its name. */
export function flagBits<const Table extends Readonly<Record<string, number>>>(
  table: Table,
  options: FlagOptions<Table>,
): number {
  let bits = 0;
  // Theirs and not the table's, since most calls give none; without an array of them, which costs
  // half a microsecond.
  for (const name in options) {
    const bit = table[name];
    const value = options[name];
    if (bit !== undefined && value !== undefined && boolean(name, value)) bits |= bit;
  }
  return bits;
}
