import { describe, expect, it } from 'vitest';
import { send, types } from '../support/raw-client.ts';
import { airlock, completions, errors, eventually, open, status, values, useAirlock } from './use-airlock.ts';
import { AFFECTED, extended, changed, outcomes, setWatches, tags, update, watch, useWatches } from './use-watches.ts';

useAirlock();
useWatches();

describe('rows and bytes returned', () => {
  it('end the statement that is over, by name of the rule', async () => {
    setWatches(watch({ counts: 'RowsReturned' }));
    const client = await open();
    expect(values(await client.query('SELECT id FROM t WHERE id <= 10 /* w */')).length).toBe(10);
    const frames = await client.query('SELECT id FROM t /* w */');
    expect([types(frames), errors(frames)]).toEqual([
      'T E Z',
      [
        {
          ...AFFECTED,
          D: 'The statement returned more than 10 rows. Rule "few" of policy test/p refuses that.',
          H: 'Add a LIMIT, a narrower WHERE or an aggregate.',
        },
      ],
    ]);
    await eventually(() => completions().length === 2);
    expect(outcomes()).toEqual([
      ['Completed', undefined, undefined],
      ['Failed', '42501', ['few']],
    ]);
  });

  it('are counted for each statement of a text', async () => {
    setWatches(watch({ counts: 'RowsReturned' }));
    const client = await open();
    const text = 'SELECT id FROM t WHERE id <= 8 /* w */';
    expect(values(await client.query(`${text}; ${text}; ${text}`)).length).toBe(24);
  });

  it('are counted for all portions of a portal, and of a cursor', async () => {
    setWatches(watch({ counts: 'RowsReturned' }));
    const client = await open();
    await client.query('BEGIN');
    await client.exchange(send.parse('', 'SELECT id FROM t /* w */'), send.bind('p', ''), send.execute('p', 6), send.sync());
    expect(errors(await client.exchange(send.execute('p', 6), send.sync())).length).toBe(1);
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query('DECLARE c CURSOR FOR SELECT id FROM t /* w */');
    expect(values(await client.query('FETCH 6 FROM c')).length).toBe(6);
    expect(values(await client.exchange(...extended('FETCH 4 FROM c'), send.sync())).length).toBe(4);
    expect(errors(await client.query('FETCH 1 FROM c')).length).toBe(1);
    await client.query('ROLLBACK');
    const together = await client.query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM t /* w */; FETCH 6 FROM c; FETCH 4 FROM c');
    expect(errors(together)).toEqual([]);
    expect(errors(await client.query('FETCH 1 FROM c')).length).toBe(1);
  });

  it('count what COPY returns', async () => {
    setWatches(watch({ counts: 'RowsReturned' }));
    const client = await open();
    expect(errors(await client.query('COPY t TO STDOUT /* w */')).length).toBe(1);
  });

  it('count bytes', async () => {
    setWatches(watch({ counts: 'BytesReturned', over: 50_000, action: 'RequireApproval' }));
    const client = await open();
    expect(errors(await client.query("SELECT repeat('x', 49000) /* w */"))).toEqual([]);
    expect(errors(await client.query("SELECT repeat('x', 51000) /* w */"))).toMatchObject([
      {
        C: '42501',
        M: 'rule "few" requires an approval',
        D: 'The statement returned more than 50000 bytes. Rule "few" of policy test/p lets that through only after a person has approved it.',
      },
    ]);
  });

  it('undo a write that may be undone', async () => {
    setWatches(watch({ counts: 'RowsReturned' }), watch({ over: 1000 }));
    const client = await open();
    const frames = await client.query(update(11, ' RETURNING id'));
    expect([errors(frames).length, status(frames), await changed()]).toEqual([1, 'I', 0]);
    const execute = await client.exchange(...extended(update(11, ' RETURNING id')), ...extended('SELECT 1'), send.sync());
    expect([errors(execute).length, status(execute), await changed()]).toEqual([1, 'I', 0]);
  });
});

describe('a rule that audits', () => {
  it('marks the record and lets the statement be', async () => {
    setWatches(
      watch({ rule: 'many', action: 'Audit' }),
      watch({ rule: 'rows', action: 'Audit', counts: 'RowsReturned' }),
      watch({ rule: 'never', action: 'Audit', over: 1000 }),
    );
    const client = await open();
    const text = `${update(11, ' RETURNING id')}; ${update(2)}`;
    const frames = await client.query(text);
    expect([tags(frames), await changed()]).toEqual([['UPDATE 11', 'UPDATE 2'], 11]);
    await eventually(() => completions().length === 1);
    expect(outcomes()).toEqual([['Completed', undefined, ['rows', 'many']]]);
    expect(airlock.outcomes[0]?.rules).toEqual(['rows', 'many']);
  });
});
