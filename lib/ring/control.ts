/**
 * The control page of a ring: arguments of io_uring_enter, and what the native side counts on at a
 * thread's end.
 */

/** Words of `struct Control` in native/ring.h. */
const COMPLETED = 0;
const TO_SUBMIT = 1;
const MIN_COMPLETE = 2;
const FLAGS = 3;
/** The user data is ours: it says which results are descriptors. */
const TAGGED = 6;
const RESULT = 7;
/** The address of the newest page of `Pairs`, or 0. */
const PAIRS_LOW = 8;
const PAIRS_HIGH = 9;
const MIN_WAIT_US = 10;
/** As a double, in units of 8 bytes. */
const TIMEOUT_NS = 2;
const NO_TIMEOUT = -1;

export class Control {
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly call: () => void;
  /** Calls of io_uring_enter. */
  enters = 0;

  constructor(page: ArrayBuffer, call: () => void, tagged: boolean) {
    this.words = new Int32Array(page);
    this.words[TAGGED] = tagged ? 1 : 0;
    this.doubles = new Float64Array(page);
    this.call = call;
  }

  /**
   * Last completions taken off the queue, modulo 2^32. What the kernel still has is the submission
   * queue's tail less this: one number, so that a thread stopped between two writes leaves no lie.
   */
  get completed(): number {
    return this.words[COMPLETED] as number;
  }

  set completed(count: number) {
    this.words[COMPLETED] = count;
  }

  /** Where the native side looks for descriptors that came in memory, when the thread ends. */
  setPairs(addressLow: number, addressHigh: number): void {
    this.words[PAIRS_LOW] = addressLow;
    this.words[PAIRS_HIGH] = addressHigh;
  }

  /** io_uring_enter(2): answers how many entries were taken, or `-errno`. */
  enter(toSubmit: number, minComplete: number, flags: number): number {
    const words = this.words;
    words[TO_SUBMIT] = toSubmit;
    words[MIN_COMPLETE] = minComplete;
    words[FLAGS] = flags;
    this.enters++;
    this.call();
    return words[RESULT] as number;
  }

  /**
   * As `enter`, waiting at most `timeoutNs`; after `minWaitUs` one completion is enough. With
   * IORING_ENTER_ABS_TIMER the time is a point in it.
   */
  enterTimeout(
    toSubmit: number,
    minComplete: number,
    flags: number,
    timeoutNs: number,
    minWaitUs = 0,
  ): number {
    this.doubles[TIMEOUT_NS] = timeoutNs;
    this.words[MIN_WAIT_US] = minWaitUs;
    const result = this.enter(toSubmit, minComplete, flags);
    this.doubles[TIMEOUT_NS] = NO_TIMEOUT;
    return result;
  }
}
