"""`python -m noteyard.store`: bring the database to this version's schema, and wait for it to be there."""

from noteyard.instance import Instance
from noteyard.settings_file import load
from noteyard.store.answering import until_it_answers
from noteyard.store.database import Database
from noteyard.store.migrate import migrate


def main() -> None:
    """Returns when the schema is this version's."""
    settings = load()
    instance = Instance.of(settings)
    database = Database(settings.database_url or instance.database_url)
    until_it_answers(lambda: migrate(database, instance.run))


if __name__ == "__main__":
    main()
