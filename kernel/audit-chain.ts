/**
 * How audit records become lines, and how one line is checked by itself. Format version 1.
 *
 * A line is one JSON object and a line feed:
 *
 *     {"seq":7,"time":"2026-01-31T12:00:00.000Z","type":"decision", ... ,"prev":"<64 hex>","hash":"<64 hex>"}
 *
 * `seq` counts every line from 1, across segments. `prev` is the `hash` of the line before (64 zeros for the first line ever).
 * `hash` is the SHA-256, in lower-case hex, of these bytes: the 64 characters of `prev`, then the line as it stands in the
 * file without its line feed and without the member `,"hash":"<64 hex>"`. `seq` and `time` are the first members, `prev` and `hash`
 * the last: nothing has to be serialised again to check a line, and not one byte of it can change unnoticed.
 *
 * The chain shows what was changed by someone who did not rewrite all that follows. Against one who did, and against cutting
 * off the end, compare with a point of the chain that was noted elsewhere (`verifySegments`, `until`).
 */
import { createHash, hash as digest } from 'node:crypto';
import type { StoredRecord } from './audit-record.ts';

/** Version of the line format, named by each segment's first line. */
export const AUDIT_FORMAT_VERSION = 1;

/** A place in the chain: a line's number and hash. */
export type ChainPoint = { readonly seq: number; readonly hash: string };

/** The place before the first line. */
export const GENESIS: ChainPoint = { seq: 0, hash: '0'.repeat(64) };

/** What the store adds to a record. */
export type LineFields = { readonly seq: number; readonly time: string; readonly prev: string; readonly hash: string };

/** One line, parsed. */
export type AuditLine = StoredRecord & LineFields;

/** A line with its line feed, and the place in the chain that it makes. */
export type EncodedLine = { readonly text: string; readonly point: ChainPoint };

const HASH_PREFIX = ',"hash":"';
const HASH_MEMBER_LENGTH = HASH_PREFIX.length + 64 + '"'.length;
const CLOSING = Buffer.from('}');

const hashOf = (prev: string, body: Uint8Array): string => createHash('sha256').update(prev).update(body).update(CLOSING).digest('hex');

/** The line that follows `point`; `json` is the record as `JSON.stringify` writes it, `time` an ISO 8601 time in UTC. */
export const encodeLine = (point: ChainPoint, time: string, json: string): EncodedLine => {
  const seq = point.seq + 1;
  const body = `{"seq":${seq},"time":"${time}",${json.slice(1, -1)},"prev":"${point.hash}"`;
  const hash = digest('sha256', `${point.hash}${body}}`, 'hex');
  return { text: `${body}${HASH_PREFIX}${hash}"}\n`, point: { seq, hash } };
};

/** What a line is by itself: as written, changed since, or no line of this format. */
export type LineVerdict =
  | { readonly type: 'Intact'; readonly line: AuditLine }
  | { readonly type: 'Edited'; readonly line: AuditLine }
  | { readonly type: 'Malformed' };

const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const parseLine = (bytes: Uint8Array): AuditLine | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { seq, time, type, prev, hash } = value as Partial<Record<keyof AuditLine, unknown>>;
  const known = Number.isSafeInteger(seq) && typeof time === 'string' && typeof type === 'string' && isHash(prev) && isHash(hash);
  return known ? (value as AuditLine) : undefined;
};

/** Checks one line (without its line feed) against its own hash; its place in the chain is `verifySegments`' business. */
export const verifyLine = (bytes: Uint8Array): LineVerdict => {
  const line = parseLine(bytes);
  if (line === undefined) return { type: 'Malformed' };
  const body = bytes.subarray(0, bytes.byteLength - HASH_MEMBER_LENGTH - CLOSING.byteLength);
  const rest = Buffer.from(bytes.subarray(body.byteLength)).toString('latin1');
  const intact = rest === `${HASH_PREFIX}${line.hash}"}` && hashOf(line.prev, body) === line.hash;
  return { type: intact ? 'Intact' : 'Edited', line };
};
