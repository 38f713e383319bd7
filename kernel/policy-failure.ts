/**
 * The named failures of writing and of rules: the part of the catalogue of `failure.ts` that says no to what a statement would change.
 */
import { Failure, type FailureFields } from './failure.ts';
import { SQLSTATE } from './sqlstate.ts';

const denied = (code: string, message: string, detail: string, hint: string): Failure => {
  const fields: FailureFields = { severity: 'ERROR', sqlstate: SQLSTATE.insufficientPrivilege, code, message, detail, hint };
  return new Failure(fields);
};

/** A rule with action `Deny` matched. `fact`: what of the statement met it, as a sentence. */
export const ruleRefused = (rule: string, policy: string, fact: string, hint: string): Failure =>
  denied('rule-refused', `permission denied by rule "${rule}"`, `${fact} Rule "${rule}" of policy ${policy} refuses that.`, hint);

/** A rule with action `RequireApproval` matched. */
export const approvalRequired = (rule: string, policy: string, fact: string): Failure =>
  denied(
    'approval-required',
    `rule "${rule}" requires an approval`,
    `${fact} Rule "${rule}" of policy ${policy} lets that through only after a person has approved it.`,
    'Ask for less, so that the rule does not match, or ask a person to run it: approvals cannot be given here yet.',
  );

/** No rule opens this kind of statement, which no grant can. */
export const definitionUnopened = (
  what: string,
  where: string,
  hint = 'A rule with action Allow would have to name the statement and the schema or relation.',
): Failure =>
  denied(
    'definition-unopened',
    `permission denied for ${what}`,
    `No rule of a policy in force allows that to this agent${where === '' ? '' : ` for ${where}`}.`,
    hint,
  );

/** It could show more of a relation than the grants do. `act`: a verb. */
export const definitionRefused = (act: string, name: string, detail: string, hint: string): Failure =>
  denied('definition-refused', `permission denied to ${act} "${name}"`, detail, hint);

/** The statement assigns columns that are not granted for that. */
export const columnWriteRefused = (verb: 'insert' | 'update', column: string, relation: string, granted: readonly string[]): Failure =>
  denied(
    'column-write-refused',
    `permission denied to ${verb} column "${column}" of relation "${relation}"`,
    `No policy in force grants ${verb} on it to this agent.`,
    granted.length === 0 ? `No column may be given in ${verb}.` : `Columns for ${verb}: ${granted.join(', ')}.`,
  );

/** The relation is not granted for this kind of writing. */
export const writeRefused = (verb: 'insert' | 'update' | 'delete' | 'lock', relation: string, granted: readonly string[]): Failure =>
  denied(
    'write-refused',
    `permission denied to ${verb} on relation "${relation}"`,
    `No policy in force grants ${verb === 'lock' ? 'update, which locking rows needs,' : verb} on it to this agent.`,
    granted.length === 0 ? 'No relation is granted for that.' : `Relations for that: ${granted.join(', ')}.`,
  );

/** A row would be outside of the row filter after the statement, as PostgreSQL's WITH CHECK. */
export const rowFilterViolated = (relation: string): Failure =>
  denied(
    'row-filter-violated',
    `new row violates the row filter of relation "${relation}"`,
    'This agent may only write rows that it may also see.',
    'Give the columns that the row filter looks at values of your own rows.',
  );

/** A view is another one than what the statement was judged by. */
export const viewChanged = (relation: string): Failure =>
  new Failure({
    severity: 'ERROR',
    sqlstate: SQLSTATE.objectNotInPrerequisiteState,
    code: 'view-changed',
    message: `definition of relation "${relation}" has changed`,
    detail: 'What it shows now has to be traced before anything of it is shown.',
    hint: 'Try again in a few seconds, in a new transaction.',
  });

/** What was read as a mask would be stored over the value behind it. */
export const maskWrittenBack = (column: string, relation: string): Failure =>
  denied(
    'mask-written-back',
    `permission denied to write a mask over column "${column}" of relation "${relation}"`,
    'The value is what the mask of this column shows, and would replace what is behind it.',
    'Leave the column out of the statement.',
  );

/** A name may be a column that the agent must not see as it is, or another one: which, PostgreSQL decides by what else is in sight. */
export const columnUncertain = (column: string, relation: string): Failure =>
  new Failure({
    severity: 'ERROR',
    sqlstate: SQLSTATE.featureNotSupported,
    code: 'column-uncertain',
    message: `column reference "${column}" is not certain enough`,
    detail: `It may be column "${column}" of relation "${relation}", which this agent may not read as it is.`,
    hint: 'Qualify it with an alias that no other item of the statement has.',
  });

/** A detector with action `Block` found something. INVARIANT: the value itself is told to nobody. */
export const valueDetected = (kind: string, column: string, policy: string): Failure =>
  denied(
    'value-detected',
    `permission denied for a value of column "${column}"`,
    `It looks like a value of kind ${kind}, which policy ${policy} does not let through.`,
    'Leave the column out, or choose rows and expressions that do not show such values.',
  );

/** Where values are looked into, a row is held whole meanwhile. */
export const detectionTooLarge = (most: number): Failure =>
  new Failure({
    severity: 'ERROR',
    sqlstate: SQLSTATE.programLimitExceeded,
    code: 'detection-too-large',
    message: 'row is too large to be looked into',
    detail: `The policy has values looked into (spec.detect), and a row may have ${most} bytes for that.`,
    hint: 'Name fewer columns, or ask for a part of large values, as with substr().',
  });

/** A whole row of the relation that a statement writes, where some of its columns are masked or not granted. */
export const wholeRowRefused = (relation: string, granted: readonly string[]): Failure =>
  denied(
    'whole-row-refused',
    `permission denied for a whole row of relation "${relation}"`,
    'It is the relation that the statement writes, and not all of its columns may be read as they are.',
    granted.length === 0 ? 'No column may be read.' : `Name the columns: ${granted.join(', ')}.`,
  );

/** What would be stored meets a hidden value: writes that are tried one after the other find it. `by`: as in 'Constraint "x" compares it with'. */
export const comparisonRefused = (column: string, hidden: string, by: string, relation: string): Failure =>
  denied(
    'comparison-refused',
    `permission denied to write column "${column}" of relation "${relation}"`,
    `${by} column "${hidden}", which this agent may not read, so that its values could be found by trying.`,
    `Leave the column out. A policy allows it where "${hidden}" is one of the relation's guessable columns.`,
  );

/** Rows of a query that ON CONFLICT DO NOTHING leaves out for what is hidden: nobody knows how many there were. */
export const conflictsUncounted = (relation: string): Failure =>
  denied(
    'conflicts-uncounted',
    `permission denied for ON CONFLICT DO NOTHING with the rows of a query in relation "${relation}"`,
    'Rows or columns that this agent may not see can be in conflict, and which rows are left out would tell of them.',
    'Give the rows with VALUES, or name columns in ON CONFLICT that no hidden row can share.',
  );
