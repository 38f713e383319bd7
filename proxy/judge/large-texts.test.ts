import { afterEach, describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { catalogOf, contextOf, grantsOf, policy } from '../../test/support/small-catalog.ts';
import type { PreparedByText, SessionState } from '../policy/judgement.ts';
import { Grammar } from '../sql/grammar.ts';
import { judgeContext, type JudgeBasis, type JudgeQuestions } from './judge-context.ts';
import { judgeText, type TextJudgement } from './judge-text.ts';
import { LARGE_TEXT, LargeTexts, type LargeTextTiming } from './large-texts.ts';

const LONG: LargeTextTiming = { patience: 60_000, idle: 60_000 };

const basis: JudgeBasis = { catalog: catalogOf(), grants: grantsOf(policy())!, revision: 'r1' };
const questions: JudgeQuestions = { probe: async () => undefined, estimate: async () => ({ rows: 1 }) };
const numbers = (count: number): string => Array.from({ length: count }, (_, index) => index).join(', ');
const LARGE = `SELECT name, ssn FROM users WHERE id IN (${numbers(20_000)})`;

const made: LargeTexts[] = [];
const textsOf = (timing: LargeTextTiming = LONG): LargeTexts => {
  const texts = new LargeTexts(timing);
  made.push(texts);
  return texts;
};
afterEach(async () => {
  for (const texts of made.splice(0)) await texts.worker?.terminate();
});

const faults: unknown[] = [];
const onFault = (fault: unknown): number => faults.push(fault);

type Asked = { readonly state?: SessionState; readonly questions?: JudgeQuestions };

const elsewhere = (texts: LargeTexts, sql: string, asked: Asked = {}): Promise<TextJudgement> =>
  texts.judge({ bytes: Buffer.from(sql), via: 'Query', state: contextOf().state, basis, questions, onFault, ...asked });

const here = async (sql: string, state: SessionState = contextOf().state): Promise<TextJudgement> => {
  const context = judgeContext(basis, { ...questions, grammar: new Grammar(18), onFault }, new Map());
  // What can be learned for other literals stays where it was learned.
  const { judged, cacheable, unknownNames, defines } = await judgeText(Buffer.from(sql), 'Query', state, context);
  return { judged, cacheable, unknownNames, defines };
};

const codeOf = async (judging: Promise<unknown>): Promise<unknown> => {
  const error = await judging.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  return error instanceof Failure ? [error.fields.code, error.fields.detail] : error;
};

describe('LargeTexts', () => {
  it('knows what the transaction has defined', async () => {
    const made = { type: 'Made', name: { schema: 'public', name: 'made' }, kind: 'r', columns: [], primaryKey: [], reaches: [] } as const;
    const uncommitted = { changes: [made], kept: [], savepoints: [], failed: false };
    const state = { ...contextOf().state, uncommitted };
    const sql = `${LARGE}; SELECT * FROM made`;
    expect(await elsewhere(textsOf(), sql, { state })).toEqual(await here(sql, state));
    expect(await elsewhere(textsOf(), sql, { state })).not.toEqual(await here(sql));
  });

  it.each([
    ['what is allowed', LARGE],
    ['what is refused', `${LARGE}; SELECT * FROM secrets`],
    ['what is wrong', `${LARGE} FROM`],
    ['a text that is one long literal', `SELECT length('${'ä'.repeat(3_000_000)}')`],
  ])('judges %s as the main thread does', async (_, sql) => {
    expect(sql.length).toBeGreaterThan(LARGE_TEXT);
    expect(await elsewhere(textsOf(), sql)).toEqual(await here(sql));
  });

  it('asks for what names stand for', async () => {
    const comment = `/* ${'x'.repeat(LARGE_TEXT)} */`;
    const p: PreparedByText = { ...(await preparedUsers()), revision: 'r1' };
    const state: SessionState = { ...contextOf().state, prepared: (name) => (name === 'p' ? p : undefined) };
    const judged = await elsewhere(textsOf(), `EXECUTE p ${comment}; EXECUTE p`, { state });
    expect(judged.judged.decision).toBe('Allow');
    expect(judged).toEqual(await here(`EXECUTE p ${comment}; EXECUTE p`, state));
    const unknown = await elsewhere(textsOf(), `EXECUTE q ${comment}`, { state });
    expect(unknown.judged).toMatchObject({ failure: { fields: { code: 'statement-unknown' } } });
  });

  it('takes one text after the other, each with the answer to its own questions', async () => {
    const texts = textsOf();
    const complaints = ['first', undefined, 'third'];
    const all = complaints.map((complaint) => elsewhere(texts, LARGE, { questions: { ...questions, probe: async () => complaint } }));
    const codes = (await Promise.all(all)).map(({ judged }) =>
      judged.decision === 'Deny' ? judged.failure.fields.detail : judged.decision,
    );
    expect(codes).toEqual([expect.stringContaining('first'), 'Allow', expect.stringContaining('third')]);
  });

  it('passes on that a question could not be answered', async () => {
    const lost = new Error('lost');
    const { judged, cacheable } = await elsewhere(textsOf(), LARGE, { questions: { ...questions, probe: () => Promise.reject(lost) } });
    expect([judged.decision, judged.reasons.map(({ code }) => code), cacheable]).toEqual(['Deny', ['scope-unchecked'], false]);
    expect(faults).toContain(lost);
  });

  it('refuses a text whose thread is killed, and judges the next on another', async () => {
    const texts = textsOf();
    const judging = elsewhere(texts, LARGE);
    const next = elsewhere(texts, LARGE);
    await Promise.resolve();
    await texts.worker?.terminate();
    expect(await codeOf(judging)).toEqual(['internal-error', expect.anything()]);
    expect((await next).judged.decision).toBe('Allow');
  });

  it('refuses a text that takes too long, and ends its thread', async () => {
    const texts = textsOf({ patience: 1, idle: 60_000 });
    expect(await codeOf(elsewhere(texts, LARGE))).toEqual(['statement-too-complex', 'Judging it takes too long.']);
    expect(texts.worker).toBeUndefined();
  });

  it('ends the thread that has had nothing to do', async () => {
    const texts = textsOf({ patience: 60_000, idle: 0 });
    await elsewhere(texts, LARGE);
    const { worker } = texts;
    await new Promise((resolve) => worker?.once('exit', resolve));
    expect(texts.worker).toBeUndefined();
    expect((await elsewhere(texts, LARGE)).judged.decision).toBe('Allow');
  });
});

const preparedUsers = async (): Promise<PreparedByText> => {
  const { judged } = await here('PREPARE p AS SELECT ssn FROM users');
  const [effect] = judged.decision === 'Deny' ? [] : judged.effects;
  if (effect?.type !== 'Prepare') throw new Error('it prepares nothing');
  return effect.prepared;
};
