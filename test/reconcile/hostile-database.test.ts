/**
 * Whoever may make a DatabaseConnection may have the operator talk to a server of their own: it must not be the operator that ends.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DatabaseFailure, withDatabase } from '../../operator/reconcile/database-session.ts';
import { askNames } from '../../operator/reconcile/name-queries.ts';
import { askRole } from '../../operator/reconcile/role-queries.ts';
import { leastPrivilege } from '../../operator/specs/least-privilege.ts';
import { reachable } from '../../operator/specs/reachable.ts';
import { countOf, seedOf } from '../hunt/random.ts';

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const OK = message('R', Buffer.from([0, 0, 0, 0]));
const READY = message('Z', Buffer.from('I'));
const TYPES = [
  'R',
  'S',
  'K',
  'Z',
  'T',
  'D',
  'C',
  'E',
  'N',
  'A',
  '1',
  '2',
  '3',
  'n',
  's',
  't',
  'G',
  'H',
  'W',
  'd',
  'c',
  'v',
  'I',
  'V',
  '\0',
];

const anyMessage = fc.oneof(
  fc.tuple(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 40 })).map(([type, body]) => message(type, Buffer.from(body))),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(OK, READY, message('T', Buffer.from([0, 0])), message('D', Buffer.from([0, 0])), message('C', Buffer.from('SELECT 1\0'))),
);
/** What is sent at the start, and then at each message of the operator's. */
const scripts = fc.record({ welcome: fc.boolean(), answers: fc.array(fc.array(anyMessage, { maxLength: 4 }), { maxLength: 12 }) });

it('a server that answers anything at all is a database that cannot be used, and nothing worse', { timeout: 120_000 }, async () => {
  const crashes: unknown[] = [];
  const onCrash = (error: unknown): void => void crashes.push(error);
  process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
  let script: { readonly welcome: boolean; readonly answers: readonly (readonly Buffer[])[] } = { welcome: true, answers: [] };
  const server = createServer((socket: Socket) => {
    let turn = 0;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (turn === 0 && script.welcome) socket.write(Buffer.concat([OK, READY]));
      else for (const bytes of script.answers[turn % Math.max(1, script.answers.length)] ?? []) socket.write(bytes);
      turn += 1;
      if (turn > script.answers.length) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const tls = { mode: 'Disable', ca: undefined } as const;
  const connection = {
    key: 'data/shop',
    host: '127.0.0.1',
    port,
    database: 'shop',
    tls,
    username: 'app',
    password: new TextEncoder().encode('s3cret'),
    auditDurability: 'Fsync',
  } as const;
  const spec = { ...connection, tls: { mode: tls.mode }, credentials: { secretRef: { name: 's', usernameKey: 'u', passwordKey: 'p' } } };
  const wanted = { relations: [], functions: [], expressions: [], constants: [], lists: new Set(['settings'] as const) };
  try {
    await fc.assert(
      fc.asyncProperty(scripts, async (drawn) => {
        script = drawn;
        const outcome = await withDatabase(connection, { loginMs: 300, sessionMs: 600 }, async (ask) => {
          const { facts } = await askRole(ask, []);
          leastPrivilege(facts);
          await askNames(ask, wanted);
          return 'Reached' as const;
        }).catch((error: unknown) => error);
        if (outcome === 'Reached') return;
        expect(outcome).toBeInstanceOf(DatabaseFailure);
        expect(reachable((outcome as DatabaseFailure).outcome, spec).message).not.toContain('s3cret');
      }),
      { numRuns: countOf(process.env, 'HOSTILE', 100), seed: seedOf(process.env, 'HOSTILE') },
    );
    expect(crashes).toEqual([]);
  } finally {
    process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
    server.close();
  }
});
