/**
 * Starts what keeps the served certificate fresh. Things start here.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import type { OperatorConfig } from '../config.ts';
import { jittered } from '../jittered.ts';
import type { Kube } from '../kube/kube.ts';
import { readCertificateFiles } from './certificate-files.ts';
import type { Certificates, ServedCertificate } from './certificates.ts';
import { publishedCertificate } from './published-certificate.ts';
import { certificatesOf, isOver } from './read-certificate.ts';
import { isTrusted } from './rotation.ts';
import { type ManagedCertificate, manageCertificates } from './self-managed.ts';
import { patchBundles, readConfigurations } from './webhook-bundles.ts';

export type StartCertificatesOptions = {
  readonly kube: Kube;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  readonly config: Pick<OperatorConfig, 'namespace' | 'certificates' | 'admission'>;
  /** Between two looks at Secret or files. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
};

const EVERY_MS = 15_000;

const look = async ({ kube, clock, config }: StartCertificatesOptions): Promise<ManagedCertificate> => {
  const { certificates, admission, namespace } = config;
  if (certificates.source === 'SelfManaged') {
    const { secret, dnsNames } = certificates;
    return manageCertificates({ kube, clock, namespace, secret, dnsNames, webhooks: admission });
  }
  const certificate = await readCertificateFiles(certificates.directory);
  try {
    const patched = await patchBundles(kube, await readConfigurations(kube, admission), certificate.ca);
    return { certificate, trusted: patched || { problem: new Error('the webhook configurations were changed meanwhile') } };
  } catch (problem) {
    return { certificate, trusted: { problem } };
  }
};

const isStillGood = ({ cert }: ServedCertificate, ca: string, now: Date): boolean =>
  isTrusted(cert, ca) && certificatesOf(cert).every((certificate) => !isOver(certificate, now));

/** Resolves once there is a certificate, however long that takes; rejects only when `signal` aborts. */
const firstLook = async (options: StartCertificatesOptions, everyMs: number, signal: AbortSignal): Promise<ManagedCertificate> => {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await look(options);
    } catch (error) {
      options.log.error({ err: error }, 'there is no certificate yet, and webhook and control plane wait for it');
      await pause(jittered(Math.min(everyMs, 2000)), undefined, { signal });
    }
  }
};

/** The certificate of webhook and control plane, kept fresh until `stop`. */
export const startCertificates = async (options: StartCertificatesOptions): Promise<Certificates> => {
  const { log, everyMs = EVERY_MS } = options;
  const stopping = new AbortController();
  const signal = options.signal === undefined ? stopping.signal : AbortSignal.any([options.signal, stopping.signal]);
  const first = await firstLook(options, everyMs, signal);
  const published = publishedCertificate(first.certificate, log);

  const consider = ({ certificate, trusted }: ManagedCertificate): void => {
    const before: ServedCertificate = published.current();
    if (trusted !== true)
      log.error({ err: trusted.problem }, 'could not make the authority known to the API server, which may refuse our webhooks');
    // INVARIANT: a certificate of an authority that the API server does not know yet is not served while the old one still can be.
    if (trusted !== true && certificate.cert !== before.cert && isStillGood(before, certificate.ca, options.clock.now())) return;
    if (certificate.cert !== before.cert) log.info('serving a new certificate');
    published.publish(certificate);
  };
  consider(first);

  const keepLooking = async (): Promise<void> => {
    while (!signal.aborted) {
      await pause(jittered(everyMs), undefined, { signal, ref: false });
      try {
        consider(await look(options));
      } catch (error) {
        log.error({ err: error }, 'could not look after the certificate, and the one that is served stays');
      }
    }
  };
  // It ends by the signal alone.
  keepLooking().catch(() => undefined);
  return { current: published.current, onChange: published.onChange, stop: () => stopping.abort() };
};
