"""`python -m noteyard.store`: bring the database to this version's schema, and wait for it to be there."""

import sys
import time

from sqlalchemy.exc import OperationalError

from noteyard.instance import Instance
from noteyard.settings import load
from noteyard.store.database import Database
from noteyard.store.migrate import migrate

PAUSE = 2.0


def main() -> None:
    """Returns when the schema is this version's."""
    settings = load()
    instance = Instance.of(settings)
    database = Database(settings.database_url or instance.database_url)
    while True:
        try:
            migrate(database, instance.run)
            return
        except OperationalError as error:
            sys.stderr.write(f"The database does not answer: {error.orig}. Trying again.\n")
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
