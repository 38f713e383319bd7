import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kube } from '../kube/kube.ts';
import type { Certificates, ServedCertificate } from './certificates.ts';
import { issueAuthority, issueServing } from './issue.ts';
import { startCertificates } from './start-certificates.ts';

const noKube = (): never => {
  throw new Error('with files, and no webhook configurations to keep, nobody asks Kubernetes');
};
const kube: Kube = { request: noKube, apply: noKube };

const make = async (): Promise<ServedCertificate> => {
  const authority = await issueAuthority(new Date());
  return { ...(await issueServing(authority, ['localhost'], new Date())), ca: authority.cert };
};

describe('startCertificates() with files', () => {
  let volume: string;
  let certificates: Certificates;
  const changes: ServedCertificate[] = [];
  let versions = 0;

  /** As the kubelet does: a folder of its own for each version, and a link that is moved at once. */
  const write = async ({ key, cert, ca }: ServedCertificate): Promise<void> => {
    const version = `..version-${versions++}`;
    await mkdir(join(volume, version));
    await writeFile(join(volume, version, 'tls.key'), key);
    await writeFile(join(volume, version, 'tls.crt'), cert);
    await writeFile(join(volume, version, 'ca.crt'), ca);
    await symlink(version, join(volume, '..new'));
    await rename(join(volume, '..new'), join(volume, '..data'));
  };

  beforeAll(async () => {
    volume = await mkdtemp(join(tmpdir(), 'pg-airlock-certificates-'));
    for (const name of ['tls.key', 'tls.crt', 'ca.crt']) await symlink(`..data/${name}`, join(volume, name));
  });
  afterAll(async () => {
    certificates.stop();
    await rm(volume, { recursive: true });
  });

  it('waits for the files to come', async () => {
    const first = await make();
    const starting = startCertificates({
      kube,
      clock: { now: () => new Date() },
      log: pino({ level: 'silent' }),
      config: {
        namespace: 'pg-airlock',
        certificates: { source: 'Files', directory: volume },
        admission: { listen: { host: '', port: 0 }, mutatingConfiguration: '', validatingConfiguration: '' },
      },
      everyMs: 20,
    });
    await write(first);
    certificates = await starting;
    certificates.onChange((certificate) => changes.push(certificate));
    expect(certificates.current()).toEqual(first);
  });

  it('takes a new certificate, and tells of it once', async () => {
    const next = await make();
    await write(next);
    await expect.poll(() => certificates.current()).toEqual(next);
    expect(changes).toEqual([next]);
  });

  it('stays with what it has where a key does not belong to its certificate, or a file is no certificate', async () => {
    const before = certificates.current();
    const [one, other] = [await make(), await make()];
    await write({ ...one, key: other.key });
    await write({ ...one, ca: 'nothing' });
    await write({ ...one, cert: '' });
    await write(one);
    await expect.poll(() => certificates.current()).toEqual(one);
    expect(changes.slice(1)).toEqual([one]);
    expect(before).not.toEqual(one);
  });
});
