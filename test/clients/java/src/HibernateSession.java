import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.FetchType;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.OneToMany;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import org.hibernate.ScrollMode;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.annotations.DynamicInsert;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.cfg.Configuration;
import org.hibernate.type.SqlTypes;

/** Hibernate: `HibernateSession ADDRESS USER PASSWORD`. */
public final class HibernateSession {
  enum Mood { sad, ok, happy }

  @Entity(name = "Customer")
  @Table(name = "customers")
  @DynamicInsert
  static class Customer {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Integer id;
    String name;
    String email;
    @Column(length = 40) String city;
    @Enumerated(EnumType.STRING) @JdbcTypeCode(SqlTypes.NAMED_ENUM) Mood mood;
    @Version Integer version;
    OffsetDateTime joined;
    @Column(updatable = false) String ssn;
    @Column(insertable = false, updatable = false) BigDecimal salary;
    @OneToMany(mappedBy = "customer") List<Order> orders;
  }

  @Entity(name = "Order")
  @Table(name = "orders")
  static class Order {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    @ManyToOne(fetch = FetchType.LAZY) @JoinColumn(name = "customer_id") Customer customer;
    String region = "eu";
    BigDecimal amount;
    LocalDate placed;
  }

  @Entity(name = "Sample")
  @Table(name = "samples")
  static class Sample {
    @Id Integer id;
    Short small;
    Long big;
    Double real8;
    String letters;
    @Column(columnDefinition = "bytea") byte[] bytes;
    LocalDate day;
    OffsetDateTime instant;
    UUID identity;
    Integer[] numbers;
    String[] texts;

    List<Object> values() {
      List<Object> all = new ArrayList<>();
      for (Object value : new Object[] {small, big, letters, bytes, day, instant, identity}) all.add(value instanceof byte[] || value == null ? value : value.toString());
      all.add(String.valueOf(real8));
      all.add(numbers == null ? null : java.util.Arrays.asList(numbers));
      all.add(texts == null ? null : java.util.Arrays.asList(texts));
      return all;
    }
  }

  private static SessionFactory factory;

  private static SessionFactory open(String[] arguments) {
    Properties properties = new Properties();
    properties.putAll(Map.of(
        "hibernate.connection.url", arguments[0], "hibernate.connection.username", arguments[1], "hibernate.connection.password", arguments[2],
        "hibernate.hbm2ddl.auto", "validate", "hibernate.jdbc.batch_size", "20", "hibernate.order_inserts", "true", "hibernate.connection.pool_size", "2"));
    return new Configuration().addAnnotatedClass(Customer.class).addAnnotatedClass(Order.class).addAnnotatedClass(Sample.class)
        .setProperties(properties).buildSessionFactory();
  }

  private static <T> T in(Function<Session, T> work) {
    return factory.fromTransaction(work::apply);
  }

  private static Object value(String sql) {
    return in(session -> session.createNativeQuery(sql, Object.class).getSingleResult());
  }

  private static List<Object> customers(Session session, List<Customer> found) {
    return found.stream().<Object>map(each -> List.of(each.id, each.name, String.valueOf(each.mood), String.valueOf(each.joined.toInstant()), String.valueOf(each.ssn))).toList();
  }

  private static Order order(Session session, String amount) {
    Order order = new Order();
    order.customer = session.getReference(Customer.class, 1);
    order.amount = new BigDecimal(amount);
    return order;
  }

  private static Object asked() {
    return in(session -> List.of(
        customers(session, session.createSelectionQuery("from Customer c where c.id = :id or c.email = :email order by c.id", Customer.class)
            .setParameter("id", 3).setParameter("email", "5@example.com").getResultList()),
        // Pages.
        customers(session, session.createSelectionQuery("from Customer c order by c.name desc", Customer.class).setFirstResult(4).setMaxResults(3).getResultList()),
        session.createSelectionQuery("select o.customer.name, count(o), max(o.amount) from Order o where o.placed < :day group by o.customer.name order by 1 limit 3", Object[].class)
            .setParameter("day", LocalDate.of(2026, 1, 20)).getResultList().stream().map(row -> row[0] + " " + row[1] + " " + row[2]).toList(),
        session.createSelectionQuery("select distinct c from Customer c left join fetch c.orders o where c.id in (1, 2) order by c.id", Customer.class).getResultList()
            .stream().map(each -> each.name + " " + each.orders.size()).toList(),
        session.find(Customer.class, 7).orders.size()));
  }

  private static Object batch() {
    in(session -> {
      for (int at = 0; at < 30; at++) session.persist(order(session, "777"));
      return null;
    });
    return in(session -> session.createMutationQuery("delete from Order where amount = 777").executeUpdate());
  }

  private static Object stream() {
    return in(session -> {
      int count = 0;
      try (var rows = session.createSelectionQuery("from Customer order by id", Customer.class).setFetchSize(3).scroll(ScrollMode.FORWARD_ONLY)) {
        while (rows.next()) count += rows.get().id;
      }
      return List.of(count, session.createNativeQuery("SELECT value FROM readings", Double.class).setFetchSize(100).getResultStream().mapToDouble(each -> each).sum() + "");
    });
  }

  private static Object cancel() throws Exception {
    String state = Steps.sqlstate(() -> in(session -> {
      Thread canceller = new Thread(() -> {
        try {
          Thread.sleep(500);
          session.cancelQuery();
        } catch (InterruptedException ignored) {
        }
      });
      canceller.start();
      return session.createNativeQuery("SELECT 1 FROM pg_sleep(60)", Integer.class).getSingleResult();
    }));
    return Map.of("sqlstate", state, "after", value("SELECT 1"));
  }

  private static Object transact() throws Exception {
    String count = "SELECT count(*)::int FROM orders WHERE amount = 12345";
    String remove = "DELETE FROM orders WHERE amount = 12345";
    Map<String, Object> told = new TreeMap<>();
    in(session -> { session.persist(order(session, "12345")); return null; });
    told.put("committed", value(count));
    in(session -> session.createNativeMutationQuery(remove).executeUpdate());
    Session session = factory.openSession();
    session.beginTransaction();
    session.persist(order(session, "12345"));
    session.flush();
    session.getTransaction().rollback();
    told.put("rolledBack", value(count));
    session.beginTransaction();
    session.doWork(db -> {
      try {
        Steps.sqlstate(() -> db.createStatement().execute("SELECT 1/0"));
        told.put("aborted", Steps.sqlstate(() -> db.createStatement().execute("SELECT 1")));
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    });
    session.getTransaction().rollback();
    session.beginTransaction();
    session.doWork(db -> {
      var savepoint = db.setSavepoint();
      try {
        Steps.sqlstate(() -> db.createStatement().execute("INSERT INTO orders (customer_id, amount) VALUES (1, -1)"));
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
      db.rollback(savepoint);
    });
    session.persist(order(session, "12345"));
    session.getTransaction().commit();
    session.close();
    told.put("savepoint", value(count));
    in(other -> other.createNativeMutationQuery(remove).executeUpdate());
    return told;
  }

  private static Object types() {
    List<Object> read = in(session -> session.createSelectionQuery("from Sample where id <> 2 order by id", Sample.class).getResultList().stream().<Object>map(Sample::values).toList());
    in(session -> {
      for (Sample sample : session.createSelectionQuery("from Sample where id <> 2", Sample.class).getResultList()) {
        session.detach(sample);
        sample.id += 10;
        session.persist(sample);
      }
      return null;
    });
    List<Object> written = in(session -> session.createSelectionQuery("from Sample where id > 10 order by id", Sample.class).getResultList().stream().<Object>map(Sample::values).toList());
    in(session -> session.createMutationQuery("delete from Sample where id > 10").executeUpdate());
    return List.of(read, written, read.equals(written) || read.size() == written.size());
  }

  private static Object prepared() {
    return in(session -> {
      List<Object> found = new ArrayList<>();
      for (int id : new int[] {1, 2, 3, 4, 5, 6, 7, 1}) {
        session.clear();
        found.add(session.find(Customer.class, id).ssn);
      }
      return found;
    });
  }

  private static Object write() throws Exception {
    Customer customer = new Customer();
    customer.name = "hibernate";
    customer.email = "hibernate@x";
    customer.mood = Mood.ok;
    customer.joined = OffsetDateTime.parse("2026-02-03T04:05:06Z");
    customer.ssn = "***5";
    in(session -> { session.persist(customer); return null; });
    Integer updated = in(session -> {
      Customer found = session.find(Customer.class, customer.id);
      found.city = "Ulm";
      session.flush();
      return found.version;
    });
    String duplicate = Steps.sqlstate(() -> in(session -> session.createNativeMutationQuery("INSERT INTO customers (name, email) VALUES ('x', 'hibernate@x')").executeUpdate()));
    Object removed = in(session -> {
      Customer found = session.find(Customer.class, customer.id);
      session.remove(found);
      return found.city;
    });
    return List.of(customer.id, updated, duplicate, removed);
  }

  private static Object refused() throws Exception {
    Map<String, Object> told = new TreeMap<>(Map.of("sqlstate", "none"));
    try {
      value("SELECT token FROM secrets");
    } catch (Exception error) {
      told.putAll(Steps.told(error));
    }
    told.put("after", value("SELECT 1"));
    return told;
  }

  private static Object masked() {
    return in(session -> {
      Customer found = session.find(Customer.class, 7);
      return java.util.Arrays.asList(found.id, found.ssn, found.salary);
    });
  }

  public static void main(String[] arguments) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();
    Steps.greet("hibernate", org.hibernate.Version.getVersionString());
    // The schema is validated.
    Steps.run("connect", () -> {
      factory = open(arguments);
      return List.of(value("SHOW server_encoding"), value("SELECT current_database()"));
    });
    Steps.run("introspect", () -> {
      List<String> names = new ArrayList<>();
      factory.getMetamodel().getEntities().forEach(each -> names.add(each.getName()));
      return List.of(names.stream().sorted().toList(), in(session -> session.doReturningWork(db -> {
        var tables = db.getMetaData().getTables(null, null, "%", new String[] {"TABLE", "VIEW", "PARTITIONED TABLE"});
        List<String> found = new ArrayList<>();
        while (tables.next()) found.add(tables.getString("TABLE_NAME"));
        return found;
      })));
    });
    Steps.run("text", HibernateSession::asked);
    Steps.run("binary", () -> new Steps.None("the formats are the driver's business: pgJDBC"));
    Steps.run("batch", HibernateSession::batch);
    Steps.run("stream", HibernateSession::stream);
    Steps.run("cancel", HibernateSession::cancel);
    Steps.run("transact", HibernateSession::transact);
    Steps.run("types", HibernateSession::types);
    Steps.run("prepared", HibernateSession::prepared);
    Steps.run("write", HibernateSession::write);
    Steps.run("refused", HibernateSession::refused);
    Steps.run("masked", () -> {
      Map<String, Object> told = new TreeMap<>();
      told.put("text", masked());
      told.put("binary", null);
      return told;
    });
    factory.close();
  }
}
