"""What the scripts beside this one share: each prints one line of JSON, the steps of its session by name."""

import datetime
import decimal
import json


def plain(value):
    """The value as JSON can show it, with its Python type where JSON has no such type."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (bytes, memoryview)):
        return "bytes:" + bytes(value).hex()
    if isinstance(value, (decimal.Decimal, datetime.date, datetime.datetime)):
        return f"{type(value).__name__}:{value}"
    return value


def tell(steps):
    print(json.dumps(plain(steps)))
