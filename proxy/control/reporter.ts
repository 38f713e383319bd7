/**
 * Tells the operator how it goes, time and again. What does not arrive is told with the next report: counts are sums since the start.
 */
import { CONTROL_PATHS, REPORT_SECONDS, type SidecarReport } from '../../kernel/control.ts';
import { askOperator, type Operator } from './operator-request.ts';

export type ReporterOptions = {
  readonly operator: Operator;
  readonly report: () => SidecarReport;
  /** Whether the operator is there at all. */
  readonly connected: () => boolean;
  readonly onFailure: (error: unknown) => void;
  /** From 0 to 1. */
  readonly random: () => number;
};

/** Without news a report still goes in each round of so many: an operator that has started anew knows nothing. */
const ROUNDS = 6;

const TIMEOUT = 10_000;

/** Starts reporting; returns how to stop. */
export const startReporter = ({ operator, report, connected, onFailure, random }: ReporterOptions): (() => void) => {
  const stopping = new AbortController();
  let told = '';
  let rounds = 0;
  let timer: NodeJS.Timeout | undefined;
  const tell = async (): Promise<void> => {
    if (!connected()) return;
    const body = JSON.stringify(report());
    rounds++;
    if (body === told && rounds < ROUNDS) return;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(TIMEOUT)]);
    const response = await askOperator(operator, { method: 'POST', path: CONTROL_PATHS.report, body, signal, timeout: TIMEOUT });
    response.destroy();
    if (response.statusCode !== 204) throw new Error(`the operator answered a report with status ${response.statusCode ?? 0}`);
    told = body;
    rounds = 0;
  };
  const wait = (milliseconds: number): void => {
    timer = setTimeout(() => {
      void tell()
        .catch((error: unknown) => stopping.signal.aborted || onFailure(error))
        .finally(() => stopping.signal.aborted || wait(REPORT_SECONDS * 1000));
    }, milliseconds);
    timer.unref();
  };
  // Those who started at the same moment do not report at the same moment.
  wait(random() * REPORT_SECONDS * 1000);
  return () => {
    stopping.abort();
    clearTimeout(timer);
  };
};
