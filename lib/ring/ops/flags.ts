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
  // Most calls give no option at all, so it is theirs that are gone through and not the table's.
  for (const [name, value] of Object.entries(options)) {
    const bit = table[name];
    if (bit !== undefined && value !== undefined && boolean(name, value)) bits |= bit;
  }
  return bits;
}
