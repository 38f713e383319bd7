import { describe, expect, it } from 'vitest';
import { because, internalError, syntaxError } from '../../kernel/failure.ts';
import type { Outcome } from '../session/outcome.ts';
import { createLogger, type LogLevel, logStatement } from './log.ts';

const logged = (write: (logger: ReturnType<typeof createLogger>) => void, level: LogLevel = 'info'): Record<string, unknown>[] => {
  const lines: string[] = [];
  write(createLogger({ level, destination: { write: (line) => lines.push(line) } }));
  return lines.map((line) => {
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    return rest;
  });
};

const outcome: Outcome = {
  agent: 'agent',
  connection: 'shop/main',
  via: 'Parse',
  decision: 'Allow',
  result: 'Completed',
  kinds: ['Select'],
  reasons: [],
  policies: ['agents/reading'],
  masked: ['public.customers.ssn'],
  filtered: [],
  rules: [],
  detected: [],
  rows: 3,
  bytes: 120,
  decisionMs: 0.4,
  upstreamMs: 2,
};

describe('createLogger()', () => {
  it('writes JSON lines of its level and above', () => {
    const write = (logger: ReturnType<typeof createLogger>): void => {
      logger.debug('fine');
      logger.info({ port: 5432 }, 'listening');
    };
    expect(logged(write)).toEqual([{ level: 'info', name: 'pg-airlock', port: 5432, msg: 'listening' }]);
    expect(logged(write, 'debug').length).toBe(2);
    expect(logged(write, 'silent')).toEqual([]);
  });

  it('writes as escapes what a terminal would act upon', () => {
    const user = 'x\n\u001b[2K\u0085\u009b31m\u202e\u2028\u200b\ufeffé';
    const lines: string[] = [];
    createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } }).info({ user }, 'm');
    expect(JSON.parse(lines.join(''))).toMatchObject({ user });
    expect(lines.join('').replace(/[ -~é]/g, '')).toBe('\n');
  });

  it('redacts what bears the name of a secret', () => {
    const [line] = logged((logger) =>
      logger.info({ password: 'x', user: { password: 'x', name: 'y' }, a: { b: { token: 'x' } }, sql: 'SELECT 1' }, 'm'),
    );
    expect(line).toEqual({
      level: 'info',
      name: 'pg-airlock',
      password: '[redacted]',
      user: { password: '[redacted]', name: 'y' },
      a: { b: { token: '[redacted]' } },
      sql: '[redacted]',
      msg: 'm',
    });
  });

  it.each([
    ['a failure', syntaxError('syntax error at or near "123-45-6789"', 3)],
    ['the cause of a failure', because(internalError(), new Error('cannot handle 123-45-6789'))],
    ['an error of the database', Object.assign(new Error('invalid input syntax: "123-45-6789"'), { severity: 'ERROR', code: '22P02' })],
    ['a parser’s error', new SyntaxError('Unexpected token in 123-45-6789')],
  ])('leaves out what %s quotes', (_name, error) => {
    const lines = logged((logger) => {
      logger.error({ err: error }, 'failed');
      logger.error(error, 'failed');
      logger.error({ error }, 'failed');
      logger.error(error);
      logger.error({ err: error });
    });
    expect(lines.length).toBe(5);
    expect(JSON.stringify(lines)).not.toContain('123-45-6789');
  });

  it('keeps the codes of errors, and the messages of the system’s', () => {
    const system = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', syscall: 'listen' });
    const [failure, refused] = logged((logger) => {
      logger.error({ err: syntaxError('x', 1) }, 'failed');
      logger.error({ err: system }, 'failed');
    });
    expect(failure?.err).toEqual({ type: 'Failure', code: 'syntax-error', sqlstate: '42601' });
    expect(refused?.err).toMatchObject({ type: 'Error', code: 'EADDRINUSE', message: 'listen EADDRINUSE' });
  });
});

describe('logStatement()', () => {
  it('tells what was decided and how it went', () => {
    const { agent: _agent, ...rest } = outcome;
    expect(logged((logger) => logStatement(logger, outcome), 'debug')).toEqual([
      { level: 'debug', name: 'pg-airlock', agent: 'agent', ...rest, msg: 'statement' },
    ]);
  });

  it('leaves what was allowed to the audit log, unless asked for it', () => {
    expect(logged((logger) => logStatement(logger, outcome))).toEqual([]);
  });

  it('tells of a refusal by its code alone', () => {
    const reasons = [{ code: 'syntax-error', message: 'syntax error at or near "123-45-6789"' }];
    const [line] = logged((logger) => logStatement(logger, { ...outcome, decision: 'Deny', reasons }));
    expect(line).toMatchObject({ level: 'warn', decision: 'Deny', reasons: ['syntax-error'] });
    expect(JSON.stringify(line)).not.toContain('123-45-6789');
  });
});
