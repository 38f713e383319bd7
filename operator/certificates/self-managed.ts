/**
 * Certificates of an authority of our own, shared by all replicas by way of a Secret.
 *
 * Any replica does what is due; the Secret's resource version decides who was first. A replica serves a new certificate only after the webhook
 * configurations trust its authority.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { Kube } from '../kube/kube.ts';
import { readCertificates, writeCertificates } from './certificate-secret.ts';
import type { ServedCertificate } from './certificates.ts';
import { bundleOf, rotate } from './rotation.ts';
import { type WebhookNames, patchBundles, readConfigurations } from './webhook-bundles.ts';

export type SelfManagedOptions = {
  readonly kube: Kube;
  readonly clock: Pick<Clock, 'now'>;
  readonly namespace: string;
  readonly secret: string;
  readonly dnsNames: readonly string[];
  readonly webhooks: WebhookNames;
};

/** `trusted`: the webhook configurations have its authorities. */
export type ManagedCertificate = { readonly certificate: ServedCertificate; readonly trusted: true | { readonly problem: unknown } };

const ATTEMPTS = 10;

/** One round: what is due is made, stored and made known. @throws KubeFailure if the Secret can be neither read nor written */
export const manageCertificates = async (options: SelfManagedOptions): Promise<ManagedCertificate> => {
  const { kube, clock, namespace, secret: name, dnsNames, webhooks } = options;
  let problem: unknown = new Error('others changed Secret and webhook configurations again and again');
  let certificate: ServedCertificate | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    // Before the Secret: see patchBundles.
    const configurations = await readConfigurations(kube, webhooks).catch((error: unknown) => ({ problem: error }));
    const stored = await readCertificates(kube, namespace, name);
    const state = await rotate(stored.state, dnsNames, clock);
    if (state !== stored.state) {
      // What was written is read again, with the configurations as they are then.
      await writeCertificates(kube, { namespace, name }, stored, state);
      continue;
    }
    certificate = { key: state.serving.key, cert: state.serving.cert, ca: bundleOf(state) };
    if ('problem' in configurations) return { certificate, trusted: configurations };
    try {
      if (await patchBundles(kube, configurations, certificate.ca)) return { certificate, trusted: true };
    } catch (error) {
      problem = error;
      break;
    }
  }
  if (certificate === undefined) throw problem;
  return { certificate, trusted: { problem } };
};
