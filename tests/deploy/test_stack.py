"""deploy/stack.yml: sound by cfn-lint, and stood up as far as moto knows CloudFormation.

moto makes what it knows and says that it is there. It runs no task, fails no rollout, cannot delete a
network, and knows nothing of what UNKNOWN names: secrets, scaling and the bucket's policy are held against
their schemas alone.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from ast import literal_eval
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from moto import mock_aws

from app.aws import sqs_client
from app.settings import Settings
from fixtures.environment import REQUIRED
from fixtures.looks import aws as looks
from perf.deploy.loopback import REGION, applied
from perf.deploy.processes import ROOT
from perf.pipeline import Weight
from tests.deploy.iam import policy
from worker.settings import WorkerSettings

TEMPLATE = ROOT / "deploy" / "stack.yml"
SHELL = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
UNKNOWN = {
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
}
GIVEN = {"ApiImage": "registry/video-app:1", "WorkerImage": "registry/video-worker:1"}
PHYSICAL = {
    "QUEUE": "Queue", "DEAD_QUEUE": "DeadQueue", "BUCKET": "Bucket", "CLUSTER": "Cluster",
    "EXECUTION_ROLE": "ExecutionRole", "WORKER_ROLE": "WorkerRole",
}  # fmt: skip


class Stack:
    """The stack as moto has made it."""

    def __init__(self) -> None:
        self.cloudformation = boto3.client("cloudformation")
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN.items()]
        self.cloudformation.create_stack(
            StackName="video",
            TemplateBody=TEMPLATE.read_text(),
            Parameters=given,
            Capabilities=["CAPABILITY_IAM"],
        )
        [self.found] = self.cloudformation.describe_stacks(StackName="video")["Stacks"]
        resources = self.cloudformation.describe_stack_resources(StackName="video")["StackResources"]
        made = [each for each in resources if "PhysicalResourceId" in each]
        self.ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in self.found["Outputs"]}

    def name(self, logical_id: str) -> str:
        """What a resource is called; of an ARN or a URL the last word."""
        return re.split(r"[/:]", self.ids[logical_id])[-1]

    def container(self, logical_id: str) -> Mapping[str, Any]:
        """The one container of a task definition."""
        ecs = boto3.client("ecs")
        found = ecs.describe_task_definition(taskDefinition=self.ids[logical_id])["taskDefinition"]
        [container] = found["containerDefinitions"]
        return container


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Endpoints that the shell names are real servers, which know nothing of this stack.
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with applied(env | SHELL), mock_aws():
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            stack = Stack()
        unknown = {found[0] for each in said if (found := re.findall(r"AWS::\w+::\w+", str(each.message)))}
        assert unknown <= UNKNOWN
        yield stack


def test_cfn_lint_has_nothing_to_say() -> None:
    asked = ManualArgs(include_checks=["I"], regions=["us-east-1", "eu-central-1"])
    assert [str(each) for each in lint_file(TEMPLATE, config=asked)] == []


def test_all_of_it_is_made(stack: Stack) -> None:
    assert stack.found["StackStatus"] == "CREATE_COMPLETE"
    services = boto3.client("ecs").list_services(cluster=stack.ids["Cluster"])["serviceArns"]
    assert len(services) == 3
    [database] = boto3.client("rds").describe_db_instances()["DBInstances"]
    assert not database["PubliclyAccessible"]
    assert database["StorageEncrypted"]


def test_its_queue_is_what_the_doctor_wants(stack: Stack) -> None:
    found = list(looks.queue(sqs_client(REGION), stack.outputs["Queue"], WorkerSettings()))
    assert {each.part for each in found} >= {"queue", "redrive"}
    assert {each.weight for each in found} == {Weight.OK}


def test_its_outputs_name_the_deployment(stack: Stack) -> None:
    told = dict(re.findall(r"(?:export | )([A-Z][A-Z0-9_]*)=(\S+)", stack.outputs["Environment"]))
    assert told.keys() >= REQUIRED.keys() | {"PERF_WORKERS", "API_TOKEN", "S3_UPLOAD_PREFIX"}
    assert told["AWS_S3_BUCKET"] == stack.ids["Bucket"]
    assert told["PERF_WORKERS"] == f"ecs:{stack.name('Cluster')}/{stack.name('WorkerService')}"


@pytest.mark.parametrize("task", ["ApiTask", "WorkerTask", "SweepTask"])
def test_its_containers_have_the_variables_that_are_read(task: str, stack: Stack) -> None:
    container = stack.container(task)
    given = {each["name"] for each in container["environment"]}
    secret = {each["name"] for each in container["secrets"]}
    known = {name.upper() for name in [*Settings.model_fields, *WorkerSettings.model_fields]}
    assert given | secret <= known
    assert given >= {"AWS_REGION", "SQS_QUEUE_NAME"}
    assert "DATABASE_URL" in secret
    assert not given & {"DATABASE_URL", "API_TOKEN"}


@pytest.mark.parametrize("who", ["api", "worker", "suite"])
def test_its_roles_are_the_policies_beside_it(who: str, stack: Stack) -> None:
    iam = boto3.client("iam")
    role = stack.ids[f"{who.capitalize()}Role"]
    # Documents of a stack are kept by moto as Python writes them.
    found = literal_eval(str(iam.get_role_policy(RoleName=role, PolicyName=who)["PolicyDocument"]))
    names = {word: stack.name(logical_id) for word, logical_id in PHYSICAL.items()}
    names |= {"REGION": REGION, "ACCOUNT": "123456789012", "FAMILY": "video-worker"}
    assert sorted_out(found) == sorted_out(policy(who, names))


def sorted_out(document: Any) -> Any:
    """A document in which the order of lists does not matter, nor one for a list of it."""
    if isinstance(document, dict):
        return {name: sorted_out(value) for name, value in document.items()}
    if isinstance(document, list):
        found = sorted(
            (sorted_out(each) for each in document), key=lambda each: json.dumps(each, sort_keys=True)
        )
        return found[0] if len(found) == 1 else found
    return document
