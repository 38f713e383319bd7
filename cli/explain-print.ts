/** A report of `pg-airlock explain` for people. */
import type { Place, Report, ReportedReason, ReportedRelation, ReportedRules, ReportedTarget } from './explain-report.ts';
import { printable } from './printable.ts';

const DECISIONS: Readonly<Record<Report['decision'], string>> = {
  Allow: 'allowed',
  AuditOnly: 'allowed by mode Audit, and recorded as what Enforce would refuse',
  Deny: 'refused',
};

const placeText = ({ line, column }: Place): string => `line ${line}, column ${column}`;

const listText = (names: readonly string[]): string => names.map(printable).join(', ');

const GRANTED: Readonly<Record<'System' | 'AuditMode', string>> = {
  System: "PostgreSQL's own, open to every agent",
  AuditMode: 'granted by nobody, let through by mode Audit',
};

const RESOLVED: Readonly<Record<ReportedRelation['resolved'], string>> = {
  AsItIs: 'as it is',
  Scoped: 'scoped',
  Unusable: 'its grant cannot be applied',
};

const TRACED = { Masked: 'masked like', Null: 'NULL because of', Hidden: 'hidden like' } as const;

const maskLines = (masked: ReportedRelation['masked']): readonly string[] =>
  masked.map(({ column, mask }, index) => `    ${index === 0 ? 'masked ' : '       '}   ${printable(column)}: ${printable(mask)}`);

const nameText = (name: string, written: string, at: Place): string =>
  `  ${printable(name)}  (${written === name ? '' : `written ${printable(written)}, `}${placeText(at)})`;

const relationLines = ({ name, written, at, granted, resolved, columns, masked, where, traced }: ReportedRelation): readonly string[] => [
  nameText(name, written, at),
  `    granted   ${granted.by === 'Policy' ? `by ${printable(granted.policy)}` : GRANTED[granted.by]}; ${RESOLVED[resolved]}`,
  ...(granted.by === 'System' || columns.length === 0 ? [] : [`    visible   ${listText(columns)}`]),
  ...maskLines(masked),
  ...traced.map(
    ({ column, effect, from }, index) =>
      `    ${index === 0 ? 'shows  ' : '       '}   ${printable(column)}: ${TRACED[effect]}${from === '' ? '' : ` ${printable(from)}`}`,
  ),
  ...(where === undefined ? [] : [`    rows      ${printable(where)}`]),
];

const columnsLine = (label: string, columns: readonly string[]): readonly string[] =>
  columns.length === 0 ? [] : [`    ${label.padEnd(7)}   ${listText(columns)}`];

const targetLines = ({
  name,
  written,
  at,
  command,
  policy,
  inserts,
  updates,
  readable,
  masked,
  where,
}: ReportedTarget): readonly string[] => [
  nameText(name, written, at),
  `    granted   by ${printable(policy)}; ${command.toUpperCase()} stands as it is`,
  ...columnsLine('gives', inserts),
  ...columnsLine('sets', updates),
  ...columnsLine('visible', readable),
  ...maskLines(masked),
  ...(where === undefined ? [] : [`    rows      ${printable(where)}`]),
];

const reasonLines = ({ sqlstate, message, detail, hint, at }: ReportedReason): readonly string[] => [
  `  ${sqlstate}  ${printable(message)}${at === undefined ? '' : `  (${placeText(at)})`}`,
  ...(detail === undefined ? [] : [`    detail    ${printable(detail)}`]),
  ...(hint === undefined ? [] : [`    hint      ${printable(hint)}`]),
];

const ruleLines = ({ decided, later }: ReportedRules): readonly string[] => [
  ...(decided === undefined
    ? []
    : [`  rule ${printable(`${decided.rule} of ${decided.policy} (${decided.action})`)}`, `    fact      ${printable(decided.fact)}`]),
  ...later.map((line) => `  ${printable(line)}`),
];

const indented = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${printable(line)}`);

/** The report, line by line, everything that is not plainly visible escaped. */
export const reportText = (report: Report): string => {
  const { decision, agent, connection, database, role, policies, detectors, statements, reasons, sent, grant } = report;
  const many = statements.length > 1;
  const lines = [
    DECISIONS[decision],
    `  ${printable(`${agent} through ${connection}: database ${database}, role ${role}`)}`,
    `  policies  ${listText(policies)}`,
    ...(detectors.length === 0 ? [] : [`  detect    ${listText(detectors)}`]),
    ...statements.flatMap((statement, index) => [
      '',
      `${many ? `statement ${index + 1}: ` : ''}${statement.kind}`,
      ...statement.targets.flatMap(targetLines),
      ...statement.relations.flatMap(relationLines),
      ...ruleLines(statement.rules),
      ...statement.reasons.flatMap(reasonLines),
    ]),
    ...(reasons.length === 0 ? [] : ['', 'the text', ...reasons.flatMap(reasonLines)]),
    ...(sent === undefined ? [] : ['', 'sent', ...indented(sent)]),
    ...(grant === undefined
      ? []
      : [
          '',
          grant.enough ? 'the smallest grant that allows it' : 'the smallest grant, which alone is not enough',
          ...indented(grant.yaml),
          ...(grant.rest === undefined ? [] : ['', 'what refuses it then', ...reasonLines(grant.rest)]),
        ]),
  ];
  return `${lines.join('\n')}\n`;
};
