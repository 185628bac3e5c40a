"""The code under test: a small release script, which knows of nothing but AWS."""

import boto3


def release(cluster, service, image):
    """Moves a service to another image, waits until it is steady, and answers the new revision."""
    ecs = boto3.client("ecs")
    found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if not found:
        raise LookupError(f"there is no service {service} in {cluster}")
    now = ecs.describe_task_definition(taskDefinition=found[0]["taskDefinition"])["taskDefinition"]
    containers = [{**container, "image": image} for container in now["containerDefinitions"]]
    made = ecs.register_task_definition(family=now["family"], containerDefinitions=containers)
    revision = made["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=cluster, service=service, taskDefinition=revision)
    waiter = ecs.get_waiter("services_stable")
    waiter.wait(cluster=cluster, services=[service], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return revision


def running_images(cluster, service):
    """The images of the tasks of a service that run."""
    ecs = boto3.client("ecs")
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=service)
    tasks = [arn for page in pages for arn in page["taskArns"]]
    described = ecs.describe_tasks(cluster=cluster, tasks=tasks)["tasks"] if tasks else []
    return [container["image"] for task in described for container in task["containers"]]
