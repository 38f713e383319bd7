/**
 * What the operator counts, for Prometheus.
 */
import { X509Certificate } from 'node:crypto';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AdmissionOutcome } from '../admission/answer-review.ts';
import type { ServedCertificate } from '../certificates/certificates.ts';
import type { ControlObserver } from '../control/start-control.ts';
import type { InformerObserver } from '../kube/informer.ts';
import type { ControllerMetrics } from '../reconcile/controllers.ts';

export type OperatorMetrics = {
  readonly contentType: string;
  readonly render: () => Promise<string>;
  readonly leads: (isLeader: boolean) => void;
  /** Webhook and control plane show this certificate from now on. */
  readonly serves: (certificate: Pick<ServedCertificate, 'cert'>) => void;
  readonly informers: InformerObserver;
  readonly controllers: ControllerMetrics;
  readonly control: ControlObserver;
  readonly answered: (path: string, outcome: AdmissionOutcome, seconds: number) => void;
};

const WEBHOOK_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const BUNDLE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15];
const RECONCILE_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30];

/** A registry of its own, with all that is counted at zero. */
export const createMetrics = (version: string): OperatorMetrics => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const build = new Gauge({ name: 'pg_airlock_operator_build_info', help: 'Always 1.', labelNames: ['version'], registers });
  build.set({ version }, 1);
  const leader = new Gauge({ name: 'pg_airlock_operator_leader', help: '1 where this replica leads.', registers });
  const expiry = new Gauge({
    name: 'pg_airlock_operator_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of webhook and control plane ends, in seconds since the Unix epoch. NaN while there is none.',
    registers,
  });
  expiry.set(Number.NaN);
  const objects = new Gauge({
    name: 'pg_airlock_operator_informer_objects',
    help: 'Objects that an informer holds.',
    labelNames: ['informer'],
    registers,
  });
  const restarts = new Counter({
    name: 'pg_airlock_operator_informer_restarts_total',
    help: 'Interruptions of an informer, each followed by a new watch or list.',
    labelNames: ['informer'],
    registers,
  });
  const depth = new Gauge({
    name: 'pg_airlock_operator_queue_depth',
    help: 'Keys that wait for a worker.',
    labelNames: ['queue'],
    registers,
  });
  const reconciled = new Counter({
    name: 'pg_airlock_operator_reconcile_total',
    help: 'Pieces of work that ended.',
    labelNames: ['queue', 'result'],
    registers,
  });
  const reconcileSeconds = new Histogram({
    name: 'pg_airlock_operator_reconcile_duration_seconds',
    help: 'How long pieces of work took.',
    labelNames: ['queue'],
    buckets: RECONCILE_BUCKETS,
    registers,
  });
  const webhooks = new Counter({
    name: 'pg_airlock_operator_webhook_requests_total',
    help: 'Requests of the API server that were answered.',
    labelNames: ['path', 'outcome'],
    registers,
  });
  const webhookSeconds = new Histogram({
    name: 'pg_airlock_operator_webhook_duration_seconds',
    help: 'How long answers to the API server took.',
    labelNames: ['path'],
    buckets: WEBHOOK_BUCKETS,
    registers,
  });

  const ready = new Gauge({
    name: 'pg_airlock_operator_ready',
    help: '1 where the condition Ready of a connection or policy is True; told by the leader.',
    labelNames: ['kind', 'namespace', 'name'],
    registers,
  });
  const sidecars = new Gauge({ name: 'pg_airlock_operator_sidecars', help: 'Sidecars that are connected to this replica.', registers });
  const bundleSeconds = new Histogram({
    name: 'pg_airlock_operator_bundle_delay_seconds',
    help: 'From a change to the bundle with it being sent to a sidecar.',
    buckets: BUNDLE_BUCKETS,
    registers,
  });
  const refusals = new Counter({
    name: 'pg_airlock_operator_sidecars_refused_total',
    help: 'Requests of sidecars that were refused.',
    labelNames: ['refusal'],
    registers,
  });

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    leads: (isLeader) => {
      leader.set(isLeader ? 1 : 0);
      // What the former leader found is the next one's to tell.
      if (!isLeader) ready.reset();
    },
    serves: ({ cert }) => expiry.set(Date.parse(new X509Certificate(cert).validTo) / 1_000),
    informers: {
      restarted: (informer) => restarts.inc({ informer }),
      objects: (informer, count) => objects.set({ informer }, count),
    },
    controllers: {
      worked: (queue, result, seconds) => {
        reconciled.inc({ queue, result });
        reconcileSeconds.observe({ queue }, seconds);
      },
      depth: (queue, waiting) => depth.set({ queue }, waiting),
      ready: (kind, key, status) => {
        const labels = { kind, namespace: key.slice(0, Math.max(0, key.indexOf('/'))), name: key.slice(key.indexOf('/') + 1) };
        if (status === undefined) ready.remove(labels);
        else ready.set(labels, status === 'True' ? 1 : 0);
      },
    },
    control: {
      streams: (open) => sidecars.set(open),
      sent: (seconds) => bundleSeconds.observe(seconds),
      refused: (refusal) => refusals.inc({ refusal }),
    },
    answered: (path, outcome, seconds) => {
      webhooks.inc({ path, outcome });
      webhookSeconds.observe({ path }, seconds);
    },
  };
};
