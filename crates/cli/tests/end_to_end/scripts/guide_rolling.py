"""The guide's own Python for rolling deployments, taken from its text and run unchanged.

The guide is named by TIDEGATE_GUIDE. Its functions speak to whatever AWS_ENDPOINT_URL names.
"""

import boto3

import guide_text
import stage


def main():
    guide = guide_text.functions(ecs=boto3.client("ecs"))
    app = stage.create("guide")
    waiter = boto3.client("ecs").get_waiter("services_stable")
    waiter.config.delay = 1
    waiter.wait(cluster="guide", services=["guide"])
    # The waiter counts tasks that run, as on AWS: their targets may not be healthy yet.
    stage.wait_until("the service answers", lambda: stage.get(app["url"])[0] == 200)

    # A good release.
    deployed = guide["deploy_rolling_update"]("guide", "guide", "sample:2", "app")
    assert deployed.endswith("task-definition/guide:2"), deployed
    assert guide["wait_for_deployment"]("guide", "guide", 120) is True
    assert stage.primary(app)["taskDefinition"] == deployed
    status, body = stage.get(app["url"])
    assert status == 200 and "sample:2" in body, (status, body)

    # Back by hand.
    guide["rollback_to_previous"]("guide", "guide")
    assert guide["wait_for_deployment"]("guide", "guide", 120) is True
    waiter.wait(cluster="guide", services=["guide"])
    assert stage.primary(app)["taskDefinition"] == app["definition"]
    status, body = stage.get(app["url"])
    assert status == 200 and "sample:1" in body, (status, body)

    # A release that crashes: the breaker rolls back, and the primary deployment is the first one's again.
    bad = guide["deploy_rolling_update"]("guide", "guide", "sample:crash", "app")
    stage.wait_until(
        "the circuit breaker rolls back",
        lambda: stage.primary(app)["taskDefinition"] == app["definition"],
    )
    waiter.wait(cluster="guide", services=["guide"])
    history = app["ecs"].list_service_deployments(cluster="guide", service="guide")["serviceDeployments"]
    assert history[0]["status"] == "ROLLBACK_SUCCESSFUL", history[0]
    assert bad != stage.primary(app)["taskDefinition"]
    assert stage.get(app["url"])[0] == 200
    print("the guide's rolling deployments work unchanged")


main()
