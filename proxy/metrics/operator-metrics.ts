/**
 * What a sidecar tells of its operator.
 */
import { Gauge, type Registry } from 'prom-client';

export type OperatorMetrics = {
  /** Whether the stream of bundles is open. */
  readonly connected: (connected: boolean) => void;
  /** Whether access is suspended, for the operator is lost or has revoked it. */
  readonly suspended: (suspended: boolean) => void;
};

/** Registers the metrics. */
export const operatorMetrics = (registry: Registry): OperatorMetrics => {
  const registers = [registry];
  const connection = new Gauge({ name: 'pg_airlock_operator_connected', help: 'Whether the operator is connected: 1, or 0.', registers });
  const suspension = new Gauge({
    name: 'pg_airlock_access_suspended',
    help: 'Whether nobody is let in, because the operator is lost or has revoked access: 1, or 0.',
    registers,
  });
  return { connected: (connected) => connection.set(Number(connected)), suspended: (suspended) => suspension.set(Number(suspended)) };
};
