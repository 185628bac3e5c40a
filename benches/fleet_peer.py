"""What a careful script does to compare a fleet with its files: describes every service and every task definition."""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

services = [f"s{number}" for number in range(int(sys.argv[1]))]
ecs = boto3.client("ecs", config=Config(retries={"mode": "standard", "max_attempts": 10}))


def described(ten):
    return ecs.describe_services(cluster="fleet", services=ten)["services"]


def definition(service):
    return ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]


with ThreadPoolExecutor(10) as threads:
    tens = [services[at : at + 10] for at in range(0, len(services), 10)]
    found = [service for page in threads.map(described, tens) for service in page]
    images = [it["containerDefinitions"][0]["image"] for it in threads.map(definition, found)]
if images != ["app:1"] * len(services):
    raise SystemExit("not all of them are as they should be")
