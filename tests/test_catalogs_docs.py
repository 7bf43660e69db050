"""What editors and readers are told about catalogs is what the reader of catalogs does."""

import json
import re
import tomllib
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from newer import EMAILS

from mockserver import catalogs
from mockserver.catalogs.command import catalog_schema
from mockserver.catalogs.fields import WEBHOOK_TYPES
from mockserver.catalogs.schema import schema

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(catalog_schema, arguments)
    assert result.exit_code == 0
    return result.output


def test_the_committed_schema_is_what_the_command_prints() -> None:
    committed = (ROOT / "fixtures" / "catalog.schema.json").read_text(encoding="utf-8")
    assert committed == printed(), "run `mockserver catalog-schema > fixtures/catalog.schema.json`"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


def test_the_page_ends_with_the_tables_that_the_command_prints() -> None:
    tables = printed("--markdown")
    assert PAGE.endswith(tables), "end docs/catalog.md with what `mockserver catalog-schema --markdown` prints"


@pytest.mark.parametrize("name", catalogs.BUNDLED)
def test_the_catalogs_that_come_with_the_server_name_and_keep_the_schema(name: str) -> None:
    text = catalogs.fixture(name).read_text(encoding="utf-8")
    assert text.startswith("#:schema ./catalog.schema.json\n")
    jsonschema.Draft7Validator(schema()).validate(tomllib.loads(text))


@pytest.mark.parametrize("name", catalogs.BUNDLED)
def test_a_catalog_written_as_json_keeps_the_schema(name: str) -> None:
    written = catalogs.dump(catalogs.load(catalogs.fixture(name), today=date(2026, 1, 15)))
    jsonschema.Draft7Validator(schema()).validate(written)


def test_the_catalogs_of_the_page_are_right() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        catalogs.parse(block, today=date(2026, 1, 15))


def test_the_mistakes_of_the_page_are_reported_as_it_says() -> None:
    block = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
    wrong = block.replace('metricKey = "lessons', 'metricKey = "lesson', 1).replace("points = 10", "point = 10")
    with pytest.raises(catalogs.CatalogError) as refused:
        catalogs.parse(wrong, today=date(2026, 1, 15), name="my-app.toml")
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
    assert str(refused.value).splitlines() == shown


def test_webhook_types_are_those_of_the_spec() -> None:
    spec = json.loads((ROOT / "openapi.json").read_bytes())
    assert set(WEBHOOK_TYPES) == set(spec["webhooks"]) | set(EMAILS)
