/**
 * The conditions of a rule that a statement meets or not before it runs: one function each, with the fact and the way out in words.
 */
import type { QualifiedName, RuleMatch } from '../../../kernel/policy.ts';
import type { CatalogRelation } from '../../catalog/catalog.ts';
import type { PartFacts, StatementFacts } from './facts.ts';
import { windowText } from './time-window.ts';

/** What of a statement meets a condition: the end of "The statement ...", and what to do instead. */
export type Met = { readonly fact: string; readonly hint: string };

const displayed = ({ schema, name }: QualifiedName): string => `${schema}.${name}`;

const isOneOf = (relation: CatalogRelation, names: readonly QualifiedName[]): boolean =>
  names.some(({ schema, name }) => schema === relation.schema && name === relation.name);

/** Words of a kind as SQL has them: `SelectForUpdate` is SELECT ... FOR UPDATE. */
const commandOf = (kind: string): string => {
  if (kind === 'SelectForUpdate') return 'SELECT with a locking clause';
  return kind === 'CopyTo' ? 'COPY TO' : kind === 'CopyFrom' ? 'COPY FROM' : kind.toUpperCase();
};

/** Conditions that one and the same part of the statement has to meet together. */
const isPart = (part: PartFacts, match: RuleMatch): boolean => {
  if (match.statements !== undefined && !part.kinds.some((kind) => match.statements?.includes(kind))) return false;
  const { relations } = match;
  const changed = part.targets.length > 0 && !part.kinds.includes('Select');
  const ofRows = match.withoutWhere === true || match.withoutKey === true;
  if (ofRows && relations !== undefined && changed && !part.targets.some((target) => isOneOf(target, relations))) return false;
  if (match.withoutWhere === true && !part.withoutWhere) return false;
  if (match.withoutKey === true && !part.withoutKey) return false;
  if (match.fromQuery === true && !part.fromQuery) return false;
  return match.upsert !== true || part.upsert;
};

const ofPart = (part: PartFacts, match: RuleMatch): readonly Met[] => {
  const met: Met[] = [];
  const kind = part.kinds.find((each) => match.statements?.includes(each));
  if (kind !== undefined) met.push({ fact: `is ${commandOf(kind)}`, hint: `Do without ${commandOf(kind)}.` });
  if (match.withoutWhere === true) {
    met.push({ fact: 'has no WHERE clause that leaves a row out', hint: 'Add a WHERE clause that names the rows that are meant.' });
  }
  if (match.withoutKey === true) {
    const key = part.targets[0]?.primaryKey ?? [];
    const form =
      key.length === 0
        ? 'This relation has no primary key: ask for another rule.'
        : `Name the rows by their key, as in WHERE ${key.map((column) => `${column} = 1`).join(' AND ')}.`;
    met.push({ fact: 'does not name its rows by their primary key', hint: form });
  }
  if (match.fromQuery === true) met.push({ fact: 'inserts what a query returns', hint: 'Insert with VALUES.' });
  if (match.upsert === true) met.push({ fact: 'has ON CONFLICT DO UPDATE', hint: 'Leave ON CONFLICT DO UPDATE out, or write DO NOTHING.' });
  return met;
};

const HINTLESS = '';

const ofRelations = (match: RuleMatch, facts: StatementFacts): Met | false | undefined => {
  const { relations } = match;
  if (relations === undefined) return undefined;
  const found = facts.relations.find((relation) => isOneOf(relation, relations));
  return found !== undefined && { fact: `touches ${displayed(found)}`, hint: `Leave ${displayed(found)} out of the statement.` };
};

const ofSchemas = (match: RuleMatch, facts: StatementFacts): Met | false | undefined => {
  const { schemas } = match;
  if (schemas === undefined) return undefined;
  const found =
    facts.relations.find((relation) => schemas.includes(relation.schema))?.schema ??
    facts.schemas.find((schema) => schemas.includes(schema));
  return found !== undefined && { fact: `touches schema ${found}`, hint: `Leave what is in schema ${found} out of the statement.` };
};

const ofFunctions = (match: RuleMatch, facts: StatementFacts): Met | false | undefined => {
  if (match.functions === undefined) return undefined;
  const found = match.functions.find(facts.calls);
  return found !== undefined && { fact: `calls ${displayed(found)}`, hint: `Do without function ${displayed(found)}.` };
};

const ofColumns = (match: RuleMatch, facts: StatementFacts): Met | false | undefined => {
  if (match.columns === undefined) return undefined;
  const found = match.columns.find(({ relation, column }) => facts.names(relation, column));
  if (found === undefined) return false;
  const name = `${displayed(found.relation)}.${found.column}`;
  return { fact: `names column ${name}`, hint: `Leave column ${name} out, and list the columns that are needed instead of *.` };
};

const ofObjects = (match: RuleMatch, facts: StatementFacts): Met | false | undefined => {
  if (match.objects === undefined) return undefined;
  const found = facts.objects.find((object) => match.objects?.includes(object));
  return found !== undefined && { fact: `is about an object of kind ${found}`, hint: HINTLESS };
};

/** The time itself has been asked when the rules in force were gathered. */
const ofTime = ({ time }: RuleMatch): Met | undefined =>
  time && {
    fact: `comes ${time.outside ? 'outside' : 'within'} ${windowText(time)}`,
    hint: `Run it ${time.outside ? 'within' : 'outside'} ${windowText(time)}.`,
  };

const WHOLE = [ofObjects, ofRelations, ofSchemas, ofFunctions, ofColumns, ofTime] as const;

/** What of the statement meets the rule's static conditions, the kind first; undefined where one is not met. */
export const metBy = (match: RuleMatch, facts: StatementFacts): readonly Met[] | undefined => {
  const met: Met[] = [];
  const ofParts = ['statements', 'withoutWhere', 'withoutKey', 'fromQuery', 'upsert'] as const;
  if (ofParts.some((field) => match[field] !== undefined && match[field] !== false)) {
    const part = facts.parts.find((each) => isPart(each, match));
    if (part === undefined) return undefined;
    met.push(...ofPart(part, match));
  }
  for (const condition of WHOLE) {
    const found = condition(match, facts);
    if (found === false) return undefined;
    if (found !== undefined) met.push(found);
  }
  return met;
};

/** A sentence of what meets a rule. */
export const factOf = (met: readonly Met[]): string => {
  const facts = met.map(({ fact }) => fact);
  const list = facts.length > 1 ? `${facts.slice(0, -1).join(', ')} and ${facts.at(-1) ?? ''}` : (facts[0] ?? 'is one');
  return `The statement ${list}.`;
};

/** The way out: of the condition that is easiest to avoid, the last that is not its kind. */
export const hintOf = (met: readonly Met[]): string =>
  met.findLast(({ hint }) => hint !== HINTLESS)?.hint ?? 'Ask the author of the policy for another rule.';
