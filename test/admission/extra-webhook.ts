/**
 * Other mutating webhooks. One as a service mesh has it: gives each pod that it is asked about an init container, before all others, and a
 * container, after all others.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServedCertificate } from '../../operator/certificates/certificates.ts';

type Container = { readonly name: string; readonly env?: readonly { readonly name: string }[] };
type Pod = {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly initContainers?: readonly Container[] | null };
};
type Review = { readonly request: { readonly uid: string; readonly object: Pod } };

/** Starts it on 127.0.0.1. */
export const startExtraWebhook = (certificate: ServedCertificate) =>
  startWebhook(certificate, ({ spec }) => {
    const init = { name: 'mesh-init', image: 'example.com/mesh:1' };
    return [
      Array.isArray(spec.initContainers)
        ? { op: 'add', path: '/spec/initContainers/0', value: init }
        : { op: 'add', path: '/spec/initContainers', value: [init] },
      { op: 'add', path: '/spec/containers/-', value: { name: 'mesh', image: 'example.com/mesh:1' } },
    ];
  });

/** Another one, as a cloud has it: gives each init container the variable of an identity, but for those that the pod's annotation names. */
export const startIdentityWebhook = (certificate: ServedCertificate) =>
  startWebhook(certificate, ({ metadata, spec }) => {
    const skipped = (metadata.annotations?.['eks.amazonaws.com/skip-containers'] ?? '').split(',');
    const given = { name: 'AWS_ROLE_ARN', value: 'role' };
    return (spec.initContainers ?? []).flatMap(({ name, env = [] }, index) =>
      skipped.includes(name) || env.some((variable) => variable.name === given.name)
        ? []
        : [{ op: 'add', path: `/spec/initContainers/${index}/env`, value: [...env, given] }],
    );
  });

const startWebhook = async ({ key, cert }: ServedCertificate, patchOf: (pod: Pod) => readonly object[]) => {
  const server = createServer({ key, cert }, (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { uid, object } = (JSON.parse(text) as Review).request;
      const patch = Buffer.from(JSON.stringify(patchOf(object))).toString('base64');
      const answer = { uid, allowed: true, patchType: 'JSONPatch', patch };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `https://127.0.0.1:${port}/`, stop };
};
