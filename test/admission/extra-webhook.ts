/**
 * Another mutating webhook, as a service mesh has it: gives each pod that it is asked about an init container, before all others, and a
 * container, after all others.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServedCertificate } from '../../operator/certificates/certificates.ts';

type Review = {
  readonly request: { readonly uid: string; readonly object: { readonly spec: { readonly initContainers?: readonly object[] | null } } };
};

/** Starts it on 127.0.0.1. */
export const startExtraWebhook = async ({ key, cert }: ServedCertificate) => {
  const server = createServer({ key, cert }, (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { uid, object } = (JSON.parse(text) as Review).request;
      const init = { name: 'mesh-init', image: 'example.com/mesh:1' };
      const patch = [
        Array.isArray(object.spec.initContainers)
          ? { op: 'add', path: '/spec/initContainers/0', value: init }
          : { op: 'add', path: '/spec/initContainers', value: [init] },
        { op: 'add', path: '/spec/containers/-', value: { name: 'mesh', image: 'example.com/mesh:1' } },
      ];
      const answer = { uid, allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
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
