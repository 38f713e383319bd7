"""What the programs beside this one share: each step's result is one line of JSON."""

import datetime
import decimal
import enum
import importlib.metadata
import ipaddress
import json
import math
import uuid

CATALOG_QUERIES = [
    "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema IN ('public', 'sales') ORDER BY 1, 2",
    """SELECT column_name, data_type, udt_name, is_nullable, column_default FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = 'customers' ORDER BY ordinal_position""",
    """SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = 'public.orders'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""",
    "SELECT conname, pg_get_constraintdef(oid, true) FROM pg_constraint WHERE conrelid = 'orders'::regclass ORDER BY 1",
]


def plain(value):
    """The value as JSON can show it, with its type where JSON has no such type."""
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)) and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else f"float:{value}"
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes:" + bytes(value).hex()
    if isinstance(value, (decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, uuid.UUID, enum.Enum)):
        return f"{type(value).__name__}:{value}"
    if isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network, ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return f"{type(value).__name__}:{value}"
    if hasattr(value, "_mapping"):
        return [plain(item) for item in value]
    if isinstance(value, (list, tuple, set)) or hasattr(value, "__iter__"):
        return [plain(item) for item in value]
    return f"{type(value).__name__}:{value}"


def session(client, package, steps):
    """Runs the steps in their order: functions, or a sentence why there is no such step."""
    print(json.dumps({"client": client, "version": importlib.metadata.version(package)}))
    for step, run in steps.items():
        if isinstance(run, str):
            print(json.dumps({"step": step, "none": run}), flush=True)
            continue
        try:
            line = {"step": step, "result": plain(run())}
        except Exception as error:  # noqa: BLE001
            line = {"step": step, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(line), flush=True)


def innermost(error):
    while True:
        inner = getattr(error, "orig", None) or error.__cause__
        if inner is None:
            return error
        error = inner


def told(act):
    """What the client is told: SQLSTATE, message and hint."""
    try:
        act()
    except Exception as error:  # noqa: BLE001
        inner = innermost(error)
        diagnostics = getattr(inner, "diag", None)
        return {
            "sqlstate": getattr(inner, "sqlstate", None) or getattr(inner, "pgcode", None) or repr(inner),
            "message": getattr(diagnostics, "message_primary", None) or getattr(inner, "message", None) or str(inner),
            "hint": getattr(diagnostics, "message_hint", None) or getattr(inner, "hint", None),
        }
    return {"sqlstate": "none"}


def sqlstate_of(act):
    return told(act)["sqlstate"]
