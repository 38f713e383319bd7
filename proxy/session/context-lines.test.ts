import { describe, expect, it } from 'vitest';
import { contextForAgent, isOfCopiedLine } from './context-lines.ts';

const ALL = { frames: true, copies: false, hidesNothing: false };
const COPY = { ...ALL, copies: true };
const OPEN = { ...ALL, hidesNothing: true };

describe('contextForAgent()', () => {
  it.each([
    'PL/pgSQL function f() line 3 at RAISE',
    'PL/pgSQL function public.f(integer,double precision,character varying[]) line 12 at SQL statement',
    'PL/pgSQL function "Two words"("a""b"."T",numeric) line 1 at FOR over EXECUTE statement',
    'PL/pgSQL function f(pos_int) line 2 during statement block local variable initialization',
    "PL/pgSQL function f(pos_int) while casting return value to function's return type",
    'PL/pgSQL function inline_code_block line 1 at RAISE',
    'compilation of PL/pgSQL function "f" near line 1',
    'SQL function "f" statement 2',
    'SQL function "f" during startup',
    'SQL function "f" during inlining',
    'PL/pgSQL function f() line 3 at RAISE\nPL/pgSQL function g() line 4 at PERFORM\nparallel worker',
  ])('tells where it was: %s', (context) => {
    expect(contextForAgent(context, ALL)).toBe(context);
    expect(contextForAgent(context, { ...ALL, frames: false })).toBeUndefined();
  });

  it.each([
    [
      'SQL statement "SELECT 1 FROM t WHERE a = \'secret\'"\nPL/pgSQL function f() line 3 at EXECUTE',
      'PL/pgSQL function f() line 3 at EXECUTE',
    ],
    [
      'SQL statement "SELECT 1,\n PL/pgSQL function f() line 1 at RAISE\nPL/pgSQL function g() line 1 at RAISE\n\'secret\'"\nSQL function "f" statement 1',
      'SQL function "f" statement 1',
    ],
    ['PL/pgSQL function f() line 3 at RAISE\nSQL statement "SELECT f()"', undefined],
    ['PL/pgSQL assignment "x := \'secret\'"', undefined],
    ['PL/pgSQL function f("a\nb") line 3 at RAISE', undefined],
    ['PL/pgSQL function f() line 3 at RAISE "secret"', undefined],
    ['JSON data, line 1: {"secret":...', undefined],
    ['JSON data, line 1: {"secret":...\nPL/pgSQL function f() line 3 at RAISE', 'PL/pgSQL function f() line 3 at RAISE'],
    ['remote SQL command: SELECT secret', undefined],
    ["unnamed portal with parameters: $1 = 'secret'", undefined],
    ['COPY other, line 1: "secret"', undefined],
    ['', undefined],
  ])('leaves out texts and values: %j', (context, told) => {
    expect(contextForAgent(context, ALL)).toBe(told);
  });

  it.each([
    'COPY items, line 3: "1\tx"',
    'COPY items, line 3, column n: "abc"',
    'COPY items, line 3, column n: null input',
    'COPY items, line 3',
    'COPY items',
    'PL/pgSQL function f() line 3 at RAISE\nCOPY items, line 1: "1"',
  ])('tells the line that COPY has read, where it is the agent that sent it: %s', (context) => {
    expect(contextForAgent(context, COPY)).toBe(context);
    expect(contextForAgent(context, ALL)).toBeUndefined();
  });

  it('tells of no line that a function has copied', () => {
    const inside =
      'COPY secrets, line 5: "secret"\nSQL statement "COPY secrets FROM \'/file\'"\nPL/pgSQL function f() line 3 at SQL statement';
    expect(contextForAgent(`${inside}\nCOPY items, line 1: "1"`, COPY)).toBe(
      'PL/pgSQL function f() line 3 at SQL statement\nCOPY items, line 1: "1"',
    );
    expect(contextForAgent(inside, COPY)).toBe('PL/pgSQL function f() line 3 at SQL statement');
  });

  it('tells the value that was no JSON where nothing is hidden, and it is the agent that gave it', () => {
    for (const value of ['JSON data, line 1: {"a":...', 'invalid type name "no type"']) {
      expect([contextForAgent(value, OPEN), contextForAgent(value, ALL)]).toEqual([value, undefined]);
    }
    expect(contextForAgent('JSON data, line 1: {"a":...\nSQL function "f" statement 1', OPEN)).toBe('SQL function "f" statement 1');
  });
});

describe('isOfCopiedLine()', () => {
  const of = (context: string | undefined, file = 'int.c', relation = 'public.items'): boolean => isOfCopiedLine(context, file, [relation]);

  it.each([
    ['COPY items, line 3, column n: "abc"', true],
    ['COPY items, line 3, column n: null input', true],
    ['COPY items, line 3: "1"', false],
    ['COPY items, line 3: ", line 4, column n: "x""', false],
    ['SQL statement "x"\nCOPY items, line 3, column n: "abc"', false],
    [undefined, false],
  ])('knows what fails where a value is read: %s', (context, expected) => {
    expect(of(context)).toBe(expected);
  });

  it('knows what fails where a line is read', () => {
    expect(of('COPY items, line 3: "1"', 'copyfromparse.c')).toBe(true);
    expect(of('PL/pgSQL function f() line 3 at RAISE\nCOPY items, line 3: "1"', 'copyfromparse.c')).toBe(false);
  });

  it('takes no relation by its name for more', () => {
    const name = 'x, line 1, column a: "b';
    expect(of(`COPY ${name}, line 5: "1"`, 'int.c', `public.${name}`)).toBe(false);
  });
});
