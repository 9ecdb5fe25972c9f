/** Fills an empty store with entries that come in the order of their keys. */
import { refuse } from './errors.js';
import { type Bytes, VALUE_BYTES_MAX } from './memory/records.js';
import type { Store } from './store.js';

export interface Loaded {
  readonly key: Bytes;
  readonly value: Bytes;
}

export async function load(
  store: Store,
  entries: Iterable<Loaded> | AsyncIterable<Loaded>,
): Promise<void> {
  const builder = store.build();
  const add = ({ key, value }: Loaded): void => {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    if (bytes.length > VALUE_BYTES_MAX) {
      refuse('value', `at most ${VALUE_BYTES_MAX} bytes long`, `${bytes.length} bytes`);
    }
    if (builder.add(key, bytes)) return;
    refuse('key', 'behind the key before it', Buffer.from(key as Uint8Array).toString());
  };
  // What is there at once is not waited for, entry by entry.
  if (Symbol.iterator in entries) for (const entry of entries) add(entry);
  else for await (const entry of entries) add(entry);
  builder.end();
}
