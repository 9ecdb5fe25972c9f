/** Makes pages be there now, so that a lack of memory is an error and not a signal later. */
import { EFAULT, EINVAL, ENOSYS, EPERM, MADV_POPULATE_READ, MADV_POPULATE_WRITE } from '../abi.js';
import { native, type RegionId } from '../native.js';
import { PAGE_BYTES } from './pages.js';

const TOUCHES_MAX = 1024;

/** What could not be done: the answer, and the system call that gave it. */
export interface PopulateFailure {
  readonly result: number;
  readonly syscall: string;
}

/**
 * MADV_POPULATE_WRITE or _READ. Kernels before 5.14 know neither: there each page is read by the
 * kernel and written back as it was, which for a page that cannot be had is EFAULT.
 */
export function populate(
  region: RegionId,
  offset: number,
  length: number,
  pageSize: number,
  write: boolean,
): PopulateFailure | undefined {
  const advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  const result = native.regionAdvise(region, offset, length, advice);
  if (result === 0) return undefined;
  if (result !== -EINVAL) return { result, syscall: 'madvise' };
  return touch(region, offset, length, pageSize, write);
}

function touch(
  region: RegionId,
  offset: number,
  length: number,
  pageSize: number,
  write: boolean,
): PopulateFailure | undefined {
  const pages = Math.ceil(length / pageSize);
  for (let done = 0; done < pages; ) {
    const count = Math.min(TOUCHES_MAX, pages - done);
    const result = native.regionTouch(region, offset + done * pageSize, pageSize, count, write);
    if (result !== count) {
      // Where the call is not allowed, ordinary pages come at first touch, as they always did.
      if ((result === -EPERM || result === -ENOSYS) && pageSize === PAGE_BYTES) return undefined;
      return { result: result < 0 ? result : -EFAULT, syscall: 'process_vm_readv' };
    }
    done += count;
  }
  return undefined;
}
