/** Memory that the kernel keeps after the operation that gave it: until the ring is closed. */
import type { Mapping } from '../memory/mapping.js';

export class Kept {
  private readonly mappings = new Set<Mapping>();

  keep(mapping: Mapping): void {
    if (this.mappings.has(mapping)) return;
    this.mappings.add(mapping);
    mapping.inFlight++;
  }

  letGo(): void {
    for (const mapping of this.mappings) if (--mapping.inFlight === 0) mapping.settled();
    this.mappings.clear();
  }
}
