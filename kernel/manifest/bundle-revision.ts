/**
 * The name of a bundle's content.
 */
import { createHash } from 'node:crypto';
import type { Bundle } from '../policy.ts';

/** JSON with sorted keys and without what is undefined; secrets stand in it as digests, dates as ISO 8601. */
const canonical = (value: unknown): string => {
  if (value instanceof Uint8Array) return `"sha256:${createHash('sha256').update(value).digest('hex')}"`;
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (value instanceof Map) return canonical([...value.entries()]);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, property]) => property !== undefined);
  const sorted = entries.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${sorted.map(([name, property]) => `${JSON.stringify(name)}:${canonical(property)}`).join(',')}}`;
};

/** SHA-256, in hex, over the canonical form: equal content gives an equal revision, however it is spread over files. */
export const bundleRevision = (content: Omit<Bundle, 'revision'>): string => createHash('sha256').update(canonical(content)).digest('hex');
