/** Numbers as the protocol's users write them. */
import { latin1 } from '../store/bytes.js';

const SAFE_DIGITS = 15;
export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);

/** A whole number of 64 bits; undefined where the bytes are none, as with '01', '+1' or ' 1'. */
export function bigIntegerOf(text: string): bigint | undefined {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > INT64_MAX || value < INT64_MIN ? undefined : value;
}

/** The same as a number, which is exact below 2^53; NaN where it is none. */
export function integerOf(source: Buffer, start: number, length: number): number {
  const negative = length > 0 && source[start] === 0x2d;
  const first = negative ? start + 1 : start;
  const digits = negative ? length - 1 : length;
  if (digits > SAFE_DIGITS) return Number(bigIntegerOf(latin1(source, start, length)));
  if (digits === 0) return Number.NaN;
  if (source[first] === 0x30) return length === 1 ? 0 : Number.NaN;
  let value = 0;
  for (let index = 0; index < digits; index++) {
    const digit = (source[first + index] as number) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Also infinite; NaN where it is none. */
export function doubleOf(text: string): number {
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

export function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (value === Infinity) return 'inf';
  return value === -Infinity ? '-inf' : String(value);
}

const PLACES = 17;

/** A decimal number times 10^17; undefined where the text is none, or too large. */
function scaled(text: string): bigint | undefined {
  const parts = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = '', part = '', power = '0'] = parts;
  if (whole + part === '') return undefined;
  const shift = PLACES - part.length + Number(power);
  if (Math.abs(shift) > 400) return undefined;
  const digits = BigInt(whole + part);
  const value = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return sign === '-' ? -value : value;
}

/** The sum of two decimal numbers, exact to 17 places; undefined where one of them is none. */
export function sumText(left: string, right: string): string | undefined {
  const [first, second] = [scaled(left), scaled(right)];
  if (first === undefined || second === undefined) return undefined;
  const sum = first + second;
  const digits = String(sum < 0n ? -sum : sum).padStart(PLACES + 1, '0');
  const part = digits.slice(-PLACES).replace(/0+$/, '');
  const whole = digits.slice(0, -PLACES);
  return `${sum < 0n ? '-' : ''}${whole}${part === '' ? '' : `.${part}`}`;
}
