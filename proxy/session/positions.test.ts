import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Edit } from '../policy/judgement.ts';
import { agentPosition } from './positions.ts';

const edited = (agent: string, ...replacements: [string, string][]): { agent: Buffer; sent: string; edits: Edit[] } => {
  const edits: Edit[] = [];
  let sent = agent;
  for (const [from, to] of replacements) {
    const start = Buffer.byteLength(agent.slice(0, agent.indexOf(from)));
    edits.push({ start, end: start + Buffer.byteLength(from), text: to });
    sent = sent.replace(from, to);
  }
  return { agent: Buffer.from(agent), sent, edits };
};

const users = edited(
  'SELECT ü, x FROM users u JOIN orders o ON nöpe',
  ['users u', '(SELECT id, "é" FROM public.users) AS u'],
  ['orders o', '(SELECT id FROM public.orders) AS o'],
);

describe('agentPosition()', () => {
  it.each<[string, typeof users, string, string]>([
    ['in front of every edit, behind a letter of two bytes', users, 'x FROM', 'x FROM'],
    ['at the start of an edit', users, '(SELECT id, "é"', 'users u'],
    ['inside of an edit', users, 'public.users', 'users u'],
    ['between two edits', users, 'JOIN', 'JOIN'],
    ['inside of the second edit', users, 'public.orders', 'orders o'],
    ['behind the last edit', users, 'nöpe', 'nöpe'],
    ['behind a replacement that is shorter', edited('SELECT aaaaaaaa, b', ['aaaaaaaa', '1']), 'b', 'b'],
    ['behind an insertion', edited('SELECT a GROUP BY c.id', ['c.id', 'c.id, c.name']), 'c.name', 'c.id'],
  ])('maps a place %s', (_what, { agent, sent, edits }, inSent, inAgent) => {
    const position = Array.from(sent.slice(0, sent.indexOf(inSent))).length + 1;
    const expected = Array.from(agent.toString().slice(0, agent.toString().indexOf(inAgent))).length + 1;
    expect(agentPosition(position, sent, edits, agent)).toBe(expected);
  });

  it('maps the end of the text to the end of the text', () => {
    expect(agentPosition(Array.from(users.sent).length + 1, users.sent, users.edits, users.agent)).toBe(
      Array.from(users.agent.toString()).length + 1,
    );
  });

  it('counts characters beyond the basic plane as one, as PostgreSQL does', () => {
    const { agent, sent, edits } = edited("SELECT '😀', t, y", ['t', '(SELECT 1) AS t']);
    expect(agentPosition(Array.from(sent).indexOf('y') + 1, sent, edits, agent)).toBe(Array.from(agent.toString()).indexOf('y') + 1);
  });

  it('leaves positions alone where nothing was rewritten', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        (position) => agentPosition(position, 'SELECT 1', [], Buffer.from('SELECT 1')) === position,
      ),
    );
  });

  it('answers the same character wherever it was not replaced', () => {
    const word = fc.stringMatching(/^[a-zé😀]{1,4}$/u);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.option(word)), { minLength: 1, maxLength: 8 }), (words) => {
        let agent = '';
        let sent = '';
        const edits: Edit[] = [];
        const kept: [number, number][] = [];
        for (const [text, replacement] of words) {
          if (replacement === null) {
            kept.push([Array.from(sent).length + 1, Array.from(agent).length + 1]);
          } else {
            edits.push({ start: Buffer.byteLength(agent), end: Buffer.byteLength(agent + text), text: replacement });
          }
          agent += text;
          sent += replacement ?? text;
        }
        for (const [inSent, inAgent] of kept) {
          expect(agentPosition(inSent, sent, edits, Buffer.from(agent))).toBe(inAgent);
        }
      }),
    );
  });
});
