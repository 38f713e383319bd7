"""psqlODBC through pyodbc: each step's result is one line of JSON. `session.py DRIVER HOST PORT USER PASSWORD DATABASE`."""
import json
import re
import sys
import threading

import pyodbc

DRIVER, HOST, PORT, USER, PASSWORD, DATABASE = sys.argv[1:]
INSERT = "INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')"
COUNT = 'SELECT count(*)::int FROM orders WHERE amount = 12345'
REMOVE = 'DELETE FROM orders WHERE amount = 12345'


def connect(autocommit=True, **options):
    more = ''.join(f';{name}={value}' for name, value in options.items())
    address = f'DRIVER={DRIVER};SERVER={HOST};PORT={PORT};DATABASE={DATABASE};UID={USER};PWD={PASSWORD};SSLMode=disable{more}'
    return pyodbc.connect(address, autocommit=autocommit)


def say(line):
    print(json.dumps(line, default=repr), flush=True)


def step(name, run):
    try:
        say({'step': name, **run()})
    except Exception as error:
        say({'step': name, 'error': repr(error)})


def rows(on, sql, *values):
    return [list(row) for row in on.execute(sql, *values).fetchall()]


def value(on, sql):
    return rows(on, sql)[0][0]


def sqlstate(run):
    try:
        run()
        return 'none'
    except pyodbc.Error as error:
        return error.args[0]


def named(cursor, *columns):
    return [[getattr(row, column) for column in columns] for row in cursor.fetchall()]


def introspect():
    cursor = db.cursor()
    return {'result': [
        named(cursor.tables(schema='public'), 'table_schem', 'table_name', 'table_type', 'remarks'),
        named(cursor.columns(schema='public', table='customers'), 'column_name', 'type_name', 'column_size', 'nullable', 'column_def', 'remarks'),
        named(cursor.columns(schema='public', table='samples'), 'column_name', 'type_name', 'data_type'),
        named(cursor.primaryKeys('order_tags', schema='public'), 'column_name', 'key_seq'),
        named(cursor.foreignKeys('customers', schema='public', foreignTable='orders', foreignSchema='public'), 'fkcolumn_name', 'delete_rule'),
        named(cursor.statistics('orders', schema='public'), 'index_name', 'column_name', 'non_unique'),
        named(cursor.rowIdColumns('orders', schema='public'), 'column_name'),
        len(cursor.procedures(schema='public').fetchall()),
        len(cursor.getTypeInfo().fetchall()) > 10,
        [[each[0], each[1].__name__, each[3]] for each in cursor.execute('SELECT id, name, city, ssn, salary, joined FROM customers WHERE id = 1').description],
    ]}


def asked(**options):
    on = connect(**options)
    found = [
        rows(on, 'SELECT id, name, joined, ssn FROM customers WHERE id = ? OR email = ? ORDER BY id', 3, '5@example.com'),
        rows(on, "SELECT id FROM orders WHERE customer_id IN (?, ?) AND placed < ? ORDER BY id", 1, 5, '2026-01-20'),
        rows(on, 'SELECT ?::int + ?::bigint AS sum, ?::float8 AS f, ?::bytea AS bytes, ?::text AS t', 1, 9007199254740993, 1.5, b'\0\xff', None),
        rows(on, 'SELECT {fn ucase(?)}, id FROM customers WHERE name = ?', 'x', "customer 3"),
    ]
    on.close()
    return found


def batch():
    cursor = db.cursor()
    counts = []
    for fast in (False, True):
        cursor.fast_executemany = fast
        cursor.executemany('INSERT INTO order_tags (order_id, tag) VALUES (?, ?)', [(number, 'batch') for number in range(6, 16)])
        counts.append(cursor.execute("DELETE FROM order_tags WHERE tag = 'batch'").rowcount)
    cursor.execute('SELECT 1; SELECT count(*) FROM customers; SHOW DateStyle')
    several = [list(cursor.fetchone())]
    while cursor.nextset():
        several.append(list(cursor.fetchone()))
    return {'result': [counts, several]}


def stream():
    on = connect(autocommit=False, UseDeclareFetch=1, Fetch=100)
    total = sum(row[0] for row in on.execute('SELECT value FROM readings WHERE id > ?', 10))
    portion = [list(row) for row in on.execute('SELECT id, ssn FROM customers ORDER BY id').fetchmany(5)]
    on.commit()
    on.close()
    return {'result': [total, portion]}


def cancel():
    cursor = db.cursor()
    threading.Timer(0.3, cursor.cancel).start()
    state = sqlstate(lambda: cursor.execute('SELECT pg_sleep(60)'))
    # ODBC's own name of a cancelled statement.
    return {'result': {'sqlstate': {'HY008': '57014'}.get(state, state), 'after': value(db, 'SELECT 1')}}


def transact():
    # Otherwise an error rolls the whole transaction back.
    on = connect(autocommit=False, Protocol='7.4-0')
    told = {}
    on.execute(INSERT)
    on.commit()
    told['committed'] = value(on, COUNT)
    on.execute(REMOVE)
    on.commit()
    on.execute(INSERT)
    on.rollback()
    told['rolledBack'] = value(on, COUNT)
    on.rollback()
    sqlstate(lambda: on.execute('SELECT 1/0'))
    told['aborted'] = sqlstate(lambda: on.execute('SELECT 1'))
    on.rollback()
    on.execute('SAVEPOINT a')
    sqlstate(lambda: on.execute('INSERT INTO orders (customer_id, amount) VALUES (1, -1)'))
    on.execute('ROLLBACK TO a')
    on.execute(INSERT)
    on.commit()
    told['savepoint'] = value(on, COUNT)
    on.execute(REMOVE)
    on.commit()
    on.close()
    return {'result': told}


def types():
    # Python has no year before 1 and none after 9999.
    read = rows(db, 'SELECT * FROM samples WHERE id <> 2')
    names = [row.column_name for row in db.cursor().columns(schema='public', table='samples')]
    columns = ', '.join(f'"{name}"::text' for name in names[1:])
    for row in rows(db, f'SELECT id + 10, {columns} FROM samples ORDER BY id'):
        places = ', '.join('NULL' if each is None else '?' for each in row)
        db.execute(f'INSERT INTO samples VALUES ({places})', *[each for each in row if each is not None])
    written = rows(db, f'SELECT {columns} FROM samples WHERE id > 10 ORDER BY id')
    db.execute('DELETE FROM samples WHERE id > 10')
    return {'result': [read, written]}


def prepared():
    on = connect(UseServerSidePrepare=1)
    cursor = on.cursor()
    return {'result': [[list(row) for row in cursor.execute('SELECT name, ssn FROM customers WHERE id = ?', number)] for number in (1, 2, 3, 1)]}


def write():
    upsert = """INSERT INTO customers (name, email) VALUES ('odbc', 'odbc@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1
      RETURNING version, ssn"""
    created = rows(db, "INSERT INTO customers (name, email, ssn) VALUES (?, ?, '***5') RETURNING id, name, mood, joined", 'odbc', 'odbc@x')[0]
    upserted = [rows(db, upsert), rows(db, upsert)]
    updated = db.execute('UPDATE customers SET city = ? WHERE id = ?', 'Ulm', created[0]).rowcount
    duplicate = sqlstate(lambda: db.execute("INSERT INTO customers (name, email) VALUES ('x', 'odbc@x')"))
    return {'result': [created, upserted, updated, duplicate, rows(db, 'DELETE FROM customers WHERE id = ? RETURNING city', created[0])]}


def refused():
    told = {'sqlstate': 'none'}
    try:
        rows(db, 'SELECT token FROM secrets')
    except pyodbc.Error as error:
        state, text = error.args
        message = re.search(r'ERROR: (.*?)(;?\n|$)', text)
        hint = re.search(r'HINT: (.*)', text)
        told = {'sqlstate': state, 'message': message and message.group(1), 'hint': hint and hint.group(1)}
    return {'result': {**told, 'after': value(db, 'SELECT 1')}}


db = None


def first():
    global db
    db = connect()
    return {'result': [value(db, 'SHOW server_encoding'), value(db, 'SHOW TimeZone'), db.getinfo(pyodbc.SQL_DBMS_NAME), db.getinfo(pyodbc.SQL_DATABASE_NAME)]}


with_version = connect()
say({'client': 'psqlodbc', 'version': with_version.getinfo(pyodbc.SQL_DRIVER_VER)})
with_version.close()
step('connect', first)
step('introspect', introspect)
step('text', lambda: {'result': [asked(), asked(UseServerSidePrepare=0), asked(UseServerSidePrepare=1, Protocol='7.4-1')]})
say({'step': 'binary', 'none': 'reads values as text'})
step('batch', batch)
step('stream', stream)
step('cancel', cancel)
step('transact', transact)
step('types', types)
step('prepared', prepared)
step('write', write)
step('refused', refused)
step('masked', lambda: {'result': {'text': rows(db, 'SELECT id, ssn, salary FROM customers WHERE id = ?', 7)[0], 'binary': None}})
