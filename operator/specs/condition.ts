/**
 * Conditions of a status: what is found becomes what is written, and what has not changed stays as it is.
 */

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** What was found about one type of condition. */
export type Finding<Type extends string = string> = {
  readonly type: Type;
  readonly status: ConditionStatus;
  /** Why, in one CamelCase word. */
  readonly reason: string;
  /** Why, in sentences, with the remedy and without any secret. */
  readonly message: string;
};

/** As in metav1.Condition. */
export type Condition = Finding & { readonly lastTransitionTime: string; readonly observedGeneration?: number };

/** The longest that a CRD of ours takes is far more: nobody reads it. */
const LONGEST_MESSAGE = 4_000;

/** Databases' names and words are in it: no control characters, which a terminal would obey, and no endless text. */
const shortened = (text: string): string => {
  const shown = text.slice(0, LONGEST_MESSAGE + 1).replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
  return shown.length <= LONGEST_MESSAGE ? shown : `${shown.slice(0, LONGEST_MESSAGE - 3)}...`;
};

/** Whole seconds, as Kubernetes writes them. */
const timeOf = (now: Date): string => `${now.toISOString().slice(0, 19)}Z`;

/** The conditions to write, in the order of the findings; a condition that is as it was keeps its time. */
export const conditionsOf = (
  findings: readonly Finding[],
  before: readonly Condition[],
  generation: number | undefined,
  now: Date,
): readonly Condition[] =>
  findings.map(({ type, status, reason, message }) => {
    const previous = before.find((condition) => condition.type === type);
    return {
      type,
      status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: previous?.status === status ? previous.lastTransitionTime : timeOf(now),
      reason,
      message: shortened(message),
    };
  });

/** Conditions whose status changed, or whose reason did while they do not hold: what an event is worth. */
export const transitionsOf = (before: readonly Condition[], after: readonly Condition[]): readonly Condition[] =>
  after.filter((condition) => {
    const previous = before.find(({ type }) => type === condition.type);
    return previous === undefined || previous.status !== condition.status || previous.reason !== condition.reason;
  });

/** True where all are; else what the first says that is not, False before Unknown. */
export const sumOf = (findings: readonly Finding[], whenAll: Omit<Finding, 'type' | 'status'>): Finding<'Ready'> => {
  const worst = findings.find(({ status }) => status === 'False') ?? findings.find(({ status }) => status === 'Unknown');
  return worst === undefined ? { type: 'Ready', status: 'True', ...whenAll } : { ...worst, type: 'Ready' };
};
