"""SQLAlchemy, core, ORM, inspector and reflection, on a driver: `sqlalchemy_client.py DRIVER URL`."""

import datetime
import sys

from client import session, sqlstate_of, told
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    MetaData,
    Table,
    bindparam,
    create_engine,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.schema import CreateTable
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

driver, url = sys.argv[1:3]
engine = create_engine(url.replace("postgres:", f"postgresql+{driver}:"))


class Base(DeclarativeBase):
    def shown(self):
        return {column.name: getattr(self, column.key) for column in self.__table__.columns}


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    city: Mapped[str | None]
    mood: Mapped[str] = mapped_column(ENUM("sad", "ok", "happy", name="mood"), server_default="ok")
    version: Mapped[int] = mapped_column(server_default="1")
    ssn: Mapped[str | None]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer", order_by="Order.id", passive_deletes=True)


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (CheckConstraint("amount > 0"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    region: Mapped[str] = mapped_column(server_default="eu")
    amount: Mapped[float]
    placed: Mapped[datetime.date | None]
    lines: Mapped[dict | None] = mapped_column(JSONB)
    customer: Mapped[Customer] = relationship(back_populates="orders")


def rows(statement, parameters=None):
    with engine.begin() as connection:
        return [list(row) for row in connection.execute(statement, parameters)]


def one():
    return rows(text("SELECT 1"))[0][0]


made = Order.amount == 12345


def count():
    return rows(select(func.count()).select_from(Order).where(made))[0][0]


def remove():
    with engine.begin() as connection:
        connection.execute(delete(Order).where(made))


def connect():
    with engine.connect() as connection:
        return [list(connection.execute(text("SELECT current_database(), current_schema()")).one()), engine.dialect.default_schema_name]


def introspect():
    inspector = inspect(engine)
    tables = sorted(inspector.get_table_names())
    described = {
        table: {
            "columns": [{**column, "type": repr(column["type"])} for column in inspector.get_columns(table)],
            "keys": [inspector.get_pk_constraint(table), inspector.get_foreign_keys(table), inspector.get_unique_constraints(table)],
            "checks": inspector.get_check_constraints(table),
            "indexes": [str(index) for index in inspector.get_indexes(table)],
            "comment": inspector.get_table_comment(table),
        }
        for table in tables
    }
    reflected = MetaData()
    reflected.reflect(engine, views=True)
    reflected.reflect(engine, schema="sales")
    automatic = automap_base()
    automatic.prepare(autoload_with=engine)
    return [
        tables,
        described,
        inspector.get_view_names(),
        inspector.get_materialized_view_names(),
        inspector.get_sequence_names(),
        inspector.get_enums(),
        inspector.get_domains(),
        sorted(schema for schema in inspector.get_schema_names()),
        inspector.has_table("customers"),
        inspector.has_table("nothing"),
        inspector.get_table_names("sales"),
        sorted(reflected.tables),
        str(CreateTable(Table("orders", MetaData(), autoload_with=engine)).compile(engine)),
        sorted(automatic.classes.keys()),
    ]


def queries():
    with Session(engine) as orm:
        page = select(Customer).options(selectinload(Customer.orders)).order_by(Customer.id).offset(1).limit(3)
        return [
            rows(select(Customer.id, Customer.name, Customer.ssn).where((Customer.id == 3) | (Customer.email == "5@example.com")).order_by(Customer.id)),
            rows(select(Order.id).where(Order.customer_id.in_([1, 5]), Order.placed < datetime.date(2026, 1, 20)).order_by(Order.id)),
            [[customer.shown(), [order.shown() for order in customer.orders]] for customer in orm.scalars(page)],
            rows(
                select(Customer.city, func.count(), func.sum(Order.amount).over(partition_by=Customer.city).label("total"))
                .join(Order.customer)
                .group_by(Customer.city, Order.amount)
                .order_by(Customer.city, "total")
                .limit(3)
            ),
            rows(select(Order.id).where(Order.lines["n"].as_integer() > 37).order_by(Order.id)),
            [customer.name for customer in orm.scalars(select(Customer).where(Customer.orders.any(Order.amount > 55)).order_by(Customer.id))],
            rows(text("SELECT id, ssn FROM customers WHERE id < :id ORDER BY id"), {"id": 4}),
        ]


def batch():
    with engine.begin() as connection:
        values = [{"customer_id": 1, "amount": 12345, "lines": {"n": n}} for n in range(30)]
        returned = connection.execute(insert(Order).returning(Order.region, sort_by_parameter_order=True), values).all()
        changes = [{"n": n, "to": n + 1} for n in range(30)]
        table = Order.__table__
        connection.execute(table.update().where(table.c.id == bindparam("n")).values(placed=None), changes)
        connection.rollback()
    with engine.begin() as connection:
        many = connection.execute(insert(Order), values).rowcount
        removed = connection.execute(delete(Order).where(made)).rowcount
    return [len(returned), many, removed]


def stream():
    with engine.connect() as connection:
        result = connection.execution_options(stream_results=True, yield_per=100).execute(text("SELECT id, value FROM readings ORDER BY id"))
        portions = [len(portion) for portion in result.partitions()]
    return [len(portions), portions[0], sum(portions)]


def transact():
    def add(connection, amount=12345):
        connection.execute(insert(Order).values(customer_id=1, amount=amount))

    with engine.begin() as connection:
        add(connection)
    committed = count()
    remove()
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        add(connection)
        connection.rollback()
    rolled_back = count()
    with engine.connect() as connection:
        sqlstate_of(lambda: connection.execute(text("SELECT 1/0")))
        aborted = sqlstate_of(lambda: connection.execute(text("SELECT 1")))
    with engine.begin() as connection:
        try:
            with connection.begin_nested():
                add(connection, -1)
        except Exception:  # noqa: BLE001
            with connection.begin_nested():
                add(connection)
    savepoint = count()
    remove()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT 1"))
    return {"committed": committed, "rolledBack": rolled_back, "aborted": aborted, "savepoint": savepoint}


def types():
    samples = Table("samples", MetaData(), autoload_with=engine)
    names = ["small", "big", "real4", "real8", "exact", "yes", "letters", "padded", "short", "bytes", "span", "identity", "document"]
    more = ["binary_document", "numbers", "texts", "mood", "network", "range", "days"]
    columns = [samples.c[name] for name in names + more]
    read = [rows(select(*columns).where(samples.c.id == n))[0] for n in (1, 3)]
    values = dict(zip(names + more, read[0]))
    with engine.begin() as connection:
        connection.execute(insert(samples).values(id=11, **values))
    again = rows(text("SELECT samples::text FROM samples WHERE id = 11"))
    with engine.begin() as connection:
        connection.execute(delete(samples).where(samples.c.id == 11))
    return [read, again]


def write():
    with Session(engine) as orm:
        created = Customer(name="alchemy", email="sa@x", city="Ulm", ssn="***5", orders=[Order(amount=1), Order(amount=2)])
        orm.add(created)
        orm.commit()
        shown = [created.shown(), [order.region for order in created.orders]]
        id = created.id
        statement = upsert(Customer).values(name="again", email="sa@x")
        statement = statement.on_conflict_do_update(index_elements=["email"], set_={"version": Customer.version + 1})
        upserted = [list(orm.execute(statement.returning(Customer.version, Customer.ssn)).one()) for _ in range(2)]
        orm.commit()
        created.city = "Bonn"
        orm.commit()
        changed = update(Order).where(Order.customer_id == Customer.id, Customer.id == id).values(amount=Order.amount + Customer.version)
        updated = orm.execute(changed.execution_options(synchronize_session=False)).rowcount
        orm.commit()
        orm.refresh(created, with_for_update=True)
        again = created.shown()
        orm.delete(created)
        orm.commit()
    duplicate = sqlstate_of(lambda: rows(insert(Customer).values(name="x", email="1@example.com").returning(Customer.id)))
    return [shown, upserted, updated, again, duplicate, rows(select(func.count()).select_from(Order))]


session(
    f"SQLAlchemy with {driver}",
    "sqlalchemy",
    {
        "connect": connect,
        "introspect": introspect,
        "text": queries,
        "binary": "the driver's matter",
        "batch": batch,
        "stream": stream,
        "cancel": "the driver's matter",
        "transact": transact,
        "types": types,
        "prepared": "the driver's matter",
        "write": write,
        "refused": lambda: {**told(lambda: rows(text("SELECT token FROM secrets"))), "after": one()},
        "masked": lambda: {"text": rows(text("SELECT id, ssn, salary FROM customers WHERE id = 7"))[0], "binary": None},
    },
)
engine.dispose()
