import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.postgresql.PGConnection;

/** pgJDBC: `PgJdbc ADDRESS USER PASSWORD`. */
public final class PgJdbc {
  private static String address;
  private static Properties login;
  private static Connection db;

  private static Connection connect(String... properties) throws SQLException {
    Properties all = new Properties(login);
    for (String name : login.stringPropertyNames()) all.setProperty(name, login.getProperty(name));
    for (int at = 0; at < properties.length; at += 2) all.setProperty(properties[at], properties[at + 1]);
    return DriverManager.getConnection(address, all);
  }

  private static List<List<Object>> read(ResultSet rows, String... columns) throws SQLException {
    List<List<Object>> found = new ArrayList<>();
    while (rows.next()) {
      List<Object> row = new ArrayList<>();
      if (columns.length > 0) for (String column : columns) row.add(rows.getObject(column));
      else for (int at = 1; at <= rows.getMetaData().getColumnCount(); at++) row.add(rows.getObject(at));
      found.add(row);
    }
    rows.close();
    return found;
  }

  private static List<List<Object>> rows(Connection on, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = on.prepareStatement(sql)) {
      for (int at = 0; at < values.length; at++) statement.setObject(at + 1, values[at]);
      return read(statement.executeQuery());
    }
  }

  private static Object value(String sql) throws SQLException {
    return rows(db, sql).get(0).get(0);
  }

  private static int update(String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = db.prepareStatement(sql)) {
      for (int at = 0; at < values.length; at++) statement.setObject(at + 1, values[at]);
      return statement.executeUpdate();
    }
  }

  private static List<Object> asked(Connection on) throws SQLException {
    List<Object> all = new ArrayList<>();
    // From the fifth execution on the server has it prepared.
    for (int time = 0; time < 8; time++) {
      all.add(rows(on, "SELECT id, name, joined, ssn, salary FROM customers WHERE id = ? OR email = ? ORDER BY id", 3, "5@example.com"));
    }
    all.add(rows(on, "SELECT id FROM orders WHERE customer_id = ANY(?) AND placed < ? ORDER BY id",
        on.createArrayOf("int4", new Integer[] {1, 5, 9}), java.time.LocalDate.of(2026, 1, 20)));
    all.add(rows(on, "SELECT ?::bytea AS bytes, ?::float8 AS f, ?::bool AS b, ?::int8 AS n", new byte[] {0, -1}, 1.5, true, 9007199254740993L));
    all.add(rows(on, "SELECT {fn ucase('x')} AS escaped, ?::numeric AS exact WHERE '?' = '?'", new BigDecimal("12.340")));
    return all;
  }

  private static Object introspect() throws SQLException {
    DatabaseMetaData meta = db.getMetaData();
    String[] kinds = {"TABLE", "VIEW"};
    List<Object> all = new ArrayList<>();
    all.add(read(meta.getTables(null, "public", "%", kinds), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"));
    all.add(read(meta.getColumns(null, "public", "%", "%"), "TABLE_NAME", "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE", "NULLABLE", "REMARKS",
        "COLUMN_DEF", "IS_AUTOINCREMENT", "IS_GENERATEDCOLUMN"));
    all.add(read(meta.getPrimaryKeys(null, "public", "order_tags"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"));
    all.add(read(meta.getIndexInfo(null, "public", "orders", false, true), "INDEX_NAME", "COLUMN_NAME", "NON_UNIQUE", "FILTER_CONDITION"));
    all.add(read(meta.getImportedKeys(null, "public", "orders"), "PKTABLE_NAME", "PKCOLUMN_NAME", "FKCOLUMN_NAME", "DELETE_RULE"));
    all.add(read(meta.getExportedKeys(null, "public", "customers"), "FKTABLE_NAME", "FKCOLUMN_NAME"));
    all.add(read(meta.getCrossReference(null, "public", "customers", null, "public", "orders"), "FK_NAME"));
    all.add(read(meta.getSchemas(), "TABLE_SCHEM"));
    all.add(read(meta.getTableTypes()));
    all.add(read(meta.getTypeInfo(), "TYPE_NAME").stream().filter(row -> !row.get(0).toString().startsWith("_")).count());
    all.add(read(meta.getUDTs(null, "public", "%", null), "TYPE_NAME", "DATA_TYPE"));
    all.add(read(meta.getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME").size() > 0);
    all.add(read(meta.getFunctionColumns(null, "pg_catalog", "lower", "%"), "COLUMN_NAME").size() > 0);
    all.add(read(meta.getProcedures(null, "public", "%"), "PROCEDURE_NAME"));
    all.add(read(meta.getBestRowIdentifier(null, "public", "orders", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME"));
    all.add(read(meta.getColumnPrivileges(null, "sales", "targets", "%"), "COLUMN_NAME").size() > 0);
    all.add(read(meta.getTablePrivileges(null, "sales", "%"), "TABLE_NAME").size() > 0);
    all.add(read(meta.getClientInfoProperties(), "NAME"));
    all.add(List.of(meta.getDatabaseProductName(), meta.getMaxConnections() > 0, meta.getMaxColumnNameLength(), meta.getSQLKeywords().length() > 0));
    try (PreparedStatement statement = db.prepareStatement("SELECT id, mood, ssn, joined FROM customers WHERE id = ?")) {
      for (int at = 1; at <= 4; at++) {
        all.add(List.of(statement.getMetaData().getColumnName(at), statement.getMetaData().getColumnTypeName(at)));
      }
      all.add(statement.getParameterMetaData().getParameterTypeName(1));
    }
    return all;
  }

  private static Object batch() throws Exception {
    List<Object> all = new ArrayList<>();
    for (String rewrite : new String[] {"false", "true"}) {
      try (Connection on = connect("reWriteBatchedInserts", rewrite);
          PreparedStatement insert = on.prepareStatement("INSERT INTO order_tags (order_id, tag) VALUES (?, ?)")) {
        for (long id = 6; id < 20; id++) {
          insert.setLong(1, id);
          insert.setString(2, "batch");
          insert.addBatch();
        }
        all.add(insert.executeBatch().length);
      }
      all.add(update("DELETE FROM order_tags WHERE tag = 'batch'"));
    }
    try (Statement several = db.createStatement()) {
      several.addBatch("UPDATE orders SET amount = amount WHERE id = 1");
      several.addBatch("UPDATE orders SET amount = amount WHERE id < 4");
      for (int count : several.executeBatch()) all.add(count);
      several.execute("SELECT 1; SELECT count(*) FROM customers; SHOW DateStyle");
      do all.add(read(several.getResultSet()));
      while (several.getMoreResults());
    }
    return all;
  }

  private static Object stream() throws Exception {
    db.setAutoCommit(false);
    double sum = 0;
    int count = 0;
    try (PreparedStatement statement = db.prepareStatement("SELECT id, value FROM readings WHERE id > ? ORDER BY id")) {
      statement.setFetchSize(100);
      statement.setInt(1, 10);
      ResultSet rows = statement.executeQuery();
      for (; rows.next(); count++) sum += rows.getDouble(2);
    }
    db.commit();
    db.setAutoCommit(true);
    var copy = db.unwrap(PGConnection.class).getCopyAPI();
    StringWriter out = new StringWriter();
    copy.copyOut("COPY (SELECT id, ssn FROM customers ORDER BY id) TO STDOUT", out);
    long copied = copy.copyIn("COPY order_tags (order_id, tag) FROM STDIN", new StringReader("6\tcopied\n7\tcopied\n"));
    return List.of(String.valueOf(sum), count, out.toString(), copied, update("DELETE FROM order_tags WHERE tag = 'copied'"));
  }

  private static Object cancel() throws Exception {
    Statement sleep = db.createStatement();
    Thread canceller = new Thread(() -> {
      try {
        Thread.sleep(300);
        sleep.cancel();
      } catch (Exception ignored) {
      }
    });
    canceller.start();
    String state = Steps.sqlstate(() -> sleep.execute("SELECT pg_sleep(60)"));
    canceller.join();
    return Map.of("sqlstate", state, "after", value("SELECT 1"));
  }

  private static Object transact() throws Exception {
    String insert = "INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')";
    String count = "SELECT count(*)::int FROM orders WHERE amount = 12345";
    String remove = "DELETE FROM orders WHERE amount = 12345";
    Map<String, Object> told = new TreeMap<>();
    db.setAutoCommit(false);
    update(insert);
    db.commit();
    told.put("committed", value(count));
    update(remove);
    db.commit();
    db.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    update(insert);
    db.rollback();
    told.put("rolledBack", value(count));
    db.rollback();
    db.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    Steps.sqlstate(() -> value("SELECT 1/0"));
    told.put("aborted", Steps.sqlstate(() -> value("SELECT 1")));
    db.rollback();
    Savepoint savepoint = db.setSavepoint("a");
    Steps.sqlstate(() -> update("INSERT INTO orders (customer_id, amount) VALUES (1, -1)"));
    db.rollback(savepoint);
    update(insert);
    db.commit();
    told.put("savepoint", value(count));
    update(remove);
    db.commit();
    // A transaction that only reads, as frameworks mark them.
    db.setReadOnly(true);
    value(count);
    db.commit();
    db.setReadOnly(false);
    db.setAutoCommit(true);
    return told;
  }

  private static Object types() throws Exception {
    List<List<Object>> texts = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (List<Object> row : read(db.getMetaData().getColumns(null, "public", "samples", "%"), "COLUMN_NAME")) names.add((String) row.get(0));
    List<Object> read = new ArrayList<>();
    for (List<Object> row : rows(db, "SELECT * FROM samples WHERE id <> 2 ORDER BY id")) read.add(row.stream().map(each -> each instanceof byte[] ? each : String.valueOf(each)).toList());
    String columns = String.join(", ", names.subList(1, names.size()).stream().map(name -> '"' + name + "\"::text").toList());
    String places = "?" + ", ?".repeat(names.size() - 1);
    for (List<Object> row : rows(db, "SELECT id + 10, " + columns + " FROM samples ORDER BY id")) {
      try (PreparedStatement insert = db.prepareStatement("INSERT INTO samples VALUES (" + places + ")")) {
        for (int at = 0; at < row.size(); at++) insert.setObject(at + 1, row.get(at), at == 0 ? Types.INTEGER : Types.OTHER);
        insert.executeUpdate();
      }
    }
    texts.addAll(rows(db, "SELECT " + columns + " FROM samples WHERE id > 10 ORDER BY id"));
    update("DELETE FROM samples WHERE id > 10");
    return List.of(read, texts);
  }

  private static Object prepared() throws SQLException {
    List<Object> found = new ArrayList<>();
    try (PreparedStatement statement = db.prepareStatement("SELECT name, ssn FROM customers WHERE id = ?")) {
      for (int id : new int[] {1, 2, 3, 4, 5, 6, 7, 1, 2}) {
        statement.setInt(1, id);
        found.add(read(statement.executeQuery()));
        found.add(statement.unwrap(org.postgresql.PGStatement.class).isUseServerPrepare());
      }
    }
    return found;
  }

  private static Object write() throws Exception {
    List<Object> all = new ArrayList<>();
    Object id;
    try (PreparedStatement insert = db.prepareStatement("INSERT INTO customers (name, email, ssn) VALUES (?, ?, '***5')", new String[] {"id", "mood"})) {
      insert.setString(1, "java");
      insert.setString(2, "java@x");
      insert.executeUpdate();
      List<Object> keys = read(insert.getGeneratedKeys()).get(0);
      id = keys.get(0);
      all.add(keys.stream().map(String::valueOf).toList());
    }
    String upsert = "INSERT INTO customers (name, email) VALUES ('java', 'java@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1 RETURNING version, ssn";
    all.add(rows(db, upsert));
    all.add(rows(db, upsert));
    try (Statement updatable = db.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
      ResultSet row = updatable.executeQuery("SELECT order_id, tag FROM order_tags WHERE order_id = 1 AND tag = 'new'");
      row.next();
      row.updateString("tag", "newer");
      row.updateRow();
      all.add(update("UPDATE order_tags SET tag = 'new' WHERE order_id = 1 AND tag = 'newer'"));
    }
    all.add(update("UPDATE customers SET city = ? WHERE id = ?", "Ulm", id));
    all.add(Steps.sqlstate(() -> update("INSERT INTO customers (name, email) VALUES ('x', 'java@x')")));
    all.add(rows(db, "DELETE FROM customers WHERE id = ? RETURNING city", id));
    return all;
  }

  private static Object refused() throws Exception {
    Map<String, Object> told = new TreeMap<>(Map.of("sqlstate", "none"));
    try {
      rows(db, "SELECT token FROM secrets");
    } catch (SQLException error) {
      told.putAll(Steps.told(error));
    }
    told.put("after", value("SELECT 1"));
    return told;
  }

  private static Object masked(Connection on) throws SQLException {
    return rows(on, "SELECT id, ssn, salary FROM customers WHERE id = ?", 7).get(0);
  }

  public static void main(String[] arguments) throws Exception {
    address = arguments[0];
    login = new Properties();
    login.setProperty("user", arguments[1]);
    login.setProperty("password", arguments[2]);
    Steps.greet("pgjdbc", org.postgresql.util.DriverInfo.DRIVER_VERSION);
    db = connect();
    Connection text = connect("binaryTransfer", "false", "preferQueryMode", "simple");
    Connection binary = connect("prepareThreshold", "-1", "preferQueryMode", "extendedCacheEverything");
    Steps.run("connect", () -> List.of(value("SHOW server_encoding"), value("SHOW application_name"), value("SELECT current_database()"), db.isValid(5), db.getSchema()));
    Steps.run("introspect", PgJdbc::introspect);
    Steps.run("text", () -> List.of(asked(text), asked(connect("preferQueryMode", "extended", "binaryTransfer", "false"))));
    Steps.run("binary", () -> List.of(asked(db), asked(binary)));
    Steps.run("batch", PgJdbc::batch);
    Steps.run("stream", PgJdbc::stream);
    Steps.run("cancel", PgJdbc::cancel);
    Steps.run("transact", PgJdbc::transact);
    Steps.run("types", PgJdbc::types);
    Steps.run("prepared", PgJdbc::prepared);
    Steps.run("write", PgJdbc::write);
    Steps.run("refused", PgJdbc::refused);
    Steps.run("masked", () -> Map.of("text", masked(text), "binary", masked(binary)));
    db.close();
  }
}
