/** The error of whoever uses a ring after its end. */

export function closedError(): TypeError {
  return Object.assign(new TypeError('the ring has been closed'), { code: 'ERR_INVALID_STATE' });
}
