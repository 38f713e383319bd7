/** Reads a whole audit directory back: what `verifySegments` finds, and the records. */
import { readFile } from 'node:fs/promises';
import type { AuditLine } from '../../kernel/audit-chain.ts';
import { type Finding, verifySegments } from '../../kernel/audit-verify.ts';
import { listSegments, segmentSource } from '../../proxy/audit/segment-files.ts';

export type WholeChain = { readonly findings: readonly Finding[]; readonly lines: readonly AuditLine[] };

export const readChain = async (directory: string): Promise<WholeChain> => {
  const segments = await listSegments(directory);
  const findings: Finding[] = [];
  for await (const item of verifySegments(segments.map(segmentSource))) if (item.type === 'Finding') findings.push(item);
  const texts = await Promise.all(segments.map(({ path }) => readFile(path, 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n').slice(0, -1)).map((line) => JSON.parse(line) as AuditLine);
  return { findings, lines };
};
