"""Django: `django_client.py URL`. Introspection by `inspectdb`, then its ORM, and migrations of its own tables."""

import io
import sys
from urllib.parse import unquote, urlsplit

import django
from client import session, sqlstate_of, told
from django.conf import settings

address = urlsplit(sys.argv[1])
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": address.hostname,
            "PORT": address.port,
            "USER": unquote(address.username),
            "PASSWORD": unquote(address.password),
            "NAME": address.path[1:],
            "OPTIONS": {"server_side_binding": True},
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.postgres", __name__],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    TIME_ZONE="Europe/Berlin",
)
django.setup()

from django.contrib.postgres.fields import ArrayField, DateRangeField, IntegerRangeField  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402
from django.db.models import Avg, Count, F, Q, Sum  # noqa: E402


class Customer(models.Model):
    name = models.TextField()
    email = models.TextField(unique=True)
    city = models.CharField(max_length=40, null=True)
    version = models.IntegerField(default=1)
    ssn = models.TextField(null=True)
    salary = models.DecimalField(max_digits=10, decimal_places=2, null=True)

    class Meta:
        app_label = "__main__"
        db_table = "customers"
        managed = False


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    region = models.TextField(default="eu")
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    placed = models.DateField(null=True)
    lines = models.JSONField(null=True)

    class Meta:
        app_label = "__main__"
        db_table = "orders"
        managed = False


class Sample(models.Model):
    id = models.IntegerField(primary_key=True)
    small = models.SmallIntegerField(null=True)
    big = models.BigIntegerField(null=True)
    real8 = models.FloatField(null=True)
    exact = models.DecimalField(max_digits=30, decimal_places=21, null=True)
    yes = models.BooleanField(null=True)
    letters = models.TextField(null=True)
    bytes = models.BinaryField(null=True)
    span = models.DurationField(null=True)
    identity = models.UUIDField(null=True)
    binary_document = models.JSONField(null=True)
    numbers = ArrayField(models.IntegerField(), null=True)
    texts = ArrayField(models.TextField(), null=True)
    range = IntegerRangeField(null=True)
    days = DateRangeField(null=True)

    class Meta:
        app_label = "__main__"
        db_table = "samples"
        managed = False


class Reading(models.Model):
    value = models.FloatField()

    class Meta:
        app_label = "__main__"
        db_table = "readings"
        managed = False


class OrderTag(models.Model):
    pk = models.CompositePrimaryKey("order", "tag")
    order = models.ForeignKey(Order, models.CASCADE)
    tag = models.TextField()

    class Meta:
        app_label = "__main__"
        db_table = "order_tags"
        managed = False


def fetch(sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def one():
    return fetch("SELECT 1")[0][0]


made = Order.objects.filter(amount=12345)


def add(amount=12345):
    return Order.objects.create(customer_id=1, amount=amount)


def connect():
    connection.ensure_connection()
    return [connection.vendor, connection.is_usable(), fetch("SELECT current_database(), current_setting('TimeZone')")]


def introspect():
    out = io.StringIO()
    # It reads each table's columns off a row: a table that is not granted it cannot inspect, and a column it does not find.
    tables = ["customers", "orders", "order_tags", "samples", "readings", "Odd Names", "bonn"]
    call_command("inspectdb", "--include-views", "--include-partitions", *tables, stdout=out)
    told = [line for line in out.getvalue().split("\n") if "notes =" not in line]
    inspector = connection.introspection
    with connection.cursor() as cursor:
        tables = sorted(connection.introspection.get_table_list(cursor))
        constraints = {table.name: inspector.get_constraints(cursor, table.name) for table in tables if table.type == "t"}
        sequences = inspector.get_sequences(cursor, "customers")
        relations = inspector.get_relations(cursor, "orders")
    return [told, tables, constraints, sequences, relations]


def text():
    customers = Customer.objects
    return [
        list(customers.filter(Q(id=3) | Q(email="5@example.com")).order_by("id").values()),
        list(Order.objects.filter(customer_id__in=[1, 5], placed__lt="2026-01-20").order_by("id").values_list("id", flat=True)),
        [[order.amount, order.customer.name, order.customer.ssn] for order in Order.objects.select_related("customer").order_by("-id")[:3]],
        [[c.name, [order.id for order in c.orders.all()]] for c in customers.prefetch_related("orders").order_by("id")[:2]],
        list(customers.values("city").annotate(n=Count("orders"), total=Sum("orders__amount")).order_by("city")),
        Order.objects.aggregate(Avg("amount"), Count("customer", distinct=True)),
        list(Order.objects.filter(lines__n__gt=37, lines__of__0=1).order_by("id").values("id", "lines__of")),
        list(customers.filter(name__icontains="MER 1", city__iregex="^b").order_by("id").values_list("id", "ssn")),
        list(customers.filter(orders__amount__gte=50).distinct().order_by("id").values_list("id", flat=True)),
        list(customers.filter(id__lt=3).union(customers.filter(id=9)).order_by("id").values_list("id", flat=True)),
        list(Order.objects.dates("placed", "month")),
        customers.filter(id=1).exists(),
        len(customers.filter(id=1).explain()) > 0,
        list(Customer.objects.raw("SELECT id, name FROM customers WHERE id = %s", [4]))[0].name,
    ]


def batch():
    Order.objects.bulk_create([Order(customer_id=1, amount=12345, lines={"n": n}) for n in range(30)], batch_size=7)
    orders = list(made)
    for order in orders:
        order.region = "eu"
    updated = Order.objects.bulk_update(orders, ["region"], batch_size=11)
    return [len(orders), updated, made.delete()[0]]


def stream():
    with transaction.atomic():
        values = [reading.value for reading in Reading.objects.order_by("id").iterator(chunk_size=100)]
    outside = sum(Reading.objects.values_list("value", flat=True).iterator(chunk_size=500))
    return [len(values), values[-1], outside]


def transact():
    with transaction.atomic():
        add()
    committed = made.count()
    made.delete()
    with transaction.atomic():
        add()
        transaction.set_rollback(True)
    rolled_back = made.count()
    connection.set_autocommit(False)
    sqlstate_of(lambda: fetch("SELECT 1/0"))
    aborted = sqlstate_of(one)
    connection.rollback()
    connection.set_autocommit(True)
    with transaction.atomic():
        try:
            with transaction.atomic():
                add(-1)
        except IntegrityError:
            add()
    savepoint = made.count()
    made.delete()
    return {"committed": committed, "rolledBack": rolled_back, "aborted": aborted, "savepoint": savepoint}


def types():
    # The ORM has no place for a year in an interval, nor for one before Christ.
    samples = list(Sample.objects.order_by("id").values())
    first = Sample.objects.get(id=1)
    first.id = 11
    first.save(force_insert=True)
    again = fetch("SELECT samples::text FROM samples WHERE id = 11")
    return [samples, again, Sample.objects.filter(id=11).delete()[0]]


def write():
    created = Customer.objects.create(name="django", email="dj@x", ssn="***5")
    found, is_new = Customer.objects.get_or_create(email="dj@x", defaults={"name": "never"})
    updated, _ = Customer.objects.update_or_create(email="dj@x", defaults={"city": "Ulm"})
    Customer.objects.bulk_create(
        [Customer(name="again", email="dj@x")], update_conflicts=True, unique_fields=["email"], update_fields=["name"]
    )
    Customer.objects.filter(id=created.id).update(version=F("version") + 1)
    created.refresh_from_db()
    with transaction.atomic():
        locked = Customer.objects.select_for_update(skip_locked=True).get(id=created.id).version
    created.city = "Bonn"
    created.save(update_fields=["city"])
    order = Order.objects.create(customer=created, amount=3)
    order.ordertag_set.create(tag="new")
    shown = {**created.__dict__, "_state": None}
    duplicate = sqlstate_of(lambda: Customer.objects.create(name="x", email="dj@x"))
    return [shown, found.id == created.id, is_new, updated.city, locked, duplicate, created.delete()]


session(
    "Django",
    "django",
    {
        "connect": connect,
        "introspect": introspect,
        "text": text,
        "binary": "speaks text only",
        "batch": batch,
        "stream": stream,
        "cancel": "cannot cancel",
        "transact": transact,
        "types": types,
        "prepared": "its statements have no names",
        "write": write,
        "refused": lambda: {**told(lambda: fetch("SELECT token FROM secrets")), "after": one()},
        "masked": lambda: {"text": Customer.objects.values_list("id", "ssn", "salary").get(id=7), "binary": None},
    },
)
