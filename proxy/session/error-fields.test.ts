import { describe, expect, it } from 'vitest';
import { relationKey } from '../catalog/catalog.ts';
import type { Allowed } from '../policy/judgement.ts';
import { errorForAgent, noticeForAgent } from './error-fields.ts';
import { type StatementText, textOf } from './running-statement.ts';

const judged: Allowed = {
  decision: 'Allow',
  sent: 'SELECT (x) + nope',
  recorded: undefined,
  edits: [{ start: 7, end: 8, text: '(x)' }],
  effects: [{ type: 'None' }],
  terms: [{ watches: [], hidesResult: false }],
  rules: [],
  withholdErrors: false,
  keyed: false,
  unfenced: false,
  maskedParameters: [],
  kinds: ['Select'],
  relations: [],
  masked: [],
  filtered: [],
  policies: [],
  reasons: [],
  revision: '1',
};

const text = (changes: Partial<Allowed> = {}): StatementText => textOf(Buffer.from('SELECT x + nope'), { ...judged, ...changes });
const fields = (entries: Record<string, string>): Map<string, string> => new Map(Object.entries(entries));

describe('errorForAgent()', () => {
  it('maps the position to the text of the agent, and leaves out the bodies of functions', () => {
    const error = fields({
      S: 'ERROR',
      C: '42703',
      M: 'column "nope" does not exist',
      P: '14',
      q: 'SELECT secret',
      p: '3',
      W: 'SQL statement "SELECT secret"\nPL/pgSQL function f() line 1 at SQL statement',
    });
    expect(errorForAgent(error, text())).toEqual({
      fields: fields({
        S: 'ERROR',
        C: '42703',
        M: 'column "nope" does not exist',
        P: '12',
        W: 'PL/pgSQL function f() line 1 at SQL statement',
      }),
      withheld: undefined,
    });
  });

  it('leaves out a position that is in no text of the agent', () => {
    expect(errorForAgent(fields({ C: '42601', P: '3' }), undefined).fields).toEqual(fields({ C: '42601' }));
  });

  it('leaves out a DETAIL that prints a row, and keeps it for the record', () => {
    const error = fields({ C: '23514', M: 'new row violates check constraint "c"', D: 'Failing row contains (1, 123-45-6789).' });
    expect(errorForAgent(error, text())).toEqual({
      fields: fields({ C: '23514', M: 'new row violates check constraint "c"' }),
      withheld: 'new row violates check constraint "c" — Failing row contains (1, 123-45-6789).',
    });
  });

  it.each([
    ['of the relation that it writes, where the agent may see it whole', 'shop', 'items', true],
    ['of another relation, as a trigger or a cascade writes it', 'shop', 'audit', false],
    ['of one of that name elsewhere', 'other', 'items', false],
  ])('tells a DETAIL that prints a row %s', (_, schema, table, told) => {
    const error = fields({ C: '23505', M: 'duplicate key', D: 'Key (id)=(3) already exists.', s: schema, t: table });
    expect(errorForAgent(error, text({ open: [relationKey('shop', 'items')] })).fields.has('D')).toBe(told);
  });

  it('tells a relation from another whose names read the same with a dot between them', () => {
    const error = fields({ C: '23505', M: 'duplicate key', D: 'Key (id)=(3) already exists.', s: 'shop', t: 'eu.items' });
    const told = (schema: string, table: string): boolean =>
      errorForAgent(error, text({ open: [relationKey(schema, table)] })).fields.has('D');
    expect([told('shop', 'eu.items'), told('shop.eu', 'items')]).toEqual([true, false]);
  });

  it('tells no DETAIL of WITH CHECK OPTION, which names no table', () => {
    const error = fields({ C: '44000', M: 'new row violates check option', D: 'Failing row contains (1, 123-45-6789).' });
    expect(errorForAgent(error, text({ open: [relationKey('shop', 'items')] })).fields.has('D')).toBe(false);
  });

  it.each([
    ['Key (id)=(1) already exists.', ['id'], true],
    ['Key (id, code)=(1, x) already exists.', ['id'], false],
    ['Key (id, code)=(1, x) already exists.', ['code', 'id'], true],
    ['Key (lower(code))=(x) already exists.', ['code', 'lower'], false],
    ['Key ("a, b")=(x) already exists.', ['"a', 'b"', 'a', 'b'], false],
    ['Key (id)=(9) is not present in table "t".', ['id'], true],
    ['Key (id)=(9) is still referenced from table "c".', ['id'], false],
    ['Key (during)=([1,5)) conflicts with existing key (during)=([2,3)).', ['during'], false],
    ['Failing row contains (1, x).', ['id', 'code'], false],
  ] as const)('keeps a DETAIL that prints only what is shown: %s of %j', (D, columns, isKept) => {
    const error = { C: '23505', M: 'violated', s: 'public', t: 'own' };
    const of = (table: string): Map<string, string> =>
      errorForAgent(fields({ ...error, D }), text({ shown: { [table]: columns } })).fields as Map<string, string>;
    expect(of(relationKey('public', 'own'))).toEqual(fields(isKept ? { ...error, D } : error));
    expect(of(relationKey('public', 'other'))).toEqual(fields(error));
  });

  it('withholds of a text what those of its statements raise of which this is to be expected', () => {
    const effects = [{ type: 'None' }, { type: 'None' }] as const;
    const mixed = text({ effects, withholdErrors: true, withheld: [1] });
    const messageAt = (index: number): string | undefined =>
      errorForAgent(fields({ C: '22012', M: 'division by zero' }), mixed, undefined, index).fields.get('M');
    const withheld = 'could not compute a value that the policy protects';
    expect([messageAt(0), messageAt(1), messageAt(2)]).toEqual(['division by zero', withheld, withheld]);
  });

  it('says nothing but the code where the policy itself may have raised the error', () => {
    const error = fields({
      S: 'ERROR',
      C: '22P02',
      M: 'invalid input syntax for type integer: "secret"',
      D: 'd',
      H: 'h',
      P: '9',
      c: 'ssn',
      F: 'numutils.c',
      L: '617',
      R: 'pg_strtoint32_safe',
    });
    expect(errorForAgent(error, text({ withholdErrors: true }))).toEqual({
      fields: fields({ S: 'ERROR', C: '22P02', M: 'could not compute a value that the policy protects' }),
      withheld: 'invalid input syntax for type integer: "secret" — d',
    });
  });

  it.each(['42703', '42804', '57014', '25P02', '40001', '55P03'])('tells %s as it is even then', (code) => {
    expect(errorForAgent(fields({ C: code, M: 'm' }), text({ withholdErrors: true }))).toEqual({
      fields: fields({ C: code, M: 'm' }),
      withheld: undefined,
    });
  });

  it('withholds an error without an SQLSTATE', () => {
    expect(errorForAgent(fields({ M: 'secret' }), text({ withholdErrors: true })).fields).toEqual(
      fields({ M: 'could not compute a value that the policy protects' }),
    );
  });
});

describe('where the statement writes what the policy hides columns of, errorForAgent()', () => {
  const hiding = text({ withholdInside: true });
  const withheld = (C: string) => fields({ C, M: 'could not compute a value that the policy protects' });

  it.each(['P0001', '23514', '44000', '42501', '57014'])('withholds %s that a trigger has chosen', (code) => {
    const error = fields({ C: code, M: 'ssn 123', H: 'not 124', W: 'PL/pgSQL function f()', F: 'pl_exec.c', R: 'exec_stmt_raise' });
    expect(errorForAgent(error, hiding).fields).toEqual(withheld(code));
    expect(errorForAgent(error, text(), { cursorMayFail: false, insideMayTell: true }).fields).toEqual(withheld(code));
    expect(errorForAgent(error, text()).fields.get('M')).toBe('ssn 123');
  });

  it('tells of no place in a trigger, which may depend on what is hidden', () => {
    const error = fields({ C: '42703', M: 'column "a" does not exist', W: 'PL/pgSQL function f() line 3 at RAISE' });
    expect(errorForAgent(error, hiding).fields).toEqual(fields({ C: '42703', M: 'column "a" does not exist' }));
    expect(errorForAgent(error, text({ withholdErrors: true })).fields.has('W')).toBe(false);
    expect(errorForAgent(error, text()).fields).toEqual(error);
  });

  it('tells what is wrong with a line that the agent copies', () => {
    const copying = text({ withholdInside: true, kinds: ['Copy'], relations: ['public.items'] });
    const error = fields({ C: '22P02', M: 'invalid input syntax for type integer: "x"', W: 'COPY items, line 1, column n: "x"' });
    expect(errorForAgent(error, copying).fields).toEqual(error);
    const computed = fields({ C: '22P02', M: 'invalid input syntax for type integer: "secret"', W: 'COPY items, line 1: "x"' });
    expect(errorForAgent(computed, copying).fields).toEqual(withheld('22P02'));
    expect(errorForAgent(error, hiding).fields).toEqual(withheld('22P02'));
  });

  it('tells of a constraint that is violated within a trigger', () => {
    const error = fields({ C: '23505', M: 'duplicate key', D: 'Key (ssn)=(1)', W: 'SQL statement', F: 'nbtinsert.c' });
    expect(errorForAgent(error, hiding).fields).toEqual(fields({ C: '23505', M: 'duplicate key', F: 'nbtinsert.c' }));
  });
});

describe('where the policies hide nothing', () => {
  const open = text({ hidesNothing: true });
  const row = { C: '23514', M: 'new row violates check constraint "c"', D: 'Failing row contains (1).', s: 'public', t: 'any' };

  it('tells every DETAIL, and the value that was no JSON', () => {
    const json = { C: '22P02', M: 'invalid input syntax for type json', D: 'Token "x" is invalid.', W: 'JSON data, line 1: x' };
    for (const error of [row, json]) expect(errorForAgent(fields(error), open).fields).toEqual(fields(error));
    expect(noticeForAgent(fields({ M: 'm', D: 'd', W: 'PL/pgSQL function f() line 1 at RAISE' }), open)).toEqual(
      fields({ M: 'm', D: 'd', W: 'PL/pgSQL function f() line 1 at RAISE' }),
    );
  });

  it('keeps bodies of functions back', () => {
    expect(errorForAgent(fields({ ...row, W: 'SQL statement "x"', q: 'x', p: '1' }), open).fields).toEqual(fields(row));
  });

  it('says nothing of what an earlier statement may raise that met what was hidden', () => {
    const lingering = { cursorMayFail: true, insideMayTell: true };
    expect(errorForAgent(fields({ C: '22012', M: 'division by zero', D: 'd' }), open, lingering).fields.has('D')).toBe(false);
    expect(noticeForAgent(fields({ M: 'm', D: 'd' }), open, lingering)).toEqual(fields({ M: 'm' }));
  });
});

describe('noticeForAgent()', () => {
  const notice = fields({ S: 'NOTICE', C: '00000', M: 'm', D: 'd', W: 'w', q: 'q', p: '1', P: '2', H: 'h' });

  it('keeps the message and leaves out what may carry values', () => {
    expect(noticeForAgent(notice, text())).toEqual(fields({ S: 'NOTICE', C: '00000', M: 'm', H: 'h' }));
  });

  it('keeps back what is said inside of triggers and of what the policy computes', () => {
    const told = [
      noticeForAgent(notice, text({ withholdInside: true })),
      noticeForAgent(notice, text({ withholdErrors: true })),
      noticeForAgent(notice, undefined, { cursorMayFail: false, insideMayTell: true }),
      noticeForAgent(notice, undefined, { cursorMayFail: true, insideMayTell: false }),
    ];
    expect(told).toEqual([undefined, undefined, undefined, undefined]);
    const own = fields({ S: 'WARNING', C: '25P01', M: 'there is no transaction in progress' });
    expect(noticeForAgent(own, text({ withholdInside: true }))).toEqual(own);
  });
});
