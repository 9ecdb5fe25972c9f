/** A request as it is passed on. */
import type { Request } from '../protocol/request.js';
import { encoded } from './link.js';

export interface Raw {
  readonly source: Uint8Array;
  readonly start: number;
  readonly length: number;
}

export function rawOf(request: Request): Raw {
  if (!request.typed)
    return { source: request.source, start: request.base, length: request.offset };
  const words: string[] = [];
  for (let index = 0; index < request.count; index++) words.push(request.text(index));
  const source = encoded(words);
  return { source, start: 0, length: source.length };
}
