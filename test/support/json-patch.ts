/**
 * Applies a JSON Patch (RFC 6902), as strictly as the API server does: a path that does not exist is an error.
 */
export type PatchOperation = { readonly op: string; readonly path: string; readonly value?: unknown };

const stepsOf = (path: string): readonly string[] => {
  if (!path.startsWith('/')) throw new Error(`not a pointer to something within: ${path}`);
  return path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
};

const indexOf = (list: readonly unknown[], step: string, most: number): number => {
  const index = step === '-' ? list.length : Number(step);
  if (!/^(0|[1-9]\d*|-)$/.test(step) || index > most) throw new Error(`no index ${step} in a list of ${list.length}`);
  return index;
};

const applyOne = (parent: unknown, step: string, { op, path, value }: PatchOperation): void => {
  if (Array.isArray(parent)) {
    if (op === 'add') parent.splice(indexOf(parent, step, parent.length), 0, structuredClone(value));
    else if (op === 'replace') parent[indexOf(parent, step, parent.length - 1)] = structuredClone(value);
    else parent.splice(indexOf(parent, step, parent.length - 1), 1);
    return;
  }
  if (typeof parent !== 'object' || parent === null) throw new Error(`nothing at ${path}`);
  const object = parent as Record<string, unknown>;
  if (op !== 'add' && !Object.hasOwn(object, step)) throw new Error(`nothing at ${path}`);
  if (op === 'remove') delete object[step];
  else object[step] = structuredClone(value);
};

/** A copy of the document with the patch applied. */
export const applyPatch = (document: unknown, patch: readonly PatchOperation[]): unknown => {
  // By way of JSON: what stands in two places becomes two.
  const copy: unknown = JSON.parse(JSON.stringify(document));
  for (const operation of patch) {
    if (!['add', 'replace', 'remove'].includes(operation.op)) throw new Error(`unknown operation ${operation.op}`);
    const steps = stepsOf(operation.path);
    const parent = steps.slice(0, -1).reduce<unknown>((value, step) => {
      if (Array.isArray(value)) return value[indexOf(value, step, value.length - 1)] as unknown;
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined;
    }, copy);
    applyOne(parent, steps.at(-1) ?? '', operation);
  }
  return copy;
};
