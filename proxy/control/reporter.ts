/**
 * Tells the operator how it goes, time and again. What does not arrive is told with the next report: counts are sums since the start.
 */
import { CONTROL_PATHS, REPORT_SECONDS, type SidecarReport } from '../../kernel/control.ts';
import { askOperator, type Operator } from './operator-request.ts';

export type ReporterOptions = {
  readonly operator: Operator;
  readonly report: () => SidecarReport;
  /** The replica that is to have it, `HOST:PORT`; undefined: any. */
  readonly replica: () => string | undefined;
  /** Whether the operator is there at all. */
  readonly connected: () => boolean;
  readonly onFailure: (error: unknown) => void;
  /** From 0 to 1. */
  readonly random: () => number;
};

/** Without news a report still goes in each round of so many: an operator that has started anew knows nothing. */
const ROUNDS = 6;

const TIMEOUT = 10_000;

/** Milliseconds within which a report comes that is worth it: not of all sidecars at once. */
const SOON = 2_000;

/** Milliseconds that the last report may take. */
const LAST = 1_000;

export type Reporter = {
  /** Something has changed that is worth a report ahead of its time. */
  readonly nudge: () => void;
  /** Tells for the last time, as far as the operator is there. */
  readonly stop: () => Promise<void>;
};

/** Starts reporting. */
export const startReporter = ({ operator, report, replica, connected, onFailure, random }: ReporterOptions): Reporter => {
  const stopping = new AbortController();
  let told = '';
  let rounds = 0;
  let timer: NodeJS.Timeout | undefined;
  let telling = false;
  let nudged = false;
  const tell = async (timeout: number): Promise<void> => {
    if (!connected()) return;
    const body = JSON.stringify(report());
    const to = replica();
    const news = `${to ?? ''} ${body}`;
    rounds++;
    if (news === told && rounds < ROUNDS) return;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeout)]);
    const response = await askOperator(operator, { method: 'POST', path: CONTROL_PATHS.report, body, signal, timeout, replica: to });
    response.destroy();
    if (response.statusCode !== 204) throw new Error(`the operator answered a report with status ${response.statusCode ?? 0}`);
    told = news;
    rounds = 0;
  };
  const wait = (milliseconds: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      telling = true;
      nudged = false;
      void tell(TIMEOUT)
        .catch((error: unknown) => stopping.signal.aborted || onFailure(error))
        .finally(() => {
          telling = false;
          if (!stopping.signal.aborted) wait(nudged ? random() * SOON : REPORT_SECONDS * 1000);
        });
    }, milliseconds);
    timer.unref();
  };
  // Those who started at the same moment do not report at the same moment.
  wait(random() * REPORT_SECONDS * 1000);
  return {
    nudge: () => {
      if (nudged) return;
      nudged = true;
      if (!telling) wait(random() * SOON);
    },
    stop: async () => {
      clearTimeout(timer);
      await tell(LAST).catch(() => undefined);
      stopping.abort();
    },
  };
};
