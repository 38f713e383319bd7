/**
 * Builds what is not in the cache yet: kube-apiserver and etcd, and with --all the other programs of a cluster too. Where it cannot, it only
 * says why: what needs them will fail.
 */
import { parseArgs } from 'node:util';
import {
  CONTROL_PLANE_PROGRAMS,
  clientPrograms,
  KubernetesUnavailable,
  kubernetesPrograms,
  NODE_PROGRAMS,
} from '../support/kubernetes-binaries.ts';

const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });
try {
  await clientPrograms();
  await kubernetesPrograms(values.all ? [...CONTROL_PLANE_PROGRAMS, ...NODE_PROGRAMS] : CONTROL_PLANE_PROGRAMS);
} catch (error) {
  if (!(error instanceof KubernetesUnavailable)) throw error;
  console.error(`Tests that need Kubernetes will fail. ${error.message}`);
}
