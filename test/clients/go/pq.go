// database/sql with lib/pq.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
)

type pqSession struct {
	db   *sql.DB
	conn *sql.Conn
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readAll(from querier, query string, arguments ...any) [][]any {
	rows := must(from.QueryContext(background, query, arguments...))
	defer rows.Close()
	columns := must(rows.Columns())
	found := [][]any{}
	for rows.Next() {
		values := make([]any, len(columns))
		places := make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		must(0, rows.Scan(places...))
		found = append(found, values)
	}
	must(0, rows.Err())
	return found
}

func (s *pqSession) value(query string) any { return plain(readAll(s.conn, query)[0][0]) }

func codeOf(err error) string {
	var told *pq.Error
	if errors.As(err, &told) {
		return string(told.Code)
	}
	return "none"
}

func (s *pqSession) exec(query string, arguments ...any) int64 {
	return must(must(s.conn.ExecContext(background, query, arguments...)).RowsAffected())
}

func (s *pqSession) sqlstate(query string) string {
	_, err := s.conn.ExecContext(background, query)
	return codeOf(err)
}

func askedBy(from querier) any {
	return plain([]any{
		readAll(from, "SELECT id, name, joined FROM customers WHERE id = $1 OR email = $2 ORDER BY id", 3, "5@example.com"),
		readAll(from, "SELECT id FROM orders WHERE customer_id = ANY($1) AND placed < $2 ORDER BY id", pq.Array([]int32{1, 5, 9}), "2026-01-20"),
		readAll(from, "SELECT $1::bytea AS bytes, $2::float8 AS f, $3::bool AS b, $4::text AS t", []byte{0, 255}, 1.5, true, nil),
		readAll(from, "SELECT $1::int4 + $2::int8 AS sum, $3::text || 'ü' AS s", 1, int64(9007199254740993), "x"),
	})
}

func (s *pqSession) introspect() any {
	rows := must(s.conn.QueryContext(background, "SELECT id, name, city, ssn, salary, joined FROM customers WHERE id = $1", 1))
	defer rows.Close()
	described := []any{}
	for _, column := range must(rows.ColumnTypes()) {
		length, _ := column.Length()
		described = append(described, column.Name(), column.DatabaseTypeName(), length)
	}
	return described
}

func (s *pqSession) stream() any {
	sum := 0.0
	rows := must(s.conn.QueryContext(background, "SELECT value FROM readings WHERE id > $1", 10))
	for rows.Next() {
		var value float64
		must(0, rows.Scan(&value))
		sum += value
	}
	must(0, rows.Close())
	transaction := must(s.conn.BeginTx(background, nil))
	into := must(transaction.Prepare(pq.CopyIn("order_tags", "order_id", "tag")))
	for id := 6; id < 9; id++ {
		must(into.Exec(id, "copied"))
	}
	must(into.Exec())
	must(0, into.Close())
	must(transaction.Exec("DECLARE c CURSOR FOR SELECT id, ssn FROM customers ORDER BY id"))
	fetched := readAll(inTransaction{transaction}, "FETCH 3 FROM c")
	must(0, transaction.Commit())
	return []any{sum, plain(fetched), s.exec("DELETE FROM order_tags WHERE tag = 'copied'")}
}

type inTransaction struct{ transaction *sql.Tx }

func (s inTransaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.transaction.QueryContext(ctx, query, args...)
}

func (s *pqSession) cancel() any {
	limited, stop := context.WithTimeout(background, 200*time.Millisecond)
	defer stop()
	_, err := s.db.ExecContext(limited, "SELECT pg_sleep(60)")
	code := codeOf(err)
	if code == "none" && errors.Is(err, context.DeadlineExceeded) {
		code = "57014"
	}
	return map[string]any{"sqlstate": code, "after": readAll(s.db, "SELECT 1")[0][0]}
}

func (s *pqSession) transact() any {
	insert := "INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')"
	count := func() any { return s.value("SELECT count(*)::int FROM orders WHERE amount = 12345") }
	remove := func() { s.exec("DELETE FROM orders WHERE amount = 12345") }
	transaction := must(s.conn.BeginTx(background, nil))
	must(transaction.Exec(insert))
	must(0, transaction.Commit())
	committed := count()
	remove()
	transaction = must(s.conn.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelRepeatableRead}))
	must(transaction.Exec(insert))
	must(0, transaction.Rollback())
	rolledBack := count()
	transaction = must(s.conn.BeginTx(background, nil))
	_, _ = transaction.Exec("SELECT 1/0")
	_, err := transaction.Exec("SELECT 1")
	aborted := codeOf(err)
	must(0, transaction.Rollback())
	transaction = must(s.conn.BeginTx(background, nil))
	must(transaction.Exec("SAVEPOINT a"))
	_, _ = transaction.Exec("INSERT INTO orders (customer_id, amount) VALUES (1, -1)")
	must(transaction.Exec("ROLLBACK TO a"))
	must(transaction.Exec(insert))
	must(0, transaction.Commit())
	savepoint := count()
	remove()
	return map[string]any{"committed": committed, "rolledBack": rolledBack, "aborted": aborted, "savepoint": savepoint}
}

func (s *pqSession) types() any {
	read := readAll(s.conn, "SELECT * FROM samples ORDER BY id")
	places, columns := "", len(read[0])
	for i := range columns {
		places += fmt.Sprintf(", $%d", i+1)
	}
	for _, row := range read {
		row[0] = 10 + row[0].(int64)
		must(s.conn.ExecContext(background, "INSERT INTO samples (id, small, big, real8, letters, padded, yes) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			row[0], row[1], row[2], row[4], row[7], row[8], row[6]))
	}
	written := readAll(s.conn, "SELECT small, big, real8, letters, padded, yes FROM samples WHERE id > 10 ORDER BY id")
	s.exec("DELETE FROM samples WHERE id > 10")
	return []any{plain(read), plain(written), len(places)}
}

func (s *pqSession) prepared() any {
	statement := must(s.conn.PrepareContext(background, "SELECT name, ssn FROM customers WHERE id = $1"))
	defer statement.Close()
	found := []any{}
	for _, id := range []int{1, 2, 3, 1} {
		var name, ssn string
		must(0, statement.QueryRow(id).Scan(&name, &ssn))
		found = append(found, name, ssn)
	}
	return found
}

func (s *pqSession) write() any {
	created := readAll(s.conn, "INSERT INTO customers (name, email, ssn) VALUES ($1, $2, '***5') RETURNING id, name, mood, joined", "pq", "pq@x")
	upsert := `INSERT INTO customers (name, email) VALUES ('pq', 'pq@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1
		RETURNING version, ssn`
	upserted := []any{plain(readAll(s.conn, upsert)), plain(readAll(s.conn, upsert))}
	updated := s.exec("UPDATE customers SET city = $1 WHERE id = $2", "Ulm", created[0][0])
	duplicate := s.sqlstate("INSERT INTO customers (name, email) VALUES ('x', 'pq@x')")
	removed := readAll(s.conn, "DELETE FROM customers WHERE id = $1 RETURNING id, city", created[0][0])
	return []any{plain(created), upserted, updated, duplicate, plain(removed)}
}

func (s *pqSession) refused() any {
	told := map[string]any{"sqlstate": "none"}
	var failure *pq.Error
	if _, err := s.conn.ExecContext(background, "SELECT token FROM secrets"); errors.As(err, &failure) {
		told = map[string]any{"sqlstate": string(failure.Code), "message": failure.Message, "hint": failure.Hint}
	}
	told["after"] = s.value("SELECT 1")
	return told
}

func maskedBy(from querier) any {
	row := readAll(from, "SELECT id, ssn, salary FROM customers WHERE id = $1", 7)[0]
	return []any{row[0], row[1], row[2]}
}

func runPq(url string) {
	var s pqSession
	var binary *sql.DB
	session("github.com/lib/pq", []step{
		{"connect", trying(func() any {
			s.db = must(sql.Open("postgres", url+"?sslmode=disable"))
			binary = must(sql.Open("postgres", url+"?sslmode=disable&binary_parameters=yes"))
			s.conn = must(s.db.Conn(background))
			return []any{s.value("SHOW server_encoding"), s.value("SHOW TimeZone"), s.value("SHOW application_name"), s.value("SELECT current_database()")}
		})},
		{"introspect", trying(s.introspect)},
		{"text", trying(func() any { return askedBy(s.conn) })},
		{"binary", trying(func() any { return askedBy(binary) })},
		{"batch", trying(func() any {
			rows := must(s.conn.QueryContext(background, "SELECT 1 AS a; SELECT name FROM customers ORDER BY id LIMIT 2; SHOW DateStyle"))
			defer rows.Close()
			found := []any{}
			for more := true; more; more = rows.NextResultSet() {
				for rows.Next() {
					var value any
					must(0, rows.Scan(&value))
					found = append(found, plain(value))
				}
			}
			return found
		})},
		{"stream", trying(s.stream)},
		{"cancel", trying(s.cancel)},
		{"transact", trying(s.transact)},
		{"types", trying(s.types)},
		{"prepared", trying(s.prepared)},
		{"write", trying(s.write)},
		{"refused", trying(s.refused)},
		{"masked", trying(func() any { return map[string]any{"text": maskedBy(s.conn), "binary": maskedBy(binary)} })},
	})
	_ = s.conn.Close()
}
