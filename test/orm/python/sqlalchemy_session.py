"""A session with SQLAlchemy: `sqlalchemy_session.py URL [migrate]`."""

import json
import pathlib
import sys

from alembic import command
from alembic.config import Config
from sqlalchemy import ForeignKey, create_engine, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.orm.exc import StaleDataError

url = sys.argv[1]


class Base(DeclarativeBase):
    def shown(self):
        return {column.name: getattr(self, column.key) for column in self.__table__.columns}


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    city: Mapped[str | None]
    ssn: Mapped[str | None]
    version: Mapped[int] = mapped_column()
    orders: Mapped[list["Order"]] = relationship(back_populates="customer", order_by="Order.id", passive_deletes=True)
    __mapper_args__ = {"version_id_col": version}


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    region: Mapped[str] = mapped_column(server_default="eu")
    amount: Mapped[int]
    customer: Mapped[Customer] = relationship(back_populates="orders")


def failure(act):
    try:
        act()
    except DBAPIError as error:
        return [getattr(error.orig, "sqlstate", None) or error.orig.pgcode, str(error.orig).split("\n")[0]]
    return "done"


def session_steps():
    engine = create_engine(url)
    steps = {}
    with Session(engine) as session:
        created = Customer(name="SQLAlchemy", email="sqlalchemy@example.com", city="Ulm")
        session.add(created)
        session.commit()
        steps["created"] = created.shown()
        id = created.id
        steps["found"] = session.get(Customer, id, populate_existing=True).shown()
        steps["not there"] = session.get(Order, 1001)
        created.city = "Bonn"
        session.commit()
        steps["updated"] = created.shown()
    with Session(engine) as one, Session(engine) as other:
        mine, theirs = one.get(Customer, id), other.get(Customer, id)
        mine.name = "SQLAlchemy II"
        one.commit()
        theirs.name = "lost"
        try:
            other.commit()
        except StaleDataError:
            steps["optimistic lock"] = "stale"
    with Session(engine) as session:
        statement = upsert(Customer).values(name="new", email="upsert@example.com", version=1)
        statement = statement.on_conflict_do_update(index_elements=["email"], set_={"name": "old", "version": Customer.version + 1})
        returning = statement.returning(Customer.id, Customer.name, Customer.version, Customer.ssn)
        steps["upserted"] = [list(session.execute(returning).one()) for _ in range(2)]
        session.commit()
        session.add_all([Order(customer_id=id, amount=amount) for amount in range(1, 6)])
        session.commit()
        rows = [{"customer_id": id, "amount": amount} for amount in (6, 7)]
        steps["bulk insert"] = [
            session.scalar(select(func.count()).select_from(Order)),
            [list(row) for row in session.execute(insert(Order).returning(Order.amount, Order.region, sort_by_parameter_order=True), rows)],
            session.execute(upsert(Customer).values(name="x", email="upsert@example.com", version=1).on_conflict_do_nothing()).rowcount,
        ]
        session.execute(insert(Order), [{"customer_id": id, "amount": amount} for amount in range(50, 60)])
        session.commit()
        page = select(Customer).options(selectinload(Customer.orders)).order_by(Customer.id).offset(1).limit(3)
        steps["page"] = [[customer.shown(), [order.shown() for order in customer.orders]] for customer in session.scalars(page)]
        joined = select(Order.id, Customer.name, Customer.ssn).join(Order.customer).where(Order.amount > 2).order_by(Order.id)
        steps["joined"] = [list(row) for row in session.execute(joined)]
        steps["with many orders"] = list(
            session.scalars(select(Customer.name).where(Customer.orders.any(Order.amount >= 5)).order_by(Customer.id))
        )
        steps["counted"] = session.scalar(select(func.count()).select_from(Customer))
        steps["many updated"] = sorted(
            session.scalars(update(Order).where(Order.customer_id == id, Order.amount < 3).values(amount=Order.amount * 100).returning(Order.amount))
        )
        steps["update from"] = session.execute(
            update(Order).where(Order.customer_id == Customer.id, Customer.id == id, Order.amount == 5).values(amount=Customer.version)
        ).rowcount
        session.commit()
        session.execute(delete(Order))
        with session.begin_nested():
            session.execute(delete(Customer).where(Customer.id == id))
        session.rollback()
        steps["rolled back"] = [session.get(Customer, id).name, session.scalar(select(func.count()).select_from(Order))]
        steps["locked"] = session.scalar(select(Order.amount).where(Order.id == 1).with_for_update())
        session.delete(session.scalars(select(Order).where(Order.customer_id == id).order_by(Order.id)).first())
        session.flush()
        session.delete(session.get(Customer, id))
        session.commit()
        steps["deleted"] = [session.get(Customer, id), session.scalar(select(func.count()).select_from(Order))]
        steps["raw"] = [list(row) for row in session.execute(text("SELECT id, ssn FROM customers WHERE id < :id ORDER BY id"), {"id": 4})]

    def refused(act):
        def run():
            with Session(engine) as session:
                act(session)
                session.commit()

        return failure(run)

    return {
        "steps": steps,
        "refused": {
            "out of the filter": refused(lambda session: session.add(Order(customer_id=1, amount=1, region="us"))),
            "moved out of the filter": refused(lambda session: session.execute(update(Order).values(region="us"))),
            "the mask as value": refused(lambda session: session.execute(update(Customer).where(Customer.id == 1).values(ssn="***"))),
            "not granted": refused(lambda session: session.execute(text("DELETE FROM secrets"))),
        },
    }


def migrate():
    config = Config()
    config.set_main_option("script_location", str(pathlib.Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url)
    return {"migrated": failure(lambda: command.upgrade(config, "head"))}


print(json.dumps(migrate() if len(sys.argv) > 2 else session_steps()))
