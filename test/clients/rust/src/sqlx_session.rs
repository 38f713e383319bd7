use crate::{AS_TEXT, COPIED, COUNT, INSERT, REMOVE, SAMPLES, Told, UPSERT, greet, say};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnection, PgDatabaseError, PgPoolOptions};
use sqlx::{Column, Connection, Either, Error, Executor, Row, SqlSafeStr, Statement, TypeInfo};
use std::time::Duration;
use uuid::Uuid;

async fn count(connection: &mut PgConnection) -> Result<i32, Error> {
    sqlx::query_scalar(COUNT).fetch_one(connection).await
}

fn sqlstate<T>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Database(error)) => error.code().map(String::from).unwrap_or_default(),
        _ => "none".to_owned(),
    }
}

/// What the macros of sqlx ask when a program is compiled.
async fn introspect(connection: &mut PgConnection) -> Told {
    let described = connection
        .describe(
            "SELECT id, name, mood, ssn, salary, joined FROM customers WHERE id = $1 AND mood = $2"
                .into_sql_str(),
        )
        .await?;
    let columns: Vec<_> = described
        .columns()
        .iter()
        .map(|column| json!([column.name(), column.type_info().name()]))
        .collect();
    let nullable: Vec<_> = (0..columns.len())
        .map(|index| described.nullable(index))
        .collect();
    let parameters = match described.parameters() {
        Some(Either::Left(types)) => types.iter().map(|each| each.name().to_owned()).collect(),
        _ => vec![],
    };
    let statement = (&mut *connection)
        .prepare("SELECT point3, range, numbers FROM samples".into_sql_str())
        .await?;
    let types: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| column.type_info().name().to_owned())
        .collect();
    Ok(json!([columns, nullable, parameters, types]))
}

async fn text(connection: &mut PgConnection) -> Told {
    let rows = (&mut *connection)
        .fetch_all(sqlx::raw_sql(
            "SELECT id, name FROM customers WHERE id < 4 ORDER BY id; SELECT count(*) FROM orders",
        ))
        .await?;
    let ids: Vec<_> = rows
        .iter()
        .map(|row| {
            format!(
                "{:?}",
                row.try_get_raw(0)
                    .map(|value| value.as_str().map(str::to_owned))
                    .ok()
                    .and_then(Result::ok)
            )
        })
        .collect();
    Ok(json!(ids))
}

async fn binary(connection: &mut PgConnection) -> Told {
    let rows = sqlx::query_as::<_, (i32, String, DateTime<Utc>)>(
        "SELECT id, name, joined FROM customers WHERE id = $1 OR email = $2 ORDER BY id",
    )
    .bind(3)
    .bind("5@example.com")
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM orders WHERE customer_id = ANY($1) AND placed < $2 ORDER BY id",
    )
    .bind(vec![1, 5, 9])
    .bind(NaiveDate::from_ymd_opt(2026, 1, 20))
    .fetch_all(&mut *connection)
    .await?;
    let mood: String = sqlx::query_scalar(
        "SELECT mood::text FROM customers WHERE mood = $1::mood ORDER BY id LIMIT 1",
    )
    .bind("sad")
    .fetch_one(connection)
    .await?;
    Ok(json!([rows, ids, mood]))
}

async fn batch(url: &str) -> Told {
    let pool = PgPoolOptions::new().max_connections(4).connect(url).await?;
    let mut names = vec![];
    for id in 1..=20 {
        names.push(
            sqlx::query_scalar::<_, String>("SELECT name FROM customers WHERE id = $1")
                .bind(id)
                .fetch_one(&pool)
                .await?,
        );
    }
    let several = (&pool)
        .execute(sqlx::raw_sql(
            "SELECT 1; SELECT count(*) FROM customers; SHOW DateStyle",
        ))
        .await?
        .rows_affected();
    pool.close().await;
    Ok(json!([names, several]))
}

async fn stream(connection: &mut PgConnection) -> Told {
    let sum = sqlx::query_scalar::<_, f64>("SELECT value FROM readings WHERE id > $1")
        .bind(10)
        .fetch(&mut *connection)
        .try_fold(0.0, |sum, value| async move { Ok(sum + value) })
        .await?;
    let out: Vec<_> = connection
        .copy_out_raw("COPY (SELECT id, ssn FROM customers ORDER BY id) TO STDOUT")
        .await?
        .map_ok(|chunk| chunk.to_vec())
        .try_collect()
        .await?;
    let mut into = connection
        .copy_in_raw("COPY order_tags (order_id, tag) FROM STDIN")
        .await?;
    into.send(&b"6\tcopied\n7\tcopied\n"[..]).await?;
    let copied = into.finish().await?;
    let removed = sqlx::query("DELETE FROM order_tags WHERE tag = 'copied'")
        .execute(connection)
        .await?
        .rows_affected();
    Ok(json!([
        sum,
        String::from_utf8(out.concat())?,
        copied,
        removed
    ]))
}

async fn transact(connection: &mut PgConnection) -> Told {
    let mut transaction = connection.begin().await?;
    sqlx::query(INSERT).execute(&mut *transaction).await?;
    transaction.commit().await?;
    let committed = count(connection).await?;
    sqlx::query(REMOVE).execute(&mut *connection).await?;
    let mut transaction = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .await?;
    sqlx::query(INSERT).execute(&mut *transaction).await?;
    transaction.rollback().await?;
    let rolled_back = count(connection).await?;
    let mut transaction = connection.begin().await?;
    let _ = sqlx::query("SELECT 1/0").execute(&mut *transaction).await;
    let aborted = sqlstate(sqlx::query("SELECT 1").execute(&mut *transaction).await);
    transaction.rollback().await?;
    let mut transaction = connection.begin().await?;
    let mut nested = transaction.begin().await?;
    let _ = sqlx::query("INSERT INTO orders (customer_id, amount) VALUES (1, -1)")
        .execute(&mut *nested)
        .await;
    nested.rollback().await?;
    sqlx::query(INSERT).execute(&mut *transaction).await?;
    transaction.commit().await?;
    let savepoint = count(connection).await?;
    sqlx::query(REMOVE).execute(connection).await?;
    Ok(
        json!({ "committed": committed, "rolledBack": rolled_back, "aborted": aborted, "savepoint": savepoint }),
    )
}

async fn types(connection: &mut PgConnection) -> Told {
    for row in sqlx::query(SAMPLES).fetch_all(&mut *connection).await? {
        sqlx::query(COPIED)
            .bind(row.try_get::<i32, _>(0)? + 10)
            .bind(row.try_get::<Option<i16>, _>(1)?)
            .bind(row.try_get::<Option<i64>, _>(2)?)
            .bind(row.try_get::<Option<f32>, _>(3)?)
            .bind(row.try_get::<Option<f64>, _>(4)?)
            .bind(row.try_get::<Option<String>, _>(5)?)
            .bind(row.try_get::<Option<Vec<u8>>, _>(6)?)
            .bind(row.try_get::<Option<NaiveDate>, _>(7)?)
            .bind(row.try_get::<Option<DateTime<Utc>>, _>(8)?)
            .bind(row.try_get::<Option<Uuid>, _>(9)?)
            .bind(row.try_get::<Option<Value>, _>(10)?)
            .bind(row.try_get::<Option<Vec<Option<i32>>>, _>(11)?)
            .bind(row.try_get::<Option<Vec<Option<String>>>, _>(12)?)
            .execute(&mut *connection)
            .await?;
    }
    let mut found = vec![];
    for (from, to) in [(1, 10), (11, 20)] {
        found.push(
            sqlx::query_scalar::<_, Vec<String>>(AS_TEXT)
                .bind(from)
                .bind(to)
                .fetch_one(&mut *connection)
                .await?,
        );
    }
    sqlx::query("DELETE FROM samples WHERE id > 10")
        .execute(connection)
        .await?;
    Ok(json!(found))
}

async fn prepared(connection: &mut PgConnection) -> Told {
    let mut found = vec![];
    // The second time it is not described again.
    for id in [1, 2, 3, 1] {
        found.push(
            sqlx::query_as::<_, (String, String)>("SELECT name, ssn FROM customers WHERE id = $1")
                .bind(id)
                .fetch_one(&mut *connection)
                .await?,
        );
    }
    Ok(json!([found, connection.cached_statements_size() > 0]))
}

async fn write(connection: &mut PgConnection) -> Told {
    let created = sqlx::query_as::<_, (i32, String, DateTime<Utc>)>("INSERT INTO customers (name, email, ssn) VALUES ($1, $2, '***5') RETURNING id, name, joined")
        .bind("rust")
        .bind("rust@x")
        .fetch_one(&mut *connection)
        .await?;
    let mut upserted = vec![];
    for _ in 0..2 {
        upserted.push(
            sqlx::query_as::<_, (i32, Option<String>)>(UPSERT)
                .fetch_one(&mut *connection)
                .await?,
        );
    }
    let updated = sqlx::query("UPDATE customers SET city = $1 WHERE id = $2")
        .bind("Ulm")
        .bind(created.0)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    let duplicate = sqlstate(
        sqlx::query("INSERT INTO customers (name, email) VALUES ('x', 'rust@x')")
            .execute(&mut *connection)
            .await,
    );
    let removed: Option<String> =
        sqlx::query_scalar("DELETE FROM customers WHERE id = $1 RETURNING city")
            .bind(created.0)
            .fetch_one(connection)
            .await?;
    Ok(json!([created, upserted, updated, duplicate, removed]))
}

async fn refused(connection: &mut PgConnection) -> Told {
    let mut told = json!({ "sqlstate": "none" });
    if let Err(Error::Database(error)) = sqlx::query("SELECT token FROM secrets")
        .fetch_all(&mut *connection)
        .await
    {
        let failure = error.downcast_ref::<PgDatabaseError>();
        told = json!({ "sqlstate": failure.code(), "message": failure.message(), "hint": failure.hint() });
    }
    told["after"] = json!(
        sqlx::query_scalar::<_, i32>("SELECT 1")
            .fetch_one(connection)
            .await?
    );
    Ok(told)
}

async fn masked(connection: &mut PgConnection) -> Told {
    let row = (&mut *connection)
        .fetch_one(sqlx::raw_sql(
            "SELECT id, ssn, salary FROM customers WHERE id = 7",
        ))
        .await?;
    let raw = |index| {
        row.try_get_raw(index)
            .ok()
            .and_then(|value| value.as_str().ok().map(str::to_owned))
    };
    let id: i32 = raw(0).unwrap_or_default().parse()?;
    let binary = sqlx::query_as::<_, (i32, Option<String>, Option<rust_decimal::Decimal>)>(
        "SELECT id, ssn, salary FROM customers WHERE id = $1",
    )
    .bind(7)
    .fetch_one(connection)
    .await?;
    Ok(
        json!({ "text": [id, raw(1), raw(2)], "binary": [binary.0, binary.1, binary.2.map(|value| value.to_string())] }),
    )
}

/// sqlx has no request to cancel, and who drops a query waits for its end.
async fn cancel(connection: &mut PgConnection) -> Told {
    sqlx::query("SET statement_timeout = '200ms'")
        .execute(&mut *connection)
        .await?;
    let slept = sqlx::query("SELECT pg_sleep(60)")
        .execute(&mut *connection)
        .await;
    sqlx::query("RESET statement_timeout")
        .execute(&mut *connection)
        .await?;
    let _ = tokio::time::timeout(
        Duration::from_millis(200),
        sqlx::query("SELECT pg_sleep(1)").execute(&mut *connection),
    )
    .await;
    let after: i32 = sqlx::query_scalar("SELECT 1").fetch_one(connection).await?;
    Ok(json!({ "sqlstate": sqlstate(slept), "after": after }))
}

pub async fn run(url: &str) {
    greet("sqlx", "sqlx");
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let shown =
        sqlx::query_scalar::<_, String>("SELECT current_setting('TimeZone') || current_database()")
            .fetch_one(&mut connection)
            .await;
    say(
        "connect",
        shown
            .map(|text| json!([text, connection.server_version_num()]))
            .map_err(Into::into),
    );
    say("introspect", introspect(&mut connection).await);
    say("text", text(&mut connection).await);
    say("binary", binary(&mut connection).await);
    say("batch", batch(url).await);
    say("stream", stream(&mut connection).await);
    say("cancel", cancel(&mut connection).await);
    say("transact", transact(&mut connection).await);
    say("types", types(&mut connection).await);
    say("prepared", prepared(&mut connection).await);
    say("write", write(&mut connection).await);
    say("refused", refused(&mut connection).await);
    say("masked", masked(&mut connection).await);
}
