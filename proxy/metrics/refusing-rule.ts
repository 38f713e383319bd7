/** Which part of a policy, or which guard of ours, a refusal's code belongs to: the label `rule`. */
const RULES: Readonly<Record<string, string>> = {
  'relation-refused': 'relations',
  'relation-unknown': 'relations',
  'grant-unusable': 'relations',
  'column-refused': 'columns',
  'function-refused': 'functions',
  'function-unknown': 'functions',
  'operator-refused': 'functions',
  'setting-refused': 'settings',
  'setting-unnamed': 'settings',
  'setting-hidden': 'settings',
  'startup-option-refused': 'settings',
  'statement-refused': 'statements',
  'rule-refused': 'rules',
  'approval-required': 'rules',
  'write-refused': 'relations',
  'column-write-refused': 'columns',
  'row-filter-violated': 'relations',
  'mask-written-back': 'columns',
  'stale-statement': 'revision',
  'syntax-error': 'grammar',
  'invalid-text': 'grammar',
  'not-understood': 'grammar',
  'statement-too-large': 'limits',
  'statement-too-complex': 'limits',
  'message-too-large': 'limits',
  'audit-unavailable': 'audit',
  'internal-error': 'internal',
};

/** The rule that a refusal's code stands for; `other` where it has none. */
export const ruleOf = (code: string): string => (Object.hasOwn(RULES, code) ? (RULES[code] ?? 'other') : 'other');
