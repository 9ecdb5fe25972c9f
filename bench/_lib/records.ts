/** What the benchmark of durable appends appends. */
export const RECORD_BYTES = 256;
