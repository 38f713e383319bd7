/**
 * Functions can reach data without naming a relation, so they are allowed by list: PostgreSQL's harmless ones, those of
 * extensions and those that the policy names.
 */
import { functionRefused, functionUnknown } from '../../../kernel/failure.ts';
import { readyExtension } from '../../catalog/builtin/extensions.ts';
import { functionClass, refusedFunctionDetail } from '../../catalog/builtin/functions.ts';
import { type CatalogFunction, relationKey } from '../../catalog/catalog.ts';
import type { Analysis, FunctionUse } from '../../sql/analysis.ts';
import type { DecisionContext, Pin, Reason } from '../decision.ts';
import { isBuiltinTypeText } from './type-texts.ts';

export type FunctionVerdict = {
  readonly reason: Reason | undefined;
  readonly pin: Pin | undefined;
  /** set_config or current_setting: the settings check looks at its arguments. */
  readonly judged: boolean;
  /** It may run with NULL for its first argument only. */
  readonly silent: boolean;
};

const ALLOWED: FunctionVerdict = { reason: undefined, pin: undefined, judged: false, silent: false };

/** Is a function outside of pg_catalog allowed, by name or by its extension? */
export const isAllowedFunction = (candidate: Pick<CatalogFunction, 'schema' | 'name' | 'extension'>, context: DecisionContext): boolean => {
  const { grants } = context;
  if (grants.functions.has(relationKey(candidate.schema, candidate.name))) return true;
  if (candidate.schema === 'information_schema') return functionClass(candidate.schema, candidate.name) === 'harmless';
  if (candidate.extension === undefined || !grants.extensions.has(candidate.extension)) return false;
  const ready = readyExtension(candidate.extension);
  return ready !== undefined && !ready.refused.includes(candidate.name);
};

const NOT_GRANTED = "It is not one of PostgreSQL's own harmless functions, and no policy in force names it or its extension.";

/** Judges one call. */
export const checkFunction = (use: FunctionUse, context: DecisionContext): FunctionVerdict => {
  const { catalog, state } = context;
  const refuse = (failure: Reason['failure']): FunctionVerdict => ({
    ...ALLOWED,
    reason: { failure, location: use.location, auditable: false },
  });
  const unknown = (name: string): FunctionVerdict => refuse(functionUnknown(name, use.samples));
  const builtin = (name: string, pin: Pin | undefined): FunctionVerdict => {
    if (context.grants.functions.has(relationKey('pg_catalog', name))) return { ...ALLOWED, pin };
    const found = functionClass('pg_catalog', name);
    if (found === 'harmless') return { ...ALLOWED, pin };
    if (found === 'judged') return { ...ALLOWED, pin, judged: true };
    if (found === 'silent' && use.first !== undefined) return { ...ALLOWED, pin, silent: true };
    if (found === 'typed' && isBuiltinTypeText(use.constants[1], catalog)) return { ...ALLOWED, pin };
    if (found !== undefined) return refuse(functionRefused(name, refusedFunctionDetail(found)));
    // A type's name called as a function is a cast.
    return catalog.builtinTypes.has(name) && !catalog.builtinFunctions.has(name) ? { ...ALLOWED, pin } : unknown(name);
  };
  const candidates = catalog.functions.get(use.name) ?? [];
  if (use.schema === 'pg_catalog') return builtin(use.name, undefined);
  if (use.schema !== undefined) {
    const name = `${use.schema}.${use.name}`;
    if (use.schema === 'information_schema') {
      return isAllowedFunction({ schema: use.schema, name: use.name, extension: undefined }, context)
        ? ALLOWED
        : refuse(functionRefused(name, NOT_GRANTED));
    }
    const own = candidates.filter((candidate) => candidate.schema === use.schema);
    if (own.length === 0) return unknown(name);
    return own.every((candidate) => isAllowedFunction(candidate, context)) ? ALLOWED : refuse(functionRefused(name, NOT_GRANTED));
  }
  const isBuiltin = catalog.builtinFunctions.has(use.name);
  if (isBuiltin || (candidates.length === 0 && catalog.builtinTypes.has(use.name))) {
    // INVARIANT: an overload that is not allowed must not be reachable: the name is pinned to pg_catalog.
    const safe = candidates.every((candidate) => isAllowedFunction(candidate, context));
    return builtin(use.name, safe ? undefined : { location: use.location, schema: 'pg_catalog' });
  }
  for (const schema of state.searchPath) {
    const own = candidates.filter((candidate) => candidate.schema === schema);
    if (own.length === 0) continue;
    if (own.every((candidate) => isAllowedFunction(candidate, context))) return { ...ALLOWED, pin: { location: use.location, schema } };
    return refuse(functionRefused(use.name, NOT_GRANTED));
  }
  // One that may be called, and is not in sight: it wants its schema.
  return candidates.length === 0 || candidates.some((candidate) => isAllowedFunction(candidate, context))
    ? unknown(use.name)
    : refuse(functionRefused(use.name, NOT_GRANTED));
};

/**
 * `value.name` calls a function of one argument: would it call one that is not allowed?
 * `ofRow`: the value is a sub-query's row, which has no type that a function could name.
 */
export const isRefusedAsField = (name: string, context: DecisionContext, ofRow = false): boolean => {
  const candidates = (context.catalog.functions.get(name) ?? []).filter((candidate) => candidate.unary && (!ofRow || candidate.takesRow));
  if (candidates.some((candidate) => !isAllowedFunction(candidate, context))) return true;
  return context.catalog.builtinFunctions.has(name) && functionClass('pg_catalog', name) !== 'harmless';
};

/** Such a call, but for functions of extensions that come with a ready list: these are harmless whatever policies say. */
export const revocableCall = ({ functions }: Pick<Analysis, 'functions'>, context: DecisionContext): FunctionUse | undefined => {
  const isReady = ({ extension }: CatalogFunction): boolean => extension !== undefined && readyExtension(extension) !== undefined;
  const isListed = (each: FunctionUse): boolean => {
    const candidates = context.catalog.functions.get(each.name) ?? [];
    return candidates.length > 0 && candidates.every(isReady);
  };
  return functions.find((each) => ownCall({ functions: [each] }, context) !== undefined && !isListed(each));
};

/** A call of what may be a function outside of pg_catalog; undefined: there is none. */
export const ownCall = ({ functions }: Pick<Analysis, 'functions'>, { catalog }: DecisionContext): FunctionUse | undefined =>
  functions.find(({ schema, name }) =>
    schema === undefined ? catalog.functions.has(name) || !catalog.builtinFunctions.has(name) : schema !== 'pg_catalog',
  );
