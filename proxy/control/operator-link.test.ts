import { afterEach, describe, expect, it } from 'vitest';
import { type AccessFolder, makeAccessFolder } from '../../test/control/access-folder.ts';
import { type ScriptedOperator, startScriptedOperator } from '../../test/control/scripted-operator.ts';
import { createAuthority } from '../../test/support/certificates.ts';
import type { BundleMessage } from '../../kernel/control.ts';
import { type LinkTiming, OperatorLink } from './operator-link.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const bundle = (revision: string, staleAfter = 300): BundleMessage => ({
  type: 'bundle',
  revision,
  identity: { namespace: 'agents', pod: 'reporter', uid: 'u1', serviceAccount: 'default' },
  staleAfter,
  documents: [],
});

const QUICK = { first: 10, most: 20 };
const TIMING: LinkTiming = { backoff: QUICK, soon: QUICK, revoked: { first: 20, most: 20 }, steady: 10_000, silence: 2_000 };

type Followed = { readonly operator: ScriptedOperator; readonly folder: AccessFolder; readonly told: string[] };

const link = async (operator: ScriptedOperator, timing: LinkTiming = TIMING, ca = operator.authority.cert): Promise<Followed> => {
  const folder = await makeAccessFolder({ token: 'token-1', 'control-ca.crt': ca });
  const told: string[] = [];
  const news = (line: string): void => {
    if (told.at(-1) !== line) told.push(line);
  };
  const connected = new OperatorLink({
    operator: { url: operator.url, access: folder.directory },
    monotonic: () => performance.now(),
    random: () => 0.5,
    timing,
    listeners: {
      onBundle: ({ revision }) => news(`bundle ${revision}`),
      onRevoked: (reason) => news(`revoked: ${reason}`),
      onStale: (seconds) => news(`stale ${seconds}`),
      onEnd: (end) => news('reason' in end ? `${end.type}: ${end.reason}` : end.type),
    },
  });
  ended.push(operator.stop, folder.remove, () => connected.stop());
  return { operator, folder, told };
};

describe('OperatorLink', () => {
  it('tells of each bundle, and asks again when the stream is closed or broken', async () => {
    const operator = await startScriptedOperator();
    operator.say(bundle('r1'));
    const { told } = await link(operator);
    await expect.poll(() => told).toEqual(['bundle r1']);
    operator.say({ type: 'ping', after: 0 }, bundle('r2'));
    await expect.poll(() => told.at(-1)).toBe('bundle r2');
    operator.say(bundle('r3'));
    operator.end('Closed');
    await expect.poll(() => told).toEqual(['bundle r1', 'bundle r2', 'bundle r3', 'Closed', 'bundle r3']);
    operator.end('Broken');
    await expect.poll(() => told.length).toBe(7);
    expect(told.slice(5)).toEqual([expect.stringMatching(/^Broken: /), 'bundle r3']);
  });

  it('shows the token as it is at the time, also when the operator does not take it', async () => {
    const operator = await startScriptedOperator();
    operator.refuse(401);
    const { told, folder } = await link(operator);
    await expect.poll(() => told).toEqual(['Unauthorized']);
    await folder.put({ token: 'token-2', 'control-ca.crt': operator.authority.cert });
    await expect.poll(() => operator.tokens.at(-1)).toBe('token-2');
    operator.say(bundle('r1'));
    await expect.poll(() => told.at(-1)).toBe('bundle r1');
    expect(operator.tokens[0]).toBe('token-1');
  });

  it('says that access is revoked, by status and by message, and asks again', async () => {
    const operator = await startScriptedOperator();
    operator.say(bundle('r1'));
    const { told } = await link(operator);
    await expect.poll(() => operator.streams()).toBe(1);
    operator.refuse(403, '{"reason":"The pod is unknown."}');
    operator.write('{"type":"revoked","reason":"The label is gone."}\n');
    await expect
      .poll(() => told.slice(0, 5))
      .toEqual([
        'bundle r1',
        'revoked: The label is gone.',
        'Revoked: The label is gone.',
        'revoked: The pod is unknown.',
        'Revoked: The pod is unknown.',
      ]);
    operator.say(bundle('r2'));
    await expect.poll(() => told.at(-1)).toBe('bundle r2');
  });

  it('takes an operator that has fallen silent to be gone', async () => {
    const operator = await startScriptedOperator();
    operator.say(bundle('r1', 1));
    const { told } = await link(operator, { ...TIMING, silence: 200 });
    await expect.poll(() => told.slice(0, 2)).toEqual(['bundle r1', 'Broken: nothing was heard of the operator for 0.2 s']);
  });

  it('takes words that are held back on their way for old ones', async () => {
    const operator = await startScriptedOperator();
    operator.say(bundle('r1', 0.2));
    const { told } = await link(operator, { ...TIMING, silence: 200 });
    await expect.poll(() => told).toEqual(['bundle r1']);
    operator.refuse(503);
    // Byte after byte comes, and none of them was sent lately.
    const pings = setInterval(() => operator.write('{"type":"ping","after":0}\n'), 20);
    await expect
      .poll(() => told.includes('stale 0.2'))
      .toBe(true)
      .finally(() => clearInterval(pings));
    expect(told[1]).toBe("Broken: the operator's messages come 0 s late");
  });

  it('waits for no refusal that never ends', async () => {
    const operator = await startScriptedOperator();
    operator.stall(503);
    const { told } = await link(operator, { ...TIMING, silence: 200 });
    await expect.poll(() => told).toEqual([expect.stringMatching(/^Broken: /)]);
    operator.say(bundle('r1'));
    await expect.poll(() => told.at(-1)).toBe('bundle r1');
  });

  it('says once that the bundle has become stale, though the operator answers with errors', async () => {
    const operator = await startScriptedOperator();
    operator.say(bundle('r1', 0.3));
    const { told } = await link(operator);
    await expect.poll(() => operator.streams()).toBe(1);
    operator.refuse(503);
    operator.end('Broken');
    await expect.poll(() => told.includes('stale 0.3')).toBe(true);
    operator.say(bundle('r2', 0.3));
    await expect.poll(() => told.at(-1)).toBe('bundle r2');
    expect(told.filter((line) => line.startsWith('stale'))).toEqual(['stale 0.3']);
  });

  it('never shows its token to an operator that is none, or over old TLS', async () => {
    const [own, other] = [await createAuthority('own'), await createAuthority('other')];
    const hostile = [
      await startScriptedOperator({ authority: other }),
      await startScriptedOperator({ authority: own, names: ['operator.example.com'] }),
      await startScriptedOperator({ authority: own, expired: true }),
      await startScriptedOperator({ authority: own, tls: { maxVersion: 'TLSv1.2' } }),
    ];
    for (const operator of hostile) {
      operator.say(bundle('hostile'));
      const { told } = await link(operator, TIMING, own.cert);
      await expect.poll(() => told.length).toBeGreaterThan(0);
      expect([told.filter((line) => !line.startsWith('Broken: ')), operator.tokens]).toEqual([[], []]);
    }
  });

  it('trusts nobody where its certificate authority is missing', async () => {
    const operator = await startScriptedOperator();
    const { told } = await link(operator, TIMING, '');
    await expect.poll(() => told).toEqual(["Broken: the operator's certificate authority is no certificate"]);
    expect(operator.tokens).toEqual([]);
  });

  it('holds no message without end, and follows no redirection', async () => {
    const operator = await startScriptedOperator();
    operator.say(bundle('r1'));
    const { told } = await link(operator);
    await expect.poll(() => operator.streams()).toBe(1);
    const chunk = 'x'.repeat(1024 * 1024);
    for (let index = 0; index < 17; index++) operator.write(chunk);
    await expect.poll(() => told[1]).toBe('Broken: a message is larger than 16777216 bytes');
    const elsewhere = await startScriptedOperator();
    ended.push(elsewhere.stop);
    operator.refuse(307, '');
    operator.end('Broken');
    await expect.poll(() => told.includes('Broken: the operator answered with status 307')).toBe(true);
  });
});
