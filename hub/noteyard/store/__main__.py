"""`python -m noteyard.store`: bring the database to this version's schema, and wait for it to be there."""

from noteyard.errors import NoteyardError
from noteyard.instance import Instance
from noteyard.settings_file import load
from noteyard.store.answering import until_it_answers
from noteyard.store.database import Database
from noteyard.store.database_errors import telling_of_database
from noteyard.store.migrate import migrate


def main() -> None:
    """Returns when the schema is this version's; ends in words where waiting would be in vain."""
    try:
        settings = load()
        instance = Instance.of(settings)
        database = Database(settings.database_url or instance.database_url)
        with telling_of_database(database.url):
            until_it_answers(lambda: migrate(database, instance.run))
    except NoteyardError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
