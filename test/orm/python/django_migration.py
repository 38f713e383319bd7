"""Django's migrations of the app beside this: `django_migration.py URL`."""

import json
import sys
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError

address = urlsplit(sys.argv[1])
database = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": address.hostname,
    "PORT": address.port,
    "USER": unquote(address.username),
    "PASSWORD": unquote(address.password or ""),
    "NAME": address.path[1:],
}
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["django_notes"], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()
try:
    call_command("migrate", verbosity=0)
    told = "done"
except DatabaseError as error:
    inner = error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    told = [inner.sqlstate, str(inner).split("\n")[0]]
print(json.dumps({"migrated": told}))
