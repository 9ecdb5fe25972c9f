/** The error of whoever uses a backend after its end. */

export function closedError(): TypeError {
  return Object.assign(new TypeError('the backend has been closed'), { code: 'ERR_INVALID_STATE' });
}
