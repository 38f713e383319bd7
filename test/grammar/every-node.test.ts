import { beforeAll, describe, expect, it } from 'vitest';
import { decide } from '../../proxy/policy/decide.ts';
import type { Analysis } from '../../proxy/sql/analysis.ts';
import { analyze } from '../../proxy/sql/analyze.ts';
import { Grammar, type ParsedStatement } from '../../proxy/sql/grammar.ts';
import { NODE_SHAPES } from '../../proxy/sql/nodes.ts';
import type { Tree } from '../../proxy/sql/tree.ts';
import { contextOf, grant, grantsOf, policy } from '../support/small-catalog.ts';
import { declarationsOf, GRAMMAR_VERSIONS, type GrammarVersion } from './declarations.ts';
import { JUDGED_ELSEWHERE, judgementOf } from './judgements.ts';
import { Places } from './places.ts';
import { type Plant, PLANTS, PLANTS_OF } from './plants.ts';
import { seedsFor, WRITES } from './seeds.ts';

type Seed = { readonly text: string; readonly statement: ParsedStatement; readonly bytes: Buffer; readonly places: Places };

const grammars = new Map<GrammarVersion, Grammar>();

const seedOf = (version: GrammarVersion, text: string): Seed => {
  const [statement] = grammars.get(version)!.parse(text) as readonly [ParsedStatement];
  const places = new Places(declarationsOf(version));
  places.collect(statement.node);
  return { text, statement, bytes: Buffer.from(text), places };
};

/** What the judge makes of a tree; undefined: it refuses it. */
const analyzed = ({ statement, bytes }: Seed): Analysis | undefined => {
  try {
    return analyze(statement, bytes);
  } catch (error) {
    if (error instanceof Error && error.name === 'Failure') return undefined;
    throw error;
  }
};

type Planted = { readonly seed: Seed; readonly slot: string; readonly plant: Plant; readonly analysis: Analysis | undefined };

/** Plants into every place that is not like one before. */
const plantInto = (seeds: readonly Seed[], plantsOf: (type: string) => readonly Plant[], then: (planted: Planted) => void): void => {
  const seen = new Set<string>();
  for (const seed of seeds) {
    for (const { slot, key, type, ways } of seed.places.found) {
      if (seen.has(`${key} ${ways.length}`)) continue;
      seen.add(`${key} ${ways.length}`);
      for (const plant of plantsOf(type)) {
        for (const way of ways) {
          const undo = way(structuredClone(plant.tree));
          then({ seed, slot, plant, analysis: analyzed(seed) });
          undo();
        }
      }
    }
  }
};

const anywhere = (type: string): readonly Plant[] => (type === 'Node' ? PLANTS : (PLANTS_OF[type] ?? []));

/** What is let through in places that are only names: nothing is looked up by it. */
const ONLY_A_NAME = ['LockingClause.lockedRels: a relation', 'ConstraintsSetStmt.constraints: a relation', 'DefElem.arg: a type'];

/** Where nothing that is planted may stand. */
const ONLY_ONE_KIND = [
  // The same for each column: what is planted into one of them is not.
  'MultiAssignRef.source',
  'ReturningClause.options',
  'InsertStmt.cols',
  'MergeStmt.mergeWhenClauses',
  'SelectStmt.lockingClause',
];

/** Fields that a grammar has, and fills in no statement: PostgreSQL's analysis does. */
const NEVER_FILLED = [
  'RowExpr.colnames',
  'XmlExpr.indent',
  'JsonReturning.typid',
  'JsonReturning.typmod',
  'JsonBehavior.coerce',
  'JsonParseExpr.output',
  'JsonScalarExpr.output',
  'JsonFuncExpr.column_name',
  'JoinExpr.rtindex',
];

const listed = new Set<string>();
const filled = new Set<string>();
const seeds = new Map<GrammarVersion, readonly Seed[]>();

beforeAll(async () => {
  for (const version of GRAMMAR_VERSIONS) {
    const grammar = new Grammar(version);
    await grammar.load();
    grammars.set(version, grammar);
    seeds.set(
      version,
      seedsFor(version).map((text) => seedOf(version, text)),
    );
  }
});

/** It holds no node, and whoever looks at it makes the verdict depend on the literal. */
const isValueOfConstant = (key: string): boolean => / A_Const\.[a-z]+ \w+$/.test(key);

describe.each(GRAMMAR_VERSIONS)('every node of grammar %i', { timeout: 120_000 }, (version) => {
  const declared = declarationsOf(version);
  const own = (): readonly Seed[] => seeds.get(version) ?? [];

  it('is judged or refused', () => {
    expect([...declared.keys()].filter((tag) => judgementOf(tag) === undefined)).toEqual([]);
    expect(declared.size).toBeGreaterThan(230);
  });

  it('is in a statement that is let through, if it is judged', () => {
    for (const seed of own()) {
      expect([seed.text, analyzed(seed) !== undefined]).toEqual([seed.text, true]);
      for (const { tag, node } of seed.places.nodes) for (const field of Object.keys(node)) filled.add(`${tag}.${field}`);
    }
    const tags = new Set(own().flatMap(({ places }) => places.nodes.map(({ tag }) => tag)));
    const judged = [...declared.keys()].filter((tag) => judgementOf(tag) === 'Judged');
    expect(judged.filter((tag) => !tags.has(tag))).toEqual([]);
  });

  it('that is refused is so as a statement, a query, an expression, a FROM item and a name', () => {
    const tags = [...declared.keys()].filter((tag) => judgementOf(tag) === 'Refused');
    const plants = tags.map((tag): Plant => ({ name: tag, tree: { [tag]: {} }, isSeen: () => false }));
    const passed: string[] = [];
    for (const text of [
      'SELECT a FROM users WHERE a',
      'EXPLAIN SELECT 1',
      'INSERT INTO orders SELECT 1',
      'CREATE VIEW v AS SELECT 1',
      'DROP TABLE a',
    ]) {
      plantInto(
        [seedOf(version, text)],
        (type) => (type === 'Node' ? plants : []),
        ({ slot, plant, analysis }) => {
          if (analysis !== undefined) passed.push(`${slot}: ${plant.name}`);
        },
      );
    }
    for (const tag of tags) {
      const statement = { node: { [tag]: {} } as Tree, start: 0, end: 1 };
      if (analyzed({ ...own()[0]!, statement }) !== undefined) passed.push(tag);
    }
    expect(passed).toEqual([]);
  });

  it('shows what is planted into it, and the decision refuses that', () => {
    const passed = new Set<string>();
    const decided = new Set<string>();
    const context = contextOf();
    let count = 0;
    plantInto(own(), anywhere, ({ seed, slot, plant, analysis }) => {
      count++;
      if (analysis === undefined) return;
      if (!plant.isSeen(analysis)) return void passed.add(`${slot}: ${plant.name}`);
      listed.add(slot);
      const kind = `${analysis.kind} ${slot}: ${plant.name}`;
      if (plant.refused === undefined || decided.has(kind) || analysis.form.type === 'Definition') return;
      decided.add(kind);
      const said = decide(analysis, context).reasons.map(({ failure }) => `${failure.message} ${failure.fields.detail ?? ''}`);
      if (!said.some((text) => text.includes(plant.refused ?? ''))) passed.add(`${slot}: ${plant.name} of ${seed.text}`);
    });
    expect([...passed].filter((each) => !ONLY_A_NAME.includes(each))).toEqual([]);
    expect(count).toBeGreaterThan(30_000);
  });

  it('has no field that nobody judged', () => {
    const passed = new Set<string>();
    const seen = new Set<string>();
    for (const seed of own()) {
      for (const { tag, node, key } of seed.places.nodes) {
        if (seen.has(key) || isValueOfConstant(key)) continue;
        seen.add(key);
        node['unheard'] = 1;
        if (analyzed(seed) !== undefined) passed.add(tag);
        delete node['unheard'];
      }
    }
    expect([...passed]).toEqual([]);
  });
});

describe('a masked column of a relation that is written', () => {
  const writable = grantsOf(
    policy({
      relations: [
        grant('users', {
          select: { columns: ['id', 'name', 'settings'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] },
          insert: { columns: ['id', 'name'] },
          update: { columns: ['name', 'settings'] },
          delete: true,
        }),
        grant('orders'),
      ],
    }),
  )!;
  const ssn: Plant = {
    name: 'ssn',
    tree: { ColumnRef: { fields: [{ String: { sval: 'ssn' } }], location: 1 } },
    isSeen: ({ columns }) => columns.some(({ fields }) => fields.includes('ssn')),
  };

  it.each(WRITES)('is refused or masked wherever it can be named: %s', (text) => {
    const seed = seedOf(18, text);
    const context = contextOf({ grants: writable });
    expect(decide(analyzed(seed)!, context).reasons.map(({ failure }) => failure.message)).toEqual([]);
    let sights = 0;
    const passed: string[] = [];
    plantInto(
      [seed],
      (type) => (type === 'Node' ? [ssn] : []),
      ({ slot, analysis }) => {
        const uses = analysis?.columns.filter(({ fields }) => fields.includes('ssn')) ?? [];
        const isInSight = uses.some(({ level }) => level.items.some(({ type }) => type === 'Target' || type === 'Version'));
        if (analysis === undefined || !isInSight) return;
        sights++;
        const { reasons, targetReads } = decide(analysis, context);
        if (reasons.length + targetReads.length === 0) passed.push(slot);
      },
    );
    expect(passed).toEqual([]);
    expect(sights).toBeGreaterThan(0);
  });
});

describe('the statements that are planted into', () => {
  const fields = Object.entries(NODE_SHAPES).flatMap(([tag, shape]) =>
    Object.entries(shape).map(([field, slot]) => ({ tag, field, slot })),
  );

  it('fill every field that the walker takes', () => {
    const missing = fields.map(({ tag, field }) => `${tag}.${field}`).filter((slot) => !filled.has(slot));
    expect(missing).toEqual(NEVER_FILLED);
  });

  it('show something that was planted into every child that the walker takes', () => {
    const children = fields.filter(({ slot }) => slot === 'node' || slot === 'nodes').map(({ tag, field }) => `${tag}.${field}`);
    expect(children.filter((slot) => !listed.has(slot)).sort()).toEqual([...ONLY_ONE_KIND].sort());
    expect(JUDGED_ELSEWHERE.filter((tag) => Object.hasOwn(NODE_SHAPES, tag))).toEqual([]);
  });
});
