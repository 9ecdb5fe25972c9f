/** What a request for a file is answered with, where somebody else sends it. */
import { entityTag, type FileAnswerOptions, type FileRequest, fileAnswer } from 'nearmetal/http';
import { expect, test } from 'vitest';

const stats = { ino: 5, size: 1000, mtimeMs: 1_700_000_000_500 };
const ask = (headers: FileRequest['headers'], method = 'GET', options?: FileAnswerOptions) =>
  fileAnswer({ method, headers }, stats, options);

test('all of it, a part, several parts, or nothing', () => {
  const whole = ask({});
  expect(whole).toEqual({
    status: 200,
    headers: {
      'Last-Modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
      ETag: entityTag(stats),
      'Accept-Ranges': 'bytes',
      'Content-Type': 'application/octet-stream',
      'Content-Length': '1000',
    },
    parts: [{ before: '', start: 0, end: 999 }],
    after: '',
  });
  expect(ask({}, 'HEAD')).toEqual({ ...whole, parts: [] });
  const part = ask({ range: 'bytes=10-19' });
  expect(part).toMatchObject({ status: 206, parts: [{ before: '', start: 10, end: 19 }] });
  expect(part.headers).toMatchObject({
    'Content-Range': 'bytes 10-19/1000',
    'Content-Length': '10',
  });
  const { status, headers, parts, after } = ask({ range: 'bytes=0-0,-1' }, 'GET', {
    contentType: 'text/x',
    cacheControl: 'no-cache',
    etag: false,
  });
  const body = parts.map(({ before, start, end }) => before + 'x'.repeat(end - start + 1)).join('');
  expect(status).toBe(206);
  expect(headers['Content-Length']).toBe(`${(body + after).length}`);
  expect(headers['Content-Type']).toMatch(/^multipart\/byteranges; boundary=\w{32}$/);
  expect([headers['Cache-Control'], headers.ETag]).toEqual(['no-cache', undefined]);
  expect(body).toContain('Content-Type: text/x\r\nContent-Range: bytes 999-999/1000\r\n\r\nx');
  const none = ask({ range: 'bytes=1000-' });
  expect(none).toMatchObject({ status: 416, parts: [] });
  expect(none.headers['Content-Range']).toBe('bytes */1000');
  expect(ask({ range: 'bytes=0-1' }, 'GET', { ranges: false }).status).toBe(200);
  const { etag, ...same } = { etag: entityTag(stats), range: 'bytes=0-1' };
  expect(ask({ ...same, 'if-range': etag }).status).toBe(206);
  expect(ask({ ...same, 'if-range': '"other"' }).status).toBe(200);
  expect(ask({ 'if-none-match': etag })).toMatchObject({ status: 304, parts: [] });
  expect(ask({ 'if-match': '"other"' })).toMatchObject({ status: 412, parts: [] });
});

test('wrong options are refused', () => {
  const code = (options: object): unknown => {
    try {
      return ask({}, 'GET', options as FileAnswerOptions).status;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  expect(code({ contentTyp: 'x' })).toBe('ERR_INVALID_ARG_VALUE');
  expect(code({ contentType: 5 })).toBe('ERR_INVALID_ARG_TYPE');
  expect(code({ cacheControl: 5 })).toBe('ERR_INVALID_ARG_TYPE');
  expect(code({ etag: 1 })).toBe('ERR_INVALID_ARG_TYPE');
  expect(code({ ranges: 1 })).toBe('ERR_INVALID_ARG_TYPE');
});
