use crate::{AS_TEXT, COPIED, COUNT, INSERT, REMOVE, SAMPLES, Told, UPSERT, greet, say};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::{SinkExt, StreamExt, TryStreamExt, future::join_all};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, IsolationLevel, NoTls, SimpleQueryMessage};
use uuid::Uuid;

async fn count(client: &Client) -> Result<i32, Error> {
    Ok(client.query_one(COUNT, &[]).await?.get(0))
}

fn sqlstate<T>(result: Result<T, Error>) -> String {
    result
        .err()
        .and_then(|error| error.code().map(|code| code.code().to_owned()))
        .unwrap_or("none".to_owned())
}

/// The first column of each row, as the simple protocol has it: text.
async fn simple(client: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
    let messages = client.simple_query(sql).await?;
    Ok(messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|index| row.get(index).map(str::to_owned))
                    .collect(),
            ),
            _ => None,
        })
        .collect())
}

async fn introspect(client: &Client) -> Told {
    // Types that it does not know make it ask the catalog.
    let statement = client.prepare("SELECT id, mood, positive, point3, range, texts, ssn FROM samples, (SELECT ssn FROM customers) c WHERE mood = $1").await?;
    let columns: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| {
            json!([
                column.name(),
                column.type_().name(),
                format!("{:?}", column.type_().kind())
            ])
        })
        .collect();
    let parameters: Vec<_> = statement
        .params()
        .iter()
        .map(|parameter| format!("{:?}", parameter.kind()))
        .collect();
    let named = |text: &Value| {
        text.to_string()
            .split("oid: ")
            .map(|part| part.trim_start_matches(char::is_numeric).to_owned())
            .collect::<String>()
    };
    Ok(json!([
        columns.iter().map(named).collect::<Vec<_>>(),
        parameters
    ]))
}

async fn binary(client: &Client) -> Told {
    let found = client
        .query(
            "SELECT id, name, joined FROM customers WHERE id = $1 OR email = $2 ORDER BY id",
            &[&3, &"5@example.com"],
        )
        .await?;
    let rows: Vec<_> = found
        .iter()
        .map(|row| {
            json!([
                row.get::<_, i32>(0),
                row.get::<_, &str>(1),
                row.get::<_, DateTime<Utc>>(2)
            ])
        })
        .collect();
    let day = NaiveDate::from_ymd_opt(2026, 1, 20);
    let ids = client
        .query(
            "SELECT id FROM orders WHERE customer_id = ANY($1) AND placed < $2 ORDER BY id",
            &[&vec![1, 5, 9], &day],
        )
        .await?;
    let typed = client
        .query_typed(
            "SELECT $1 + 1, $2 || 'ü'",
            &[(&41i64, Type::INT8), (&"x", Type::TEXT)],
        )
        .await?;
    Ok(json!([
        rows,
        ids.iter().map(|row| row.get(0)).collect::<Vec<i64>>(),
        typed[0].get::<_, i64>(0),
        typed[0].get::<_, &str>(1)
    ]))
}

async fn batch(client: &Client) -> Told {
    let statement = client
        .prepare("SELECT name FROM customers WHERE id = $1")
        .await?;
    // Sent without waiting for answers.
    let name = |id: i32| {
        let statement = &statement;
        async move {
            client
                .query_one(statement, &[&id])
                .await
                .map(|row| row.get::<_, String>(0))
        }
    };
    let names = join_all((0..50).map(|i| name(1 + i % 20)))
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    client
        .batch_execute("SELECT 1; SELECT count(*) FROM customers; SHOW DateStyle")
        .await?;
    Ok(json!([
        names,
        simple(
            client,
            "SELECT 1; SELECT count(*) FROM customers; SHOW DateStyle"
        )
        .await?
    ]))
}

async fn stream(client: &mut Client) -> Told {
    let rows = client
        .query_raw("SELECT value FROM readings WHERE id > $1", [10])
        .await?;
    let sum: f64 = rows
        .try_fold(
            0.0,
            |sum, row| async move { Ok(sum + row.get::<_, f64>(0)) },
        )
        .await?;
    let transaction = client.transaction().await?;
    let portal = transaction
        .bind("SELECT id FROM readings ORDER BY id", &[])
        .await?;
    let mut portions = vec![];
    for _ in 0..3 {
        portions.push(
            transaction
                .query_portal(&portal, 2)
                .await?
                .iter()
                .map(|row| row.get(0))
                .collect::<Vec<i32>>(),
        );
    }
    transaction.commit().await?;
    let out: Vec<_> = client
        .copy_out("COPY (SELECT id, ssn FROM customers ORDER BY id) TO STDOUT")
        .await?
        .map(|chunk| chunk.map(|chunk| chunk.to_vec()))
        .try_collect()
        .await?;
    let sink = client
        .copy_in("COPY order_tags (order_id, tag) FROM STDIN")
        .await?;
    let mut sink = std::pin::pin!(sink);
    sink.send(&b"6\tcopied\n7\tcopied\n"[..]).await?;
    let copied = sink.finish().await?;
    let removed = client
        .execute("DELETE FROM order_tags WHERE tag = 'copied'", &[])
        .await?;
    Ok(json!([
        sum,
        portions,
        String::from_utf8(out.concat())?,
        copied,
        removed
    ]))
}

async fn cancel(client: &Client) -> Told {
    let token = client.cancel_token();
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        token.cancel_query(NoTls).await
    };
    let (slept, _) = tokio::join!(client.simple_query("SELECT pg_sleep(60)"), cancelling);
    Ok(
        json!({ "sqlstate": sqlstate(slept), "after": client.query_one("SELECT 1", &[]).await?.get::<_, i32>(0) }),
    )
}

async fn transact(client: &mut Client) -> Told {
    let transaction = client.transaction().await?;
    transaction.execute(INSERT, &[]).await?;
    transaction.commit().await?;
    let committed = count(client).await?;
    client.execute(REMOVE, &[]).await?;
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::Serializable)
        .read_only(false)
        .start()
        .await?;
    transaction.execute(INSERT, &[]).await?;
    transaction.rollback().await?;
    let rolled_back = count(client).await?;
    let transaction = client.transaction().await?;
    let _ = transaction.execute("SELECT 1/0", &[]).await;
    let aborted = sqlstate(transaction.execute("SELECT 1", &[]).await);
    transaction.rollback().await?;
    let mut transaction = client.transaction().await?;
    let nested = transaction.savepoint("a").await?;
    let _ = nested
        .execute(
            "INSERT INTO orders (customer_id, amount) VALUES (1, -1)",
            &[],
        )
        .await;
    nested.rollback().await?;
    transaction.execute(INSERT, &[]).await?;
    transaction.commit().await?;
    let savepoint = count(client).await?;
    client.execute(REMOVE, &[]).await?;
    Ok(
        json!({ "committed": committed, "rolledBack": rolled_back, "aborted": aborted, "savepoint": savepoint }),
    )
}

async fn types(client: &Client) -> Told {
    for row in client.query(SAMPLES, &[]).await? {
        let id = row.get::<_, i32>(0) + 10;
        let (small, big, real4, real8) = (
            row.get::<_, Option<i16>>(1),
            row.get::<_, Option<i64>>(2),
            row.get::<_, Option<f32>>(3),
            row.get::<_, Option<f64>>(4),
        );
        let (letters, bytes, day) = (
            row.get::<_, Option<String>>(5),
            row.get::<_, Option<Vec<u8>>>(6),
            row.get::<_, Option<NaiveDate>>(7),
        );
        let (instant, identity, document) = (
            row.get::<_, Option<DateTime<Utc>>>(8),
            row.get::<_, Option<Uuid>>(9),
            row.get::<_, Option<Value>>(10),
        );
        let (numbers, texts) = (
            row.get::<_, Option<Vec<Option<i32>>>>(11),
            row.get::<_, Option<Vec<Option<String>>>>(12),
        );
        client
            .execute(
                COPIED,
                &[
                    &id, &small, &big, &real4, &real8, &letters, &bytes, &day, &instant, &identity,
                    &document, &numbers, &texts,
                ],
            )
            .await?;
    }
    let read = |from: i32, to: i32| async move {
        client
            .query_one(AS_TEXT, &[&from, &to])
            .await
            .map(|row| row.get::<_, Vec<String>>(0))
    };
    let found = (read(1, 10).await?, read(11, 20).await?);
    client
        .execute("DELETE FROM samples WHERE id > 10", &[])
        .await?;
    Ok(json!([found.0, found.1]))
}

async fn prepared(client: &Client) -> Told {
    let statement = client
        .prepare_typed(
            "SELECT name, ssn FROM customers WHERE id = $1",
            &[Type::INT4],
        )
        .await?;
    let mut found = vec![];
    for id in [1, 2, 3, 1] {
        let row = client.query_one(&statement, &[&id]).await?;
        found.push(json!([row.get::<_, &str>(0), row.get::<_, &str>(1)]));
    }
    Ok(json!(found))
}

async fn write(client: &Client) -> Told {
    let created = client.query_one("INSERT INTO customers (name, email, ssn) VALUES ($1, $2, '***5') RETURNING id, name, joined", &[&"rust", &"rust@x"]).await?;
    let id: i32 = created.get(0);
    let mut upserted = vec![];
    for _ in 0..2 {
        let row = client.query_one(UPSERT, &[]).await?;
        upserted.push(json!([row.get::<_, i32>(0), row.get::<_, Option<&str>>(1)]));
    }
    let updated = client
        .execute(
            "UPDATE customers SET city = $1 WHERE id = $2",
            &[&"Ulm", &id],
        )
        .await?;
    let duplicate = sqlstate(
        client
            .execute(
                "INSERT INTO customers (name, email) VALUES ('x', 'rust@x')",
                &[],
            )
            .await,
    );
    let removed = client
        .query_one("DELETE FROM customers WHERE id = $1 RETURNING city", &[&id])
        .await?;
    Ok(json!([
        id,
        created.get::<_, &str>(1),
        created.get::<_, DateTime<Utc>>(2),
        upserted,
        updated,
        duplicate,
        removed.get::<_, &str>(0)
    ]))
}

async fn refused(client: &Client) -> Told {
    let mut told = json!({ "sqlstate": "none" });
    if let Err(error) = client.query("SELECT token FROM secrets", &[]).await {
        let failure = error.as_db_error().ok_or("not told by the server")?;
        told = json!({ "sqlstate": failure.code().code(), "message": failure.message(), "hint": failure.hint() });
    }
    told["after"] = json!(client.query_one("SELECT 1", &[]).await?.get::<_, i32>(0));
    Ok(told)
}

async fn masked(client: &Client) -> Told {
    let texts = simple(client, "SELECT id, ssn, salary FROM customers WHERE id = 7").await?;
    let row = client
        .query_one("SELECT id, ssn, salary FROM customers WHERE id = $1", &[&7])
        .await?;
    let salary: Option<rust_decimal::Decimal> = row.get(2);
    let id: i32 = texts[0][0].as_deref().unwrap_or("").parse()?;
    Ok(
        json!({ "text": [id, texts[0][1], texts[0][2]], "binary": [row.get::<_, i32>(0), row.get::<_, &str>(1), salary.map(|value| value.to_string())] }),
    )
}

pub async fn run(url: &str) {
    greet("tokio-postgres", "tokio-postgres");
    let (mut client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    let shown = simple(
        &client,
        "SHOW server_encoding; SHOW TimeZone; SELECT current_database()",
    )
    .await;
    say("connect", shown.map(|rows| json!(rows)).map_err(Into::into));
    say("introspect", introspect(&client).await);
    let text = simple(&client, "SELECT * FROM orders WHERE id < 4 ORDER BY id; SELECT id, name, ssn, salary FROM customers WHERE id < 4 ORDER BY id").await;
    say("text", text.map(|rows| json!(rows)).map_err(Into::into));
    say("binary", binary(&client).await);
    say("batch", batch(&client).await);
    say("stream", stream(&mut client).await);
    say("cancel", cancel(&client).await);
    say("transact", transact(&mut client).await);
    say("types", types(&client).await);
    say("prepared", prepared(&client).await);
    say("write", write(&client).await);
    say("refused", refused(&client).await);
    say("masked", masked(&client).await);
}
