/** The catalogue of failures: its page, and the manner in which they speak. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureSamples } from '../../scripts/failure-samples.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

describe('scripts/generate-errors.ts', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'generate-'));
    cpSync(join(PROJECT, 'docs'), join(root, 'docs'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const run = (...options: readonly string[]): { readonly status: number | null; readonly stderr: string } => {
    const { status, stderr } = spawnSync(process.execPath, [join(PROJECT, 'scripts/generate-errors.ts'), ...options, root], {
      encoding: 'utf8',
    });
    return { status, stderr };
  };

  it('finds what is committed to be what the failures say', () => {
    expect(run('--check')).toEqual({ status: 0, stderr: '' });
  });

  it('finds a page that was edited by hand, and writes it again', () => {
    const page = join(root, 'docs', 'errors.md');
    writeFileSync(page, readFileSync(page, 'utf8').replace('42501', '42502'));
    expect(run('--check')).toEqual({
      status: 1,
      stderr: 'docs/errors.md is not what kernel/failure.ts says: run node scripts/generate-errors.ts\n',
    });
    expect(run().status).toBe(0);
    expect(run('--check').status).toBe(0);
  });
});

describe('a failure', () => {
  it('has a code of its own', () => {
    const codes = failureSamples.map(({ code }) => code);
    expect(codes.filter((code) => !/^[a-z]+(-[a-z]+)*$/.test(code))).toEqual([]);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('names its function as it names its code', () => {
    const camelCase = (code: string): string => code.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    expect(failureSamples.filter(({ code, name }) => camelCase(code) !== name)).toEqual([]);
  });

  it('has a message in lower case without a full stop, and sentences for DETAIL and HINT', () => {
    const isSentence = (text: string | undefined): boolean => text === undefined || /^(?:[A-Z"]|pg-airlock )[^]*\.$/.test(text);
    const isMessage = (text: string): boolean => /^[a-z"][^\n]*[^.]$/.test(text);
    expect(failureSamples.filter(({ message, detail, hint }) => !(isMessage(message) && isSentence(detail) && isSentence(hint)))).toEqual(
      [],
    );
  });
});
