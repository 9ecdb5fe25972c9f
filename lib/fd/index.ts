/** What `nearmetal/fd` exports. */
export { asFd, BorrowedFd, DirectFd, type FdLike, OwnedFd } from './fd.js';
