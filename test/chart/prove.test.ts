/** The script of `helm test`'s agent: what it says of a sidecar, and of a pod that has none. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createShop, ROLE } from '../clients/shop.ts';
import { type AccessFolder, makeAccessFolder } from '../control/access-folder.ts';
import { accessFiles, bundleMessage, connectionDocument, policyDocument } from '../control/documents.ts';
import { type ScriptedOperator, startScriptedOperator } from '../control/scripted-operator.ts';
import { CHART } from '../support/chart.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const HBA = `host all ${ROLE.name} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`;
const STATEMENT = 'DROP TABLE pg_airlock_helm_test';

describe('the proof', () => {
  let postgres: TestPostgres;
  let operator: ScriptedOperator;
  let folder: AccessFolder;
  let proxy: TestProxy;
  beforeAll(async () => {
    postgres = await startPostgres({ hba: HBA });
    await createShop(postgres);
    await postgres.sql('CREATE ROLE agent LOGIN');
    operator = await startScriptedOperator();
    operator.say(bundleMessage('r1', [connectionDocument(postgres), policyDocument(postgres)]));
    folder = await makeAccessFolder(accessFiles(operator.authority.cert));
    proxy = await startProxy({ manifests: { url: operator.url, access: folder.directory, connections: ['data/shop'] } });
  });
  afterAll(async () => {
    await proxy.stop();
    await operator.stop();
    await folder.remove();
    await postgres.stop('immediate');
  });

  const prove = async (...parameters: readonly (string | number)[]) => {
    const script = spawn(process.execPath, [join(CHART, 'files/scripts/prove.mts'), ...parameters.map(String)], { env: {} });
    const [said, complaint, [code]] = await Promise.all([text(script.stdout), text(script.stderr), once(script, 'close')]);
    return { code: code as unknown, said, complaint: /^Error: (.*)$/m.exec(complaint)?.[1] };
  };

  it('holds where a sidecar refuses the statement', async () => {
    const { code, said } = await prove('shop', STATEMENT, proxy.host, proxy.port);
    expect(said.split('\n')).toEqual([
      `shop=> ${STATEMENT}`,
      'ERROR:  42501: permission denied for DROP TABLE',
      expect.stringMatching(/^HINT: {2}./),
      'ok: the agent is refused',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('fails where the statement reaches the database', async () => {
    expect(await prove('postgres', STATEMENT, '127.0.0.1', postgres.port)).toEqual({
      code: 1,
      said: expect.stringContaining('ERROR:  42P01: table "pg_airlock_helm_test" does not exist'),
      complaint: 'expected SQLSTATE 42501: pg-airlock does not stand between this pod and the database',
    });
  });

  it('fails where the statement is let through', async () => {
    expect(await prove('shop', 'SELECT 1', proxy.host, proxy.port)).toMatchObject({
      code: 1,
      said: 'shop=> SELECT 1\nit was let through\n',
    });
  });

  it('fails in a pod without a sidecar', async () => {
    expect(await prove('shop', STATEMENT, '$(PGHOST)', '$(PGPORT)')).toEqual({
      code: 1,
      said: '',
      complaint: 'no sidecar was put into this pod: is its namespace excluded?',
    });
  });
});
