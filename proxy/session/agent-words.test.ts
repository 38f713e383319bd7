import { describe, expect, it } from 'vitest';
import { inAgentWords } from './agent-words.ts';

const told = (agent: string, schema: string, message: string, sent = agent.indexOf('f')): string => {
  const start = agent.indexOf('f');
  return inAgentWords(message, sent, [{ start, end: start, text: `"${schema}".` }], Buffer.from(agent));
};

describe('inAgentWords()', () => {
  it.each([
    ['SELECT f(1)', 'public', 'function public.f(integer) does not exist', 'function f(integer) does not exist'],
    ['SELECT fUNC (1)', 'public', 'function public.func(integer) does not exist', 'function func(integer) does not exist'],
    ['SELECT f(1)', 'a"" b', 'a" b.f(integer) is a procedure', 'f(integer) is a procedure'],
    ['SELECT f(1)', 'public', 'OVER specified, but public.f is not a window function', 'OVER specified, but f is not a window function'],
  ])('takes out the schema that was put in: %s, %s', (agent, schema, message, expected) => {
    expect(told(agent, schema, message)).toBe(expected);
  });

  it.each([
    ['of another function', 'function public.g(integer) does not exist'],
    ['of a longer name', 'function public.fg(integer) does not exist'],
    ['inside of a name', 'function "public.f(integer) does not exist'],
    ['named twice', 'function public.f(public.f) does not exist'],
  ])('leaves a message as it is: %s', (_, message) => {
    expect(told('SELECT f(1)', 'public', message)).toBe(message);
  });

  it.each([
    ['SELECT * FROM gone', '"public"."gone"', 'relation "public.gone" does not exist', 'relation "gone" does not exist'],
    ['SELECT * FROM gone', '"pub""lic"."go""ne"', 'relation "pub"lic.go"ne" does not exist', 'relation "go"ne" does not exist'],
    ['SELECT * FROM public.gone', '"public"."gone"', 'relation "public.gone" does not exist', 'relation "public.gone" does not exist'],
    ['SELECT * FROM gone', '"public"."gone"', 'relation "public.other" does not exist', 'relation "public.other" does not exist'],
    [
      'SELECT * FROM gone',
      '(SELECT id FROM "public"."gone")',
      'relation "public.gone" does not exist',
      'relation "public.gone" does not exist',
    ],
  ])('says of a relation that has gone what the agent called it: %s, %s', (agent, text, message, expected) => {
    const start = agent.indexOf('FROM ') + 5;
    expect(inAgentWords(message, start, [{ start, end: agent.length, text }], Buffer.from(agent))).toBe(expected);
  });

  it('leaves a message that is about another place', () => {
    const message = 'function public.f(integer) does not exist';
    expect(told('SELECT f(1), public.f(2)', 'public', message, 20 + '"public".'.length)).toBe(message);
  });
});
