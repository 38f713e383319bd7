import { describe, expect, it } from 'vitest';
import { type Item, PsqlLexer } from './psql-lexer.ts';

const items = (text: string): readonly Item[] => {
  const lexer = new PsqlLexer(text);
  const found: Item[] = [];
  for (let item = lexer.next(); item !== undefined; item = lexer.next()) found.push(item);
  return found;
};

const texts = (text: string): readonly string[] =>
  items(text).map((item) =>
    item.type === 'Command' ? `${item.name} ${item.argument}` : `${item.parts.map(String).join('')}${item.ending}`,
  );

describe('PsqlLexer', () => {
  it.each([
    ['two statements on a line', 'select 1; select 2;', ['select 1;;', 'select 2;;']],
    ['quotes', `select ';' , E'\\';' , ";", $$;$$, $a$;$$;$a$;`, [`select ';' , E'\\';' , ";", $$;$$, $a$;$$;$a$;;`]],
    ['comments', 'select 1 -- ;\n, 2 /* ; /* ; */ ; */;', ['select 1 -- ;\n, 2 /* ; /* ; */ ; */;;']],
    [
      'parentheses',
      'create rule r as on insert to t do (select 1; select 2);',
      ['create rule r as on insert to t do (select 1; select 2);;'],
    ],
    [
      'bodies of routines',
      'create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3;',
      ['create function f() returns int begin atomic select case when true then 1 end; select 2; end;;', 'select 3;;'],
    ],
    ['several in one text', 'select 1\\; select 2;', ['select 1; select 2;;']],
    [
      'commands of psql',
      "\\set a 'b c'\n\\pset null x\\a\nselect 1 \\gset p_\nselect 2;",
      ["\\set a 'b c'", '\\pset null x', '\\a ', 'select 1 \\gset', 'select 2;;'],
    ],
    ['nothing but a comment', '-- nothing\n;\n', []],
  ])('reads %s', (_, text, expected) => {
    expect(texts(text)).toEqual(expected);
  });

  it('keeps variables apart, but not casts', () => {
    expect(items(`select :a::int, :'b', :"c", :{?d}, x[1:2], ':e';`)).toEqual([
      {
        type: 'Statement',
        line: 1,
        parts: [
          'select ',
          { variable: 'a', quote: '' },
          '::int, ',
          { variable: 'b', quote: "'" },
          ', ',
          { variable: 'c', quote: '"' },
          ', ',
          { variable: 'd', quote: '?' },
          ', x[1',
          { variable: '2', quote: '' },
          "], ':e';",
        ],
        ending: ';',
        argument: '',
      },
    ]);
  });

  it('hands out the lines that follow COPY FROM STDIN', () => {
    const lexer = new PsqlLexer('copy t from stdin;\n1\tx;y\n2\t\\N\n\\.\nselect 1;\n');
    expect(lexer.next()).toMatchObject({ parts: ['copy t from stdin;'] });
    expect(lexer.data()).toBe('1\tx;y\n2\t\\N\n');
    expect(lexer.next()).toMatchObject({ parts: ['select 1;'], line: 5 });
  });
});
