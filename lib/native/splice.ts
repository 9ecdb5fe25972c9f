/** What moves bytes from descriptor to descriptor: what `native/splice.cc` exports. */

/** Each is one system call, and answers its result or `-errno`; an offset of -1 is none. */
export interface SpliceCalls {
  sendfile(target: number, source: number, offset: number, length: number): number;
  splice(
    source: number,
    sourceOffset: number,
    target: number,
    targetOffset: number,
    length: number,
    flags: number,
  ): number;
  tee(source: number, target: number, length: number, flags: number): number;
  /** Into a pipe the views must be of mappings: their pages are in the pipe then. */
  vmsplice(pipe: number, views: readonly ArrayBufferView[], flags: number): number;
  copyFileRange(
    source: number,
    sourceOffset: number,
    target: number,
    targetOffset: number,
    length: number,
  ): number;
  /** Pages of the range that are in the page cache, with those on their way. */
  cachestat(fd: number, offset: number, length: number): number;
}
