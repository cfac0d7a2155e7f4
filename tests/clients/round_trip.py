"""What openapi-python-client makes of the document: rules are listed, one is written, fires are read, the rule is retired."""

import os

from blobwatch_client import AuthenticatedClient
from blobwatch_client.api.records import list_fires
from blobwatch_client.api.rulebook import delete_rule, list_rules, put_rule
from blobwatch_client.models import (
    Action,
    ListFiresExcluded,
    ListFiresVerdictItem,
    Problem,
    RecordList,
    RuleBody,
    RuleItemList,
)

RULE = "python-client"

client = AuthenticatedClient(base_url=os.environ["EDGE"], token=os.environ["OPERATOR"])


def ids() -> set[str]:
    rules = list_rules.sync(client=client, limit=1000)
    assert isinstance(rules, RuleItemList), rules
    return {rule.id for rule in rules.items}


assert RULE not in ids()

body = RuleBody(description="of a client", expression='client.family eq "curl"', action=Action.TAG)
put = put_rule.sync_detailed(RULE, client=client, body=body, reason="round trip")
assert put.status_code == 201, put
assert put.parsed.changed
assert RULE in ids()

excluded = ListFiresExcluded(os=["amzn2"])
verdicts = [ListFiresVerdictItem.NONE, ListFiresVerdictItem.TAG]
fires = list_fires.sync(client=client, verdict=verdicts, excluded=excluded, since="-1h", limit=10)
assert isinstance(fires, RecordList), fires
assert all(record.fired for record in fires.items)

body.expression = "no"
wrong = put_rule.sync(RULE, client=client, body=body)
assert isinstance(wrong, Problem), wrong
assert wrong.errors[0].place == "body.expression"

retired = delete_rule.sync(RULE, client=client, reason="round trip")
assert retired.retired == RULE, retired
assert RULE not in ids()
