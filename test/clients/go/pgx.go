// pgx with its own interface, and pgxpool.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

var background = context.Background()

type pgxSession struct{ conn *pgx.Conn }

func (s pgxSession) rows(sql string, arguments ...any) [][]any {
	rows := must(s.conn.Query(background, sql, arguments...))
	found := [][]any{}
	for rows.Next() {
		found = append(found, must(rows.Values()))
	}
	must(0, rows.Err())
	return found
}

func (s pgxSession) exec(sql string, arguments ...any) int64 {
	return must(s.conn.Exec(background, sql, arguments...)).RowsAffected()
}

func (s pgxSession) value(sql string, arguments ...any) any {
	return s.rows(sql, arguments...)[0][0]
}

func (s pgxSession) sqlstate(sql string) string {
	_, err := s.conn.Exec(background, sql)
	var told *pgconn.PgError
	if errors.As(err, &told) {
		return told.Code
	}
	return "none"
}

// asked runs the same queries in one of pgx's modes; the binary formats are those of the extended protocol.
func (s pgxSession) asked(mode pgx.QueryExecMode) any {
	return plain([]any{
		s.rows("SELECT id, name, joined FROM customers WHERE id = $1 OR email = $2 ORDER BY id", mode, 3, "5@example.com"),
		s.rows("SELECT id FROM orders WHERE customer_id = ANY($1) AND placed < $2 ORDER BY id", mode, []int32{1, 5, 9},
			time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)),
		s.rows("SELECT $1::bytea AS bytes, $2::float8 AS f, $3::bool AS b, $4::text AS t", mode, []byte{0, 255}, 1.5, true, nil),
		s.rows("SELECT $1::int4 + $2::int8 AS sum, $3::text || 'ü' AS s", mode, int32(1), int64(9007199254740993), "x"),
	})
}

func (s pgxSession) introspect() any {
	found := []any{}
	for _, name := range []string{"mood", "point3", "positive"} {
		loaded := must(s.conn.LoadType(background, name))
		s.conn.TypeMap().RegisterType(loaded)
		found = append(found, loaded.Name)
	}
	loaded := must(s.conn.LoadTypes(background, []string{"mood", "_mood", "point3"}))
	for _, each := range loaded {
		found = append(found, each.Name)
	}
	described := must(s.conn.Prepare(background, "described", "SELECT id, name, ssn, salary, joined FROM customers WHERE id = $1 AND city = $2"))
	for _, field := range described.Fields {
		found = append(found, field.Name, field.DataTypeOID)
	}
	must(0, s.conn.Deallocate(background, "described"))
	return append(found, described.ParamOIDs)
}

func (s pgxSession) batch(url string) any {
	batch := &pgx.Batch{}
	for i := range 50 {
		batch.Queue("SELECT name FROM customers WHERE id = $1", 1+i%20)
	}
	batch.Queue("SELECT count(*) FROM orders")
	results := s.conn.SendBatch(background, batch)
	names := []any{}
	for range 51 {
		var name any
		must(0, results.QueryRow().Scan(&name))
		names = append(names, name)
	}
	must(0, results.Close())
	refused := &pgx.Batch{}
	refused.Queue("SELECT 1")
	refused.Queue("SELECT nope FROM customers")
	refused.Queue("SELECT 2")
	_, err := s.conn.SendBatch(background, refused).Query()
	failed := s.conn.SendBatch(background, refused).Close()
	pool := must(pgxpool.New(background, url))
	defer pool.Close()
	pooled := make(chan any)
	for i := range 40 {
		go func() {
			var name string
			err := pool.QueryRow(background, "SELECT name FROM customers WHERE id = $1", 1+i%20).Scan(&name)
			pooled <- err == nil && name != ""
		}()
	}
	good := 0
	for range 40 {
		if <-pooled == true {
			good++
		}
	}
	var told *pgconn.PgError
	return []any{names, err != nil, errors.As(failed, &told) && told.Code == "42703", good}
}

func (s pgxSession) stream() any {
	var sum float64
	count := 0
	rows := must(s.conn.Query(background, "SELECT id, value FROM readings WHERE id > $1 ORDER BY id", 10))
	var id int
	var value float64
	tag := must(pgx.ForEachRow(rows, []any{&id, &value}, func() error {
		sum += value
		count++
		return nil
	}))
	transaction := must(s.conn.Begin(background))
	must(transaction.Exec(background, "DECLARE c CURSOR FOR SELECT id FROM readings ORDER BY id"))
	portions := [][]any{}
	for range 3 {
		portions = append(portions, s.rows("FETCH 2 FROM c")...)
	}
	must(0, transaction.Rollback(background))
	var out bytes.Buffer
	must(s.conn.PgConn().CopyTo(background, &out, "COPY (SELECT id, ssn FROM customers ORDER BY id) TO STDOUT"))
	copied := must(s.conn.CopyFrom(background, pgx.Identifier{"order_tags"}, []string{"order_id", "tag"},
		pgx.CopyFromRows([][]any{{int64(6), "copied"}, {int64(7), "copied"}})))
	removed := s.exec("DELETE FROM order_tags WHERE tag = 'copied'")
	return []any{sum, count, tag.String(), plain(portions), out.String(), copied, removed}
}

func (s pgxSession) cancel() any {
	limited, stop := context.WithTimeout(background, time.Minute)
	defer stop()
	go func() {
		time.Sleep(200 * time.Millisecond)
		_ = s.conn.PgConn().CancelRequest(limited)
	}()
	return map[string]any{"sqlstate": s.sqlstate("SELECT pg_sleep(60)"), "after": s.value("SELECT 1")}
}

func (s pgxSession) transact() any {
	insert := "INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')"
	count := func() any { return s.value("SELECT count(*)::int FROM orders WHERE amount = 12345") }
	remove := func() { s.exec("DELETE FROM orders WHERE amount = 12345") }
	transaction := must(s.conn.Begin(background))
	must(transaction.Exec(background, insert))
	must(0, transaction.Commit(background))
	committed := count()
	remove()
	transaction = must(s.conn.BeginTx(background, pgx.TxOptions{IsoLevel: pgx.Serializable}))
	must(transaction.Exec(background, insert))
	must(0, transaction.Rollback(background))
	rolledBack := count()
	transaction = must(s.conn.Begin(background))
	s.sqlstate("SELECT 1/0")
	aborted := s.sqlstate("SELECT 1")
	must(0, transaction.Rollback(background))
	transaction = must(s.conn.Begin(background))
	nested := must(transaction.Begin(background))
	_, _ = nested.Exec(background, "INSERT INTO orders (customer_id, amount) VALUES (1, -1)")
	must(0, nested.Rollback(background))
	must(transaction.Exec(background, insert))
	must(0, transaction.Commit(background))
	savepoint := count()
	remove()
	return map[string]any{"committed": committed, "rolledBack": rolledBack, "aborted": aborted, "savepoint": savepoint}
}

// types writes what it has read, in binary, and compares as text.
func (s pgxSession) types() any {
	columns := `id, small, big, real4, real8, exact, yes, letters, padded, short, bytes, day, "time", moment, instant, span, identity,
		document::jsonb, binary_document, numbers, texts, mood, positive, network, range, days, bits, place`
	read := s.rows("SELECT " + columns + " FROM samples ORDER BY id")
	texts := "SELECT t::text FROM (SELECT small, big, real4, real8, exact, letters, bytes, day, instant, identity, numbers, texts, mood, place FROM samples WHERE %s ORDER BY id) t"
	for _, row := range read {
		s.exec(`INSERT INTO samples (id, small, big, real4, real8, exact, letters, bytes, day, instant, identity, numbers, texts, mood, place)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			10+row[0].(int32), row[1], row[2], row[3], row[4], row[5], row[7], row[10], row[11], row[14], row[16], row[19], row[20], row[21], row[27])
	}
	before := s.rows(fmt.Sprintf(texts, "id < 10"))
	after := s.rows(fmt.Sprintf(texts, "id > 10"))
	s.exec("DELETE FROM samples WHERE id > 10")
	return []any{plain(read), plain(before), plain(after)}
}

func (s pgxSession) prepared() any {
	must(s.conn.Prepare(background, "by id", "SELECT name, ssn FROM customers WHERE id = $1"))
	found := []any{}
	for _, id := range []int{1, 2, 3, 1} {
		found = append(found, s.rows("by id", id)[0])
	}
	must(0, s.conn.Deallocate(background, "by id"))
	return found
}

func (s pgxSession) write() any {
	created := s.rows("INSERT INTO customers (name, email, ssn) VALUES ($1, $2, '***5') RETURNING id, name, mood::text, joined", "pgx", "pgx@x")
	upsert := `INSERT INTO customers (name, email) VALUES ('pgx', 'pgx@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1
		RETURNING version, ssn`
	upserted := []any{plain(s.rows(upsert)), plain(s.rows(upsert))}
	updated := s.exec("UPDATE customers SET city = $1 WHERE id = $2", "Ulm", created[0][0])
	duplicate := s.sqlstate("INSERT INTO customers (name, email) VALUES ('x', 'pgx@x')")
	removed := s.rows("DELETE FROM customers WHERE id = $1 RETURNING id, city", created[0][0])
	return []any{plain(created), upserted, updated, duplicate, plain(removed)}
}

func (s pgxSession) refused() any {
	told := map[string]any{"sqlstate": "none"}
	var failure *pgconn.PgError
	if _, err := s.conn.Exec(background, "SELECT token FROM secrets"); errors.As(err, &failure) {
		told = map[string]any{"sqlstate": failure.Code, "message": failure.Message, "hint": failure.Hint}
	}
	told["after"] = s.value("SELECT 1")
	return told
}

func (s pgxSession) masked(format int16) any {
	var id int
	var ssn, salary *string
	rows := must(s.conn.Query(background, "SELECT id, ssn, salary::text FROM customers WHERE id = $1", pgx.QueryResultFormats{format}, 7))
	rows.Next()
	must(0, rows.Scan(&id, &ssn, &salary))
	rows.Close()
	return []any{id, ssn, salary}
}

func runPgx(url string) {
	var s pgxSession
	session("github.com/jackc/pgx/v5", []step{
		{"connect", trying(func() any {
			s.conn = must(pgx.Connect(background, url))
			return []any{s.value("SHOW server_encoding"), s.value("SHOW TimeZone"), s.value("SELECT current_database()"),
				s.conn.PgConn().ParameterStatus("standard_conforming_strings"), must(0, s.conn.Ping(background))}
		})},
		{"introspect", trying(later(&s, pgxSession.introspect))},
		{"text", trying(func() any {
			return []any{s.asked(pgx.QueryExecModeSimpleProtocol), s.asked(pgx.QueryExecModeExec)}
		})},
		{"binary", trying(func() any {
			return []any{s.asked(pgx.QueryExecModeCacheStatement), s.asked(pgx.QueryExecModeCacheDescribe), s.asked(pgx.QueryExecModeDescribeExec)}
		})},
		{"batch", trying(func() any { return s.batch(url) })},
		{"stream", trying(later(&s, pgxSession.stream))},
		{"cancel", trying(later(&s, pgxSession.cancel))},
		{"transact", trying(later(&s, pgxSession.transact))},
		{"types", trying(later(&s, pgxSession.types))},
		{"prepared", trying(later(&s, pgxSession.prepared))},
		{"write", trying(later(&s, pgxSession.write))},
		{"refused", trying(later(&s, pgxSession.refused))},
		{"masked", trying(func() any {
			return map[string]any{"text": s.masked(pgtype.TextFormatCode), "binary": s.masked(pgtype.BinaryFormatCode)}
		})},
	})
	_ = s.conn.Close(background)
}

// later calls a method of a session that is there only after connect.
func later(s *pgxSession, method func(pgxSession) any) func() any {
	return func() any { return method(*s) }
}
