/**
 * Stands between a server and the parser of node-postgres, which trusts what it reads: a text without an end would keep it busy for ever. Only
 * whole messages pass, of the kinds that a session of ours can have, with every length and every end of a text where it should be.
 */

const HEADER = 5;

/** Bytes of a session: a catalog's worth, and no flood. */
const MOST_BYTES = 8 * 1024 * 1024;

/** Messages and their columns: the smallest take far more memory than they have bytes. */
const MOST_ITEMS = 500_000;

/** Steps of a log-in; SCRAM takes four. Each may make us compute keys, in threads that DNS and files need as well. */
const MOST_AUTHENTICATIONS = 4;

/** `NotPostgres`: it breaks the protocol. `TooMuch`: it keeps to it, and sends more than anybody needs. */
export type GuardRefusal = 'NotPostgres' | 'TooMuch';

/** Offset behind the text that begins at `from`, or -1. */
const afterText = (body: Buffer, from: number): number => {
  const end = from >= body.length ? -1 : body.indexOf(0, from);
  return end === -1 ? -1 : end + 1;
};

const isTexts = (body: Buffer, from: number, count: number): boolean => {
  let at = from;
  for (let index = 0; index < count && at !== -1; index += 1) at = afterText(body, at);
  return at === body.length;
};

/** Fields of ErrorResponse and NoticeResponse: a code and a text each, then a zero. */
const isFields = (body: Buffer): boolean => {
  let at = 0;
  while (at < body.length) {
    if (body[at] === 0) return at === body.length - 1;
    at = afterText(body, at + 1);
    if (at === -1) return false;
  }
  return false;
};

/** int16 of columns, each a name and 18 bytes. */
const isRowDescription = (body: Buffer): boolean => {
  if (body.length < 2) return false;
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    at = afterText(body, at);
    if (at === -1) return false;
    at += 18;
  }
  return at === body.length;
};

/** int16 of values, each an int32 of bytes (-1: NULL) and these. */
const isDataRow = (body: Buffer): boolean => {
  if (body.length < 2) return false;
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    if (at + 4 > body.length) return false;
    const length = body.readInt32BE(at);
    if (length < -1) return false;
    at += 4 + Math.max(0, length);
  }
  return at === body.length;
};

/** Mechanisms: texts, and an empty one at the end. */
const isMechanisms = (body: Buffer): boolean => {
  let at = 4;
  while (at !== -1 && at < body.length - 1) at = afterText(body, at);
  return at === body.length - 1 && body[at] === 0;
};

const isAuthentication = (body: Buffer): boolean => {
  if (body.length < 4) return false;
  switch (body.readInt32BE(0)) {
    case 0:
    case 3:
      return body.length === 4;
    case 5:
      return body.length === 8;
    case 10:
      return isMechanisms(body);
    case 11:
    case 12:
      return body.length > 4;
    default:
      return false;
  }
};

const isEmpty = (body: Buffer): boolean => body.length === 0;

/** Whether a body is one of its kind. What is not listed no session of ours has. */
const KINDS: Readonly<Record<string, (body: Buffer) => boolean>> = {
  R: isAuthentication,
  S: (body) => isTexts(body, 0, 2),
  K: (body) => body.length >= 8 && body.length <= 260,
  Z: (body) => body.length === 1,
  E: isFields,
  N: isFields,
  A: (body) => body.length > 4 && isTexts(body, 4, 2),
  T: isRowDescription,
  D: isDataRow,
  C: (body) => isTexts(body, 0, 1),
  t: (body) => body.length >= 2 && body.length === 2 + 4 * body.readUInt16BE(0),
  '1': isEmpty,
  '2': isEmpty,
  '3': isEmpty,
  n: isEmpty,
  I: isEmpty,
};

const itemsOf = (kind: string, body: Buffer): number => 1 + (kind === 'T' || kind === 'D' ? body.readUInt16BE(0) : 0);

/** Takes bytes as they come, hands on whole messages, and calls `refuse`, once, at the first that is none, or one too many. */
export const createMessageGuard = (pass: (message: Buffer) => void, refuse: (refusal: GuardRefusal) => void): ((chunk: Buffer) => void) => {
  let parts: Buffer[] = [];
  let length = 0;
  let needed = HEADER;
  let refused = false;
  let received = 0;
  let items = 0;
  let authentications = 0;

  const fail = (refusal: GuardRefusal): void => {
    refused = true;
    parts = [];
    refuse(refusal);
  };

  const isTooMuch = (kind: string, body: Buffer): boolean => {
    items += itemsOf(kind, body);
    if (kind === 'R') authentications += 1;
    return items > MOST_ITEMS || authentications > MOST_AUTHENTICATIONS;
  };

  return (chunk) => {
    if (refused) return;
    received += chunk.length;
    if (received > MOST_BYTES) return fail('TooMuch');
    parts.push(chunk);
    length += chunk.length;
    // A long message in many pieces is put together once.
    if (length < needed) return;
    let bytes = Buffer.concat(parts);
    needed = HEADER;
    while (bytes.length >= HEADER) {
      const size = bytes.readUInt32BE(1);
      if (size < 4) return fail('NotPostgres');
      if (size > MOST_BYTES) return fail(KINDS[String.fromCharCode(bytes[0] ?? 0)] === undefined ? 'NotPostgres' : 'TooMuch');
      if (bytes.length < size + 1) {
        needed = size + 1;
        break;
      }
      const kind = String.fromCharCode(bytes[0] ?? 0);
      const body = bytes.subarray(HEADER, size + 1);
      if (KINDS[kind]?.(body) !== true) return fail('NotPostgres');
      if (isTooMuch(kind, body)) return fail('TooMuch');
      try {
        pass(bytes.subarray(0, size + 1));
      } catch {
        // Well formed, and not what comes now.
        return fail('NotPostgres');
      }
      bytes = bytes.subarray(size + 1);
    }
    parts = bytes.length === 0 ? [] : [bytes];
    length = bytes.length;
  };
};
