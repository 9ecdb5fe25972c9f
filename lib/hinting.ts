/** Gives errors their hints, which are looked up when they are asked for, and not before. */
import { type SystemError, setHintProvider } from './errors.js';
import { hintFor } from './hints.js';

const NO_DESCRIPTOR = 'there is no descriptor left, not even to look why: see `ulimit -n`';

setHintProvider((error: SystemError, facts) => {
  try {
    return hintFor(error.syscall, error.code, facts);
  } catch (failure) {
    // The hints are in a file of their own, which cannot be read then.
    if ((failure as NodeJS.ErrnoException).code === 'EMFILE') return NO_DESCRIPTOR;
    throw failure;
  }
});
