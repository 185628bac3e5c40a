"""Tests as for any code that uses boto3."""

import boto3
import pytest

from releases import release, running_images


def test_a_release_replaces_what_runs(shop):
    revision = release("shop", "web", "shop:2")
    assert revision.endswith("task-definition/web:2")
    assert running_images("shop", "web") == ["shop:2"]


def test_each_test_starts_from_the_prepared_shop(shop):
    [service] = boto3.client("ecs").describe_services(cluster="shop", services=["web"])["services"]
    assert service["taskDefinition"].endswith("task-definition/web:1")


def test_a_service_that_is_not_there_cannot_be_released(shop):
    with pytest.raises(LookupError, match="no service api in shop"):
        release("shop", "api", "shop:2")


def test_a_cluster_that_is_not_there_is_answered_as_aws_does(cloud):
    ecs = boto3.client("ecs")
    with pytest.raises(ecs.exceptions.ClusterNotFoundException):
        release("shop", "web", "shop:2")


def test_what_one_test_makes(cloud):
    boto3.client("ecs").create_cluster(clusterName="leftover")


def test_no_other_test_finds(cloud):
    assert boto3.client("ecs").list_clusters()["clusterArns"] == []
