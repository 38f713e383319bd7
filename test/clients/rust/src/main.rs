//! tokio-postgres and sqlx: each step's result is one line of JSON. `clients CLIENT URL`.
mod sqlx_session;
mod tokio_session;

use serde_json::{Value, json};

pub type Told = Result<Value, Box<dyn std::error::Error>>;

pub fn say(step: &str, told: Told) {
    let line = match told {
        Ok(result) => json!({ "step": step, "result": result }),
        Err(error) => json!({ "step": step, "error": format!("{error:?}") }),
    };
    println!("{line}");
}

/// The version in the lockfile.
pub fn greet(client: &str, package: &str) {
    let lock = include_str!("../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let version = lock
        .split_once(&entry)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("unknown", |(version, _)| version);
    println!("{}", json!({ "client": client, "version": version }));
}

pub const INSERT: &str = "INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')";
pub const COUNT: &str = "SELECT count(*)::int FROM orders WHERE amount = 12345";
pub const REMOVE: &str = "DELETE FROM orders WHERE amount = 12345";
pub const UPSERT: &str =
    "INSERT INTO customers (name, email) VALUES ('rust', 'rust@x') ON CONFLICT (email)
    DO UPDATE SET version = customers.version + 1 RETURNING version, ssn";
/// A row of `samples` as one text.
pub const AS_TEXT: &str = "SELECT array_agg(t::text ORDER BY t.big) FROM (SELECT small, big, real4, real8, letters, bytes, day, instant, identity,
    binary_document, numbers, texts FROM samples WHERE id BETWEEN $1 AND $2) t";
pub const COPIED: &str = "INSERT INTO samples (id, small, big, real4, real8, letters, bytes, day, instant, identity, binary_document, numbers, texts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
pub const SAMPLES: &str = "SELECT id, small, big, real4, real8, letters, bytes, day, instant, identity, binary_document, numbers, texts
    FROM samples WHERE id <> 2 ORDER BY id";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (client, url) = (
        arguments.next().unwrap_or_default(),
        arguments.next().unwrap_or_default(),
    );
    match client.as_str() {
        "tokio-postgres" => tokio_session::run(&url).await,
        _ => sqlx_session::run(&url).await,
    }
}
