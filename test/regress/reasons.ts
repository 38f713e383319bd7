/**
 * Why an answer through the proxy is another one. The first reason that applies is the statement's.
 */
import type { Answer } from './answer.ts';
import { type Aspect, sortedFields } from './compare.ts';
import type { Step } from './record-suite.ts';

export type Difference = {
  readonly step: Step;
  readonly direct: Answer;
  readonly answer: Answer;
  readonly aspect: Aspect;
  /** Codes of `docs/errors.md`, where the proxy refused. */
  readonly refusal: string | undefined;
  readonly temporary: boolean;
};

export type Reason = {
  readonly name: string;
  /** `Purpose`: what the proxy is for. `Comparison`: of the way of comparing. `Fault`: to be mended. */
  readonly kind: 'Purpose' | 'Comparison' | 'Fault';
  readonly why: string;
  readonly applies: (difference: Difference) => boolean;
};

const refusedBy =
  (...codes: readonly string[]) =>
  ({ refusal }: Difference): boolean =>
    refusal !== undefined && codes.some((code) => refusal.includes(`"${code}"`));

const says =
  (pattern: RegExp) =>
  ({ answer }: Difference): boolean =>
    pattern.test(answer.error?.['M'] ?? '');

const without = (answer: Answer, left: readonly string[]): string =>
  JSON.stringify([answer.error, ...answer.notices].map((said) => said && sortedFields(said).filter(([letter]) => !left.includes(letter))));

/** Apart from these fields of errors and notices, the same is said. */
const onlyFields =
  (fields: readonly string[]) =>
  ({ direct, answer, aspect }: Difference): boolean =>
    (aspect.startsWith('error ') || aspect === 'notices') &&
    aspect !== 'error instead of a result' &&
    without(direct, fields) === without(answer, fields);

export const REASONS: readonly Reason[] = [
  {
    name: 'the session ended',
    kind: 'Fault',
    why: 'The proxy closed the session, or did not answer.',
    applies: ({ aspect }) => aspect === 'session',
  },
  {
    name: 'temporary relation',
    kind: 'Comparison',
    why: 'The set-up has made it for this session alone, where it cannot be an ordinary one; policies grant no temporary relations.',
    applies: (difference) =>
      difference.temporary && refusedBy('relation-unknown', 'function-unknown', 'grant-unusable', 'statement-unknown')(difference),
  },
  {
    name: 'after a refusal in its transaction',
    kind: 'Comparison',
    why: 'A statement before it was refused and has failed the transaction, as a refusal does; it is counted where it stands.',
    applies: ({ answer, direct }) =>
      (answer.error?.['C'] === '25P02' && direct.error?.['C'] !== '25P02') ||
      (direct.tags.includes('COMMIT') && answer.tags.includes('ROLLBACK')),
  },
  {
    name: 'context of errors and notices',
    kind: 'Purpose',
    why: 'CONTEXT and internal queries tell of the insides of functions and triggers, DETAIL of a constraint prints rows: both are only recorded (docs/errors.md).',
    applies: onlyFields(['W', 'q', 'p', 'D', 'P']),
  },
  {
    name: 'texts of cursors and prepared statements',
    kind: 'Purpose',
    why: 'pg_cursors and pg_prepared_statements have the text that the server got: with relations written out.',
    applies: ({ step, aspect }) => aspect === 'rows' && /\bpg_(cursors|prepared_statements)\b/i.test(step.text),
  },
  {
    name: 'setting of the operator',
    kind: 'Purpose',
    why: 'The value changes what is logged or how the text is read, or search_path would name schemas in which nothing is granted.',
    applies: refusedBy('setting-refused', 'setting-hidden', 'setting-unnamed'),
  },
  {
    name: 'catalogs are not written',
    kind: 'Purpose',
    why: 'Rows of pg_catalog are changed by definitions, not by DML.',
    applies: (difference) => refusedBy('write-refused')(difference) && says(/relation "(pg_|information_schema)/)(difference),
  },
  {
    name: 'function that is refused by list',
    kind: 'Purpose',
    why: 'The reviewed lists name it as reading files or other relations by name, or acting on the server.',
    applies: refusedBy('function-refused', 'operator-refused'),
  },
  {
    name: 'the other of two errors',
    kind: 'Purpose',
    why: 'The statement has two faults, and the proxy meets the other one first.',
    applies: (difference) => difference.direct.error !== undefined && refusedBy('invalid-statement')(difference),
  },
  {
    name: 'refused form',
    kind: 'Fault',
    why: 'Nobody has judged this form of the statement yet.',
    applies: refusedBy('not-understood', 'statement-refused', 'statement-too-complex', 'statement-too-large'),
  },
  { name: 'other refusal', kind: 'Fault', why: 'The code is in docs/errors.md.', applies: ({ refusal }) => refusal !== undefined },
  {
    name: 'error text',
    kind: 'Fault',
    why: 'It fails as it does directly, with other words, code or position.',
    applies: ({ aspect }) => aspect.startsWith('error ') && aspect !== 'error instead of a result',
  },
  { name: 'other difference', kind: 'Fault', why: 'Rows, columns, tags or notices.', applies: () => true },
];
