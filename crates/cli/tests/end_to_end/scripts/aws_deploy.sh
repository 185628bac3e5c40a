#!/usr/bin/env bash
# The AWS CLI's own deployment by CodeDeploy: `aws ecs deploy`, `aws deploy wait`, and a failure that both report.
set -euo pipefail
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text
name=cli
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

is() { # what, expected, found
  [ "$2" = "$3" ] || { echo "$1: expected '$2', found '$3'" >&2; exit 1; }
}
group() {
  aws elbv2 create-target-group --name "$1" --protocol HTTP --port 8080 --vpc-id vpc-1 --target-type ip --health-check-path /health \
    --health-check-interval-seconds 5 --health-check-timeout-seconds 2 --healthy-threshold-count 2 --query 'TargetGroups[0].TargetGroupArn'
}
definition() { # image
  cat <<JSON
{"family": "$name", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
 "containerDefinitions": [{"name": "app", "image": "$1", "portMappings": [{"containerPort": 8080}]}]}
JSON
}

balancer=$(aws elbv2 create-load-balancer --name $name --subnets subnet-1 subnet-2 --query 'LoadBalancers[0].LoadBalancerArn')
address=$(aws elbv2 describe-load-balancers --names $name --query 'LoadBalancers[0].DNSName')
blue=$(group $name-blue) green=$(group $name-green)
for each in "$blue" "$green"; do
  aws elbv2 modify-target-group-attributes --target-group-arn "$each" --attributes Key=deregistration_delay.timeout_seconds,Value=5 >/dev/null
done
listener=$(aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port 8081 --default-actions Type=forward,TargetGroupArn="$blue" --query 'Listeners[0].ListenerArn')
aws ecs create-cluster --cluster-name $name >/dev/null
definition sample:1 >"$work/first.json"
aws ecs register-task-definition --cli-input-json "file://$work/first.json" >/dev/null
aws ecs create-service --cluster $name --service-name $name --task-definition $name --desired-count 2 --launch-type FARGATE \
  --deployment-controller type=CODE_DEPLOY --network-configuration 'awsvpcConfiguration={subnets=[subnet-1]}' \
  --load-balancers targetGroupArn="$blue",containerName=app,containerPort=8080 >/dev/null
# A service of CodeDeploy has task sets and no deployments, so that the waiter for stable services does not know it.
aws elbv2 wait target-in-service --target-group-arn "$blue"
aws deploy create-application --application-name $name --compute-platform ECS >/dev/null
aws deploy create-deployment-group --application-name $name --deployment-group-name $name --service-role-arn arn:aws:iam::000000000000:role/deploy \
  --deployment-config-name CodeDeployDefault.ECSAllAtOnce --ecs-services serviceName=$name,clusterName=$name \
  --deployment-style deploymentType=BLUE_GREEN,deploymentOption=WITH_TRAFFIC_CONTROL \
  --blue-green-deployment-configuration 'terminateBlueInstancesOnDeploymentSuccess={action=TERMINATE,terminationWaitTimeInMinutes=0},deploymentReadyOption={actionOnTimeout=CONTINUE_DEPLOYMENT}' \
  --load-balancer-info "targetGroupPairInfoList=[{targetGroups=[{name=$name-blue},{name=$name-green}],prodTrafficRoute={listenerArns=[$listener]}}]" >/dev/null

definition sample:2 >"$work/second.json"
cat >"$work/appspec.yml" <<YAML
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "arn:aws:ecs:eu-west-1:000000000000:task-definition/filled-in:1"
        LoadBalancerInfo: {ContainerName: app, ContainerPort: 8080}
YAML
deploy() { # file
  aws ecs deploy --cluster $name --service $name --task-definition "$1" --codedeploy-appspec "$work/appspec.yml" \
    --codedeploy-application $name --codedeploy-deployment-group $name
}
[[ $(deploy "$work/second.json") == *"Successfully deployed"* ]] || { echo "aws ecs deploy did not say that it deployed" >&2; exit 1; }
[[ $(curl -s "http://$address:8081/") == *sample:2* ]] || { echo "the new release does not answer" >&2; exit 1; }
last=$(aws deploy list-deployments --application-name $name --deployment-group-name $name --query 'deployments[0]')
aws deploy wait deployment-successful --deployment-id "$last"
is "its one target" "$name:$name" "$(aws deploy list-deployment-targets --deployment-id "$last" --query 'targetIds[]')"

# Somebody stops one, while its traffic moves minute by minute: the waiter fails, as it does on AWS.
appspec=$(sed 's#"arn:[^"]*"#"'"$(aws ecs describe-task-definition --task-definition $name:1 --query taskDefinition.taskDefinitionArn)"'"#' "$work/appspec.yml")
stopped=$(aws deploy create-deployment --application-name $name --deployment-group-name $name --query deploymentId \
  --deployment-config-name CodeDeployDefault.ECSLinear10PercentEvery1Minutes --revision \
  "$(APPSPEC=$appspec python3 -c 'import json, os; print(json.dumps({"revisionType": "AppSpecContent", "appSpecContent": {"content": os.environ["APPSPEC"]}}))')")
aws deploy stop-deployment --deployment-id "$stopped" --auto-rollback-enabled >/dev/null
if output=$(aws deploy wait deployment-successful --deployment-id "$stopped" 2>&1); then
  echo "a stopped deployment was a success" >&2; exit 1
fi
[[ $output == *"terminal failure state"* ]] || { echo "$output" >&2; exit 1; }
is "its status" Stopped "$(aws deploy get-deployment --deployment-id "$stopped" --query deploymentInfo.status)"
